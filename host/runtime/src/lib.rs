//! How a Millstream plan runs.
//!
//! ```text
//! Runtime (elements, models, base folder)
//!    └─ Pipeline::prepare(graph) ─► play ─► bus messages … ─► wait ─► stop
//! ```
//!
//! One buffer's way: a source's thread calls `produce` in the source's own store; the
//! buffer, a handle to a frame (`memory/frame.rs`), is pushed down the links: into the next
//! component's store, over a queue into another thread, cloned by a tee. Bytes stay where
//! they are; elements see them through their window (`memory/view.rs`).

mod error;
mod memory;
mod buffer;
mod clock;
mod bus;
mod device;
mod nn;
mod element;
mod pipeline;
mod lock;
mod bundle;
/// For fuzz targets.
#[cfg(any(test, fuzzing))]
#[allow(
    missing_docs,
    clippy::panic,
    reason = "code of tests: a law that does not hold ends the process"
)]
pub mod fuzzing;

use std::path::PathBuf;
use std::sync::Arc;

pub use buffer::{Buffer, Detection, Flags, Timing};
pub use bundle::{Bundle, BundledModel, PipelineText, Trust, is_bundle};
#[cfg(feature = "compiler")]
pub use bundle::{Cpu, Written};
pub use bus::{Level, Message, Recovery, State};
pub use clock::ClockKind;
pub use device::simulated;
pub use device::{
    CameraInfo, CameraStream, Cameras, CapturedFrame, DeviceError, Devices, Screen, ScreenWindow,
};
pub use element::engine::CompileCounts;
pub use element::failure::FailureKind;
pub use element::found::{Carried, Origin};
pub use element::link::{Folder, Granted};
pub use element::registry::{ElementRegistry, Loaded};
pub use error::Error;
pub use nn::{
    BackendChoice, BackendReport, Batching, Device, DeviceKind, ElementType, InferenceOptions,
    ModelDigests, ModelInfo, ModelOptions, ModelRegistry, ModelStats, NnError, Precision,
    SharedModel, Tensor, TensorInfo, TensorView, Unavailable,
};
pub use pipeline::{
    Controller, DEFAULT_CALL_TIME, DEFAULT_HELD_BUFFERS, DEFAULT_HELD_BYTES,
    DEFAULT_LINES_A_SECOND, DEFAULT_MEMORY_BYTES, DEFAULT_TRIAL, ElementStats, ElementStatus,
    Ended, Ender, Options, PadStatus, Pipeline, Swap, Swapped,
};

/// What pipelines are made from: elements by name, models by name.
pub struct Runtime {
    /// Elements that can be named.
    pub elements: Arc<ElementRegistry>,
    /// Models that can be named.
    pub models: ModelRegistry,
    /// The folder that relative file names start from.
    pub base: PathBuf,
}

/// Where a [`Runtime`] finds things.
#[derive(Default)]
pub struct Sources {
    /// Elements inside the program.
    pub carried: &'static [Carried],
    /// Folders of `NAME.wasm` files; the first that has a name wins.
    pub folders: Vec<PathBuf>,
    /// The folder that relative file names start from; empty: the current one.
    pub base: PathBuf,
    /// The bundle that the pipeline is in: its components, and no others.
    pub bundle: Option<Arc<Bundle>>,
}

impl Runtime {
    /// Sets the engine up; nothing is loaded yet.
    pub fn new(sources: Sources, inference: InferenceOptions) -> Result<Self, Error> {
        #[cfg(feature = "compiler")]
        let cache = element::cache::default_folder();
        #[cfg(not(feature = "compiler"))]
        let cache = None;
        let compiler = element::engine::Compiler::new(cache)?;
        let base = sources.base.clone();
        Ok(Self {
            elements: Arc::new(ElementRegistry::new(compiler, sources)),
            models: ModelRegistry::new(inference),
            base,
        })
    }

    /// The name under which the element may load a model that the operator named.
    pub(crate) fn model_name(&self, element: &str, text: &str) -> Result<String, Error> {
        let models = &self.models;
        if models.names().iter().any(|name| name == text) {
            return Ok(text.to_owned());
        }
        let path = self.base.join(text);
        if !path.is_file() {
            let known = models.names().join("`, `");
            return Err(Error::Model {
                element: element.to_owned(),
                message: format!("no model and no file is named `{text}`"),
                hint: Some(format!("known models: `{known}`; a file ends in `.onnx`")),
            });
        }
        if let Some(name) = models.name_of(&path) {
            return Ok(name);
        }
        let stem = path
            .file_stem()
            .map_or_else(|| text.into(), |stem| stem.to_string_lossy());
        let taken = models.names();
        let name = (0..=taken.len())
            .map(|n| {
                if n == 0 {
                    stem.to_string()
                } else {
                    format!("{stem}-{n}")
                }
            })
            .find(|name| !taken.contains(name))
            .unwrap_or_else(|| text.to_owned());
        models.add_file(&name, &path, ModelOptions::default());
        Ok(name)
    }

    /// Where components came from so far.
    pub fn compile_counts(&self) -> CompileCounts {
        self.elements.compiler().counts()
    }

    /// Why machine code out of a bundle was not used, of the first such component.
    pub fn unfit_code(&self) -> Option<&str> {
        self.elements.compiler().unfit()
    }
}
