//! What a backend is: something that loads ONNX bytes and runs them.
//!
//! One module each: [`embedded`] (rten, always there), [`onnxruntime`] (a library
//! that is loaded at run time, on the CPU or with a provider for GPUs), [`openvino`]
//! (another library). A new one implements [`Backend`] and [`Model`] and gets a
//! line in [`BackendChoice`] and in [`libraries`].

mod choice;
mod device;
mod find;
mod gpu;
mod pool;
pub(super) mod embedded;
pub(super) mod onnxruntime;
pub(super) mod openvino;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use choice::{BackendChoice, BackendReport, Precision, Unavailable};
pub use device::{Device, DeviceKind};

use super::onnx::OnnxHeader;
use super::tensor::{ElementType, Tensor, TensorView};
use super::{MAX_TENSORS, NnError};

/// Most runs of one model side by side; each may hold memory of its own.
pub(super) const MAX_PARALLEL: usize = 4;

/// Something that can load and run models.
pub(crate) trait Backend: Send + Sync {
    /// `embedded`, `onnxruntime` …
    fn name(&self) -> &'static str;

    /// The devices that it can run on now, or why it cannot run at all. Looks for
    /// libraries and may load them; does not load a model.
    fn available(&self) -> Result<Vec<Device>, Unavailable>;

    /// Version of the engine, once that is known.
    fn version(&self) -> Option<String>;

    /// The library that it comes from, if it is one.
    fn library(&self) -> Option<PathBuf> {
        None
    }

    /// Loads ONNX bytes. Blocks for as long as that takes (up to seconds).
    fn load(&self, model: &Arc<[u8]>, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError>;
}

/// Takes outputs over, one after the other.
pub(crate) type Outputs<'a> = dyn FnMut(&TensorInfo, TensorView<'_>) -> Result<(), NnError> + 'a;

/// A loaded model, shared by everyone who runs it.
pub(crate) trait Model: Send + Sync {
    /// What is known of it, and what it runs on.
    fn info(&self) -> &ModelInfo;

