//! What can be wrong with a line.

use super::{COMMANDS, MAX_FIELDS, MAX_LINE_BYTES};
use crate::error::suggest;

/// Why a line is no request, or no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The line is over its limit.
    #[error("a line of more than {max} bytes")]
    TooLong {
        /// How long it may be.
        max: usize,
    },
    /// The line is no UTF-8.
    #[error("the line is not UTF-8 text (byte {at})")]
    NotText {
        /// The first byte that is none.
        at: usize,
    },
    /// The line is not a flat JSON object.
    #[error("the line is not a flat JSON object: {message}")]
    NotJson {
        /// The parser's words.
        message: String,
    },
    /// The line is no JSON object of the kind that was expected.
    #[error("this is no {what}: {message}")]
    NotA {
        /// `greeting`, `answer`.
        what: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// A field stands there twice.
    #[error("the field `{field}` stands there twice")]
    Twice {
        /// The field.
        field: String,
    },
    /// There are too many fields.
    #[error("more than {MAX_FIELDS} fields")]
    TooManyFields,
    /// It is not said what to do.
    #[error("the field `command` is missing\n  commands: {}", listed(&COMMANDS))]
    NoCommand,
    /// There is no such command.
    #[error("unknown command `{got}`\n  commands: {}", listed(&COMMANDS))]
    UnknownCommand {
        /// What was asked for.
        got: String,
    },
    /// A command has no such field.
    #[error("`{command}` has no field `{field}`\n  its fields: {}", listed(known))]
    UnknownField {
        /// The command.
        command: &'static str,
        /// The field.
        field: String,
        /// Those that it has.
        known: &'static [&'static str],
    },
    /// A field that a command needs is missing.
    #[error("`{command}` needs the field `{field}`")]
    Missing {
        /// The command.
        command: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A field has a value that it cannot have.
    #[error("the field `{field}` must be {expected}, got {got}")]
    Value {
        /// The field.
        field: &'static str,
        /// What it may be.
        expected: String,
        /// What it is, cut.
        got: String,
    },
}

impl Problem {
    /// What can be done about it.
    pub fn hint(&self) -> Option<String> {
        let did_you_mean = |word: &str, known: &[&str]| {
            let meant = suggest(word, known.iter().copied());
            meant.map(|meant| format!("did you mean `{meant}`?"))
        };
        match self {
            Self::TooLong { .. } => Some(format!(
                "end each request with a line feed, at the latest after {MAX_LINE_BYTES} bytes"
            )),
            Self::NotText { .. } | Self::NotJson { .. } | Self::NoCommand => {
                Some("write one object a line, such as {\"command\":\"stats\"}".to_owned())
            }
            Self::UnknownCommand { got } => did_you_mean(got, &COMMANDS),
            Self::UnknownField { field, known, .. } => did_you_mean(field, known),
            Self::Twice { .. } | Self::TooManyFields => Some("write each field once".to_owned()),
            Self::Missing { command, field } => Some(format!(
                "write {{\"command\":\"{command}\",\"{field}\":\"…\"}}"
            )),
            Self::NotA { .. } => {
                Some("is there a pipeline of `millstream` at the other end?".to_owned())
            }
            Self::Value { .. } => None,
        }
    }
}

/// `a`, `b`.
fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
