//! Bundles: a pipeline in one file, with all that it is made from.
//!
//! A tar file, so that every system can look into it, whose parts have their own SHA-256
//! as their names. Nothing is ever unpacked, so that no name leads anywhere.
//!
//! ```text
//! millstream-bundle                        what made it; the first line is the form's number
//! pipeline.toml | pipeline.launch          the pipeline, as its user wrote it
//! pipeline.lock                            names and SHA-256 of components and models
//! compiled/COMPONENT/CODE.cwasm            machine code, by the SHA-256 of both
//! standard/COMPONENT.wasm                  components out of the program that made it
//! components/COMPONENT.wasm                components of others
//! models/MODEL, labels/LABELS              models, and the files of their labels
//! ```
//!
//! Machine code does whatever it likes to this process, and nothing in the file can
//! prove where it came from. So it is used only if the caller says so ([`Trust`]).

mod name;
mod read;
#[cfg(feature = "compiler")]
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::lock::Lock;

pub use self::read::is_bundle;
#[cfg(feature = "compiler")]
pub use self::write::{Cpu, Written};
use crate::error::Error;

/// Largest bundle: some models of the largest size that is read.
const MAX_BUNDLE_BYTES: u64 = 4 << 30;

/// The first part, by which a bundle is known.
const FIRST_NAME: &str = "millstream-bundle";

/// The form of the file; another one is not read.
const FORM: &str = "1";

/// Whether the machine code in a bundle may run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// It may not; components are compiled here.
    #[default]
    Nothing,
    /// It may: the caller knows where the file comes from, as with any program.
    File,
    /// It may if the whole file has this SHA-256, in hexadecimal.
    Digest(String),
}

/// How the pipeline of a bundle is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PipelineText {
    /// As a manifest.
    Manifest(String),
    /// As a launch line.
    Line(String),
}

/// A bundle, read and found whole.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    made_by: String,
    pipeline: PipelineText,
    lock: Lock,
    is_trusted: bool,
    parts: Parts,
}

/// A component inside a bundle.
#[derive(Debug)]
struct Component {
    bytes: Arc<[u8]>,
    /// It was carried by the program that made the bundle.
    is_standard: bool,
}

/// What a bundle holds, by SHA-256 in hexadecimal.
#[derive(Debug, Default)]
struct Parts {
    components: BTreeMap<String, Component>,
    /// By the component's.
    compiled: BTreeMap<String, Arc<[u8]>>,
    models: BTreeMap<String, Arc<[u8]>>,
    labels: BTreeMap<String, String>,
}

/// A component that a bundle has under a name.
pub(crate) struct Part<'a> {
    pub(crate) digest: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) is_standard: bool,
    /// Its machine code, if that may run.
    pub(crate) code: Option<&'a [u8]>,
}

/// A model that a bundle has under a name.
pub struct BundledModel<'a> {
    /// The name or file that the pipeline writes.
    pub name: &'a str,
    /// Its bytes.
    pub bytes: &'a Arc<[u8]>,
    /// What the file of its labels holds.
    pub labels: Option<&'a str>,
}

impl Bundle {
    /// Reads a bundle; every part of it is as its name says.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, lacks something, or is not the one that
    /// `trust` asks for.
    pub fn read(path: &Path, trust: &Trust) -> Result<Self, Error> {
        read::read(path, trust)
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The pipeline.
    pub fn pipeline(&self) -> &PipelineText {
        &self.pipeline
    }

    /// What its components and models are.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// What made it and for which machine, in a line.
    pub fn made_by(&self) -> &str {
        &self.made_by
    }

    /// Whether it holds machine code that may not run.
    pub fn has_distrusted_code(&self) -> bool {
        !self.is_trusted && !self.parts.compiled.is_empty()
    }

    /// All models.
    pub fn models(&self) -> impl Iterator<Item = BundledModel<'_>> {
        self.lock.models.iter().filter_map(|(name, model)| {
            let labels = model.labels.as_ref();
            Some(BundledModel {
                name,
                bytes: self.parts.models.get(&model.digest)?,
                labels: labels.and_then(|it| self.parts.labels.get(it).map(String::as_str)),
            })
        })
    }

    /// The component that the pipeline means by this name.
    pub(crate) fn component(&self, name: &str) -> Option<Part<'_>> {
        let digest = self.lock.components.get(name)?.digest();
        let component = self.parts.components.get(digest)?;
        let code = self.parts.compiled.get(digest);
        Some(Part {
            digest,
            bytes: &component.bytes,
            is_standard: component.is_standard,
            code: code.filter(|_| self.is_trusted).map(|code| &**code),
        })
    }

    /// Names of all components.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.lock.components.keys()
    }
}
