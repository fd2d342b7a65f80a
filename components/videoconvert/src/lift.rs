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

use millstream_sdk::simd::{even, fours, i16x8, numbers, odd, raised, u8x16, u16x8};

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

/// Where a row's chroma is: a sample for two pixels.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Chroma<'a> {
    /// U and V in rows of their own.
    Planes(&'a [u8], &'a [u8]),
    /// Both in turn; V is the first one if `turned`.
    Pairs(&'a [u8], bool),
}

/// Writes two rows that share chroma. The kernel gets U first, unless `turn`.
pub(crate) fn rows<const BYTES: usize>(
    kernel: impl Kernel<BYTES>,
    turn: bool,
    luma: [&[u8]; 2],
    chroma: Chroma<'_>,
    to: [&mut [u8]; 2],
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
fn planes<const BYTES: usize>(
    kernel: impl Kernel<BYTES>,
    luma: [&[u8]; 2],
    a: &[u8],
    b: &[u8],
    to: [&mut [u8]; 2],
) {
    let samples = (a.as_chunks().0, b.as_chunks().0);
    let terms = |a: &_, b: &_| kernel.terms(centred(raised(*a)), centred(raised(*b)));
    let cut = two_rows(kernel, luma, samples, terms, to);
    cut.write::<BYTES>(|whole, luma, to| {
        let (a, b) = (
            padded::<8>(a.get(whole * 8..)),
            padded::<8>(b.get(whole * 8..)),
        );
        planes(kernel, luma, &a, &b, to);
    });
}

#[inline(never)]
fn pairs<const BYTES: usize>(
    kernel: impl Kernel<BYTES>,
    luma: [&[u8]; 2],
    row: &[u8],
    order: u8x16,
    to: [&mut [u8]; 2],
) {
    let samples = row.as_chunks().0;
    let terms = |samples: &_, _: &_| {
        let [a, b] = ordered(u8x16::new(*samples), order);
        kernel.terms(a, b)
    };
    let cut = two_rows(kernel, luma, (samples, samples), terms, to);
    cut.write::<BYTES>(|whole, luma, to| {
        let rest = padded::<BLOCK>(row.get(whole * BLOCK..));
        pairs(kernel, luma, &rest, order, to);
    });
}

/// Makes whole blocks, four in a turn of the loop as [`fours`] does; gives what is left.
///
/// [`fours`]: millstream_sdk::simd::fours
#[inline]
fn two_rows<'a, A, B, const BYTES: usize>(
    kernel: impl Kernel<BYTES>,
    luma: [&'a [u8]; 2],
    (a, b): (&[A], &[B]),
    terms: impl Fn(&A, &B) -> [i16x8; 3],
    to: [&'a mut [u8]; 2],
) -> Cut<'a> {
    let [(top, top_luma), (bottom, bottom_luma)] = luma.map(<[u8]>::as_chunks);
    let [(to_top, top_to), (to_bottom, bottom_to)] = to.map(<[u8]>::as_chunks_mut);
    let whole = to_top.len();
    let make = |to_top: &mut [u8; BYTES], to_bottom: &mut _, [top, bottom]: [&_; 2], a, b| {
        let terms = terms(a, b);
        *to_top = pixels(kernel, u8x16::new(*top), terms);
        *to_bottom = pixels(kernel, u8x16::new(*bottom), terms);
    };
    let (to_tops, to_top) = to_top.as_chunks_mut::<4>();
    let (to_bottoms, to_bottom) = to_bottom.as_chunks_mut::<4>();
    let ((tops, top), (bottoms, bottom)) = (top.as_chunks::<4>(), bottom.as_chunks::<4>());
    // Of an odd row there may be chroma of one block more.
    let (a, b) = (a.get(..whole).unwrap_or(a), b.get(..whole).unwrap_or(b));
    let ((many_a, a), (many_b, b)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let fours = to_tops.iter_mut().zip(to_bottoms).zip(tops).zip(bottoms);
    for (((((to_top, to_bottom), top), bottom), a), b) in fours.zip(many_a).zip(many_b) {
        let blocks = to_top.iter_mut().zip(to_bottom).zip(top).zip(bottom);
        for (((((to_top, to_bottom), top), bottom), a), b) in blocks.zip(a).zip(b) {
            make(to_top, to_bottom, [top, bottom], a, b);
        }
    }
    let blocks = to_top.iter_mut().zip(to_bottom).zip(top).zip(bottom);
    for (((((to_top, to_bottom), top), bottom), a), b) in blocks.zip(a).zip(b) {
        make(to_top, to_bottom, [top, bottom], a, b);
    }
    Cut {
        whole,
        luma: [top_luma, bottom_luma],
        to: [top_to, bottom_to],
    }
}

/// What is behind the last whole block of two rows.
struct Cut<'a> {
    /// Blocks before it.
    whole: usize,
    luma: [&'a [u8]; 2],
    to: [&'a mut [u8]; 2],
}

impl Cut<'_> {
    /// Makes it in a block: `make(blocks before, luma, to)`.
    #[inline]
    fn write<const BYTES: usize>(self, make: impl FnOnce(usize, [&[u8]; 2], [&mut [u8]; 2])) {
        if self.to.iter().all(|row| row.is_empty()) {
            return;
        }
        let luma = self.luma.map(|row| padded::<BLOCK>(Some(row)));
        let mut made = [[0; BYTES]; 2];
        let [top, bottom] = &mut made;
        make(
            self.whole,
            luma.each_ref().map(<[u8; BLOCK]>::as_slice),
            [top, bottom],
        );
        for (to, made) in self.to.into_iter().zip(made) {
            to.iter_mut().zip(made).for_each(|(to, byte)| *to = byte);
        }
    }
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
    fours(row.as_chunks().0.as_chunks().0, to, |[first, second]| {
        let (luma, samples) = split(u8x16::new(*first), u8x16::new(*second));
        let [a, b] = ordered(samples, order);
        pixels(kernel, luma, kernel.terms(a, b))
    });
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
