//! Tensors on the host: row-major, little-endian bytes with a type and
//! dimensions, checked once when they are made.

use std::borrow::Cow;
use std::fmt;

use half::{bf16, f16};

use super::{MAX_RANK, MAX_TENSOR_BYTES, NnError};

/// The type of a tensor's elements, as ONNX knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementType {
    /// Unsigned 8-bit integer.
    U8,
    /// Signed 8-bit integer.
    I8,
    /// Unsigned 16-bit integer.
    U16,
    /// Signed 16-bit integer.
    I16,
    /// Unsigned 32-bit integer.
    U32,
    /// Signed 32-bit integer.
    I32,
    /// Unsigned 64-bit integer.
    U64,
    /// Signed 64-bit integer.
    I64,
    /// IEEE half precision.
    F16,
    /// The upper half of an `f32`.
    Bf16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// One byte an element, 0 or 1.
    Bool,
    /// Text: no fixed size.
    Text,
    /// Anything else that ONNX has (complex numbers, 4 and 8-bit floats).
    Other,
}

impl ElementType {
    /// Bytes an element; none where there is no fixed number.
    pub fn bytes(self) -> Option<usize> {
        Some(match self {
            Self::U8 | Self::I8 | Self::Bool => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
            Self::Text | Self::Other => return None,
        })
    }

    /// The name that the WIT interface `models` uses: `f32`, `u8` …
    pub fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::I32 => "i32",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Bool => "bool",
            Self::Text => "text",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A borrowed tensor whose dimensions fit its data.
#[derive(Clone, Copy)]
pub struct TensorView<'a> {
    element_type: ElementType,
    dimensions: &'a [u32],
    data: &'a [u8],
}

impl<'a> TensorView<'a> {
    /// A view of row-major little-endian `data`.
    ///
    /// # Errors
    /// [`NnError::Tensor`] if dimensions times the size of an element are not the
    /// length of `data`, or a limit is passed.
    pub fn new(
        element_type: ElementType,
        dimensions: &'a [u32],
        data: &'a [u8],
    ) -> Result<Self, NnError> {
        let expected = byte_length(element_type, dimensions)?;
        if expected != data.len() {
            return Err(NnError::Tensor {
                why: format!(
                    "{element_type}{dimensions:?} takes {expected} bytes, got {}",
                    data.len()
                ),
            });
        }
        Ok(Self {
            element_type,
            dimensions,
            data,
        })
    }

    /// The type of the elements.
    pub fn element_type(&self) -> ElementType {
        self.element_type
    }

    /// Row-major dimensions.
    pub fn dimensions(&self) -> &'a [u32] {
        self.dimensions
    }

    /// The bytes.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The dimensions as the backends want them.
    pub(super) fn shape(&self) -> Vec<usize> {
        self.dimensions.iter().map(|&size| size as usize).collect()
    }
}

impl fmt::Debug for TensorView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.element_type, self.dimensions)
    }
}

/// An owned tensor.
#[derive(Clone, PartialEq)]
pub struct Tensor {
    element_type: ElementType,
    dimensions: Vec<u32>,
    data: Vec<u8>,
}

impl Tensor {
    /// A tensor of row-major little-endian `data`; errors as [`TensorView::new`].
    pub fn new(
        element_type: ElementType,
        dimensions: Vec<u32>,
        data: Vec<u8>,
    ) -> Result<Self, NnError> {
        TensorView::new(element_type, &dimensions, &data)?;
        Ok(Self {
            element_type,
            dimensions,
            data,
        })
    }

    /// A copy of a view.
    pub(super) fn from_view(view: TensorView<'_>) -> Self {
        Self {
            element_type: view.element_type,
            dimensions: view.dimensions.to_vec(),
            data: view.data.to_vec(),
        }
    }

    /// A tensor from numbers.
    pub fn from_numbers<T: Number>(dimensions: Vec<u32>, numbers: &[T]) -> Result<Self, NnError> {
        Self::new(
            T::ELEMENT_TYPE,
            dimensions,
            bytes_of_numbers(numbers).into_owned(),
        )
    }

    /// A tensor of zeros.
    pub fn zeros(element_type: ElementType, dimensions: Vec<u32>) -> Result<Self, NnError> {
        let data = vec![0; byte_length(element_type, &dimensions)?];
        Ok(Self {
            element_type,
            dimensions,
            data,
        })
    }

    /// The type of the elements.
    pub fn element_type(&self) -> ElementType {
        self.element_type
    }

    /// Row-major dimensions.
    pub fn dimensions(&self) -> &[u32] {
        &self.dimensions
    }

