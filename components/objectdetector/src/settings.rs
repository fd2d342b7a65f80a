//! What the user sets, and what it means where it is left to the model.

use millstream_sdk::nn::ElementType;
use millstream_sdk::prelude::*;

use crate::family::{Defaults, Family};
use crate::geometry::Resize;
use crate::input::{MAX_SIDE, Normalization};
use crate::model::Detector;
use crate::nms::Suppression;

const DEFAULT_MODEL: &str = "shapes";
const DEFAULT_MAX_DETECTIONS: u32 = 300;

choices! {
    /// The order of the input's three channels.
    pub enum ColorOrder {
        /// As the model's family has it.
        Auto = "auto",
        /// Red first.
        Rgb = "rgb",
        /// Blue first.
        Bgr = "bgr",
    }
}

choices! {
    /// What a pixel's 0 to 255 becomes in the input.
    pub enum Scale {
        /// As the model's family has it.
        Auto = "auto",
        /// 0 to 1.
        Unit = "unit",
        /// 0 to 255.
        Byte = "byte",
    }
}

properties! {
    /// What the user sets.
    pub struct Settings {
        /// The detection model.
        model: ModelName = ModelName::from(DEFAULT_MODEL),
        /// How the model's outputs are laid out.
        family: Family = Family::Auto,
        /// Least confidence of a detection; unset, what model or family publish.
        confidence_threshold: Option<f64> => [range(0.0, 1.0), playing],
        /// Boxes that overlap by more than this are one object; unset, what model or
        /// family publish.
        iou_threshold: Option<f64> => [range(0.0, 1.0), playing],
        /// Boxes of different classes suppress each other too.
        class_agnostic: bool = false => [playing],
        /// Most detections of a frame.
        max_detections: u32 = DEFAULT_MAX_DETECTIONS => [range(1, 4096), playing],
        /// The order of the input's channels.
        color_order: ColorOrder = ColorOrder::Auto,
        /// What a pixel's 0 to 255 becomes in the input.
        scale: Scale = Scale::Auto,
        /// Taken away from the scaled pixel: three numbers in the order of the channels,
        /// `0.485,0.456,0.406`; unset, what the family publishes.
        mean: Option<String>,
        /// What is left is divided by this: three numbers, `0.229,0.224,0.225`; unset,
        /// what the family publishes.
        std: Option<String>,
        /// How a frame is fitted into the input.
        resize: Resize = Resize::Auto,
        /// Width of the input of a model that leaves it open; unset, 640.
        input_width: Option<u32> => [range(1, i64::from(MAX_SIDE)), unit("px")],
        /// Height of the input of a model that leaves it open; unset, 640.
        input_height: Option<u32> => [range(1, i64::from(MAX_SIDE)), unit("px")],
        /// A frame whose inference cannot begin in that time passes without detections;
        /// unset, it waits for ever.
        max_wait: Option<u64> => [range(0, i64::MAX), unit("ns"), playing],
    }
}

impl Settings {
    /// Fails if a text cannot be read.
    pub fn check(&self) -> Result<(), Failure> {
        three("mean", self.mean.as_deref())?;
        deviation(self.std.as_deref()).map(|_| ())
    }

    /// Least confidence of a detection.
    pub fn threshold(&self, detector: &Detector) -> f32 {
        let own = self.confidence_threshold.map(|threshold| threshold as f32);
        own.or(detector.confidence)
            .unwrap_or(detector.kind.defaults.confidence)
    }

    /// How boxes are thinned out.
    pub fn suppression(&self, detector: &Detector) -> Suppression {
        let own = self.iou_threshold.map(|threshold| threshold as f32);
        let iou = own.or(detector.iou).or(detector.kind.defaults.iou);
        Suppression {
            // Nothing overlaps by more than all of it.
            iou: iou.unwrap_or(1.0),
            across_classes: self.class_agnostic,
            limit: self.max_detections as usize,
        }
    }

    /// How frames are fitted into the input.
    pub fn resize(&self, defaults: &Defaults) -> Resize {
        match self.resize {
            Resize::Auto => defaults.resize,
            resize => resize,
        }
    }

