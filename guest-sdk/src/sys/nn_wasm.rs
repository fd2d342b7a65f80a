//! `wasi:nn` by name.

use crate::bindings::wasi::nn::errors::{Error, ErrorCode};
use crate::bindings::wasi::nn::inference::GraphExecutionContext;
use crate::bindings::wasi::nn::tensor::Tensor as RawTensor;
use crate::bindings::wasi::nn::{graph, tensor};
use crate::failure::Failure;
use crate::nn::{Tensor, TensorType};

/// A loaded model, ready to compute.
#[derive(Debug)]
pub(crate) struct Graph {
    context: GraphExecutionContext,
    // Dropped after its context.
    _graph: graph::Graph,
}

impl Graph {
    pub(crate) fn load(name: &str) -> Result<Self, Failure> {
        let explain = |error: Error| failure(&format!("cannot load model `{name}`"), &error);
        let graph = graph::load_by_name(name).map_err(explain)?;
        let context = graph.init_execution_context().map_err(explain)?;
        Ok(Self {
            context,
            _graph: graph,
        })
    }

    pub(crate) fn compute(
        &mut self,
        inputs: &[(&str, Tensor<'_>)],
    ) -> Result<Vec<(String, Tensor<'static>)>, Failure> {
        let raw = inputs.iter().map(|(name, tensor)| {
            let dimensions = tensor.dimensions();
            let element = raw_type(tensor.element_type());
            (
                (*name).to_owned(),
                RawTensor::new(dimensions, element, tensor.bytes()),
            )
        });
        let outputs = self.context.compute(raw.collect());
        let outputs = outputs.map_err(|error| failure("the model failed", &error))?;
        Ok(outputs
            .into_iter()
            .map(|(name, raw)| (name, from_raw(&raw)))
            .collect())
    }
}

fn from_raw(raw: &RawTensor) -> Tensor<'static> {
    Tensor::from_parts(raw.dimensions(), sdk_type(raw.ty()), raw.data())
}

fn failure(what: &str, error: &Error) -> Failure {
    let (code, data) = (error.code(), error.data());
    let failure = Failure::inference(format!("{what}: {data} ({})", word(code)));
    match code {
        ErrorCode::NotFound => failure.hint("name the model in the manifest under `[models]`"),
        _ => failure,
    }
}

const fn word(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidArgument => "invalid argument",
        ErrorCode::InvalidEncoding => "invalid encoding",
        ErrorCode::Timeout => "timeout",
        ErrorCode::RuntimeError => "runtime error",
        ErrorCode::UnsupportedOperation => "unsupported operation",
        ErrorCode::TooLarge => "too large",
        ErrorCode::NotFound => "not found",
        ErrorCode::Security => "not allowed",
        ErrorCode::Unknown => "unknown",
    }
}

const fn raw_type(element: TensorType) -> tensor::TensorType {
    match element {
        TensorType::F16 => tensor::TensorType::Fp16,
        TensorType::F32 => tensor::TensorType::Fp32,
        TensorType::F64 => tensor::TensorType::Fp64,
        TensorType::Bf16 => tensor::TensorType::Bf16,
        TensorType::U8 => tensor::TensorType::U8,
        TensorType::I32 => tensor::TensorType::I32,
        TensorType::I64 => tensor::TensorType::I64,
    }
}

const fn sdk_type(element: tensor::TensorType) -> TensorType {
    match element {
        tensor::TensorType::Fp16 => TensorType::F16,
        tensor::TensorType::Fp32 => TensorType::F32,
        tensor::TensorType::Fp64 => TensorType::F64,
        tensor::TensorType::Bf16 => TensorType::Bf16,
        tensor::TensorType::U8 => TensorType::U8,
        tensor::TensorType::I32 => TensorType::I32,
        tensor::TensorType::I64 => TensorType::I64,
    }
}
