//! Families of detectors: how their input is prepared, how their output is laid
//! out, and how a model is recognised as one of them.

use millstream_sdk::nn::{ElementType, Model, TensorInfo};
use millstream_sdk::prelude::*;

use crate::geometry::{Resize, Size};

choices! {
    /// How a model's output is laid out.
    #[derive(Hash)]
    pub enum Family {
        /// Recognised from the metadata `family`, else from the output's shape.
        Auto = "auto",
        /// `[1, 5 + classes, rows, columns]`: objectness, box, classes for each cell.
        FastestDet = "fastestdet",
        /// `[1, cells, 5 + classes]`: box in units of strides, objectness, classes.
        Yolox = "yolox",
        /// `[1, 3 cells, 5 + classes]`: box in input pixels, objectness, classes.
        Yolov5 = "yolov5",
        /// `[1, 4 + classes, cells]`: box in input pixels, classes.
        Yolov8 = "yolov8",
    }
}

/// What a family does unless the user says otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Defaults {
    /// Least confidence of a detection.
    pub confidence: f32,
    /// How frames are fitted into the input.
    pub resize: Resize,
    /// The first plane of the input is red; else blue.
    pub rgb: bool,
    /// The largest value of the input: 1 or 255.
    pub white: f32,
}

/// The side of the input where a model leaves it open: what YOLOs are trained
/// with.
const OPEN_SIDE: u32 = 640;

/// The strides of all YOLOs here.
const STRIDES: [usize; 3] = [8, 16, 32];

impl Family {
    /// What the family's own code does.
    ///
    /// # Source
    /// The published inference code of each: `test.py` of `FastestDet`, YOLOX'
    /// `onnx_inference.py`, ultralytics' `predict` defaults.
    pub const fn defaults(self) -> Defaults {
        match self {
            Self::FastestDet => Defaults {
                confidence: 0.65,
                resize: Resize::Stretch,
                rgb: false,
                white: 1.0,
            },
            Self::Yolox => Defaults {
                confidence: 0.3,
                resize: Resize::LetterboxTopleft,
                rgb: false,
                white: 255.0,
            },
            Self::Auto | Self::Yolov5 | Self::Yolov8 => Defaults {
                confidence: 0.25,
                resize: Resize::Letterbox,
                rgb: true,
                white: 1.0,
            },
        }
    }

    /// The family of a model: what its metadata say, else what its output looks
    /// like.
    pub fn recognize(model: &Model, input: Size) -> Result<Self, Failure> {
        let words = Self::ALL.iter().filter(|family| **family != Self::Auto);
        let named = model.metadata.iter().find(|(key, _)| key == "family");
        if let Some((_, name)) = named {
            let same = |family: &&Self| family.as_str().eq_ignore_ascii_case(name.trim());
            return words
                .copied()
                .find(|family| same(&family))
                .ok_or_else(|| unknown(model, &format!("its metadata say `family` is `{name}`")));
        }
        match model.outputs.as_slice() {
            [output] => Self::of_output(output, input)
                .ok_or_else(|| unknown(model, &format!("its output is {}", output))),
            outputs => Err(unknown(model, &format!("it has {} outputs", outputs.len()))),
        }
    }

    fn of_output(output: &TensorInfo, input: Size) -> Option<Self> {
        let sizes: Vec<Option<usize>> = output
            .dimensions
            .iter()
            .map(|size| size.map(|size| size as usize))
            .collect();
        let cells = cells(input);
        match sizes.as_slice() {
            [_, Some(6..), _, _] => Some(Self::FastestDet),
            [_, Some(rows), Some(6..)] if *rows == cells => Some(Self::Yolox),
            [_, Some(rows), Some(6..)] if *rows == cells * 3 => Some(Self::Yolov5),
            [_, Some(5..), Some(columns)] if *columns == cells => Some(Self::Yolov8),
            // A model of open input: YOLOv8 alone has more cells than channels last.
            [_, Some(5..=1024), None] => Some(Self::Yolov8),
            _ => None,
        }
    }
}

/// Cells of all strides together.
pub fn cells(input: Size) -> usize {
    STRIDES
        .iter()
        .map(|stride| (input.width / stride) * (input.height / stride))
        .sum()
}

/// Each cell's column, row and stride, in the order of the outputs.
pub fn grid(input: Size) -> impl Iterator<Item = (f32, f32, f32)> {
    STRIDES.into_iter().flat_map(move |stride| {
        let (columns, rows) = (input.width / stride, input.height / stride);
        (0..rows).flat_map(move |y| (0..columns).map(move |x| (x as f32, y as f32, stride as f32)))
    })
}

fn unknown(model: &Model, why: &str) -> Failure {
    let message = format!(
        "cannot tell which family the model `{}` belongs to: {why}",
        model.name
    );
    Failure::inference(message).hint("set `family=yolov8` (or fastestdet, yolox, yolov5)")
}

/// The model's input: its name, whether it takes bytes, and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// It takes `u8`; else `f32`.
    pub bytes: bool,
    /// Width and height.
    pub size: Size,
}

/// The largest side of an input: the tensor stays below 200 MB.
const MAX_SIDE: u32 = 4096;

impl Input {
    /// The one input of a detector: `[1, 3, height, width]`.
    pub fn of_model(model: &Model) -> Result<Self, Failure> {
        let [input] = model.inputs.as_slice() else {
            let (name, count) = (&model.name, model.inputs.len());
            let message = format!("the model `{name}` has {count} inputs, expected one picture");
            return Err(Failure::inference(message));
        };
        let wrong = || {
            let name = &model.name;
            Failure::inference(format!(
                "the input of the model `{name}` is {input}, expected f32 or u8[1, 3, height, width]"
            ))
        };
        let [None | Some(1), None | Some(3), height, width] = input.dimensions.as_slice() else {
            return Err(wrong());
        };
        let bytes = match input.element_type {
            Some(ElementType::F32) => false,
            Some(ElementType::U8) => true,
            _ => return Err(wrong()),
        };
        let side = |side: &Option<u32>| {
            let side = side.unwrap_or(OPEN_SIDE);
            (1..=MAX_SIDE)
                .contains(&side)
                .then_some(side as usize)
                .ok_or_else(wrong)
        };
        let size = Size {
            width: side(width)?,
            height: side(height)?,
        };
        Ok(Self {
            name: input.name.clone(),
            bytes,
            size,
        })
    }
}
