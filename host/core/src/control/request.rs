//! Requests: lines to commands, commands to lines.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::{Value as Json, json};

use super::{
    DEFAULT_TRIAL, MAX_FIELDS, MAX_FILE_BYTES, MAX_ID_BYTES, MAX_LINE_BYTES, MAX_NAME_BYTES,
    MAX_TRIAL, MAX_VALUE_BYTES, MIN_TRIAL, Problem,
};
use crate::clock::{format_duration, parse_time};

/// Every command, as a request writes it.
pub const COMMANDS: [&str; 7] = [
    "list",
    "stats",
    "set-property",
    "pause",
    "resume",
    "eos",
    "swap",
];

/// Most letters of a wrong value that an error shows.
const MAX_SHOWN: usize = 60;

/// What a client calls its request; the answer repeats it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Id {
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

impl Id {
    pub(super) fn json(&self) -> Json {
        match self {
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text),
        }
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What the client calls it.
    pub id: Option<Id>,
    /// What to do.
    pub command: Command,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The elements with their properties, pads and states.
    List,
    /// What every element has done so far.
    Stats,
    /// Set a property of an element that is mutable while it plays.
    SetProperty {
        /// Name of the element.
        element: String,
        /// Name of the property.
        name: String,
        /// As a launch line writes it.
        value: String,
    },
    /// Hold the sources.
    Pause,
    /// Let them go on.
    Resume,
    /// End the streams in good order.
    Eos,
    /// Put another component into an element's place.
    Swap(Swap),
}

/// Another component for an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// Name of the element.
    pub element: String,
    /// The component, by its absolute name: client and pipeline need not share a folder.
    pub file: PathBuf,
    /// For how long the old component comes back if the new one fails.
    pub trial: Duration,
    /// Whether it begins anew, without the old one's state.
    pub fresh: bool,
}

impl Command {
    /// As a request writes it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Stats => "stats",
            Self::SetProperty { .. } => "set-property",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Eos => "eos",
            Self::Swap(_) => "swap",
        }
    }
}

impl Request {
    /// The request as a line, without its end.
    pub fn to_line(&self) -> String {
        let mut json = json!({"command": self.command.name()});
        let fields = match &self.command {
            Command::SetProperty {
                element,
                name,
                value,
            } => json!({"element": element, "name": name, "value": value}),
            Command::Swap(swap) => json!({
                "element": swap.element,
                "file": swap.file.to_string_lossy(),
                "trial": format_duration(nanos(swap.trial)),
                "fresh": swap.fresh,
            }),
            _ => json!({}),
        };
        if let (Json::Object(all), Json::Object(fields)) = (&mut json, fields) {
            all.extend(fields);
            if let Some(id) = &self.id {
                all.insert("id".to_owned(), id.json());
            }
        }
        json.to_string()
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A line that is no request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the client calls its request, where that can be read.
    pub id: Option<Id>,
    /// Why.
    pub problem: Problem,
}

/// Reads a request.
pub fn parse_request(line: &str) -> Result<Request, Refused> {
    let nameless = |problem| Refused { id: None, problem };
    if line.len() > MAX_LINE_BYTES {
        return Err(nameless(Problem::TooLong {
            max: MAX_LINE_BYTES,
        }));
    }
    let Fields(fields) = serde_json::from_str(line).map_err(|error| {
        nameless(Problem::NotJson {
            message: error.to_string(),
        })
    })?;
    let mut reader = Reader { fields };
    let id = reader.id().map_err(nameless)?;
    match reader.command() {
        Ok(command) => Ok(Request { id, command }),
        Err(problem) => Err(Refused { id, problem }),
    }
}

/// The value of a field.
#[derive(Debug)]
enum Scalar {
    /// `null`, as good as no field.
    Null,
    Boolean(bool),
    Integer(i64),
    /// As its digits; whatever is too large for an `i64` too.
    Number(String),
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Number(value) => f.write_str(value),
            Self::Text(text) => {
                let shown: String = text.chars().take(MAX_SHOWN).collect();
                let more = if shown.len() < text.len() { "…" } else { "" };
                write!(f, "`{}{more}`", shown.escape_debug())
            }
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ScalarVisitor)
    }
}

/// Takes what does not nest; serde refuses the rest with what was expected.
struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, `true` or `false`")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(
            i64::try_from(value)
                .map_or_else(|_| Scalar::Number(value.to_string()), Scalar::Integer),
        )
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }
}

/// An object's fields, each once, in order.
struct Fields(Vec<(String, Scalar)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields: Vec<(String, Scalar)> = Vec::new();
        while let Some((field, value)) = map.next_entry::<String, Scalar>()? {
            if fields.len() == MAX_FIELDS {
                return Err(A::Error::custom(Problem::TooManyFields));
            }
            // Of two, readers of JSON take the first or the last: neither is what was meant.
            if fields.iter().any(|(known, _)| *known == field) {
                return Err(A::Error::custom(Problem::Twice { field }));
            }
            fields.push((field, value));
        }
        Ok(Fields(fields))
    }
}

/// Takes fields out until none is left.
struct Reader {
    fields: Vec<(String, Scalar)>,
}

