//! Blending of rows, in blocks of known sizes that the compiler makes vectors of.

use millstream_sdk::simd::{cast, u8x16};

/// Pixels in a block.
const BLOCK: usize = 16;

/// Coverage of 0 to 255 and opacity of 0 to 256 to a weight of 0 to 256.
pub(super) const fn weight(cover: u32, opacity: u32) -> u32 {
    ((cover + (cover >> 7)) * opacity) >> 8
}

/// In sixteen bits, of which a vector holds twice as many: 255 * 256 + 128 fits.
const fn mixed(old: u8, new: u8, weight: u16) -> u8 {
    ((old as u16 * (256 - weight) + new as u16 * weight + 128) >> 8) as u8
}

/// `weight` runs from 0 to 256.
pub(super) fn blend(old: u8, new: u8, weight: u32) -> u8 {
    mixed(old, new, weight.min(256) as u16)
}

pub(super) fn blend_all(old: &mut [u8], new: &[u8], weight: u32) {
    for (old, new) in old.iter_mut().zip(new) {
        *old = blend(*old, *new, weight);
    }
}

/// A pixel's bytes again and again: a multiple of all sizes of pixels.
pub(super) fn pattern(pixel: &[u8]) -> [u8; 48] {
    let mut pattern = [0; 48];
    for part in pattern.chunks_mut(pixel.len().max(1)) {
        part.iter_mut()
            .zip(pixel)
            .for_each(|(to, byte)| *to = *byte);
    }
    pattern
}

/// Blends all pixels of a row with one weight.
pub(super) fn flat(row: &mut [u8], pattern: &[u8; 48], weight: u32) {
    let (whole, rest) = row.as_chunks_mut::<48>();
    if weight >= 256 {
        for part in whole {
            *part = *pattern;
        }
        begin(rest, pattern);
        return;
    }
    let weight = weight as u16;
    for part in whole {
        for (old, new) in part.iter_mut().zip(pattern) {
            *old = mixed(*old, *new, weight);
        }
    }
    for (old, new) in rest.iter_mut().zip(pattern) {
        *old = mixed(*old, *new, weight);
    }
}

/// The same for parts of rows, each of so many bytes: the sides of a box are many short
/// ones.
pub(super) fn flat_rows<'a>(
    rows: impl Iterator<Item = &'a mut [u8]>,
    bytes: usize,
    pattern: &[u8; 48],
    weight: u32,
) {
    match bytes {
        2 if weight >= 256 => columns::<2>(rows, pattern),
        4 if weight >= 256 => columns::<4>(rows, pattern),
        6 if weight >= 256 => columns::<6>(rows, pattern),
        8 if weight >= 256 => columns::<8>(rows, pattern),
        _ => rows.for_each(|row| flat(row, pattern, weight)),
    }
}

fn columns<'a, const N: usize>(rows: impl Iterator<Item = &'a mut [u8]>, pattern: &[u8; 48]) {
    let new: [u8; N] = core::array::from_fn(|at| *pattern.get(at).unwrap_or(&0));
    for part in rows.filter_map(<[u8]>::first_chunk_mut) {
        *part = new;
    }
}

/// Copies the beginning of a pattern, in parts of known sizes: for what is as short as the
/// side of a box, the host would be asked for each row otherwise (`memory.copy`).
fn begin(row: &mut [u8], pattern: &[u8; 48]) {
    let (sixteens, row) = row.as_chunks_mut::<16>();
    let (from, _) = pattern.as_chunks::<16>();
    for (to, from) in sixteens.iter_mut().zip(from) {
        *to = *from;
    }
    let from = pattern.get(sixteens.len() * 16..).unwrap_or_default();
    let (fours, row) = row.as_chunks_mut::<4>();
    for (to, from) in fours.iter_mut().zip(from.as_chunks::<4>().0) {
        *to = *from;
    }
    let from = from.get(fours.len() * 4..).unwrap_or_default();
    match (row, from) {
        ([a], [x, ..]) => *a = *x,
        ([a, b], [x, y, ..]) => (*a, *b) = (*x, *y),
        ([a, b, c], [x, y, z, ..]) => (*a, *b, *c) = (*x, *y, *z),
        _ => {}
    }
}

