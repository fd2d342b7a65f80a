//! From luma and chroma to pixels, sixteen of a row at a time.
//!
//! ```text
//!  chroma ─ terms ─▶ 16-bit numbers for pairs of pixels ─┐
//!  luma ─ gain ─▶ even and odd pixels ───────────────────┴─ sum ─▶ bytes in their order
//! ```
//!
//! Rows that share chroma are made together. A row's last pixels are made in a whole
//! block too, of which the rest is cut away, so that the width changes no result.
//! Nothing here allocates or indexes. Loops are functions of their own, so that they
//! have all registers.

use millstream_sdk::shuffle;
use millstream_sdk::simd::{i16x8, numbers, raised, u8x16, u16x8};

/// Pixels in a block.
const BLOCK: usize = 16;

/// What is made of a block.
pub(crate) trait Kernel<const BYTES: usize>: Copy {
    /// What chroma adds: two samples for each two pixels, from -128 to 127 with 8 bits
    /// after the point.
    fn terms(&self, a: i16x8, b: i16x8) -> [i16x8; 3];

    /// The bytes of luma of the even and of the odd pixels.
    fn pixels(&self, even: u16x8, odd: u16x8, terms: [i16x8; 3]) -> [u8; BYTES];
}

/// Where a row's chroma is: a sample for two pixels, which `N` rows share.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Chroma<'a> {
    /// U and V in rows of their own.
    Planes(&'a [u8], &'a [u8]),
    /// Both in turn; V is the first one if `turned`.
    Pairs(&'a [u8], bool),
}

/// Writes `N` rows that share chroma. The kernel gets U first, unless `turn`.
pub(crate) fn rows<const BYTES: usize, const N: usize>(
    kernel: impl Kernel<BYTES>,
    turn: bool,
    luma: [&[u8]; N],
    chroma: Chroma<'_>,
    to: [&mut [u8]; N],
) {
    match chroma {
        Chroma::Planes(u, v) if turn => planes(kernel, luma, v, u, to),
        Chroma::Planes(u, v) => planes(kernel, luma, u, v, to),
        Chroma::Pairs(row, turned) => pairs(kernel, luma, row, order(turn != turned), to),
    }
}

/// Writes a row out of groups of two pixels: luma is the even bytes if `luma_first`,
/// chroma the others.
pub(crate) fn groups<const BYTES: usize>(
    kernel: impl Kernel<BYTES>,
    turn: bool,
    row: &[u8],
    luma_first: bool,
    to: &mut [u8],
) {
    if luma_first {
        grouped(kernel, order(turn), row, |a, b| (even(a, b), odd(a, b)), to);
    } else {
        grouped(kernel, order(turn), row, |a, b| (odd(a, b), even(a, b)), to);
    }
}

/// The luma of groups, as it is.
pub(crate) fn luma_of_groups(row: &[u8], luma_first: bool, luma: &mut [u8]) {
    let (luma, luma_last) = luma.as_chunks_mut();
    for (luma, [first, second]) in luma.iter_mut().zip(row.as_chunks().0.as_chunks().0) {
        let (first, second) = (u8x16::new(*first), u8x16::new(*second));
        let bytes = if luma_first {
            even(first, second)
        } else {
            odd(first, second)
        };
        *luma = bytes.to_array();
    }
    let rest = padded::<{ 2 * BLOCK }>(row.get(luma.len() * 2 * BLOCK..));
    let (pairs, _) = rest.as_chunks::<2>();
    for (luma, [first, second]) in luma_last.iter_mut().zip(pairs) {
        *luma = if luma_first { *first } else { *second };
    }
}

#[inline(never)]
fn planes<const BYTES: usize, const N: usize>(
    kernel: impl Kernel<BYTES>,
    luma: [&[u8]; N],
    a: &[u8],
    b: &[u8],
    mut to: [&mut [u8]; N],
) {
    let (blocks_a, blocks_b) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    for (i, (a, b)) in blocks_a.iter().zip(blocks_b).enumerate() {
        let terms = kernel.terms(centred(raised(*a)), centred(raised(*b)));
        blocks(kernel, i, &luma, terms, &mut to);
    }
    cut::<BYTES, N>(luma, to, |whole, luma, to| {
        let (a, b) = (
            padded::<8>(a.get(whole * 8..)),
            padded::<8>(b.get(whole * 8..)),
        );
        planes(kernel, luma, &a, &b, to);
    });
}

