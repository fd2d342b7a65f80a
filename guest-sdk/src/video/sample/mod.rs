//! [`Sampler`]: a rectangle of a frame, in any format, as the numbers of a model's
//! input. Interpolation, conversion and normalisation in one pass over the input.
//!
//! ```text
//! frame ──▶ two rows of each component, interpolated across ──▶ between them ──▶
//!     red, green, blue ──▶ whole numbers 0 to 255 ──▶ factor, offset ──▶ input
//! ```
//!
//! Luma and chroma are interpolated as they are, each on its own grid, and
//! converted after that: only as many pixels are converted as the model sees.
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
//! let mut input = [0.0_f32; 12];
//! sampler.run(&VideoFrame::new(&info, &bytes)?, &mut input)?;
//! assert_eq!(input, [6., 9., 18., 21., 7., 10., 19., 22., 8., 11., 20., 23.]);
//! # Ok(())
//! # }
//! ```

mod component;
mod matrix;

use super::{Family, VideoFrame, VideoInfo};
use crate::buffer::Rect;
use crate::failure::Failure;

use component::Component;
use matrix::Matrix;

/// A number that inputs are made of.
pub trait Number: Copy {
    /// The nearest such number.
    fn from_f32(value: f32) -> Self;
}

impl Number for f32 {
    fn from_f32(value: f32) -> Self {
        value
    }
}

impl Number for u8 {
    fn from_f32(value: f32) -> Self {
        // Below 0 it is 0, above 255 it is 255.
        value as Self
    }
}