impl Reader {
    /// A field, unless it is missing or `null`.
    fn take(&mut self, field: &str) -> Option<Scalar> {
        let at = self.fields.iter().position(|(name, _)| name == field)?;
        match self.fields.swap_remove(at).1 {
            Scalar::Null => None,
            value => Some(value),
        }
    }

    fn id(&mut self) -> Result<Option<Id>, Problem> {
        match self.take("id") {
            None => Ok(None),
            Some(Scalar::Integer(number)) => Ok(Some(Id::Number(number))),
            Some(Scalar::Text(text)) if text.len() <= MAX_ID_BYTES => Ok(Some(Id::Text(text))),
            Some(got) => Err(Problem::Value {
                field: "id",
                expected: format!("a whole number, or text of at most {MAX_ID_BYTES} bytes"),
                got: got.to_string(),
            }),
        }
    }

    fn command(&mut self) -> Result<Command, Problem> {
        let word = match self.take("command") {
            None => return Err(Problem::NoCommand),
            Some(Scalar::Text(word)) => word,
            Some(got) => {
                return Err(Problem::UnknownCommand {
                    got: got.to_string(),
                });
            }
        };
        let command = match &*word {
            "list" => Command::List,
            "stats" => Command::Stats,
            "pause" => Command::Pause,
            "resume" => Command::Resume,
            "eos" => Command::Eos,
            "set-property" => {
                self.only("set-property", &["element", "name", "value"])?;
                Command::SetProperty {
                    element: self.text("set-property", "element", MAX_NAME_BYTES)?,
                    name: self.text("set-property", "name", MAX_NAME_BYTES)?,
                    value: self.value()?,
                }
            }
            "swap" => self.swap().map(Command::Swap)?,
            _ => {
                let got = word.chars().take(MAX_SHOWN).collect();
                return Err(Problem::UnknownCommand { got });
            }
        };
        self.only(command.name(), &[])?;
        Ok(command)
    }

    /// Fails if there is a field but these.
    fn only(&self, command: &'static str, known: &'static [&'static str]) -> Result<(), Problem> {
        let mut names = self.fields.iter().map(|(name, _)| &**name);
        names
            .find(|name| !known.contains(name))
            .map_or(Ok(()), |field| {
                Err(Problem::UnknownField {
                    command,
                    field: field.chars().take(MAX_SHOWN).collect(),
                    known,
                })
            })
    }

    /// A text that must be there and not be empty.
    fn text(
        &mut self,
        command: &'static str,
        field: &'static str,
        max: usize,
    ) -> Result<String, Problem> {
        match self.take(field) {
            None => Err(Problem::Missing { command, field }),
            Some(Scalar::Text(text)) if (1..=max).contains(&text.len()) => Ok(text),
            Some(got) => Err(Problem::Value {
                field,
                expected: format!("text of 1 to {max} bytes"),
                got: got.to_string(),
            }),
        }
    }

    /// A property's value: text as in a launch line, or JSON's numbers and booleans.
    fn value(&mut self) -> Result<String, Problem> {
        match self.take("value") {
            None => Err(Problem::Missing {
                command: "set-property",
                field: "value",
            }),
            Some(Scalar::Text(text)) if text.len() > MAX_VALUE_BYTES => Err(Problem::Value {
                field: "value",
                expected: format!("at most {MAX_VALUE_BYTES} bytes"),
                got: format!("{} bytes", text.len()),
            }),
            Some(Scalar::Text(text)) => Ok(text),
            Some(other) => Ok(other.to_string()),
        }
    }

    fn swap(&mut self) -> Result<Swap, Problem> {
        self.only("swap", &["element", "file", "trial", "fresh"])?;
        let element = self.text("swap", "element", MAX_NAME_BYTES)?;
        let file = self.text("swap", "file", MAX_FILE_BYTES)?;
        if !Path::new(&file).is_absolute() || file.contains('\0') {
            return Err(Problem::Value {
                field: "file",
                expected: "the absolute name of a file".to_owned(),
                got: Scalar::Text(file).to_string(),
            });
        }
        Ok(Swap {
            element,
            file: file.into(),
            trial: self.trial()?,
            fresh: self.fresh()?,
        })
    }

    fn trial(&mut self) -> Result<Duration, Problem> {
        let Some(value) = self.take("trial") else {
            return Ok(DEFAULT_TRIAL);
        };
        let time = match &value {
            Scalar::Text(text) => parse_time(text).map(Duration::from_nanos),
            _ => None,
        };
        time.filter(|time| (MIN_TRIAL..=MAX_TRIAL).contains(time))
            .ok_or_else(|| Problem::Value {
                field: "trial",
                expected: format!(
                    "a time from {} to {}, such as `500ms`",
                    format_duration(nanos(MIN_TRIAL)),
                    format_duration(nanos(MAX_TRIAL))
                ),
                got: value.to_string(),
            })
    }

    fn fresh(&mut self) -> Result<bool, Problem> {
        match self.take("fresh") {
            None => Ok(false),
            Some(Scalar::Boolean(fresh)) => Ok(fresh),
            Some(got) => Err(Problem::Value {
                field: "fresh",
                expected: "`true` or `false`".to_owned(),
                got: got.to_string(),
            }),
        }
    }
}
