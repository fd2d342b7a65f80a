//! A model in `OpenVINO`: one copy of its weights, and a request for each inference
//! that runs at the same time.

use std::sync::{Mutex, PoisonError};

use openvino::{CompiledModel, ElementType as OvType, InferRequest, Shape, Tensor as OvTensor};

use super::super::super::NnError;
use super::super::super::onnx::OnnxHeader;
use super::super::super::tensor::{ElementType, TensorView};
use super::super::pool::Pool;
use super::super::{Model, ModelInfo, Outputs, TensorInfo, dimensions_from_shape};
use super::NAME;

/// A model, with requests that are made when all others are busy.
pub(super) struct OpenvinoModel {
    info: ModelInfo,
    compiled: Mutex<CompiledModel>,
    requests: Pool<InferRequest>,
}

impl OpenvinoModel {
    pub(super) fn new(
        mut compiled: CompiledModel,
        limit: usize,
        info: ModelInfo,
    ) -> Result<Self, String> {
        let request = compiled.create_infer_request();
        let request = request.map_err(|error| error.to_string())?;
        Ok(Self {
            info,
            compiled: Mutex::new(compiled),
            requests: Pool::new(request, limit),
        })
    }

    fn request(&self) -> Result<InferRequest, String> {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        let request = compiled.create_infer_request();
        request.map_err(|error| error.to_string())
    }
}

impl Model for OpenvinoModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn run_into(
        &self,
        inputs: &[(&str, TensorView<'_>)],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), NnError> {
        self.info.check_inputs(inputs)?;
        let failed = |why| NnError::Run {
            model: self.info.name.clone(),
            backend: NAME,
            why,
        };
        let given = self.requests.with(
            || self.request(),
            |request| infer(request, &self.info, inputs, outputs),
        );
        given.flatten().map_err(failed)?
    }

    fn parallel(&self) -> usize {
        self.requests.limit()
    }
}

/// Runs it; what `outputs` says is inside, what the engine says outside.
fn infer(
    request: &mut InferRequest,
    info: &ModelInfo,
    inputs: &[(&str, TensorView<'_>)],
    outputs: &mut Outputs<'_>,
) -> Result<Result<(), NnError>, String> {
    for (name, tensor) in inputs {
        let declared = info.inputs.iter().find(|info| info.name == *name);
        let element_type = declared.map_or(tensor.element_type(), |info| info.element_type);
        give(request, name, element_type, *tensor)
            .map_err(|why| format!("input `{name}`: {why}"))?;
    }
    request.infer().map_err(|error| error.to_string())?;
    for output in &info.outputs {
        let tensor = request.get_tensor(&output.name);
        let tensor = tensor.map_err(|error| error.to_string());
        let given = tensor.and_then(|tensor| hand_over(output, &tensor, outputs));
        let given = given.map_err(|why| format!("output `{}`: {why}", output.name))?;
        if given.is_err() {
            return Ok(given);
        }
    }
    Ok(Ok(()))
}

/// Copies a tensor into the request's own, or into a new one if the dimensions have
/// changed.
fn give(
    request: &mut InferRequest,
    name: &str,
    element_type: ElementType,
    tensor: TensorView<'_>,
) -> Result<(), String> {
    let text = |error: openvino::InferenceError| error.to_string();
    let dimensions: Vec<i64> = tensor
        .dimensions()
        .iter()
        .map(|&it| i64::from(it))
        .collect();
    let own = request.get_tensor(name).map_err(text)?;
    let fits = own.get_shape().map_err(text)?.get_dimensions() == dimensions;
    let mut target = if fits {
        own
    } else {
        let kind = ov_type(element_type).ok_or("a type that it does not carry")?;
        let shape = Shape::new(&dimensions).map_err(text)?;
        let target = OvTensor::new(kind, &shape).map_err(text)?;
        request.set_tensor(name, &target).map_err(text)?;
        target
    };
    let bytes = target.get_raw_data_mut().map_err(text)?;
    if bytes.len() != tensor.data().len() {
        let (got, expected) = (tensor.data().len(), bytes.len());
        return Err(format!("got {got} bytes, expected {expected}"));
    }
    bytes.copy_from_slice(tensor.data());
    Ok(())
}

/// Gives an output as the type that the file declares.
fn hand_over(
    info: &TensorInfo,
    tensor: &OvTensor,
    outputs: &mut Outputs<'_>,
) -> Result<Result<(), NnError>, String> {
    let text = |error: openvino::InferenceError| error.to_string();
    let got = tensor.get_element_type().map_err(text)?;
    if Some(got) != ov_type(info.element_type) {
        return Err(format!("it is {got}, the model declares {info}"));
    }
    let shape = tensor.get_shape().map_err(text)?;
    let shape = shape
        .get_dimensions()
        .iter()
        .map(|&size| usize::try_from(size));
    let shape: Vec<usize> = shape.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    let dimensions = dimensions_from_shape(&shape).map_err(|error| error.to_string())?;
    let data = tensor.get_raw_data().map_err(text)?;
    let view = TensorView::new(info.element_type, &dimensions, data);
    Ok(view.and_then(|view| outputs(info, view)))
}

/// Refuses models whose edges cannot be carried.
pub(super) fn check_types(header: &OnnxHeader) -> Result<(), NnError> {
    let mut tensors = header.inputs.iter().chain(&header.outputs);
    let bad = |info: &&TensorInfo| ov_type(info.element_type).is_none() || info.name.contains('\0');
    match tensors.find(bad) {
        Some(info) => Err(NnError::UnsupportedType {
            tensor: info.name.clone(),
            element_type: info.element_type,
            who: "the backend `openvino`",
        }),
        None => Ok(()),
    }
}

fn ov_type(element_type: ElementType) -> Option<OvType> {
    Some(match element_type {
        ElementType::U8 => OvType::U8,
        ElementType::I8 => OvType::I8,
        ElementType::U16 => OvType::U16,
        ElementType::I16 => OvType::I16,
        ElementType::U32 => OvType::U32,
        ElementType::I32 => OvType::I32,
        ElementType::U64 => OvType::U64,
        ElementType::I64 => OvType::I64,
        ElementType::F16 => OvType::F16,
        ElementType::Bf16 => OvType::Bf16,
        ElementType::F32 => OvType::F32,
        ElementType::F64 => OvType::F64,
        ElementType::Bool => OvType::Boolean,
        _ => return None,
    })
}
