//! From a frame in any format to the model's input: conversion, scaling and
//! normalisation, straight into the memory of the tensor.
//!
//! A frame's samples are interpolated as they are (luma and chroma apart, chroma
//! at the position of its pixel group) and converted after that, so that only as
//! many pixels are converted as the model sees. All tables are made when the caps
//! are set; a frame allocates nothing.

use millstream_sdk::nn::ElementType;
use millstream_sdk::prelude::*;
use millstream_sdk::video::{Family as Samples, Plane};

use crate::geometry::{Geometry, Size, Tap, taps};
use crate::half::f16_from_f32;
use crate::matrix::Matrix;
use crate::resample::{Blended, Columns};

/// How the numbers of the input are made of a pixel's: `(pixel * factor - mean) / std`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalization {
    /// The first channel is red; else blue.
    pub rgb: bool,
    /// Multiplies the values 0 to 255.
    pub factor: f32,
    /// In the order of the channels.
    pub mean: [f32; 3],
    /// In the order of the channels.
    pub std: [f32; 3],
    /// The pixel around a letterboxed frame: 0 to 255.
    pub pad: f32,
}

/// How the tensor is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// `u8`, `f16` or `f32`.
    pub element_type: ElementType,
    /// A pixel's channels lie together; else each is a plane.
    pub channels_last: bool,
}

/// The input of the model for frames of fixed caps.
#[derive(Debug)]
pub struct Preprocessor {
    info: VideoInfo,
    geometry: Geometry,
    normalization: Normalization,
    layout: Layout,
    sampler: Sampler,
    rows: Vec<Tap>,
    /// One line of red, green and blue.
    line: [Vec<f32>; 3],
    /// The border is written.
    bordered: bool,
    numbers: Numbers,
}

/// The tensor's numbers for a pixel's 256 values, by channel.
#[derive(Debug)]
enum Numbers {
    U8([Vec<u8>; 3]),
    F16([Vec<u16>; 3]),
    /// Multiplied and added: as fast as a table.
    F32([(f32, f32); 3]),
}

impl Preprocessor {
    /// Tables for frames like `info`.
    pub fn new(
        info: &VideoInfo,
        geometry: Geometry,
        normalization: Normalization,
        layout: Layout,
    ) -> Self {
        let width = geometry.scaled.width;
        Self {
            sampler: Sampler::new(info, &geometry),
            rows: taps(geometry.frame.height, geometry.scaled.height),
            line: core::array::from_fn(|_| vec![0.0; width]),
            bordered: false,
            numbers: Numbers::new(&normalization, layout.element_type),
            info: info.clone(),
            geometry,
            normalization,
            layout,
        }
    }

    /// Where frames lie in the input.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Writes the input for a frame's bytes into the tensor, always the same one.
    pub fn run(&mut self, bytes: &[u8], tensor: &mut Buffer) -> Result<(), Failure> {
        let frame = VideoFrame::new(&self.info, bytes)?;
        let planes = [frame.plane(0), frame.plane(1), frame.plane(2)];
        let has_border = self.geometry.scaled != self.geometry.input;
        // What a border is made of stays from frame to frame.
        let mut view = if has_border {
            tensor.map_mut()
        } else {
            tensor.map_overwrite()
        };
        let border = has_border && !self.bordered;
        self.bordered = true;
        let place = Place::new(
            &self.geometry,
            self.layout.channels_last,
            self.normalization.rgb,
        );
        let pad = self.normalization.pad;
        let (sampler, rows, line) = (&mut self.sampler, &self.rows, &mut self.line);
        let source = Source {
            sampler,
            planes: &planes,
            rows,
            line,
        };
        match &self.numbers {
            Numbers::U8(tables) => {
                let look_up = |table: &Vec<u8>, value: f32| entry(table, value);
                place.write(&mut view, tables, look_up, border.then_some(pad), source);
            }
            Numbers::F16(tables) => {
                let look_up = |table: &Vec<u16>, value: f32| entry(table, value);
                let numbers = view.numbers_mut::<u16>()?;
                place.write(numbers, tables, look_up, border.then_some(pad), source);
            }
            Numbers::F32(lines) => {
                let scale =
                    |(factor, offset): &(f32, f32), value: f32| rounded(value) * factor + offset;
                let numbers = view.numbers_mut::<f32>()?;
                place.write(numbers, lines, scale, border.then_some(pad), source);
            }
        }
        Ok(())
    }
}

