//! Colours in the samples of the frame: RGB as they are, or luma and chroma.

use millstream_sdk::VideoInfo;
use millstream_sdk::video::{ColorMatrix, ColorRange};

/// Red, green and blue, 0 to 255.
pub(crate) type Rgb = [u8; 3];
/// What a canvas holds: R, G, B or Y, U, V.
pub(crate) type Sample = [u8; 3];

/// How the frame's samples are made of red, green and blue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Colors {
    yuv: Option<Yuv>,
}

#[derive(Debug, Clone, Copy)]
struct Yuv {
    /// Weights of red, green and blue in luma.
    weights: [f32; 3],
    /// Lowest luma, and its span.
    luma: (f32, f32),
    /// Half the span of chroma.
    chroma: f32,
    limited: bool,
}

impl Colors {
    /// For frames of this format and colorimetry.
    pub(crate) fn new(info: &VideoInfo) -> Self {
        if info.format.is_rgb() {
            return Self { yuv: None };
        }
        // RGB is no matrix for luma; caps that say so mean the oldest.
        let matrix = match info.colorimetry.matrix {
            ColorMatrix::Rgb => ColorMatrix::Bt601,
            matrix => matrix,
        };
        let (red, blue) = matrix.red_blue();
        let weights = [red as f32, (1.0 - red - blue) as f32, blue as f32];
        let limited = info.colorimetry.range == ColorRange::Limited;
        let (luma, chroma) = if limited {
            ((16.0, 219.0), 112.0)
        } else {
            ((0.0, 255.0), 127.5)
        };
        Self {
            yuv: Some(Yuv {
                weights,
                luma,
                chroma,
                limited,
            }),
        }
    }

    /// A colour in the frame's samples.
    pub(crate) fn of(&self, rgb: Rgb) -> Sample {
        let Some(Yuv {
            weights: [kr, kg, kb],
            luma,
            chroma,
            ..
        }) = self.yuv
        else {
            return rgb;
        };
        let [r, g, b] = rgb.map(|value| f32::from(value) / 255.0);
        let y = kr * r + kg * g + kb * b;
        let u = (b - y) / (1.0 - kb);
        let v = (r - y) / (1.0 - kr);
        [luma.0 + luma.1 * y, 128.0 + chroma * u, 128.0 + chroma * v]
            .map(|value| (value + 0.5).clamp(0.0, 255.0) as u8)
    }

    /// A colour that limited range has beside those of RGB, such as blacker than
    /// black.
    pub(crate) fn special(&self, yuv: Sample, rgb: Rgb) -> Sample {
        match self.yuv {
            Some(Yuv { limited: true, .. }) => yuv,
            _ => self.of(rgb),
        }
    }

    /// Noise: a luma with no colour, over the whole range of a byte.
    pub(crate) fn noise(&self, value: u8) -> Sample {
        if self.yuv.is_some() {
            [value, 128, 128]
        } else {
            [value; 3]
        }
    }
}

/// A colour of the wheel: hue in turns, saturation and value 0 to 1.
pub(crate) fn hsv(hue: f32, saturation: f32, value: f32) -> Rgb {
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + hue.rem_euclid(1.0) * 6.0) % 6.0;
        let channel = value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0);
        (channel * 255.0 + 0.5) as u8
    })
}
