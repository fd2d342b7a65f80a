//! TOML manifests: a pipeline with its grants, limits, policies and models.
//!
//! ```toml
//! [pipeline]
//! chains = ["camera ! queue leaky=downstream ! detector ! fakesink"]
//!
//! [elements.camera]
//! component = "camerasrc"
//! grants = ["camera"]
//!
//! [elements.detector]
//! component = "objectdetector"
//! properties = { model = "coco", threshold = 0.5 }
//! grants = ["inference"]
//! on-failure = "restart"
//!
//! [models.coco]
//! file = "coco.onnx"
//! ```
//!
//! `keys` says which keys there are; `check` compares a text with it, `read` takes
//! the values, `schema` prints it as JSON Schema.

pub(super) mod check;
pub(super) mod keys;
mod read;
mod schema;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::Description;
use crate::Error;
use crate::source::{Source, Span};

pub use schema::schema;

/// Longest manifest in bytes; ten times what the largest pipelines need.
pub const MAX_MANIFEST_BYTES: usize = 1_048_576;

/// A manifest, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The file's name, as the caller gave it.
    pub origin: String,
    /// Elements and links.
    pub description: Description,
    /// Which clock drives the pipeline.
    pub clock: ClockKind,
    /// Settings for all models.
    pub inference: InferenceSettings,
    /// Models by name.
    pub models: BTreeMap<String, Model>,
}

/// Which clock drives a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockKind {
    /// The machine's monotonic clock.
    #[default]
    System,
    /// A clock that follows the data: deterministic and as fast as possible.
    Virtual,
}

/// What runs models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// The best that is there.
    #[default]
    Auto,
    /// The one inside the binary.
    Embedded,
    /// ONNX Runtime.
    OnnxRuntime,
    /// ONNX Runtime on any vendor's GPU, through its WebGPU plug-in.
    WebGpu,
    /// ONNX Runtime on NVIDIA's GPUs.
    Cuda,
    /// ONNX Runtime with NVIDIA's optimizer.
    TensorRt,
    /// Intel's `OpenVINO`.
    OpenVino,
}

/// The arithmetic of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// The upper half of a single.
    Bf16,
}

/// Settings for all models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InferenceSettings {
    /// What runs them.
    pub backend: Backend,
    /// Threads for one inference; none: the backend's default.
    pub threads: Option<u32>,
    /// Most frames of several elements in one inference; none: 1.
    pub max_batch: Option<u32>,
    /// How long an inference waits for others, in nanoseconds; none: not at all.
    pub max_delay: Option<u64>,
    /// Which of the backend's devices; none: the backend's default.
    pub device: Option<u32>,
    /// The arithmetic; none: the model's, or f32.
    pub precision: Option<Precision>,
}

/// A model that elements can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its file, as written: relative to the manifest.
    pub file: String,
    /// File of its labels, one a line.
    pub labels: Option<String>,
    /// What runs it; none: as `[inference]` says.
    pub backend: Option<Backend>,
    /// Threads for one inference; none: as `[inference]` says.
    pub threads: Option<u32>,
    /// Most frames of several elements in one inference; none: as `[inference]` says.
    pub max_batch: Option<u32>,
    /// How long an inference waits for others, in nanoseconds; none: as
    /// `[inference]` says.
    pub max_delay: Option<u64>,
    /// Which of the backend's devices; none: as `[inference]` says.
    pub device: Option<u32>,
    /// The arithmetic; none: as `[inference]` says.
    pub precision: Option<Precision>,
}

/// Reads a manifest. `origin` is its file's name, for errors.
pub fn parse(text: &str, origin: &str) -> Result<Manifest, Error> {
    let source = Source::new(origin, text);
    if text.len() > MAX_MANIFEST_BYTES {
        let place = Some(Box::new(source.place(Span::new(0, 1))));
        let (got, max) = (text.len(), MAX_MANIFEST_BYTES);
        return Err(Error::Limit {
            what: "bytes in a manifest",
            got,
            max,
            place,
        });
    }
    let table = toml::de::DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let place = Some(Box::new(source.place(Span::new(span.start, span.end))));
        Error::Toml {
            what: "manifest",
            message: error.message().replace('\n', ", "),
            place,
        }
    })?;
    check::whole(&source, keys::MANIFEST, table.get_ref(), "the manifest")?;
    read::manifest(&source, table.get_ref())
}
