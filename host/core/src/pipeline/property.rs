//! Texts and TOML values to properties of the right type and in range.

use super::TextValue;
use crate::Error;
use crate::caps::{self, Caps, Fraction};
use crate::clock::parse_time;
use crate::element::{Property, PropertyKind, Value};
use crate::error::{At, Bounds};

/// Longest text of a property in bytes, as the contract says for any text.
const MAX_TEXT_BYTES: usize = 65_536;

/// The value of a property of `element`, checked against type and range.
pub(super) fn convert(
    element: &str,
    property: &Property,
    value: &TextValue,
    place: At,
) -> Result<Value, Error> {
    Converter { element, property }.convert(value, place)
}

/// The value that a text spells for a property of `element`, checked against type and
/// range: what launch lines do, for a pipeline that runs.
///
/// # Errors
/// Text of another type or out of range.
pub fn from_text(element: &str, property: &Property, text: &str) -> Result<Value, Error> {
    convert(element, property, &TextValue::Text(text.to_owned()), None)
}

struct Converter<'a> {
    element: &'a str,
    property: &'a Property,
}

impl Converter<'_> {
    fn convert(&self, value: &TextValue, place: At) -> Result<Value, Error> {
        let typed = match &self.property.kind {
            PropertyKind::Boolean => boolean(value).map(Value::Boolean),
            &PropertyKind::Integer { min, max } => match self.integer(value) {
                Some(number) => {
                    return i64::try_from(number)
                        .ok()
                        .filter(|number| (min..=max).contains(number))
                        .map(Value::Integer)
                        .ok_or_else(|| {
                            self.out_of_range(&number, Bounds::Integer(min, max), place)
                        });
                }
                None => None,
            },
            &PropertyKind::Float { min, max } => match float(value) {
                Some(number) if (min..=max).contains(&number) => Some(Value::Float(number)),
                Some(number) => {
                    return Err(self.out_of_range(&number, Bounds::Float(min, max), place));
                }
                None => None,
            },
            PropertyKind::Ratio => ratio(value).map(Value::Ratio),
            PropertyKind::Choice(words) => match value {
                TextValue::Text(text) => return self.choice(text, words, place),
                _ => None,
            },
            PropertyKind::Caps => match value {
                TextValue::Text(text) => return caps_text(text, place),
                _ => None,
            },
            PropertyKind::Text
            | PropertyKind::FileToRead
            | PropertyKind::FileToWrite
            | PropertyKind::Model => match value {
                TextValue::Text(text) if text.len() <= MAX_TEXT_BYTES => {
                    Some(Value::Text(text.clone()))
                }
                _ => None,
            },
        };
        typed.ok_or_else(|| Error::PropertyType {
            element: self.element.to_owned(),
            property: self.property.name.clone(),
            expected: self.expected(),
            got: shown(value),
            place,
        })
    }

    fn integer(&self, value: &TextValue) -> Option<i128> {
        let text = match value {
            TextValue::Integer(number) => return Some(i128::from(*number)),
            TextValue::Text(text) => text.trim().replace('_', ""),
            _ => return None,
        };
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text.strip_prefix('+').unwrap_or(&text)),
        };
        let plain = match digits.strip_prefix("0x") {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok(),
            None => None,
        };
        let is_time = self.property.unit.as_deref() == Some("ns");
        let number = plain.or_else(|| parse_time(digits).filter(|_| is_time))?;
        Some(sign * i128::from(number))
    }

    fn choice(&self, text: &str, words: &[String], place: At) -> Result<Value, Error> {
        if words.iter().any(|word| word == text) {
            return Ok(Value::Text(text.to_owned()));
        }
        Err(Error::PropertyChoice {
            element: self.element.to_owned(),
            property: self.property.name.clone(),
            got: text.chars().take(60).collect(),
            choices: words.to_vec(),
            place,
        })
    }

    fn out_of_range(&self, got: &dyn ToString, bounds: Bounds, place: At) -> Error {
        Error::PropertyRange {
            element: self.element.to_owned(),
            property: self.property.name.clone(),
            got: got.to_string(),
            bounds,
            unit: self.property.unit.as_deref().map(Box::from),
            place,
        }
    }

    fn expected(&self) -> String {
        match self.property.kind {
            PropertyKind::Boolean => "`true` or `false`",
            PropertyKind::Integer { .. } if self.property.unit.as_deref() == Some("ns") => {
                "a time such as `100ms`, or a number of nanoseconds"
            }
            PropertyKind::Integer { .. } => "a whole number",
            PropertyKind::Float { .. } => "a number",
            PropertyKind::Ratio => "a ratio such as `30/1`",
            PropertyKind::Caps => "caps",
            PropertyKind::Choice(_) => "a word",
            PropertyKind::FileToRead | PropertyKind::FileToWrite => "the name of a file",
            PropertyKind::Model => "the name of a model",
            PropertyKind::Text => "text",
        }
        .to_owned()
    }
}

/// Text that has been read as caps once.
fn caps_text(text: &str, place: At) -> Result<Value, Error> {
    match text.parse::<Caps>() {
        Ok(_) => Ok(Value::Text(text.to_owned())),
        Err(source) if place.is_some() => Err(Error::Caps { source, place }),
        Err(source) => Err(Error::caps(source, text)),
    }
}

/// The value for an error, cut.
fn shown(value: &TextValue) -> String {
    match value {
        TextValue::Text(text) => text.chars().take(60).collect(),
        TextValue::Boolean(value) => value.to_string(),
        TextValue::Integer(value) => value.to_string(),
        TextValue::Float(value) => format!("{value:?}"),
    }
}

fn boolean(value: &TextValue) -> Option<bool> {
    match value {
        TextValue::Boolean(value) => Some(*value),
        TextValue::Text(text) => caps::boolean(text),
        _ => None,
    }
}

fn float(value: &TextValue) -> Option<f64> {
    let number = match value {
        TextValue::Float(number) => *number,
        TextValue::Integer(number) => *number as f64,
        TextValue::Text(text) => text.trim().parse().ok()?,
        TextValue::Boolean(_) => return None,
    };
    number.is_finite().then_some(number)
}

fn ratio(value: &TextValue) -> Option<Fraction> {
    match value {
        TextValue::Integer(number) => Fraction::checked(*number, 1),
        TextValue::Text(text) => caps::fraction(text.trim()),
        _ => None,
    }
}
