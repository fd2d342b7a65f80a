//! Rows of pixels to rows of luma and chroma.
//!
//! Slices of one call have matching lengths; where they don't, the shorter one counts.
//! Nothing here allocates or indexes.

use millstream_sdk::shuffle;
use millstream_sdk::simd::{cast, even, high, i16x8, low, odd, u8x16};
use millstream_sdk::video::ColorMatrix;

/// Pixels converted at a time.
const BLOCK: usize = 16;

/// Pairs of bytes to two rows.
pub(crate) fn split_pairs(pairs: &[u8], first: &mut [u8], second: &mut [u8]) {
    let pairs = pairs.as_chunks::<2>().0;
    for (([a, b], first), second) in pairs.iter().zip(first).zip(second) {
        (*first, *second) = (*a, *b);
    }
}

/// Groups of four bytes for two pixels to luma and chroma.
pub(crate) fn split_groups(
    groups: &[u8],
    luma_first: bool,
    luma: &mut [u8],
    u: &mut [u8],
    v: &mut [u8],
) {
    let groups = groups.as_chunks::<4>().0.iter();
    let to = luma
        .as_chunks_mut::<2>()
        .0
        .iter_mut()
        .zip(u.iter_mut().zip(v));
    if luma_first {
        for ([y0, cb, y1, cr], (luma, (u, v))) in groups.zip(to) {
            (*luma, *u, *v) = ([*y0, *y1], *cb, *cr);
        }
    } else {
        for ([cb, y0, cr, y1], (luma, (u, v))) in groups.zip(to) {
            (*luma, *u, *v) = ([*y0, *y1], *cb, *cr);
        }
    }
}

/// Pixels of three or four bytes to luma and chroma of the full range; blue is the
/// first one if `turned`.
pub(crate) fn from_rgb(
    row: &[u8],
    bytes: usize,
    turned: bool,
    luma: &mut [u8],
    u: &mut [u8],
    v: &mut [u8],
) {
    if bytes == 3 {
        convert::<48>(row, narrow, turned, [luma, u, v]);
    } else {
        convert::<64>(row, wide, turned, [luma, u, v]);
    }
}

#[inline(never)]
fn convert<const BYTES: usize>(
    row: &[u8],
    split: impl Fn(&[u8; BYTES]) -> [u8x16; 3] + Copy,
    turned: bool,
    to: [&mut [u8]; 3],
) {
    let [(luma, luma_last), (u, u_last), (v, v_last)] = to.map(<[u8]>::as_chunks_mut);
    let (blocks, _) = row.as_chunks::<BYTES>();
    for (((pixels, luma), u), v) in blocks.iter().zip(&mut *luma).zip(&mut *u).zip(&mut *v) {
        [*luma, *u, *v] = colors(split(pixels), turned).map(u8x16::to_array);
    }
    if luma_last.is_empty() {
        return;
    }
    let mut pixels = [0; BYTES];
    let rest = row.get(luma.len() * BYTES..).unwrap_or_default();
    pixels
        .iter_mut()
        .zip(rest)
        .for_each(|(to, from)| *to = *from);
    let made = colors(split(&pixels), turned).map(u8x16::to_array);
    for (to, made) in [luma_last, u_last, v_last].into_iter().zip(made) {
        to.iter_mut().zip(made).for_each(|(to, byte)| *to = byte);
    }
}

/// The three bytes of sixteen pixels.
#[inline]
fn narrow(pixels: &[u8; 48]) -> [u8x16; 3] {
    let [a, b, c]: [u8x16; 3] = cast(*pixels);
    let first = shuffle!(a, b, 0 3 6 9 12 15 18 21 24 27 30 0 0 0 0 0);
    let second = shuffle!(a, b, 1 4 7 10 13 16 19 22 25 28 31 0 0 0 0 0);
    let third = shuffle!(a, b, 2 5 8 11 14 17 20 23 26 29 0 0 0 0 0 0);
    [
        shuffle!(first, c, 0 1 2 3 4 5 6 7 8 9 10 17 20 23 26 29),
        shuffle!(second, c, 0 1 2 3 4 5 6 7 8 9 10 18 21 24 27 30),
        shuffle!(third, c, 0 1 2 3 4 5 6 7 8 9 16 19 22 25 28 31),
    ]
}

/// The first three of the four bytes of sixteen pixels.
#[inline]
fn wide(pixels: &[u8; 64]) -> [u8x16; 3] {
    let [a, b, c, d]: [u8x16; 4] = cast(*pixels);
    let (outer, inner) = ([even(a, b), even(c, d)], [odd(a, b), odd(c, d)]);
    let ([outer_low, outer_high], [inner_low, inner_high]) = (outer, inner);
    [
        even(outer_low, outer_high),
        even(inner_low, inner_high),
        odd(outer_low, outer_high),
    ]
}

