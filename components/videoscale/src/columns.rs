//! [`Columns`]: a row that leaves out of two that entered, four samples at a time.
//!
//! A row's last samples are made in a whole block too, of which the rest is cut away.

use millstream_sdk::shuffle;
use millstream_sdk::simd::{
    cast, fours, fours_of_two, high, i16x8, i32x4, low, narrowed, odd, packed, u8x16, u16x8,
    zip_pairs,
};

use crate::few::Few;
use crate::plane::{COLUMN_BITS, Tap};

/// Bits after the point in a row that is made of two.
const ROW_BITS: u32 = 7;
/// Sums from the first of a block's on in which its samples can be: one check is enough
/// for all of them. Offsets have 8 bits, and samples at most 4 numbers.
const WINDOW: usize = 255 + 4 + 8;

/// The tables of a width, and a row on its way.
#[derive(Debug)]
pub(crate) struct Columns {
    kind: Kind,
    /// Both rows' sum; behind it the last sample again.
    row: Vec<i16>,
    /// Samples of three bytes, and one more each.
    wide: Vec<u8>,
    /// Numbers of a sample.
    sample: usize,
}

/// Samples by their numbers.
#[derive(Debug)]
enum Kind {
    Same,
    Close(Vec<CloseGroup>),
    One(Vec<Block<1>>),
    Two(Vec<Block<2>>),
    Three(Vec<NearBlock>),
    Four(Vec<NearBlock>),
    Few(Few),
}

/// Four samples: where their first numbers are (which 16 bits hold: rows have at most
/// 65,536), and the weights of these and of the
/// next samples' numbers in turn.
#[derive(Debug, Clone, Copy)]
struct Block<const VECTORS: usize> {
    at: [u16; 4],
    weights: [i16x8; VECTORS],
}

/// Four samples of which three are at most 255 numbers behind the first.
#[derive(Debug, Clone, Copy)]
struct NearBlock {
    base: u16,
    offsets: [u8; 4],
    weights: [i16x8; 4],
}

impl NearBlock {
    fn new(&Block { at, weights }: &Block<4>) -> Self {
        let [base, ..] = at;
        Self {
            base,
            offsets: at.map(|at| at.saturating_sub(base).min(255) as u8),
            weights,
        }
    }
}

/// Sixteen samples of one number, in four vectors with the numbers after them.
#[derive(Debug, Clone, Copy)]
struct CloseGroup {
    /// Where the first vector begins, and how far behind that each does.
    base: u16,
    offsets: [u8; 4],
    /// Where in them the samples are, in bytes.
    places: [u8x16; 4],
    weights: [i16x8; 4],
}

impl CloseGroup {
    /// None if samples lie too far from each other.
    fn new(blocks: &[Block<1>; 4]) -> Option<Self> {
        let [Block { at: [base, ..], .. }, ..] = *blocks;
        let mut group = Self {
            base,
            offsets: [0; 4],
            places: [u8x16::ZERO; 4],
            weights: [i16x8::ZERO; 4],
        };
        let vectors = group.offsets.iter_mut().zip(&mut group.places);
        let vectors = vectors.zip(&mut group.weights).zip(blocks);
        for (((offset, places), weights), block) in vectors {
            let ([first, ..], [block_weights]) = (block.at, block.weights);
            *offset = u8::try_from(first.checked_sub(base)?).ok()?;
            let mut bytes = [255; 16];
            for (pair, sample) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(block.at) {
                let apart = sample.checked_sub(first).filter(|apart| *apart <= 6)? as u8 * 2;
                *pair = [apart, apart + 1, apart + 2, apart + 3];
            }
            (*places, *weights) = (u8x16::new(bytes), block_weights);
        }
        Some(group)
    }
}

impl Kind {
    fn new(taps: &[Tap], width: usize, sample: usize) -> Self {
        if taps.len() * 2 <= width
            && let Some(few) = Few::new(taps, width, sample)
        {
            return Self::Few(few);
        }
        let near = || table(taps, sample).iter().map(NearBlock::new).collect();
        match sample {
            1 => {
                let blocks = table(taps, sample);
                let (groups, _) = blocks.as_chunks();
                let close: Option<_> = groups.iter().map(CloseGroup::new).collect();
                close.map_or(Self::One(blocks), Self::Close)
            }
            2 => Self::Two(table(taps, sample)),
            3 => Self::Three(near()),
            _ => Self::Four(near()),
        }
    }
}

