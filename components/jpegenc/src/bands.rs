//! [`Bands`]: a frame as planes of luma and chroma, a few rows at a time. Planes that
//! a frame has are read where they lie; others are made here.
//!
//! # Source
//! JFIF (ITU-T T.871), section 7: luma and chroma of red, green and blue.

use millstream_sdk::prelude::*;
use millstream_sdk::simd::i16x8;
use millstream_sdk::video::{ColorMatrix, ColorRange, Family};

use crate::dct::samples;
use crate::pixels::{self, Recolor};

/// The most rows of a band.
const ROWS: usize = 16;

/// Rows of a plane.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Samples<'a> {
    bytes: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
}

impl<'a> Samples<'a> {
    /// Eight rows. Below the last they are the last one again.
    pub(crate) fn rows(&self, first: usize) -> Rows<'a> {
        Rows(core::array::from_fn(|y| {
            let start = (first + y).min(self.height.saturating_sub(1)) * self.stride;
            let row = self.bytes.get(start..start + self.width);
            row.unwrap_or_default()
        }))
    }
}

/// Eight rows of a plane: blocks beside each other.
#[derive(Debug)]
pub(crate) struct Rows<'a>([&'a [u8]; 8]);

impl<'a> Rows<'a> {
    /// A block, unless rows end in it. Written out, as a loop with ways out of it is not
    /// unrolled, and as vectors at once, since bytes would go through memory.
    #[inline]
    pub(crate) fn block(&self, x: usize) -> Option<[i16x8; 8]> {
        let [a, b, c, d, e, f, g, h] = self.0;
        let at = |row: &'a [u8]| Some(samples(*row.get(x..)?.first_chunk()?));
        let (a, b, c, d) = (at(a)?, at(b)?, at(c)?, at(d)?);
        Some([a, b, c, d, at(e)?, at(f)?, at(g)?, at(h)?])
    }

    /// The rows of one block.
    pub(crate) fn of(block: &'a [[u8; 8]; 8]) -> Self {
        Self(block.each_ref().map(<[u8; 8]>::as_slice))
    }

    /// A block at the rows' end. Behind it they are the last sample again.
    #[cold]
    #[inline(never)]
    pub(crate) fn edge(&self, x: usize) -> [[u8; 8]; 8] {
        self.0.map(|row| {
            let last = row.last().copied().unwrap_or(128);
            core::array::from_fn(|n| row.get(x + n).copied().unwrap_or(last))
        })
    }
}

/// What is made for a band: planes of sixteen rows.
#[derive(Debug, Default)]
pub(crate) struct Bands {
    luma: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
    /// For frames whose matrix is not that of JPEG.
    recolor: Option<Recolor>,
}

impl Bands {
    /// For frames that look like this.
    pub(crate) fn new(info: &VideoInfo) -> Self {
        let (across, _) = info.format.subsampling();
        let stride = info.width.next_multiple_of(2);
        let chroma = stride / across * ROWS;
        let matrix = info.colorimetry.matrix;
        let is_other = info.format.is_yuv() && matrix != ColorMatrix::Bt601;
        let is_limited = info.colorimetry.range == ColorRange::Limited;
        Self {
            luma: vec![0; stride * ROWS],
            u: vec![0; chroma],
            v: vec![0; chroma],
            recolor: is_other.then(|| Recolor::new(matrix, is_limited)),
        }
    }

