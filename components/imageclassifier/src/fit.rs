//! Which part of a frame lies where in the model's input.

use millstream_sdk::prelude::*;
use millstream_sdk::video::{Place, Target};

choices! {
    /// How a frame, or an object's box, is fitted into the model's input.
    pub enum Resize {
        /// `crop` for frames, `stretch` for objects.
        Auto = "auto",
        /// The middle of it, as models are evaluated.
        Crop = "crop",
        /// Both sides on their own; the shape is lost.
        Stretch = "stretch",
        /// Scaled as a whole, centred, grey on both sides.
        Letterbox = "letterbox",
    }
}

/// How rectangles are fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Never `Auto`.
    pub resize: Resize,
    /// What cropping keeps of the shorter side: 0.875 of 256 pixels is 224.
    pub kept: f64,
}

impl Fit {
    /// Fits a rectangle of frames: what is read of it, and where that lies.
    pub fn place(&self, from: Rect, target: &Target) -> (Rect, Place) {
        match self.resize {
            Resize::Crop => (self.cropped(from, target), target.whole()),
            Resize::Letterbox => {
                let (width, height) = (from.width.into(), from.height.into());
                (from, target.letterbox(width, height))
            }
            Resize::Auto | Resize::Stretch => (from, target.whole()),
        }
    }

    /// # Source
    /// `_compute_resized_output_size` and `center_crop` in torchvision's
    /// `transforms/functional.py`: the longer side is cut to whole pixels, the
    /// margin is rounded.
    fn cropped(&self, from: Rect, target: &Target) -> Rect {
        let (input_width, input_height) = (target.width as f64, target.height as f64);
        let (width, height) = (f64::from(from.width), f64::from(from.height));
        let side = |input: f64| (input / self.kept).round().max(input);
        let scale = (side(input_width) / width).max(side(input_height) / height);
        if !scale.is_finite() {
            return from;
        }
        // Truncation of what should be whole must not lose a pixel.
        let scaled = |length: f64, input: f64| (length * scale + 1e-6).floor().max(input);
        let (all_width, all_height) = (scaled(width, input_width), scaled(height, input_height));
        let left = ((all_width - input_width) / 2.0).round_ties_even();
        let top = ((all_height - input_height) / 2.0).round_ties_even();
        Rect {
            x: (f64::from(from.x) + left * width / all_width) as f32,
            y: (f64::from(from.y) + top * height / all_height) as f32,
            width: (input_width * width / all_width) as f32,
            height: (input_height * height / all_height) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(resize: Resize, kept: f64, (width, height): (f32, f32), side: usize) -> (Rect, Place) {
        let from = Rect {
            x: 10.0,
            y: 20.0,
            width,
            height,
        };
        Fit { resize, kept }.place(from, &Target::planar(side, side))
    }

    #[test]
    fn a_crop_is_torchvisions() {
        let check = |size, kept, side, expected: [f32; 4]| {
            let (rect, place) = fit(Resize::Crop, kept, size, side);
            let got = [rect.x - 10.0, rect.y - 20.0, rect.width, rect.height];
            let near = got
                .iter()
                .zip(expected)
                .all(|(got, expected)| (got - expected).abs() < 1e-3);
            assert!(near, "{size:?}: {got:?}, expected {expected:?}");
            assert_eq!(place, Target::planar(side, side).whole());
        };
        // 512 x 256 stays; 224 of it from 144 and 16.
        check((512.0, 256.0), 0.875, 224, [144.0, 16.0, 224.0, 224.0]);
        check((1024.0, 512.0), 0.875, 224, [288.0, 32.0, 448.0, 448.0]);
        // 640 x 480 becomes 341 x 256: left is 58.5, which ties to 58.
        let (x, width) = (58.0 * 640.0 / 341.0, 224.0 * 640.0 / 341.0);
        check((640.0, 480.0), 0.875, 224, [x, 30.0, width, 420.0]);
        check((224.0, 224.0), 1.0, 224, [0.0, 0.0, 224.0, 224.0]);
        check((0.0, 5.0), 0.875, 224, [0.0, 0.0, 0.0, 5.0]);
    }

    #[test]
    fn letterboxes_are_centred_and_never_empty() {
        let check = |size, left, top, width, height| {
            let (_, place) = fit(Resize::Letterbox, 1.0, size, 64);
            assert_eq!(
                place,
                Place {
                    left,
                    top,
                    width,
                    height
                },
                "{size:?}"
            );
        };
        check((128.0, 64.0), 0, 16, 64, 32);
        check((10.0, 20.0), 16, 0, 32, 64);
        check((9000.0, 1.0), 0, 31, 64, 1);
        check((0.0, 0.0), 31, 31, 1, 1);
    }
}