impl Columns {
    /// For rows that keep their width.
    pub(crate) fn same(width: usize, sample: usize) -> Self {
        Self::of_kind(Kind::Same, width, sample, 0)
    }

    /// For rows of `width` samples of so many numbers.
    pub(crate) fn new(taps: &[Tap], width: usize, sample: usize) -> Self {
        let wide = if sample == 3 { taps.len() * 4 } else { 0 };
        Self::of_kind(Kind::new(taps, width, sample), width, sample, wide)
    }

    fn of_kind(kind: Kind, width: usize, sample: usize, wide: usize) -> Self {
        Self {
            kind,
            row: vec![0; (width + 1) * sample + WINDOW],
            wide: vec![0; wide],
            sample,
        }
    }

    /// Writes a row out of two, of which the second counts `weight`.
    pub(crate) fn scale(&mut self, near: &[u8], far: &[u8], weight: u16, to: &mut [u8]) {
        let rows = Rows::new(near, far, weight);
        match &self.kind {
            Kind::Same => mix(&rows, to),
            Kind::Close(blocks) => close(blocks, raised(&rows, &mut self.row, self.sample), to),
            Kind::One(blocks) => one(blocks, raised(&rows, &mut self.row, self.sample), to),
            Kind::Two(blocks) => two(blocks, raised(&rows, &mut self.row, self.sample), to),
            Kind::Three(blocks) => {
                let row = raised(&rows, &mut self.row, self.sample);
                of_row::<3>(blocks, row, &mut self.wide);
                narrow(&self.wide, to);
            }
            Kind::Four(blocks) => {
                of_row::<4>(blocks, raised(&rows, &mut self.row, self.sample), to);
            }
            Kind::Few(few) if self.sample == 3 => {
                few.make(&rows, &mut self.wide);
                narrow(&self.wide, to);
            }
            Kind::Few(few) => few.make(&rows, to),
        }
    }
}

/// Two rows, and how much each counts.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) near: &'a [u8],
    pub(crate) far: &'a [u8],
    keep: u16x8,
    weight: u16x8,
}

impl<'a> Rows<'a> {
    fn new(near: &'a [u8], far: &'a [u8], weight: u16) -> Self {
        Self {
            near,
            far,
            keep: u16x8::splat(Tap::ONE - weight),
            weight: u16x8::splat(weight),
        }
    }

    /// The sum with 8 bits after the point.
    #[inline]
    pub(crate) fn sum(&self, near: i16x8, far: i16x8) -> u16x8 {
        near.cast_unsigned() * self.keep + far.cast_unsigned() * self.weight
    }

    /// Both halves of sixteen sums.
    #[inline]
    fn sums(&self, near: [u8; 16], far: [u8; 16]) -> [u16x8; 2] {
        let (near, far) = (u8x16::new(near), u8x16::new(far));
        [
            self.sum(low(near), low(far)),
            self.sum(high(near), high(far)),
        ]
    }

    /// Both rows cut to the shorter one's length: one check is enough for both.
    #[inline]
    pub(crate) fn of_one_length(&self) -> Self {
        let near = self.near.get(..self.far.len()).unwrap_or(self.near);
        let far = self.far.get(..near.len()).unwrap_or_default();
        Self { near, far, ..*self }
    }
}

/// `VECTORS` of eight weights make four samples.
fn table<const VECTORS: usize>(taps: &[Tap], sample: usize) -> Vec<Block<VECTORS>> {
    let block = |taps: &[Tap]| {
        // A cut block goes on with its last sample.
        let tap = |i: usize| taps.get(i).or(taps.last());
        let vector = |n: usize| {
            let number = |place: usize| {
                let pair = tap((8 * n + place) * 4 / (8 * VECTORS)).map(Tap::weights);
                pair.unwrap_or_default()
                    .into_iter()
                    .nth(place % 2)
                    .unwrap_or(0)
            };
            i16x8::new(core::array::from_fn(number))
        };
        let at = core::array::from_fn(|i| tap(i).map_or(0, |tap| tap.near * sample) as u16);
        Block {
            at,
            weights: core::array::from_fn(vector),
        }
    };
    let mut blocks: Vec<_> = taps.chunks(4).map(block).collect();
    // Groups of blocks that make sixteen bytes are whole.
    let whole = blocks.len().next_multiple_of(4);
    if let Some(last) = blocks.last().copied() {
        blocks.resize(whole, last);
    }
    blocks
}

