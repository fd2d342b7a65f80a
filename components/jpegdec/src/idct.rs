//! The inverse transform: levels of a block to 8x8 samples.
//!
//! Numbers have 16 bits and saturate. Coefficients enter [`SCALE`] times as large, and
//! each of two passes makes them √8 times as large, so that samples are [`ONE`] times as
//! large at the end: what is rounded is far below 1, and there is room for samples four
//! times beyond their range.
//!
//! # Source
//! C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical fast 1-D DCT algorithms with 11
//! multiplications", ICASSP 1989, figure 1, from right to left.

use millstream_sdk::simd::{bytes, cast, i16x8, numbers, transposed, zip_pairs};

/// Coefficients enter so often times as large.
pub(crate) const SCALE: i16 = 8;
/// A sample of 1 at the end, in bits.
pub(crate) const ONE_BITS: u32 = 6;
/// What is added to the first coefficient: samples are 128 more, and rounded.
const OFFSET: i16 = (128 << ONE_BITS) + (1 << (ONE_BITS - 1));

/// A coefficient's place in a block, in the order in which they are written: rows and
/// columns are exchanged, as one of two transpositions is left out.
///
/// # Source
/// ITU-T T.81, figure A.6.
pub(crate) const PLACES: [u8; 64] = [
    0, 8, 1, 2, 9, 16, 24, 17, 10, 3, 4, 11, 18, 25, 32, 40, 33, 26, 19, 12, 5, 6, 13, 20, 27, 34,
    41, 48, 56, 49, 42, 35, 28, 21, 14, 7, 15, 22, 29, 36, 43, 50, 57, 58, 51, 44, 37, 30, 23, 31,
    38, 45, 52, 59, 60, 53, 46, 39, 47, 54, 61, 62, 55, 63,
];

/// The last one before rows and columns behind the fourth begin.
const LAST_OF_FEW: u8 = 9;

/// Eight rows of samples, 1 being `1 << ONE_BITS`, rounding included.
pub(crate) type Rows = [i16x8; 8];

/// Levels up to the `last` one, the others being 0, times `steps`, become samples.
#[inline]
pub(crate) fn block(levels: &[i16; 64], steps: &[i16x8; 8], last: u8) -> Rows {
    let levels: [i16x8; 8] = cast(*levels);
    let [a, b, c, d, e, f, g, h] = levels;
    let [sa, sb, sc, sd, se, sf, sg, sh] = *steps;
    let a = (a * sa).saturating_add(i16x8::new([OFFSET, 0, 0, 0, 0, 0, 0, 0]));
    if last == 0 {
        let [first, ..] = a.to_array();
        return [i16x8::splat(first); 8];
    }
    let (b, c, d) = (b * sb, c * sc, d * sd);
    if last <= LAST_OF_FEW {
        return few(columns(few([a, b, c, d])));
    }
    let (e, f, g, h) = (e * se, f * sf, g * sg, h * sh);
    pass(transposed(pass([a, b, c, d, e, f, g, h])))
}

/// Transforms columns: eight of them beside each other.
#[inline]
fn pass([y0, y1, y2, y3, y4, y5, y6, y7]: Rows) -> Rows {
    let (b7, b4) = butterfly(y1, y7);
    // √2 is over 1, which the first number stands for.
    let b5 = plus(y3, times(y3, ROOT - 1.0));
    let b6 = plus(y5, times(y5, ROOT - 1.0));
    let (a4, a6) = butterfly(b4, b6);
    let (a7, a5) = butterfly(b7, b5);
    let t7 = plus(times(a4, COS_5), times(a7, COS_3));
    let t4 = times(a4, COS_3).saturating_sub(times(a7, COS_5));
    let t5 = times(a5, COS_1).saturating_sub(times(a6, COS_7));
    let t6 = plus(times(a5, COS_7), times(a6, COS_1));
    let (t10, t11) = butterfly(y0, y4);
    // As √2·cos(2π/16) is.
    let t13 = plus(plus(y2, times(y2, ROOT_COS_2 - 1.0)), times(y6, ROOT_COS_6));
    let t12 = times(y2, ROOT_COS_6)
        .saturating_sub(y6)
        .saturating_sub(times(y6, ROOT_COS_2 - 1.0));
    let ((t0, t3), (t1, t2)) = (butterfly(t10, t13), butterfly(t11, t12));
    let ((x0, x7), (x1, x6)) = (butterfly(t0, t7), butterfly(t1, t6));
    let ((x2, x5), (x3, x4)) = (butterfly(t2, t5), butterfly(t3, t4));
    [x0, x1, x2, x3, x4, x5, x6, x7]
}

/// The same if the last four are 0.
#[inline]
fn few([y0, y1, y2, y3]: [i16x8; 4]) -> Rows {
    let b5 = plus(y3, times(y3, ROOT - 1.0));
    let (a7, a5) = butterfly(y1, b5);
    let t7 = plus(times(y1, COS_5), times(a7, COS_3));
    let t4 = times(y1, COS_3).saturating_sub(times(a7, COS_5));
    let t5 = times(a5, COS_1).saturating_sub(times(y1, COS_7));
    let t6 = plus(times(a5, COS_7), times(y1, COS_1));
    let t13 = plus(y2, times(y2, ROOT_COS_2 - 1.0));
    let t12 = times(y2, ROOT_COS_6);
    let ((t0, t3), (t1, t2)) = (butterfly(y0, t13), butterfly(y0, t12));
    let ((x0, x7), (x1, x6)) = (butterfly(t0, t7), butterfly(t1, t6));
    let ((x2, x5), (x3, x4)) = (butterfly(t2, t5), butterfly(t3, t4));
    [x0, x1, x2, x3, x4, x5, x6, x7]
}

/// The first four columns of eight rows.
#[inline]
fn columns(rows: Rows) -> [i16x8; 4] {
    let [a, b, c, d, e, f, g, h] = rows.map(bytes);
    let ([ae, _], [bf, _], [cg, _], [dh, _]) = (
        zip_pairs(a, e),
        zip_pairs(b, f),
        zip_pairs(c, g),
        zip_pairs(d, h),
    );
    let ([aceg0, aceg1], [bdfh0, bdfh1]) = (zip_pairs(ae, cg), zip_pairs(bf, dh));
    let ([r0, r1], [r2, r3]) = (zip_pairs(aceg0, bdfh0), zip_pairs(aceg1, bdfh1));
    [r0, r1, r2, r3].map(numbers)
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

/// Sum and difference.
#[inline]
fn butterfly(a: i16x8, b: i16x8) -> (i16x8, i16x8) {
    (a.saturating_add(b), a.saturating_sub(b))
}

#[inline]
fn plus(a: i16x8, b: i16x8) -> i16x8 {
    a.saturating_add(b)
}

/// Times a number below 1, rounded.
#[inline]
fn times(numbers: i16x8, factor: f64) -> i16x8 {
    numbers.mul_scale_round(i16x8::splat((factor * 32_768.0).round() as i16))
}
