//! Caps: what a pad can carry, and the algebra on it, as GStreamer defines them.
//!
//! A [`Caps`] is a list of [`Structure`]s in the order of preference, or `ANY`. A
//! structure is a media type with [`Features`] and fields; a field's [`Value`] is
//! fixed (`640`) or a set (`[ 1, 4096 ]`, `{ I420, NV12 }`). A field that is not
//! there may have any value.
//!
//! `parse` and `print` turn text into caps and back, `ops` compares and
//! intersects, `fixate` chooses.

mod fixate;
mod ops;
mod parse;
mod scalar;
mod print;
mod problem;
mod structure;
mod value;
mod value_ops;

#[cfg(test)]
mod tests;

pub use problem::{ParseError, Problem};
#[cfg(feature = "pipeline")]
pub(crate) use scalar::{boolean, fraction};
pub use structure::{Builder, Features, Structure};
pub use value::{Fraction, Value};

/// Longest text of caps in bytes, as the contract says for any text.
pub const MAX_TEXT_BYTES: usize = 65_536;
/// Most structures in one caps; the widest template of GStreamer has about 20.
pub const MAX_STRUCTURES: usize = 64;
/// Most fields in one structure.
pub const MAX_FIELDS: usize = 64;
/// Most items in one list or array; all raw video formats together are about 130.
pub const MAX_LIST: usize = 1_024;
/// Most values in one caps, items of lists included. Bounds the work of an
/// intersection, which compares them in pairs.
pub const MAX_VALUES: usize = 4_096;
/// How deep lists and arrays may be nested.
pub const MAX_NESTING: usize = 8;

/// What a pad can carry: any of some structures, everything (`ANY`), or nothing
/// (`EMPTY`).
///
/// `==` compares the representation, order included; [`Caps::is_equal`] compares
/// the sets.
#[derive(Debug, Clone, PartialEq)]
pub struct Caps {
    any: bool,
    structures: Vec<Structure>,
}

impl Caps {
    /// Caps that everything fits.
    pub const fn any() -> Self {
        Self {
            any: true,
            structures: Vec::new(),
        }
    }

    /// Caps that nothing fits.
    pub const fn empty() -> Self {
        Self {
            any: false,
            structures: Vec::new(),
        }
    }

    /// Caps of these structures, the preferred one first.
    pub const fn new(structures: Vec<Structure>) -> Self {
        Self {
            any: false,
            structures,
        }
    }

    /// Starts caps of one structure: `Caps::builder("video/x-raw").field("width", 640)`.
    pub fn builder(name: &str) -> Builder {
        Builder::new(name)
    }

    /// Whether everything fits.
    pub const fn is_any(&self) -> bool {
        self.any
    }

    /// Whether nothing fits.
    pub const fn is_empty(&self) -> bool {
        !self.any && self.structures.is_empty()
    }

    /// Whether they describe exactly one format.
    pub fn is_fixed(&self) -> bool {
        match self.structures() {
            [one] => one.is_fixed(),
            _ => false,
        }
    }

    /// The structures, the preferred one first; none for `ANY` and `EMPTY`.
    pub fn structures(&self) -> &[Structure] {
        &self.structures
    }

    /// The preferred structure.
    pub fn first(&self) -> Option<&Structure> {
        self.structures.first()
    }

    /// Adds a structure with the lowest preference. `ANY` stays `ANY`.
    pub fn append(&mut self, structure: Structure) {
        if !self.any {
            self.structures.push(structure);
        }
    }

    /// Whether they keep to the limits on structures, fields and values, which
    /// parsed caps always do.
    pub fn is_within_limits(&self) -> bool {
        let values: usize = self.structures.iter().map(Structure::count_values).sum();
        self.structures.len() <= MAX_STRUCTURES
            && values <= MAX_VALUES
            && self
                .structures
                .iter()
                .all(|structure| structure.fields.len() <= MAX_FIELDS)
    }
}
