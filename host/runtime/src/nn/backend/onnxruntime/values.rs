//! Tensors to and from the engine: inputs are borrowed where their address is
//! aligned, outputs copied once.

use std::borrow::Cow;
use std::fmt::Debug;

use half::{bf16, f16};
use ort::session::SessionInputValue;
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor as OrtTensor, TensorRef};

use super::super::super::NnError;
use super::super::super::onnx::OnnxHeader;
use super::super::super::tensor::{
    ElementType, Number, TensorView, bytes_of_numbers, numbers_from_bytes,
};
use super::super::{Outputs, TensorInfo, dimensions_from_shape};

/// Refuses models with texts, complex numbers and the like at their edges.
pub(super) fn check_types(backend: &'static str, header: &OnnxHeader) -> Result<(), NnError> {
    let tensors = header.inputs.iter().chain(&header.outputs);
    match tensors
        .into_iter()
        .find(|info| info.element_type.bytes().is_none())
    {
        Some(info) => Err(NnError::UnsupportedType {
            tensor: info.name.clone(),
            element_type: info.element_type,
            who: backend,
        }),
        None => Ok(()),
    }
}

/// A tensor as the engine's value, as the type that the model declares.
pub(super) fn value_from_tensor(
    element_type: ElementType,
    tensor: TensorView<'_>,
) -> Result<SessionInputValue<'_>, String> {
    match element_type {
        ElementType::U8 => value_of::<u8>(tensor),
        ElementType::I8 => value_of::<i8>(tensor),
        ElementType::U16 => value_of::<u16>(tensor),
        ElementType::I16 => value_of::<i16>(tensor),
        ElementType::U32 => value_of::<u32>(tensor),
        ElementType::I32 => value_of::<i32>(tensor),
        ElementType::U64 => value_of::<u64>(tensor),
        ElementType::I64 => value_of::<i64>(tensor),
        ElementType::F16 => value_of::<f16>(tensor),
        ElementType::Bf16 => value_of::<bf16>(tensor),
        ElementType::F32 => value_of::<f32>(tensor),
        ElementType::F64 => value_of::<f64>(tensor),
        ElementType::Bool => {
            let values: Vec<bool> = tensor.data().iter().map(|&byte| byte != 0).collect();
            let value = OrtTensor::from_array((tensor.shape(), values));
            value.map(Into::into).map_err(|error| error.to_string())
        }
        other => Err(format!("elements of type `{other}`")),
    }
}

fn value_of<T>(tensor: TensorView<'_>) -> Result<SessionInputValue<'_>, String>
where
    T: Number + PrimitiveTensorElementType + Debug,
{
    match numbers_from_bytes::<T>(tensor.data()) {
        Cow::Borrowed(numbers) => {
            TensorRef::from_array_view((tensor.shape(), numbers)).map(SessionInputValue::from)
        }
        Cow::Owned(numbers) => {
            OrtTensor::from_array((tensor.shape(), numbers)).map(SessionInputValue::from)
        }
    }
    .map_err(|error| error.to_string())
}

/// Gives an output as the type that the model declares; what `outputs` says is
/// inside, what the engine says outside.
pub(super) fn give(
    info: &TensorInfo,
    value: &DynValue,
    outputs: &mut Outputs<'_>,
) -> Result<Result<(), NnError>, String> {
    match info.element_type {
        ElementType::U8 => give_numbers::<u8>(info, value, outputs),
        ElementType::I8 => give_numbers::<i8>(info, value, outputs),
        ElementType::U16 => give_numbers::<u16>(info, value, outputs),
        ElementType::I16 => give_numbers::<i16>(info, value, outputs),
        ElementType::U32 => give_numbers::<u32>(info, value, outputs),
        ElementType::I32 => give_numbers::<i32>(info, value, outputs),
        ElementType::U64 => give_numbers::<u64>(info, value, outputs),
        ElementType::I64 => give_numbers::<i64>(info, value, outputs),
        ElementType::F16 => give_numbers::<f16>(info, value, outputs),
        ElementType::Bf16 => give_numbers::<bf16>(info, value, outputs),
        ElementType::F32 => give_numbers::<f32>(info, value, outputs),
        ElementType::F64 => give_numbers::<f64>(info, value, outputs),
        ElementType::Bool => {
            let (shape, values) = value
                .try_extract_tensor::<bool>()
                .map_err(|e| e.to_string())?;
            let bytes: Vec<u8> = values.iter().map(|&value| u8::from(value)).collect();
            hand_over(info, shape, &bytes, outputs)
        }
        other => Err(format!("an output of type `{other}`")),
    }
}

fn give_numbers<T>(
    info: &TensorInfo,
    value: &DynValue,
    outputs: &mut Outputs<'_>,
) -> Result<Result<(), NnError>, String>
where
    T: Number + PrimitiveTensorElementType,
{
    let (shape, numbers) = value
        .try_extract_tensor::<T>()
        .map_err(|error| error.to_string())?;
    hand_over(info, shape, &bytes_of_numbers(numbers), outputs)
}

fn hand_over(
    info: &TensorInfo,
    shape: &[i64],
    data: &[u8],
    outputs: &mut Outputs<'_>,
) -> Result<Result<(), NnError>, String> {
    let shape: Result<Vec<usize>, _> = shape.iter().map(|&size| usize::try_from(size)).collect();
    let shape = shape.map_err(|error| error.to_string())?;
    let dimensions = dimensions_from_shape(&shape).map_err(|error| error.to_string())?;
    let view = TensorView::new(info.element_type, &dimensions, data);
    Ok(view.and_then(|view| outputs(info, view)))
}
