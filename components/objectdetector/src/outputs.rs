//! What a model answered, as floats with dimensions.

use std::borrow::Cow;

use millstream_sdk::buffer::View;
use millstream_sdk::half::f32_from_f16;
use millstream_sdk::nn::{ElementType, Output};
use millstream_sdk::prelude::*;

/// One output.
#[derive(Debug, Clone)]
pub struct Tensor<'a> {
    /// Its name in the model.
    pub name: &'a str,
    /// Row-major; their product is the number of values.
    pub dimensions: Vec<usize>,
    /// The numbers: the model's own memory where they are `f32`.
    pub values: Cow<'a, [f32]>,
    /// The model gave integers.
    pub integers: bool,
}

/// All outputs, in the model's order.
#[derive(Debug, Clone)]
pub struct Outputs<'a>(Vec<Tensor<'a>>);

impl<'a> Outputs<'a> {
    /// From what a session gave, and the bytes of each.
    pub fn new(outputs: &'a [Output], views: &'a [View<'a>]) -> Result<Self, Failure> {
        let tensors = outputs.iter().zip(views);
        let tensors: Result<Vec<_>, Failure> = tensors
            .map(|(output, view)| {
                let (values, integers) = floats(output, view)?;
                Tensor::new(&output.name, &output.dimensions, values, integers)
            })
            .collect();
        Ok(Self(tensors?))
    }

    /// From tensors that are there already.
    pub fn from_tensors(tensors: Vec<Tensor<'a>>) -> Self {
        Self(tensors)
    }

    /// All of them.
    pub fn all(&self) -> &[Tensor<'a>] {
        &self.0
    }

    /// The output of one of these names; families have been exported under several.
    pub fn named(&self, names: &[&str]) -> Option<&Tensor<'a>> {
        self.0.iter().find(|tensor| names.contains(&tensor.name))
    }

    /// The first output with so many dimensions: what a family with one kind of
    /// each calls its predictions (3) and its mask prototypes (4).
    pub fn of_rank(&self, rank: usize) -> Option<&Tensor<'a>> {
        self.0.iter().find(|tensor| tensor.dimensions.len() == rank)
    }
}

impl<'a> Tensor<'a> {
    /// Fails if the dimensions are not those of so many values.
    pub fn new(
        name: &'a str,
        dimensions: &[u32],
        values: impl Into<Cow<'a, [f32]>>,
        integers: bool,
    ) -> Result<Self, Failure> {
        let values = values.into();
        let dimensions: Vec<usize> = dimensions.iter().map(|size| *size as usize).collect();
        let count = dimensions
            .iter()
            .try_fold(1_usize, |count, size| count.checked_mul(*size));
        if count == Some(values.len()) {
            return Ok(Self {
                name,
                dimensions,
                values,
                integers,
            });
        }
        let got = values.len();
        let message = format!("the model's output `{name}` is {dimensions:?} of {got} values");
        Err(Failure::inference(message).hint("check the model's file, or try another backend"))
    }

    /// Rows and columns, if it is `[rows, columns]` or `[1, rows, columns]`.
    pub fn matrix(&self) -> Option<(usize, usize)> {
        match *self.dimensions.as_slice() {
            [1, rows, columns] | [rows, columns] => Some((rows, columns)),
            _ => None,
        }
    }

    /// Its rows, if it is a matrix of that many columns.
    pub fn rows<const N: usize>(&self) -> Option<&[[f32; N]]> {
        let (_, columns) = self.matrix()?;
        (columns == N).then(|| self.values.as_chunks::<N>().0)
    }

    /// Its numbers, if it is `[n]`, `[1, n]` or `[1, n, 1]`.
    pub fn list(&self) -> Option<&[f32]> {
        matches!(*self.dimensions.as_slice(), [_] | [1, _] | [1, _, 1]).then_some(&self.values)
    }
}

fn floats<'a>(output: &Output, view: &'a View<'a>) -> Result<(Cow<'a, [f32]>, bool), Failure> {
    Ok(match output.element_type {
        ElementType::F32 => (Cow::Borrowed(view.numbers::<f32>()?), false),
        ElementType::F16 => (converted(view, f32_from_f16)?, false),
        ElementType::F64 => (converted(view, |value: f64| value as f32)?, false),
        ElementType::I64 => (converted(view, |value: i64| value as f32)?, true),
        ElementType::I32 => (converted(view, |value: i32| value as f32)?, true),
        ElementType::U8 => (converted(view, |value: u8| f32::from(value))?, true),
        other => {
            let (name, other) = (&output.name, other.as_str());
            let message = format!(
                "the model's output `{name}` is {other}, expected f32, f16, f64, i64, i32 or u8"
            );
            return Err(Failure::inference(message).hint("export the model with outputs of f32"));
        }
    })
}

fn converted<'a, T: millstream_sdk::nn::Pod>(
    view: &View<'_>,
    convert: impl Fn(T) -> f32,
) -> Result<Cow<'a, [f32]>, Failure> {
    Ok(Cow::Owned(
        view.numbers::<T>()?.iter().copied().map(convert).collect(),
    ))
}
