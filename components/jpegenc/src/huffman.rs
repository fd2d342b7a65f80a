//! Levels as bits: [`Scan`], the entropy-coded part of a picture.
//!
//! # Source
//! ITU-T T.81, annexes C and F.1.2.

use millstream_sdk::shuffle;
use millstream_sdk::simd::u8x16;

use crate::dct::{Block, NONE, PLACES};
use crate::tables::{AC, Codes, DC};

/// The most bytes of a block: 64 codes of at most 27 bits are 216.
const BLOCK: usize = 255;
/// A number that bits are stored as.
const WORD: usize = size_of::<u64>();
/// How many bytes the room grows at a time, at least.
const GROWTH: usize = 64 * 1024;
/// Bytes to which zeros are added at a time.
const GROUP: usize = 16;
/// The symbol of nothing but zeros.
const END: usize = 0;
/// Up to 15 zeros and a byte.
const SMALL: usize = 16 * 256;
/// Stands for the code of a level that is too large for [`Tables::small`].
const LARGE: u32 = u32::MAX;
/// The bits of a code's entry that say how long it is.
const LENGTH: u32 = 31;

/// The codes of a luma or chroma component: bits, the first one highest, and in the lowest
/// five how many these are, those of the level included.
#[derive(Debug)]
pub(crate) struct Tables {
    /// By symbol, without the bits of the level.
    dc: [u32; 256],
    ac: [u32; 256],
    /// By the zeros before a level and the level itself, with its bits; [`LARGE`] for
    /// those that may have been larger.
    small: Vec<u32>,
}

impl Tables {
    /// Of luma and of chroma.
    pub(crate) fn all() -> [Self; 2] {
        let ([dc_luma, dc_chroma], [ac_luma, ac_chroma]) = (DC, AC);
        [(dc_luma, ac_luma), (dc_chroma, ac_chroma)].map(|(dc, ac)| {
            let ac = table(&ac);
            let small = |at: usize| match (at >> 8, at as u8) {
                (_, NONE) => 0,
                (_, 127 | 129) => LARGE,
                (zeros, level) => code(&ac, (zeros as u32) << 4, i32::from(level as i8)),
            };
            Self {
                dc: table(&dc),
                ac,
                small: (0..SMALL).map(small).collect(),
            }
        })
    }
}

fn table(codes: &Codes) -> [u32; 256] {
    let mut table = [0; 256];
    let mut symbols = codes.symbols.iter();
    let mut code = 0;
    for (length, count) in (1..).zip(codes.counts) {
        for symbol in symbols.by_ref().take(usize::from(count)) {
            if let Some(to) = table.get_mut(usize::from(*symbol)) {
                *to = code << (32 - length) | (length + u32::from(symbol & 15));
            }
            code += 1;
        }
        code <<= 1;
    }
    table
}

/// The scan of a picture that is being written, without the zeros that follow each byte
/// of 255. It lies backwards, its first byte last: so do a number's bytes in memory.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Longer than what is written, so that it grows seldom.
    bytes: Vec<u8>,
    /// Where in it what is written begins.
    at: usize,
    bits: Bits,
}

/// Bits that make no whole byte yet, and those of the present codes.
#[derive(Debug, Default, Clone, Copy)]
struct Bits {
    /// The first one is the highest.
    bits: u64,
    count: u32,
}

impl Scan {
    pub(crate) fn begin(&mut self) {
        (self.at, self.bits) = (self.bytes.len(), Bits::default());
    }

    /// Writes a block. `last` is the first level of the component's last one.
    #[inline(never)]
    pub(crate) fn block(&mut self, block: &Block, last: &mut i32, tables: &Tables) {
        if self.at < BLOCK + WORD {
            self.grow();
        }
        let written = self.bytes.get_mut(..self.at);
        let room = written.and_then(<[u8]>::last_chunk_mut);
        let (Some(room), Some(small)) = (room, tables.small.first_chunk::<SMALL>()) else {
            return;
        };
        let mut at = BLOCK;
        let mut bits = self.bits;
        bits.add(code(&tables.dc, 0, block.dc - *last));
        *last = block.dc;
        bits.store(room, &mut at);
        let mut left = with_zeros(block.non_zero | 1) & !1;
        let mut next = 1;
        while left != 0 {
            // Two at a time just fit; behind the last one comes one without bits.
            for _ in 0..2 {
                let place = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                let run = place.wrapping_sub(next);
                let level = block.small.get(place as usize).copied().unwrap_or(NONE);
                let symbol = (run & 15) << 8 | u32::from(level);
                let mut code = small.get(symbol as usize).copied().unwrap_or(0);
                if code == LARGE {
                    code = self::code(&tables.ac, run << 4, large(block, place));
                }
                next = place + 1;
                bits.add(code);
            }
            bits.store(room, &mut at);
        }
        if block.non_zero >> 63 == 0 {
            bits.add(entry(&tables.ac, END));
        }
        self.bits = bits;
        self.at -= BLOCK - at;
    }

