//! Locks: what the components and models of a manifest were when somebody last looked.
//!
//! ```text
//! manifest ──(runtime reads components, models)──► Lock ─► text in NAME.lock
//!                                                   │
//! NAME.lock ──parse──► Lock ── differences ─────────┘
//! ```
//!
//! The text is TOML, sorted, so that two locks of the same things are the same bytes:
//!
//! ```toml
//! version = 1
//! contract = "millstream:media@0.1.0"
//!
//! [components."filesink"]
//! sha256 = "5f4a…"
//! capabilities = ["files:rw"]
//! imports = [
//!   "wasi:filesystem/types@0.2.12",
//! ]
//!
//! [models."coco"]
//! sha256 = "93b1…"
//! labels = "08ac…"
//! ```

mod difference;
mod read;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

pub use difference::{Difference, Part};
pub use read::parse;

use crate::privilege::Privileges;

/// Longest lock in bytes: a thousand components with three times the imports that there are.
pub const MAX_LOCK_BYTES: usize = 4 << 20;

/// The contract that this host keeps with its elements.
pub const CONTRACT: &str = "millstream:media@0.1.0";

/// The form of the text; another one is not read.
const VERSION: i64 = 1;

/// What a pipeline is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The contract of the host that wrote it.
    pub contract: String,
    /// By the name or file that the manifest writes.
    pub components: BTreeMap<String, Component>,
    /// By the name or file that the manifest writes.
    pub models: BTreeMap<String, Model>,
}

/// A component at the time of locking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    digest: String,
    privileges: Privileges,
}

impl Component {
    /// A component with its SHA-256 in hexadecimal; the order of `privileges` is lost.
    pub fn new(digest: impl Into<String>, mut privileges: Privileges) -> Self {
        privileges.capabilities.sort();
        privileges.capabilities.dedup();
        privileges.imports.sort();
        privileges.imports.dedup();
        Self {
            digest: digest.into(),
            privileges,
        }
    }

    /// SHA-256 in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What it wants from outside.
    pub fn privileges(&self) -> &Privileges {
        &self.privileges
    }
}

/// A model at the time of locking. It is code as well: it decides what elements see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// SHA-256 in hexadecimal.
    pub digest: String,
    /// SHA-256 of the file of its labels, if there is one.
    pub labels: Option<String>,
}

impl Default for Lock {
    /// A pipeline without components.
    fn default() -> Self {
        Self {
            contract: CONTRACT.to_owned(),
            components: BTreeMap::new(),
            models: BTreeMap::new(),
        }
    }
}

/// The text of the file, which [`parse`] reads.
impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "# The components and models that a manifest was last found good with. Written by\n\
             # `millstream lock`, asked by `millstream run`; keep it beside the manifest.\n",
        )?;
        writeln!(f, "version = {VERSION}")?;
        writeln!(f, "contract = {}", Quoted(&self.contract))?;
        for (name, component) in &self.components {
            let privileges = component.privileges();
            writeln!(f, "\n[components.{}]", Quoted(name))?;
            writeln!(f, "sha256 = {}", Quoted(&component.digest))?;
            let words = privileges.capabilities.iter().map(|it| it.as_str());
            let words: Vec<_> = words.map(|word| Quoted(word).to_string()).collect();
            writeln!(f, "capabilities = [{}]", words.join(", "))?;
            f.write_str("imports = [\n")?;
            for import in &privileges.imports {
                writeln!(f, "  {},", Quoted(import))?;
            }
            f.write_str("]\n")?;
        }
        for (name, model) in &self.models {
            writeln!(f, "\n[models.{}]", Quoted(name))?;
            writeln!(f, "sha256 = {}", Quoted(&model.digest))?;
            if let Some(labels) = &model.labels {
                writeln!(f, "labels = {}", Quoted(labels))?;
            }
        }
        Ok(())
    }
}

/// A TOML basic string.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => write!(f, "\\u{:04X}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}
