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

pub use self::property::from_text as value_from_text;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnFailure {
    /// It is given up at once.
    GiveUp(Resort),
    /// The element is made anew.
    Restart(Restarts),
    /// The buffer is lost and the element goes on as it is, if it only said that it
    /// could not do its work; else it is made anew.
    Drop(Restarts),
}

impl Default for OnFailure {
    fn default() -> Self {
        Self::GiveUp(Resort::Stop)
    }
}

/// How often an element is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restarts {
    /// Most restarts in the window; with one more the element is given up.
    pub max: u32,
    /// Length of the window, in nanoseconds.
    pub within_nanos: u64,
    /// Wait before the second restart of a window, in nanoseconds; doubled each time.
    pub backoff_nanos: u64,
    /// What happens when it is given up.
    pub then: Resort,
}

/// What happens when an element is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resort {
    /// The pipeline stops in good order.
    #[default]
    Stop,
    /// What lies downstream gets the end of its stream; the rest goes on.
    StopBranch,
    /// Buffers pass by it, from its sink pad to its src pad.
    PassThrough,
}

impl OnFailure {
    /// What is left when nothing else helps.
    pub fn resort(self) -> Resort {
        match self {
            Self::GiveUp(resort) => resort,
            Self::Restart(restarts) | Self::Drop(restarts) => restarts.then,
        }
    }
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
