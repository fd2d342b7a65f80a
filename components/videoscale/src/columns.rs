//! [`Columns`]: a row that leaves out of two that entered, four samples at a time.
//!
//! A row's last samples are made in a whole block too, of which the rest is cut away.

use millstream_sdk::shuffle;
use millstream_sdk::simd::{cast, high, i16x8, i32x4, low, odd, u8x16, u16x8};

use crate::plane::Tap;

/// Bits after the point in a row that is made of two.
const ROW_BITS: u32 = 7;
/// Bits after the point in the weights of columns.
const COLUMN_BITS: u32 = 14;
/// Numbers that a block may read behind those that it needs.
const SPARE: usize = 8;

/// The tables of a width, and a row on its way.
#[derive(Debug)]
pub(crate) struct Columns {
    kind: Kind,
    /// Both rows' sum; behind it the last sample again.
    row: Vec<i16>,
    /// Numbers of a sample.
    sample: usize,
}

/// Samples by their numbers.
#[derive(Debug)]
enum Kind {
    Same,
    Closest(Vec<CloseBlock<1>>),
    Close(Vec<CloseBlock<2>>),
    One(Vec<Block<1>>),
    Two(Vec<Block<2>>),
    Three(Vec<Block<4>>),
    Four(Vec<Block<4>>),
    /// Few columns of many: each place is made of both rows by itself.
    FewThree(Vec<Block<4>>),
    FewFour(Vec<Block<4>>),
}

/// Four samples: where their first numbers are (which 16 bits hold: rows have at most
/// 65,536), and the weights of these and of the
/// next samples' numbers in turn.
#[derive(Debug, Clone, Copy)]
struct Block<const VECTORS: usize> {
    at: [u16; 4],
    weights: [i16x8; VECTORS],
}

/// Four samples of one number that lie close to each other: with the numbers after them
/// in `LOADS` vectors, each of which has as many of them.
#[derive(Debug, Clone, Copy)]
struct CloseBlock<const LOADS: usize> {
    /// Where the vectors begin.
    at: [u16; LOADS],
    /// Where in these the samples are, in bytes.
    places: [u8x16; LOADS],
    weights: i16x8,
}

impl<const LOADS: usize> CloseBlock<LOADS> {
    /// None if they lie too far from each other.
    fn new(block: &Block<1>) -> Option<Self> {
        let &[weights] = &block.weights;
        let (mut at, mut places) = ([0; LOADS], [[255; 16]; LOADS]);
        let samples = block
            .at
            .chunks(4 / LOADS)
            .zip(at.iter_mut().zip(&mut places));
        for (load, (samples, (at, places))) in samples.enumerate() {
            *at = samples.first().copied()?;
            let pairs = places.as_chunks_mut::<4>().0.iter_mut();
            for (pair, sample) in pairs.skip(load * (4 / LOADS)).zip(samples) {
                let apart = sample.checked_sub(*at).filter(|apart| *apart <= 6)? as u8 * 2;
                *pair = [apart, apart + 1, apart + 2, apart + 3];
            }
        }
        Some(Self {
            at,
            places: places.map(u8x16::new),
            weights,
        })
    }
}

/// The table for samples of one number, by how close they lie.
fn of_one(blocks: Vec<Block<1>>) -> Kind {
    if let Some(blocks) = blocks.iter().map(CloseBlock::new).collect() {
        return Kind::Closest(blocks);
    }
    let close: Option<_> = blocks.iter().map(CloseBlock::new).collect();
    close.map_or(Kind::One(blocks), Kind::Close)
}

impl Columns {
    /// For rows that keep their width.
    pub(crate) fn same(width: usize, sample: usize) -> Self {
        Self::of_kind(Kind::Same, width, sample)
    }

    /// For rows of `width` samples of so many numbers.
    pub(crate) fn new(taps: &[Tap], width: usize, sample: usize) -> Self {
        let few = taps.len() * 2 <= width;
        let kind = match sample {
            1 => of_one(table(taps, sample)),
            2 => Kind::Two(table(taps, sample)),
            3 if few => Kind::FewThree(table(taps, sample)),
            3 => Kind::Three(table(taps, sample)),
            _ if few => Kind::FewFour(table(taps, sample)),
            _ => Kind::Four(table(taps, sample)),
        };
        Self::of_kind(kind, width, sample)
    }

    fn of_kind(kind: Kind, width: usize, sample: usize) -> Self {
        Self {
            kind,
            row: vec![0; (width + 1) * sample + SPARE + 16],
            sample,
        }
    }

