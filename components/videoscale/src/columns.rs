//! [`Columns`]: a row that leaves out of two that entered, four samples at a time.
//!
//! A row's last samples are made in a whole block too, of which the rest is cut away.

use millstream_sdk::shuffle;
use millstream_sdk::simd::{
    cast, high, i16x8, i32x4, low, narrowed, odd, packed, u8x16, u16x8, zip_pairs,
};

use crate::plane::Tap;

/// Bits after the point in a row that is made of two.
const ROW_BITS: u32 = 7;
/// Bits after the point in the weights of columns.
const COLUMN_BITS: u32 = 14;
/// Numbers from the first of a block's on in which its samples can be: one check is
/// enough for all of them. Offsets have 8 bits, and 16 bytes or numbers are read there.
const WINDOW: usize = 256 + 16;

/// Puts the numbers of a sample and of the next one in turn; what is zeroed has no
/// weight.
const OF_THREE: [u8; 16] = [0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11, 255, 255, 255, 255];
const OF_FOUR: [u8; 16] = [0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15];

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
    Closest(Vec<CloseBlock<1>>),
    Close(Vec<CloseBlock<2>>),
    One(Vec<Block<1>>),
    Two(Vec<Block<2>>),
    Three(Vec<Block<4>>),
    Four(Vec<Block<4>>),
    /// Few columns of many: each place is made of both rows by itself.
    FewThree(Few),
    FewFour(Few),
}

/// Blocks: first those whose samples are in a window, then the others.
#[derive(Debug)]
struct Few {
    near: Vec<Block<4>>,
    far: Vec<Block<4>>,
}

impl Few {
    /// For rows of so many numbers.
    fn new(mut near: Vec<Block<4>>, numbers: usize) -> Self {
        let count = near.iter().take_while(|block| block.is_near(numbers));
        let far = near.split_off(count.count());
        Self { near, far }
    }

    /// `order` puts numbers of a sample and of the next one in turn.
    fn make(&self, rows: &Rows<'_>, order: [u8; 16], to: &mut [u8]) {
        let place = to.len().min(self.near.len() * 16);
        let (to, rest) = to.split_at_mut_checked(place).unwrap_or_default();
        of_rows(&self.near, rows, order, to);
        of_far_places(&self.far, rows, order, rest);
    }
}

/// Four samples: where their first numbers are (which 16 bits hold: rows have at most
/// 65,536), and the weights of these and of the
/// next samples' numbers in turn.
#[derive(Debug, Clone, Copy)]
struct Block<const VECTORS: usize> {
    at: [u16; 4],
    /// Where a window with all of them begins, if there is one.
    base: u16,
    /// Where they are in the window.
    offsets: [u8; 4],
    weights: [i16x8; VECTORS],
}

impl<const VECTORS: usize> Block<VECTORS> {
    /// For a row of so many numbers.
    fn new(at: [u16; 4], weights: [i16x8; VECTORS], numbers: usize) -> Self {
        let [first, ..] = at;
        // The last windows end with the row.
        let last = u16::try_from(numbers.saturating_sub(WINDOW)).unwrap_or(u16::MAX);
        let base = first.min(last);
        Self {
            at,
            base,
            offsets: at.map(|at| at.saturating_sub(base).min(255) as u8),
            weights,
        }
    }