    /// Runs it once and blocks until it is done. Inputs are named as in
    /// [`ModelInfo::inputs`]; outputs are given to `outputs` where they lie, in the
    /// order of [`ModelInfo::outputs`]. Any number of threads may call this at the
    /// same time.
    fn run_into(
        &self,
        inputs: &[(&str, TensorView<'_>)],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), NnError>;

    /// The same, with copies of the outputs.
    fn run(&self, inputs: &[(&str, TensorView<'_>)]) -> Result<Vec<(String, Tensor)>, NnError> {
        let mut copies = Vec::new();
        self.run_into(inputs, &mut |info, view| {
            copies.push((info.name.clone(), Tensor::from_view(view)));
            Ok(())
        })?;
        Ok(copies)
    }

    /// How many runs side by side make sense: as many as give all cores work.
    fn parallel(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (cores / self.info().threads.max(1)).clamp(1, MAX_PARALLEL)
    }
}

/// How a model is to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoadOptions {
    /// The model's name, for messages.
    pub(crate) name: String,
    /// Threads that one run may use; at least 1.
    pub(crate) threads: usize,
    /// Which of the backend's devices; none: the first GPU with memory of its own,
    /// or the first of all.
    pub(crate) device: Option<usize>,
    /// The arithmetic; none: what the model has, or `f32`.
    pub(crate) precision: Option<Precision>,
    /// Dimensions will change from run to run: batches are made.
    pub(crate) varies: bool,
}

/// One input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name in the model.
    pub name: String,
    /// The type of its elements as the model declares it.
    pub element_type: ElementType,
    /// Row-major; none where the model leaves a dimension open.
    pub dimensions: Vec<Option<u32>>,
}

/// All that is known of a loaded model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// The name under which it was added.
    pub name: String,
    /// What runs it.
    pub backend: &'static str,
    /// What that runs on: `cpu`, `Radeon 780M` …
    pub device: String,
    /// The precision of the arithmetic: `f32`, `f16`, `bf16`, `int8` …
    pub precision: String,
    /// Threads that one run uses.
    pub threads: usize,
    /// What it takes.
    pub inputs: Vec<TensorInfo>,
    /// What it gives.
    pub outputs: Vec<TensorInfo>,
    /// Key and value pairs in the file.
    pub metadata: Vec<(String, String)>,
    /// Labels by class index; empty if there are none.
    pub labels: Vec<String>,
    /// Why this backend, where that was not the user's choice, and what part of the
    /// model the chosen device does not run.
    pub note: Option<String>,
    /// How long loading took.
    pub load_nanos: u64,
    /// How long the warm-up run took; none if the model's open dimensions or
    /// types did not allow one.
    pub first_run_nanos: Option<u64>,
}

impl ModelInfo {
    /// Checks names, types and dimensions of inputs against what the model says.
    pub(super) fn check_inputs(&self, inputs: &[(&str, TensorView<'_>)]) -> Result<(), NnError> {
        let input_error = |input: &str, why: String| NnError::Input {
            model: self.name.clone(),
            input: input.to_owned(),
            why,
        };
        if inputs.len() > MAX_TENSORS {
            return Err(NnError::Tensor {
                why: format!("{} inputs, at most {MAX_TENSORS} are taken", inputs.len()),
            });
        }
        for (place, (name, tensor)) in inputs.iter().enumerate() {
            let Some(info) = self.inputs.iter().find(|info| info.name == *name) else {
                let known: Vec<&str> = self.inputs.iter().map(|info| &*info.name).collect();
                return Err(input_error(
                    name,
                    format!("there is no such input; there is `{}`", known.join("`, `")),
                ));
            };
            if inputs.iter().take(place).any(|(other, _)| other == name) {
                return Err(input_error(name, "given twice".into()));
            }
            if !info.takes(tensor) {
                return Err(input_error(
                    name,
                    format!("got {tensor:?}, expected {info}"),
                ));
            }
        }
        match self
            .inputs
            .iter()
            .find(|info| inputs.iter().all(|(name, _)| *name != info.name))
        {
            Some(missing) => Err(input_error(
                &missing.name,
                format!("missing, expected {missing}"),
            )),
            None => Ok(()),
        }
    }
}

impl TensorInfo {
    fn takes(&self, tensor: &TensorView<'_>) -> bool {
        let same_type = self.element_type == tensor.element_type()
            // `wasi:nn` has no booleans: bytes stand for them.
            || (self.element_type == ElementType::Bool && tensor.element_type() == ElementType::U8);
        same_type
            && self.dimensions.len() == tensor.dimensions().len()
            && self
                .dimensions
                .iter()
                .zip(tensor.dimensions())
                .all(|(wanted, got)| wanted.is_none_or(|wanted| wanted == *got))
    }
}

impl fmt::Display for TensorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[", self.element_type)?;
        for (place, size) in self.dimensions.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            match size {
                Some(size) => write!(f, "{size}")?,
                None => f.write_str("?")?,
            }
        }
        f.write_str("]")
    }
}

/// Every backend that is a library, found at run time; in the order of reports.
pub(super) fn libraries() -> Vec<Arc<dyn Backend>> {
    vec![
        Arc::new(onnxruntime::Onnxruntime(onnxruntime::cpu::Cpu)),
        Arc::new(onnxruntime::Onnxruntime(onnxruntime::webgpu::Webgpu)),
        Arc::new(onnxruntime::Onnxruntime(onnxruntime::cuda::Cuda)),
        Arc::new(onnxruntime::Onnxruntime(onnxruntime::tensorrt::Tensorrt)),
        Arc::new(openvino::Openvino),
    ]
}

/// What a backend knows of a model that it has just loaded.
fn info_from_header(
    header: OnnxHeader,
    backend: &'static str,
    device: &Device,
    options: &LoadOptions,
) -> ModelInfo {
    ModelInfo {
        name: options.name.clone(),
        backend,
        device: device.to_string(),
        precision: header.precision.into(),
        threads: options.threads,
        inputs: header.inputs,
        outputs: header.outputs,
        metadata: header.metadata,
        labels: Vec::new(),
        note: None,
        load_nanos: 0,
        first_run_nanos: None,
    }
}

fn dimensions_from_shape(shape: &[usize]) -> Result<Vec<u32>, NnError> {
    let dimensions = shape.iter().map(|&size| u32::try_from(size).ok());
    dimensions
        .collect::<Option<_>>()
        .ok_or_else(|| NnError::Tensor {
            why: format!("an output of dimensions {shape:?}"),
        })
}

/// Refuses a precision that the model does not have, for backends that compute as
/// the model says.
fn check_precision(
    backend: &'static str,
    header: &OnnxHeader,
    options: &LoadOptions,
) -> Result<(), NnError> {
    match options.precision {
        Some(wanted) if wanted.name() != header.precision => Err(NnError::Precision {
            model: options.name.clone(),
            backend,
            wanted: wanted.name(),
            why: format!(
                "it computes as the model says, and the model is {}",
                header.precision
            ),
        }),
        _ => Ok(()),
    }
}

/// The header of a model that is to be loaded.
fn header_of(model: &[u8], options: &LoadOptions) -> Result<OnnxHeader, NnError> {
    super::onnx::read_header(model).map_err(|why| NnError::NotOnnx {
        name: options.name.clone(),
        why,
    })
}

pub(super) fn unavailable(backend: &'static str, missing: Unavailable) -> NnError {
    NnError::BackendUnavailable {
        backend,
        why: missing.why,
        hint: missing.hint,
    }
}
