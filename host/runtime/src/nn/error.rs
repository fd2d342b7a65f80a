//! What goes wrong between a model's name and its outputs, with what to do
//! about it.

use std::path::PathBuf;

use super::backend::BackendChoice;
use super::tensor::ElementType;

/// Why a model could not be found, loaded or run.
///
/// `Display` gives one line of cause; [`NnError::hint`] gives what the user can
/// do about it, where there is something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// No model has this name.
    #[error("no model is called `{name}`; there is {}", listed(known))]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The name that is most like it.
        similar: Option<String>,
        /// Every name that there is, sorted.
        known: Vec<String>,
    },
    /// No backend has this name.
    #[error("no inference backend is called `{name}`; there is {}", backends())]
    UnknownBackend {
        /// The name asked for.
        name: String,
    },
    /// The backend that was asked for is not on this machine.
    #[error("the inference backend `{backend}` is not available: {why}")]
    BackendUnavailable {
        /// The backend.
        backend: &'static str,
        /// What is missing, and where it was looked for.
        why: String,
        /// What to do about it.
        hint: String,
    },
    /// The backend has no device of this number.
    #[error("`{backend}` has no device {wanted}; there is {}", numbered(known))]
    UnknownDevice {
        /// The backend.
        backend: &'static str,
        /// The number asked for.
        wanted: usize,
        /// Its devices, in order.
        known: Vec<String>,
    },
    /// The backend cannot run the model in this precision.
    #[error("`{backend}` cannot run the model `{model}` in {wanted}: {why}")]
    Precision {
        /// The model.
        model: String,
        /// The backend.
        backend: &'static str,
        /// The precision asked for.
        wanted: &'static str,
        /// What it can do instead.
        why: String,
    },
    /// A model's file cannot be read.
    #[error("cannot read the model `{name}` from `{}`: {source}", path.display())]
    ReadModel {
        /// The model.
        name: String,
        /// Its file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A model's files are not what they were when their digests were told.
    #[error("the files of model `{name}` were replaced while the pipeline was made")]
    Changed {
        /// The model.
        name: String,
    },
    /// A file of labels cannot be read.
    #[error("cannot read the labels of model `{name}` from `{}`: {source}", path.display())]
    ReadLabels {
        /// The model.
        name: String,
        /// The file of labels.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A model is larger than this build reads.
    #[error("the model `{name}` has {bytes} bytes; at most {limit} are read")]
    ModelTooLarge {
        /// The model.
        name: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The bytes are not an ONNX model.
    #[error("the model `{name}` is not an ONNX file: {why}")]
    NotOnnx {
        /// The model.
        name: String,
        /// What is wrong with the bytes.
        why: String,
    },
    /// The backend refuses the model.
    #[error("`{backend}` cannot load the model `{name}`: {why}")]
    Load {
        /// The model.
        name: String,
        /// Who refused it.
        backend: &'static str,
        /// What the backend said.
        why: String,
    },
    /// An input is missing, unknown, or not what the model takes.
    #[error("input `{input}` of model `{model}`: {why}")]
    Input {
        /// The model.
        model: String,
        /// The input's name.
        input: String,
        /// Got and expected.
        why: String,
    },
    /// A tensor is malformed or over a limit.
    #[error("malformed tensor: {why}")]
    Tensor {
        /// Got and expected.
        why: String,
    },
    /// A type of elements that the backend, or `wasi:nn`, cannot carry.
    #[error("tensor `{tensor}` has elements of type `{element_type}`, which {who} does not carry")]
    UnsupportedType {
        /// The tensor.
        tensor: String,
        /// Its type.
        element_type: ElementType,
        /// The backend or interface.
        who: &'static str,
    },
    /// The model ran and failed.
    #[error("`{backend}` failed to run the model `{model}`: {why}")]
    Run {
        /// The model.
        model: String,
        /// What ran it.
        backend: &'static str,
        /// What the backend said.
        why: String,
    },
}

impl NnError {
    /// What the user can do about it, ready to paste where it is a command.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownModel { similar: Some(similar), .. } => {
                Some(format!("did you mean `{similar}`?"))
            }
            Self::UnknownModel { .. } => Some(
                "name a model in the manifest: `[models.NAME]` with `file = \"model.onnx\"`".into(),
            ),
            Self::BackendUnavailable { hint, .. } => Some(hint.clone()),
            Self::Load { backend: "embedded", .. } => Some(
                "try the other backend: `cargo xtask setup --backend onnxruntime`, then `backend = \"onnxruntime\"`"
                    .into(),
            ),
            Self::Load { backend, .. } | Self::Run { backend, .. }
                if !matches!(*backend, "onnxruntime") =>
            {
                Some("try it on the CPU: `backend = \"onnxruntime\"`".into())
            }
            Self::UnsupportedType { who: "the backend `embedded`", .. } => Some(
                "`cargo xtask setup --backend onnxruntime`, then `backend = \"onnxruntime\"`".into(),
            ),
            Self::Changed { .. } => Some("wait until they are complete, and start again".into()),
            Self::UnknownDevice { .. } => {
                Some("`millstream backends` lists them with their numbers".into())
            }
            Self::Precision { .. } => Some(
                "leave `precision` out, or choose `backend = \"openvino\"` or `\"tensorrt\"`, which convert"
                    .into(),
            ),
            _ => None,
        }
    }
}

fn numbered(names: &[String]) -> String {
    let numbered = names.iter().enumerate();
    let numbered: Vec<String> = numbered.map(|(n, name)| format!("{n}: {name}")).collect();
    numbered.join(", ")
}

fn backends() -> String {
    listed(&BackendChoice::ALL.map(|choice| choice.name().to_owned()))
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