/// Luma and chroma of sixteen pixels.
#[inline]
fn colors([first, green, third]: [u8x16; 3], turned: bool) -> [u8x16; 3] {
    let (red, blue) = if turned {
        (third, first)
    } else {
        (first, third)
    };
    let below = eight(low(red), low(green), low(blue));
    let above = eight(high(red), high(green), high(blue));
    let [(y0, y1), (u0, u1), (v0, v1)] = {
        let ([y0, u0, v0], [y1, u1, v1]) = (below, above);
        [(y0, y1), (u0, u1), (v0, v1)]
    };
    [
        u8x16::narrow_i16x8(y0, y1),
        u8x16::narrow_i16x8(u0, u1),
        u8x16::narrow_i16x8(v0, v1),
    ]
}

/// Seven bits after the point, so that sums of rounded products are exact to 1/64.
#[inline]
fn eight(red: i16x8, green: i16x8, blue: i16x8) -> [i16x8; 3] {
    let (r, g, b) = (red << 7_u32, green << 7_u32, blue << 7_u32);
    let times = |numbers: i16x8, factor: f64| {
        numbers.mul_scale_round(i16x8::splat((factor * 32_768.0).round() as i16))
    };
    let y = times(r, 0.299) + times(g, 0.587) + times(b, 0.114);
    // Half of 1 less a bit, as the largest one would be over the numbers.
    let centre = i16x8::splat((128 << 7) + 63);
    let u = times(b - y, 0.5 / (1.0 - 0.114)) + centre;
    let v = times(r - y, 0.5 / (1.0 - 0.299)) + centre;
    [(y + i16x8::splat(64)) >> 7_u32, u >> 7_u32, v >> 7_u32]
}

/// From one matrix to that of BT.601. Luma changes by what chroma says, and chroma by
/// itself.
///
/// # Source
/// ITU-R BT.601 and BT.709: luma is a weighted sum of red, green and blue, chroma is
/// blue and red less luma, scaled to the same range.
#[derive(Debug)]
pub(crate) struct Recolor {
    /// What U and V add to luma, U and V; 1 is `1 << BITS`.
    weights: [[i32; 2]; 3],
    /// What is added to the luma of two pixels beside each other.
    terms: Vec<i16>,
}

/// Bits after the point of [`Recolor`]'s weights.
const BITS: u32 = 14;

impl Recolor {
    pub(crate) fn new(matrix: ColorMatrix, is_limited: bool) -> Self {
        let (red, blue) = matrix.red_blue();
        let (to_red, to_blue) = ColorMatrix::Bt601.red_blue();
        let (green, to_green) = (1.0 - red - blue, 1.0 - to_red - to_blue);
        // Red and blue less luma, in units of V and U.
        let (of_v, of_u) = (2.0 * (1.0 - red), 2.0 * (1.0 - blue));
        let luma_u = to_blue * of_u - to_green * blue * of_u / green;
        let luma_v = to_red * of_v - to_green * red * of_v / green;
        let (to_v, to_u) = (2.0 * (1.0 - to_red), 2.0 * (1.0 - to_blue));
        let range = if is_limited { 219.0 / 224.0 } else { 1.0 };
        let weights = [
            [luma_u * range, luma_v * range],
            [(of_u - luma_u) / to_u, -luma_v / to_u],
            [-luma_u / to_v, (of_v - luma_v) / to_v],
        ];
        let one = f64::from(1 << BITS);
        Self {
            weights: weights.map(|row| row.map(|weight| (weight * one).round() as i32)),
            terms: Vec::new(),
        }
    }

    /// Changes rows of luma that share rows of chroma, and these.
    pub(crate) fn rows<'a>(
        &mut self,
        luma: impl Iterator<Item = &'a mut [u8]>,
        u: &mut [u8],
        v: &mut [u8],
    ) {
        let [to_luma, to_u, to_v] = self.weights;
        let sum = |[a, b]: [i32; 2], u: i32, v: i32| (a * u + b * v + (1 << (BITS - 1))) >> BITS;
        self.terms.resize(u.len(), 0);
        for ((u, v), term) in u.iter_mut().zip(v).zip(&mut self.terms) {
            let (old_u, old_v) = (i32::from(*u) - 128, i32::from(*v) - 128);
            *u = (sum(to_u, old_u, old_v) + 128).clamp(0, 255) as u8;
            *v = (sum(to_v, old_u, old_v) + 128).clamp(0, 255) as u8;
            *term = sum(to_luma, old_u, old_v) as i16;
        }
        for row in luma {
            let pairs = row.as_chunks_mut::<{ BLOCK }>().0.iter_mut();
            let (terms, last_terms) = self.terms.as_chunks::<{ BLOCK / 2 }>();
            for (luma, term) in pairs.zip(terms) {
                for (pair, term) in luma.as_chunks_mut::<2>().0.iter_mut().zip(term) {
                    *pair = pair.map(|luma| (i16::from(luma) + term).clamp(0, 255) as u8);
                }
            }
            let last = row.as_chunks_mut::<{ BLOCK }>().1.as_chunks_mut::<2>().0;
            for (pair, term) in last.iter_mut().zip(last_terms) {
                *pair = pair.map(|luma| (i16::from(luma) + term).clamp(0, 255) as u8);
            }
        }
    }
}
