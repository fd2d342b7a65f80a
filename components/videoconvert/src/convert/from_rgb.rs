//! From the RGB family: to itself, and to luma and chroma.

use millstream_sdk::prelude::*;

use super::{Order, Rows, Scratch};
use crate::fold;
use crate::matrix::{Lift, Map, Weights};
use crate::rows;

/// The RGB family among itself.
#[derive(Debug)]
pub(crate) struct RgbToRgb {
    from: Order,
    to: Order,
    /// Another range, where the ranges differ.
    lift: Option<Lift>,
    /// A row of pixels of four bytes.
    pixels: Vec<u8>,
}

const NARROW: Order = Order {
    wide: false,
    swapped: false,
    alpha: false,
};

impl RgbToRgb {
    pub(super) fn new(from: &VideoInfo, to: &VideoInfo) -> Self {
        let Map {
            rows: [red, ..],
            offset: [offset, ..],
        } = Map::between(from, to);
        let lift = Lift::new(red, offset);
        Self {
            from: Order::of(from.format).unwrap_or(NARROW),
            to: Order::of(to.format).unwrap_or(NARROW),
            lift: Some(lift).filter(|lift| !lift.is_identity()),
            pixels: vec![0; from.width * 4],
        }
    }

    pub(super) fn convert(&mut self, from: &VideoFrame<'_>, to: &mut VideoFrameMut<'_>) {
        for (from, to) in from.plane(0).rows().zip(to.plane_mut(0).rows_mut()) {
            self.row(from, to);
        }
    }

    fn row(&mut self, from: &[u8], to: &mut [u8]) {
        let swap = self.from.swapped != self.to.swapped;
        let opaque = !(self.from.alpha && self.to.alpha);
        let Some(lift) = self.lift else {
            match (self.from.wide, self.to.wide) {
                (true, true) => rows::shuffle_pixels(from, swap, opaque, to),
                (false, false) if swap => rows::swap_narrow(from, to),
                (false, false) => to.copy_from_slice(from),
                (true, false) if swap => {
                    rows::shuffle_pixels(from, true, true, &mut self.pixels);
                    rows::narrow_pixels(&self.pixels, to);
                }
                (true, false) => rows::narrow_pixels(from, to),
                (false, true) if swap => {
                    rows::widen_pixels(from, &mut self.pixels);
                    rows::shuffle_pixels(&self.pixels, true, true, to);
                }
                (false, true) => rows::widen_pixels(from, to),
            }
            return;
        };
        // Rare, so it may take a few passes.
        let pixels = &mut self.pixels;
        if self.from.wide {
            pixels.copy_from_slice(from);
        } else {
            rows::widen_pixels(from, pixels);
        }
        rows::lift_pixels(lift, pixels);
        if swap {
            for [first, _, third, _] in pixels.as_chunks_mut::<4>().0 {
                core::mem::swap(first, third);
            }
        }
        if self.to.wide {
            rows::shuffle_pixels(pixels, false, opaque, to);
        } else {
            rows::narrow_pixels(pixels, to);
        }
    }
}

/// The RGB family to luma and chroma, or to luma alone.
#[derive(Debug)]
pub(crate) struct RgbToYuv {
    from: Order,
    luma: Weights,
    chroma: [Weights; 2],
    /// Two rows of pixels of four bytes, where the frame's have three.
    pixels: [Vec<u8>; 2],
    scratch: Scratch,
}

impl RgbToYuv {
    pub(super) fn new(from: &VideoInfo, to: &VideoInfo) -> Self {
        let Map {
            rows: [y, u, v],
            offset: [y0, u0, v0],
        } = Map::between(from, to);
        let order = Order::of(from.format).unwrap_or(NARROW);
        let bytes = if order.wide { 0 } else { from.width * 4 };
        Self {
            from: order,
            luma: Weights::new(order.sort(y), y0, 0),
            chroma: [
                Weights::new(order.sort(u), u0, 2),
                Weights::new(order.sort(v), v0, 2),
            ],
            pixels: [vec![0; bytes], vec![0; bytes]],
            scratch: Scratch::new(from.width),
        }
    }
}

impl Rows for RgbToYuv {
    fn luma(&mut self, from: &VideoFrame<'_>, y: usize, luma: &mut [u8]) {
        let row = from.plane(0).row(y);
        if self.from.wide {
            fold::luma(&self.luma, row, luma);
            return;
        }
        let [even, odd] = &mut self.pixels;
        let pixels = if y.is_multiple_of(2) { even } else { odd };
        rows::widen_pixels(row, pixels);
        fold::luma(&self.luma, pixels, luma);
    }

    fn chroma(&mut self, from: &VideoFrame<'_>, at: [usize; 2], u: &mut [u8], v: &mut [u8]) {
        let [to_u, to_v] = &self.chroma;
        let [even, odd] = &self.pixels;
        let pixels = at.map(|y| match (self.from.wide, y % 2) {
            (true, _) => from.plane(0).row(y),
            // `luma` has widened both.
            (false, 0) => even,
            (false, _) => odd,
        });
        fold::chroma([to_u, to_v], pixels, u, v);
    }

    fn scratch(&mut self) -> &mut Scratch {
        &mut self.scratch
    }
}
