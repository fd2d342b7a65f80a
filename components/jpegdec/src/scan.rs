//! A picture's scan to rows of samples, one row of units after the other.
//!
//! ```text
//!  scan ─▶ Segments (bytes of 255) ─▶ Bits (levels of some units) ─▶ idct ─▶ Target
//! ```
//!
//! Levels of some units are read before the first of them is transformed: numbers of two
//! bytes that were just written are slow to read as vectors.

use millstream_sdk::simd::{cast, i16x8, u8x16};

use crate::header::{Component, Header};
use crate::huffman::{Bits, Table};
use crate::idct::{self, ONE_BITS, Rows};

/// Units whose levels are read at a time: their blocks stay in the first cache.
const UNITS: usize = 8;

/// The picture is not sound.
#[derive(Debug)]
pub(crate) struct Damaged;

/// What takes the samples.
pub(crate) trait Sink {
    /// Where those of a row of units go, component by component.
    fn targets(&mut self, row: usize) -> [Target<'_>; 3];

    /// The row is complete.
    fn end(&mut self, row: usize);
}

/// Rows of samples to write.
#[derive(Debug, Default)]
pub(crate) struct Target<'a> {
    pub(crate) bytes: &'a mut [u8],
    /// Bytes from one row to the next, all of which may be written.
    pub(crate) stride: usize,
    /// How many rows there are.
    pub(crate) height: usize,
    /// Whether two rows become one, their mean.
    pub(crate) in_pairs: bool,
}

/// A component, and what it is read and transformed with.
struct Part<'a> {
    component: &'a Component,
    tables: [&'a Table; 2],
    /// Its first block in a unit.
    first: usize,
}

/// Reads a scan. Gives its rows to `sink`.
pub(crate) fn decode(header: &Header<'_>, sink: &mut impl Sink) -> Result<(), Damaged> {
    let parts = parts(header).ok_or(Damaged)?;
    let (across, down) = header.unit();
    let columns = header.width.div_ceil(across * 8);
    let rows = header.height.div_ceil(down * 8);
    let all: usize = parts.iter().map(Part::blocks).sum();
    let mut levels = vec![[0; 64]; all * UNITS];
    let mut counts = vec![0; all * UNITS];
    let mut segments = Segments::new(header.scan);
    let mut bits = Bits::new(segments.next(None)?);
    let (mut last, mut left) = ([0; 3], header.restart);
    for row in 0..rows {
        let mut column = 0;
        let mut targets = sink.targets(row);
        while column < columns {
            if left == 0 && header.restart > 0 {
                if !bits.is_sound() {
                    return Err(Damaged);
                }
                bits = Bits::new(segments.next(Some(()))?);
                (last, left) = ([0; 3], header.restart);
            }
            let mut units = UNITS.min(columns - column);
            if header.restart > 0 {
                units = units.min(left);
                left -= units;
            }
            let blocks = all * units;
            let (Some(levels), Some(counts)) = (levels.get_mut(..blocks), counts.get_mut(..blocks))
            else {
                return Err(Damaged);
            };
            read(
                &mut bits,
                &parts,
                &mut last,
                levels.iter_mut().zip(&mut *counts),
            );
            for (part, target) in parts.iter().zip(&mut targets) {
                let blocks = levels.chunks_exact(all).zip(counts.chunks_exact(all));
                for (unit, (levels, counts)) in (column..).zip(blocks) {
                    let from = part.first..part.first + part.blocks();
                    let levels = levels.get(from.clone()).unwrap_or_default();
                    let counts = counts.get(from).unwrap_or_default();
                    part.transform(unit, levels, counts, target);
                }
            }
            levels.as_flattened_mut().fill(0);
            column += units;
        }
        if !bits.is_sound() {
            return Err(Damaged);
        }
        sink.end(row);
    }
    Ok(())
}

