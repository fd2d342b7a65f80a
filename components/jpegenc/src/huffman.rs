//! Levels as bits: [`Scan`], the entropy-coded part of a picture.
//!
//! # Source
//! ITU-T T.81, annexes C and F.1.2.

use crate::dct::{Block, PLACES};
use crate::tables::{AC, Codes, DC};

/// Bytes for which there is room before a block is written: 64 codes of at most 27
/// bits, what was left over, and a stuffed byte after each.
const BLOCK_ROOM: usize = 512;
/// How much the room grows at a time, at least.
const GROWTH: usize = 64 * 1024;
/// The symbol of sixteen zeros.
const ZEROS: usize = 0xf0;
/// The symbol of nothing but zeros.
const END: usize = 0;

/// The codes of a luma or chroma component: `code << 8 | bits` for each symbol, where
/// the bits are those of the code and of the level behind it.
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
            table[symbol] = code << 8 | (length + (symbol & 15)) as u32;
            (code, at, left) = (code + 1, at + 1, left - 1);
        }
        (code, length) = (code << 1, length + 1);
    }
    table
}

/// The bytes of a picture that is being written.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Longer than what is written, so that it grows seldom.
    bytes: Vec<u8>,
    /// Bytes written.
    at: usize,
    bits: Bits,
}

/// Bits that are no whole word yet: the lowest ones of `bits`.
#[derive(Debug, Default, Clone, Copy)]
struct Bits {
    bits: u64,
    count: u32,
}

impl Scan {
    /// Begins a picture with what stands before its scan.
    pub(crate) fn begin(&mut self, header: &[u8]) {
        (self.at, self.bits) = (0, Bits::default());
        self.raw(header);
    }

    /// Writes a block. `last` is the first level of the component's last one.
    #[inline]
    pub(crate) fn block(&mut self, block: &Block, last: &mut i32, tables: &Tables) {
        let Some(room) = self.room() else {
            return;
        };
        let (mut at, mut bits) = (0, *room.bits);
        let difference = block.dc - *last;
        *last = block.dc;
        let (size, value) = sized(difference);
        let entry = at_most(&tables.dc, size as usize);
        bits.put(entry, size, value, room.bytes, &mut at);
        let mut left = block.non_zero & !1;
        let mut before = 0;
        while left != 0 {
            let place = left.trailing_zeros();
            left &= left - 1;
            let mut run = place - before - 1;
            before = place;
            while run > 15 {
                bits.put(at_most(&tables.ac, ZEROS), 0, 0, room.bytes, &mut at);
                run -= 16;
            }
            let level = level(block, place);
            let (size, value) = sized(level);
            let entry = at_most(&tables.ac, (run << 4 | size) as usize);
            bits.put(entry, size, value, room.bytes, &mut at);
        }
        if before != 63 {
            bits.put(at_most(&tables.ac, END), 0, 0, room.bytes, &mut at);
        }
        *room.bits = bits;
        self.at += at;
    }

    /// Ends the scan and the picture; gives all of it.
    pub(crate) fn end(&mut self) -> &[u8] {
        // Up to seven bits of 1 fill the last byte.
        let Bits { bits, count } = self.bits;
        let fill = count.next_multiple_of(8) - count;
        let (bits, count) = (bits << fill | ((1 << fill) - 1), count + fill);
        self.bits = Bits::default();
        for byte in (0..count / 8).rev() {
            let byte = (bits >> (byte * 8)) as u8;
            self.raw(&[byte]);
            if byte == 0xff {
                self.raw(&[0]);
            }
        }
        self.raw(&[0xff, 0xd9]);
        self.bytes.get(..self.at).unwrap_or_default()
    }

    fn raw(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if end > self.bytes.len() {
            self.bytes.resize(end + GROWTH, 0);
        }
        if let Some(to) = self.bytes.get_mut(self.at..end) {
            to.copy_from_slice(bytes);
        }
        self.at = end;
    }

    /// Where a block is written. There is always room.
    #[inline]
    fn room(&mut self) -> Option<Room<'_>> {
        if self.bytes.len() - self.at < BLOCK_ROOM {
            self.grow();
        }
        let bytes = self.bytes.get_mut(self.at..)?.first_chunk_mut()?;
        Some(Room {
            bytes,
            bits: &mut self.bits,
        })
    }

    #[cold]
    fn grow(&mut self) {
        self.bytes.resize(self.bytes.len() * 3 / 2 + GROWTH, 0);
    }
}

struct Room<'a> {
    bytes: &'a mut [u8; BLOCK_ROOM],
    bits: &'a mut Bits,
}

impl Bits {
    /// Adds a code and the `size` bits of `value`.
    #[inline]
    fn put(
        &mut self,
        entry: u32,
        size: u32,
        value: u32,
        bytes: &mut [u8; BLOCK_ROOM],
        at: &mut usize,
    ) {
        let code = u64::from(entry >> 8) << size | u64::from(value);
        let length = entry & 255;
        self.bits = self.bits << length | code;
        self.count += length;
        if self.count >= 32 {
            self.count -= 32;
            let word = (self.bits >> self.count) as u32;
            // Whether a byte is 255: then one of the inverted word is 0.
            if (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 != 0 {
                *at = stuffed(word, bytes, *at);
            } else {
                write(word.to_be_bytes(), bytes, *at);
                *at += 4;
            }
        }
    }
}

#[inline]
fn write(word: [u8; 4], bytes: &mut [u8; BLOCK_ROOM], at: usize) {
    if let Some(to) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *to = word;
    }
}

/// Writes bytes with a 0 after each 255; gives where they end.
#[cold]
fn stuffed(word: u32, bytes: &mut [u8; BLOCK_ROOM], mut at: usize) -> usize {
    for byte in word.to_be_bytes() {
        if let Some(to) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *to = [byte, 0];
        }
        at += 1 + usize::from(byte == 0xff);
    }
    at
}

/// How many bits a level has, and the bits: of a negative one those of it less 1.
#[inline]
fn sized(level: i32) -> (u32, u32) {
    let sign = level >> 31;
    let size = 32 - level.unsigned_abs().leading_zeros();
    let mask = (1_u32 << (size & 31)) - 1;
    (size, (level + sign) as u32 & mask)
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
fn at_most(table: &[u32; 256], index: usize) -> u32 {
    table.get(index & 255).copied().unwrap_or(0)
}