    /// The bytes.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// A view of the whole.
    pub fn view(&self) -> TensorView<'_> {
        TensorView {
            element_type: self.element_type,
            dimensions: &self.dimensions,
            data: &self.data,
        }
    }

    /// The elements as numbers; none if they are of another type.
    pub fn numbers<T: Number>(&self) -> Option<Cow<'_, [T]>> {
        (self.element_type == T::ELEMENT_TYPE).then(|| numbers_from_bytes(&self.data))
    }

    /// Dimensions and bytes.
    pub fn into_parts(self) -> (ElementType, Vec<u32>, Vec<u8>) {
        (self.element_type, self.dimensions, self.data)
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

/// Bytes that a tensor takes.
fn byte_length(element_type: ElementType, dimensions: &[u32]) -> Result<usize, NnError> {
    if dimensions.len() > MAX_RANK {
        return Err(NnError::Tensor {
            why: format!(
                "{} dimensions, at most {MAX_RANK} are taken",
                dimensions.len()
            ),
        });
    }
    let Some(size) = element_type.bytes() else {
        return Err(NnError::Tensor {
            why: format!("elements of type `{element_type}`"),
        });
    };
    let bytes = dimensions
        .iter()
        .try_fold(size as u64, |bytes, &count| {
            bytes.checked_mul(u64::from(count))
        })
        .filter(|&bytes| bytes <= MAX_TENSOR_BYTES);
    match bytes {
        Some(bytes) => Ok(bytes as usize),
        None => Err(NnError::Tensor {
            why: format!("{element_type}{dimensions:?} takes more than {MAX_TENSOR_BYTES} bytes"),
        }),
    }
}

/// Plain numbers that a tensor can hold.
pub trait Number: sealed::Plain {
    /// The type that this is.
    const ELEMENT_TYPE: ElementType;
}

mod sealed {
    /// Every bit pattern is a value, there is no padding, and memory is the
    /// little-endian encoding (on little-endian machines).
    pub trait Plain: Copy + Default + 'static {
        fn from_le(bytes: &[u8]) -> Self;
        fn push_le(self, bytes: &mut Vec<u8>);
    }
}

macro_rules! numbers {
    ($($number:ident is $element_type:ident),*) => { $(
        impl sealed::Plain for $number {
            fn from_le(bytes: &[u8]) -> Self {
                bytes.try_into().map(Self::from_le_bytes).unwrap_or_default()
            }
            fn push_le(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
        impl Number for $number {
            const ELEMENT_TYPE: ElementType = ElementType::$element_type;
        }
    )* };
}

numbers!(u8 is U8, i8 is I8, u16 is U16, i16 is I16, u32 is U32, i32 is I32);
numbers!(u64 is U64, i64 is I64, f32 is F32, f64 is F64, f16 is F16, bf16 is Bf16);

/// Row-major numbers as bytes: borrowed on little-endian machines.
pub(super) fn bytes_of_numbers<T: Number>(numbers: &[T]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        let (_, bytes, _) = reinterpret::<T, u8>(numbers);
        return Cow::Borrowed(bytes);
    }
    let mut bytes = Vec::with_capacity(size_of_val(numbers));
    for &number in numbers {
        number.push_le(&mut bytes);
    }
    Cow::Owned(bytes)
}

/// Bytes as numbers: borrowed where their address is aligned, which memory from
/// an allocator is, and copied otherwise. Bytes beyond the last whole number are
/// left out; views have none.
pub(super) fn numbers_from_bytes<T: Number>(bytes: &[u8]) -> Cow<'_, [T]> {
    if cfg!(target_endian = "little")
        && let ([], numbers, []) = reinterpret::<u8, T>(bytes)
    {
        return Cow::Borrowed(numbers);
    }
    Cow::Owned(bytes.chunks_exact(size_of::<T>()).map(T::from_le).collect())
}

/// The same memory as other numbers, with what does not fit or is not aligned
/// before and behind. Tensors of a megabyte pass here in each frame.
#[expect(
    unsafe_code,
    reason = "a safe cast would need a crate for this one line"
)]
fn reinterpret<A: Number, B: Number>(numbers: &[A]) -> (&[A], &[B], &[A]) {
    // SAFETY: `Number` is sealed and implemented for primitive numbers, and for
    // `f16` and `bf16`, which are transparent `u16`: they have no padding and every
    // bit pattern is valid. `align_to` takes care of
    // alignment and sizes.
    unsafe { numbers.align_to::<B>() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_must_fit_the_data() {
        let check = |dimensions: &[u32], bytes: usize, good: bool| {
            let data = vec![0; bytes];
            let view = TensorView::new(ElementType::F32, dimensions, &data);
            assert_eq!(view.is_ok(), good, "{dimensions:?} with {bytes} bytes");
        };
        check(&[], 4, true);
        check(&[2, 3], 24, true);
        check(&[2, 3], 23, false);
        check(&[0, 3], 0, true);
        check(&[0, 3], 4, false);
        check(&[u32::MAX, u32::MAX, u32::MAX], 4, false);
        check(&[1; 9], 4, false);
    }

    #[test]
    fn numbers_survive_bytes_at_any_address() {
        let numbers = [1.5_f32, -0.0, f32::MAX];
        let mut bytes = vec![0];
        bytes.extend_from_slice(&bytes_of_numbers(&numbers));
        assert_eq!(&*numbers_from_bytes::<f32>(&bytes[1..]), &numbers);
        assert_eq!(
            &*numbers_from_bytes::<f32>(&bytes_of_numbers(&numbers)),
            &numbers
        );
    }
}
