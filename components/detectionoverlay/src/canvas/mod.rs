//! [`Canvas`]: fills areas, masks and shapes of a frame, in any format.
//!
//! Everything is clipped to the frame. Where four pixels share chroma, it is
//! blended by how much of them is covered.

mod blend;
mod shape;
#[cfg(test)]
mod tests;

pub(crate) use shape::Rows;

use millstream_sdk::prelude::*;
use millstream_sdk::video::{ColorRange, Family, PlaneMut};

use blend::blend_all;

/// A colour as the samples of one format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Paint {
    /// The bytes of a pixel of the first plane.
    pixel: [u8; 4],
    /// The bytes of chroma in the order of planes, or of bytes in a pair.
    chroma: [u8; 2],
}

impl Paint {
    /// # Source
    /// ITU-T H.273, equations 8.3; weights from the SDK's `ColorMatrix::red_blue`.
    pub(crate) fn new(info: &VideoInfo, rgb: [u8; 3]) -> Self {
        if let Family::Rgb {
            rgb: [first, ..], ..
        } = info.format.family()
        {
            let [r, g, b] = rgb;
            let pixel = if first == 0 {
                [r, g, b, 255]
            } else {
                [b, g, r, 255]
            };
            return Self {
                pixel,
                chroma: [0; 2],
            };
        }
        let (kr, kb) = info.colorimetry.matrix.red_blue();
        let [r, g, b] = rgb.map(|byte| f64::from(byte) / 255.0);
        let y = kr * r + (1.0 - kr - kb) * g + kb * b;
        let (u, v) = ((b - y) / (2.0 - 2.0 * kb), (r - y) / (2.0 - 2.0 * kr));
        let (zero, luma, chroma) = match info.colorimetry.range {
            ColorRange::Limited => (16.0, 219.0, 224.0),
            ColorRange::Full => (0.0, 255.0, 255.0),
        };
        let byte = |value: f64| value.round().clamp(0.0, 255.0) as u8;
        let (u, v) = (byte(u * chroma + 128.0), byte(v * chroma + 128.0));
        let swapped = matches!(
            info.format.family(),
            Family::Planar { uv: [2, _] } | Family::SemiPlanar { uv: [1, _] }
        );
        let chroma = if swapped { [v, u] } else { [u, v] };
        Self {
            pixel: [byte(y * luma + zero), 0, 0, 0],
            chroma,
        }
    }
}

/// A part of a frame in pixels, from the first to before the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) right: i32,
    pub(crate) bottom: i32,
}

impl Area {
    /// What of it lies in a frame of this size.
    pub(crate) fn clip(self, width: i32, height: i32) -> Self {
        Self {
            left: self.left.clamp(0, width),
            top: self.top.clamp(0, height),
            right: self.right.clamp(0, width),
            bottom: self.bottom.clamp(0, height),
        }
    }

    /// How many pixels it covers.
    pub(crate) fn pixels(self) -> u64 {
        let side = |from: i32, to: i32| u64::try_from(to - from).unwrap_or(0);
        side(self.left, self.right) * side(self.top, self.bottom)
    }

    /// Whether it covers nothing.
    pub(crate) const fn is_empty(self) -> bool {
        self.left >= self.right || self.top >= self.bottom
    }
}

/// How much of each pixel of a rectangle is covered, from 0 to 255.
#[derive(Debug, Default)]
pub(crate) struct Mask {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Mask {
    /// Makes it an empty one of this size. Keeps its memory.
    pub(crate) fn reset(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.bytes.clear();
        self.bytes.resize(width * height, 0);
    }

    /// Coverage of a row.
    pub(crate) fn row(&self, y: usize) -> &[u8] {
        let from = y * self.width;
        self.bytes.get(from..from + self.width).unwrap_or_default()
    }
}

/// A frame to draw onto.
pub(crate) struct Canvas<'a> {
    planes: [PlaneMut<'a>; 3],
    /// Bytes of a pixel of the first plane.
    bytes: usize,
    chroma: Chroma,
    width: i32,
    height: i32,
    /// 0 to 256.
    opacity: u32,
}

/// Where chroma lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chroma {
    None,
    Planes,
    Pairs,
}

impl<'a> Canvas<'a> {
    /// `opacity` runs from 0 to 256.
    pub(crate) fn new(frame: &'a mut VideoFrameMut<'_>, opacity: u32) -> Self {
        let info = frame.info();
        let (bytes, chroma) = match info.format.family() {
            Family::Rgb { bytes, .. } => (bytes, Chroma::None),
            Family::Planar { .. } => (1, Chroma::Planes),
            Family::SemiPlanar { .. } => (1, Chroma::Pairs),
            Family::Gray | Family::Packed422 { .. } => (1, Chroma::None),
        };
        let (width, height) = (info.width as i32, info.height as i32);
        Self {
            planes: frame.planes_mut(),
            bytes,
            chroma,
            width,
            height,
            opacity,
        }
    }

