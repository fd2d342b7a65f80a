//! What the command line and the manifest say of inference, as one.

use std::path::PathBuf;
use std::time::Duration;

use millstream_core::manifest::{self, Backend, InferenceSettings};
use millstream_runtime::{BackendChoice, Batching, InferenceOptions, ModelOptions, Precision};

use crate::args::InferenceArgs;

/// For all models: the command line counts more than the manifest.
pub(crate) fn options(
    args: &InferenceArgs,
    settings: Option<&InferenceSettings>,
) -> InferenceOptions {
    let settings = settings.copied().unwrap_or_default();
    let batching = Batching::default();
    InferenceOptions {
        backend: args.backend.unwrap_or_else(|| choice(settings.backend)),
        threads: args.threads.or(settings.threads).map(|it| it as usize),
        device: args.device.or(settings.device).map(|it| it as usize),
        precision: args.precision.or(settings.precision.map(precision)),
        batching: Batching {
            max_batch: args
                .max_batch
                .or(settings.max_batch)
                .unwrap_or(batching.max_batch),
            max_delay: args
                .max_delay
                .or(settings.max_delay.map(Duration::from_nanos))
                .unwrap_or(batching.max_delay),
        },
    }
}

/// For one model of the manifest: what stands on the command line counts for all.
pub(crate) fn model_options(
    args: &InferenceArgs,
    model: &manifest::Model,
    labels: Option<PathBuf>,
) -> ModelOptions {
    // Another backend counts devices and precisions of its own.
    let other = args.backend.is_some();
    let device = model.device.filter(|_| args.device.is_none() && !other);
    let wanted = model
        .precision
        .filter(|_| args.precision.is_none() && !other);
    let threads = model.threads.filter(|_| args.threads.is_none());
    let max_delay = model.max_delay.filter(|_| args.max_delay.is_none());
    ModelOptions {
        labels,
        backend: model.backend.filter(|_| !other).map(choice),
        threads: threads.map(|it| it as usize),
        device: device.map(|it| it as usize),
        precision: wanted.map(precision),
        max_batch: model.max_batch.filter(|_| args.max_batch.is_none()),
        max_delay: max_delay.map(Duration::from_nanos),
    }
}

fn choice(backend: Backend) -> BackendChoice {
    match backend {
        Backend::Auto => BackendChoice::Auto,
        Backend::Embedded => BackendChoice::Embedded,
        Backend::OnnxRuntime => BackendChoice::Onnxruntime,
        Backend::WebGpu => BackendChoice::Webgpu,
        Backend::Cuda => BackendChoice::Cuda,
        Backend::TensorRt => BackendChoice::Tensorrt,
        Backend::OpenVino => BackendChoice::Openvino,
    }
}

fn precision(precision: manifest::Precision) -> Precision {
    match precision {
        manifest::Precision::F32 => Precision::F32,
        manifest::Precision::F16 => Precision::F16,
        manifest::Precision::Bf16 => Precision::Bf16,
    }
}
