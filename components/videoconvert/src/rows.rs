//! Row functions: loops over slices, which the compiler turns into vectors; bytes of pixels
//! are shuffled by hand.
//!
//! Slices of one call have matching lengths; where they don't, the shorter one
//! counts. Nothing here allocates or indexes.

use millstream_sdk::shuffle;
use millstream_sdk::simd::{cast, fours, u8x16};

use crate::matrix::{BIAS, Lift, Weights};

/// Chroma in another range or matrix, in place.
pub(crate) fn map_chroma(weights: [&Weights; 2], u: &mut [u8], v: &mut [u8]) {
    let [to_u, to_v] = weights;
    let apply = |weights: &Weights, u: i32, v: i32| {
        let [_, a, b] = weights.weights;
        ((a * u + b * v + weights.offset) >> 16).clamp(0, 255) as u8
    };
    for (u, v) in u.iter_mut().zip(v) {
        let (old_u, old_v) = (i32::from(*u), i32::from(*v));
        *u = apply(to_u, old_u, old_v);
        *v = apply(to_v, old_u, old_v);
    }
}

/// The mean of two rows, into the first; halves are rounded up.
pub(crate) fn mean(row: &mut [u8], other: &[u8]) {
    for (byte, other) in row.iter_mut().zip(other) {
        *byte = ((u16::from(*byte) + u16::from(*other) + 1) >> 1) as u8;
    }
}

/// Two bytes a pair to two rows.
pub(crate) fn split_pairs(pairs: &[u8], first: &mut [u8], second: &mut [u8]) {
    for ((pair, first), second) in pairs.as_chunks::<2>().0.iter().zip(first).zip(second) {
        [*first, *second] = *pair;
    }
}

/// Two rows to two bytes a pair.
pub(crate) fn join_pairs(first: &[u8], second: &[u8], pairs: &mut [u8]) {
    for ((pair, first), second) in pairs
        .as_chunks_mut::<2>()
        .0
        .iter_mut()
        .zip(first)
        .zip(second)
    {
        *pair = [*first, *second];
    }
}

/// The chroma of groups of four bytes; `at` is the place of luma.
pub(crate) fn chroma_from_groups(groups: &[u8], at: u32, u: &mut [u8], v: &mut [u8]) {
    let shift = 8 - at * 8;
    for ((u, v), group) in u.iter_mut().zip(v).zip(groups.as_chunks::<4>().0) {
        let group = u32::from_le_bytes(*group) >> shift;
        *u = group as u8;
        *v = (group >> 16) as u8;
    }
}

/// Luma and chroma to groups of four bytes; `at` is the place of luma. An odd
/// row's last luma is written twice.
pub(crate) fn groups_from_rows(luma: &[u8], u: &[u8], v: &[u8], at: u32, groups: &mut [u8]) {
    let (luma_shift, chroma_shift) = (at * 8, 8 - at * 8);
    let pack = |[y0, y1]: [u8; 2], u: u8, v: u8| {
        let luma = u32::from(y0) | u32::from(y1) << 16;
        let chroma = u32::from(u) | u32::from(v) << 16;
        (luma << luma_shift | chroma << chroma_shift).to_le_bytes()
    };
    let groups = groups.as_chunks_mut::<4>().0;
    let (pairs, last) = luma.as_chunks::<2>();
    for (((group, pair), u), v) in groups.iter_mut().zip(pairs).zip(u).zip(v) {
        *group = pack(*pair, *u, *v);
    }
    if let ([luma], Some(group), Some(u), Some(v)) = (last, groups.last_mut(), u.last(), v.last()) {
        *group = pack([*luma; 2], *u, *v);
    }
}

/// Where four pixels of three bytes are at the beginning of a vector, and at its end.
const FIRST: u8x16 = u8x16::new([0, 1, 2, 255, 3, 4, 5, 255, 6, 7, 8, 255, 9, 10, 11, 255]);
const LAST: u8x16 = u8x16::new([4, 5, 6, 255, 7, 8, 9, 255, 10, 11, 12, 255, 13, 14, 15, 255]);

