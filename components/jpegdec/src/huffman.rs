//! Bits to levels: [`Table`], the codes of one kind, and [`Bits`], what is read.
//!
//! # Source
//! ITU-T T.81, annex C (codes), F.2.2 (levels). The refill without a branch is variant 4
//! of F. Giesen, "Reading bits in far too many ways (part 2)", 2018.

use crate::idct::PLACES;

/// Bits that are looked up at once: most codes with the bits of the level behind them.
const FAST_BITS: u32 = 10;
const FAST: usize = 1 << FAST_BITS;
/// Bits that are there after a refill: whole bytes, and up to seven more.
const REFILLED: u32 = 0b11_1000;
/// Codes that are looked up between refills.
const TURNS: usize = 4;
/// In an entry: the level's bits were not looked up, or not even the code was.
const PARTIAL: u32 = 32;
/// What the last code of a block adds to the place in it, and what a wrong one adds.
const END: u32 = 128;
const WRONG: u32 = 64;

/// The place of a coefficient, for the number of those up to it. What is too much comes
/// to the last place, which then holds nothing yet.
#[allow(
    clippy::indexing_slicing,
    reason = "only at compile time, where a wrong index is an error"
)]
const PLACES_UP_TO: [u8; 256] = {
    let mut places = [63; 256];
    let mut count = 1;
    while count <= 64 {
        places[count] = PLACES[count - 1];
        count += 1;
    }
    places
};

/// The codes of first coefficients or of the others.
///
/// An entry: bits that it takes (5 bits), [`PARTIAL`], coefficients up to and with this
/// one (from bit 8), the level, or the count of its bits if they are not looked up (from
/// bit 16).
#[derive(Debug)]
pub(crate) struct Table {
    fast: [u32; FAST],
    /// For each length the first code that is longer, at the top of 16 bits.
    limits: [u32; 17],
    /// For each length what is added to a code to have its symbol's number.
    offsets: [i32; 17],
    symbols: [u8; 256],
    is_dc: bool,
}

impl Table {
    /// None if these are no codes.
    pub(crate) fn new(counts: &[u8; 16], symbols: &[u8], is_dc: bool) -> Option<Self> {
        let mut table = Self {
            fast: [PARTIAL; FAST],
            limits: [0; 17],
            offsets: [0; 17],
            symbols: [0; 256],
            is_dc,
        };
        table
            .symbols
            .get_mut(..symbols.len())?
            .copy_from_slice(symbols);
        if is_dc && symbols.iter().any(|size| *size > 15) {
            return None;
        }
        let (mut code, mut at) = (0_u32, 0_u32);
        for (length, count) in (1..).zip(counts) {
            let count = u32::from(*count);
            if code + count > 1 << length {
                return None;
            }
            for (n, symbol) in (code..code + count).zip(symbols.get(at as usize..)?) {
                table.enter(n, length, *symbol);
            }
            *table.offsets.get_mut(length as usize)? = at as i32 - code as i32;
            (code, at) = (code + count, at + count);
            *table.limits.get_mut(length as usize)? = code << (16 - length);
            code <<= 1;
        }
        Some(table)
    }

    /// Writes the entries of a code that is short enough.
    fn enter(&mut self, code: u32, length: u32, symbol: u8) {
        let Some(free) = FAST_BITS.checked_sub(length) else {
            return;
        };
        let entry = self.entry(symbol, length);
        let size = entry >> 16;
        let from = (code << free) as usize;
        let entries = self
            .fast
            .get_mut(from..from + (1 << free))
            .unwrap_or_default();
        for (n, to) in (0..).zip(entries) {
            *to = match free.checked_sub(size) {
                Some(left) => {
                    let level = level(n >> left, size);
                    level << 16 | entry & 0xff00 | (length + size)
                }
                None => entry,
            };
        }
    }

    /// An entry with the count of the level's bits.
    fn entry(&self, symbol: u8, length: u32) -> u32 {
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        let step = if size == 0 && run != 15 && !self.is_dc {
            END
        } else {
            run + 1
        };
        size << 16 | step << 8 | PARTIAL | length
    }