    /// Writes a row out of two, of which the second counts `weight`.
    pub(crate) fn scale(&mut self, near: &[u8], far: &[u8], weight: u16, to: &mut [u8]) {
        let rows = Rows::new(near, far, weight);
        match &self.kind {
            Kind::Same => mix(&rows, to),
            Kind::Closest(blocks) => close(blocks, raised(&rows, &mut self.row, self.sample), to),
            Kind::Close(blocks) => close(blocks, raised(&rows, &mut self.row, self.sample), to),
            Kind::One(blocks) => one(blocks, raised(&rows, &mut self.row, self.sample), to),
            Kind::Two(blocks) => two(blocks, raised(&rows, &mut self.row, self.sample), to),
            Kind::Three(blocks) => {
                let row = raised(&rows, &mut self.row, self.sample);
                three(blocks, |at| cast(numbers_at::<8>(row, at)), to);
            }
            Kind::Four(blocks) => {
                let row = raised(&rows, &mut self.row, self.sample);
                four(blocks, |at| cast(numbers_at::<8>(row, at)), to);
            }
            Kind::FewThree(blocks) => three(blocks, |at| rows.at(at), to),
            Kind::FewFour(blocks) => four(blocks, |at| rows.at(at), to),
        }
    }
}

/// Two rows, and how much each counts.
#[derive(Clone, Copy)]
struct Rows<'a> {
    near: &'a [u8],
    far: &'a [u8],
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
    fn sum(&self, near: i16x8, far: i16x8) -> u16x8 {
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

    /// Eight sums from a place on, with [`ROW_BITS`] after the point.
    #[inline]
    fn at(&self, at: u16) -> u8x16 {
        let (near, far) = (eight(self.near, at), eight(self.far, at));
        cast(self.sum(low(near), low(far)) >> 1_u32)
    }
}

