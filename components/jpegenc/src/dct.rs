//! The forward transform of a block of 8x8 samples, and its coefficients in steps.
//!
//! Numbers have 16 bits. Samples enter four times as large as they are, so that a
//! coefficient is 32 times as large as in the standard and the sum of a white block
//! just fits; each product is rounded, and all of them together stay far below a step
//! of 1.
//!
//! # Source
//! C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical fast 1-D DCT algorithms with 11
//! multiplications", ICASSP 1989, figure 1, without the scaling at its end.

use millstream_sdk::shuffle;
use millstream_sdk::simd::{cast, i8x16, i16x8, raised, signed_bytes, transposed, u8x16, u16x8};

/// How much larger coefficients are than in the standard.
const SCALE: f64 = 32.0;
/// Samples enter so often times as large.
const SAMPLE_SCALE: f64 = 4.0;
/// Bits after the point of what a step of the first coefficient is multiplied with.
const DC_BITS: u32 = 24;

/// There is no code for larger ones.
const MAX_LEVEL: i16 = 1_023;

/// In [`Block::small`], no level at all.
pub(crate) const NONE: u8 = 128;

/// A coefficient's place in [`Block::levels`], in the order in which they are written:
/// rows and columns are exchanged, as one of two transpositions is left out.
///
/// # Source
/// ITU-T T.81, figure A.6.
pub(crate) const PLACES: [u8; 64] = [
    0, 8, 1, 2, 9, 16, 24, 17, 10, 3, 4, 11, 18, 25, 32, 40, 33, 26, 19, 12, 5, 6, 13, 20, 27, 34,
    41, 48, 56, 49, 42, 35, 28, 21, 14, 7, 15, 22, 29, 36, 43, 50, 57, 58, 51, 44, 37, 30, 23, 31,
    38, 45, 52, 59, 60, 53, 46, 39, 47, 54, 61, 62, 55, 63,
];

/// What coefficients are multiplied with to become levels.
#[derive(Debug, Clone)]
pub(crate) struct Quantizer {
    /// In the order of [`Block::levels`], 1 is 32768.
    reciprocals: [i16x8; 8],
    /// Of the first coefficient, which is the largest by far and gets more bits.
    dc_reciprocal: i64,
    /// What is added to the first coefficient before.
    dc_offset: i32,
    /// Whether levels may come out for which there is no code.
    may_exceed: bool,
}

impl Quantizer {
    /// Of steps in the order in which they are written. Samples less 128 are first
    /// multiplied with `gain` and raised by `offset`: linear as the transform is, that
    /// costs nothing here.
    pub(crate) fn new(steps: &[u8; 64], gain: f64, offset: f64) -> Self {
        let mut reciprocals = [[0_i16; 8]; 8];
        for (place, step) in PLACES.iter().zip(steps) {
            let row = reciprocals.get_mut(usize::from(*place / 8));
            let exact = 32_768.0 * gain / (SCALE * f64::from(*step));
            if let Some(to) = row.and_then(|row| row.get_mut(usize::from(*place % 8))) {
                *to = exact.round() as i16;
            }
        }
        let dc_step = SCALE * f64::from(steps.first().copied().unwrap_or(1));
        let one = f64::from(1_u32 << DC_BITS);
        Self {
            reciprocals: reciprocals.map(i16x8::new),
            dc_reciprocal: (one * gain / dc_step).round() as i64,
            dc_offset: (offset / gain * SAMPLE_SCALE * 64.0).round() as i32,
            may_exceed: gain > 1.0 && steps.contains(&1),
        }
    }
}

/// The levels of a block.
#[derive(Debug)]
pub(crate) struct Block {
    /// Rows and columns are exchanged; the first one does not count.
    pub(crate) levels: [i16; 64],
    /// In the order in which they are written, none below -127 or above 127; behind them
    /// stands [`NONE`].
    pub(crate) small: [u8; 80],
    /// Of the first coefficient.
    pub(crate) dc: i32,
    /// Bit by bit whether a level is not 0, in the order in which they are written.
    pub(crate) non_zero: u64,
}

impl Default for Block {
    fn default() -> Self {
        Self {
            levels: [0; 64],
            small: [NONE; 80],
            dc: 0,
            non_zero: 0,
        }
    }
}

impl Block {
    /// Eight rows of eight samples become levels.
    #[inline]
    pub(crate) fn set(&mut self, rows: [i16x8; 8], quantizer: &Quantizer) {
        let columns = pass(transposed(pass(rows)));
        let [first, ..] = columns;
        let [dc, ..] = first.to_array();
        // Less 128 for each sample.
        let dc = i64::from(i32::from(dc ^ i16::MIN) + quantizer.dc_offset);
        let dc = (dc * quantizer.dc_reciprocal + (1 << (DC_BITS - 1))) >> DC_BITS;
        let [a, b, c, d, e, f, g, h] = columns;
        let [ra, rb, rc, rd, re, rf, rg, rh] = quantizer.reciprocals;
        let levels = [
            a.mul_scale_round(ra),
            b.mul_scale_round(rb),
            c.mul_scale_round(rc),
            d.mul_scale_round(rd),
            e.mul_scale_round(re),
            f.mul_scale_round(rf),
            g.mul_scale_round(rg),
            h.mul_scale_round(rh),
        ];
        let levels = if quantizer.may_exceed {
            levels.map(|level| {
                level
                    .max(i16x8::splat(-MAX_LEVEL))
                    .min(i16x8::splat(MAX_LEVEL))
            })
        } else {
            levels
        };
        let small = written(levels);
        self.levels = cast(levels);
        if let Some(to) = self.small.first_chunk_mut() {
            *to = cast::<_, [u8; 64]>(small);
        }
        self.dc = (dc as i32).clamp(i32::from(-MAX_LEVEL) - 1, i32::from(MAX_LEVEL));
        self.non_zero = non_zero(small);
    }
}

