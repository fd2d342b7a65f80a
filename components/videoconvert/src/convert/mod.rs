//! [`Converter`]: from frames of one format to frames of another, row by row.
//!
//! ```text
//!  RGB family ── pixels ───────────────────▶ RGB family
//!      │                                       ▲
//!      └─▶ luma, chroma ─┐        ┌── terms ───┘
//!  YUV, grey ── luma, chroma ─────┴──────────▶ YUV, grey
//! ```
//!
//! Chroma is doubled where the other side has more of it, and averaged where it
//! has less. All scratch rows are made when caps are set.

mod from_rgb;
mod from_yuv;

use millstream_sdk::prelude::*;
use millstream_sdk::video::Family;

use crate::rows;
use from_rgb::{RgbToRgb, RgbToYuv};
use from_yuv::{YuvToRgb, YuvToYuv};

/// What turns frames of one kind into frames of another.
#[derive(Debug)]
pub(crate) enum Converter {
    /// Bytes change places.
    RgbToRgb(RgbToRgb),
    /// Luma of each pixel, chroma of several.
    RgbToYuv(RgbToYuv),
    /// Chroma of several pixels onto the luma of each.
    YuvToRgb(YuvToRgb),
    /// Rows change places; luma and chroma another range or matrix.
    YuvToYuv(YuvToYuv),
}

impl Converter {
    /// For frames of the same size.
    pub(crate) fn new(from: &VideoInfo, to: &VideoInfo) -> Self {
        match (from.format.is_rgb(), to.format.is_rgb()) {
            (true, true) => Self::RgbToRgb(RgbToRgb::new(from, to)),
            (true, false) => Self::RgbToYuv(RgbToYuv::new(from, to)),
            (false, true) => Self::YuvToRgb(YuvToRgb::new(from, to)),
            (false, false) => Self::YuvToYuv(YuvToYuv::new(from, to)),
        }
    }

    /// Converts a frame.
    pub(crate) fn convert(&mut self, from: &VideoFrame<'_>, to: &mut VideoFrameMut<'_>) {
        match self {
            Self::RgbToRgb(converter) => converter.convert(from, to),
            Self::RgbToYuv(converter) => write_yuv(converter, from, to),
            Self::YuvToRgb(converter) => converter.convert(from, to),
            Self::YuvToYuv(converter) => write_yuv(converter, from, to),
        }
    }
}

/// How the bytes of the RGB family lie: bytes of a pixel, whether red is the third
/// byte, whether the fourth is alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Order {
    wide: bool,
    swapped: bool,
    alpha: bool,
}

impl Order {
    /// None outside of the RGB family.
    fn of(format: VideoFormat) -> Option<Self> {
        match format.family() {
            Family::Rgb {
                bytes,
                rgb: [red, ..],
                alpha,
            } => Some(Self {
                wide: bytes == 4,
                swapped: red == 2,
                alpha: alpha.is_some(),
            }),
            _ => None,
        }
    }

    /// Three things in the order of red, green and blue, in that of the bytes; and
    /// back.
    fn sort<T>(self, [red, green, blue]: [T; 3]) -> [T; 3] {
        if self.swapped {
            [blue, green, red]
        } else {
            [red, green, blue]
        }
    }
}

/// Scratch rows of chroma.
#[derive(Debug)]
struct ChromaRows {
    u: Vec<u8>,
    v: Vec<u8>,
}

impl ChromaRows {
    fn new(width: usize) -> Self {
        let row = vec![128; width.div_ceil(2)];
        Self {
            u: row.clone(),
            v: row,
        }
    }
}

/// What [`write_yuv`] takes rows from.
trait Rows {
    /// Writes luma of a row. Rows come from the top.
    fn luma(&mut self, from: &VideoFrame<'_>, y: usize, luma: &mut [u8]);
    /// Writes chroma at half width, averaged over two rows that may be the same.
    /// Both rows' luma has been asked for.
    fn chroma(&mut self, from: &VideoFrame<'_>, rows: [usize; 2], u: &mut [u8], v: &mut [u8]);
    /// Scratch rows for a format that doesn't keep luma or chroma in rows of
    /// their own.
    fn scratch(&mut self) -> &mut Scratch;
}

/// Rows on their way into frames.
#[derive(Debug, Default)]
struct Scratch {
    luma: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl Scratch {
    fn new(width: usize) -> Self {
        let chroma = vec![0; width.div_ceil(2)];
        Self {
            luma: vec![0; width],
            u: chroma.clone(),
            v: chroma,
        }
    }
}

/// Writes a frame of luma and chroma, or of luma alone.
fn write_yuv(rows: &mut impl Rows, from: &VideoFrame<'_>, to: &mut VideoFrameMut<'_>) {
    // Taken out, so that `rows` can be asked to fill it.
    let mut scratch = core::mem::take(rows.scratch());
    let family = to.info().format.family();
    let height = to.info().height;
    let [mut first, mut second, mut third] = to.planes_mut();
    for y in 0..height {
        if let Family::Packed422 { yuyv: [at, ..] } = family {
            let Scratch { luma, u, v } = &mut scratch;
            rows.luma(from, y, luma);
            rows.chroma(from, [y, y], u, v);
            rows::groups_from_rows(luma, u, v, at as u32, first.row_mut(y));
            continue;
        }
        rows.luma(from, y, first.row_mut(y));
        if y % 2 == 0 && y + 1 < height {
            continue;
        }
        let pair = [y & !1, y];
        match family {
            Family::Planar { uv: [1, _] } => {
                rows.chroma(from, pair, second.row_mut(y / 2), third.row_mut(y / 2));
            }
            Family::Planar { .. } => {
                rows.chroma(from, pair, third.row_mut(y / 2), second.row_mut(y / 2));
            }
            Family::SemiPlanar { uv: [at, _] } => {
                let Scratch { u, v, .. } = &mut scratch;
                rows.chroma(from, pair, u, v);
                let (a, b) = if at == 0 { (u, v) } else { (v, u) };
                rows::join_pairs(a, b, second.row_mut(y / 2));
            }
            _ => {}
        }
    }
    *rows.scratch() = scratch;
}
