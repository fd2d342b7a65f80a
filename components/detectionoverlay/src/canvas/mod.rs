//! [`Canvas`]: fills areas, masks and shapes of a frame, in any format.
//!
//! Everything is clipped to the frame. Where four pixels share chroma, it is
//! blended by how much of them is covered.

mod shape;

pub(crate) use shape::Rows;

use millstream_sdk::prelude::*;
use millstream_sdk::video::{ColorRange, Family, PlaneMut};

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

    fn at(&self, x: i32, y: i32) -> u32 {
        let inside = |value: i32, end: usize| usize::try_from(value).ok().filter(|v| *v < end);
        match (inside(x, self.width), inside(y, self.height)) {
            (Some(x), Some(y)) => self
                .bytes
                .get(y * self.width + x)
                .copied()
                .unwrap_or(0)
                .into(),
            _ => 0,
        }
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
        let [first, ..] = &mut self.planes;
        for y in area.top..area.bottom {
            let row = first
                .row_mut(y as usize)
                .get_mut(left..right)
                .unwrap_or_default();
            for pixel in row.chunks_exact_mut(self.bytes) {
                blend_all(pixel, &paint.pixel, self.opacity);
            }
        }
        let (width, height, opacity) = (self.width, self.height, self.opacity);
        self.fill_chroma(area, paint, |x, y| {
            let across = covered(x, area.left, area.right, width);
            opacity * across * covered(y, area.top, area.bottom, height) / 4
        });
    }

    /// Fills a mask whose first pixel lies at `x`, `y`.
    pub(crate) fn stamp(&mut self, mask: &Mask, x: i32, y: i32, paint: Paint) {
        let (right, bottom) = (x + mask.width as i32, y + mask.height as i32);
        let area = Area {
            left: x,
            top: y,
            right,
            bottom,
        }
        .clip(self.width, self.height);
        if area.is_empty() {
            return;
        }
        let (left, right) = (
            area.left as usize * self.bytes,
            area.right as usize * self.bytes,
        );
        let [first, ..] = &mut self.planes;
        for at in area.top..area.bottom {
            let row = first
                .row_mut(at as usize)
                .get_mut(left..right)
                .unwrap_or_default();
            let from = (at - y) as usize * mask.width + (area.left - x) as usize;
            let covers = mask.bytes.get(from..).unwrap_or_default();
            for (pixel, cover) in row.chunks_exact_mut(self.bytes).zip(covers) {
                if *cover != 0 {
                    blend_all(pixel, &paint.pixel, weight(u32::from(*cover), self.opacity));
                }
            }
        }
        let opacity = self.opacity;
        self.fill_chroma(area, paint, |cx, cy| {
            let (i, j) = (cx * 2 - x, cy * 2 - y);
            let sum = mask.at(i, j) + mask.at(i + 1, j) + mask.at(i, j + 1) + mask.at(i + 1, j + 1);
            weight(sum.div_ceil(4), opacity)
        });
    }

    /// Blends chroma under an area; `weight` says how much of a sample is covered.
    fn fill_chroma(&mut self, area: Area, paint: Paint, weight: impl Fn(i32, i32) -> u32) {
        let [_, second, third] = &mut self.planes;
        let (left, right) = (area.left / 2, (area.right + 1) / 2);
        for y in area.top / 2..(area.bottom + 1) / 2 {
            match self.chroma {
                Chroma::None => return,
                Chroma::Planes => {
                    let [first_byte, second_byte] = paint.chroma;
                    for (plane, byte) in [(&mut *second, first_byte), (&mut *third, second_byte)] {
                        let row = plane.row_mut(y as usize);
                        let row = row
                            .get_mut(left as usize..right as usize)
                            .unwrap_or_default();
                        for (x, sample) in (left..).zip(row) {
                            *sample = blend(*sample, byte, weight(x, y));
                        }
                    }
                }
                Chroma::Pairs => {
                    let row = second.row_mut(y as usize);
                    let row = row.get_mut(left as usize * 2..right as usize * 2);
                    for (x, pair) in (left..).zip(row.unwrap_or_default().chunks_exact_mut(2)) {
                        blend_all(pair, &paint.chroma, weight(x, y));
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

/// Coverage of 0 to 255 and opacity of 0 to 256 to a weight of 0 to 256.
const fn weight(cover: u32, opacity: u32) -> u32 {
    ((cover + (cover >> 7)) * opacity) >> 8
}

/// In sixteen bits, of which a vector holds twice as many: 255 * 256 + 128 fits.
fn blend(old: u8, new: u8, weight: u32) -> u8 {
    let weight = weight.min(256) as u16;
    ((u16::from(old) * (256 - weight) + u16::from(new) * weight + 128) >> 8) as u8
}

fn blend_all(old: &mut [u8], new: &[u8], weight: u32) {
    for (old, new) in old.iter_mut().zip(new) {
        *old = blend(*old, *new, weight);
    }
}
