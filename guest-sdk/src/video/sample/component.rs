//! One component of a frame (red, luma, a chroma …), interpolated.

use super::Place;
use crate::buffer::Rect;
use crate::video::{VideoFrame, VideoInfo};

/// A position between two neighbouring samples.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tap {
    /// Of the first: a byte in a row, or a row.
    first: usize,
    /// How much of the second is taken, 0 to 1.
    weight: f32,
}

/// A row of samples, interpolated across.
#[derive(Debug, Default)]
struct Line {
    /// Which one of the frame's; none if it is not filled.
    row: Option<usize>,
    values: Vec<f32>,
}

/// Where a component lies in a frame, and how it is read.
#[derive(Debug)]
pub(super) struct Component {
    plane: usize,
    /// Bytes from one sample to the next in a row.
    bytes: usize,
    /// Byte of the first sample in a row.
    offset: usize,
    /// Pixels that share a sample, across and down.
    shared: (usize, usize),
    /// Samples in a row, and rows of them.
    size: (usize, usize),
    columns: Vec<Tap>,
    rows: Vec<Tap>,
    /// The two rows read last: rows of the input that lie between the same two read
    /// no sample again.
    lines: [Line; 2],
}

impl Component {
    pub(super) fn new(
        info: &VideoInfo,
        plane: usize,
        bytes: usize,
        offset: usize,
        shared: (usize, usize),
    ) -> Self {
        Self {
            plane,
            bytes,
            offset,
            shared,
            size: (
                info.width.div_ceil(shared.0),
                info.height.div_ceil(shared.1),
            ),
            columns: Vec::new(),
            rows: Vec::new(),
            lines: [Line::default(), Line::default()],
        }
    }

    /// Scales a rectangle of frames to a part of the input from now on.
    pub(super) fn aim(&mut self, from: Rect, place: &Place) {
        let part = |start: f32, length: f32, shared: usize| {
            let number = |value: f32| {
                if value.is_finite() {
                    f64::from(value)
                } else {
                    0.0
                }
            };
            let shared = shared as f64;
            (number(start) / shared, number(length).max(0.0) / shared)
        };
        let across = part(from.x, from.width, self.shared.0);
        let down = part(from.y, from.height, self.shared.1);
        fill(&mut self.columns, across, place.width, self.size.0);
        for tap in &mut self.columns {
            tap.first = tap.first * self.bytes + self.offset;
        }
        fill(&mut self.rows, down, place.height, self.size.1);
        for line in &mut self.lines {
            line.values.resize(place.width, 0.0);
        }
        self.forget();
    }

    /// A new frame comes.
    pub(super) fn forget(&mut self) {
        for line in &mut self.lines {
            line.row = None;
        }
    }

    /// A row of the input, counted from where the picture begins.
    pub(super) fn read(&mut self, frame: &VideoFrame<'_>, y: usize, into: &mut [f32]) {
        let Some(Tap { first, weight }) = self.rows.get(y).copied() else {
            return;
        };
        let plane = frame.plane(self.plane);
        // A component of one sample a row has no neighbour.
        let next = if self.size.0 > 1 { self.bytes } else { 0 };
        let [above, below] = &mut self.lines;
        if above.row != Some(first) && below.row == Some(first) {
            core::mem::swap(above, below);
        }
        above.fill(first, plane.row(first), &self.columns, next);
        if weight == 0.0 {
            into.copy_from_slice(&above.values);
            return;
        }
        below.fill(first + 1, plane.row(first + 1), &self.columns, next);
        let both = above.values.iter().zip(&below.values);
        for (value, (above, below)) in into.iter_mut().zip(both) {
            *value = above + (below - above) * weight;
        }
    }
}

impl Line {
    fn fill(&mut self, row: usize, samples: &[u8], columns: &[Tap], next: usize) {
        if self.row == Some(row) {
            return;
        }
        self.row = Some(row);
        let sample = |at: usize| samples.get(at).copied().map_or(0.0, f32::from);
        for (value, tap) in self.values.iter_mut().zip(columns) {
            let (a, b) = (sample(tap.first), sample(tap.first + next));
            *value = a + (b - a) * tap.weight;
        }
    }
}

/// The taps of one direction: `length` samples from `start`, scaled to `to`; the
/// component has `count` of them.
fn fill(taps: &mut Vec<Tap>, (start, length): (f64, f64), to: usize, count: usize) {
    let step = length / to.max(1) as f64;
    // The last sample that has a neighbour.
    let last = count.saturating_sub(2);
    taps.clear();
    taps.extend((0..to).map(|place| {
        let at = start + (place as f64 + 0.5) * step - 0.5;
        let first = (at.max(0.0) as usize).min(last);
        let weight = if count > 1 {
            (at - first as f64).clamp(0.0, 1.0)
        } else {
            0.0
        };
        Tap {
            first,
            weight: weight as f32,
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_are_those_of_opencv() {
        let check = |from: (f64, f64), to, count, expected: &[(usize, f32)]| {
            let mut taps = Vec::new();
            fill(&mut taps, from, to, count);
            let got: Vec<_> = taps.iter().map(|tap| (tap.first, tap.weight)).collect();
            assert_eq!(got, expected, "{from:?} to {to} of {count}");
        };
        check((0.0, 4.0), 2, 4, &[(0, 0.5), (2, 0.5)]);
        check(
            (0.0, 2.0),
            4,
            2,
            &[(0, 0.0), (0, 0.25), (0, 0.75), (0, 1.0)],
        );
        check((0.0, 1.0), 2, 1, &[(0, 0.0), (0, 0.0)]);
        check((0.0, 3.0), 3, 3, &[(0, 0.0), (1, 0.0), (1, 1.0)]);
        // A part, and what lies outside.
        check((2.0, 2.0), 2, 8, &[(2, 0.0), (3, 0.0)]);
        check((-1e30, 4.0), 1, 8, &[(0, 0.0)]);
        check((1e30, 1e30), 1, 8, &[(6, 1.0)]);
        check((0.0, 4.0), 0, 4, &[]);
    }
}
