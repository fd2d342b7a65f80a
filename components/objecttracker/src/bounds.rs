//! [`Bounds`]: the edges of a box, in pixels, as numbers that can be trusted.

use millstream_sdk::Rect;

/// The farthest that a box may reach and still be followed, in pixels. Beyond it
/// are no frames, only broken numbers.
const FARTHEST: f64 = 1.0e6;

/// The edges of a box in pixels; finite, and not empty if made by
/// [`Bounds::from_rect`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Bounds {
    /// The left edge.
    pub left: f64,
    /// The upper edge.
    pub top: f64,
    /// The right edge.
    pub right: f64,
    /// The lower edge.
    pub bottom: f64,
}

impl Bounds {
    /// None if the box is empty, not finite, or far outside of any frame.
    pub fn from_rect(rect: Rect) -> Option<Self> {
        let [x, y, width, height] = [rect.x, rect.y, rect.width, rect.height].map(f64::from);
        // Not `>`: a NaN must not pass.
        let near = [x, y, width, height].iter().all(|v| v.abs() <= FARTHEST);
        (near && width > 0.0 && height > 0.0).then_some(Self {
            left: x,
            top: y,
            right: x + width,
            bottom: y + height,
        })
    }

    /// From centre and size.
    pub fn around(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self {
            left: x - width / 2.0,
            top: y - height / 2.0,
            right: x + width / 2.0,
            bottom: y + height / 2.0,
        }
    }

    /// As a rectangle for a buffer: finite, with a size that is not negative.
    pub fn to_rect(self) -> Rect {
        let near = |value: f64| value.clamp(-FARTHEST, FARTHEST) as f32;
        Rect {
            x: near(self.left),
            y: near(self.top),
            width: near(self.width().max(0.0)),
            height: near(self.height().max(0.0)),
        }
    }

    /// Pixels from left to right.
    pub fn width(self) -> f64 {
        self.right - self.left
    }

    /// Pixels from top to bottom.
    pub fn height(self) -> f64 {
        self.bottom - self.top
    }

    /// Grown by a share of its size on each side.
    #[must_use]
    pub fn grown(self, share: f64) -> Self {
        let (across, down) = (self.width() * share, self.height() * share);
        Self {
            left: self.left - across,
            top: self.top - down,
            right: self.right + across,
            bottom: self.bottom + down,
        }
    }

    /// The area that both share by the area that they cover together, 0 to 1.
    pub fn iou(self, other: Self) -> f64 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let both = width * height;
        both / (self.width() * self.height() + other.width() * other.height() - both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_of_boxes() {
        let check = |a: [f64; 4], b: [f64; 4], expected: f64| {
            let [a, b] = [a, b].map(|[left, top, right, bottom]| Bounds {
                left,
                top,
                right,
                bottom,
            });
            assert!((a.iou(b) - expected).abs() < 1e-12, "{a:?} {b:?}");
            assert!((b.iou(a) - expected).abs() < 1e-12, "{b:?} {a:?}");
        };
        check([0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0], 1.0);
        check([0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], 1.0 / 3.0);
        check([0.0, 0.0, 2.0, 2.0], [2.0, 0.0, 3.0, 2.0], 0.0);
        check([0.0, 0.0, 4.0, 4.0], [1.0, 1.0, 2.0, 2.0], 1.0 / 16.0);
    }

    #[test]
    fn broken_boxes_are_none() {
        let rect = |x, width| Rect {
            x,
            y: 0.0,
            width,
            height: 1.0,
        };
        assert!(Bounds::from_rect(rect(0.0, 1.0)).is_some());
        for (x, width) in [
            (f32::NAN, 1.0),
            (0.0, f32::INFINITY),
            (0.0, 0.0),
            (0.0, -1.0),
            (-3e38, 1.0),
            (0.0, f32::NAN),
        ] {
            assert_eq!(Bounds::from_rect(rect(x, width)), None, "{x} {width}");
        }
    }
}