    /// Whether its samples are in a window of a row of so many numbers.
    fn is_near(&self, numbers: usize) -> bool {
        let offset = |at: u16| at.checked_sub(self.base).is_some_and(|offset| offset < 256);
        usize::from(self.base) + WINDOW <= numbers && self.at.into_iter().all(offset)
    }
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
        Self::of_kind(Kind::Same, width, sample, 0)
    }

    /// For rows of `width` samples of so many numbers.
    pub(crate) fn new(taps: &[Tap], width: usize, sample: usize) -> Self {
        let few = taps.len() * 2 <= width;
        // Behind a row of sums there is room for a window.
        let (own, sums) = (width * sample, width * sample + WINDOW);
        let four = |numbers| table::<4>(taps, sample, numbers);
        let kind = match (sample, few) {
            (1, _) => of_one(table(taps, sample, sums)),
            (2, _) => Kind::Two(table(taps, sample, sums)),
            (3, false) => Kind::Three(four(sums)),
            (_, false) => Kind::Four(four(sums)),
            (3, true) => Kind::FewThree(Few::new(four(own), own)),
            (_, true) => Kind::FewFour(Few::new(four(own), own)),
        };
        let wide = if sample == 3 { taps.len() * 4 } else { 0 };
        Self::of_kind(kind, width, sample, wide)
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
            Kind::Closest(blocks) => close(blocks, raised(&rows, &mut self.row, self.sample), to),
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
            Kind::FewThree(few) => {
                few.make(&rows, OF_THREE, &mut self.wide);
                narrow(&self.wide, to);
            }
            Kind::FewFour(few) => few.make(&rows, OF_FOUR, to),
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

    /// Both rows cut to the shorter one's length: one check is enough for both.
    #[inline]
    fn of_one_length(&self) -> Self {
        let near = self.near.get(..self.far.len()).unwrap_or(self.near);
        let far = self.far.get(..near.len()).unwrap_or_default();
        Self { near, far, ..*self }
    }

    /// Eight sums from a place on, with [`ROW_BITS`] after the point; zeros behind the
    /// rows.
    fn at(&self, at: u16) -> u8x16 {
        let from = |row: &[u8]| padded(row.get(usize::from(at)..).unwrap_or_default());
        self.eight(u8x16::new(from(self.near)), u8x16::new(from(self.far)))
    }

    #[inline]
    fn eight(&self, near: u8x16, far: u8x16) -> u8x16 {
        cast(self.sum(low(near), low(far)) >> 1_u32)
    }
}