impl Numbers {
    fn new(normalization: &Normalization, element_type: ElementType) -> Self {
        let Normalization {
            factor, mean, std, ..
        } = *normalization;
        let number = |channel: usize, value: f32| {
            let at = |numbers: [f32; 3], neutral| numbers.get(channel).copied().unwrap_or(neutral);
            (value * factor - at(mean, 0.0)) / at(std, 1.0)
        };
        let values = || (0..=u8::MAX).map(f32::from);
        match element_type {
            // Casts of floats saturate: below 0 is 0, above 255 is 255.
            ElementType::U8 => Self::U8(core::array::from_fn(|channel| {
                values()
                    .map(|value| number(channel, value).round() as u8)
                    .collect()
            })),
            ElementType::F16 => Self::F16(core::array::from_fn(|channel| {
                values()
                    .map(|value| f16_from_f32(number(channel, value)))
                    .collect()
            })),
            _ => Self::F32(core::array::from_fn(|channel| {
                let offset = number(channel, 0.0);
                let std = std.get(channel).copied().unwrap_or(1.0);
                (factor / std, offset)
            })),
        }
    }
}

fn entry<T: Copy + Default>(table: &[T], value: f32) -> T {
    table
        .get(rounded(value) as usize)
        .copied()
        .unwrap_or_default()
}

/// The nearest whole number from 0 to 255: models were trained on pictures whose
/// pixels are bytes after scaling too. Where floats are this large they have no
/// fraction, so that adding rounds; it is one instruction on four lanes anywhere.
fn rounded(value: f32) -> f32 {
    const NO_FRACTION: f32 = 12_582_912.0;
    (value + NO_FRACTION) - NO_FRACTION
}

/// What is written: lines of red, green and blue.
struct Source<'a> {
    sampler: &'a mut Sampler,
    planes: &'a [Plane<'a>; 3],
    rows: &'a [Tap],
    line: &'a mut [Vec<f32>; 3],
}

/// Where a frame's pixels lie in the tensor.
struct Place {
    geometry: Geometry,
    channels_last: bool,
    rgb: bool,
}

impl Place {
    fn new(geometry: &Geometry, channels_last: bool, rgb: bool) -> Self {
        Self {
            geometry: *geometry,
            channels_last,
            rgb,
        }
    }

    /// Writes all lines of a frame, and before that `pad` everywhere if it is given.
    /// `number(table, value)` is a channel's number for a value of 0 to 255.
    fn write<T: Copy, U>(
        &self,
        tensor: &mut [T],
        tables: &[U; 3],
        number: impl Fn(&U, f32) -> T,
        pad: Option<f32>,
        source: Source<'_>,
    ) {
        let Size { width, height } = self.geometry.input;
        let Geometry {
            left, top, scaled, ..
        } = self.geometry;
        if let Some(pad) = pad {
            self.fill(tensor, &tables.each_ref().map(|table| number(table, pad)));
        }
        let (red, green, blue) = (0, 1, 2);
        let order = if self.rgb {
            [red, green, blue]
        } else {
            [blue, green, red]
        };
        let Source {
            sampler,
            planes,
            rows,
            line,
        } = source;
        for (y, row) in rows.iter().enumerate() {
            sampler.read(planes, row, line);
            let channels = order.map(|color| line.get(color).map_or(&[] as &[f32], |line| line));
            let start = (top + y) * width + left;
            if self.channels_last {
                let [first, second, third] = tables;
                let [a, b, c] = channels;
                let pixels = tensor.get_mut(3 * start..3 * (start + scaled.width));
                let (pixels, _) = pixels.unwrap_or_default().as_chunks_mut::<3>();
                for (pixel, ((a, b), c)) in pixels.iter_mut().zip(a.iter().zip(b).zip(c)) {
                    *pixel = [number(first, *a), number(second, *b), number(third, *c)];
                }
                continue;
            }
            let tensor_planes = tensor.chunks_exact_mut(width * height);
            for ((plane, table), values) in tensor_planes.zip(tables).zip(channels) {
                let into = plane
                    .get_mut(start..start + scaled.width)
                    .unwrap_or_default();
                for (into, value) in into.iter_mut().zip(values) {
                    *into = number(table, *value);
                }
            }
        }
    }

