//! Levels as bits: [`Scan`], the entropy-coded part of a picture.
//!
//! # Source
//! ITU-T T.81, annexes C and F.1.2.

use millstream_sdk::shuffle;
use millstream_sdk::simd::{cast, u8x16};

use crate::dct::{Block, PLACES};
use crate::tables::{AC, Codes, DC};

/// Words for which there is room before a block is written: 64 codes of at most 27 bits
/// are 54.
const BLOCK_ROOM: usize = 64;
/// The most codes of a block are 64, and some for many zeros.
const BLOCK_CODES: usize = 128;
/// How many words the room grows at a time, at least.
const GROWTH: usize = 16 * 1024;
/// Words to which zeros are added at a time.
const GROUP: usize = 4;
/// The symbol of sixteen zeros.
const ZEROS: usize = 0xf0;
/// The symbol of nothing but zeros.
const END: usize = 0;

/// The codes of a luma or chroma component, for each symbol: the bits of the code and
/// of the level behind it, and five bits that say how many these are.
#[derive(Debug)]
pub(crate) struct Tables {
    dc: [u32; 256],
    ac: [u32; 256],
}

impl Tables {
    /// Of luma and of chroma.
    pub(crate) const ALL: [Self; 2] = {
        let ([dc_luma, dc_chroma], [ac_luma, ac_chroma]) = (DC, AC);
        [
            Self {
                dc: table(&dc_luma),
                ac: table(&ac_luma),
            },
            Self {
                dc: table(&dc_chroma),
                ac: table(&ac_chroma),
            },
        ]
    };
}

#[allow(
    clippy::indexing_slicing,
    reason = "only at compile time, where a wrong index is an error"
)]
const fn table(codes: &Codes) -> [u32; 256] {
    let mut table = [0; 256];
    let (mut code, mut at, mut length) = (0, 0, 1);
    while length <= 16 {
        let mut left = codes.counts[length - 1];
        while left > 0 {
            let symbol = codes.symbols[at] as usize;
            let size = symbol & 15;
            table[symbol] = code << size << 5 | (length + size) as u32;
            (code, at, left) = (code + 1, at + 1, left - 1);
        }
        (code, length) = (code << 1, length + 1);
    }
    table
}

/// The scan of a picture that is being written: bits in words, without the zeros that
/// follow each byte of 255.
///
/// The codes of a block are looked up first and put together then: the first loop has
/// nothing that waits for the code before, and the second one little.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Longer than what is written, so that it grows seldom.
    words: Vec<u32>,
    /// Words written.
    at: usize,
    bits: Bits,
    /// Of the present block.
    codes: [u32; BLOCK_CODES],
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            words: Vec::new(),
            at: 0,
            bits: Bits::default(),
            codes: [0; BLOCK_CODES],
        }
    }
}

/// The lowest bits are in no whole word yet.
#[derive(Debug, Default, Clone, Copy)]
struct Bits {
    bits: u64,
    /// Up to 31.
    count: u32,
}

impl Scan {
    pub(crate) fn begin(&mut self) {
        (self.at, self.bits) = (0, Bits::default());
    }

    /// Writes a block. `last` is the first level of the component's last one.
    #[inline]
    pub(crate) fn block(&mut self, block: &Block, last: &mut i32, tables: &Tables) {
        if self.words.len() - self.at < BLOCK_ROOM {
            self.grow();
        }
        let room = self.words.get_mut(self.at..);
        let Some(room) = room.and_then(<[u32]>::first_chunk_mut) else {
            return;
        };
        let codes = &mut self.codes;
        let mut count = 0;
        let mut add = |code: u32| {
            if let Some(to) = codes.get_mut(count % BLOCK_CODES) {
                *to = code;
            }
            count += 1;
        };
        add(code(&tables.dc, 0, block.dc - *last));
        *last = block.dc;
        let mut left = block.non_zero & !1;
        let mut next = 1;
        while left != 0 {
            let place = left.trailing_zeros();
            left &= left - 1;
            let mut run = place - next;
            next = place + 1;
            while run > 15 {
                add(entry(&tables.ac, ZEROS));
                run -= 16;
            }
            add(code(&tables.ac, run << 4, level(block, place)));
        }
        if next != 64 {
            add(entry(&tables.ac, END));
        }
        let codes = codes.get(..count).unwrap_or_default();
        self.at += self.bits.put(codes, room);
    }

