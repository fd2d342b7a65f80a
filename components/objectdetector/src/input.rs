//! What a model is given: the picture, and beside it what some models want to know
//! of its size.

use millstream_sdk::nn::{ElementType, Model, TensorInfo};
use millstream_sdk::prelude::*;
use millstream_sdk::video::Target;

use crate::geometry::Size;

/// The side of the input where a model leaves it open and the user does too: what
/// YOLOs are trained with.
const OPEN_SIDE: u32 = 640;

/// The largest side of an input: the tensor stays below 200 MB.
pub const MAX_SIDE: u32 = 4096;

/// The picture that a model takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// `u8`, `f16` or `f32`.
    pub element_type: ElementType,
    /// `[1, height, width, 3]`; else `[1, 3, height, width]`.
    pub channels_last: bool,
    /// Width and height.
    pub size: Size,
    /// All dimensions, as it is given to the model.
    pub dimensions: Vec<u32>,
    /// Inputs beside it, the same for every frame.
    pub constants: Vec<Constant>,
}

/// How the numbers of the picture are made of a pixel's:
/// `(pixel * factor - mean) / std`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalization {
    /// The first channel is red; else blue.
    pub rgb: bool,
    /// Multiplies the values 0 to 255.
    pub factor: f32,
    /// In the order of the channels.
    pub mean: [f32; 3],
    /// In the order of the channels.
    pub std: [f32; 3],
    /// The pixel around a letterboxed frame: 0 to 255.
    pub pad: f32,
}

/// An input that is the same for every frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constant {
    /// Its name.
    pub name: String,
    /// The type of its numbers.
    pub element_type: ElementType,
    /// Row-major.
    pub dimensions: Vec<u32>,
    /// The numbers in memory order.
    pub bytes: Vec<u8>,
}

impl Input {
    /// The picture of a detector; `width` and `height` are what the user says of
    /// dimensions that the model leaves open.
    pub fn of_model(
        model: &Model,
        width: Option<u32>,
        height: Option<u32>,
    ) -> Result<Self, Failure> {
        let (image, (channels_last, sides)) = model
            .inputs
            .iter()
            .find_map(|input| Some((input, layout(input)?)))
            .ok_or_else(|| no_picture(model))?;
        let [own_height, own_width] = sides;
        let size = Size {
            width: side(model, "width", own_width, width)?,
            height: side(model, "height", own_height, height)?,
        };
        let (rows, columns) = (size.height as u32, size.width as u32);
        let mut dimensions = if channels_last {
            vec![1, rows, columns, 3]
        } else {
            vec![1, 3, rows, columns]
        };
        if image.dimensions.len() == 3 {
            dimensions.remove(0);
        }
        let others = model.inputs.iter().filter(|input| input.name != image.name);
        let constants: Result<_, Failure> = others
            .map(|input| Constant::new(input, size).ok_or_else(|| unknown(model, input)))
            .collect();
        Ok(Self {
            name: image.name.clone(),
            element_type: image.element_type.unwrap_or(ElementType::F32),
            channels_last,
            size,
            dimensions,
            constants: constants?,
        })
    }

    /// What the picture is made like.
    pub fn target(&self, normalization: &Normalization) -> Target {
        let Normalization {
            rgb,
            factor,
            mean: [a, b, c],
            std,
            pad,
        } = *normalization;
        let [p, q, r] = std;
        let mut target = Target {
            element_type: self.element_type,
            width: self.size.width,
            height: self.size.height,
            planar: !self.channels_last,
            rgb,
            factor: std.map(|std| factor / std),
            offset: [-a / p, -b / q, -c / r],
            pad,
        };
        if !rgb {
            target.factor.reverse();
            target.offset.reverse();
        }
        target
    }

    /// Whether there is a constant of that name.
    pub fn has_constant(&self, name: &str) -> bool {
        self.constants.iter().any(|constant| constant.name == name)
    }
}

