//! Why a text is no caps.

use std::fmt;

use super::{MAX_FIELDS, MAX_LIST, MAX_NESTING, MAX_STRUCTURES, MAX_TEXT_BYTES, MAX_VALUES};

/// Why a text is no caps, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    /// Byte at which the mistake begins.
    pub at: usize,
    /// How many bytes are meant; 0 at the end of the text.
    pub len: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a text that should be caps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Nothing but spaces.
    Blank,
    /// Something else was expected.
    Expected {
        /// What should stand there.
        what: &'static str,
        /// What stands there; empty at the end.
        got: String,
    },
    /// `(colour)red`
    UnknownType(String),
    /// `(int)red`
    NotOfType {
        /// The value.
        value: String,
        /// The type.
        kind: &'static str,
    },
    /// The ends of a range have no common type.
    NoRange {
        /// First end.
        min: String,
        /// Second end.
        max: String,
    },
    /// A range ends before it begins.
    Reversed,
    /// A step that is below 1, or does not divide both ends.
    BadStep,
    /// `{ }`
    EmptyList,
    /// One structure has a field twice.
    Twice(String),
    /// A feature without `memory:` or `meta:`.
    Feature(String),
    /// A quotation mark that is never closed.
    OpenString,
    /// A text, list … over its limit.
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        max: usize,
    },
}

impl Problem {
    pub(super) const TEXT: Self = Self::Limit {
        what: "bytes",
        max: MAX_TEXT_BYTES,
    };
    pub(super) const STRUCTURES: Self = Self::Limit {
        what: "structures",
        max: MAX_STRUCTURES,
    };
    pub(super) const FIELDS: Self = Self::Limit {
        what: "fields in a structure",
        max: MAX_FIELDS,
    };
    pub(super) const ITEMS: Self = Self::Limit {
        what: "items in a list",
        max: MAX_LIST,
    };
    pub(super) const VALUES: Self = Self::Limit {
        what: "values",
        max: MAX_VALUES,
    };
    pub(super) const NESTING: Self = Self::Limit {
        what: "nested lists",
        max: MAX_NESTING,
    };
}

impl ParseError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match &self.problem {
            Problem::Blank => "write a media type, `ANY` or `EMPTY`".to_owned(),
            Problem::Expected { what, .. } if what.contains("media type") => {
                "caps look like `video/x-raw, format=I420, width=640`".to_owned()
            }
            Problem::Expected {
                what: "`,` or `;`", ..
            } => "fields are divided by `,`, structures by `;`".to_owned(),
            Problem::UnknownType(_) => {
                "types are int, int64, boolean, string, fraction, double, bitmask and flagset"
                    .to_owned()
            }
            Problem::NotOfType {
                kind: "fraction",
                value,
            } if !value.contains('/') => "write a ratio such as `30/1`".to_owned(),
            Problem::Reversed => "write the smaller end first".to_owned(),
            Problem::BadStep => {
                "both ends must be multiples of the step: `[ 2, 4096, 2 ]`".to_owned()
            }
            Problem::EmptyList => "leave the field out if it may have any value".to_owned(),
            Problem::Twice(field) => format!("several values are a list: `{field}={{ a, b }}`"),
            Problem::Feature(name) => {
                format!("features look like `memory:{name}` or `meta:{name}`")
            }
            Problem::OpenString => "put a \" behind the text".to_owned(),
            _ => return None,
        })
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Blank => f.write_str("the text is empty"),
            Problem::Expected { what, got } if got.is_empty() => {
                write!(f, "expected {what}, but the text ends")
            }
            Problem::Expected { what, got } => write!(f, "expected {what}, got `{got}`"),
            Problem::UnknownType(name) => write!(f, "unknown type `{name}`"),
            Problem::NotOfType { value, kind } => write!(f, "`{value}` is no {kind}"),
            Problem::NoRange { min, max } => {
                write!(f, "`{min}` and `{max}` are no ends of a range")
            }
            Problem::Reversed => f.write_str("the range ends before it begins"),
            Problem::BadStep => f.write_str("the step does not divide the ends of the range"),
            Problem::EmptyList => f.write_str("the list is empty, so nothing would match"),
            Problem::Twice(field) => write!(f, "field `{field}` stands twice"),
            Problem::Feature(name) => write!(f, "`{name}` is no feature"),
            Problem::OpenString => f.write_str("the quotation mark is never closed"),
            Problem::Limit { what, max } => write!(f, "more than {max} {what}"),
        }
    }
}

impl std::error::Error for ParseError {}
