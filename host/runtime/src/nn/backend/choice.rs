//! What users choose, and what they are told of the choices.

use std::fmt;
use std::str::FromStr;

use super::super::NnError;
use super::Device;

/// Which backend is to run a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BackendChoice {
    /// onnxruntime if its library loads, else `embedded`; never a GPU.
    #[default]
    Auto,
    /// rten, compiled in; on the CPU.
    Embedded,
    /// The library onnxruntime, on the CPU.
    Onnxruntime,
    /// onnxruntime with its WebGPU plug-in: a GPU of any vendor, through Vulkan,
    /// Metal or Direct3D.
    Webgpu,
    /// onnxruntime built for CUDA: a GPU of NVIDIA's.
    Cuda,
    /// The same with `TensorRT`, which spends minutes on the first load and is
    /// faster from then on.
    Tensorrt,
    /// The library `OpenVINO`: CPUs, and Intel's GPUs and NPUs.
    Openvino,
}

impl BackendChoice {
    /// Every choice, for help texts.
    pub const ALL: [Self; 7] = [
        Self::Auto,
        Self::Embedded,
        Self::Onnxruntime,
        Self::Webgpu,
        Self::Cuda,
        Self::Tensorrt,
        Self::Openvino,
    ];

    /// As the manifest writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Embedded => "embedded",
            Self::Onnxruntime => "onnxruntime",
            Self::Webgpu => "webgpu",
            Self::Cuda => "cuda",
            Self::Tensorrt => "tensorrt",
            Self::Openvino => "openvino",
        }
    }
}

impl fmt::Display for BackendChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for BackendChoice {
    type Err = NnError;

    fn from_str(name: &str) -> Result<Self, NnError> {
        Self::ALL
            .into_iter()
            .find(|choice| choice.name() == name)
            .ok_or_else(|| NnError::UnknownBackend {
                name: name.to_owned(),
            })
    }
}

/// The arithmetic of a model, where a backend can choose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// IEEE single.
    F32,
    /// IEEE half: numbers up to 65504, three decimal digits.
    F16,
    /// The upper half of a single: its range, two decimal digits.
    Bf16,
}

impl Precision {
    /// Every choice, for help texts.
    pub const ALL: [Self; 3] = [Self::F32, Self::F16, Self::Bf16];

    /// As the manifest writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|precision| precision.name() == name)
            .ok_or_else(|| "there is `f32`, `f16`, `bf16`".to_owned())
    }
}

/// Why a backend cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// What is missing, and where it was looked for.
    pub why: String,
    /// What to do about it, ready to paste.
    pub hint: String,
}

/// What there is to say about a backend on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendReport {
    /// `embedded`, `onnxruntime` …
    pub name: &'static str,
    /// Version of the engine, if it could be asked.
    pub version: Option<String>,
    /// The library that it comes from, if it is one.
    pub library: Option<std::path::PathBuf>,
    /// What it can run on, in the order that `device` counts; or why it cannot.
    pub devices: Result<Vec<Device>, Unavailable>,
    /// Whether `auto` takes this one.
    pub chosen_by_auto: bool,
}