    /// Pixels in a row.
    pub(crate) const fn width(&self) -> i32 {
        self.width
    }

    /// Rows.
    pub(crate) const fn height(&self) -> i32 {
        self.height
    }

    /// From now on; 0 to 256.
    pub(crate) const fn set_opacity(&mut self, opacity: u32) {
        self.opacity = opacity;
    }

    /// Fills what of an area lies in the frame.
    pub(crate) fn fill(&mut self, area: Area, paint: Paint) {
        let area = area.clip(self.width, self.height);
        if area.is_empty() {
            return;
        }
        let (left, right) = (
            area.left as usize * self.bytes,
            area.right as usize * self.bytes,
        );
        let pattern = blend::pattern(paint.pixel.get(..self.bytes).unwrap_or_default());
        let [first, ..] = &mut self.planes;
        let rows = first.some_rows_mut(area.top as usize..area.bottom as usize);
        let rows = rows.filter_map(|row| row.get_mut(left..right));
        blend::flat_rows(rows, right - left, &pattern, self.opacity);
        let [_, second, third] = &mut self.planes;
        let span = Span::new(area, self.width, self.height, self.opacity);
        match (self.chroma, paint.chroma) {
            (Chroma::None, _) => {}
            (Chroma::Planes, [a, b]) => {
                span.fill(second, [a]);
                span.fill(third, [b]);
            }
            (Chroma::Pairs, both) => span.fill(second, both),
        }
    }

    /// Fills a mask whose first pixel lies at `x`, `y`.
    pub(crate) fn stamp(&mut self, rows: &mut Rows, mask: &Mask, x: i32, y: i32, paint: Paint) {
        let area = Area {
            left: x,
            top: y,
            right: x + mask.width as i32,
            bottom: y + mask.height as i32,
        };
        self.shape(rows, area, paint, |at, left, row| {
            // Where the mask begins in the row, or the row in the mask.
            let start = (x - left).max(0) as usize;
            let covers = mask.row((at - y).max(0) as usize);
            let covers = covers.get((left - x).max(0) as usize..).unwrap_or_default();
            let to = row.get_mut(start..).unwrap_or_default();
            for (to, cover) in to.iter_mut().zip(covers) {
                *to = *cover;
            }
            start..start + covers.len()
        });
    }
}

/// Chroma samples under an area, by how much of each is covered.
struct Span {
    area: Area,
    height: i32,
    opacity: u32,
    /// Samples of a row, from the first to before the last.
    samples: [usize; 2],
    /// Pixels that are covered across the first one and the last one; across the others
    /// it is both.
    ends: [u32; 2],
}

impl Span {
    /// For an area of a frame of this size.
    fn new(area: Area, width: i32, height: i32, opacity: u32) -> Self {
        let (first, end) = (area.left / 2, (area.right + 1) / 2);
        let ends = [first, end - 1].map(|x| covered(x, area.left, area.right, width));
        Self {
            area,
            height,
            opacity,
            samples: [first as usize, end as usize],
            ends,
        }
    }

    /// Blends the bytes of a sample into all of them.
    fn fill<const N: usize>(&self, plane: &mut PlaneMut<'_>, new: [u8; N]) {
        let ([start, end], [first, last]) = (self.samples, self.ends);
        let pattern = blend::pattern(&new);
        let weights = |down| [first, 2, last].map(|across| self.opacity * across * down / 4);
        let whole = weights(2);
        let (top, bottom) = (self.area.top / 2, (self.area.bottom + 1) / 2);
        let rows = plane.some_rows_mut(top as usize..bottom as usize);
        for (y, row) in (top..bottom).zip(rows) {
            let down = covered(y, self.area.top, self.area.bottom, self.height);
            let [first, within, last] = if down == 2 { whole } else { weights(down) };
            let row = row.get_mut(start * N..end * N).unwrap_or_default();
            match row.as_chunks_mut::<N>().0 {
                [] => {}
                [one] => blend_all(one, &new, first),
                [one, inner @ .., other] => {
                    blend_all(one, &new, first);
                    blend_all(other, &new, last);
                    if !inner.is_empty() {
                        blend::flat(inner.as_flattened_mut(), &pattern, within);
                    }
                }
            }
        }
    }
}

/// Of the two pixels of a chroma sample, how many lie in a range. One beyond the
/// frame counts as its neighbour does.
fn covered(sample: i32, start: i32, end: i32, size: i32) -> u32 {
    let inside = |pixel: i32| u32::from((start..end).contains(&pixel.min(size - 1)));
    inside(sample * 2) + inside(sample * 2 + 1)
}