/// `VECTORS` of eight weights make four samples.
fn table<const VECTORS: usize>(taps: &[Tap], sample: usize) -> Vec<Block<VECTORS>> {
    let one = 1 << COLUMN_BITS;
    let weights = |tap: &Tap| {
        let far = i16::try_from(u32::from(tap.weight) * (one / u32::from(Tap::ONE)));
        let far = far.unwrap_or_default();
        [one as i16 - far, far]
    };
    let block = |taps: &[Tap]| {
        // A cut block goes on with its last sample.
        let tap = |i: usize| taps.get(i).or(taps.last());
        let numbers = |n: usize| {
            let number = |place: usize| {
                let pair = tap((8 * n + place) * 4 / (8 * VECTORS)).map(weights);
                pair.unwrap_or_default()
                    .into_iter()
                    .nth(place % 2)
                    .unwrap_or(0)
            };
            i16x8::new(core::array::from_fn(number))
        };
        Block {
            at: core::array::from_fn(|i| tap(i).map_or(0, |tap| tap.near * sample) as u16),
            weights: core::array::from_fn(numbers),
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
    for ((to, near), far) in whole.iter_mut().zip(near).zip(far) {
        let [a, b] = rows.sums(*near, *far);
        *to = odd(cast(a + half), cast(b + half)).to_array();
    }
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
    for ((to, near), far) in whole.iter_mut().zip(near).zip(far) {
        *to = raised(*near, *far);
    }
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
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut whole = [0; N];
    whole
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    whole
}

/// Away from the loops, which it would make too long to be inlined.
#[cold]
#[inline(never)]
fn at_the_end(row: &[u8], at: usize) -> [u8; 8] {
    padded(row.get(at..).unwrap_or_default())
}

/// Eight bytes from a place on; zeros behind the row.
#[inline]
fn eight(row: &[u8], at: u16) -> u8x16 {
    let at = usize::from(at);
    let bytes = match row.get(at..at + 8).and_then(<[u8]>::first_chunk) {
        Some(bytes) => *bytes,
        None => at_the_end(row, at),
    };
    cast([u64::from_le_bytes(bytes), 0])
}

#[inline(never)]
fn close<const LOADS: usize>(blocks: &[CloseBlock<LOADS>], row: &[i16], to: &mut [u8]) {
    let four = |block: &CloseBlock<LOADS>| {
        let mut pairs = u8x16::ZERO;
        for (at, places) in block.at.into_iter().zip(block.places) {
            let eight: u8x16 = cast(numbers_at::<8>(row, at));
            pairs |= eight.shuffle_zeroing(places);
        }
        made(cast(pairs), block.weights)
    };
    let (groups, _) = blocks.as_chunks();
    each(groups, to, |[a, b, c, d]| {
        bytes_of(four(a), four(b), four(c), four(d))
    });
}

#[inline(never)]
fn one(blocks: &[Block<1>], row: &[i16], to: &mut [u8]) {
    let four = |Block {
                    at,
                    weights: [weights],
                }: &Block<1>| {
        let pairs: [u32; 4] = at.map(|at| cast(numbers_at::<2>(row, at)));
        made(cast(pairs), *weights)
    };
    let (groups, _) = blocks.as_chunks();
    each(groups, to, |[a, b, c, d]| {
        bytes_of(four(a), four(b), four(c), four(d))
    });
}

#[inline(never)]
fn two(blocks: &[Block<2>], row: &[i16], to: &mut [u8]) {
    let two = |a: u16, b: u16, weights: i16x8| {
        let both: u8x16 = cast([numbers_at::<4>(row, a), numbers_at::<4>(row, b)]);
        let pairs = shuffle!(both, both, 0 1 4 5 2 3 6 7 8 9 12 13 10 11 14 15);
        made(cast(pairs), weights)
    };
    let four = |Block {
                    at: [a, b, c, d],
                    weights: [p, q],
                }: &Block<2>| { (two(*a, *b, *p), two(*c, *d, *q)) };
    let (groups, _) = blocks.as_chunks();
    each(groups, to, |[first, second]| {
        let ((a, b), (c, d)) = (four(first), four(second));
        bytes_of(a, b, c, d)
    });
}

#[inline(never)]
fn three(blocks: &[Block<4>], row: impl Fn(u16) -> u8x16 + Copy, to: &mut [u8]) {
    each(
        blocks,
        to,
        |Block {
             at: [a, b, c, d],
             weights: [p, q, r, s],
         }| {
            let (a, b) = (made_of_three(row(*a), *p), made_of_three(row(*b), *q));
            let (c, d) = (made_of_three(row(*c), *r), made_of_three(row(*d), *s));
            let front = shuffle!(a, b, 0 4 8 16 20 24 0 0 0 0 0 0 0 0 0 0);
            let back = shuffle!(c, d, 0 0 0 0 0 0 0 4 8 16 20 24 0 0 0 0);
            start(shuffle!(front, back, 0 1 2 3 4 5 22 23 24 25 26 27 0 0 0 0))
        },
    );
}

#[inline(never)]
fn four(blocks: &[Block<4>], row: impl Fn(u16) -> u8x16 + Copy, to: &mut [u8]) {
    each(
        blocks,
        to,
        |Block {
             at: [a, b, c, d],
             weights: [p, q, r, s],
         }| {
            let (a, b) = (made_of_four(row(*a), *p), made_of_four(row(*b), *q));
            let (c, d) = (made_of_four(row(*c), *r), made_of_four(row(*d), *s));
            bytes_of(a, b, c, d)
        },
    );
}

/// The bytes of words, which are small enough.
#[inline]
fn bytes_of(a: u8x16, b: u8x16, c: u8x16, d: u8x16) -> [u8; 16] {
    let front = shuffle!(a, b, 0 4 8 12 16 20 24 28 0 0 0 0 0 0 0 0);
    let back = shuffle!(c, d, 0 0 0 0 0 0 0 0 0 4 8 12 16 20 24 28);
    shuffle!(front, back, 0 1 2 3 4 5 6 7 24 25 26 27 28 29 30 31).to_array()
}

/// Blocks to bytes; the last one may be cut.
#[inline]
fn each<B, const BYTES: usize>(blocks: &[B], to: &mut [u8], make: impl Fn(&B) -> [u8; BYTES]) {
    for (to, block) in to.chunks_mut(BYTES).zip(blocks) {
        let made = make(block);
        match to.first_chunk_mut() {
            Some(to) => *to = made,
            None => to.iter_mut().zip(made).for_each(|(to, byte)| *to = byte),
        }
    }
}

/// Numbers of a row; they are there for every tap.
#[inline]
fn numbers_at<const N: usize>(row: &[i16], at: u16) -> [i16; N] {
    let at = usize::from(at);
    let numbers = row.get(at..at + N).and_then(<[i16]>::first_chunk);
    numbers.copied().unwrap_or([0; N])
}

/// The sums of pairs by their weights: a byte in each word.
#[inline]
fn made(pairs: i16x8, weights: i16x8) -> u8x16 {
    let half = 1 << (ROW_BITS + COLUMN_BITS - 1);
    cast((pairs.dot(weights) + i32x4::splat(half)) >> (ROW_BITS + COLUMN_BITS))
}

/// A sample of three numbers out of it and the next one.
#[inline]
fn made_of_three(both: u8x16, weights: i16x8) -> u8x16 {
    let pairs = shuffle!(both, both, 0 1 6 7 2 3 8 9 4 5 10 11 12 13 14 15);
    made(cast(pairs), weights)
}

/// A sample of four numbers out of it and the next one.
#[inline]
fn made_of_four(both: u8x16, weights: i16x8) -> u8x16 {
    let pairs = shuffle!(both, both, 0 1 8 9 2 3 10 11 4 5 12 13 6 7 14 15);
    made(cast(pairs), weights)
}

#[inline]
fn start(vector: u8x16) -> [u8; 12] {
    vector.to_array().first_chunk().copied().unwrap_or([0; 12])
}
