//! [`Placement`]: where the picture lies in the frame that leaves.

use millstream_sdk::buffer::Keypoint;
use millstream_sdk::caps::Fraction;
use millstream_sdk::prelude::*;

/// A rectangle of the output that the whole input fills; the rest is border.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Placement {
    /// Pixels to the left of it; a multiple of what shares chroma.
    pub(crate) x: usize,
    /// Rows above it; a multiple of what shares chroma.
    pub(crate) y: usize,
    /// Pixels in a row of it.
    pub(crate) width: usize,
    /// Rows of it.
    pub(crate) height: usize,
    /// Its width and height by those of the input.
    scale: [f32; 2],
}

impl Placement {
    /// In the middle, as large as the shape allows; or over everything.
    ///
    /// # Source
    /// `gst_video_scale_set_info` in GStreamer's `gstvideoscale.c`; sizes are
    /// rounded here, so that a fraction of a pixel makes no border.
    pub(crate) fn new(from: &VideoInfo, to: &VideoInfo, add_borders: bool) -> Self {
        let (mut width, mut height) = (to.width, to.height);
        if add_borders {
            let wide = Shape::of(from).width_for(to.height, to.par);
            let high = Shape::of(from).height_for(to.width, to.par);
            let (across, down) = to.format.subsampling();
            if wide < to.width {
                width = wide.next_multiple_of(across).min(to.width);
            } else if high < to.height {
                height = high.next_multiple_of(down).min(to.height);
            }
        }
        let (across, down) = to.format.subsampling();
        let middle = |border: usize, multiple: usize| border / 2 / multiple * multiple;
        Self {
            x: middle(to.width - width, across),
            y: middle(to.height - height, down),
            width,
            height,
            scale: [
                width as f32 / from.width as f32,
                height as f32 / from.height as f32,
            ],
        }
    }

    /// Where a point of the input lies in the output.
    pub(crate) fn place_point(&self, point: Keypoint) -> Keypoint {
        let [across, down] = self.scale;
        Keypoint {
            x: finite(point.x * across + self.x as f32),
            y: finite(point.y * down + self.y as f32),
            ..point
        }
    }

    /// Where a rectangle of the input lies in the output.
    pub(crate) fn place(&self, rect: Rect) -> Rect {
        let [across, down] = self.scale;
        Rect {
            x: finite(rect.x * across + self.x as f32),
            y: finite(rect.y * down + self.y as f32),
            width: finite(rect.width * across),
            height: finite(rect.height * down),
        }
    }
}

/// The largest numbers could leave the finite ones, which metas may not.
fn finite(number: f32) -> f32 {
    number.clamp(f32::MIN, f32::MAX)
}

/// The shape that a picture has on a screen: width by height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    width: i128,
    height: i128,
}

impl Shape {
    /// Of a frame, whose pixels may not be square.
    pub(crate) fn of(info: &VideoInfo) -> Self {
        let (across, down) = ratio(info.par);
        Self {
            width: info.width as i128 * across,
            height: info.height as i128 * down,
        }
    }

    /// The width in pixels of the aspect `par` that keeps the shape; at least 1.
    pub(crate) fn width_for(self, height: usize, par: Fraction) -> usize {
        let (across, down) = ratio(par);
        rounded(height as i128 * self.width * down, self.height * across)
    }

    /// The height in rows of pixels of the aspect `par` that keeps the shape.
    pub(crate) fn height_for(self, width: usize, par: Fraction) -> usize {
        let (across, down) = ratio(par);
        rounded(width as i128 * self.height * across, self.width * down)
    }
}

/// A pixel's width and height; square where caps make no sense.
fn ratio(par: Fraction) -> (i128, i128) {
    if par.numerator > 0 && par.denominator > 0 {
        (par.numerator.into(), par.denominator.into())
    } else {
        (1, 1)
    }
}

/// The quotient of positive numbers, rounded, from 1 to what a size can be.
fn rounded(above: i128, below: i128) -> usize {
    let quotient = (2 * above + below) / (2 * below).max(1);
    quotient.clamp(1, i32::MAX.into()) as usize
}
