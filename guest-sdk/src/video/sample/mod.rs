//! [`Sampler`]: a rectangle of a frame, in any format, as a model's input: scaled,
//! converted and normalised in one pass, straight into the tensor.
//!
//! ```text
//! two rows of a plane ──▶ blended ──▶ columns picked ──▶ between neighbours,
//!     luma and chroma to red, green, blue, factor, offset ──▶ a row of the input
//! ```
//!
//! Samples are interpolated as they are, chroma at the position of its pixel group,
//! and converted after that: only as many pixels are converted as the model sees.
//! [`Sampler::aim`] makes the tables; a frame allocates nothing.
//!
//! ```
//! use millstream_sdk::prelude::*;
//! use millstream_sdk::video::{Sampler, Target};
//!
//! # fn main() -> Result<(), Failure> {
//! let info = VideoInfo::new(VideoFormat::RGB, 4, 2)?;
//! let mut sampler = Sampler::new(&info, Target::planar(2, 2));
//! sampler.aim_at(Rect { x: 2.0, y: 0.0, width: 2.0, height: 2.0 });
//! let bytes: Vec<u8> = (0..24).collect();
//! let input = sampler.run(&bytes)?.map();
//! let expected = [6., 9., 18., 21., 7., 10., 19., 22., 8., 11., 20., 23.];
//! assert_eq!(input.numbers::<f32>()?, expected);
//! # Ok(())
//! # }
//! ```

mod colors;
mod columns;
mod reader;

use super::{VideoFrame, VideoInfo};
use crate::buffer::{Buffer, Rect};
use crate::failure::Failure;
use crate::half::f16_from_f32;
use crate::nn::{ElementType, allocate};

use reader::Reader;

