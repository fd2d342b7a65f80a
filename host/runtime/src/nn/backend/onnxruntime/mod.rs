//! onnxruntime: an engine that is loaded at run time if it is there, with a
//! backend for each way to run it.
//!
//! ```text
//! library.rs    finds and loads libonnxruntime: one for each process
//! cpu.rs        `onnxruntime`: what the library itself does
//! plugin.rs     providers in libraries of their own, and their devices
//! webgpu.rs     `webgpu`: a plug-in for any vendor's GPU
//! cuda.rs       `cuda`: NVIDIA's GPUs
//! tensorrt.rs   `tensorrt`: the same, through NVIDIA's optimizer
//! session.rs    a model: sessions, and runs
//! values.rs     tensors to and from the engine
//! raw.rs        the few calls that the crate `ort` does not wrap
//! ```
//!
//! # Which library
//! The one that `MILLSTREAM_ONNXRUNTIME` names; otherwise the nearest, and at the
//! same place the one built for CUDA before the one for the CPU. It serves
//! `onnxruntime` and `webgpu`, and `cuda` and `tensorrt` if it is built for CUDA.

pub(super) mod cpu;
pub(super) mod cuda;
pub(super) mod tensorrt;
pub(super) mod webgpu;
mod library;
mod plugin;
mod raw;
mod session;
mod values;

use std::path::PathBuf;
use std::sync::Arc;

use ort::session::builder::SessionBuilder;

use super::super::NnError;
use super::super::onnx::OnnxHeader;
use super::{Backend, Device, LoadOptions, Model, Unavailable, device};
use library::Library;
use session::OnnxruntimeModel;

/// A way to run models with onnxruntime.
pub(super) trait Provider: Clone + Send + Sync + 'static {
    /// The backend's name.
    const NAME: &'static str;

    /// Whether sessions of one model may run side by side: on a GPU they would
    /// only take more of its memory.
    const SIDE_BY_SIDE: bool = false;

    /// The devices that it can use now, at least one; or what is missing.
    fn devices(&self, library: &'static Library) -> Result<Vec<Device>, Unavailable>;

    /// Refuses what it cannot do, before the model is read.
    fn check(&self, header: &mut OnnxHeader, options: &LoadOptions) -> Result<(), NnError> {
        super::check_precision(Self::NAME, header, options)
    }

    /// Tells a session to use it.
    fn configure(
        &self,
        builder: SessionBuilder,
        library: &'static Library,
        chosen: &Chosen,
    ) -> Result<SessionBuilder, String>;
}

/// What a session runs on.
pub(super) struct Chosen {
    /// Index of the device.
    pub(super) index: usize,
    pub(super) options: LoadOptions,
}

/// A provider as a backend; all of its state belongs to the process.
pub(super) struct Onnxruntime<P>(pub(super) P);

impl<P: Provider> Backend for Onnxruntime<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn available(&self) -> Result<Vec<Device>, Unavailable> {
        self.0.devices(library::library()?)
    }

    fn version(&self) -> Option<String> {
        library::library().ok()?.version.clone()
    }

    fn library(&self) -> Option<PathBuf> {
        Some(library::library().ok()?.path.clone())
    }

    fn load(&self, model: &Arc<[u8]>, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
        let missing = |missing| super::unavailable(P::NAME, missing);
        let library = library::library().map_err(missing)?;
        let devices = self.0.devices(library).map_err(missing)?;
        let mut header = super::header_of(model, options)?;
        values::check_types(P::NAME, &header)?;
        let (index, device) = device::select(P::NAME, &devices, options.device)?;
        self.0.check(&mut header, options)?;
        let info = super::info_from_header(header, P::NAME, device, options);
        let chosen = Chosen {
            index,
            options: options.clone(),
        };
        let model =
            OnnxruntimeModel::new(self.0.clone(), library, chosen, Arc::clone(model), info)?;
        Ok(Arc::new(model))
    }
}