/// A row of samples. They are not centred: that changes the first coefficient only, which
/// has 16 bits then; all other sums still have 15 and a sign.
#[inline]
pub(crate) fn samples(row: [u8; 8]) -> i16x8 {
    let raised: u16x8 = cast(raised(row));
    cast(raised >> 6_u32)
}

/// See [`Block::small`].
#[inline]
fn written(levels: [i16x8; 8]) -> [u8x16; 4] {
    let [a, b, c, d, e, f, g, h] = levels;
    let bytes = |a, b| cast(cast::<_, i8x16>(signed_bytes(a, b)).max(i8x16::splat(-127)));
    let (a, b, c, d) = (bytes(a, b), bytes(c, d), bytes(e, f), bytes(g, h));
    // Each group of sixteen places out of the vectors that it lies in, one by one.
    let first = shuffle!(a, b, 0 8 1 2 9 16 24 17 10 3 4 11 18 25 0 0);
    let first = shuffle!(first, c, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 16 24);
    let second = shuffle!(a, b, 0 26 19 12 5 6 13 20 27 0 0 0 0 0 0 0);
    let second = shuffle!(second, c, 17 1 2 3 4 5 6 7 8 18 25 11 12 13 26 19);
    let second = shuffle!(second, d, 0 1 2 3 4 5 6 7 8 9 10 16 24 17 14 15);
    let third = shuffle!(a, b, 28 21 14 7 15 22 29 0 0 0 0 0 0 0 0 30);
    let third = shuffle!(third, c, 0 1 2 3 4 5 6 20 27 9 10 11 12 28 21 15);
    let third = shuffle!(third, d, 0 1 2 3 4 5 6 7 8 18 25 26 19 13 14 15);
    let fourth = shuffle!(b, c, 7 15 22 29 0 0 0 0 30 23 31 0 0 0 0 0);
    let fourth = shuffle!(fourth, d, 0 1 2 3 20 27 28 21 8 9 10 22 29 30 23 31);
    [first, second, third, fourth]
}

/// See [`Block::non_zero`].
#[inline]
fn non_zero([first, second, third, fourth]: [u8x16; 4]) -> u64 {
    let bits = |levels: u8x16| !levels.simd_eq(u8x16::ZERO).to_bitmask() & 0xffff;
    let low = bits(first) | bits(second) << 16;
    let high = bits(third) | bits(fourth) << 16;
    u64::from(low) | u64::from(high) << 32
}

/// Transforms columns: eight of them beside each other.
#[inline]
fn pass([x0, x1, x2, x3, x4, x5, x6, x7]: [i16x8; 8]) -> [i16x8; 8] {
    let (t0, t7, t1, t6) = (x0 + x7, x0 - x7, x1 + x6, x1 - x6);
    let (t2, t5, t3, t4) = (x2 + x5, x2 - x5, x3 + x4, x3 - x4);
    let (t10, t13, t11, t12) = (t0 + t3, t0 - t3, t1 + t2, t1 - t2);
    // √2·cos(2π/16) is over 1, which the first number stands for.
    let y2 = t13 + times(t13, ROOT_COS_2 - 1.0) + times(t12, ROOT_COS_6);
    let y6 = times(t13, ROOT_COS_6) - t12 - times(t12, ROOT_COS_2 - 1.0);
    let a4 = times(t7, COS_5) + times(t4, COS_3);
    let a7 = times(t7, COS_3) - times(t4, COS_5);
    let a5 = times(t5, COS_1) + times(t6, COS_7);
    let a6 = times(t6, COS_1) - times(t5, COS_7);
    let (b4, b6, b7, b5) = (a4 + a6, a4 - a6, a7 + a5, a7 - a5);
    let y3 = b5 + times(b5, ROOT - 1.0);
    let y5 = b6 + times(b6, ROOT - 1.0);
    [t10 + t11, b7 + b4, y2, y3, t10 - t11, y5, y6, b7 - b4]
}

/// cos(nπ/16).
const COS_1: f64 = 0.980_785_280_403_230_4;
const COS_3: f64 = 0.831_469_612_302_545_2;
const COS_5: f64 = 0.555_570_233_019_602_2;
const COS_7: f64 = 0.195_090_322_016_128_3;
const ROOT: f64 = core::f64::consts::SQRT_2;
/// √2·cos(nπ/16).
const ROOT_COS_2: f64 = 1.306_562_964_876_376_5;
const ROOT_COS_6: f64 = 0.541_196_100_146_197;

/// Times a number below 1, rounded.
#[inline]
fn times(numbers: i16x8, factor: f64) -> i16x8 {
    numbers.mul_scale_round(i16x8::splat((factor * 32_768.0).round() as i16))
}
