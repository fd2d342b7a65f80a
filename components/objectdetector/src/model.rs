//! The model of a running element: what it is, and one run of it.

use millstream_sdk::nn::{ElementType, Input as Tensor, Model, Session, allocate, describe};
use millstream_sdk::prelude::*;

use crate::family::{Family, Input};

/// A loaded model and what is known of it.
#[derive(Debug)]
pub struct Detector {
    /// What the host says of it.
    pub model: Model,
    /// How its output is laid out; never `Auto`.
    pub family: Family,
    /// Its one input.
    pub input: Input,
    /// The least confidence that its metadata recommend.
    pub confidence: Option<f32>,
    /// The overlap that its metadata recommend.
    pub iou: Option<f32>,
    session: Session,
    data: Buffer,
}

impl Detector {
    /// Loads the model of this name; `family` is what the user says of it.
    pub fn load(name: &str, family: Family) -> Result<Self, Failure> {
        let model = describe(name)?;
        let input = Input::of_model(&model)?;
        let family = match family {
            Family::Auto => Family::recognize(&model, input.size)?,
            family => family,
        };
        let session = Session::open(name)?;
        let pixels = 3 * input.size.width * input.size.height;
        let data = allocate(if input.bytes { pixels } else { 4 * pixels });
        let (confidence, iou) = (
            fraction(&model, "confidence-threshold"),
            fraction(&model, "iou-threshold"),
        );
        Ok(Self {
            model,
            family,
            input,
            confidence,
            iou,
            session,
            data,
        })
    }

    /// Runs the model on f32 `[3, height, width]`; gives its first output.
    pub fn run(&mut self, values: &[f32]) -> Result<(Vec<u32>, Vec<f32>), Failure> {
        let Self {
            input,
            session,
            data,
            ..
        } = self;
        let dimensions = [1, 3, input.size.height as u32, input.size.width as u32];
        let element_type = if input.bytes {
            let mut bytes = data.map_overwrite();
            // Casts of floats saturate: below 0 is 0, above 255 is 255.
            let rounded = values.iter().map(|value| value.round() as u8);
            bytes
                .iter_mut()
                .zip(rounded)
                .for_each(|(to, from)| *to = from);
            ElementType::U8
        } else {
            data.map_overwrite().numbers_mut()?.copy_from_slice(values);
            ElementType::F32
        };
        let outputs = session.compute(&[Tensor {
            name: &input.name,
            element_type,
            dimensions: &dimensions,
            data,
        }])?;
        let Some(output) = outputs.first() else {
            let message = format!("the model `{}` gave no output", self.model.name);
            return Err(Failure::inference(message));
        };
        let numbers = output.data.map();
        Ok((output.dimensions.clone(), numbers.numbers()?.to_vec()))
    }

    /// How many classes the output has room for, if the model says so.
    pub fn classes(&self) -> Option<usize> {
        let output = self.model.outputs.first()?;
        let at = |place: usize| output.dimensions.get(place).copied().flatten();
        let (channels, others) = match self.family {
            Family::FastestDet => (at(1)?, 5),
            Family::Yolox | Family::Yolov5 => (at(2)?, 5),
            Family::Auto | Family::Yolov8 => (at(1)?, 4),
        };
        (channels as usize).checked_sub(others)
    }
}

/// A number from 0 to 1 in the model's metadata.
fn fraction(model: &Model, key: &str) -> Option<f32> {
    let (_, text) = model.metadata.iter().find(|(name, _)| name == key)?;
    text.trim()
        .parse()
        .ok()
        .filter(|number| (0.0..=1.0).contains(number))
}
