//! [`Few`]: few columns of many, each made of both rows by itself.
//!
//! ```text
//!  16 bytes of each row ─ places ─▶ samples and the next ones in turn, as 16-bit numbers
//!                       ─ weights of the rows ─▶ one row ─ weights of the columns ─▶ bytes
//! ```
//!
//! A vector holds four pairs of numbers: four samples of one number, two of two, or one
//! of three or four.

use millstream_sdk::simd::{cast, i16x8, u8x16};

use crate::columns::{Rows, bytes_of, each, each_to_the_end, made, padded, taken, window};
use crate::plane::Tap;

/// Bytes of a row that a vector is made of.
const BYTES: usize = 16;
/// Bytes from the first of a block's on in which all of its vectors can be: one check is
/// enough for them. Offsets have 8 bits.
const WINDOW: usize = 255 + BYTES;

/// Blocks: first those whose samples are in a window, then the others.
#[derive(Debug)]
pub(crate) struct Few {
    near: Vec<Block>,
    far: Vec<Block>,
}

/// Four vectors, which make sixteen bytes.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// Where their bytes begin; 16 bits are enough, as rows have at most 65,536 bytes.
    at: [u16; 4],
    /// Where a window with all of them begins, if there is one.
    base: u16,
    /// Where they begin in the window.
    offsets: [u8; 4],
    /// Of each pair's numbers in the bytes.
    places: [u8x16; 4],
    weights: [i16x8; 4],
}

impl Few {
    /// For rows of so many samples of one to four numbers. Samples of three are made as
    /// four bytes. None if samples of a vector are too far from each other.
    pub(crate) fn new(taps: &[Tap], width: usize, sample: usize) -> Option<Self> {
        let bytes = width * sample;
        let samples = (16 / sample.max(1)).min(16) & !3;
        let blocks = taps.chunks(samples.max(4));
        let blocks = blocks.map(|taps| Block::new(taps, sample, bytes));
        let mut near = blocks.collect::<Option<Vec<_>>>()?;
        let count = near.iter().take_while(|block| block.is_near(bytes)).count();
        let far = near.split_off(count);
        Some(Self { near, far })
    }

    /// Writes a row; behind its end the last block may be cut.
    pub(crate) fn make(&self, rows: &Rows<'_>, to: &mut [u8]) {
        let place = to.len().min(self.near.len() * 16);
        let (to, rest) = to.split_at_mut_checked(place).unwrap_or_default();
        of_windows(&self.near, rows, to);
        of_any_places(&self.far, rows, rest);
    }
}

impl Block {
    /// For a row of so many bytes. A cut block goes on with its last sample.
    fn new(taps: &[Tap], sample: usize, bytes: usize) -> Option<Self> {
        let pairs = sample.next_power_of_two();
        let last = bytes.saturating_sub(BYTES);
        let (mut at, mut places, mut weights) = ([0; 4], [[255; 16]; 4], [[0; 8]; 4]);
        let vectors = at.iter_mut().zip(&mut places).zip(&mut weights);
        for (vector, ((at, places), weights)) in vectors.enumerate() {
            let tap = |pair: usize| {
                let index = (vector * 4 + pair) / pairs;
                taps.get(index).or(taps.last())
            };
            let start = (tap(0)?.near * sample).min(last);
            *at = u16::try_from(start).ok()?;
            let places = places.as_chunks_mut::<4>().0.iter_mut();
            let weights = weights.as_chunks_mut::<2>().0.iter_mut();
            for (pair, (places, weights)) in places.zip(weights).enumerate() {
                let (tap, number) = (tap(pair)?, pair % pairs);
                if number >= sample {
                    continue;
                }
                let near = tap.near * sample + number;
                let [near, next] = [near, near + sample].map(|place| {
                    let in_vector = place.checked_sub(start).filter(|place| *place < BYTES);
                    // Behind a row there is nothing; it has no weight.
                    in_vector.or((place >= bytes).then_some(255))
                });
                *places = [near? as u8, 255, next? as u8, 255];
                *weights = tap.weights();
            }
        }
        let [first, ..] = at;
        let base = first.min(u16::try_from(bytes.saturating_sub(WINDOW)).ok()?);
        Some(Self {
            at,
            base,
            offsets: at.map(|at| at.saturating_sub(base).min(255) as u8),
            places: places.map(u8x16::new),
            weights: weights.map(i16x8::new),
        })
    }

    /// Whether its vectors are in a window of a row of so many bytes.
    fn is_near(&self, bytes: usize) -> bool {
        let is_near = |at: &u16| at.checked_sub(self.base).is_some_and(|offset| offset < 256);
        bytes >= WINDOW && self.at.iter().all(is_near)
    }

    /// Makes it of each vector's bytes in both rows.
    #[inline]
    fn make(&self, rows: &Rows<'_>, bytes: [[[u8; BYTES]; 2]; 4]) -> [u8; 16] {
        let ([p, q, r, s], [k, l, m, n]) = (self.places, self.weights);
        let [a, b, c, d] = bytes;
        let vector = |bytes: [[u8; BYTES]; 2], places, weights| {
            let [near, far] = bytes.map(|bytes| u8x16::new(bytes).shuffle_zeroing(places));
            made(cast(rows.sum(cast(near), cast(far)) >> 1_u32), weights)
        };
        let (a, b) = (vector(a, p, k), vector(b, q, l));
        let (c, d) = (vector(c, r, m), vector(d, s, n));
        bytes_of(a, b, c, d)
    }
}

#[inline(never)]
fn of_windows(blocks: &[Block], rows: &Rows<'_>, to: &mut [u8]) {
    let rows = rows.of_one_length();
    each(blocks, to, |block| {
        let windows = [rows.near, rows.far];
        let windows = windows.map(|row| window(row, block.base).unwrap_or(&[0; WINDOW]));
        let bytes = |at: u8| windows.map(|window| *taken(window, at.into(), &[0; BYTES]));
        block.make(&rows, block.offsets.map(bytes))
    });
}

#[inline(never)]
fn of_any_places(blocks: &[Block], rows: &Rows<'_>, to: &mut [u8]) {
    each_to_the_end(blocks, to, |block| {
        let from = |row: &[u8], at: u16| padded(row.get(usize::from(at)..).unwrap_or_default());
        block.make(
            rows,
            block
                .at
                .map(|at| [rows.near, rows.far].map(|row| from(row, at))),
        )
    });
}
