//! Where a frame lies in the model's input.

use millstream_sdk::prelude::*;
use millstream_sdk::video::{Place, Target};

choices! {
    /// How a frame is fitted into the model's input.
    pub enum Resize {
        /// As the model's family does it.
        Auto = "auto",
        /// Both sides on their own; the shape is lost.
        Stretch = "stretch",
        /// Scaled as a whole, centred, grey on both sides.
        Letterbox = "letterbox",
        /// Scaled as a whole, in the upper left corner.
        LetterboxTopleft = "letterbox-topleft",
    }
}

/// A width and a height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Where a frame lies in the model's input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    /// The frame after scaling, in the input.
    pub place: Place,
    /// Input pixels for a frame's pixel, across and down.
    pub scale: (f32, f32),
}

impl Geometry {
    /// Fits a frame into an input. `Auto` stretches.
    ///
    /// # Source
    /// `LetterBox` in ultralytics' `data/augment.py` for the centred one (sizes are
    /// rounded), `preproc` in YOLOX' `data_augment.py` for the one in the corner
    /// (sizes are cut).
    pub fn new(resize: Resize, frame: Size, target: &Target) -> Self {
        let across = target.width as f64 / frame.width as f64;
        let down = target.height as f64 / frame.height as f64;
        let both = across.min(down);
        let cut =
            |length: usize, most: usize| ((length as f64 * both) as usize).clamp(1, most.max(1));
        let place = match resize {
            Resize::Auto | Resize::Stretch => target.whole(),
            Resize::Letterbox => target.letterbox(frame.width as f64, frame.height as f64),
            Resize::LetterboxTopleft => Place {
                left: 0,
                top: 0,
                width: cut(frame.width, target.width),
                height: cut(frame.height, target.height),
            },
        };
        let scale = match resize {
            Resize::Auto | Resize::Stretch => (across as f32, down as f32),
            Resize::Letterbox | Resize::LetterboxTopleft => (both as f32, both as f32),
        };
        Self { place, scale }
    }

    /// A point of the input in pixels of the frame. Points far outside of the frame
    /// are moved to where numbers are still sure to be finite.
    pub fn point_from_input(&self, x: f32, y: f32) -> (f32, f32) {
        const FAR: f32 = 1e9;
        let x = (x - self.place.left as f32) / self.scale.0;
        let y = (y - self.place.top as f32) / self.scale.1;
        (x.clamp(-FAR, FAR), y.clamp(-FAR, FAR))
    }

    /// A rectangle of the input (left, top, right, bottom) in pixels of the frame.
    pub fn rect_from_input(&self, edges: [f32; 4]) -> Rect {
        let [left, top, right, bottom] = edges;
        let x = (left - self.place.left as f32) / self.scale.0;
        let y = (top - self.place.top as f32) / self.scale.1;
        let width = ((right - left) / self.scale.0).max(0.0);
        let height = ((bottom - top) / self.scale.1).max(0.0);
        Rect {
            x,
            y,
            width,
            height,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn size(width: usize, height: usize) -> Size {
        Size { width, height }
    }

    #[test]
    fn letterboxes_lie_where_their_families_put_them() {
        let check = |resize, frame, input: Size, scaled: Size, left, top| {
            let target = Target::planar(input.width, input.height);
            let expected = Place {
                left,
                top,
                width: scaled.width,
                height: scaled.height,
            };
            let got = Geometry::new(resize, frame, &target).place;
            assert_eq!(got, expected, "{resize:?}");
        };
        let (frame, input) = (size(768, 576), size(416, 416));
        check(Resize::Stretch, frame, input, input, 0, 0);
        check(Resize::Letterbox, frame, input, size(416, 312), 0, 52);
        check(Resize::LetterboxTopleft, frame, input, size(416, 312), 0, 0);
        // 451 x 300: 276.7 rows; rounded in one, cut in the other.
        check(
            Resize::Letterbox,
            size(451, 300),
            input,
            size(416, 277),
            0,
            69,
        );
        check(
            Resize::LetterboxTopleft,
            size(451, 300),
            input,
            size(416, 276),
            0,
            0,
        );
    }

    #[test]
    fn rectangles_come_back_to_the_frame() {
        for resize in [Resize::Stretch, Resize::Letterbox, Resize::LetterboxTopleft] {
            let geometry = Geometry::new(resize, size(200, 100), &Target::planar(400, 400));
            let (sx, sy) = geometry.scale;
            let (x, y) = (
                50.0 * sx + geometry.place.left as f32,
                20.0 * sy + geometry.place.top as f32,
            );
            let rect = geometry.rect_from_input([x, y, x + 10.0 * sx, y + 30.0 * sy]);
            assert!(
                (rect.x - 50.0).abs() < 1e-3 && (rect.y - 20.0).abs() < 1e-3,
                "{rect:?}"
            );
            assert!((rect.width - 10.0).abs() < 1e-3 && (rect.height - 30.0).abs() < 1e-3);
        }
    }
}
