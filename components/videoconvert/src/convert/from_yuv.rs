//! From luma and chroma: to the RGB family, and to luma and chroma.

use millstream_sdk::prelude::*;
use millstream_sdk::video::Family;

use super::{ChromaRows, Order, Rows, Scratch};
use crate::lift::{self, Chroma, Terms};
use crate::matrix::{Lift, Map, Weights};
use crate::rows;

/// Luma of a row: the frame's own, or `scratch`.
fn luma_row<'a>(from: &VideoFrame<'a>, y: usize, scratch: &'a mut [u8]) -> &'a [u8] {
    let row = from.plane(0).row(y);
    if let Family::Packed422 { yuyv: [at, ..] } = from.info().format.family() {
        lift::luma_of_groups(row, at, scratch);
        return scratch.get(..from.info().width).unwrap_or_default();
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

/// Chroma of a row where it lies.
fn chroma<'a>(from: &VideoFrame<'a>, y: usize) -> Chroma<'a> {
    match from.info().format.family() {
        Family::Planar { uv: [at_u, at_v] } => {
            Chroma::Planes(from.plane(at_u).row(y / 2), from.plane(at_v).row(y / 2))
        }
        Family::SemiPlanar { uv: [0, _] } => Chroma::Pairs(from.plane(1).row(y / 2)),
        Family::SemiPlanar { .. } => Chroma::TurnedPairs(from.plane(1).row(y / 2)),
        Family::Packed422 { yuyv: [0, ..] } => Chroma::OddOf(from.plane(0).row(y)),
        Family::Packed422 { .. } => Chroma::EvenOf(from.plane(0).row(y)),
        Family::Rgb { .. } | Family::Gray => Chroma::Neutral,
    }
}

/// Whether a row has the same chroma as the one above.
fn shares_chroma(format: VideoFormat, y: usize) -> bool {
    match format.subsampling() {
        (2, 2) => y % 2 == 1,
        (2, _) => false,
        // Grey: all rows have the same.
        _ => y != 0,
    }
}

/// Luma and chroma to the RGB family.
#[derive(Debug)]
pub(crate) struct YuvToRgb {
    to: Order,
    /// For each of the three bytes of a pixel.
    lifts: [Lift; 3],
    luma: Vec<u8>,
    /// What chroma adds to each of the three bytes.
    terms: Vec<Terms<3>>,
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
            luma: vec![0; from.width.next_multiple_of(16)],
            terms: lift::terms_for(from.width),
        }
    }

    pub(super) fn convert(&mut self, from: &VideoFrame<'_>, to: &mut VideoFrameMut<'_>) {
        let format = from.info().format;
        // All three bytes take luma alike: it has weight 1 in red, green and blue.
        let [Lift { gain, .. }, ..] = self.lifts;
        for (y, row) in to.plane_mut(0).rows_mut().enumerate() {
            if !shares_chroma(format, y) {
                let chroma = chroma(from, y);
                lift::pixel_terms(&self.lifts, self.to.swapped, chroma, &mut self.terms);
            }
            let luma = luma_row(from, y, &mut self.luma);
            if self.to.wide {
                lift::wide_pixels(gain, luma, &self.terms, row);
            } else {
                lift::narrow_pixels(gain, luma, &self.terms, row);
            }
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
    terms: Vec<Terms<1>>,
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
            luma: vec![0; from.width.next_multiple_of(16)],
            chroma: ChromaRows::new(from.width),
            terms: lift::terms_for(from.width),
            scratch: Scratch::new(from.width),
        }
    }
}

impl Rows for YuvToYuv {
    fn luma(&mut self, from: &VideoFrame<'_>, y: usize, luma: &mut [u8]) {
        let own = luma_row(from, y, &mut self.luma);
        let Some(lift) = &self.lift else {
            luma.copy_from_slice(own);
            return;
        };
        if !shares_chroma(from.info().format, y) {
            lift::luma_terms(lift, chroma(from, y), &mut self.terms);
        }
        lift::luma(lift.gain, own, &self.terms, luma);
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