/// Pixels of three bytes to pixels of four, the last of which is 255.
pub(crate) fn widen_pixels(from: &[u8], to: &mut [u8]) {
    let ((from, from_last), (to, to_last)) = (from.as_chunks::<48>(), to.as_chunks_mut::<64>());
    fours(from, to, |from| {
        let [a, b, c]: [u8x16; 3] = cast(*from);
        let opaque = u8x16::new([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255]);
        let pixels = [
            a.shuffle_zeroing(FIRST),
            shuffle!(a, b, 12 13 14 12 15 16 17 12 18 19 20 12 21 22 23 12),
            shuffle!(b, c, 8 9 10 8 11 12 13 8 14 15 16 8 17 18 19 8),
            c.shuffle_zeroing(LAST),
        ];
        cast(pixels.map(|pixels| pixels | opaque))
    });
    let last = to_last.as_chunks_mut::<4>().0.iter_mut();
    for (to, [a, b, c]) in last.zip(from_last.as_chunks().0) {
        *to = [*a, *b, *c, 255];
    }
}

/// Pixels of four bytes to pixels of three.
pub(crate) fn narrow_pixels(from: &[u8], to: &mut [u8]) {
    let ((from, from_last), (to, to_last)) = (from.as_chunks::<64>(), to.as_chunks_mut::<48>());
    fours(from, to, |from| {
        let [a, b, c, d]: [u8x16; 4] = cast(*from);
        cast([
            shuffle!(a, b, 0 1 2 4 5 6 8 9 10 12 13 14 16 17 18 20),
            shuffle!(b, c, 5 6 8 9 10 12 13 14 16 17 18 20 21 22 24 25),
            shuffle!(c, d, 10 12 13 14 16 17 18 20 21 22 24 25 26 28 29 30),
        ])
    });
    let last = to_last.as_chunks_mut::<3>().0.iter_mut();
    for (to, [a, b, c, _]) in last.zip(from_last.as_chunks().0) {
        *to = [*a, *b, *c];
    }
}

/// Exchanges the first and third byte of pixels of three bytes.
pub(crate) fn swap_narrow(from: &[u8], to: &mut [u8]) {
    let ((from, from_last), (to, to_last)) = (from.as_chunks::<48>(), to.as_chunks_mut::<48>());
    fours(from, to, |from| {
        let [a, b, c]: [u8x16; 3] = cast(*from);
        let middle = shuffle!(a, b, 16 15 20 19 18 23 22 21 26 25 24 29 28 27 0 31);
        cast([
            shuffle!(a, b, 2 1 0 5 4 3 8 7 6 11 10 9 14 13 12 17),
            shuffle!(middle, c, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 16 15),
            shuffle!(b, c, 14 19 18 17 22 21 20 25 24 23 28 27 26 31 30 29),
        ])
    });
    let last = to_last.as_chunks_mut::<3>().0.iter_mut();
    for (to, [a, b, c]) in last.zip(from_last.as_chunks().0) {
        *to = [*c, *b, *a];
    }
}

/// Pixels of four bytes to pixels of four bytes: exchanges the first and third
/// byte if `swap`, and makes the last 255 if `opaque`.
pub(crate) fn shuffle_pixels(from: &[u8], swap: bool, opaque: bool, to: &mut [u8]) {
    let alpha = if opaque { 0xff00_0000 } else { 0 };
    let pixels = to
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .zip(from.as_chunks::<4>().0);
    if swap {
        for (to, from) in pixels {
            let from = u32::from_le_bytes(*from);
            let outer = (from & 255) << 16 | (from >> 16 & 255);
            *to = (from & 0xff00_ff00 | outer | alpha).to_le_bytes();
        }
    } else {
        for (to, from) in pixels {
            *to = (u32::from_le_bytes(*from) | alpha).to_le_bytes();
        }
    }
}

/// Red, green and blue in another range, in place; alpha stays.
pub(crate) fn lift_pixels(lift: Lift, pixels: &mut [u8]) {
    for pixel in pixels.as_chunks_mut::<4>().0 {
        let [a, b, c, alpha] = *pixel;
        let [a, b, c] = [a, b, c].map(|byte| {
            let scaled = ((u16::from(byte) * lift.gain) >> 1) as i16;
            (scaled.saturating_add(lift.offset).max(BIAS) >> 6) as u8
        });
        *pixel = [a, b, c, alpha];
    }
}