/// What an input looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
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
    /// Planes of red, green and blue from 0 to 255 as they are.
    pub const fn planar(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            planar: true,
            rgb: true,
            factor: [1.0; 3],
            offset: [0.0; 3],
            pad: 0.0,
        }
    }

    /// Numbers of an input.
    pub const fn numbers(&self) -> usize {
        3 * self.width * self.height
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

/// Reads rectangles of frames of one kind into inputs of one kind.
#[derive(Debug)]
pub struct Sampler {
    target: Target,
    place: Place,
    /// Red, green, blue; or luma and both chromas; or luma alone.
    components: Vec<Component>,
    /// None where the samples are red, green and blue, or luma alone.
    matrix: Option<Matrix>,
    /// A row of red, green and blue, 0 to 255.
    lines: [Vec<f32>; 3],
}

impl Sampler {
    /// Aims at the whole frame, stretched over the whole input.
    pub fn new(info: &VideoInfo, target: Target) -> Self {
        let matrix = info.format.is_yuv().then(|| Matrix::new(info));
        let mut sampler = Self {
            target,
            place: target.whole(),
            components: components(info),
            matrix,
            lines: [const { Vec::new() }; 3],
        };
        let (width, height) = (info.width as f32, info.height as f32);
        sampler.aim_at(Rect {
            x: 0.0,
            y: 0.0,
            width,
            height,
        });
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
    ///
    /// # Source
    /// `cv::resize` with `INTER_LINEAR`: half-pixel centres, edges repeated, nothing
    /// averaged when scaling down.
    pub fn aim(&mut self, from: Rect, place: Place) {
        let Target { width, height, .. } = self.target;
        let (left, top) = (place.left.min(width), place.top.min(height));
        self.place = Place {
            left,
            top,
            width: place.width.min(width - left),
            height: place.height.min(height - top),
        };
        for component in &mut self.components {
            component.aim(from, &self.place);
        }
        for line in &mut self.lines {
            line.resize(self.place.width, 0.0);
        }
    }

    /// Writes an input: as many numbers as [`Target::numbers`] says.
    pub fn run<N: Number>(
        &mut self,
        frame: &VideoFrame<'_>,
        into: &mut [N],
    ) -> Result<(), Failure> {
        let Target {
            width,
            height,
            planar,
            ..
        } = self.target;
        if into.len() != self.target.numbers() {
            let (got, expected) = (into.len(), self.target.numbers());
            let message = format!("got an input of {got} numbers, expected {expected}");
            return Err(Failure::inference(message));
        }
        for component in &mut self.components {
            component.forget();
        }
        if planar {
            let (first, rest) = into.split_at_mut(width * height);
            let (second, third) = rest.split_at_mut(width * height);
            let rows = first.chunks_exact_mut(width.max(1));
            let rest = second.chunks_exact_mut(width.max(1));
            let rest = rest.zip(third.chunks_exact_mut(width.max(1)));
            for (y, (first, (second, third))) in rows.zip(rest).enumerate() {
                let inside = self.read(frame, y);
                self.write_planes([first, second, third], inside);
            }
        } else {
            for (y, row) in into.chunks_exact_mut((width * 3).max(1)).enumerate() {
                let inside = self.read(frame, y);
                self.write_pixels(row, inside);
            }
        }
        Ok(())
    }

    /// Fills the lines for a row of the input; false where it is all padding.
    fn read(&mut self, frame: &VideoFrame<'_>, y: usize) -> bool {
        let Some(row) = y.checked_sub(self.place.top) else {
            return false;
        };
        if row >= self.place.height {
            return false;
        }
        for (component, line) in self.components.iter_mut().zip(&mut self.lines) {
            component.read(frame, row, line);
        }
        let [first, second, third] = &mut self.lines;
        match &self.matrix {
            Some(matrix) => matrix.convert(first, second, third),
            None if self.components.len() == 1 => {
                second.copy_from_slice(first);
                third.copy_from_slice(first);
            }
            None => {}
        }
        for line in &mut self.lines {
            for value in line {
                *value = rounded(*value);
            }
        }
        true
    }

    /// Factor, offset and padding of the three channels in the input's order, with
    /// their lines.
    fn channels(&self) -> [(&[f32], f32, f32, f32); 3] {
        let Target {
            factor,
            offset,
            pad,
            ..
        } = self.target;
        let [red, green, blue] = &self.lines;
        let [fr, fg, fb] = factor;
        let [or, og, ob] = offset;
        let red = (red.as_slice(), fr, or, rounded(pad) * fr + or);
        let green = (green.as_slice(), fg, og, rounded(pad) * fg + og);
        let blue = (blue.as_slice(), fb, ob, rounded(pad) * fb + ob);
        if self.target.rgb {
            [red, green, blue]
        } else {
            [blue, green, red]
        }
    }

    fn write_planes<N: Number>(&self, rows: [&mut [N]; 3], inside: bool) {
        let used = if inside { self.place.width } else { 0 };
        for (row, (line, factor, offset, pad)) in rows.into_iter().zip(self.channels()) {
            let pad = N::from_f32(pad);
            let (before, rest) = row.split_at_mut(self.place.left.min(row.len()));
            let (middle, after) = rest.split_at_mut(used.min(rest.len()));
            before.fill(pad);
            after.fill(pad);
            for (number, value) in middle.iter_mut().zip(line) {
                *number = N::from_f32(*value * factor + offset);
            }
        }
    }

    fn write_pixels<N: Number>(&self, row: &mut [N], inside: bool) {
        let used = if inside { self.place.width } else { 0 };
        let [first, second, third] = self.channels();
        let pad = [first.3, second.3, third.3].map(N::from_f32);
        let (pixels, _) = row.as_chunks_mut::<3>();
        let (before, rest) = pixels.split_at_mut(self.place.left.min(pixels.len()));
        let (middle, after) = rest.split_at_mut(used.min(rest.len()));
        before.fill(pad);
        after.fill(pad);
        let lines = first.0.iter().zip(second.0.iter().zip(third.0));
        for (pixel, (a, (b, c))) in middle.iter_mut().zip(lines) {
            let values = [
                *a * first.1 + first.2,
                *b * second.1 + second.2,
                *c * third.1 + third.2,
            ];
            *pixel = values.map(N::from_f32);
        }
    }
}

/// Where the components of a format lie.
fn components(info: &VideoInfo) -> Vec<Component> {
    let part = |plane, bytes, offset, shared| Component::new(info, plane, bytes, offset, shared);
    match info.format.family() {
        Family::Rgb { bytes, rgb, .. } => rgb.map(|at| part(0, bytes, at, (1, 1))).into(),
        Family::Gray => vec![part(0, 1, 0, (1, 1))],
        Family::Planar { uv: [u, v] } => vec![
            part(0, 1, 0, (1, 1)),
            part(u, 1, 0, (2, 2)),
            part(v, 1, 0, (2, 2)),
        ],
        Family::SemiPlanar { uv: [u, v] } => vec![
            part(0, 1, 0, (1, 1)),
            part(1, 2, u, (2, 2)),
            part(1, 2, v, (2, 2)),
        ],
        Family::Packed422 { yuyv: [y, u, _, v] } => vec![
            part(0, 2, y, (1, 1)),
            part(0, 4, u, (2, 1)),
            part(0, 4, v, (2, 1)),
        ],
    }
}

/// The nearest whole number: models were trained on pictures whose pixels are bytes
/// after scaling too. Where floats are this large they have no fraction, so that
/// adding rounds; it is one instruction on four lanes anywhere.
fn rounded(value: f32) -> f32 {
    const NO_FRACTION: f32 = 12_582_912.0;
    (value + NO_FRACTION) - NO_FRACTION
}

#[cfg(test)]
mod tests;