    /// Ends the scan; gives its bytes, which [`Finished::write`] writes.
    pub(crate) fn end(&mut self) -> Finished<'_> {
        if self.words.len() - self.at < BLOCK_ROOM {
            self.grow();
        }
        // Bits of 1 fill the last byte, zeros the word.
        let Bits { bits, count } = self.bits;
        let fill = count.next_multiple_of(8) - count;
        let bits = bits << fill | ((1 << fill) - 1);
        if let Some(word) = self.words.get_mut(self.at) {
            *word = (bits << 32 >> (count + fill)) as u32;
        }
        let length = self.at * 4 + count.div_ceil(8) as usize;
        let words = self.words.get(..length.div_ceil(4)).unwrap_or_default();
        let full = full(words);
        Finished {
            words,
            length,
            full,
        }
    }

    #[cold]
    fn grow(&mut self) {
        self.words.resize(self.words.len() * 3 / 2 + GROWTH, 0);
    }
}

impl Bits {
    /// Adds codes; gives how many words are full now. Each code writes the present word,
    /// full or not, so that there is no branch.
    #[inline]
    fn put(&mut self, codes: &[u32], words: &mut [u32; BLOCK_ROOM]) -> usize {
        let Self { mut bits, count } = *self;
        // Bits of the words, those of the first one included that were there before.
        let mut at = count;
        for code in codes {
            let length = code & 31;
            bits = bits << length | u64::from(code >> 5);
            let word = bits.wrapping_shl((at % 32 + length).wrapping_neg()) >> 32;
            if let Some(to) = words.get_mut((at / 32) as usize % BLOCK_ROOM) {
                *to = word as u32;
            }
            at += length;
        }
        *self = Self {
            bits,
            count: at % 32,
        };
        (at / 32) as usize
    }
}

/// A scan that is complete.
#[derive(Debug)]
pub(crate) struct Finished<'a> {
    words: &'a [u32],
    length: usize,
    /// How many bytes are 255.
    full: usize,
}

impl Finished<'_> {
    /// Bytes that it takes.
    pub(crate) fn len(&self) -> usize {
        self.length + self.full
    }

    /// Writes it, with a 0 after each 255.
    pub(crate) fn write(&self, to: &mut [u8]) {
        let (groups, last) = self.words.as_chunks::<GROUP>();
        let mut at = 0;
        for group in groups {
            let bytes = big_endian(cast(*group));
            let is_plain = !bytes.simd_eq(u8x16::splat(255)).any();
            match to.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                Some(chunk) if is_plain => {
                    *chunk = bytes.to_array();
                    at += 16;
                }
                _ => at = stuffed(&bytes.to_array(), to, at),
            }
        }
        let ends = last.iter().flat_map(|word| word.to_be_bytes());
        for byte in ends.take(self.length.saturating_sub(groups.len() * GROUP * 4)) {
            at = stuffed(&[byte], to, at);
        }
    }
}

/// How many bytes are 255.
fn full(words: &[u32]) -> usize {
    let (groups, last) = words.as_chunks::<GROUP>();
    let groups = groups.iter().map(|group| {
        let bytes: u8x16 = cast(*group);
        bytes.simd_eq(u8x16::splat(255)).to_bitmask().count_ones()
    });
    let last = last.iter().flat_map(|word| word.to_be_bytes());
    groups.sum::<u32>() as usize + last.filter(|byte| *byte == 255).count()
}

fn big_endian(words: u8x16) -> u8x16 {
    if cfg!(target_endian = "big") {
        return words;
    }
    shuffle!(words, words, 3 2 1 0 7 6 5 4 11 10 9 8 15 14 13 12)
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
    entry(table, (run | size) as usize) + ((bits as u32) << 5)
}

#[inline]
fn level(block: &Block, place: u32) -> i32 {
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