    /// How the input's numbers are made of a pixel's.
    pub fn normalization(
        &self,
        defaults: &Defaults,
        element_type: ElementType,
    ) -> Result<Normalization, Failure> {
        let rgb = match self.color_order {
            ColorOrder::Auto => defaults.rgb,
            order => order == ColorOrder::Rgb,
        };
        // Bytes are what a model of bytes wants, whatever its family does in floats.
        let bytes = element_type == ElementType::U8;
        let white = match self.scale {
            Scale::Auto if bytes => 255.0,
            Scale::Auto => defaults.white,
            Scale::Unit => 1.0,
            Scale::Byte => 255.0,
        };
        // The family's numbers only fit the family's scale.
        let published = (white - defaults.white).abs() < 0.5 && !bytes;
        let by_channel = |numbers: [f32; 3], neutral: f32| {
            let [red, green, blue] = if published { numbers } else { [neutral; 3] };
            if rgb {
                [red, green, blue]
            } else {
                [blue, green, red]
            }
        };
        let mean = three("mean", self.mean.as_deref())?;
        let std = deviation(self.std.as_deref())?;
        Ok(Normalization {
            rgb,
            factor: white / 255.0,
            mean: mean.unwrap_or_else(|| by_channel(defaults.mean, 0.0)),
            std: std.unwrap_or_else(|| by_channel(defaults.std, 1.0)),
            pad: defaults.pad,
        })
    }
}

/// Three numbers with commas between.
fn three(name: &str, text: Option<&str>) -> Result<Option<[f32; 3]>, Failure> {
    let Some(text) = text else {
        return Ok(None);
    };
    let numbers: Result<Vec<f32>, _> = text
        .split(',')
        .map(|number| number.trim().parse())
        .collect();
    match numbers.as_deref() {
        Ok(&[a, b, c]) if [a, b, c].iter().all(|number| number.is_finite()) => Ok(Some([a, b, c])),
        _ => {
            let message =
                format!("got `{name}={text}`, expected three numbers with commas between");
            let example = if name == "std" {
                "0.229,0.224,0.225"
            } else {
                "0.485,0.456,0.406"
            };
            Err(Failure::settings(message).hint(format!("write `{name}={example}`")))
        }
    }
}

fn deviation(text: Option<&str>) -> Result<Option<[f32; 3]>, Failure> {
    /// Below this numbers of the input would not be finite.
    const LEAST: f32 = 1e-6;
    let numbers = three("std", text)?;
    match numbers {
        Some(numbers) if numbers.iter().any(|number| number.abs() < LEAST) => {
            let message = format!(
                "got `std={}`, expected no number near 0",
                text.unwrap_or("")
            );
            Err(Failure::settings(message).hint("write `std=1,1,1` to divide by nothing"))
        }
        numbers => Ok(numbers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_family_publishes_holds_for_its_own_scale() {
        let family = Defaults {
            rgb: false,
            white: 255.0,
            mean: [123.0, 116.0, 103.0],
            std: [58.0, 57.0, 56.0],
            ..Defaults::YOLO
        };
        let check = |settings: Settings, element_type, mean: [f32; 3], std: [f32; 3]| {
            let got = settings.normalization(&family, element_type).unwrap();
            assert_eq!((got.mean, got.std), (mean, std), "{settings:?}");
        };
        let settings = Settings::default;
        let (neutral, float) = (([0.0; 3], [1.0; 3]), ElementType::F32);
        // In the order of the channels.
        check(settings(), float, [103.0, 116.0, 123.0], [56.0, 57.0, 58.0]);
        let color_order = ColorOrder::Rgb;
        let rgb = Settings {
            color_order,
            ..settings()
        };
        check(rgb, float, family.mean, family.std);
        let scale = Scale::Unit;
        check(
            Settings {
                scale,
                ..settings()
            },
            float,
            neutral.0,
            neutral.1,
        );
        check(settings(), ElementType::U8, neutral.0, neutral.1);
        let mean = Some("1, 2,3".to_owned());
        let own = Settings {
            scale,
            mean,
            ..settings()
        };
        check(own, float, [1.0, 2.0, 3.0], neutral.1);
    }
}
