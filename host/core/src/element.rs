//! What is known of an element without running it: pads, properties, capabilities.
//!
//! Mirrors the records of `wit/media/element.wit`; the runtime fills it from a
//! component's `describe`, and the host's own elements (`queue`, `tee` …) have
//! theirs in [`crate::pipeline`].

use crate::caps::{Caps, Fraction};

/// The value of a property.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number; nanoseconds and byte counts too.
    Integer(i64),
    /// A finite number.
    Float(f64),
    /// Text, a choice's word, caps, a file or a model's name.
    Text(String),
    /// A ratio such as a frame rate.
    Ratio(Fraction),
}

/// As launch lines write it, without quotes.
impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
            Self::Ratio(value) => write!(f, "{value}"),
        }
    }
}

/// Which way a pad faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Buffers enter here.
    Sink,
    /// Buffers leave here.
    Src,
}

/// Whether pads of a template are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Each instance has it.
    Always,
    /// Made when a pipeline asks for it; the template's name holds `%u`.
    Request,
}

/// A kind of pad that an element has.
#[derive(Debug, Clone, PartialEq)]
pub struct PadTemplate {
    /// `sink`, `src`, or a pattern such as `sink_%u`.
    pub name: String,
    /// Which way it faces.
    pub direction: Direction,
    /// Whether it is always there.
    pub presence: Presence,
    /// Everything that such a pad could carry.
    pub caps: Caps,
    /// A src pad whose caps only the data can tell; negotiation before the start
    /// leaves them open.
    pub caps_from_data: bool,
}

/// The type of a property, with what its values may be.
#[derive(Debug, Clone, PartialEq)]
pub enum PropertyKind {
    /// `true` or `false`.
    Boolean,
    /// A whole number from `min` to `max`, both included.
    Integer {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A finite number from `min` to `max`, both included.
    Float {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// Any text.
    Text,
    /// One of these words.
    Choice(Vec<String>),
    /// A ratio such as a frame rate.
    Ratio,
    /// Caps in GStreamer's syntax.
    Caps,
    /// A file that the element reads.
    FileToRead,
    /// A file, or a pattern of files, that the element writes.
    FileToWrite,
    /// A model, by name or (from the operator) by path.
    Model,
}

impl PropertyKind {
    /// Whether a property of this kind can have this value.
    pub fn accepts(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Boolean, Value::Boolean(_))
            | (Self::Ratio, Value::Ratio(_))
            | (Self::Text | Self::FileToRead | Self::FileToWrite | Self::Model, Value::Text(_)) => {
                true
            }
            (Self::Integer { min, max }, Value::Integer(number)) => (min..=max).contains(&number),
            (Self::Float { min, max }, Value::Float(number)) => (min..=max).contains(&number),
            (Self::Choice(words), Value::Text(word)) => words.contains(word),
            (Self::Caps, Value::Text(text)) => text.parse::<Caps>().is_ok(),
            _ => false,
        }
    }
}

/// When a property may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// Only before the element is created.
    Construct,
    /// At any time, between two buffers.
    Playing,
}

/// Something that the user can set.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// kebab-case.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// Type and range.
    pub kind: PropertyKind,
    /// Value when the user sets none; without it the property stays unset.
    pub default: Option<Value>,
    /// The user must set it.
    pub required: bool,
    /// `ns`, `px`, `bytes` …
    pub unit: Option<String>,
    /// When it may be set.
    pub mutability: Mutability,
}

/// Something outside its own memory that an element may want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// Video capture.
    Camera,
    /// A window.
    Display,
    /// Running models.
    Inference,
    /// Reading files below granted directories.
    FilesRead,
    /// Reading and writing files below granted directories.
    FilesWrite,
}

impl Capability {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::Camera,
        Self::Display,
        Self::Inference,
        Self::FilesRead,
        Self::FilesWrite,
    ];

    /// The capability of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    /// The word for it in descriptors and messages; grants of files add a directory.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Camera => "camera",
            Self::Display => "display",
            Self::Inference => "inference",
            Self::FilesRead => "files",
            Self::FilesWrite => "files:rw",
        }
    }
}

/// All that can be known of an element without running it.
#[derive(Debug, Clone, PartialEq)]
pub struct Descriptor {
    /// As launch lines write it.
    pub name: String,
    /// As GStreamer's klass: `Filter/Converter/Video`.
    pub class: String,
    /// One sentence.
    pub description: String,
    /// Who wrote it.
    pub author: String,
    /// Its kinds of pads.
    pub pads: Vec<PadTemplate>,
    /// What the user can set.
    pub properties: Vec<Property>,
    /// What it wants from outside.
    pub capabilities: Vec<Capability>,
    /// A source whose data comes in real time.
    pub live: bool,
    /// A sink that waits for each buffer's time unless told otherwise.
    pub sync: bool,
    /// What leaves for a buffer depends on that buffer, the caps and the properties alone.
    pub stateless: bool,
}

/// The part an element plays in a pipeline, which its pads tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Only src pads.
    Source,
    /// Only sink pads.
    Sink,
    /// Both.
    Filter,
}

impl Descriptor {
    /// The part that the element plays.
    pub fn role(&self) -> Role {
        let has = |direction| self.pads.iter().any(|pad| pad.direction == direction);
        match (has(Direction::Sink), has(Direction::Src)) {
            (false, _) => Role::Source,
            (true, false) => Role::Sink,
            (true, true) => Role::Filter,
        }
    }

    /// Whether several instances could take turns with the buffers of a stream.
    pub fn can_be_parallel(&self) -> bool {
        let is_always = |pad: &PadTemplate| pad.presence == Presence::Always;
        let is_one_of_each = self.pads.len() == 2 && self.role() == Role::Filter;
        self.stateless && is_one_of_each && self.pads.iter().all(is_always)
    }

    /// The property of that name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties
            .iter()
            .find(|property| property.name == name)
    }
}
