//! From a frame in any format to the model's input: conversion, scaling and
//! normalisation in one pass over the input's pixels.
//!
//! A frame's samples are interpolated as they are (luma and chroma apart, chroma
//! at the position of its pixel group) and converted after that, so that only as
//! many pixels are converted as the model sees. All tables are made when the caps
//! are set; a frame allocates nothing.

use millstream_sdk::prelude::*;
use millstream_sdk::video::{ColorRange, Family as Samples, Plane};

use crate::geometry::{Geometry, Size, Tap, taps};

/// What stands around a letterboxed frame: the grey of all YOLO families.
const PAD: f32 = 114.0;

/// How the numbers of the input are made of a pixel's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalization {
    /// The first plane is red; else blue.
    pub rgb: bool,
    /// Multiplies the values 0 to 255.
    pub factor: f32,
}

/// The input of the model for frames of fixed caps.
#[derive(Debug)]
pub struct Preprocessor {
    info: VideoInfo,
    geometry: Geometry,
    normalization: Normalization,
    sampler: Sampler,
    rows: Vec<Tap>,
    values: Vec<f32>,
}

/// How a row of the frame is read; positions are bytes in a row.
#[derive(Debug)]
enum Sampler {
    /// Pixels of at least three bytes, with where red, green and blue lie.
    Rgb {
        columns: Vec<Tap>,
        order: [usize; 3],
    },
    Gray {
        columns: Vec<Tap>,
    },
    /// Luma with chroma beside or in other planes.
    Yuv {
        luma: Vec<Tap>,
        u: Chroma,
        v: Chroma,
        rows_shift: u32,
        matrix: Matrix,
    },
}

/// One of two chroma components.
#[derive(Debug)]
struct Chroma {
    plane: usize,
    columns: Vec<Tap>,
}

impl Preprocessor {
    /// Tables for frames like `info`.
    pub fn new(info: &VideoInfo, geometry: Geometry, normalization: Normalization) -> Self {
        let Size { width, height } = geometry.input;
        Self {
            sampler: Sampler::new(info, &geometry),
            rows: taps(geometry.frame.height, geometry.scaled.height),
            values: vec![PAD * normalization.factor; 3 * width * height],
            info: info.clone(),
            geometry,
            normalization,
        }
    }

    /// Where frames lie in the input.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The input for a frame's bytes: f32 `[3, height, width]`, planar.
    pub fn run(&mut self, bytes: &[u8]) -> Result<&[f32], Failure> {
        let frame = VideoFrame::new(&self.info, bytes)?;
        let planes = [frame.plane(0), frame.plane(1), frame.plane(2)];
        let Size { width, height } = self.geometry.input;
        let (first, rest) = self.values.split_at_mut(width * height);
        let (second, third) = rest.split_at_mut(width * height);
        let lines = first.chunks_exact_mut(width).zip(
            second
                .chunks_exact_mut(width)
                .zip(third.chunks_exact_mut(width)),
        );
        let factor = self.normalization.factor;
        let columns = self.geometry.left..self.geometry.left + self.geometry.scaled.width;
        for ((first, (second, third)), row) in lines.skip(self.geometry.top).zip(&self.rows) {
            let parts = [first, second, third].map(|line| line.get_mut(columns.clone()));
            let [Some(first), Some(second), Some(third)] = parts else {
                continue;
            };
            let (red, blue) = if self.normalization.rgb {
                (first, third)
            } else {
                (third, first)
            };
            self.sampler
                .read(&planes, row, [&mut *red, &mut *second, &mut *blue]);
            for line in [red, second, blue] {
                for value in line {
                    *value = rounded(*value) * factor;
                }
            }
        }
        Ok(&self.values)
    }
}

impl Sampler {
    fn new(info: &VideoInfo, geometry: &Geometry) -> Self {
        let columns = taps(geometry.frame.width, geometry.scaled.width);
        // Byte positions of a component: pixels grouped by `shift`, `bytes` a group.
        let placed = |shift: u32, bytes: usize, offset: usize| -> Vec<Tap> {
            let place = |pixel: usize| (pixel >> shift) * bytes + offset;
            let tap = |tap: &Tap| Tap {
                first: place(tap.first),
                second: place(tap.second),
                weight: tap.weight,
            };
            columns.iter().map(tap).collect()
        };
        let matrix = Matrix::new(info);
        match info.format.family() {
            Samples::Rgb { bytes, rgb, .. } => Self::Rgb {
                columns: placed(0, bytes, 0),
                order: rgb,
            },
            Samples::Gray => Self::Gray {
                columns: placed(0, 1, 0),
            },
            Samples::Planar { uv: [u, v] } => Self::Yuv {
                luma: placed(0, 1, 0),
                u: Chroma {
                    plane: u,
                    columns: placed(1, 1, 0),
                },
                v: Chroma {
                    plane: v,
                    columns: placed(1, 1, 0),
                },
                rows_shift: 1,
                matrix,
            },
            Samples::SemiPlanar { uv: [u, v] } => Self::Yuv {
                luma: placed(0, 1, 0),
                u: Chroma {
                    plane: 1,
                    columns: placed(1, 2, u),
                },
                v: Chroma {
                    plane: 1,
                    columns: placed(1, 2, v),
                },
                rows_shift: 1,
                matrix,
            },
            Samples::Packed422 { yuyv: [y, u, _, v] } => Self::Yuv {
                luma: placed(0, 2, y),
                u: Chroma {
                    plane: 0,
                    columns: placed(1, 4, u),
                },
                v: Chroma {
                    plane: 0,
                    columns: placed(1, 4, v),
                },
                rows_shift: 0,
                matrix,
            },
        }
    }

