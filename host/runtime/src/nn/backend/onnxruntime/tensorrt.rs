//! `tensorrt`: NVIDIA's GPUs through `TensorRT`, which builds an engine for the
//! model when it is loaded; that takes minutes.
//!
//! Its provider is one of the old kind, which the library loads by itself, and has
//! no list of devices: those are CUDA's, in the same order. What `TensorRT` cannot
//! do, CUDA does.

use ort::ep::TensorRT;
use ort::session::builder::SessionBuilder;

use super::super::find;
use super::super::{Device, LoadOptions, Precision, Unavailable};
use super::library::Library;
use super::{Chosen, Provider, cuda};
use crate::nn::NnError;
use crate::nn::onnx::OnnxHeader;

const PROVIDER: &str = "onnxruntime_providers_tensorrt";

/// What the provider needs of `TensorRT`.
const LIBRARIES: &[&str] = &["libnvinfer.so.10", "libnvonnxparser.so.10"];

/// The provider for `TensorRT`.
#[derive(Clone)]
pub(in super::super) struct Tensorrt;

impl Provider for Tensorrt {
    const NAME: &'static str = "tensorrt";

    fn devices(&self, library: &'static Library) -> Result<Vec<Device>, Unavailable> {
        let devices = cuda::devices(library)?;
        let provider = find::plain_name(PROVIDER);
        let unavailable = |why: String| {
            Unavailable {
            why,
            hint: "install TensorRT 10 for CUDA 13 where the system finds libraries, or put `libnvinfer.so.10` and \
                   `libnvonnxparser.so.10` beside the library onnxruntime"
                .into(),
        }
        };
        if !library.folder().join(&provider).exists() {
            return Err(unavailable(format!(
                "no `{provider}` lies in `{}`",
                library.folder().display()
            )));
        }
        for &name in LIBRARIES {
            let beside = library.folder().join(name);
            let loaded = if beside.exists() {
                ort::util::preload_dylib(beside)
            } else {
                ort::util::preload_dylib(name)
            };
            loaded.map_err(|error| unavailable(error.to_string()))?;
        }
        Ok(devices)
    }

    fn check(&self, header: &mut OnnxHeader, options: &LoadOptions) -> Result<(), NnError> {
        if let Some(precision) = options.precision {
            header.precision = precision.name();
        }
        Ok(())
    }

    fn configure(
        &self,
        builder: SessionBuilder,
        library: &'static Library,
        chosen: &Chosen,
    ) -> Result<SessionBuilder, String> {
        let index = i32::try_from(chosen.index).map_err(|error| error.to_string())?;
        let precision = chosen.options.precision;
        let provider = TensorRT::default()
            .with_device_id(index)
            .with_fp16(precision == Some(Precision::F16))
            .with_bf16(precision == Some(Precision::Bf16))
            .build()
            .error_on_failure();
        let builder = builder
            .with_execution_providers([provider])
            .map_err(|error| error.to_string())?;
        cuda::PLUGIN.configure(builder, library, chosen.index, &[])
    }
}
