//! [`PlaneScaler`]: one plane, or the samples of one kind in a plane.
//!
//! Each row that leaves is made of two rows that entered, stretched to the new
//! width; both are kept, since the next row mostly needs them again. Tables are
//! made once. Centres of samples are at half pixels, as everywhere in GStreamer.

use millstream_sdk::video::Plane;

use crate::Method;

/// Which two samples make one, and how much the second counts, from 0 to 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tap {
    near: u32,
    far: u32,
    weight: u16,
}

/// The taps along one direction.
fn taps(method: Method, from: usize, to: usize) -> Vec<Tap> {
    let (from, to) = (from as i64, to as i64);
    let tap = |i: i64| match method {
        Method::NearestNeighbour => {
            let near = ((2 * i + 1) * from / (2 * to)) as u32;
            Tap {
                near,
                far: near,
                weight: 0,
            }
        }
        Method::Bilinear => {
            // (i + 1/2) · from / to - 1/2, in steps of 1/256.
            let place = ((2 * i + 1) * from - to) * 256;
            let place = ((place + to) / (2 * to)).clamp(0, (from - 1) * 256);
            let near = (place / 256) as u32;
            let far = (near + 1).min((from - 1) as u32);
            Tap {
                near,
                far,
                weight: (place % 256) as u16,
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
    /// One byte at `at` in each two.
    OfTwo {
        /// Its place.
        at: usize,
    },
    /// One byte at `at` in each four.
    OfFour {
        /// Its place.
        at: usize,
    },
}

/// Scales samples of one kind.
#[derive(Debug)]
pub(crate) struct PlaneScaler {
    layout: Layout,
    columns: Vec<Tap>,
    rows: Vec<Tap>,
    /// Two stretched rows with 8 bits after the point, and which rows they are.
    cache: [Vec<u16>; 2],
    cached: [Option<u32>; 2],
    same_width: bool,
}

impl PlaneScaler {
    /// Sizes are in samples.
    pub(crate) fn new(
        method: Method,
        layout: Layout,
        from: (usize, usize),
        to: (usize, usize),
    ) -> Self {
        let bytes = if let Layout::Bytes(bytes) = layout {
            bytes
        } else {
            1
        };
        let row = vec![0; to.0 * bytes];
        Self {
            layout,
            columns: taps(method, from.0, to.0),
            rows: taps(method, from.1, to.1),
            cache: [row.clone(), row],
            cached: [None; 2],
            same_width: from.0 == to.0,
        }
    }

    /// Forgets the rows of the frame before.
    pub(crate) fn begin(&mut self) {
        self.cached = [None; 2];
    }

    /// Bytes of a scaled row.
    pub(crate) fn row_bytes(&self) -> usize {
        let [row, _] = &self.cache;
        row.len()
    }

    /// Rows of the scaled plane.
    pub(crate) fn height(&self) -> usize {
        self.rows.len()
    }

    /// Writes a scaled row.
    pub(crate) fn row(&mut self, from: Plane<'_>, y: usize, to: &mut [u8]) {
        let Some(Tap { near, far, weight }) = self.rows.get(y).copied() else {
            return;
        };
        let Self {
            cached: [first, second],
            cache: [upper, lower],
            ..
        } = self;
        if *second == Some(near) && *first != Some(near) {
            core::mem::swap(first, second);
            core::mem::swap(upper, lower);
        }
        let stretch = Stretch {
            layout: self.layout,
            taps: &self.columns,
            copy: self.same_width,
        };
        if *first != Some(near) {
            stretch.row(from.row(near as usize), upper);
            *first = Some(near);
        }
        if weight == 0 {
            for (to, value) in to.iter_mut().zip(upper.iter()) {
                *to = ((u32::from(*value) + 128) >> 8) as u8;
            }
            return;
        }
        if *second != Some(far) {
            stretch.row(from.row(far as usize), lower);
            *second = Some(far);
        }
        let (keep, weight) = (u32::from(256 - weight), u32::from(weight));
        for ((to, upper), lower) in to.iter_mut().zip(upper.iter()).zip(lower.iter()) {
            let sum = u32::from(*upper) * keep + u32::from(*lower) * weight;
            *to = ((sum + 32_768) >> 16) as u8;
        }
    }
}

/// Stretches a row to its new width.
struct Stretch<'a> {
    layout: Layout,
    taps: &'a [Tap],
    /// The width is the same, so that the taps say nothing.
    copy: bool,
}

impl Stretch<'_> {
    fn row(&self, from: &[u8], to: &mut [u16]) {
        match self.layout {
            Layout::Bytes(_) if self.copy => {
                for (to, from) in to.iter_mut().zip(from) {
                    *to = u16::from(*from) << 8;
                }
            }
            Layout::Bytes(2) => whole::<2>(self.taps, from, to),
            Layout::Bytes(3) => whole::<3>(self.taps, from, to),
            Layout::Bytes(4) => whole::<4>(self.taps, from, to),
            Layout::Bytes(_) => whole::<1>(self.taps, from, to),
            Layout::OfTwo { at } => picked::<2>(self.taps, at, from, to),
            Layout::OfFour { at } => picked::<4>(self.taps, at, from, to),
        }
    }
}

#[inline]
fn blend(near: u8, far: u8, weight: u16) -> u16 {
    u16::from(near) * (256 - weight) + u16::from(far) * weight
}

/// Samples of `N` bytes.
fn whole<const N: usize>(taps: &[Tap], from: &[u8], to: &mut [u16]) {
    let from = from.as_chunks::<N>().0;
    for (to, tap) in to.as_chunks_mut::<N>().0.iter_mut().zip(taps) {
        let (near, far) = (from.get(tap.near as usize), from.get(tap.far as usize));
        let (Some(near), Some(far)) = (near, far) else {
            return;
        };
        for ((to, near), far) in to.iter_mut().zip(near).zip(far) {
            *to = blend(*near, *far, tap.weight);
        }
    }
}

/// One byte of each `STEP`.
fn picked<const STEP: usize>(taps: &[Tap], at: usize, from: &[u8], to: &mut [u16]) {
    let from = from.as_chunks::<STEP>().0;
    let byte = |index: u32| {
        from.get(index as usize)
            .and_then(|group| group.get(at))
            .copied()
    };
    for (to, tap) in to.iter_mut().zip(taps) {
        let (Some(near), Some(far)) = (byte(tap.near), byte(tap.far)) else {
            return;
        };
        *to = blend(near, far, tap.weight);
    }
}