impl Constant {
    /// The numbers of an input that is known by name.
    ///
    /// # Source
    /// `orig_target_sizes` (width, height): `tools/export_onnx.py` of lyuwenyu's
    /// `RT-DETR`; the input's own size gives boxes in its pixels. `pixel_mask`, 1
    /// where there is a picture: `DetrModel` in Hugging Face's transformers.
    fn new(input: &TensorInfo, size: Size) -> Option<Self> {
        let open = |place: usize, size: usize| {
            let own = input.dimensions.get(place).copied().flatten();
            own.unwrap_or(size as u32)
        };
        let (dimensions, values) = match (input.name.as_str(), input.dimensions.len()) {
            ("orig_target_sizes", 2) => (vec![1, 2], vec![size.width as i64, size.height as i64]),
            ("pixel_mask", 3) => {
                let (rows, columns) = (open(1, size.height), open(2, size.width));
                let fits = rows <= MAX_SIDE && columns <= MAX_SIDE;
                let count = fits.then(|| rows as usize * columns as usize)?;
                (vec![1, rows, columns], vec![1; count])
            }
            _ => return None,
        };
        let element_type = input.element_type?;
        // A mask can have millions: no memory for each.
        let mut bytes = Vec::new();
        for value in values {
            match element_type {
                ElementType::I64 => bytes.extend(value.to_le_bytes()),
                ElementType::I32 => bytes.extend((value as i32).to_le_bytes()),
                ElementType::F32 => bytes.extend((value as f32).to_le_bytes()),
                ElementType::Boolean => bytes.push(u8::from(value != 0)),
                _ => return None,
            }
        }
        Some(Self {
            name: input.name.clone(),
            element_type,
            dimensions,
            bytes,
        })
    }
}

/// Whether channels are last, and height and width, if the input can be a picture.
fn layout(input: &TensorInfo) -> Option<(bool, [Option<u32>; 2])> {
    use ElementType::{F16, F32, U8};
    let fits = matches!(input.element_type, Some(U8 | F16 | F32));
    let dimensions = input.dimensions.as_slice();
    let picture = match dimensions {
        [None | Some(1), picture @ ..] if dimensions.len() == 4 => picture,
        picture => picture,
    };
    match *picture {
        [Some(3), height, width] => fits.then_some((false, [height, width])),
        [height, width, Some(3)] => fits.then_some((true, [height, width])),
        [None, height, width] => fits.then_some((false, [height, width])),
        _ => None,
    }
}

fn side(
    model: &Model,
    what: &str,
    own: Option<u32>,
    wanted: Option<u32>,
) -> Result<usize, Failure> {
    let name = &model.name;
    if let (Some(own), Some(wanted)) = (own, wanted)
        && own != wanted
    {
        let message = format!(
            "got `input-{what}={wanted}`, expected {own} px: the model `{name}` has a fixed {what}"
        );
        return Err(Failure::settings(message).hint(format!("leave `input-{what}` away")));
    }
    let side = own.or(wanted).unwrap_or(OPEN_SIDE);
    if (1..=MAX_SIDE).contains(&side) {
        return Ok(side as usize);
    }
    let message =
        format!("the model `{name}` has a {what} of {side} px, expected 1 to {MAX_SIDE} px");
    Err(Failure::inference(message).hint("export the model for a smaller input"))
}

fn no_picture(model: &Model) -> Failure {
    let inputs: Vec<String> = model.inputs.iter().map(TensorInfo::to_string).collect();
    let (name, inputs) = (&model.name, inputs.join(", "));
    let message = format!(
        "the input of the model `{name}` is {inputs}, expected f32, f16 or u8[1, 3, height, width] \
         or [1, height, width, 3]"
    );
    Failure::inference(message).hint("export the model with one picture a run")
}

fn unknown(model: &Model, input: &TensorInfo) -> Failure {
    let (name, input_name) = (&model.name, &input.name);
    let message = format!(
        "the model `{name}` has an input `{input_name}` ({input}), expected one picture, and \
         beside it at most `orig_target_sizes` or `pixel_mask`"
    );
    Failure::inference(message).hint("export the model without that input")
}