    /// What is not looked up at once: a long code, or many bits of a level. Gives the bits
    /// that both take, times 2³², and an entry: one number, which stays in a register.
    #[inline(never)]
    fn long(&self, next: u64, entry: u32) -> u64 {
        let entry = if entry == PARTIAL {
            self.search(next >> 48).unwrap_or(WRONG << 8)
        } else {
            entry
        };
        let (length, size) = (entry & 31, entry >> 16);
        let level = level(top(next << length, size) as u32, size);
        u64::from(length + size) << 32 | u64::from(level << 16 | entry & 0xff00)
    }

    /// The entry of the code at the top of 16 bits.
    fn search(&self, code: u64) -> Option<u32> {
        let code = code as u32;
        let mut lengths = (1..).zip(self.limits.iter().skip(1));
        let (length, _) = lengths.find(|(_, limit)| code < **limit)?;
        let offset = self.offsets.get(length as usize)?;
        let at = (code >> (16 - length)) as i32 + offset;
        let symbol = self.symbols.get(usize::try_from(at).ok()?)?;
        Some(self.entry(*symbol, length))
    }
}

/// So many of the first bits.
#[inline]
fn top(bits: u64, count: u32) -> u64 {
    // Twice, as nothing may be shifted by 64.
    bits >> 1 >> (63 - count)
}

/// A level of `size` bits: those of negative ones begin with 0.
#[inline]
fn level(bits: u32, size: u32) -> u32 {
    let is_negative = bits << 1 >> size == 0;
    bits.wrapping_sub(u32::from(is_negative) * ((1 << size) - 1))
}

/// The bits of a scan, the zeros behind bytes of 255 taken out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    /// The byte of which no bit has been taken into `next`.
    at: usize,
    /// The next ones, at the top.
    next: u64,
    /// How many of them count.
    count: u32,
    is_bad: bool,
}

impl<'a> Bits<'a> {
    /// Bytes behind the last one that must be there.
    pub(crate) const PADDING: usize = 8;

    /// `bytes` with padding.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            next: 0,
            count: 0,
            is_bad: false,
        }
    }

    /// Whether there was no wrong code, and no bit of the padding taken.
    pub(crate) fn is_sound(&self) -> bool {
        let end = (self.bytes.len() - Self::PADDING) * 8;
        !self.is_bad && self.at * 8 <= end + self.count as usize
    }

    /// Takes as many whole bytes as there is room for: there are 56 bits then. Behind
    /// the end they are 0.
    #[inline]
    fn refill(&mut self) {
        let bytes = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk);
        let next = bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes));
        self.next |= next >> self.count;
        self.at += (63 - self.count as usize) / 8;
        self.count |= REFILLED;
    }

    #[inline]
    fn skip(&mut self, count: u32) {
        self.next <<= count;
        self.count -= count;
    }

    /// Reads a block of levels into one of zeros; gives the number of the last one that
    /// may be another number. `last` is the first level of the component's last block.
    #[inline]
    pub(crate) fn block(
        &mut self,
        [dc, ac]: [&Table; 2],
        last: &mut i16,
        block: &mut [i16; 64],
    ) -> u8 {
        self.refill();
        let entry = self.entry(dc);
        *last = last.wrapping_add((entry >> 16) as i16);
        if let Some(first) = block.first_mut() {
            *first = *last;
        }
        // Coefficients up to here: one.
        let mut count = entry >> 8 & 255;
        'block: loop {
            for _ in 0..TURNS {
                let entry = self.entry(ac);
                count += entry >> 8 & 255;
                let place = PLACES_UP_TO.get(count as usize & 255);
                let place = usize::from(place.copied().unwrap_or_default()) & 63;
                if let Some(to) = block.get_mut(place) {
                    *to = (entry >> 16) as i16;
                }
                if count >= 64 {
                    break 'block;
                }
            }
            self.refill();
        }
        let is_end = count > END && count < END + WRONG;
        self.is_bad |= count != 64 && !is_end;
        if is_end { (count - END - 1) as u8 } else { 63 }
    }

    /// The next entry, its bits taken. After a refill this goes [`TURNS`] times, and once
    /// before.
    #[inline]
    fn entry(&mut self, table: &Table) -> u32 {
        let at = (self.next >> (64 - FAST_BITS)) as usize;
        let mut entry = table.fast.get(at).copied().unwrap_or_default();
        if entry & PARTIAL != 0 {
            self.refill();
            let long = table.long(self.next, entry);
            self.skip((long >> 32) as u32);
            entry = long as u32;
            self.refill();
        }
        self.skip(entry & 31);
        entry
    }
}
