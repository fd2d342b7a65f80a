//! Inference: models by name, the backends that run them, and the glue that
//! shows them to guests as `wasi:nn`.
//!
//! ```text
//! manifest, launch line ──► ModelRegistry ──► Backend::load ──► Arc<dyn Model>
//!                              │  (one load per bytes, backend and threads)
//! guest ── wasi:nn ───────► WasiNnCtx (one per element's store) ─┬─► Scheduler ──► Model::run
//!       └─ models.session ► Session ─────────────────────────────┘   (one per load)
//! ```
//!
//! Nothing here falls back in silence. `auto` takes onnxruntime if its library
//! loads and `embedded` otherwise, and [`ModelInfo::note`] says which and why; a
//! backend that was named and is not there is an error that says where it was
//! looked for.
//!
//! Start reading at [`ModelRegistry`], [`Backend`] and [`Model`].

mod error;
mod tensor;
mod onnx;
mod backend;
mod scheduler;
mod entry;
mod registry;
mod wasi;
pub(crate) mod session;

pub use backend::{
    BackendChoice, BackendReport, Device, DeviceKind, ModelInfo, Precision, TensorInfo, Unavailable,
};
pub(crate) use entry::MAX_LABELS_BYTES;
pub use entry::ModelDigests;
pub use error::NnError;
pub use registry::{InferenceOptions, ModelOptions, ModelRegistry, SharedModel};
pub use scheduler::{Batching, ModelStats};
pub(crate) use scheduler::{Data, Input};
pub(crate) use session::{Output as SessionOutput, Session};
pub use tensor::{ElementType, Tensor, TensorView};
pub(crate) use wasi::{Report, WasiNnCtx, add_to_linker, wasi_nn_ctx};

/// Largest model that is read, in bytes. Detectors are 1 to 300 MB; beyond 1 GiB
/// a wrong file (a disk image, a video) is likelier than a model.
pub(crate) const MAX_MODEL_BYTES: u64 = 1 << 30;

/// Largest model that a guest may hand over as bytes: it comes out of a guest's
/// memory and is parsed, so it is held to far less than the operator's models.
pub(crate) const MAX_GUEST_MODEL_BYTES: usize = 64 << 20;

/// Largest tensor that is taken from or given to a guest, in bytes: a batch of
/// 16 pictures of 1920x1080 in f32 RGB is 398 MB.
pub(crate) const MAX_TENSOR_BYTES: u64 = 512 << 20;

/// Most dimensions of a tensor; ONNX models in use stay at 6 or below.
pub(crate) const MAX_RANK: usize = 8;

/// Most inputs of one call, and most outputs of one model.
pub(crate) const MAX_TENSORS: usize = 256;

/// The embedded engine without the registry around it.
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing {
    use std::sync::Arc;

    use super::NnError;
    use super::backend::embedded::Embedded;
    use super::backend::{Backend, LoadOptions};

    pub(crate) struct Engine(Embedded);

    impl Engine {
        pub(crate) fn new() -> Self {
            Self(Embedded::new())
        }

        /// Loads a model and runs nothing.
        pub(crate) fn load(&self, model: &Arc<[u8]>) -> Result<(), NnError> {
            let options = LoadOptions {
                name: "fuzz".to_owned(),
                threads: 1,
                device: None,
                precision: None,
                varies: false,
            };
            self.0.load(model, &options).map(drop)
        }
    }
}

#[cfg(test)]
mod tests;
