//! Inference: [`Graph`] is a loaded model, [`Tensor`] what goes in and comes out.
//!
//! Needs the capability `inference`. The host owns the model and picks what runs
//! it; an element knows it by name only.
//!
//! ```no_run
//! # fn main() -> Result<(), millstream_sdk::Failure> {
//! use millstream_sdk::nn::{Graph, Tensor, describe};
//!
//! let mut graph = Graph::load("shapes")?;
//! let input = &describe("shapes")?.inputs[0];
//! let data = vec![0.0; 3 * 416 * 416];
//! let outputs = graph.compute(&[(&input.name, Tensor::f32(&[1, 3, 416, 416], &data))])?;
//! let (name, scores) = &outputs[0];
//! let scores = scores.as_f32()?;
//! # Ok(())
//! # }
//! ```

use std::borrow::Cow;

use crate::failure::Failure;
use crate::sys;

pub use crate::bindings::millstream::media::models::{Model, TensorInfo};

/// What is known of a model: backend, inputs, outputs, metadata, labels.
pub fn describe(name: &str) -> Result<Model, Failure> {
    sys::describe_model(name)
}

/// A loaded model, ready to compute.
#[derive(Debug)]
pub struct Graph(sys::nn::Graph);

impl Graph {
    /// Loads the model of that name, which the manifest or a property gave.
    pub fn load(name: &str) -> Result<Self, Failure> {
        sys::nn::Graph::load(name).map(Self)
    }

    /// Runs the model on named inputs; gives its named outputs. The one call of
    /// an element that may take long.
    pub fn compute(
        &mut self,
        inputs: &[(&str, Tensor<'_>)],
    ) -> Result<Vec<(String, Tensor<'static>)>, Failure> {
        self.0.compute(inputs)
    }
}

/// The type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TensorType {
    /// IEEE half precision.
    F16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// The upper half of an `f32`.
    Bf16,
    /// Bytes.
    U8,
    /// 32-bit integers.
    I32,
    /// 64-bit integers.
    I64,
}

impl TensorType {
    /// Bytes of one element.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F16 | Self::Bf16 => 2,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }
}

/// Numbers in row-major order, little endian, with their dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor<'a> {
    dimensions: Cow<'a, [u32]>,
    element: TensorType,
    data: Cow<'a, [u8]>,
}

impl<'a> Tensor<'a> {
    /// A tensor of `f32`; on wasm32 without a copy in the element.
    pub fn f32(dimensions: &'a [u32], values: &'a [f32]) -> Self {
        let data = sys::bytes_of_f32(values);
        Self {
            dimensions: Cow::Borrowed(dimensions),
            element: TensorType::F32,
            data,
        }
    }

    /// A tensor of bytes.
    pub fn u8(dimensions: &'a [u32], values: &'a [u8]) -> Self {
        let (dimensions, data) = (Cow::Borrowed(dimensions), Cow::Borrowed(values));
        Self {
            dimensions,
            element: TensorType::U8,
            data,
        }
    }

    /// A tensor of any type, of bytes in memory order.
    pub fn from_parts(dimensions: Vec<u32>, element: TensorType, data: Vec<u8>) -> Self {
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
    pub fn element_type(&self) -> TensorType {
        self.element
    }

    /// Its bytes in memory order.
    pub fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Its values, if it is one of `f32` and as long as its dimensions say.
    pub fn as_f32(&self) -> Result<Vec<f32>, Failure> {
        if self.element != TensorType::F32 {
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
