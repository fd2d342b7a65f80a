//! Properties as a launch line writes them, checked as a host checks them.

use crate::caps::Caps;
use crate::describe::{Mutability, Property, PropertyKind};
use crate::failure::Failure;
use crate::property::{PropertyType as _, Setting, Value};

/// Every property that has a value: those of the text, and defaults.
pub(super) fn settings(text: &str, known: &[Property]) -> Result<Vec<Setting>, Failure> {
    let given = parse(text, known)?;
    let mut all = Vec::new();
    for property in known {
        let value = given.iter().find(|setting| setting.name == property.name);
        match (value.map(|setting| &setting.value), &property.default) {
            (Some(value), _) | (None, Some(value)) => {
                all.push(Setting {
                    name: property.name.clone(),
                    value: value.clone(),
                });
            }
            (None, None) if property.required => {
                return Err(Failure::settings(format!(
                    "property `{}` must be set",
                    property.name
                )));
            }
            (None, None) => {}
        }
    }
    Ok(all)
}

/// Properties to change while playing.
pub(super) fn changes(text: &str, known: &[Property]) -> Result<Vec<Setting>, Failure> {
    let given = parse(text, known)?;
    let fixed = |setting: &&Setting| {
        let mut same = known
            .iter()
            .filter(|property| property.name == setting.name);
        same.any(|property| property.mutability == Mutability::Construct)
    };
    match given.iter().find(fixed) {
        Some(setting) => {
            let message = format!("property `{}` cannot change any more", setting.name);
            Err(Failure::settings(message))
        }
        None => Ok(given),
    }
}

fn parse(text: &str, known: &[Property]) -> Result<Vec<Setting>, Failure> {
    words(text)
        .into_iter()
        .map(|word| setting(&word, known))
        .collect()
}

/// Splits at spaces outside of quotes; quotes are dropped.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => words.push(String::new()),
            c => words.last_mut().into_iter().for_each(|word| word.push(c)),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn setting(word: &str, known: &[Property]) -> Result<Setting, Failure> {
    let (name, text) = word
        .split_once('=')
        .ok_or_else(|| Failure::settings(format!("got `{word}`, expected `name=value`")))?;
    let property = known
        .iter()
        .find(|property| property.name == name)
        .ok_or_else(|| Failure::settings(format!("no property `{name}`")))?;
    let value = value(text, &property.kind).ok_or_else(|| {
        Failure::settings(format!(
            "property `{name}` cannot be `{text}`: {:?}",
            property.kind
        ))
    })?;
    Ok(Setting {
        name: name.to_owned(),
        value,
    })
}

fn value(text: &str, kind: &PropertyKind) -> Option<Value> {
    match kind {
        PropertyKind::Boolean => match text {
            "true" | "1" => Some(Value::Boolean(true)),
            "false" | "0" => Some(Value::Boolean(false)),
            _ => None,
        },
        PropertyKind::Integer(range) => {
            let value = text.parse().ok()?;
            (range.min..=range.max)
                .contains(&value)
                .then_some(Value::Integer(value))
        }
        PropertyKind::Float(range) => {
            let value = text.parse().ok()?;
            (range.min..=range.max)
                .contains(&value)
                .then_some(Value::Float(value))
        }
        PropertyKind::Choice(words) => words
            .iter()
            .any(|word| word == text)
            .then(|| Value::from(text)),
        PropertyKind::Ratio => {
            let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
            let (numerator, denominator) = (numerator.parse().ok()?, denominator.parse().ok()?);
            crate::caps::Fraction::checked(numerator, denominator)?.to_value()
        }
        PropertyKind::Caps => text.parse::<Caps>().ok()?.to_value(),
        PropertyKind::Text
        | PropertyKind::FileToRead
        | PropertyKind::FileToWrite
        | PropertyKind::Model => Some(Value::from(text)),
    }
}
