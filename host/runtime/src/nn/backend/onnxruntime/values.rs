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
    ElementType, Number, Tensor, TensorView, bytes_from_numbers, numbers_from_bytes,
};
use super::super::{TensorInfo, dimensions_from_shape};

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

/// An output as the type that the model declares.
pub(super) fn tensor_from_value(info: &TensorInfo, value: &DynValue) -> Result<Tensor, String> {
    match info.element_type {
        ElementType::U8 => tensor_of::<u8>(value),
        ElementType::I8 => tensor_of::<i8>(value),
        ElementType::U16 => tensor_of::<u16>(value),
        ElementType::I16 => tensor_of::<i16>(value),
        ElementType::U32 => tensor_of::<u32>(value),
        ElementType::I32 => tensor_of::<i32>(value),
        ElementType::U64 => tensor_of::<u64>(value),
        ElementType::I64 => tensor_of::<i64>(value),
        ElementType::F16 => tensor_of::<f16>(value),
        ElementType::Bf16 => tensor_of::<bf16>(value),
        ElementType::F32 => tensor_of::<f32>(value),
        ElementType::F64 => tensor_of::<f64>(value),
        ElementType::Bool => {
            let (shape, values) = value
                .try_extract_tensor::<bool>()
                .map_err(|e| e.to_string())?;
            let bytes = values.iter().map(|&value| u8::from(value)).collect();
            finished(ElementType::Bool, shape, bytes)
        }
        other => Err(format!("an output of type `{other}`")),
    }
}

fn tensor_of<T>(value: &DynValue) -> Result<Tensor, String>
where
    T: Number + PrimitiveTensorElementType,
{
    let (shape, numbers) = value
        .try_extract_tensor::<T>()
        .map_err(|error| error.to_string())?;
    finished(T::ELEMENT_TYPE, shape, bytes_from_numbers(numbers))
}

fn finished(element_type: ElementType, shape: &[i64], data: Vec<u8>) -> Result<Tensor, String> {
    let shape: Result<Vec<usize>, _> = shape.iter().map(|&size| usize::try_from(size)).collect();
    let shape = shape.map_err(|error| error.to_string())?;
    let dimensions = dimensions_from_shape(&shape).map_err(|error| error.to_string())?;
    Tensor::new(element_type, dimensions, data).map_err(|error| error.to_string())
}
