//! From luma and chroma: to the RGB family, and to luma and chroma.

use millstream_sdk::prelude::*;
use millstream_sdk::video::Family;

use super::{ChromaRows, Order, Rows, Scratch};
use crate::kernel::{Luma, Narrow, Wide};
use crate::lift::{self, Chroma, Kernel};
use crate::matrix::{Lift, Map, Weights};
use crate::rows;

/// Luma of a row: the frame's own, or `scratch`.
fn luma_row<'a>(from: &VideoFrame<'a>, y: usize, scratch: &'a mut [u8]) -> &'a [u8] {
    let row = from.plane(0).row(y);
    if let Family::Packed422 { yuyv: [at, ..] } = from.info().format.family() {
        lift::luma_of_groups(row, at == 0, scratch);
        return scratch;
    }
    row
}

/// U and V of a row: the frame's own, or `scratch`, which is neutral where the
/// frame has none.
fn chroma_row<'a>(
    from: &VideoFrame<'a>,
    y: usize,
    scratch: &'a mut ChromaRows,
) -> (&'a [u8], &'a [u8]) {
    let ChromaRows { u, v } = scratch;
    match from.info().format.family() {
        Family::Planar { uv: [at_u, at_v] } => {
            return (from.plane(at_u).row(y / 2), from.plane(at_v).row(y / 2));
        }
        Family::SemiPlanar { uv: [0, _] } => rows::split_pairs(from.plane(1).row(y / 2), u, v),
        Family::SemiPlanar { .. } => rows::split_pairs(from.plane(1).row(y / 2), v, u),
        Family::Packed422 { yuyv: [at, ..] } => {
            rows::chroma_from_groups(from.plane(0).row(y), at as u32, u, v);
        }
        Family::Rgb { .. } | Family::Gray => {}
    }
    (u, v)
}

/// Chroma of a row where it lies; `neutral` where the frame has none.
fn chroma<'a>(from: &VideoFrame<'a>, y: usize, neutral: &'a [u8]) -> Chroma<'a> {
    let row = |plane| from.plane(plane).row(y / 2);
    match from.info().format.family() {
        Family::Planar { uv: [at_u, at_v] } => Chroma::Planes(row(at_u), row(at_v)),
        Family::SemiPlanar { uv: [at_u, _] } => Chroma::Pairs(row(1), at_u == 1),
        _ => Chroma::Planes(neutral, neutral),
    }
}

/// Luma and chroma to the RGB family.
#[derive(Debug)]
pub(crate) struct YuvToRgb {
    to: Order,
    /// For each of the three bytes of a pixel.
    lifts: [Lift; 3],
    neutral: Vec<u8>,
    /// Below the last row where their number is odd.
    unused: Vec<u8>,
}

impl YuvToRgb {
    pub(super) fn new(from: &VideoInfo, to: &VideoInfo) -> Self {
        let Map {
            rows: [r, g, b],
            offset: [r0, g0, b0],
        } = Map::between(from, to);
        let order = Order::of(to.format);
        let order = order.unwrap_or(Order {
            wide: true,
            swapped: false,
            alpha: false,
        });
        Self {
            to: order,
            lifts: order.sort([Lift::new(r, r0), Lift::new(g, g0), Lift::new(b, b0)]),
            neutral: vec![128; from.width.div_ceil(2)],
            unused: vec![0; to.plane(0).row_bytes],
        }
    }

    pub(super) fn convert(&mut self, from: &VideoFrame<'_>, to: &mut VideoFrameMut<'_>) {
        // The first byte is red, which takes V, or blue, which takes U.
        let u_first = self.to.swapped;
        if self.to.wide {
            self.write(Wide::new(&self.lifts, u_first), from, to);
        } else {
            self.write(Narrow::new(&self.lifts, u_first), from, to);
        }
    }

