//! From luma and chroma to red, green and blue.

use millstream_sdk::prelude::*;
use millstream_sdk::video::ColorRange;

/// Luma and chroma to red, green, blue.
#[derive(Debug, Clone, Copy)]
pub struct Matrix {
    luma: f32,
    luma_offset: f32,
    red_v: f32,
    green_u: f32,
    green_v: f32,
    blue_u: f32,
}

impl Matrix {
    /// The matrix of a frame's colorimetry.
    ///
    /// # Source
    /// ITU-R BT.601 and BT.709: luma is the weighted sum, chroma the scaled
    /// differences of blue and red to it.
    pub fn new(info: &VideoInfo) -> Self {
        let (red, blue) = info.colorimetry.matrix.red_blue();
        let green = 1.0 - red - blue;
        let (luma, chroma, offset) = match info.colorimetry.range {
            ColorRange::Full => (1.0, 1.0, 0.0),
            ColorRange::Limited => (255.0 / 219.0, 255.0 / 224.0, 16.0),
        };
        Self {
            luma: luma as f32,
            luma_offset: offset,
            red_v: (chroma * 2.0 * (1.0 - red)) as f32,
            green_u: (chroma * 2.0 * (1.0 - blue) * blue / green) as f32,
            green_v: (chroma * 2.0 * (1.0 - red) * red / green) as f32,
            blue_u: (chroma * 2.0 * (1.0 - blue)) as f32,
        }
    }

    /// Converts a line in place: Y, U, V become red, green, blue, 0 to 255.
    pub fn convert(&self, first: &mut [f32], second: &mut [f32], third: &mut [f32]) {
        let pixels = first
            .iter_mut()
            .zip(second.iter_mut().zip(third.iter_mut()));
        for (first, (second, third)) in pixels {
            let luma = (*first - self.luma_offset) * self.luma;
            let (u, v) = (*second - 128.0, *third - 128.0);
            *first = (luma + self.red_v * v).clamp(0.0, 255.0);
            *second = (luma - self.green_u * u - self.green_v * v).clamp(0.0, 255.0);
            *third = (luma + self.blue_u * u).clamp(0.0, 255.0);
        }
    }
}