/// Blends pixels of 1, 3 or 4 bytes by how much of each is covered.
pub(super) fn by_cover(bytes: usize, row: &mut [u8], pixel: [u8; 4], covers: &[u8], opacity: u32) {
    let [a, b, c, _] = pixel;
    match bytes {
        1 => spread::<1, 16>(row, [a], covers, opacity, |covers| covers),
        3 => spread::<3, 48>(row, [a, b, c], covers, opacity, |covers| {
            let covers = u8x16::new(covers);
            cast(
                [
                    [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5],
                    [5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 9, 10, 10],
                    [
                        10, 11, 11, 11, 12, 12, 12, 13, 13, 13, 14, 14, 14, 15, 15, 15,
                    ],
                ]
                .map(|places| covers.shuffle_zeroing(u8x16::new(places))),
            )
        }),
        _ => spread::<4, 64>(row, pixel, covers, opacity, |covers| {
            let covers = u8x16::new(covers);
            let pairs = [
                u8x16::unpack_low(covers, covers),
                u8x16::unpack_high(covers, covers),
            ];
            let fours = pairs.map(|pairs| {
                [
                    u8x16::unpack_low(pairs, pairs),
                    u8x16::unpack_high(pairs, pairs),
                ]
            });
            cast(fours)
        }),
    }
}

/// `widen` gives each byte of a block's pixels its coverage.
#[inline]
fn spread<const N: usize, const BYTES: usize>(
    row: &mut [u8],
    pixel: [u8; N],
    covers: &[u8],
    opacity: u32,
    widen: impl Fn([u8; BLOCK]) -> [u8; BYTES],
) {
    let pattern: [u8; BYTES] = core::array::from_fn(|at| *pixel.get(at % N).unwrap_or(&0));
    let (row, rest) = row.as_chunks_mut::<BYTES>();
    let (whole, last) = covers.as_chunks::<BLOCK>();
    if opacity >= 256 {
        for (row, covers) in row.iter_mut().zip(whole) {
            let news = widen(*covers).into_iter().zip(pattern);
            for (old, (cover, new)) in row.iter_mut().zip(news) {
                *old = mixed(*old, new, u16::from(cover) + u16::from(cover >> 7));
            }
        }
    } else {
        // The product fits sixteen bits: of 256 and 255 at most.
        let opacity = opacity as u16;
        for (row, covers) in row.iter_mut().zip(whole) {
            let news = widen(*covers).into_iter().zip(pattern);
            for (old, (cover, new)) in row.iter_mut().zip(news) {
                let weight = ((u16::from(cover) + u16::from(cover >> 7)) * opacity) >> 8;
                *old = mixed(*old, new, weight);
            }
        }
    }
    let rest = match row.get_mut(whole.len()..) {
        Some([next, ..]) => next.as_mut_slice(),
        _ => rest,
    };
    for (old, cover) in rest.chunks_exact_mut(N).zip(last) {
        // Where nothing is covered a pixel would be blended into itself.
        if *cover != 0 {
            blend_all(old, &pixel, weight(u32::from(*cover), opacity));
        }
    }
}

/// The weights of chroma samples from the coverage of two pixels each in two rows.
pub(super) fn chroma_weights(
    upper: &[u8],
    lower: &[u8],
    opacity: u32,
) -> impl Iterator<Item = u16> {
    let pairs = upper
        .as_chunks::<2>()
        .0
        .iter()
        .zip(lower.as_chunks::<2>().0);
    pairs.map(move |([a, b], [c, d])| {
        let sum = u16::from(*a) + u16::from(*b) + u16::from(*c) + u16::from(*d);
        weight(u32::from(sum.div_ceil(4)), opacity) as u16
    })
}

/// Blends samples by weights of 0 to 256.
pub(super) fn by_weight(row: &mut [u8], new: u8, weights: &[u16]) {
    for (old, weight) in row.iter_mut().zip(weights) {
        *old = mixed(*old, new, (*weight).min(256));
    }
}
