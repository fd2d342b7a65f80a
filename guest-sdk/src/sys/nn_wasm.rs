//! Inference on wasm32: sessions of the contract, and `wasi:nn` by name.

use crate::bindings::millstream::media::models;
use crate::bindings::wasi::nn::errors::{Error, ErrorCode};
use crate::bindings::wasi::nn::inference::GraphExecutionContext;
use crate::bindings::wasi::nn::tensor::Tensor as RawTensor;
use crate::bindings::wasi::nn::{graph, tensor};
use crate::buffer::Buffer;
use crate::failure::Failure;
use crate::nn::{ElementType, Input, Output, Tensor};

/// A session of the contract.
#[derive(Debug)]
pub(crate) struct Session(models::Session);

impl Session {
    pub(crate) fn open(name: &str) -> Result<Self, Failure> {
        models::Session::open(name).map(Self)
    }

    pub(crate) fn compute(
        &mut self,
        inputs: &[Input<'_>],
        deadline: Option<u64>,
    ) -> Result<Option<Vec<Output>>, Failure> {
        let raw = inputs.iter().map(|input| models::Input {
            name: input.name.to_owned(),
            element_type: input.element_type,
            dimensions: input.dimensions.to_vec(),
            data: input.data.raw(),
        });
        let outputs = self.0.compute(&raw.collect::<Vec<_>>(), deadline)?;
        let from_raw = |output: models::Output| Output {
            name: output.name,
            element_type: output.element_type,
            dimensions: output.dimensions,
            data: Buffer::from_raw(output.data),
        };
        Ok(outputs.map(|outputs| outputs.into_iter().map(from_raw).collect()))
    }
}

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
            let element = raw_type(tensor.element_type())?;
            let raw = RawTensor::new(tensor.dimensions(), element, tensor.bytes());
            Ok(((*name).to_owned(), raw))
        });
        let outputs = self.context.compute(raw.collect::<Result<_, Failure>>()?);
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

fn raw_type(element: ElementType) -> Result<tensor::TensorType, Failure> {
    Ok(match element {
        ElementType::F16 => tensor::TensorType::Fp16,
        ElementType::F32 => tensor::TensorType::Fp32,
        ElementType::F64 => tensor::TensorType::Fp64,
        ElementType::Bf16 => tensor::TensorType::Bf16,
        ElementType::U8 | ElementType::Boolean => tensor::TensorType::U8,
        ElementType::I32 => tensor::TensorType::I32,
        ElementType::I64 => tensor::TensorType::I64,
        other => {
            let message = format!("`wasi:nn` has no tensors of {other:?}");
            return Err(Failure::inference(message).hint("use `Session`"));
        }
    })
}

const fn sdk_type(element: tensor::TensorType) -> ElementType {
    match element {
        tensor::TensorType::Fp16 => ElementType::F16,
        tensor::TensorType::Fp32 => ElementType::F32,
        tensor::TensorType::Fp64 => ElementType::F64,
        tensor::TensorType::Bf16 => ElementType::Bf16,
        tensor::TensorType::U8 => ElementType::U8,
        tensor::TensorType::I32 => ElementType::I32,
        tensor::TensorType::I64 => ElementType::I64,
    }
}