/// Two rows' sum, in bytes.
#[inline(never)]
fn mix(rows: &Rows<'_>, to: &mut [u8]) {
    let half = u16x8::splat(128);
    let ((near, near_last), (far, far_last)) = (rows.near.as_chunks(), rows.far.as_chunks());
    let (whole, last) = to.as_chunks_mut();
    fours_of_two(near, far, whole, |near, far| {
        let [a, b] = rows.sums(*near, *far);
        odd(cast(a + half), cast(b + half)).to_array()
    });
    if !last.is_empty() {
        let [a, b] = rows.sums(padded(near_last), padded(far_last));
        let made = odd(cast(a + half), cast(b + half)).to_array();
        last.iter_mut().zip(made).for_each(|(to, byte)| *to = byte);
    }
}

/// Two rows' sum, with [`ROW_BITS`] after the point; behind it the last sample again.
#[inline(never)]
fn raised<'a>(rows: &Rows<'_>, to: &'a mut [i16], sample: usize) -> &'a [i16] {
    let ((near, near_last), (far, far_last)) = (rows.near.as_chunks(), rows.far.as_chunks());
    let raised = |near, far| cast(rows.sums(near, far).map(|sum| sum >> 1_u32));
    let whole = to.as_chunks_mut::<16>().0;
    fours_of_two(near, far, whole, |near, far| raised(*near, *far));
    let made = raised(padded(near_last), padded(far_last));
    let rest = to.get_mut(near.len() * 16..).unwrap_or_default();
    rest.iter_mut()
        .zip(made)
        .for_each(|(to, number)| *to = number);
    let end = rows.near.len();
    if (sample..=to.len().saturating_sub(sample)).contains(&end) {
        to.copy_within(end - sample..end, end);
    }
    to
}

/// The bytes, and zeros behind them.
pub(crate) fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut whole = [0; N];
    whole
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    whole
}

#[inline(never)]
fn close(groups: &[CloseGroup], row: &[i16], to: &mut [u8]) {
    each(groups, to, |group| {
        let window = window(row, group.base).unwrap_or(&[0; WINDOW]);
        let four = |offset: u8, places, weights| {
            let eight: u8x16 = cast(*taken(window, offset.into(), &[0; 8]));
            made(cast(eight.shuffle_zeroing(places)), weights)
        };
        let ([o, p, q, r], [a, b, c, d]) = (group.offsets, group.places);
        let [k, l, m, n] = group.weights;
        bytes_of(four(o, a, k), four(p, b, l), four(q, c, m), four(r, d, n))
    });
}

#[inline(never)]
fn one(blocks: &[Block<1>], row: &[i16], to: &mut [u8]) {
    let four = |Block { at, weights }: &Block<1>| {
        let pairs = at.map(|at| cast::<_, u32>(*numbers_at::<2>(row, at)));
        let [weights] = *weights;
        made(cast(pairs), weights)
    };
    let (groups, _) = blocks.as_chunks();
    each(groups, to, |[a, b, c, d]| {
        bytes_of(four(a), four(b), four(c), four(d))
    });
}

#[inline(never)]
fn two(blocks: &[Block<2>], row: &[i16], to: &mut [u8]) {
    let both = |a, b| -> u8x16 {
        cast([numbers_at::<4>(row, a), numbers_at::<4>(row, b)].map(|four| *four))
    };
    let four = |Block {
                    at: [a, b, c, d],
                    weights: [p, q],
                    ..
                }: &Block<2>| {
        let (front, back) = (both(*a, *b), both(*c, *d));
        let samples = shuffle!(front, back, 0 1 2 3 8 9 10 11 16 17 18 19 24 25 26 27);
        let next = shuffle!(front, back, 4 5 6 7 12 13 14 15 20 21 22 23 28 29 30 31);
        let [front, back] = zip_pairs(samples, next);
        (made(cast(front), *p), made(cast(back), *q))
    };
    let (groups, _) = blocks.as_chunks();
    each(groups, to, |[first, second]| {
        let ((a, b), (c, d)) = (four(first), four(second));
        bytes_of(a, b, c, d)
    });
}

