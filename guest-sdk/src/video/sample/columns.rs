//! The rows and columns that the pixels of an input are made of.
//!
//! Each row of the input is made of two rows of a plane. These are blended first, as
//! whole rows, which vectorises; columns are picked from the blended row after that,
//! each with its right neighbour.

use crate::video::{VideoFrame, VideoInfo};

/// Values after the last one of a row, so that it has neighbours.
const BEYOND: usize = 8;

/// Parts of one level of a sample in a blended row.
pub(super) const PARTS: i16 = 128;

/// Two neighbouring samples and how much of the second is taken.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Tap {
    pub(super) first: usize,
    pub(super) second: usize,
    /// 0 to 1.
    pub(super) weight: f32,
}

impl Tap {
    /// The tap of a component of which `1 << shift` pixels share a sample.
    pub(super) fn shared(self, shift: u32) -> Self {
        let (first, second) = (self.first >> shift, self.second >> shift);
        let weight = if first == second { 0.0 } else { self.weight };
        Self {
            first,
            second,
            weight,
        }
    }
}

/// The taps of one direction: `length` samples of `count` from `start` on, scaled to
/// `to`.
///
/// # Source
/// `cv::resize` with `INTER_LINEAR`: half-pixel centres, edges repeated, nothing
/// averaged when scaling down.
pub(super) fn fill(taps: &mut Vec<Tap>, (start, length): (f32, f32), to: usize, count: usize) {
    let number = |value: f32| f64::from(if value.is_finite() { value } else { 0.0 });
    let (start, step) = (number(start), number(length).max(0.0) / to.max(1) as f64);
    let last = count.saturating_sub(1);
    taps.clear();
    taps.extend((0..to).map(|place| {
        let at = start + (place as f64 + 0.5) * step - 0.5;
        let at = at.clamp(0.0, last as f64);
        let first = at as usize;
        Tap {
            first,
            second: (first + 1).min(last),
            weight: (at - first as f64) as f32,
        }
    }));
}

/// Two rows of a plane, blended: [`PARTS`] of a level, one value for each byte. Planes
/// of U and of V are one row of pairs.
#[derive(Debug)]
pub(super) struct Row {
    plane: usize,
    other_plane: Option<usize>,
    /// Log2 of the lines that share a row.
    shift: u32,
    values: Vec<i16>,
    /// The values that are picked.
    span: (usize, usize),
    /// What it was made of.
    tap: Option<Tap>,
}

impl Row {
    pub(super) fn new(plane: usize, other_plane: Option<usize>, shift: u32) -> Self {
        Self {
            plane,
            other_plane,
            shift,
            values: Vec::new(),
            span: (0, 0),
            tap: None,
        }
    }

    /// How many values lie for each byte of its first plane.
    fn planes(&self) -> usize {
        1 + usize::from(self.other_plane.is_some())
    }

    /// Nothing is picked of frames like that any more.
    pub(super) fn clear(&mut self, info: &VideoInfo) {
        let values = info.plane(self.plane).row_bytes * self.planes();
        self.values.resize(values + BEYOND, 0);
        self.span = (values, 0);
        self.tap = None;
    }

    /// A new frame comes.
    pub(super) fn forget(&mut self) {
        self.tap = None;
    }

    /// Blends two rows; false if it was made of the same.
    pub(super) fn blend(&mut self, frame: &VideoFrame<'_>, tap: Tap) -> bool {
        let tap = tap.shared(self.shift);
        if self.tap == Some(tap) {
            return false;
        }
        self.tap = Some(tap);
        if tap.weight == 0.0 {
            self.set(frame, tap, |above, _| above * PARTS);
            return true;
        }
        // In two steps, so that all products are 16 bits long: eight a vector.
        let weight = (tap.weight * f32::from(PARTS) * f32::from(PARTS)) as i16;
        let (coarse, fine) = (weight / PARTS, weight % PARTS);
        self.set(frame, tap, |above, below| {
            let more = below - above;
            above * PARTS + more * coarse + ((more * fine) >> PARTS.ilog2())
        });
        true
    }

    fn set(&mut self, frame: &VideoFrame<'_>, tap: Tap, blend: impl Fn(i16, i16) -> i16) {
        let blend = |above: u8, below: u8| blend(above.into(), below.into());
        let planes = self.planes();
        let (start, end) = (self.span.0 / planes, self.span.1.div_ceil(planes));
        let both = |plane: usize| {
            let plane = frame.plane(plane);
            let part = |row: usize| plane.row(row).get(start..end).unwrap_or_default();
            part(tap.first).iter().zip(part(tap.second))
        };
        let values = self.values.get_mut(start * planes..end * planes);
        let values = values.unwrap_or_default();
        let Some(other) = self.other_plane else {
            for (value, (above, below)) in values.iter_mut().zip(both(self.plane)) {
                *value = blend(*above, *below);
            }
            return;
        };
        let (pairs, _) = values.as_chunks_mut::<2>();
        let bytes = both(self.plane).zip(both(other));
        for (pair, ((above, below), (other_above, other_below))) in pairs.iter_mut().zip(bytes) {
            *pair = [blend(*above, *below), blend(*other_above, *other_below)];
        }
    }
}

/// Two values of a row that lie beside each other, the first one in the low half.
type Word = u32;

/// Where columns of the input lie between the samples of a row.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) row: usize,
    /// Log2 of the pixels that share a sample.
    shift: u32,
    /// Values before the first sample.
    offset: usize,
    /// Values from one sample to the next.
    step: usize,
    /// Words that hold a column's samples and their right neighbours.
    pub(super) words: usize,
    /// The first of these words.
    places: Vec<u16>,
    /// Of two neighbours, how much of the second is taken.
    pub(super) weights: Vec<f32>,
    /// No neighbour is taken.
    pub(super) plain: bool,
    /// Each pixel of the row is a column of the input.
    same: bool,
}

