//! The model's input, and how its numbers are made of pixels.

use core::fmt;

use millstream_sdk::nn::{ElementType, Model};
use millstream_sdk::prelude::*;
use millstream_sdk::video::Target;

use crate::Settings;

choices! {
    /// The order of the input's planes.
    pub enum ColorOrder {
        /// Red first.
        Rgb = "rgb",
        /// Blue first.
        Bgr = "bgr",
    }
}

choices! {
    /// What a pixel's 0 to 255 becomes before `mean` and `std`.
    pub enum Scale {
        /// `unit` for inputs of floats, `byte` for those of bytes.
        Auto = "auto",
        /// 0 to 1.
        Unit = "unit",
        /// 0 to 255.
        Byte = "byte",
    }
}

/// Mean and standard deviation of `ImageNet`'s red, green and blue, 0 to 1.
///
/// # Source
/// `ImageClassification` in torchvision's `transforms/_presets.py`.
const IMAGENET: [[f32; 3]; 2] = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]];

/// What stands beside a letterboxed picture: the grey of detectors' letterboxes,
/// and near to the mean of `ImageNet`.
const PAD: f32 = 114.0;

/// The side of the input where a model leaves it open: what most are trained with.
const OPEN_SIDE: u32 = 224;

/// The largest side of an input: the tensor stays below 200 MB.
const MAX_SIDE: u32 = 4096;

/// The one input of a classifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// It takes `u8`; else `f32`.
    pub bytes: bool,
    /// `[1, 3, height, width]`; else `[1, height, width, 3]`.
    pub planar: bool,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Input {
    /// The input of a model.
    pub fn of_model(model: &Model) -> Result<Self, Failure> {
        let [input] = model.inputs.as_slice() else {
            let (name, count) = (&model.name, model.inputs.len());
            let message = format!("the model `{name}` has {count} inputs, expected one picture");
            return Err(Failure::inference(message));
        };
        let wrong = || {
            let message = format!(
                "the input of the model `{}` is {input}, expected f32 or u8 of [1, 3, height, \
                 width] or [1, height, width, 3]",
                model.name
            );
            Failure::inference(message).hint("set `model` to a model that classifies pictures")
        };
        let bytes = match input.element_type {
            Some(ElementType::F32) => false,
            Some(ElementType::U8) => true,
            _ => return Err(wrong()),
        };
        let (planar, height, width) = match input.dimensions.as_slice() {
            [None | Some(1), Some(3), height, width] => (true, height, width),
            [None | Some(1), height, width, Some(3)] => (false, height, width),
            [None | Some(1), None, height, width] => (true, height, width),
            _ => return Err(wrong()),
        };
        let side = |side: &Option<u32>| {
            let side = side.unwrap_or(OPEN_SIDE);
            let fits = (1..=MAX_SIDE).contains(&side);
            fits.then_some(side as usize).ok_or_else(wrong)
        };
        Ok(Self {
            name: input.name.clone(),
            bytes,
            planar,
            width: side(width)?,
            height: side(height)?,
        })
    }

    /// Its dimensions, outermost first.
    pub const fn dimensions(&self) -> [u32; 4] {
        let (width, height) = (self.width as u32, self.height as u32);
        if self.planar {
            [1, 3, height, width]
        } else {
            [1, height, width, 3]
        }
    }

    /// How its numbers are made of pixels: what the user says, else what the model
    /// publishes, else as `ImageNet`'s models take them.
    pub fn target(&self, settings: &Settings, model: &Model) -> Result<Target, Failure> {
        let unit = match settings.scale {
            Scale::Auto => !self.bytes,
            scale => scale == Scale::Unit,
        };
        let [usual_mean, usual_std] = if unit && !self.bytes && !is_ultralytics(model) {
            IMAGENET
        } else {
            [[0.0; 3], [1.0; 3]]
        };
        let mean = triple("mean", settings.mean.as_deref(), model, usual_mean)?;
        let std = triple("std", settings.std.as_deref(), model, usual_std)?;
        if !std.iter().all(|number| *number > 0.0) {
            let message = format!("`std` is {std:?}, expected three numbers above 0");
            return Err(Failure::settings(message).hint("set `std=1,1,1` to divide by nothing"));
        }
        let white = if unit { 1.0 } else { 255.0 };
        let [mr, mg, mb] = mean;
        let [sr, sg, sb] = std;
        Ok(Target {
            element_type: if self.bytes {
                ElementType::U8
            } else {
                ElementType::F32
            },
            width: self.width,
            height: self.height,
            planar: self.planar,
            rgb: settings.color_order == ColorOrder::Rgb,
            factor: std.map(|std| white / 255.0 / std),
            offset: [-mr / sr, -mg / sg, -mb / sb],
            pad: PAD,
        })
    }
}

impl fmt::Display for Input {
    /// Type and dimensions: `f32[1, 3, 224, 224]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.bytes { "u8" } else { "f32" };
        write!(f, "{word}{:?}", self.dimensions())
    }
}

/// Whether ultralytics has exported it, whose classifiers take 0 to 1 as it is, of
/// the whole middle.
///
/// # Source
/// `DEFAULT_MEAN`, `DEFAULT_STD` and `DEFAULT_CROP_FRACTION` in ultralytics'
/// `data/augment.py`; the metadata of `export_onnx` in its `engine/exporter.py`.
pub fn is_ultralytics(model: &Model) -> bool {
    let is = |key: &str, word: &str| {
        let mut metadata = model.metadata.iter();
        metadata.any(|(name, text)| name == key && text.eq_ignore_ascii_case(word))
    };
    is("author", "ultralytics") && is("task", "classify")
}

/// Three numbers: of the property, else of the model's metadata, else the usual.
fn triple(
    name: &str,
    property: Option<&str>,
    model: &Model,
    usual: [f32; 3],
) -> Result<[f32; 3], Failure> {
    let metadata = model.metadata.iter().find(|(key, _)| key == name);
    let (text, fault): (&str, fn(String) -> Failure) = match (property, metadata) {
        (Some(text), _) => (text, |message| Failure::settings(message)),
        (None, Some((_, text))) => (text, |message| Failure::inference(message)),
        (None, None) => return Ok(usual),
    };
    numbers(text).ok_or_else(|| {
        let start: String = text.chars().take(40).collect();
        let message = format!("`{name}` is `{start}`, expected three numbers for red, green, blue");
        let [a, b, c] = usual;
        fault(message).hint(format!("set `{name}={a},{b},{c}`"))
    })
}

/// Reads `0.485,0.456,0.406` and `[0.485, 0.456, 0.406]`.
fn numbers(text: &str) -> Option<[f32; 3]> {
    let inside = text
        .trim()
        .trim_start_matches(['[', '('])
        .trim_end_matches([']', ')']);
    let mut parts = inside
        .split(',')
        .map(|part| part.trim().parse::<f32>().ok());
    let mut next = || parts.next().flatten().filter(|number| number.abs() <= 1e6);
    let all = [next()?, next()?, next()?];
    parts.next().is_none().then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_read() {
        let check = |text: &str, expected: Option<[f32; 3]>| {
            assert_eq!(numbers(text), expected, "{text}");
        };
        check("0.5,0.25,1", Some([0.5, 0.25, 1.0]));
        check(" [0.5, 0.25, 1] ", Some([0.5, 0.25, 1.0]));
        check("0.5,0.25", None);
        check("1,2,3,4", None);
        check("1,2,NaN", None);
        check("1,2,inf", None);
        check("a,b,c", None);
        check("", None);
    }
}
