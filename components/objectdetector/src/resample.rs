//! Bilinear scaling of one component of a frame, line by line.
//!
//! Each line of the input is made of two rows of the frame. These are blended first, as
//! whole rows of floats, which vectorises; columns are picked from the blended row
//! after that, so that each is looked up once a line and not once a row.

use millstream_sdk::video::Plane;

use crate::geometry::Tap;

/// Two rows of a plane, blended: one float for each byte.
#[derive(Debug, Default)]
pub struct Blended(Vec<f32>);

impl Blended {
    /// Blends the rows of a tap; `shift` is 1 where two lines share a row.
    pub fn set(&mut self, plane: &Plane<'_>, tap: &Tap, shift: u32) {
        let (above, below) = (
            plane.row(tap.first >> shift),
            plane.row(tap.second >> shift),
        );
        self.0.resize(above.len(), 0.0);
        let same = tap.first >> shift == tap.second >> shift;
        if same || tap.weight == 0.0 {
            for (value, byte) in self.0.iter_mut().zip(above) {
                *value = f32::from(*byte);
            }
            return;
        }
        for ((value, above), below) in self.0.iter_mut().zip(above).zip(below) {
            let (above, below) = (f32::from(*above), f32::from(*below));
            *value = above + (below - above) * tap.weight;
        }
    }
}

/// Where the columns of the input come from in a row of bytes.
#[derive(Debug)]
pub struct Columns {
    /// Of two neighbours, the first one's byte and how much of the second is taken.
    taps: Vec<(u32, f32)>,
    /// Bytes from one neighbour to the next.
    step: usize,
    shape: Shape,
}

/// What can be had for less than a look-up a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// The row as it is.
    Same,
    /// Each value twice.
    Doubled,
    Any,
}

impl Columns {
    /// For a component of a row of `pixels`: `1 << shift` pixels share a value, values
    /// are `step` bytes apart, the first is at `offset`.
    pub fn new(taps: &[Tap], pixels: usize, shift: u32, step: usize, offset: usize) -> Self {
        let last = pixels.saturating_sub(1) >> shift;
        // Two neighbours need two values.
        let step_between = if last == 0 { 0 } else { step };
        let place = |tap: &Tap| {
            let (first, second) = (tap.first >> shift, tap.second >> shift);
            let weight = if first == second { 0.0 } else { tap.weight };
            // There is nothing after the last: it is the second of its pair.
            let (first, weight) = if first == last && last > 0 {
                (last - 1, 1.0)
            } else {
                (first, weight)
            };
            ((first * step + offset) as u32, weight)
        };
        let identity = taps.len() == pixels && taps.iter().all(|tap| tap.weight == 0.0);
        let shape = match (identity && step == 1, shift) {
            (true, 0) => Shape::Same,
            (true, 1) => Shape::Doubled,
            _ => Shape::Any,
        };
        Self {
            taps: taps.iter().map(place).collect(),
            step: step_between,
            shape,
        }
    }

    /// Picks the columns of a row.
    pub fn pick(&self, row: &Blended, into: &mut [f32]) {
        let row = row.0.as_slice();
        match (self.shape, self.step) {
            (Shape::Same, _) => into.iter_mut().zip(row).for_each(|(to, from)| *to = *from),
            (Shape::Doubled, _) => {
                let (pairs, odd) = into.as_chunks_mut::<2>();
                if let (Some(value), [odd]) = (row.get(pairs.len()), odd) {
                    *odd = *value;
                }
                for (pair, value) in pairs.iter_mut().zip(row) {
                    *pair = [*value; 2];
                }
            }
            (Shape::Any, 0) => self.pick_by::<1>(row, into),
            (Shape::Any, 1) => self.pick_by::<2>(row, into),
            (Shape::Any, 2) => self.pick_by::<3>(row, into),
            (Shape::Any, 3) => self.pick_by::<4>(row, into),
            (Shape::Any, _) => self.pick_by::<5>(row, into),
        }
    }

    /// Neighbours are the ends of `N` values, so that one check covers both.
    fn pick_by<const N: usize>(&self, row: &[f32], into: &mut [f32]) {
        for (value, (at, weight)) in into.iter_mut().zip(&self.taps) {
            let ends = row
                .get(*at as usize..)
                .and_then(|row| row.first_chunk::<N>());
            if let Some(ends) = ends
                && let (Some(first), Some(second)) = (ends.first(), ends.last())
            {
                *value = first + (second - first) * weight;
            }
        }
    }
}