    fn write<const BYTES: usize>(
        &mut self,
        kernel: impl Kernel<BYTES>,
        from: &VideoFrame<'_>,
        to: &mut VideoFrameMut<'_>,
    ) {
        let (turn, plane) = (!self.to.swapped, from.plane(0));
        let mut to = to.plane_mut(0);
        let mut rows = to.rows_mut();
        if let Family::Packed422 { yuyv: [at, ..] } = from.info().format.family() {
            for (row, to) in plane.rows().zip(rows) {
                lift::groups(kernel, turn, row, at == 0, to);
            }
            return;
        }
        let mut y = 0;
        while let Some(top) = rows.next() {
            let chroma = chroma(from, y, &self.neutral);
            let (luma, below) = (plane.row(y), plane.row(y + 1));
            match rows.next() {
                Some(bottom) => lift::rows(kernel, turn, [luma, below], chroma, [top, bottom]),
                None => lift::rows(kernel, turn, [luma; 2], chroma, [top, &mut self.unused]),
            }
            y += 2;
        }
    }
}

/// Luma and chroma, or luma alone, among themselves.
#[derive(Debug)]
pub(crate) struct YuvToYuv {
    /// Luma in another range or matrix, where they differ.
    lift: Option<Lift>,
    /// The same for chroma.
    weights: Option<[Weights; 2]>,
    /// Whether each row has chroma of its own.
    tall: bool,
    luma: Vec<u8>,
    chroma: ChromaRows,
    neutral: Vec<u8>,
    scratch: Scratch,
}

impl YuvToYuv {
    pub(super) fn new(from: &VideoInfo, to: &VideoInfo) -> Self {
        let Map {
            rows: [y, u, v],
            offset: [y0, u0, v0],
        } = Map::between(from, to);
        let lift = Lift::new(y, y0);
        // Grey stays grey, so that luma has no weight in chroma.
        let weights = [Weights::new(u, u0, 0), Weights::new(v, v0, 0)];
        let [to_u, to_v] = weights.map(|weights| weights.weights);
        let same = to_u == [0, 65_536, 0] && to_v == [0, 0, 65_536];
        Self {
            lift: Some(lift).filter(|lift| !lift.is_identity()),
            weights: Some(weights).filter(|_| !same),
            tall: from.format.subsampling() == (2, 1),
            luma: vec![0; from.width],
            chroma: ChromaRows::new(from.width),
            neutral: vec![128; from.width.div_ceil(2)],
            scratch: Scratch::new(from.width),
        }
    }
}

impl Rows for YuvToYuv {
    fn luma(&mut self, from: &VideoFrame<'_>, y: usize, luma: &mut [u8]) {
        let Some(lift) = self.lift else {
            luma.copy_from_slice(luma_row(from, y, &mut self.luma));
            return;
        };
        let (kernel, row) = (Luma::new(lift), from.plane(0).row(y));
        if let Family::Packed422 { yuyv: [at, ..] } = from.info().format.family() {
            lift::groups(kernel, false, row, at == 0, luma);
        } else {
            let chroma = chroma(from, y, &self.neutral);
            lift::rows(kernel, false, [row; 2], chroma, [luma, &mut self.luma]);
        }
    }

    fn chroma(
        &mut self,
        from: &VideoFrame<'_>,
        [top, bottom]: [usize; 2],
        u: &mut [u8],
        v: &mut [u8],
    ) {
        let (own_u, own_v) = chroma_row(from, top, &mut self.chroma);
        u.copy_from_slice(own_u);
        v.copy_from_slice(own_v);
        if self.tall && top != bottom {
            let (own_u, own_v) = chroma_row(from, bottom, &mut self.chroma);
            rows::mean(u, own_u);
            rows::mean(v, own_v);
        }
        if let Some([to_u, to_v]) = &self.weights {
            rows::map_chroma([to_u, to_v], u, v);
        }
    }

    fn scratch(&mut self) -> &mut Scratch {
        &mut self.scratch
    }
}