#[inline(never)]
fn pairs<const BYTES: usize, const N: usize>(
    kernel: impl Kernel<BYTES>,
    luma: [&[u8]; N],
    row: &[u8],
    order: u8x16,
    mut to: [&mut [u8]; N],
) {
    for (i, samples) in row.as_chunks::<BLOCK>().0.iter().enumerate() {
        let [a, b] = ordered(u8x16::new(*samples), order);
        blocks(kernel, i, &luma, kernel.terms(a, b), &mut to);
    }
    cut::<BYTES, N>(luma, to, |whole, luma, to| {
        let rest = padded::<BLOCK>(row.get(whole * BLOCK..));
        pairs(kernel, luma, &rest, order, to);
    });
}

#[inline(never)]
fn grouped<const BYTES: usize>(
    kernel: impl Kernel<BYTES>,
    order: u8x16,
    row: &[u8],
    split: impl Fn(u8x16, u8x16) -> (u8x16, u8x16) + Copy,
    to: &mut [u8],
) {
    let (to, to_last) = to.as_chunks_mut::<BYTES>();
    for (to, [first, second]) in to.iter_mut().zip(row.as_chunks().0.as_chunks().0) {
        let (luma, samples) = split(u8x16::new(*first), u8x16::new(*second));
        let [a, b] = ordered(samples, order);
        *to = pixels(kernel, luma, kernel.terms(a, b));
    }
    if !to_last.is_empty() {
        let rest = padded::<{ 2 * BLOCK }>(row.get(to.len() * 2 * BLOCK..));
        let mut whole = [0; BYTES];
        grouped(kernel, order, &rest, split, &mut whole);
        to_last
            .iter_mut()
            .zip(whole)
            .for_each(|(to, byte)| *to = byte);
    }
}

/// Makes a block of each row.
#[inline]
fn blocks<const BYTES: usize, const N: usize>(
    kernel: impl Kernel<BYTES>,
    i: usize,
    luma: &[&[u8]; N],
    terms: [i16x8; 3],
    to: &mut [&mut [u8]; N],
) {
    for (luma, to) in luma.iter().zip(to) {
        let (luma, to) = (luma.as_chunks().0, to.as_chunks_mut().0);
        if let (Some(luma), Some(to)) = (luma.get(i), to.get_mut(i)) {
            *to = pixels(kernel, u8x16::new(*luma), terms);
        }
    }
}

/// Makes what is behind the last whole block of rows: `write(blocks before, luma, to)`.
#[inline]
fn cut<const BYTES: usize, const N: usize>(
    luma: [&[u8]; N],
    to: [&mut [u8]; N],
    write: impl FnOnce(usize, [&[u8]; N], [&mut [u8]; N]),
) {
    let to = to.map(|row| row.as_chunks_mut::<BYTES>());
    let whole = to.iter().map(|(blocks, _)| blocks.len()).min().unwrap_or(0);
    if to.iter().all(|(_, last)| last.is_empty()) {
        return;
    }
    let luma = luma.map(|row| padded::<BLOCK>(row.get(whole * BLOCK..)));
    let mut made = [[0; BYTES]; N];
    let rows = made.each_mut().map(<[u8; BYTES]>::as_mut_slice);
    write(whole, luma.each_ref().map(<[u8; BLOCK]>::as_slice), rows);
    for ((_, last), made) in to.into_iter().zip(made) {
        last.iter_mut().zip(made).for_each(|(to, byte)| *to = byte);
    }
}

#[inline]
fn pixels<const BYTES: usize>(
    kernel: impl Kernel<BYTES>,
    luma: u8x16,
    terms: [i16x8; 3],
) -> [u8; BYTES] {
    let luma = numbers(luma).cast_unsigned();
    let (even, odd) = (luma & u16x8::splat(255), luma >> 8_u32);
    kernel.pixels(even, odd, terms)
}

/// Puts U before V, or V before U.
fn order(turn: bool) -> u8x16 {
    u8x16::new(if turn {
        [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14]
    } else {
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    })
}

/// Pairs of samples as [`Kernel::terms`] takes them.
#[inline]
fn ordered(samples: u8x16, order: u8x16) -> [i16x8; 2] {
    let pairs = numbers(samples.shuffle_zeroing(order));
    [pairs << 8_u32, pairs & i16x8::splat(-256)].map(centred)
}

/// Numbers of 0 to 255 with 8 bits after the point, less 128.
#[inline]
fn centred(numbers: i16x8) -> i16x8 {
    numbers ^ i16x8::splat(i16::MIN)
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

/// The bytes, and zeros behind them.
fn padded<const N: usize>(bytes: Option<&[u8]>) -> [u8; N] {
    let mut whole = [0; N];
    let bytes = bytes.unwrap_or_default();
    whole
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    whole
}