    /// Ends the scan; gives its bytes, which [`Finished::write`] writes.
    pub(crate) fn end(&mut self) -> Finished<'_> {
        if self.at < WORD {
            self.grow();
        }
        // Bits of 1 fill the last byte.
        let Bits { bits, count } = self.bits;
        let bits = bits | u64::MAX >> count;
        let written = self.bytes.get_mut(..self.at);
        if let Some(to) = written.and_then(<[u8]>::last_chunk_mut) {
            *to = bits.to_le_bytes();
        }
        self.at -= count.div_ceil(8) as usize;
        let bytes = self.bytes.get(self.at..).unwrap_or_default();
        let full = full(bytes);
        Finished { bytes, full }
    }

    #[cold]
    fn grow(&mut self) {
        let length = self.bytes.len();
        let more = length / 2 + GROWTH;
        self.bytes.resize(length + more, 0);
        self.bytes.copy_within(self.at..length, self.at + more);
        self.at += more;
    }
}

impl Bits {
    /// Adds a code.
    #[inline]
    fn add(&mut self, code: u32) {
        self.bits |= u64::from(code & !LENGTH) << 32 >> self.count;
        self.count += code & LENGTH;
    }

    /// Stores whole bytes and goes on before them. All are stored, whole or not, so that
    /// there is no branch.
    #[inline]
    fn store(&mut self, room: &mut [u8; BLOCK + WORD], at: &mut usize) {
        let start = *at & BLOCK;
        if let Some(to) = room.get_mut(start..start + WORD) {
            to.copy_from_slice(&self.bits.to_le_bytes());
        }
        *at = at.wrapping_sub((self.count / 8) as usize);
        self.bits <<= self.count & !7;
        self.count %= 8;
    }
}

/// Adds the places of zeros that have a code: each sixteenth of them in a row that ends
/// with what is not 0.
#[inline]
fn with_zeros(places: u64) -> u64 {
    if after_zeros(places) == 0 {
        return places;
    }
    added(places)
}

/// The places that come after sixteen or more zeros.
#[inline]
fn after_zeros(places: u64) -> u64 {
    let mut near = places | places << 1;
    near |= near << 2;
    near |= near << 4;
    near |= near << 8;
    places & !(near << 1) & !1
}

#[cold]
#[inline(never)]
fn added(mut places: u64) -> u64 {
    loop {
        let after = after_zeros(places);
        if after == 0 {
            return places;
        }
        let before = places & (after & after.wrapping_neg()).wrapping_sub(1);
        places |= 1 << 16 << before.ilog2();
    }
}

/// A scan that is complete.
#[derive(Debug)]
pub(crate) struct Finished<'a> {
    /// The last one first.
    bytes: &'a [u8],
    /// How many of them are 255.
    full: usize,
}

impl Finished<'_> {
    /// Bytes that it takes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + self.full
    }

    /// Writes it, with a 0 after each 255.
    pub(crate) fn write(&self, to: &mut [u8]) {
        let (last, groups) = self.bytes.as_rchunks::<GROUP>();
        let mut at = 0;
        for group in groups.iter().rev() {
            let bytes = u8x16::new(*group);
            let is_plain = !bytes.simd_eq(u8x16::splat(255)).any();
            let bytes = reversed(bytes).to_array();
            match to.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                Some(chunk) if is_plain => {
                    *chunk = bytes;
                    at += GROUP;
                }
                _ => at = stuffed(&bytes, to, at),
            }
        }
        for byte in last.iter().rev() {
            at = stuffed(&[*byte], to, at);
        }
    }
}

/// How many bytes are 255.
fn full(bytes: &[u8]) -> usize {
    let (groups, last) = bytes.as_chunks::<GROUP>();
    let groups = groups.iter().map(|group| {
        let full = u8x16::new(*group).simd_eq(u8x16::splat(255));
        full.to_bitmask().count_ones() as usize
    });
    groups.sum::<usize>()
        + last
            .iter()
            .map(|byte| usize::from(*byte == 255))
            .sum::<usize>()
}

fn reversed(bytes: u8x16) -> u8x16 {
    shuffle!(bytes, bytes, 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0)
}

/// Writes bytes with a 0 after each 255; gives where they end.
fn stuffed(bytes: &[u8], to: &mut [u8], mut at: usize) -> usize {
    for byte in bytes {
        if let Some(to) = to.get_mut(at) {
            *to = *byte;
        }
        at += 1;
        if *byte == 255 {
            if let Some(to) = to.get_mut(at) {
                *to = 0;
            }
            at += 1;
        }
    }
    at
}

/// The code of a level and the bits behind it; `run` are the upper bits of its symbol.
#[inline]
fn code(table: &[u32; 256], run: u32, level: i32) -> u32 {
    let size = 32 - level.unsigned_abs().leading_zeros();
    // Of a negative one the bits of it less 1.
    let bits = level + (level >> 31 & ((1 << (size & 31)) - 1));
    let code = entry(table, (run | size) as usize);
    code | (bits as u32) << ((code & LENGTH).wrapping_neg() & 31)
}

/// A level that is too large for [`Tables::small`].
#[inline]
fn large(block: &Block, place: u32) -> i32 {
    // Both indices are in their arrays; the compiler knows, and checks nothing.
    let place = PLACES.get((place & 63) as usize).copied().unwrap_or(0);
    let level = block.levels.get(usize::from(place & 63));
    i32::from(level.copied().unwrap_or(0))
}

/// An entry of a table that has one for each byte.
#[inline]
fn entry(table: &[u32; 256], symbol: usize) -> u32 {
    table.get(symbol & 255).copied().unwrap_or(0)
}