/// Reads the levels of whole units.
#[inline(never)]
fn read<'a>(
    bits: &mut Bits<'_>,
    parts: &[Part<'_>],
    last: &mut [i16; 3],
    blocks: impl Iterator<Item = (&'a mut [i16; 64], &'a mut u8)>,
) {
    // A copy, which stays in registers.
    let mut now = *bits;
    let mut blocks = blocks;
    loop {
        for (part, last) in parts.iter().zip(&mut *last) {
            for _ in 0..part.blocks() {
                let Some((levels, count)) = blocks.next() else {
                    *bits = now;
                    return;
                };
                *count = now.block(part.tables, last, levels);
            }
        }
    }
}

fn parts<'a>(header: &'a Header<'_>) -> Option<Vec<Part<'a>>> {
    let mut first = 0;
    let parts = header.components.iter().map(|component| {
        let dc = header.dc.get(component.dc)?.as_deref()?;
        let ac = header.ac.get(component.ac)?.as_deref()?;
        let part = Part {
            component,
            tables: [dc, ac],
            first,
        };
        first += part.blocks();
        Some(part)
    });
    parts.collect()
}

impl Part<'_> {
    /// Of a unit.
    fn blocks(&self) -> usize {
        self.component.across * self.component.down
    }

    /// Writes a unit's samples.
    #[inline]
    fn transform(&self, unit: usize, levels: &[[i16; 64]], counts: &[u8], target: &mut Target<'_>) {
        let Component { across, steps, .. } = self.component;
        let rows = levels
            .chunks_exact(*across)
            .zip(counts.chunks_exact(*across));
        for (n, (levels, counts)) in rows.enumerate() {
            let (mut x, y) = (unit * across * 8, n * 8);
            let ((pairs, one), (pair_counts, one_count)) =
                (levels.as_chunks::<2>(), counts.as_chunks::<2>());
            for ([a, b], [a_count, b_count]) in pairs.iter().zip(pair_counts) {
                let a = idct::block(a, steps, *a_count);
                let b = idct::block(b, steps, *b_count);
                target.two(x, y, a, b);
                x += 16;
            }
            for (levels, count) in one.iter().zip(one_count) {
                target.one(x, y, idct::block(levels, steps, *count));
            }
        }
    }
}

impl Target<'_> {
    /// Two blocks beside each other.
    #[inline]
    fn two(&mut self, x: usize, y: usize, a: Rows, b: Rows) {
        if self.in_pairs {
            self.one(x, y, a);
            self.one(x + 8, y, b);
            return;
        }
        let [a0, a1, a2, a3, a4, a5, a6, a7] = a.map(|row| row >> ONE_BITS);
        let [b0, b1, b2, b3, b4, b5, b6, b7] = b.map(|row| row >> ONE_BITS);
        let rows = [
            (a0, b0),
            (a1, b1),
            (a2, b2),
            (a3, b3),
            (a4, b4),
            (a5, b5),
            (a6, b6),
            (a7, b7),
        ];
        self.put(
            x,
            y,
            rows.map(|(a, b)| u8x16::narrow_i16x8(a, b).to_array()),
        );
    }

    #[inline]
    fn one(&mut self, x: usize, y: usize, [a, b, c, d, e, f, g, h]: Rows) {
        if self.in_pairs {
            let white = i16x8::splat((256 << ONE_BITS) - 1);
            let pairs = [(a, b), (c, d), (e, f), (g, h)];
            let [a, b, c, d] = pairs.map(|(a, b)| {
                let [a, b] = [a, b].map(|row| row.max(i16x8::ZERO).min(white));
                (a + b) >> (ONE_BITS + 1)
            });
            let [[a, b], [c, d]] = [(a, b), (c, d)].map(halves);
            self.put(x, y / 2, [a, b, c, d]);
            return;
        }
        let pairs = [(a, b), (c, d), (e, f), (g, h)];
        let [[a, b], [c, d], [e, f], [g, h]] =
            pairs.map(|(a, b)| halves((a >> ONE_BITS, b >> ONE_BITS)));
        self.put(x, y, [a, b, c, d, e, f, g, h]);
    }

    #[inline]
    fn put<const WIDTH: usize, const HEIGHT: usize>(
        &mut self,
        x: usize,
        y: usize,
        rows: [[u8; WIDTH]; HEIGHT],
    ) {
        let Self { stride, height, .. } = *self;
        let to = self.bytes.get_mut(y * stride + x..).unwrap_or_default();
        if x + WIDTH > stride || y + HEIGHT > height {
            edge(
                to,
                stride,
                stride.saturating_sub(x),
                height.saturating_sub(y),
                &rows,
            );
            return;
        }
        let mut at = 0;
        for row in rows {
            if let Some(to) = to.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                *to = row;
            }
            at += stride;
        }
    }
}