    fn fill<T: Copy>(&self, tensor: &mut [T], numbers: &[T; 3]) {
        if self.channels_last {
            let (pixels, _) = tensor.as_chunks_mut::<3>();
            pixels.fill(*numbers);
        } else {
            let Size { width, height } = self.geometry.input;
            let planes = tensor.chunks_exact_mut(width * height);
            planes
                .zip(numbers)
                .for_each(|(plane, number)| plane.fill(*number));
        }
    }
}

/// How a line of the frame is read.
#[derive(Debug)]
enum Sampler {
    /// Red, green and blue beside each other.
    Rgb {
        row: Blended,
        columns: [Columns; 3],
    },
    Gray {
        row: Blended,
        columns: Columns,
    },
    /// Luma with chroma beside or in other planes.
    Yuv {
        /// One for each plane.
        rows: [Blended; 3],
        /// The plane of each component, and where it lies there.
        components: [(usize, Columns); 3],
        /// 1 where two lines share a row of chroma.
        rows_shift: u32,
        matrix: Matrix,
    },
}

impl Sampler {
    fn new(info: &VideoInfo, geometry: &Geometry) -> Self {
        let pixels = geometry.frame.width;
        let taps = taps(pixels, geometry.scaled.width);
        let columns = |shift: u32, step: usize, offset: usize| {
            Columns::new(&taps, pixels, shift, step, offset)
        };
        let yuv = |components: [(usize, Columns); 3], rows_shift: u32| Self::Yuv {
            rows: Default::default(),
            components,
            rows_shift,
            matrix: Matrix::new(info),
        };
        match info.format.family() {
            Samples::Rgb { bytes, rgb, .. } => Self::Rgb {
                row: Blended::default(),
                columns: rgb.map(|offset| columns(0, bytes, offset)),
            },
            Samples::Gray => Self::Gray {
                row: Blended::default(),
                columns: columns(0, 1, 0),
            },
            Samples::Planar { uv: [u, v] } => yuv(
                [
                    (0, columns(0, 1, 0)),
                    (u, columns(1, 1, 0)),
                    (v, columns(1, 1, 0)),
                ],
                1,
            ),
            Samples::SemiPlanar { uv: [u, v] } => yuv(
                [
                    (0, columns(0, 1, 0)),
                    (1, columns(1, 2, u)),
                    (1, columns(1, 2, v)),
                ],
                1,
            ),
            Samples::Packed422 { yuyv: [y, u, _, v] } => yuv(
                [
                    (0, columns(0, 2, y)),
                    (0, columns(1, 4, u)),
                    (0, columns(1, 4, v)),
                ],
                0,
            ),
        }
    }

    /// Interpolates one line of the input: red, green, blue, 0 to 255.
    fn read(&mut self, planes: &[Plane<'_>; 3], tap: &Tap, line: &mut [Vec<f32>; 3]) {
        let [first, second, third] = line;
        match self {
            Self::Rgb { row, columns } => {
                row.set(&planes[0], tap, 0);
                for (columns, line) in columns.iter().zip([first, second, third]) {
                    columns.pick(row, line);
                }
            }
            Self::Gray { row, columns } => {
                row.set(&planes[0], tap, 0);
                columns.pick(row, first);
                second.copy_from_slice(first);
                third.copy_from_slice(first);
            }
            Self::Yuv {
                rows,
                components,
                rows_shift,
                matrix,
            } => {
                let shifts = [0, *rows_shift, *rows_shift];
                for ((row, plane), shift) in rows.iter_mut().zip(planes).zip(shifts) {
                    row.set(plane, tap, shift);
                }
                let lines = [&mut *first, &mut *second, &mut *third];
                for ((plane, columns), line) in components.iter().zip(lines) {
                    if let Some(row) = rows.get(*plane) {
                        columns.pick(row, line);
                    }
                }
                matrix.convert(first, second, third);
            }
        }
    }
}
