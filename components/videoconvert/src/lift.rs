//! Row functions from luma and chroma to pixels, sixteen at a time.
//!
//! ```text
//!  chroma ─ terms ─▶ blocks of 16-bit numbers ─┐
//!  luma ─ gain ────────────────────────────────┴─ sum ─▶ one, three or four bytes a pixel
//! ```
//!
//! A row's last pixels are computed in a whole block too, of which the rest is cut
//! away, so that the width changes no result. Nothing here allocates or indexes.

use millstream_sdk::shuffle;
use millstream_sdk::simd::{
    bytes, high, i16x8, low, numbers, raised, twice, u8x16, u16x8, zip_pairs,
};

use crate::matrix::{BIAS, Lift};

/// What chroma adds to each of `N` outputs for sixteen pixels, with 6 bits after the
/// point and [`BIAS`].
pub(crate) type Terms<const N: usize> = [[i16x8; 2]; N];

/// As many blocks as a row of so many pixels takes.
pub(crate) fn terms_for<const N: usize>(width: usize) -> Vec<Terms<N>> {
    vec![[[i16x8::ZERO; 2]; N]; width.div_ceil(16)]
}

/// A row's chroma, a sample for two pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Chroma<'a> {
    /// U and V in rows of their own.
    Planes(&'a [u8], &'a [u8]),
    /// U and V in turn.
    Pairs(&'a [u8]),
    /// V and U in turn.
    TurnedPairs(&'a [u8]),
    /// U and V in turn, the odd bytes.
    OddOf(&'a [u8]),
    /// U and V in turn, the even bytes.
    EvenOf(&'a [u8]),
    /// None: grey.
    Neutral,
}

/// What chroma adds to the three bytes of pixels, of which the outer two take one
/// chroma each: V is the first one's, unless `swapped`.
pub(crate) fn pixel_terms(
    lifts: &[Lift; 3],
    swapped: bool,
    chroma: Chroma<'_>,
    out: &mut [Terms<3>],
) {
    let [first, second, third] = lifts.map(Weights::new);
    if swapped {
        each_block(chroma, out, |u, v, out| {
            *out = [first.of_u(u), second.of(u, v), third.of_v(v)];
        });
    } else {
        each_block(chroma, out, |u, v, out| {
            *out = [first.of_v(v), second.of(u, v), third.of_u(u)];
        });
    }
}

/// What chroma adds to luma in another matrix.
pub(crate) fn luma_terms(lift: &Lift, chroma: Chroma<'_>, out: &mut [Terms<1>]) {
    let weights = Weights::new(*lift);
    each_block(chroma, out, |u, v, out| *out = [weights.of(u, v)]);
}

/// Gives the chroma of each sixteen pixels: numbers from -128 to 127 with 8 bits after
/// the point.
#[inline]
fn each_block<T>(chroma: Chroma<'_>, out: &mut [T], block: impl Fn(i16x8, i16x8, &mut T) + Copy) {
    let pairs = |pairs: u8x16, out: &mut T| {
        let pairs = numbers(pairs);
        let (u, v) = (pairs << 8_u32, pairs & i16x8::splat(-256));
        block(centred(u), centred(v), out);
    };
    match chroma {
        Chroma::Planes(u, v) => planes(u, v, out, block),
        Chroma::Pairs(row) => chunks(row, out, |[row], out| pairs(row, out)),
        Chroma::TurnedPairs(row) => chunks(row, out, |[row], out| {
            pairs(
                shuffle!(row, row, 1 0 3 2 5 4 7 6 9 8 11 10 13 12 15 14),
                out,
            );
        }),
        Chroma::EvenOf(row) => chunks(row, out, |[a, b], out| pairs(even(a, b), out)),
        Chroma::OddOf(row) => chunks(row, out, |[a, b], out| pairs(odd(a, b), out)),
        Chroma::Neutral => {
            for out in out {
                block(i16x8::ZERO, i16x8::ZERO, out);
            }
        }
    }
}

// The functions that follow stand alone, so that their loops have all registers.

#[inline(never)]
fn planes<T>(u: &[u8], v: &[u8], out: &mut [T], block: impl Fn(i16x8, i16x8, &mut T) + Copy) {
    let ((u, u_last), (v, v_last)) = (u.as_chunks::<8>(), v.as_chunks::<8>());
    for ((out, u), v) in out.iter_mut().zip(u).zip(v) {
        let number = |bytes: [u8; 8]| centred(raised(bytes));
        block(number(*u), number(*v), out);
    }
    if let (false, Some(out)) = (u_last.is_empty(), out.get_mut(u.len()..)) {
        planes(&padded::<8>(u_last), &padded::<8>(v_last), out, block);
    }
}

/// Gives `N` vectors at a time.
#[inline(never)]
fn chunks<T, const N: usize>(row: &[u8], out: &mut [T], block: impl Fn([u8x16; N], &mut T) + Copy) {
    let (vectors, _) = row.as_chunks::<16>();
    let (vectors, _) = vectors.as_chunks::<N>();
    for (out, vectors) in out.iter_mut().zip(vectors) {
        block(vectors.map(u8x16::new), out);
    }
    let rest = row.get(vectors.len() * N * 16..).unwrap_or_default();
    if let (false, Some(out)) = (rest.is_empty(), out.get_mut(vectors.len()..)) {
        let rest = padded::<32>(rest);
        chunks(rest.get(..N * 16).unwrap_or_default(), out, block);
    }
}

/// The luma of groups of four bytes, where it is the even bytes, or the odd ones. There
/// is room for whole blocks.
pub(crate) fn luma_of_groups(groups: &[u8], at: usize, luma: &mut [u8]) {
    let luma = luma.as_chunks_mut::<16>().0;
    if at == 0 {
        chunks(groups, luma, |[a, b], luma| *luma = even(a, b).to_array());
    } else {
        chunks(groups, luma, |[a, b], luma| *luma = odd(a, b).to_array());
    }
}

/// The sign of numbers of 0 to 255 with 8 bits after the point, of which 128 was 0.
#[inline]
fn centred(numbers: i16x8) -> i16x8 {
    numbers ^ i16x8::splat(i16::MIN)
}

/// A lift's numbers, as vectors.
#[derive(Clone, Copy)]
struct Weights {
    u: i16x8,
    v: i16x8,
    offset: i16x8,
}

impl Weights {
    fn new(lift: Lift) -> Self {
        let [u, v] = lift.chroma.map(i16x8::splat);
        let offset = i16x8::splat(lift.offset);
        Self { u, v, offset }
    }

    #[inline]
    fn of_u(&self, u: i16x8) -> [i16x8; 2] {
        twice(u.mul_scale_round(self.u).saturating_add(self.offset))
    }

    #[inline]
    fn of_v(&self, v: i16x8) -> [i16x8; 2] {
        twice(v.mul_scale_round(self.v).saturating_add(self.offset))
    }

    #[inline]
    fn of(&self, u: i16x8, v: i16x8) -> [i16x8; 2] {
        let sum = u
            .mul_scale_round(self.u)
            .saturating_add(v.mul_scale_round(self.v));
        twice(sum.saturating_add(self.offset))
    }
}

/// Luma and the terms of each byte to pixels of three bytes.
pub(crate) fn narrow_pixels(gain: u16, luma: &[u8], terms: &[Terms<3>], out: &mut [u8]) {
    pixels(luma, terms, out, |luma, terms, out: &mut [u8; 48]| {
        let [[r, s], [g, h], [b, c]] = sums(luma, gain, terms);
        let (first, second, blue) = (even(r, g), even(s, h), even(b, c));
        let middle = shuffle!(first, second, 13 0 6 14 0 7 15 0 16 24 0 17 25 0 18 26);
        let pixels = [
            shuffle!(first, blue, 0 8 16 1 9 17 2 10 18 3 11 19 4 12 20 5),
            shuffle!(middle, blue, 0 21 2 3 22 5 6 23 8 9 24 11 12 25 14 15),
            shuffle!(second, blue, 26 3 11 27 4 12 28 5 13 29 6 14 30 7 15 31),
        ];
        write(&pixels, out);
    });
}

/// Luma and the terms of each byte to pixels of four bytes, the last of which is 255.
pub(crate) fn wide_pixels(gain: u16, luma: &[u8], terms: &[Terms<3>], out: &mut [u8]) {
    pixels(luma, terms, out, |luma, terms, out: &mut [u8; 64]| {
        let [[r, s], [g, h], [b, c]] = sums(luma, gain, terms);
        let opaque = bytes(i16x8::splat(-256));
        let eight = |r, g, b| {
            let front = shuffle!(r, g, 0 16 2 18 4 20 6 22 8 24 10 26 12 28 14 30);
            zip_pairs(front, b | opaque)
        };
        let ([a, b], [c, d]) = (eight(r, g, b), eight(s, h, c));
        write(&[a, b, c, d], out);
    });
}

/// Luma in another range or matrix.
pub(crate) fn luma(gain: u16, luma: &[u8], terms: &[Terms<1>], out: &mut [u8]) {
    pixels(luma, terms, out, |luma, terms, out: &mut [u8; 16]| {
        let [[first, second]] = sums(luma, gain, terms);
        *out = even(first, second).to_array();
    });
}

/// A row in blocks of sixteen pixels; the last one may be cut.
#[inline(never)]
fn pixels<const N: usize, const BYTES: usize>(
    luma: &[u8],
    terms: &[Terms<N>],
    out: &mut [u8],
    block: impl Fn(u8x16, &Terms<N>, &mut [u8; BYTES]) + Copy,
) {
    let ((luma, luma_last), (out, out_last)) = (luma.as_chunks(), out.as_chunks_mut());
    for ((out, luma), terms) in out.iter_mut().zip(luma).zip(terms) {
        block(u8x16::new(*luma), terms, out);
    }
    if let (false, Some(terms)) = (luma_last.is_empty(), terms.get(luma.len()..)) {
        let mut last = [0; BYTES];
        pixels(&padded::<16>(luma_last), terms, &mut last, block);
        out_last
            .iter_mut()
            .zip(last)
            .for_each(|(out, byte)| *out = byte);
    }
}

/// The outputs of sixteen pixels: the even bytes.
///
/// [`BIAS`] makes what is above 255 saturate when a term is added; what is below 0
/// is below the bias.
#[inline]
fn sums<const N: usize>(luma: u8x16, gain: u16, terms: &Terms<N>) -> [[u8x16; 2]; N] {
    let gain = u16x8::splat(gain);
    let scaled = |luma: i16x8| ((luma.cast_unsigned() * gain) >> 1_u32).cast_signed();
    let (first, second) = (scaled(low(luma)), scaled(high(luma)));
    let sum = |luma: i16x8, term| bytes(luma.saturating_add(term).max(i16x8::splat(BIAS)) >> 6_u32);
    terms.map(|[a, b]| [sum(first, a), sum(second, b)])
}

/// The even bytes of both.
#[inline]
fn even(a: u8x16, b: u8x16) -> u8x16 {
    shuffle!(a, b, 0 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30)
}

/// The odd bytes of both.
#[inline]
fn odd(a: u8x16, b: u8x16) -> u8x16 {
    shuffle!(a, b, 1 3 5 7 9 11 13 15 17 19 21 23 25 27 29 31)
}

#[inline]
fn write(vectors: &[u8x16], out: &mut [u8]) {
    for (out, vector) in out.as_chunks_mut().0.iter_mut().zip(vectors) {
        *out = vector.to_array();
    }
}

/// The bytes, and zeros behind them.
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut whole = [0; N];
    whole
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    whole
}