/// As much as there is room for.
#[cold]
fn edge<const WIDTH: usize>(
    to: &mut [u8],
    stride: usize,
    width: usize,
    height: usize,
    rows: &[[u8; WIDTH]],
) {
    let lines = to.chunks_mut(stride.max(1)).take(height);
    for (to, row) in lines.zip(rows) {
        let width = width.min(to.len());
        to.iter_mut()
            .take(width)
            .zip(row)
            .for_each(|(to, from)| *to = *from);
    }
}

/// Two rows of eight samples.
#[inline]
fn halves((a, b): (i16x8, i16x8)) -> [[u8; 8]; 2] {
    cast(u8x16::narrow_i16x8(a, b))
}

/// A scan up to each restart.
#[derive(Debug)]
struct Segments<'a> {
    rest: &'a [u8],
    /// The present one, without the zeros behind bytes of 255.
    bytes: Vec<u8>,
    /// How many restarts there were.
    count: u8,
}

impl<'a> Segments<'a> {
    fn new(scan: &'a [u8]) -> Self {
        Self {
            rest: scan,
            bytes: vec![0; scan.len() + Bits::PADDING],
            count: 0,
        }
    }

    /// The next one with padding; `restart` if it is not the first.
    fn next(&mut self, restart: Option<()>) -> Result<&[u8], Damaged> {
        if restart.is_some() {
            let is_next = self.rest.first() == Some(&(0xd0 | self.count & 7));
            if !is_next {
                return Err(Damaged);
            }
            self.rest = self.rest.get(1..).unwrap_or_default();
            self.count = self.count.wrapping_add(1);
        }
        let length = self.unstuff();
        let bytes = self
            .bytes
            .get_mut(..length + Bits::PADDING)
            .ok_or(Damaged)?;
        let (_, padding) = bytes.split_at_mut_checked(length).ok_or(Damaged)?;
        padding.fill(0);
        Ok(bytes)
    }

    /// Copies up to the next marker, which is then the first of the rest.
    fn unstuff(&mut self) -> usize {
        let mut length = 0;
        loop {
            let to = self.bytes.get_mut(length..).unwrap_or_default();
            let plain = plain(self.rest, to);
            length += plain;
            // A byte of 255, and what it is.
            let mut after = self.rest.get(plain + 1..).unwrap_or_default();
            while let Some(fill) = after.strip_prefix(&[0xff]) {
                after = fill;
            }
            self.rest = after;
            let (Some(rest), Some(to)) = (after.strip_prefix(&[0]), self.bytes.get_mut(length))
            else {
                return length;
            };
            (*to, self.rest) = (0xff, rest);
            length += 1;
        }
    }
}

/// Copies up to the next byte of 255; gives how many bytes those are.
fn plain(from: &[u8], to: &mut [u8]) -> usize {
    let mut at = 0;
    let blocks = from
        .as_chunks::<16>()
        .0
        .iter()
        .zip(to.as_chunks_mut::<16>().0);
    for (from, to) in blocks {
        *to = *from;
        let full = u8x16::new(*from).simd_eq(u8x16::splat(255)).to_bitmask();
        if full != 0 {
            return at + full.trailing_zeros() as usize;
        }
        at += 16;
    }
    let (from, to) = (from.get(at..), to.get_mut(at..));
    for (from, to) in from.unwrap_or_default().iter().zip(to.unwrap_or_default()) {
        if *from == 255 {
            break;
        }
        *to = *from;
        at += 1;
    }
    at
}
