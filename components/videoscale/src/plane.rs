//! [`PlaneScaler`]: one plane, or the samples of one kind in a plane.
//!
//! ```text
//!  two rows ─ weights of the row ─▶ one row, 7 bits after the point
//!           ─ weights of each column ─▶ the row that leaves
//! ```
//!
//! Tables are made once. Centres of samples are at half pixels, as everywhere in
//! GStreamer.

use millstream_sdk::simd::{even, odd, u8x16};
use millstream_sdk::video::Plane;

use crate::Method;
use crate::columns::Columns;

/// Which two samples make one, and how much the second counts, from 0 to
/// [`Tap::ONE`]. The second is the next one, except at the end, where it doesn't count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tap {
    pub(crate) near: usize,
    pub(crate) weight: u16,
}

impl Tap {
    pub(crate) const ONE: u16 = 256;

    /// What both count, with [`COLUMN_BITS`] after the point.
    pub(crate) fn weights(&self) -> [i16; 2] {
        let one = 1 << COLUMN_BITS;
        let far = self.weight as i16 * (one / Self::ONE as i16);
        [one - far, far]
    }
}

/// Bits after the point in the weights of columns.
pub(crate) const COLUMN_BITS: u32 = 14;

/// The taps along one direction.
fn taps(method: Method, from: usize, to: usize) -> Vec<Tap> {
    let (from, to) = (from as i64, to as i64);
    let one = i64::from(Tap::ONE);
    let tap = |i: i64| match method {
        Method::NearestNeighbour => Tap {
            near: ((2 * i + 1) * from / (2 * to)) as usize,
            weight: 0,
        },
        Method::Bilinear => {
            // (i + 1/2) · from / to - 1/2, in steps of 1/256.
            let place = ((2 * i + 1) * from - to) * one;
            let place = ((place + to) / (2 * to)).clamp(0, (from - 1) * one);
            Tap {
                near: (place / one) as usize,
                weight: (place % one) as u16,
            }
        }
    };
    (0..to).map(tap).collect()
}

/// How samples lie in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One after the other, of so many bytes (1 to 4).
    Bytes(usize),
    /// In the even bytes of groups of four, or in the odd ones: samples of one byte
    /// (luma) or two (U and V).
    Groups {
        /// 0 or 1.
        at: usize,
        /// 1 or 2.
        bytes: usize,
    },
}

/// Scales samples of one kind.
#[derive(Debug)]
pub(crate) struct PlaneScaler {
    layout: Layout,
    row_bytes: usize,
    rows: Vec<Tap>,
    columns: Columns,
    /// Samples that lie in groups, taken out of two rows.
    samples: [Vec<u8>; 2],
}

impl PlaneScaler {
    /// Sizes are in samples.
    pub(crate) fn new(
        method: Method,
        layout: Layout,
        from: (usize, usize),
        to: (usize, usize),
    ) -> Self {
        let (Layout::Bytes(bytes) | Layout::Groups { bytes, .. }) = layout;
        let columns = if from.0 == to.0 {
            Columns::same(from.0, bytes)
        } else {
            Columns::new(&taps(method, from.0, to.0), from.0, bytes)
        };
        let samples = if matches!(layout, Layout::Groups { .. }) {
            vec![0; from.0 * bytes]
        } else {
            Vec::new()
        };
        Self {
            layout,
            row_bytes: to.0 * bytes,
            rows: taps(method, from.1, to.1),
            columns,
            samples: [samples.clone(), samples],
        }
    }

    /// Bytes of a scaled row.
    pub(crate) fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// Rows of the scaled plane.
    pub(crate) fn height(&self) -> usize {
        self.rows.len()
    }

    /// Writes a scaled row.
    pub(crate) fn row(&mut self, from: Plane<'_>, y: usize, to: &mut [u8]) {
        let Some(Tap { near, weight }) = self.rows.get(y).copied() else {
            return;
        };
        let far = if weight == 0 { near } else { near + 1 };
        let (near, far) = (from.row(near), from.row(far));
        let Layout::Groups { at, .. } = self.layout else {
            self.columns.scale(near, far, weight, to);
            return;
        };
        let [upper, lower] = &mut self.samples;
        take(near, at, upper);
        if weight != 0 {
            take(far, at, lower);
        }
        self.columns.scale(upper, lower, weight, to);
    }
}

/// The even bytes of a row, or the odd ones.
fn take(row: &[u8], at: usize, to: &mut [u8]) {
    let (to, to_last) = to.as_chunks_mut();
    let (pairs, _) = row.as_chunks::<2>();
    for (to, [first, second]) in to.iter_mut().zip(row.as_chunks().0.as_chunks().0) {
        let (first, second) = (u8x16::new(*first), u8x16::new(*second));
        *to = if at == 0 {
            even(first, second)
        } else {
            odd(first, second)
        }
        .to_array();
    }
    let rest = pairs.get(to.len() * 16..).unwrap_or_default();
    for (to, [first, second]) in to_last.iter_mut().zip(rest) {
        *to = if at == 0 { *first } else { *second };
    }
}
