//! Reads a lock's text, which whoever can write beside the manifest has made.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::manifest::check;
use super::super::manifest::keys::{Key, Shape, key, required};
use super::{Component, Lock, MAX_LOCK_BYTES, Model, VERSION};
use crate::Error;
use crate::element::Capability;
use crate::privilege::Privileges;
use crate::source::{Source, Span};

/// Longest name, contract or import, in bytes: as long as a path can be on Linux.
const MAX_TEXT_BYTES: usize = 4_096;

const CAPABILITIES: &[&str] = &[
    Capability::Camera.as_str(),
    Capability::Display.as_str(),
    Capability::Inference.as_str(),
    Capability::FilesRead.as_str(),
    Capability::FilesWrite.as_str(),
];

static LOCK: &[Key] = &[
    required(
        "version",
        Shape::Integer {
            min: VERSION,
            max: VERSION,
        },
        "The form of the text.",
    ),
    required("contract", Shape::Text, "The contract of the host."),
    key("components", Shape::Named(COMPONENT), "By name or file."),
    key("models", Shape::Named(MODEL), "By name or file."),
];

static COMPONENT: &[Key] = &[
    required("sha256", Shape::Digest, "SHA-256 of the component."),
    required(
        "capabilities",
        Shape::Words(CAPABILITIES),
        "What it declares.",
    ),
    required("imports", Shape::Texts, "What it imports."),
];

static MODEL: &[Key] = &[
    required("sha256", Shape::Digest, "SHA-256 of the model."),
    key(
        "labels",
        Shape::Digest,
        "SHA-256 of the file of its labels.",
    ),
];

/// Reads a lock. `origin` is its file's name, for errors.
pub fn parse(text: &str, origin: &str) -> Result<Lock, Error> {
    let source = Source::new(origin, text);
    if text.len() > MAX_LOCK_BYTES {
        return Err(Error::Limit {
            what: "bytes in a lock",
            got: text.len(),
            max: MAX_LOCK_BYTES,
            place: Some(Box::new(source.place(Span::new(0, 1)))),
        });
    }
    let table = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        Error::Toml {
            what: "lock",
            message: error.message().replace('\n', ", "),
            place: Some(Box::new(source.place(Span::new(span.start, span.end)))),
        }
    })?;
    check::whole(&source, LOCK, table.get_ref(), "the lock")?;
    Reader { source: &source }.lock(table.get_ref())
}

/// Takes the values out of a lock that has been checked.
struct Reader<'a> {
    source: &'a Source,
}

impl Reader<'_> {
    fn lock(&self, root: &DeTable<'_>) -> Result<Lock, Error> {
        let contract = root.get("contract");
        let contract = contract.map(|it| self.text(it, "contract"));
        Ok(Lock {
            contract: contract.transpose()?.unwrap_or_default(),
            components: self.tables(root, "components", |table| {
                let words = items(table, "capabilities");
                let words = words.filter_map(|word| word.get_ref().as_str());
                let imports = items(table, "imports").map(|it| self.text(it, "imports"));
                let privileges = Privileges {
                    capabilities: words.filter_map(Capability::from_word).collect(),
                    imports: imports.collect::<Result<_, _>>()?,
                };
                let digest = digest(table, "sha256").unwrap_or_default();
                Ok(Component::new(digest, privileges))
            })?,
            models: self.tables(root, "models", |table| {
                Ok(Model {
                    digest: digest(table, "sha256").unwrap_or_default(),
                    labels: digest(table, "labels"),
                })
            })?,
        })
    }

    /// The tables of a table, by name.
    fn tables<T>(
        &self,
        root: &DeTable<'_>,
        key: &str,
        read: impl Fn(&DeTable<'_>) -> Result<T, Error>,
    ) -> Result<BTreeMap<String, T>, Error> {
        let table = root.get(key).and_then(|value| value.get_ref().as_table());
        let mut entries = BTreeMap::new();
        for (name, value) in table.into_iter().flatten() {
            self.printable(name.get_ref(), name.span(), key)?;
            if let Some(table) = value.get_ref().as_table() {
                entries.insert(name.get_ref().to_string(), read(table)?);
            }
        }
        Ok(entries)
    }

    fn text(&self, value: &Spanned<DeValue<'_>>, key: &str) -> Result<String, Error> {
        let text = value.get_ref().as_str().unwrap_or_default();
        self.printable(text, value.span(), key)?;
        Ok(text.to_owned())
    }

    /// Names go to terminals: none may steer them.
    fn printable(&self, text: &str, span: std::ops::Range<usize>, key: &str) -> Result<(), Error> {
        if text.len() <= MAX_TEXT_BYTES && !text.chars().any(char::is_control) {
            return Ok(());
        }
        let start: String = text.chars().take(60).collect();
        Err(Error::ManifestValue {
            key: key.to_owned(),
            table: "the lock".to_owned(),
            expected: format!("text without control characters, of at most {MAX_TEXT_BYTES} bytes"),
            got: Some(format!("`{}`", start.escape_debug())),
            choices: Box::default(),
            place: Some(Box::new(self.source.place(Span::new(span.start, span.end)))),
        })
    }
}

fn items<'a>(
    table: &'a DeTable<'a>,
    key: &str,
) -> impl Iterator<Item = &'a Spanned<DeValue<'a>>> + use<'a> {
    let array = table.get(key).and_then(|value| value.get_ref().as_array());
    array.into_iter().flatten()
}

fn digest(table: &DeTable<'_>, key: &str) -> Option<String> {
    Some(table.get(key)?.get_ref().as_str()?.to_owned())
}