/// What an input looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// `f32`; `u8`, rounded; or `f16`, of whole pixel values.
    pub element_type: ElementType,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[3, height, width]`; else `[height, width, 3]`.
    pub planar: bool,
    /// Red comes first; else blue.
    pub rgb: bool,
    /// A number is `byte * factor + offset`; for red, green and blue.
    pub factor: [f32; 3],
    /// Added after that; for red, green and blue.
    pub offset: [f32; 3],
    /// What stands where no picture is, 0 to 255.
    pub pad: f32,
}

impl Target {
    /// Planes of red, green and blue from 0 to 255 as they are, in `f32`.
    pub const fn planar(width: usize, height: usize) -> Self {
        Self {
            element_type: ElementType::F32,
            width,
            height,
            planar: true,
            rgb: true,
            factor: [1.0; 3],
            offset: [0.0; 3],
            pad: 0.0,
        }
    }

    /// Bytes of an input.
    pub const fn bytes(&self) -> usize {
        3 * self.width * self.height * self.element_type.bytes()
    }

    /// All of it.
    pub const fn whole(&self) -> Place {
        let (width, height) = (self.width, self.height);
        Place {
            left: 0,
            top: 0,
            width,
            height,
        }
    }

    /// The middle of it, for a picture that keeps its shape.
    pub fn letterbox(&self, width: f64, height: f64) -> Place {
        let scale = (self.width as f64 / width).min(self.height as f64 / height);
        let side =
            |length: f64, most: usize| ((length * scale).round() as usize).clamp(1, most.max(1));
        let (width, height) = (side(width, self.width), side(height, self.height));
        Place {
            left: self.width.saturating_sub(width) / 2,
            top: self.height.saturating_sub(height) / 2,
            width,
            height,
        }
    }

    /// A color's number for 0 to 255.
    fn number(&self, color: usize, value: f32) -> f32 {
        let of = |numbers: [f32; 3]| numbers.get(color).copied().unwrap_or_default();
        value * of(self.factor) + of(self.offset)
    }

    /// Of red, green and blue, the one in each channel.
    const fn order(&self) -> [usize; 3] {
        if self.rgb { [0, 1, 2] } else { [2, 1, 0] }
    }
}

/// A part of an input, in whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Columns before it.
    pub left: usize,
    /// Rows above it.
    pub top: usize,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Reads rectangles of frames of one kind into one input.
#[derive(Debug)]
pub struct Sampler {
    info: VideoInfo,
    target: Target,
    tensor: Buffer,
    place: Place,
    /// What is around the place is written.
    bordered: bool,
    reader: Reader,
    /// A row of red, green and blue.
    row: [Vec<f32>; 3],
    /// Halves for 0 to 255 in each channel; empty for other types.
    halves: [Vec<u16>; 3],
}

impl Sampler {
    /// Aims at the whole frame, stretched over the whole input. Allocates the input,
    /// as [`allocate`] does.
    pub fn new(info: &VideoInfo, target: Target) -> Self {
        let is_half = target.element_type == ElementType::F16;
        let halves = |color: usize| {
            let number = |value: u8| f16_from_f32(target.number(color, value.into()));
            let values = is_half.then(|| (0..=u8::MAX).map(number).collect());
            values.unwrap_or_default()
        };
        let mut sampler = Self {
            tensor: allocate(target.bytes()),
            place: target.whole(),
            bordered: false,
            reader: Reader::new(info, &target),
            row: [const { Vec::new() }; 3],
            halves: target.order().map(halves),
            info: info.clone(),
            target,
        };
        sampler.aim_at(info.rect());
        sampler
    }

    /// What the input looks like.
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Stretches a rectangle of frames over the whole input from now on.
    pub fn aim_at(&mut self, from: Rect) {
        self.aim(from, self.target.whole());
    }

    /// Scales a rectangle of frames, in pixels, to a part of the input from now on;
    /// the rest is padding. Beyond the frame its outermost pixels are repeated.
    /// Numbers that are not finite count as 0, and a place is cut to the input.
    pub fn aim(&mut self, from: Rect, place: Place) {
        let Target { width, height, .. } = self.target;
        let (left, top) = (place.left.min(width), place.top.min(height));
        let place = Place {
            left,
            top,
            width: place.width.min(width - left),
            height: place.height.min(height - top),
        };
        self.bordered &= self.place == place;
        self.place = place;
        self.reader.aim(&self.info, from, place);
        for line in &mut self.row {
            line.resize(place.width, 0.0);
        }
    }

    /// The input for a frame's bytes, in the same memory each time.
    pub fn run(&mut self, bytes: &[u8]) -> Result<&Buffer, Failure> {
        let frame = VideoFrame::new(&self.info, bytes)?;
        let (target, place) = (&self.target, self.place);
        // What is around a picture stays from frame to frame.
        let keeps = self.bordered && place != target.whole();
        let mut view = if keeps {
            self.tensor.map_mut()
        } else {
            self.tensor.map_overwrite()
        };
        let pads = target.order().map(|color| target.number(color, target.pad));
        self.reader.forget();
        let mut rows = Rows {
            target,
            place,
            is_padded: keeps || place == target.whole(),
            reader: &mut self.reader,
            frame: &frame,
            row: &mut self.row,
        };
        match target.element_type {
            ElementType::F32 => {
                let numbers = view.numbers_mut::<f32>()?;
                rows.pad(numbers, pads);
                if target.planar {
                    rows.write_f32(numbers);
                } else {
                    rows.write(numbers, &[(); 3], |(), value| value);
                }
            }
            ElementType::F16 => {
                let half = |table: &Vec<u16>, value: f32| entry(table, value);
                let numbers = view.numbers_mut::<u16>()?;
                let pads = self.halves.each_ref();
                rows.pad(numbers, pads.map(|table| half(table, target.pad)));
                rows.write(numbers, &self.halves, half);
            }
            ElementType::U8 => {
                rows.pad(&mut view, pads.map(byte));
                rows.write(&mut view, &[(); 3], |(), value| byte(value));
            }
            other => {
                let got = other.as_str();
                let message = format!("got an input of {got}, expected f32, f16 or u8");
                return Err(Failure::inference(message));
            }
        }
        drop(view);
        self.bordered = true;
        Ok(&self.tensor)
    }
}

/// The nearest byte: casts of floats saturate.
fn byte(value: f32) -> u8 {
    (value + 0.5) as u8
}

fn entry(table: &[u16], value: f32) -> u16 {
    let entry = table.get(usize::from(byte(value)));
    entry.copied().unwrap_or_default()
}

/// The rows of a frame on their way to the input.
struct Rows<'a> {
    target: &'a Target,
    place: Place,
    is_padded: bool,
    reader: &'a mut Reader,
    frame: &'a VideoFrame<'a>,
    row: &'a mut [Vec<f32>; 3],
}

impl Rows<'_> {
    /// Fills the input with a number for each channel, where that is needed.
    fn pad<T: Copy>(&self, tensor: &mut [T], numbers: [T; 3]) {
        if self.is_padded {
            return;
        }
        if self.target.planar {
            let planes = tensor.chunks_exact_mut((tensor.len() / 3).max(1));
            planes
                .zip(numbers)
                .for_each(|(plane, number)| plane.fill(number));
        } else {
            let (pixels, _) = tensor.as_chunks_mut::<3>();
            pixels.fill(numbers);
        }
    }

    /// Where a row of the picture lies in the input, in pixels.
    fn range(&self, y: usize) -> core::ops::Range<usize> {
        let start = (self.place.top + y) * self.target.width + self.place.left;
        start..start + self.place.width
    }

    /// Planes of floats, without a detour.
    fn write_f32(&mut self, tensor: &mut [f32]) {
        let pixels = tensor.len() / 3;
        let (first, rest) = tensor.split_at_mut(pixels);
        let (green, third) = rest.split_at_mut(pixels);
        let (red, blue) = if self.target.rgb {
            (first, third)
        } else {
            (third, first)
        };
        for y in 0..self.place.height {
            let range = self.range(y);
            if let (Some(red), Some(green), Some(blue)) = (
                red.get_mut(range.clone()),
                green.get_mut(range.clone()),
                blue.get_mut(range),
            ) {
                self.reader.read(self.frame, y, red, green, blue);
            }
        }
    }

    /// Numbers of any type: `number(table, value)` with each channel's own table.
    fn write<T: Copy, U>(
        &mut self,
        tensor: &mut [T],
        tables: &[U; 3],
        number: impl Fn(&U, f32) -> T,
    ) {
        let plane = (tensor.len() / 3).max(1);
        for y in 0..self.place.height {
            let range = self.range(y);
            let [red, green, blue] = self.row;
            self.reader.read(self.frame, y, red, green, blue);
            let [a, b, c] = if self.target.rgb {
                [red, green, blue]
            } else {
                [blue, green, red]
            };
            if self.target.planar {
                let planes = tensor.chunks_exact_mut(plane);
                for ((plane, table), values) in planes.zip(tables).zip([a, b, c]) {
                    let into = plane.get_mut(range.clone()).unwrap_or_default();
                    for (into, value) in into.iter_mut().zip(values) {
                        *into = number(table, *value);
                    }
                }
            } else {
                let [first, second, third] = tables;
                let (pixels, _) = tensor.as_chunks_mut::<3>();
                let pixels = pixels.get_mut(range).unwrap_or_default();
                for (pixel, ((a, b), c)) in pixels.iter_mut().zip(a.iter().zip(b).zip(c)) {
                    *pixel = [number(first, *a), number(second, *b), number(third, *c)];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
