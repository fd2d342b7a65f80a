//! What a model is made from: its bytes, its labels, and their digests.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use sha2::{Digest, Sha256};

use super::registry::{ModelOptions, SharedModel};
use super::{MAX_MODEL_BYTES, NnError};

/// Most bytes of a file of labels.
pub(crate) const MAX_LABELS_BYTES: u64 = 1 << 20;

/// A model that can be asked for.
pub(super) struct Entry {
    pub(super) source: Source,
    pub(super) labels: Labels,
    pub(super) options: ModelOptions,
    /// What was told of its bytes; no others are loaded from then on.
    pub(super) told: OnceLock<ModelDigests>,
    /// The model with this entry's name and labels, once it was asked for.
    pub(super) named: Mutex<Option<Arc<SharedModel>>>,
}

/// SHA-256 of what a model is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelDigests {
    /// The model.
    pub model: [u8; 32],
    /// The file of its labels, if there is one.
    pub labels: Option<[u8; 32]>,
}

/// A model's bytes and the text of its labels, with the digests of these very bytes.
pub(crate) struct ModelContent {
    pub(crate) bytes: Arc<[u8]>,
    pub(crate) labels: Option<String>,
    pub(crate) digests: ModelDigests,
}

/// Where a model's bytes are.
pub(super) enum Source {
    Carried(&'static [u8]),
    Bytes(Arc<[u8]>),
    File(PathBuf),
}

/// Where its labels are.
pub(super) enum Labels {
    List(Vec<String>),
    /// What the file would hold.
    Text(String),
    File(PathBuf),
    /// `<model>.names` or `<model>.labels` beside the model, if there is one.
    BesideModel,
}

impl ModelDigests {
    pub(super) fn of(model: &[u8], labels: Option<&str>) -> Self {
        Self {
            model: Sha256::digest(model).into(),
            labels: labels.map(|text| Sha256::digest(text).into()),
        }
    }
}

impl Entry {
    /// Everything; an error if it is not what was told of it before.
    pub(super) fn content(&self, name: &str) -> Result<ModelContent, NnError> {
        let labels = self.label_text(name)?;
        let bytes = self.bytes(name)?;
        let digests = ModelDigests::of(&bytes, labels.as_deref());
        if self.told.get().is_some_and(|told| *told != digests) {
            let name = name.to_owned();
            return Err(NnError::Changed { name });
        }
        Ok(ModelContent {
            bytes,
            labels,
            digests,
        })
    }

    fn bytes(&self, name: &str) -> Result<Arc<[u8]>, NnError> {
        match &self.source {
            Source::Carried(bytes) => Ok(Arc::from(*bytes)),
            Source::Bytes(bytes) => Ok(Arc::clone(bytes)),
            Source::File(path) => read_limited(name, path),
        }
    }

    /// What the file of labels holds, if there is one.
    fn label_text(&self, name: &str) -> Result<Option<String>, NnError> {
        let path = match (&self.labels, &self.source) {
            (Labels::Text(text), _) => return Ok(Some(text.clone())),
            (Labels::File(path), _) => path.clone(),
            (Labels::BesideModel, Source::File(model)) => {
                let beside = ["names", "labels"].map(|extension| model.with_extension(extension));
                match beside.into_iter().find(|path| path.is_file()) {
                    Some(path) => path,
                    None => return Ok(None),
                }
            }
            (Labels::List(_) | Labels::BesideModel, _) => return Ok(None),
        };
        let read = || -> std::io::Result<String> {
            let bytes = std::fs::metadata(&path)?.len();
            if bytes > MAX_LABELS_BYTES {
                let why = format!("it has {bytes} bytes; at most {MAX_LABELS_BYTES} are read");
                return Err(std::io::Error::other(why));
            }
            std::fs::read_to_string(&path)
        };
        match read() {
            Ok(text) => Ok(Some(text)),
            Err(source) => Err(NnError::ReadLabels {
                name: name.to_owned(),
                path,
                source,
            }),
        }
    }
}

fn read_limited(name: &str, path: &Path) -> Result<Arc<[u8]>, NnError> {
    let failed = |source| NnError::ReadModel {
        name: name.to_owned(),
        path: path.to_owned(),
        source,
    };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > MAX_MODEL_BYTES {
        return Err(NnError::ModelTooLarge {
            name: name.to_owned(),
            bytes,
            limit: MAX_MODEL_BYTES,
        });
    }
    std::fs::read(path).map(Arc::from).map_err(failed)
}

/// One label a line; empty lines at the end are not labels.
pub(super) fn labels_from_text(text: &str) -> Vec<String> {
    text.trim_end()
        .lines()
        .map(|line| line.trim().to_owned())
        .collect()
}
