//! Compares a manifest, or a lock, with its table of keys: unknown and missing keys,
//! types, ranges. What passes can be read without further errors.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::Grant;
use super::keys::{Key, Shape};
use crate::Error;
use crate::clock::parse_time;
use crate::source::{Place, Source, Span};

type Value<'i> = Spanned<DeValue<'i>>;

/// Checks a whole text, which errors call `title`.
pub(in crate::pipeline) fn whole(
    source: &Source,
    keys: &[Key],
    table: &DeTable<'_>,
    title: &str,
) -> Result<(), Error> {
    let end = Span::new(0, 1);
    Checker { source }.table(keys, table, title, "", end)
}

struct Checker<'a> {
    source: &'a Source,
}

impl Checker<'_> {
    fn place(&self, span: std::ops::Range<usize>) -> Place {
        self.source.place(Span::new(span.start, span.end))
    }

    fn table(
        &self,
        keys: &[Key],
        table: &DeTable<'_>,
        title: &str,
        path: &str,
        span: Span,
    ) -> Result<(), Error> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let Some(key) = keys.iter().find(|key| key.name == name.get_ref()) else {
                return Err(Error::UnknownKey {
                    key: name.get_ref().to_string(),
                    table: title.to_owned(),
                    known: keys.iter().map(|key| key.name.to_owned()).collect(),
                    place: Some(Box::new(self.place(name.span()))),
                });
            };
            let path = if path.is_empty() {
                key.name.to_owned()
            } else {
                format!("{path}.{}", key.name)
            };
            self.value(key, value, title, &path)?;
        }
        let missing = keys
            .iter()
            .find(|key| key.required && !table.contains_key(key.name));
        match missing {
            None => Ok(()),
            Some(key) => Err(Error::ManifestValue {
                key: key.name.to_owned(),
                table: title.to_owned(),
                expected: expected(&key.shape),
                got: None,
                choices: Box::default(),
                place: Some(Box::new(self.place(span.start..span.end))),
            }),
        }
    }

    fn value(&self, key: &Key, value: &Value<'_>, title: &str, path: &str) -> Result<(), Error> {
        let inner = value.get_ref();
        let span = Span::new(value.span().start, value.span().end);
        let fits = match &key.shape {
            Shape::Text => inner.is_str(),
            Shape::Choice(words) => inner.as_str().is_some_and(|text| words.contains(&text)),
            Shape::Integer { min, max } => {
                integer(inner).is_some_and(|n| (*min..=*max).contains(&n))
            }
            Shape::Time => inner
                .as_str()
                .is_some_and(|text| parse_time(text).is_some()),
            Shape::Size => size(inner).is_some(),
            Shape::Digest => inner.as_str().is_some_and(is_digest),
            Shape::Texts | Shape::Words(_) | Shape::Grants => return self.list(key, value, title),
            Shape::Properties => return self.properties(key, value, title),
            Shape::Table(keys) => match inner.as_table() {
                Some(table) => return self.table(keys, table, &format!("[{path}]"), path, span),
                None => false,
            },
            Shape::Named(keys) => match inner.as_table() {
                Some(tables) => return self.named(keys, tables, path),
                None => false,
            },
        };
        if fits {
            Ok(())
        } else {
            Err(self.wrong(key, value, title))
        }
    }

    /// Tables whose names the user chose.
    fn named(&self, keys: &[Key], tables: &DeTable<'_>, path: &str) -> Result<(), Error> {
        let mut entries: Vec<_> = tables.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let path = format!("{path}.{}", name.get_ref());
            let span = Span::new(name.span().start, name.span().end);
            let Some(table) = value.get_ref().as_table() else {
                return Err(Error::ManifestValue {
                    key: name.get_ref().to_string(),
                    table: format!("[{}]", path.split('.').next().unwrap_or_default()),
                    expected: "a table".to_owned(),
                    got: Some(shown(value.get_ref())),
                    choices: Box::default(),
                    place: Some(Box::new(self.place(value.span()))),
                });
            };
            self.table(keys, table, &format!("[{path}]"), &path, span)?;
        }
        Ok(())
    }

    fn list(&self, key: &Key, value: &Value<'_>, title: &str) -> Result<(), Error> {
        let Some(items) = value.get_ref().as_array() else {
            return Err(self.wrong(key, value, title));
        };
        for item in items {
            let text = item.get_ref().as_str();
            let fits = match key.shape {
                Shape::Grants => text.is_some_and(|text| grant(text).is_some()),
                Shape::Words(words) => text.is_some_and(|text| words.contains(&text)),
                _ => text.is_some(),
            };
            if !fits {
                return Err(self.wrong(key, item, title));
            }
        }
        Ok(())
    }

    fn properties(&self, key: &Key, value: &Value<'_>, title: &str) -> Result<(), Error> {
        let Some(table) = value.get_ref().as_table() else {
            return Err(self.wrong(key, value, title));
        };
        for (name, value) in table {
            let fits = match value.get_ref() {
                DeValue::String(_) | DeValue::Boolean(_) => true,
                DeValue::Integer(_) => integer(value.get_ref()).is_some(),
                DeValue::Float(number) => number.as_str().parse().is_ok_and(f64::is_finite),
                _ => false,
            };
            if !fits {
                return Err(Error::ManifestValue {
                    key: name.get_ref().to_string(),
                    table: format!("`properties` of {title}"),
                    expected: "text, a number, `true` or `false`".to_owned(),
                    got: Some(shown(value.get_ref())),
                    choices: Box::default(),
                    place: Some(Box::new(self.place(value.span()))),
                });
            }
        }
        Ok(())
    }

    fn wrong(&self, key: &Key, value: &Value<'_>, title: &str) -> Error {
        let words: &[&str] = match key.shape {
            Shape::Choice(words) | Shape::Words(words) => words,
            Shape::Grants => &["camera", "display", "inference"],
            _ => &[],
        };
        Error::ManifestValue {
            key: key.name.to_owned(),
            table: title.to_owned(),
            expected: expected(&key.shape),
            got: Some(shown(value.get_ref())),
            choices: words.iter().map(|word| (*word).to_owned()).collect(),
            place: Some(Box::new(self.place(value.span()))),
        }
    }
}

fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Choice(words) => {
            let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(" or ")
        }
        Shape::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Shape::Time => "a time such as `\"100ms\"`".to_owned(),
        Shape::Size => "a size such as `\"64MiB\"`".to_owned(),
        Shape::Digest => "64 hexadecimal digits in lower case".to_owned(),
        Shape::Texts => "a list of texts".to_owned(),
        Shape::Words(words) => {
            let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            format!("a list of {}", words.join(", "))
        }
        Shape::Grants => {
            "a list of `camera`, `display`, `inference`, `files:DIR` or `files:DIR:rw`".to_owned()
        }
        Shape::Properties | Shape::Table(_) | Shape::Named(_) => "a table".to_owned(),
    }
}

/// SHA-256 as the host writes it: another spelling would be another digest.
fn is_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The value for an error, cut.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("`{}`", text.chars().take(60).collect::<String>()),
        DeValue::Integer(number) => format!("`{number}`"),
        DeValue::Float(number) => format!("`{number}`"),
        DeValue::Boolean(value) => format!("`{value}`"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

pub(super) fn integer(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A number of bytes, or text with a unit.
pub(super) fn size(value: &DeValue<'_>) -> Option<u64> {
    if let Some(number) = integer(value) {
        return u64::try_from(number).ok();
    }
    let text = value.as_str()?.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// `camera`, `display`, `inference`, `files:DIR`, `files:DIR:rw`.
pub(super) fn grant(text: &str) -> Option<Grant> {
    Some(match text {
        "camera" => Grant::Camera,
        "display" => Grant::Display,
        "inference" => Grant::Inference,
        _ => {
            let dir = text.strip_prefix("files:")?;
            let (dir, write) = match dir.strip_suffix(":rw") {
                Some(dir) => (dir, true),
                None => (dir.strip_suffix(":ro").unwrap_or(dir), false),
            };
            (!dir.is_empty()).then(|| Grant::Files {
                dir: dir.to_owned(),
                write,
            })?
        }
    })
}
