//! From pixels of four bytes to luma and chroma, sixteen of a row at a time.
//!
//! A row's last pixels are made in a whole block too, of which the rest is cut away.

use millstream_sdk::shuffle;
use millstream_sdk::simd::{bytes, cast, fours, i16x8, i32x4, narrowed, numbers, packed, u16x8};

use crate::matrix::Weights;

/// Bytes of sixteen pixels.
const BLOCK: usize = 64;

/// Bits after the point in 16-bit numbers, so that what is above 255 is above all of these;
/// with one more the compiler would see that they hold no more than bytes, and make the
/// packing of three instructions.
const FRACTION: u32 = 6;

/// An output's weights with 14 bits after the point, as vectors.
#[derive(Clone, Copy)]
struct Fold {
    /// Of the first and third byte in turn.
    outer: i16x8,
    /// Of the second byte, and of the fourth, which counts nothing.
    middle: i16x8,
    offset: i32x4,
}

impl Fold {
    fn new(weights: &Weights) -> Self {
        let [a, b, c] = weights.weights.map(|weight| ((weight + 2) >> 2) as i16);
        Self {
            outer: i16x8::new([a, c, a, c, a, c, a, c]),
            middle: i16x8::new([b, 0, b, 0, b, 0, b, 0]),
            offset: i32x4::splat(weights.offset >> 2),
        }
    }

    /// The sums of four pixels.
    #[inline]
    fn sums(&self, pixels: Split) -> i32x4 {
        pixels.outer.dot(self.outer) + pixels.middle.dot(self.middle)
    }
}

/// Four pixels: their first and third bytes, their second and fourth ones.
#[derive(Clone, Copy)]
struct Split {
    outer: i16x8,
    middle: i16x8,
}

impl Split {
    #[inline]
    fn new(pixels: u16x8) -> Self {
        Self {
            outer: (pixels & u16x8::splat(255)).cast_signed(),
            middle: (pixels >> 8_u32).cast_signed(),
        }
    }

    /// Two rows' sum.
    #[inline]
    fn of_two(top: u16x8, bottom: u16x8) -> Self {
        let (top, bottom) = (Self::new(top), Self::new(bottom));
        Self {
            outer: top.outer + bottom.outer,
            middle: top.middle + bottom.middle,
        }
    }

    /// The sums of neighbours among eight pixels.
    #[inline]
    fn of_pairs(first: Self, second: Self) -> Self {
        Self {
            outer: pairs(first.outer, second.outer),
            middle: pairs(first.middle, second.middle),
        }
    }
}

/// The sums of neighbours, each of two numbers.
#[inline]
fn pairs(a: i16x8, b: i16x8) -> i16x8 {
    let (a, b) = (bytes(a), bytes(b));
    let first = shuffle!(a, b, 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27);
    let second = shuffle!(a, b, 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31);
    numbers(first) + numbers(second)
}

/// Luma of pixels of four bytes; weights are in the order of the bytes.
#[inline(never)]
pub(crate) fn luma(weights: &Weights, pixels: &[u8], out: &mut [u8]) {
    let fold = Fold::new(weights);
    let block = |pixels: [u8; BLOCK]| {
        let pixels: [u16x8; 4] = cast(pixels);
        let made = |pixels| (fold.sums(Split::new(pixels)) + fold.offset) >> (14 - FRACTION);
        let [a, b, c, d] = pixels.map(made);
        packed(whole(a, b), whole(c, d)).to_array()
    };
    let ((pixels, last), (out, out_last)) = (pixels.as_chunks(), out.as_chunks_mut());
    fours(pixels, out, |pixels| block(*pixels));
    if !out_last.is_empty() {
        let made = block(continued(last));
        out_last
            .iter_mut()
            .zip(made)
            .for_each(|(out, byte)| *out = byte);
    }
}

/// Chroma of two rows of pixels of four bytes, which may be the same row. Weights are
/// for sums of four. An odd row's last pixel counts twice.
#[inline(never)]
pub(crate) fn chroma(
    weights: [&Weights; 2],
    [top, bottom]: [&[u8]; 2],
    u: &mut [u8],
    v: &mut [u8],
) {
    let folds = weights.map(Fold::new);
    let block = |top: [u8; BLOCK], bottom: [u8; BLOCK]| {
        let ([a, b, c, d], [e, f, g, h]): ([u16x8; 4], [u16x8; 4]) = (cast(top), cast(bottom));
        let [a, b, c, d] =
            [(a, e), (b, f), (c, g), (d, h)].map(|(top, bottom)| Split::of_two(top, bottom));
        let sums = [Split::of_pairs(a, b), Split::of_pairs(c, d)];
        folds.map(|fold| {
            let [a, b] = sums.map(|pixels| (fold.sums(pixels) + fold.offset) >> (16 - FRACTION));
            let samples = whole(a, b);
            let [samples, _]: [[u8; 8]; 2] = cast(packed(samples, samples));
            samples
        })
    };
    let ((top, top_last), (bottom, bottom_last)) = (top.as_chunks(), bottom.as_chunks());
    {
        let (u, v) = (u.as_chunks_mut().0, v.as_chunks_mut().0);
        for (((u, v), top), bottom) in u.iter_mut().zip(v).zip(top).zip(bottom) {
            [*u, *v] = block(*top, *bottom);
        }
    }
    if !top_last.is_empty() {
        let made = block(continued(top_last), continued(bottom_last));
        for (row, made) in [u, v].into_iter().zip(made) {
            let rest = row.get_mut(top.len() * 8..).unwrap_or_default();
            rest.iter_mut().zip(made).for_each(|(to, byte)| *to = byte);
        }
    }
}

/// Numbers with [`FRACTION`] after the point, less it. What is above 255 has become that.
#[inline]
fn whole(a: i32x4, b: i32x4) -> i16x8 {
    narrowed(a, b) >> FRACTION
}

/// Pixels, and then the last one again.
fn continued(pixels: &[u8]) -> [u8; BLOCK] {
    let mut whole = [0; BLOCK];
    let (pixels, _) = pixels.as_chunks::<4>();
    let all = pixels.iter().chain(pixels.last().into_iter().cycle());
    for (to, from) in whole.as_chunks_mut::<4>().0.iter_mut().zip(all) {
        *to = *from;
    }
    whole
}