/// Samples of three or four numbers, as four bytes each.
#[inline(never)]
fn of_row<const SAMPLE: usize>(blocks: &[NearBlock], row: &[i16], to: &mut [u8]) {
    each(blocks, to, |block| {
        let window = window(row, block.base).unwrap_or(&[0; WINDOW]);
        let [a, b, c, d] = block.offsets.map(|at| {
            let at = usize::from(at);
            let [samples, next] = [at, at + SAMPLE].map(|at| cast(*taken(window, at, &[0; 8])));
            let [pairs, _] = zip_pairs(samples, next);
            cast(pairs)
        });
        let [p, q, r, s] = block.weights;
        bytes_of(made(a, p), made(b, q), made(c, r), made(d, s))
    });
}

/// Samples of four bytes to samples of three.
#[inline(never)]
fn narrow(from: &[u8], to: &mut [u8]) {
    let (whole, last) = to.as_chunks_mut::<48>();
    let rest = from.get(whole.len() * 64..).unwrap_or_default();
    fours(from.as_chunks::<64>().0, whole, |from| {
        let [a, b, c, d]: [u8x16; 4] = cast(*from);
        cast([
            shuffle!(a, b, 0 1 2 4 5 6 8 9 10 12 13 14 16 17 18 20),
            shuffle!(b, c, 5 6 8 9 10 12 13 14 16 17 18 20 21 22 24 25),
            shuffle!(c, d, 10 12 13 14 16 17 18 20 21 22 24 25 26 28 29 30),
        ])
    });
    let last = last.as_chunks_mut::<3>().0.iter_mut();
    for (to, [a, b, c, _]) in last.zip(rest.as_chunks().0) {
        *to = [*a, *b, *c];
    }
}

/// The bytes of what [`made`] gives, rounded.
#[inline]
pub(crate) fn bytes_of(a: i32x4, b: i32x4, c: i32x4, d: i32x4) -> [u8; 16] {
    let half = u16x8::splat(1 << (ROW_BITS - 1));
    let whole = |sums: i16x8| ((sums.cast_unsigned() + half) >> ROW_BITS).cast_signed();
    packed(whole(narrowed(a, b)), whole(narrowed(c, d))).to_array()
}

/// Blocks to bytes, of which the last ones may be cut.
#[inline]
pub(crate) fn each<B, const BYTES: usize>(
    blocks: &[B],
    to: &mut [u8],
    make: impl Fn(&B) -> [u8; BYTES],
) {
    let (whole, last) = to.as_chunks_mut();
    fours(blocks, whole, |block| make(block));
    each_to_the_end(blocks.get(whole.len()..).unwrap_or_default(), last, make);
}

/// A function of its own: around calls, which this makes, no vector stays in a register.
#[inline(never)]
pub(crate) fn each_to_the_end<B, const BYTES: usize>(
    blocks: &[B],
    to: &mut [u8],
    make: impl Fn(&B) -> [u8; BYTES],
) {
    for (to, block) in to.chunks_mut(BYTES).zip(blocks) {
        to.iter_mut()
            .zip(make(block))
            .for_each(|(to, byte)| *to = byte);
    }
}

/// What of a row can be from a place on.
#[inline]
pub(crate) fn window<T, const WINDOW: usize>(row: &[T], base: u16) -> Option<&[T; WINDOW]> {
    let base = usize::from(base);
    row.get(base..base + WINDOW)?.first_chunk()
}

/// Some of a window. The compiler sees whether they are there; they are `none` else.
#[inline]
pub(crate) fn taken<'a, T, const N: usize, const WINDOW: usize>(
    window: &'a [T; WINDOW],
    at: usize,
    none: &'a [T; N],
) -> &'a [T; N] {
    let taken = window.get(at..at + N).and_then(<[T]>::first_chunk);
    taken.unwrap_or(none)
}

/// Numbers of a row; they are there for every tap.
#[inline]
fn numbers_at<const N: usize>(row: &[i16], at: u16) -> &[i16; N] {
    let at = usize::from(at);
    let numbers = row.get(at..at + N).and_then(<[i16]>::first_chunk);
    numbers.unwrap_or(&[0; N])
}

/// The sums of pairs by their weights, with [`ROW_BITS`] after the point.
#[inline]
pub(crate) fn made(pairs: i16x8, weights: i16x8) -> i32x4 {
    pairs.dot(weights) >> COLUMN_BITS
}
