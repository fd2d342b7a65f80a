//! What [`lift`](crate::lift) makes of sixteen pixels: three or four bytes each, or luma.

use millstream_sdk::shuffle;
use millstream_sdk::simd::{bytes, cast, i16x8, u8x16, u16x8, zip_pairs};

use crate::lift::Kernel;
use crate::matrix::{BIAS, Lift};

/// Pixels of three bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Narrow(Outer);

/// Pixels of four bytes, the last of which is 255.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wide(Outer);

/// Luma in another range or matrix.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Luma {
    gain: u16x8,
    u: i16x8,
    v: i16x8,
    offset: i16x8,
}

/// Three bytes, of which the first takes only the first chroma and the third the other.
#[derive(Debug, Clone, Copy)]
struct Outer {
    gain: u16x8,
    /// Of the first byte, of the middle one twice, of the third.
    weights: [i16x8; 4],
    offsets: [i16x8; 3],
}

impl Narrow {
    /// Lifts in the order of the bytes; the first chroma is U if `u_first`.
    pub(crate) fn new(lifts: &[Lift; 3], u_first: bool) -> Self {
        Self(Outer::new(lifts, u_first))
    }
}

impl Wide {
    /// Lifts in the order of the bytes; the first chroma is U if `u_first`.
    pub(crate) fn new(lifts: &[Lift; 3], u_first: bool) -> Self {
        Self(Outer::new(lifts, u_first))
    }
}

impl Luma {
    pub(crate) fn new(lift: Lift) -> Self {
        let [u, v] = lift.chroma.map(i16x8::splat);
        Self {
            gain: u16x8::splat(lift.gain),
            u,
            v,
            offset: i16x8::splat(lift.offset),
        }
    }
}

impl Outer {
    fn new(lifts: &[Lift; 3], u_first: bool) -> Self {
        let [Lift { gain, .. }, ..] = *lifts;
        let [[first, _], [a, b], [_, third]] = lifts.map(
            |Lift { chroma: [u, v], .. }| {
                if u_first { [u, v] } else { [v, u] }
            },
        );
        let weights = [first, a, b, third];
        Self {
            // All three take luma alike: it has weight 1 in red, green and blue.
            gain: u16x8::splat(gain),
            weights: weights.map(i16x8::splat),
            offsets: lifts.map(|lift| i16x8::splat(lift.offset)),
        }
    }

    #[inline]
    fn terms(&self, a: i16x8, b: i16x8) -> [i16x8; 3] {
        let ([first, a_middle, b_middle, third], [p, q, r]) = (self.weights, self.offsets);
        let middle = a
            .mul_scale_round(a_middle)
            .saturating_add(b.mul_scale_round(b_middle));
        [
            a.mul_scale_round(first).saturating_add(p),
            middle.saturating_add(q),
            b.mul_scale_round(third).saturating_add(r),
        ]
    }

    /// Of each byte those of the even and of the odd pixels.
    #[inline]
    fn sums(&self, even: u16x8, odd: u16x8, terms: [i16x8; 3]) -> [[u8x16; 2]; 3] {
        let (even, odd) = (scaled(even, self.gain), scaled(odd, self.gain));
        terms.map(|term| [sum(even, term), sum(odd, term)])
    }
}

impl Kernel<48> for Narrow {
    #[inline]
    fn terms(&self, a: i16x8, b: i16x8) -> [i16x8; 3] {
        self.0.terms(a, b)
    }

    #[inline]
    fn pixels(&self, even: u16x8, odd: u16x8, terms: [i16x8; 3]) -> [u8; 48] {
        let sums = self.0.sums(even, odd, terms);
        let [a, b, c] = sums.map(|[even, odd]| interleaved(even, odd));
        let front = shuffle!(a, b, 0 16 0 1 17 0 2 18 0 3 19 0 4 20 0 5);
        let middle = shuffle!(a, b, 21 0 6 22 0 7 23 0 8 24 0 9 25 0 10 26);
        let back = shuffle!(a, b, 0 11 27 0 12 28 0 13 29 0 14 30 0 15 31 0);
        cast([
            shuffle!(front, c, 0 1 16 3 4 17 6 7 18 9 10 19 12 13 20 15),
            shuffle!(middle, c, 0 21 2 3 22 5 6 23 8 9 24 11 12 25 14 15),
            shuffle!(back, c, 26 1 2 27 4 5 28 7 8 29 10 11 30 13 14 31),
        ])
    }
}

impl Kernel<64> for Wide {
    #[inline]
    fn terms(&self, a: i16x8, b: i16x8) -> [i16x8; 3] {
        self.0.terms(a, b)
    }

    #[inline]
    fn pixels(&self, even: u16x8, odd: u16x8, terms: [i16x8; 3]) -> [u8; 64] {
        let [[a, d], [b, e], [c, f]] = self.0.sums(even, odd, terms);
        let opaque = bytes(i16x8::splat(-256));
        // Two bytes each of the even and of the odd pixels, then whole pixels.
        let [even_low, even_high] = zip_pairs(interleaved(a, b), c | opaque);
        let [odd_low, odd_high] = zip_pairs(interleaved(d, e), f | opaque);
        let [p, q] = zip_fours(even_low, odd_low);
        let [r, s] = zip_fours(even_high, odd_high);
        cast([p, q, r, s])
    }
}

impl Kernel<16> for Luma {
    #[inline]
    fn terms(&self, u: i16x8, v: i16x8) -> [i16x8; 3] {
        let sum = u
            .mul_scale_round(self.u)
            .saturating_add(v.mul_scale_round(self.v));
        [sum.saturating_add(self.offset); 3]
    }

    #[inline]
    fn pixels(&self, even: u16x8, odd: u16x8, [term, ..]: [i16x8; 3]) -> [u8; 16] {
        let (even, odd) = (scaled(even, self.gain), scaled(odd, self.gain));
        interleaved(sum(even, term), sum(odd, term)).to_array()
    }
}

#[inline]
fn scaled(luma: u16x8, gain: u16x8) -> i16x8 {
    ((luma * gain) >> 1_u32).cast_signed()
}

/// The sums' eight bits are the even bytes.
///
/// [`BIAS`] makes what is above 255 saturate; what is below 0 is below the bias.
#[inline]
fn sum(luma: i16x8, term: i16x8) -> u8x16 {
    bytes(luma.saturating_add(term).max(i16x8::splat(BIAS)) >> 6_u32)
}

/// The even bytes of both in turn.
#[inline]
fn interleaved(a: u8x16, b: u8x16) -> u8x16 {
    shuffle!(a, b, 0 16 2 18 4 20 6 22 8 24 10 26 12 28 14 30)
}

/// Fours of bytes of both in turn.
#[inline]
fn zip_fours(a: u8x16, b: u8x16) -> [u8x16; 2] {
    [
        shuffle!(a, b, 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23),
        shuffle!(a, b, 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31),
    ]
}
