//! From one colour model to another: one affine map of three 8-bit numbers.
//!
//! [`Map::between`] composes it in `f64` when caps are set; the row functions use
//! it as fixed-point numbers ([`Lift`], [`Weights`]).
//!
//! # Source
//! ITU-T H.273, equations 8.3 (how luma and chroma are made of red, green and
//! blue) with the quantisation of section 8.3: luma 16 to 235 and chroma 16 to 240
//! in the limited range, 0 to 255 in the full one. Weights of red and blue:
//! `ColorMatrix::red_blue` of the SDK, from GStreamer's `video-color.c`.

use millstream_sdk::video::{ColorMatrix, ColorRange};
use millstream_sdk::{prelude::*, video::Colorimetry};

type Matrix = [[f64; 3]; 3];

/// `out = matrix · in + offset`, both in the numbers that frames hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Map {
    /// A row for each of the three outputs.
    pub(crate) rows: Matrix,
    /// What is added to each.
    pub(crate) offset: [f64; 3],
}

impl Map {
    /// From the colours of one frame to those of another. Transfer functions and
    /// primaries stay as they are, as GStreamer leaves them by default.
    pub(crate) fn between(from: &VideoInfo, to: &VideoInfo) -> Self {
        Self::to_rgb(from).then(&Self::from_rgb(to))
    }

    /// To red, green and blue from 0 to 1.
    fn to_rgb(info: &VideoInfo) -> Self {
        let quant = Quant::of(info);
        let rows = match quant.matrix {
            None => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Some((kr, kb)) => {
                let (kg, cr, cb) = (1.0 - kr - kb, 2.0 * (1.0 - kr), 2.0 * (1.0 - kb));
                [
                    [1.0, 0.0, cr],
                    [1.0, -cb * kb / kg, -cr * kr / kg],
                    [1.0, cb, 0.0],
                ]
            }
        };
        let scaled = Self {
            rows: diagonal(quant.scale.map(|scale| 1.0 / scale)),
            offset: pairs(quant.zero, quant.scale).map(|(zero, scale)| -zero / scale),
        };
        scaled.then(&Self {
            rows,
            offset: [0.0; 3],
        })
    }

    /// From red, green and blue from 0 to 1.
    fn from_rgb(info: &VideoInfo) -> Self {
        let quant = Quant::of(info);
        let rows = match quant.matrix {
            None => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Some((kr, kb)) => {
                let (kg, cr, cb) = (1.0 - kr - kb, 2.0 * (1.0 - kr), 2.0 * (1.0 - kb));
                [
                    [kr, kg, kb],
                    [-kr / cb, -kg / cb, 0.5],
                    [0.5, -kg / cr, -kb / cr],
                ]
            }
        };
        let quantise = Self {
            rows: diagonal(quant.scale),
            offset: quant.zero,
        };
        Self {
            rows,
            offset: [0.0; 3],
        }
        .then(&quantise)
    }

    /// This map, and then another.
    fn then(&self, next: &Self) -> Self {
        let [x, y, z] = self.rows;
        let rows = next.rows.map(|[a, b, c]| {
            let mut row = [0.0; 3];
            for (((to, x), y), z) in row.iter_mut().zip(x).zip(y).zip(z) {
                *to = a * x + b * y + c * z;
            }
            row
        });
        let [o, p, q] = self.offset;
        let moved = next.rows.map(|[a, b, c]| a * o + b * p + c * q);
        let offset = pairs(moved, next.offset).map(|(moved, offset)| moved + offset);
        Self { rows, offset }
    }
}

/// What a frame's numbers are made of.
struct Quant {
    /// Weights of red and blue in luma, where there is luma.
    matrix: Option<(f64, f64)>,
    /// The numbers for 0.
    zero: [f64; 3],
    /// How many numbers there are from 0 to 1.
    scale: [f64; 3],
}

impl Quant {
    fn of(info: &VideoInfo) -> Self {
        let limited = info.colorimetry.range == ColorRange::Limited;
        if !info.format.is_rgb() {
            let matrix = Some(info.colorimetry.matrix.red_blue());
            return if limited {
                Self {
                    matrix,
                    zero: [16.0, 128.0, 128.0],
                    scale: [219.0, 224.0, 224.0],
                }
            } else {
                Self {
                    matrix,
                    zero: [0.0, 128.0, 128.0],
                    scale: [255.0; 3],
                }
            };
        }
        // As GStreamer: a colorimetry made for luma says nothing about RGB.
        let Colorimetry { matrix, .. } = info.colorimetry;
        if limited && matrix == ColorMatrix::Rgb {
            Self {
                matrix: None,
                zero: [16.0; 3],
                scale: [219.0; 3],
            }
        } else {
            Self {
                matrix: None,
                zero: [0.0; 3],
                scale: [255.0; 3],
            }
        }
    }
}

const fn diagonal([x, y, z]: [f64; 3]) -> Matrix {
    [[x, 0.0, 0.0], [0.0, y, 0.0], [0.0, 0.0, z]]
}

const fn pairs([a, b, c]: [f64; 3], [x, y, z]: [f64; 3]) -> [(f64, f64); 3] {
    [(a, x), (b, y), (c, z)]
}

/// Three weights and an offset with 16 bits after the point, of numbers that are
/// sums of `1 << extra` samples. Rounds to the nearest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights {
    pub(crate) weights: [i32; 3],
    pub(crate) offset: i32,
}

impl Weights {
    /// One row of a map.
    pub(crate) fn new(row: [f64; 3], offset: f64, extra: u32) -> Self {
        let samples = f64::from(1_u32 << extra);
        let rounded = (offset + 0.5) * 65_536.0 * samples;
        Self {
            weights: row.map(|weight| (weight * 65_536.0).round() as i32),
            offset: rounded as i32,
        }
    }
}

/// What is added to sums with 6 bits after the point: the largest signed 16-bit number
/// is then the largest byte.
pub(crate) const BIAS: i16 = 256 * 64;

/// `out = gain · luma + terms`, where the terms come from chroma less 128: with 6 bits
/// after the point in 16-bit numbers, eight to a vector. Off by less than 0.1 before
/// it is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lift {
    /// With 7 bits after the point; at most 149, so that `gain · luma` fits `u16`.
    pub(crate) gain: u16,
    /// Weights of U and V with 13 bits after the point; below 4.
    pub(crate) chroma: [i16; 2],
    /// With 6 bits after the point, and [`BIAS`].
    pub(crate) offset: i16,
}

impl Lift {
    /// One row of a map from luma and chroma.
    pub(crate) fn new([luma, u, v]: [f64; 3], offset: f64) -> Self {
        let gain = (luma * 128.0).round();
        // The gain is rounded; this puts its error to both sides of mid-grey.
        let middle = (luma - gain / 128.0) * 126.0;
        let half = 0.5 + 0.25 / 64.0; // rounds, and undoes half of what a shift cuts off
        let offset = offset + (u + v) * 128.0 + middle + half;
        Self {
            gain: gain as u16,
            chroma: [u, v].map(|weight| (weight * 8192.0).round() as i16),
            offset: (offset * 64.0 + f64::from(BIAS)).round() as i16,
        }
    }

    /// Whether luma stays what it is.
    pub(crate) fn is_identity(self) -> bool {
        self.gain == 128 && self.chroma == [0, 0]
    }
}
