//! From text to graph: launch lines and manifests become a [`Description`], and
//! with a [`graph::Registry`] a checked [`graph::Graph`].

// GStreamer's launch syntax.
pub mod launch;
// TOML manifests.
pub mod manifest;
// The host's own elements.
pub mod builtin;
// Elements, pads and links, checked.
pub mod graph;
mod assemble;
mod property;

use crate::source::{Source, Span};

/// A pipeline as its text gives it: nothing has been looked up yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// The pipeline's name.
    pub name: String,
    /// The text, for errors found later.
    pub source: Source,
    /// In the order of the text; a caps filter is an element too.
    pub elements: Vec<ElementText>,
    /// In the order of the text.
    pub links: Vec<LinkText>,
}

/// An element as its text gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct ElementText {
    /// Factory name, or the path of a component.
    pub factory: String,
    /// Given by the user, or made from the factory's as GStreamer does.
    pub name: String,
    /// Set by the user, in order; the last of the same name wins.
    pub properties: Vec<PropertyText>,
    /// What it may do and what happens when it fails.
    pub policy: Policy,
    /// Where the element stands.
    pub span: Option<Span>,
}

/// A property as its text gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct PropertyText {
    /// Name.
    pub name: String,
    /// Value.
    pub value: TextValue,
    /// Where the name stands.
    pub span: Option<Span>,
    /// Where the value stands.
    pub value_span: Option<Span>,
}

/// A value before its type is known: launch lines have only text.
#[derive(Debug, Clone, PartialEq)]
pub enum TextValue {
    /// Text, which may spell any type.
    Text(String),
    /// `true` or `false` in a manifest.
    Boolean(bool),
    /// A whole number in a manifest.
    Integer(i64),
    /// A number with a fraction in a manifest.
    Float(f64),
}

/// A link as its text gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkText {
    /// Where buffers come from.
    pub src: EndText,
    /// Where they go.
    pub sink: EndText,
    /// Where the `!` stands.
    pub span: Option<Span>,
}

/// One end of a link.
#[derive(Debug, Clone, PartialEq)]
pub struct EndText {
    /// Index into the elements.
    pub element: usize,
    /// The pad, if the text names one.
    pub pad: Option<String>,
    /// Where the end stands.
    pub span: Option<Span>,
}

/// What an element may do and what happens when it fails.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// Capabilities that the manifest grants.
    pub grants: Vec<Grant>,
    /// Most memory, in bytes; none: the runtime's default.
    pub memory_bytes: Option<u64>,
    /// Longest call, in nanoseconds; none: the runtime's default.
    pub call_nanos: Option<u64>,
    /// What happens when it fails.
    pub on_failure: OnFailure,
}

/// What happens when an element fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnFailure {
    /// The pipeline stops.
    #[default]
    Stop,
    /// The element is made anew.
    Restart {
        /// Most restarts in the window; one more stops the pipeline.
        max: u32,
        /// Length of the window, in nanoseconds.
        within_nanos: u64,
        /// Wait before the first restart, in nanoseconds; doubled each time.
        backoff_nanos: u64,
    },
}

/// A capability that the manifest gives to an element.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grant {
    /// Video capture.
    Camera,
    /// A window.
    Display,
    /// Running models.
    Inference,
    /// Files below a directory.
    Files {
        /// The directory.
        dir: String,
        /// Whether it may write there.
        write: bool,
    },
}

/// As a manifest writes it: `camera`, `files:clips:rw`.
impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Camera => f.write_str("camera"),
            Self::Display => f.write_str("display"),
            Self::Inference => f.write_str("inference"),
            Self::Files { dir, write: false } => write!(f, "files:{dir}"),
            Self::Files { dir, write: true } => write!(f, "files:{dir}:rw"),
        }
    }
}
