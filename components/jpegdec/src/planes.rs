//! [`Planes`]: samples to I420 or GRAY8, most of them straight to where they belong.
//!
//! Chroma of another size than I420's becomes its means, or is repeated.

use millstream_sdk::prelude::*;
use millstream_sdk::video::PlaneMut;

use crate::header::Header;
use crate::scan::{Sink, Target};

/// Takes the samples of a picture.
#[derive(Debug)]
pub(crate) struct Planes<'a> {
    frame: VideoFrameMut<'a>,
    /// Rows of luma of a unit.
    rows: usize,
    chroma: Option<[Chroma; 2]>,
}

/// How a plane of chroma is made.
#[derive(Debug)]
enum Chroma {
    /// Of as many samples, or of twice as many rows.
    Direct { in_pairs: bool },
    /// Of a row of units, from here.
    Resampled(Band),
}

/// Samples of a row of units.
#[derive(Debug)]
struct Band {
    bytes: Vec<u8>,
    stride: usize,
    /// Pixels a sample, across and down.
    across: usize,
    down: usize,
}

impl<'a> Planes<'a> {
    pub(crate) fn new(header: &Header<'_>, frame: VideoFrameMut<'a>) -> Self {
        let (across, down) = header.unit();
        let columns = header.width.div_ceil(across * 8);
        let chroma = |component: &crate::header::Component| match (
            across / component.across,
            down / component.down,
        ) {
            (2, 2) => Chroma::Direct { in_pairs: false },
            (2, 1) => Chroma::Direct { in_pairs: true },
            (across, down) => {
                let stride = columns * component.across * 8;
                Chroma::Resampled(Band {
                    bytes: vec![0; stride * component.down * 8],
                    stride,
                    across,
                    down,
                })
            }
        };
        Self {
            frame,
            rows: down * 8,
            chroma: match header.components.as_slice() {
                [_, u, v] => Some([u, v].map(chroma)),
                _ => None,
            },
        }
    }
}

/// A plane from some row on.
fn from_row(plane: PlaneMut<'_>, first: usize) -> Target<'_> {
    let PlaneMut { bytes, layout } = plane;
    Target {
        bytes: bytes.get_mut(first * layout.stride..).unwrap_or_default(),
        stride: layout.stride,
        height: layout.height.saturating_sub(first),
        in_pairs: false,
    }
}

impl Sink for Planes<'_> {
    fn targets(&mut self, row: usize) -> [Target<'_>; 3] {
        let first = row * self.rows;
        let [luma, u, v] = self.frame.planes_mut();
        let luma = from_row(luma, first);
        let Some([to_u, to_v]) = &mut self.chroma else {
            return [luma, Target::default(), Target::default()];
        };
        let [u, v] = [(u, to_u), (v, to_v)].map(|(plane, chroma)| match chroma {
            Chroma::Direct { in_pairs } => Target {
                in_pairs: *in_pairs,
                ..from_row(plane, first / 2)
            },
            Chroma::Resampled(band) => band.target(),
        });
        [luma, u, v]
    }

    fn end(&mut self, row: usize) {
        let Some(chroma) = &self.chroma else {
            return;
        };
        let [_, u, v] = self.frame.planes_mut();
        for (chroma, plane) in chroma.iter().zip([u, v]) {
            if let Chroma::Resampled(band) = chroma {
                let width = plane.layout.row_bytes;
                let to = from_row(plane, row * self.rows / 2);
                let rows = to.bytes.chunks_mut(to.stride.max(1));
                for (y, to) in (0..self.rows / 2).zip(rows) {
                    band.resample(y, to.get_mut(..width).unwrap_or_default());
                }
            }
        }
    }
}

impl Band {
    fn target(&mut self) -> Target<'_> {
        Target {
            height: self.bytes.len() / self.stride.max(1),
            bytes: &mut self.bytes,
            stride: self.stride,
            in_pairs: false,
        }
    }

    /// Makes row `y` of a plane of half the size of luma.
    fn resample(&self, y: usize, to: &mut [u8]) {
        let row = |y: usize| self.bytes.get(y * self.stride..).unwrap_or_default();
        let (a, b) = match self.down {
            1 => (row(y * 2), row(y * 2 + 1)),
            down => (row(y * 2 / down), row(y * 2 / down)),
        };
        match self.across {
            1 => {
                let pairs = a.as_chunks().0.iter().zip(b.as_chunks().0);
                for (to, ([a, b], [c, d])) in to.iter_mut().zip(pairs) {
                    *to = mean(*a, *b, *c, *d);
                }
            }
            across => {
                let each = to.chunks_mut(across / 2).zip(a.iter().zip(b));
                for (to, (a, b)) in each {
                    to.fill(mean(*a, *b, *a, *b));
                }
            }
        }
    }
}

#[inline]
fn mean(a: u8, b: u8, c: u8, d: u8) -> u8 {
    let sum = u16::from(a) + u16::from(b) + u16::from(c) + u16::from(d);
    ((sum + 2) / 4) as u8
}