impl Columns {
    pub(super) fn new(row: usize, shift: u32, offset: usize, step: usize, words: usize) -> Self {
        Self {
            row,
            shift,
            offset,
            step,
            words,
            places: Vec::new(),
            weights: Vec::new(),
            plain: false,
            same: false,
        }
    }

    /// Picks these columns from now on; widens the span of the row accordingly.
    pub(super) fn aim(&mut self, taps: &[Tap], row: &mut Row) {
        let taps = taps.iter().map(|tap| tap.shared(self.shift));
        let place = |tap: Tap| tap.first * self.step + self.offset;
        self.places.clear();
        // The longest row has 4 * 16,384 values.
        self.places
            .extend(taps.clone().map(|tap| place(tap) as u16));
        self.weights.clear();
        self.weights.extend(taps.clone().map(|tap| tap.weight));
        let mut pixels = taps.clone().enumerate();
        self.plain = self.weights.iter().all(|weight| *weight == 0.0);
        self.same = self.plain
            && self.words < 3
            && pixels.all(|(place, tap)| tap.first == place >> self.shift);
        let values = row.values.len() - BEYOND;
        for tap in taps {
            let first = place(tap);
            row.span.0 = row.span.0.min(first);
            row.span.1 = row.span.1.max((first + 2 * self.words).min(values));
        }
    }

    /// Picks the columns of a row, into a line for each word.
    pub(super) fn pick(&self, row: &Row, lines: &mut [Vec<Word>]) {
        let row = row.values.as_slice();
        if self.same {
            if let Some(line) = lines.first_mut() {
                self.copy(row.get(self.offset..).unwrap_or_default(), line);
            }
            return;
        }
        let places = self.places.iter();
        match lines {
            [a] => {
                for (place, a) in places.zip(a) {
                    if let Some([one]) = window::<2>(row, *place).map(words) {
                        *a = one;
                    }
                }
            }
            [a, b] => {
                for ((place, a), b) in places.zip(a).zip(b) {
                    if let Some(both) = window::<4>(row, *place).map(words) {
                        [*a, *b] = both;
                    }
                }
            }
            [a, b, c] => {
                for (((place, a), b), c) in places.zip(a).zip(b).zip(c) {
                    if let Some(all) = window::<6>(row, *place).map(words) {
                        [*a, *b, *c] = all;
                    }
                }
            }
            [a, b, c, d] => {
                for ((((place, a), b), c), d) in places.zip(a).zip(b).zip(c).zip(d) {
                    if let Some(all) = window::<8>(row, *place).map(words) {
                        [*a, *b, *c, *d] = all;
                    }
                }
            }
            _ => {}
        }
    }

    /// The row as it is, or each sample twice.
    fn copy(&self, row: &[i16], line: &mut [Word]) {
        let (pairs, _) = row.as_chunks::<2>();
        if self.step == 1 {
            for (word, value) in line.iter_mut().zip(row) {
                *word = u32::from(value.cast_unsigned());
            }
        } else if self.shift == 0 {
            line.iter_mut()
                .zip(pairs)
                .for_each(|(to, pair)| *to = word(*pair));
        } else {
            let (twos, odd) = line.as_chunks_mut::<2>();
            if let (Some(pair), [odd]) = (pairs.get(twos.len()), odd) {
                *odd = word(*pair);
            }
            twos.iter_mut()
                .zip(pairs)
                .for_each(|(two, pair)| *two = [word(*pair); 2]);
        }
    }
}

/// One check for all values of a column.
fn window<const SIZE: usize>(row: &[i16], place: u16) -> Option<&[i16; SIZE]> {
    let place = usize::from(place);
    row.get(place..place + SIZE).and_then(<[i16]>::first_chunk)
}

fn words<const SIZE: usize, const WORDS: usize>(window: &[i16; SIZE]) -> [Word; WORDS] {
    let (pairs, _) = window.as_chunks::<2>();
    core::array::from_fn(|at| pairs.get(at).copied().map_or(0, word))
}

fn word([first, second]: [i16; 2]) -> Word {
    u32::from(first.cast_unsigned()) | u32::from(second.cast_unsigned()) << 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_are_those_of_opencv() {
        let check = |from: (f32, f32), to, count, expected: &[(usize, usize, f32)]| {
            let mut taps = Vec::new();
            fill(&mut taps, from, to, count);
            let got: Vec<_> = taps
                .iter()
                .map(|tap| (tap.first, tap.second, tap.weight))
                .collect();
            assert_eq!(got, expected, "{from:?} to {to} of {count}");
        };
        check((0.0, 4.0), 2, 4, &[(0, 1, 0.5), (2, 3, 0.5)]);
        let doubled = [(0, 1, 0.0), (0, 1, 0.25), (0, 1, 0.75), (1, 1, 0.0)];
        check((0.0, 2.0), 4, 2, &doubled);
        check((0.0, 1.0), 2, 1, &[(0, 0, 0.0), (0, 0, 0.0)]);
        check((0.0, 3.0), 3, 3, &[(0, 1, 0.0), (1, 2, 0.0), (2, 2, 0.0)]);
        // A part, and what lies outside.
        check((2.0, 2.0), 2, 8, &[(2, 3, 0.0), (3, 4, 0.0)]);
        check((-1e30, 4.0), 1, 8, &[(0, 1, 0.0)]);
        check((1e30, 1e30), 1, 8, &[(7, 7, 0.0)]);
        check((f32::NAN, f32::INFINITY), 1, 8, &[(0, 1, 0.0)]);
        check((0.0, 4.0), 0, 4, &[]);
    }
}
