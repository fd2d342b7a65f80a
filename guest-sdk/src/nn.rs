//! Inference: [`Session`] runs a model on buffers, [`Graph`] on tensors.
//!
//! Needs the capability `inference`. The host owns the model and picks what runs
//! it; an element knows it by name only.
//!
//! A session's tensors are buffers, so that neither inputs nor outputs are copied
//! between the element and the host. [`Graph`] is `wasi:nn`, which copies and has
//! fewer types, and which elements in other languages may have bindings for.
//!
//! ```no_run
//! # fn main() -> Result<(), millstream_sdk::Failure> {
//! use millstream_sdk::nn::{ElementType, Input, Session, allocate};
//!
//! let mut session = Session::open("shapes")?;
//! // Once: the memory of the input.
//! let mut data = allocate(4 * 3 * 416 * 416);
//! // For each frame:
//! data.map_overwrite().numbers_mut::<f32>()?.fill(0.5);
//! let dimensions = [1, 3, 416, 416];
//! let input = Input { name: "images", element_type: ElementType::F32, dimensions: &dimensions, data: &data };
//! let outputs = session.compute(&[input])?;
//! let bytes = outputs[0].data.map();
//! let scores: &[f32] = bytes.numbers()?;
//! # Ok(())
//! # }
//! ```

use std::borrow::Cow;

use crate::buffer::Buffer;
use crate::failure::Failure;
use crate::sys;

pub use crate::bindings::millstream::media::models::{ElementType, Model, TensorInfo};
pub use bytemuck::Pod;

/// What is known of a model: backend, inputs, outputs, metadata, labels.
pub fn describe(name: &str) -> Result<Model, Failure> {
    sys::describe_model(name)
}

/// Memory for a tensor: `size` bytes, which belong to no pad and are kept from run
/// to run. Traps over 256 MiB.
pub fn allocate(size: usize) -> Buffer {
    Buffer::from_raw(sys::allocate_tensor(sys::size_u32(size)))
}

/// One element's use of a model. The model is loaded once and shared by all.
#[derive(Debug)]
pub struct Session(sys::nn::Session);

/// A tensor given to a model.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The input's name in the model.
    pub name: &'a str,
    /// The type of the numbers.
    pub element_type: ElementType,
    /// Row-major.
    pub dimensions: &'a [u32],
    /// The numbers; see [`crate::buffer::ViewMut::numbers_mut`].
    pub data: &'a Buffer,
}

/// A tensor that a model gave.
#[derive(Debug)]
pub struct Output {
    /// The output's name in the model.
    pub name: String,
    /// The type of the numbers.
    pub element_type: ElementType,
    /// Row-major.
    pub dimensions: Vec<u32>,
    /// The numbers; see [`crate::buffer::View::numbers`]. Drop it before the next
    /// run, and its memory is used again.
    pub data: Buffer,
}

impl Session {
    /// Opens the model of that name, which the manifest or a property gave.
    pub fn open(name: &str) -> Result<Self, Failure> {
        sys::nn::Session::open(name).map(Self)
    }

    /// Runs the model; waits for its turn among all who use it. The one call of an
    /// element that may take long.
    pub fn compute(&mut self, inputs: &[Input<'_>]) -> Result<Vec<Output>, Failure> {
        let outputs = self.0.compute(inputs, None)?;
        outputs.ok_or_else(|| Failure::inference("a run without a deadline was dropped as late"))
    }

    /// The same, unless it cannot begin by `deadline`, a running time in
    /// nanoseconds: then the run is dropped and the answer is `None`.
    pub fn compute_before(
        &mut self,
        inputs: &[Input<'_>],
        deadline: u64,
    ) -> Result<Option<Vec<Output>>, Failure> {
        self.0.compute(inputs, Some(deadline))
    }
}

/// A loaded model over `wasi:nn`, ready to compute.
#[derive(Debug)]
pub struct Graph(sys::nn::Graph);

impl Graph {
    /// Loads the model of that name, which the manifest or a property gave.
    pub fn load(name: &str) -> Result<Self, Failure> {
        sys::nn::Graph::load(name).map(Self)
    }

    /// Runs the model on named inputs; gives its named outputs.
    pub fn compute(
        &mut self,
        inputs: &[(&str, Tensor<'_>)],
    ) -> Result<Vec<(String, Tensor<'static>)>, Failure> {
        self.0.compute(inputs)
    }
}

impl ElementType {
    /// As messages name it: `f32`, `u8` …
    pub const fn as_str(self) -> &'static str {
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
            Self::Boolean => "boolean",
        }
    }

    /// Bytes of one number.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::I8 | Self::Boolean => 1,
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

impl core::fmt::Display for TensorInfo {
    /// Type and dimensions: `f32[1, 3, ?, ?]`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.element_type.map_or("text", ElementType::as_str))?;
        for (place, size) in self.dimensions.iter().enumerate() {
            f.write_str(if place == 0 { "[" } else { ", " })?;
            match size {
                Some(size) => write!(f, "{size}")?,
                None => f.write_str("?")?,
            }
        }
        f.write_str(if self.dimensions.is_empty() {
            "[]"
        } else {
            "]"
        })
    }
}

/// Numbers in row-major order, little endian, with their dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor<'a> {
    dimensions: Cow<'a, [u32]>,
    element: ElementType,
    data: Cow<'a, [u8]>,
}

impl<'a> Tensor<'a> {
    /// A tensor of `f32`, without a copy.
    pub fn f32(dimensions: &'a [u32], values: &'a [f32]) -> Self {
        Self {
            dimensions: Cow::Borrowed(dimensions),
            element: ElementType::F32,
            data: Cow::Borrowed(bytemuck::cast_slice(values)),
        }
    }

    /// A tensor of bytes.
    pub fn u8(dimensions: &'a [u32], values: &'a [u8]) -> Self {
        let (dimensions, data) = (Cow::Borrowed(dimensions), Cow::Borrowed(values));
        Self {
            dimensions,
            element: ElementType::U8,
            data,
        }
    }

    /// A tensor of any type, of bytes in memory order.
    pub fn from_parts(dimensions: Vec<u32>, element: ElementType, data: Vec<u8>) -> Self {
        Self {
            dimensions: Cow::Owned(dimensions),
            element,
            data: Cow::Owned(data),
        }
    }

    /// Its dimensions, outermost first.
    pub fn dimensions(&self) -> &[u32] {
        &self.dimensions
    }

    /// The type of its elements.
    pub fn element_type(&self) -> ElementType {
        self.element
    }

    /// Its bytes in memory order.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Its values, if it is one of `f32` and as long as its dimensions say.
    pub fn as_f32(&self) -> Result<Vec<f32>, Failure> {
        if self.element != ElementType::F32 {
            let got = self.element;
            return Err(Failure::inference(format!(
                "got a tensor of {got:?}, expected F32"
            )));
        }
        let count = self
            .dimensions
            .iter()
            .try_fold(4_usize, |n, d| n.checked_mul(*d as usize));
        if count != Some(self.data.len()) {
            let (bytes, dimensions) = (self.data.len(), &self.dimensions);
            let message = format!("got a tensor of {bytes} bytes for dimensions {dimensions:?}");
            return Err(Failure::inference(message));
        }
        let (values, _) = self.data.as_chunks::<4>();
        Ok(values
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect())
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn to_owned(&self) -> Tensor<'static> {
        Tensor::from_parts(self.dimensions.to_vec(), self.element, self.data.to_vec())
    }
}