/// `VECTORS` of eight weights make four samples; rows have so many numbers.
fn table<const VECTORS: usize>(taps: &[Tap], sample: usize, numbers: usize) -> Vec<Block<VECTORS>> {
    let one = 1 << COLUMN_BITS;
    let weights = |tap: &Tap| {
        let far = i16::try_from(u32::from(tap.weight) * (one / u32::from(Tap::ONE)));
        let far = far.unwrap_or_default();
        [one as i16 - far, far]
    };
    let block = |taps: &[Tap]| {
        // A cut block goes on with its last sample.
        let tap = |i: usize| taps.get(i).or(taps.last());
        let vector = |n: usize| {
            let number = |place: usize| {
                let pair = tap((8 * n + place) * 4 / (8 * VECTORS)).map(weights);
                pair.unwrap_or_default()
                    .into_iter()
                    .nth(place % 2)
                    .unwrap_or(0)
            };
            i16x8::new(core::array::from_fn(number))
        };
        let at = core::array::from_fn(|i| tap(i).map_or(0, |tap| tap.near * sample) as u16);
        Block::new(at, core::array::from_fn(vector), numbers)
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

#[inline(never)]
fn close<const LOADS: usize>(blocks: &[CloseBlock<LOADS>], row: &[i16], to: &mut [u8]) {
    let four = |block: &CloseBlock<LOADS>| {
        let mut pairs = u8x16::ZERO;
        for (at, places) in block.at.into_iter().zip(block.places) {
            let eight: u8x16 = cast(*numbers_at::<8>(row, at));
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
    let four = |Block { at, weights, .. }: &Block<1>| {
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

/// Samples of three or four numbers, as four bytes each, out of a row.
#[inline(never)]
fn of_row<const SAMPLE: usize>(blocks: &[Block<4>], row: &[i16], to: &mut [u8]) {
    each(blocks, to, |block| {
        let window = window(row, block.base).unwrap_or(&[0; WINDOW]);
        let pairs = block.offsets.map(|at| {
            let at = usize::from(at);
            let [samples, next] = [at, at + SAMPLE].map(|at| cast(taken::<_, 8>(window, at)));
            let [pairs, _] = zip_pairs(samples, next);
            pairs
        });
        four_of(pairs, block.weights)
    });
}

/// The same out of two rows.
#[inline(never)]
fn of_rows(blocks: &[Block<4>], rows: &Rows<'_>, order: [u8; 16], to: &mut [u8]) {
    let (rows, order) = (rows.of_one_length(), u8x16::new(order));
    each(blocks, to, |block| {
        let windows = [rows.near, rows.far];
        let windows = windows.map(|row| window(row, block.base).unwrap_or(&[0; WINDOW]));
        let pairs = block.offsets.map(|at| {
            let [near, far] = windows.map(|window| u8x16::new(taken(window, at.into())));
            rows.eight(near, far).shuffle_zeroing(order)
        });
        four_of(pairs, block.weights)
    });
}

/// The same where samples are not in windows.
#[inline(never)]
fn of_far_places(blocks: &[Block<4>], rows: &Rows<'_>, order: [u8; 16], to: &mut [u8]) {
    each_to_the_end(blocks, to, |block| {
        let order = u8x16::new(order);
        let pairs = block.at.map(|at| rows.at(at).shuffle_zeroing(order));
        four_of(pairs, block.weights)
    });
}

/// Samples of four bytes to samples of three.
#[inline(never)]
fn narrow(from: &[u8], to: &mut [u8]) {
    let (whole, last) = to.as_chunks_mut::<48>();
    let rest = from.get(whole.len() * 64..).unwrap_or_default();
    for (to, from) in whole.iter_mut().zip(from.as_chunks::<64>().0) {
        let [a, b, c, d]: [u8x16; 4] = cast(*from);
        *to = cast([
            shuffle!(a, b, 0 1 2 4 5 6 8 9 10 12 13 14 16 17 18 20),
            shuffle!(b, c, 5 6 8 9 10 12 13 14 16 17 18 20 21 22 24 25),
            shuffle!(c, d, 10 12 13 14 16 17 18 20 21 22 24 25 26 28 29 30),
        ]);
    }
    let last = last.as_chunks_mut::<3>().0.iter_mut();
    for (to, [a, b, c, _]) in last.zip(rest.as_chunks().0) {
        *to = [*a, *b, *c];
    }
}

/// Four samples of four bytes.
#[inline]
fn four_of([a, b, c, d]: [u8x16; 4], [p, q, r, s]: [i16x8; 4]) -> [u8; 16] {
    let (a, b) = (made(cast(a), p), made(cast(b), q));
    let (c, d) = (made(cast(c), r), made(cast(d), s));
    bytes_of(a, b, c, d)
}

/// The bytes of what [`made`] gives.
#[inline]
fn bytes_of(a: i32x4, b: i32x4, c: i32x4, d: i32x4) -> [u8; 16] {
    let whole = |sums: i16x8| (sums.cast_unsigned() >> ROW_BITS).cast_signed();
    packed(whole(narrowed(a, b)), whole(narrowed(c, d))).to_array()
}

/// Blocks to bytes, of which the last ones may be cut.
#[inline]
fn each<B, const BYTES: usize>(blocks: &[B], to: &mut [u8], make: impl Fn(&B) -> [u8; BYTES]) {
    let (whole, last) = to.as_chunks_mut();
    for (to, block) in whole.iter_mut().zip(blocks) {
        *to = make(block);
    }
    each_to_the_end(blocks.get(whole.len()..).unwrap_or_default(), last, make);
}

/// A function of its own: around calls, which this makes, no vector stays in a register.
#[inline(never)]
fn each_to_the_end<B, const BYTES: usize>(
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

/// Numbers from a place on in which a block's are.
#[inline]
fn window<T>(row: &[T], base: u16) -> Option<&[T; WINDOW]> {
    let base = usize::from(base);
    row.get(base..base + WINDOW)?.first_chunk()
}

/// Some of a window's; the compiler sees that they are there.
#[inline]
fn taken<T: Copy + Default, const N: usize>(window: &[T; WINDOW], at: usize) -> [T; N] {
    let taken = window.get(at..at + N).and_then(<[T]>::first_chunk);
    taken.copied().unwrap_or([T::default(); N])
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
fn made(pairs: i16x8, weights: i16x8) -> i32x4 {
    let half = 1 << (ROW_BITS + COLUMN_BITS - 1);
    (pairs.dot(weights) + i32x4::splat(half)) >> COLUMN_BITS
}