    /// Interpolates one line of the input: red, green, blue, 0 to 255.
    fn read(&self, planes: &[Plane<'_>; 3], row: &Tap, rgb: [&mut [f32]; 3]) {
        let [red, green, blue] = rgb;
        let rows = |plane: usize, shift: u32| {
            let plane = planes.get(plane);
            let at = |y: usize| plane.map(|plane| plane.row(y >> shift)).unwrap_or_default();
            Rows {
                above: at(row.first),
                below: at(row.second),
                weight: row.weight,
            }
        };
        match self {
            Self::Rgb { columns, order } => {
                read_pixels(&rows(0, 0), columns, *order, [red, green, blue]);
            }
            Self::Gray { columns } => {
                read_component(&rows(0, 0), columns, red);
                green.copy_from_slice(red);
                blue.copy_from_slice(red);
            }
            Self::Yuv {
                luma,
                u,
                v,
                rows_shift,
                matrix,
            } => {
                read_component(&rows(0, 0), luma, red);
                read_component(&rows(u.plane, *rows_shift), &u.columns, green);
                read_component(&rows(v.plane, *rows_shift), &v.columns, blue);
                matrix.convert(red, green, blue);
            }
        }
    }
}

/// The two source rows of a line of the input.
struct Rows<'a> {
    above: &'a [u8],
    below: &'a [u8],
    weight: f32,
}

fn read_component(rows: &Rows<'_>, columns: &[Tap], into: &mut [f32]) {
    let byte = |row: &[u8], at: usize| row.get(at).copied().map_or(0.0, f32::from);
    for (value, tap) in into.iter_mut().zip(columns) {
        let above = between(
            byte(rows.above, tap.first),
            byte(rows.above, tap.second),
            tap.weight,
        );
        let below = between(
            byte(rows.below, tap.first),
            byte(rows.below, tap.second),
            tap.weight,
        );
        *value = between(above, below, rows.weight);
    }
}

fn read_pixels(rows: &Rows<'_>, columns: &[Tap], order: [usize; 3], into: [&mut [f32]; 3]) {
    let pixel = |row: &[u8], at: usize| {
        let bytes = row.get(at..).and_then(|bytes| bytes.first_chunk::<3>());
        bytes.copied().unwrap_or_default().map(f32::from)
    };
    let [first, second, third] = into;
    // The caller's planes are red, green, blue; memory's are one way or the other.
    let (first, third) = if order == [0, 1, 2] {
        (first, third)
    } else {
        (third, first)
    };
    let lines = first
        .iter_mut()
        .zip(second.iter_mut().zip(third.iter_mut()));
    for ((first, (second, third)), tap) in lines.zip(columns) {
        let above = mixed(
            pixel(rows.above, tap.first),
            pixel(rows.above, tap.second),
            tap.weight,
        );
        let below = mixed(
            pixel(rows.below, tap.first),
            pixel(rows.below, tap.second),
            tap.weight,
        );
        [*first, *second, *third] = mixed(above, below, rows.weight);
    }
}

/// The nearest whole number from 0 to 255: models were trained on pictures whose
/// pixels are bytes after scaling too. Where floats are this large they have no
/// fraction, so that adding rounds; it is one instruction on four lanes anywhere.
fn rounded(value: f32) -> f32 {
    const NO_FRACTION: f32 = 12_582_912.0;
    (value + NO_FRACTION) - NO_FRACTION
}

fn between(a: f32, b: f32, weight: f32) -> f32 {
    a + (b - a) * weight
}

fn mixed(a: [f32; 3], b: [f32; 3], weight: f32) -> [f32; 3] {
    let ([a0, a1, a2], [b0, b1, b2]) = (a, b);
    [
        between(a0, b0, weight),
        between(a1, b1, weight),
        between(a2, b2, weight),
    ]
}

/// Luma and chroma to red, green, blue.
#[derive(Debug, Clone, Copy)]
struct Matrix {
    luma: f32,
    luma_offset: f32,
    red_v: f32,
    green_u: f32,
    green_v: f32,
    blue_u: f32,
}

impl Matrix {
    /// # Source
    /// ITU-R BT.601 and BT.709: luma is the weighted sum, chroma the scaled
    /// differences of blue and red to it.
    fn new(info: &VideoInfo) -> Self {
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

    fn convert(&self, first: &mut [f32], second: &mut [f32], third: &mut [f32]) {
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
