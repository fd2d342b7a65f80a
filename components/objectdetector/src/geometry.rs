//! Where a frame lies in the model's input, and which source pixels each of its
//! columns and rows is made of.

use millstream_sdk::prelude::*;

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
    /// The model's input.
    pub input: Size,
    /// The frame.
    pub frame: Size,
    /// The frame after scaling.
    pub scaled: Size,
    /// Columns to the left of it.
    pub left: usize,
    /// Rows above it.
    pub top: usize,
    /// Input pixels for a frame's pixel, across and down.
    pub scale: (f32, f32),
}

impl Geometry {
    /// Fits a frame into an input. `Auto` stretches.
    ///
    /// # Source
    /// `LetterBox` in ultralytics' `data/augment.py` for the centred one (sizes and
    /// offsets are rounded), `preproc` in YOLOX' `data_augment.py` for the one in
    /// the corner (sizes are cut).
    pub fn new(resize: Resize, frame: Size, input: Size) -> Self {
        let across = input.width as f64 / frame.width as f64;
        let down = input.height as f64 / frame.height as f64;
        let both = across.min(down);
        let scaled = |round: fn(f64) -> f64| Size {
            width: (round(frame.width as f64 * both) as usize).clamp(1, input.width),
            height: (round(frame.height as f64 * both) as usize).clamp(1, input.height),
        };
        let same = (both as f32, both as f32);
        match resize {
            Resize::Auto | Resize::Stretch => {
                let scale = (across as f32, down as f32);
                Self {
                    input,
                    frame,
                    scaled: input,
                    left: 0,
                    top: 0,
                    scale,
                }
            }
            Resize::Letterbox => {
                let scaled = scaled(f64::round);
                let before = |all: usize, used: usize| {
                    ((all.saturating_sub(used)) as f64 / 2.0 - 0.1)
                        .round()
                        .max(0.0) as usize
                };
                let left = before(input.width, scaled.width);
                let top = before(input.height, scaled.height);
                Self {
                    input,
                    frame,
                    scaled,
                    left,
                    top,
                    scale: same,
                }
            }
            Resize::LetterboxTopleft => Self {
                input,
                frame,
                scaled: scaled(f64::floor),
                left: 0,
                top: 0,
                scale: same,
            },
        }
    }

    /// A point of the input in pixels of the frame. Points far outside of the frame
    /// are moved to where numbers are still sure to be finite.
    pub fn point_from_input(&self, x: f32, y: f32) -> (f32, f32) {
        const FAR: f32 = 1e9;
        let x = (x - self.left as f32) / self.scale.0;
        let y = (y - self.top as f32) / self.scale.1;
        (x.clamp(-FAR, FAR), y.clamp(-FAR, FAR))
    }

    /// A rectangle of the input (left, top, right, bottom) in pixels of the frame.
    pub fn rect_from_input(&self, edges: [f32; 4]) -> Rect {
        let [left, top, right, bottom] = edges;
        let x = (left - self.left as f32) / self.scale.0;
        let y = (top - self.top as f32) / self.scale.1;
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

/// Two neighbouring source positions and how much of the second is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tap {
    /// Position of the first.
    pub first: usize,
    /// Position of the second.
    pub second: usize,
    /// 0 to 1.
    pub weight: f32,
}

/// The taps of one direction: `from` source pixels scaled to `to`.
///
/// # Source
/// `cv::resize` with `INTER_LINEAR`: half-pixel centres, edges repeated, nothing
/// averaged when scaling down.
pub fn taps(from: usize, to: usize) -> Vec<Tap> {
    let step = from as f64 / to as f64;
    let last = from.saturating_sub(1);
    let tap = |place: usize| {
        let at = (place as f64 + 0.5) * step - 0.5;
        let floor = at.floor().max(0.0);
        let first = (floor as usize).min(last);
        let inside = at > 0.0 && first < last;
        let weight = if inside { (at - floor) as f32 } else { 0.0 };
        Tap {
            first,
            second: (first + 1).min(last),
            weight,
        }
    };
    (0..to).map(tap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn size(width: usize, height: usize) -> Size {
        Size { width, height }
    }

    #[test]
    fn letterboxes_lie_where_their_families_put_them() {
        let check = |resize, frame, input, scaled, left, top| {
            let got = Geometry::new(resize, frame, input);
            assert_eq!(
                (got.scaled, got.left, got.top),
                (scaled, left, top),
                "{resize:?}"
            );
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
            let geometry = Geometry::new(resize, size(200, 100), size(400, 400));
            let (sx, sy) = geometry.scale;
            let (x, y) = (
                50.0 * sx + geometry.left as f32,
                20.0 * sy + geometry.top as f32,
            );
            let rect = geometry.rect_from_input([x, y, x + 10.0 * sx, y + 30.0 * sy]);
            assert!(
                (rect.x - 50.0).abs() < 1e-3 && (rect.y - 20.0).abs() < 1e-3,
                "{rect:?}"
            );
            assert!((rect.width - 10.0).abs() < 1e-3 && (rect.height - 30.0).abs() < 1e-3);
        }
    }

    #[test]
    fn taps_are_those_of_opencv() {
        let tap = |first, second, weight| Tap {
            first,
            second,
            weight,
        };
        assert_eq!(taps(4, 2), [tap(0, 1, 0.5), tap(2, 3, 0.5)]);
        assert_eq!(
            taps(2, 4),
            [
                tap(0, 1, 0.0),
                tap(0, 1, 0.25),
                tap(0, 1, 0.75),
                tap(1, 1, 0.0)
            ]
        );
        assert_eq!(taps(1, 2), [tap(0, 0, 0.0); 2]);
        assert_eq!(
            taps(3, 3)
                .iter()
                .map(|t| (t.first, t.weight))
                .collect::<Vec<_>>(),
            [(0, 0.0), (1, 0.0), (2, 0.0)]
        );
    }
}