    /// The `rows` rows of luma from row `y`, and the chroma that they have.
    pub(crate) fn band<'a>(
        &'a mut self,
        frame: &VideoFrame<'a>,
        y: usize,
        rows: usize,
    ) -> [Samples<'a>; 3] {
        let info = frame.info();
        let (_, down) = info.format.subsampling();
        let rows = rows.min(info.height.saturating_sub(y));
        match (info.format.family(), &self.recolor) {
            (Family::Gray, _) => {
                return [direct(frame, 0, y), Samples::default(), Samples::default()];
            }
            (Family::Planar { uv: [u, v] }, None) => {
                return [
                    direct(frame, 0, y),
                    direct(frame, u, y / down),
                    direct(frame, v, y / down),
                ];
            }
            _ => self.fill(frame, y, rows),
        }
        let luma_is_there = matches!(info.format.family(), Family::SemiPlanar { .. });
        if let Some(recolor) = &mut self.recolor {
            let stride = info.width.next_multiple_of(2);
            let luma = self
                .luma
                .chunks_mut(stride * down)
                .take(rows.div_ceil(down));
            let width = stride / 2;
            let chroma = self.u.chunks_mut(width).zip(self.v.chunks_mut(width));
            for (luma, (u, v)) in luma.zip(chroma) {
                recolor.rows(luma.chunks_mut(stride), u, v);
            }
        } else if luma_is_there {
            let [_, u, v] = self.made(info, rows);
            return [direct(frame, 0, y), u, v];
        }
        self.made(info, rows)
    }

    /// Makes planes of what is not planar, or has to be changed.
    fn fill(&mut self, frame: &VideoFrame<'_>, y: usize, rows: usize) {
        let info = frame.info();
        let (across, down) = info.format.subsampling();
        let stride = info.width.next_multiple_of(2);
        let of = |plane: usize, y: usize| {
            let plane = frame.plane(plane);
            (y..plane.layout.height).map(move |y| plane.row(y))
        };
        let luma = self.luma.chunks_mut(stride).take(rows);
        let (u, v) = (
            self.u.chunks_mut(stride / across),
            self.v.chunks_mut(stride / across),
        );
        let chroma = u.zip(v).take(rows.div_ceil(down));
        match info.format.family() {
            Family::Planar {
                uv: [first, second],
            } => {
                luma.zip(of(0, y)).for_each(|(to, from)| copy(to, from));
                let from = of(first, y / down).zip(of(second, y / down));
                for ((to_u, to_v), (u, v)) in chroma.zip(from) {
                    copy(to_u, u);
                    copy(to_v, v);
                }
            }
            Family::SemiPlanar { uv: [first, _] } => {
                if self.recolor.is_some() {
                    luma.zip(of(0, y)).for_each(|(to, from)| copy(to, from));
                }
                for ((u, v), pairs) in chroma.zip(of(1, y / down)) {
                    let [u, v] = if first == 0 { [u, v] } else { [v, u] };
                    pixels::split_pairs(pairs, u, v);
                }
            }
            Family::Packed422 { yuyv: [first, ..] } => {
                for ((luma, (u, v)), groups) in luma.zip(chroma).zip(of(0, y)) {
                    pixels::split_groups(groups, first == 0, luma, u, v);
                }
            }
            Family::Rgb {
                bytes,
                rgb: [red, ..],
                ..
            } => {
                for ((luma, (u, v)), row) in luma.zip(chroma).zip(of(0, y)) {
                    pixels::from_rgb(row, bytes, red != 0, luma, u, v);
                }
            }
            Family::Gray => {}
        }
    }

    /// What `fill` made.
    fn made(&self, info: &VideoInfo, rows: usize) -> [Samples<'_>; 3] {
        let (across, down) = info.format.subsampling();
        let stride = info.width.next_multiple_of(2);
        let samples = |bytes, across: usize, down: usize| Samples {
            bytes,
            stride: stride / across,
            width: info.width.div_ceil(across),
            height: rows.div_ceil(down),
        };
        [
            samples(&self.luma, 1, 1),
            samples(&self.u, across, down),
            samples(&self.v, across, down),
        ]
    }
}

/// The rows of a plane of the frame.
fn direct<'a>(frame: &VideoFrame<'a>, plane: usize, first: usize) -> Samples<'a> {
    let plane = frame.plane(plane);
    let stride = plane.layout.stride;
    Samples {
        bytes: plane.bytes.get(first * stride..).unwrap_or_default(),
        stride,
        width: plane.layout.row_bytes,
        height: plane.layout.height.saturating_sub(first),
    }
}

fn copy(to: &mut [u8], from: &[u8]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}
