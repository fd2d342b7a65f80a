//! [`Header`]: what stands before the scan of a picture of the usual kind.
//!
//! Everything else, damaged headers included, is left to the general decoder.
//!
//! # Source
//! ITU-T T.81, annex B; the colours of three components as in libjpeg's `jdapimin.c`,
//! `default_decompress_parms`.

use millstream_sdk::simd::{cast, i16x8};

use crate::codes::STANDARD;
use crate::huffman::Table;
use crate::idct::{self, PLACES};

/// Bytes of a segment before a table's values: of the class and of the counts.
const COUNTS: usize = 16;
/// The most blocks of a unit, by the standard's section B.2.3.
const MAX_BLOCKS: usize = 10;
/// The largest step: times the largest level that makes sense, it fits into what the
/// transform computes with. Encoders go up to 255 unless asked for more.
const MAX_STEP: u16 = 2_047;

/// A component of a picture.
#[derive(Debug)]
pub(crate) struct Component {
    id: u8,
    /// Blocks of a unit, across and down.
    pub(crate) across: usize,
    pub(crate) down: usize,
    steps_at: u8,
    /// What levels are multiplied with.
    pub(crate) steps: [i16x8; 8],
    /// Which tables its codes are in.
    pub(crate) dc: usize,
    pub(crate) ac: usize,
}

/// What stands before the scan.
#[derive(Debug, Default)]
pub(crate) struct Header<'a> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// One or three.
    pub(crate) components: Vec<Component>,
    pub(crate) dc: [Option<Box<Table>>; 4],
    pub(crate) ac: [Option<Box<Table>>; 4],
    /// Units between restarts; 0 if there are none.
    pub(crate) restart: usize,
    /// All that follows.
    pub(crate) scan: &'a [u8],
    steps: [Option<[i16x8; 8]>; 4],
    is_jfif: bool,
    /// How colours are transformed, where Adobe's segment says so.
    transform: Option<u8>,
}

impl<'a> Header<'a> {
    /// None if the picture is not baseline or extended sequential with 8 bits, gray or
    /// of luma and chroma in one scan, or not sound.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut header = Self::default();
        let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
        loop {
            let (marker, segment) = segment(&mut rest)?;
            match marker {
                0xdb => header.steps(segment)?,
                0xc4 => header.codes(segment)?,
                0xc0 | 0xc1 => header.frame(segment)?,
                0xdd => {
                    header.restart = u16::from_be_bytes(*segment.first_chunk()?).into();
                }
                0xda => {
                    header.scan(segment)?;
                    header.scan = rest;
                    return Some(header);
                }
                0xe0 => header.is_jfif |= segment.starts_with(b"JFIF\0"),
                0xee if segment.starts_with(b"Adobe") => {
                    header.transform = segment.get(11).copied();
                }
                0xe1..=0xef | 0xfe => {}
                _ => return None,
            }
        }
    }

    /// Blocks of a unit across and down: the most of all components.
    pub(crate) fn unit(&self) -> (usize, usize) {
        let most = |of: fn(&Component) -> usize| self.components.iter().map(of).max();
        (
            most(|component| component.across).unwrap_or(1),
            most(|component| component.down).unwrap_or(1),
        )
    }

    /// Whether chroma has the size of luma.
    pub(crate) fn is_full(&self) -> bool {
        let mut sizes = self.components.iter().map(|of| (of.across, of.down));
        sizes.all(|size| size == self.unit())
    }

    fn steps(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((kind, after)) = segment.split_first() {
            let wide = match kind >> 4 {
                0 => 1,
                1 => 2,
                _ => return None,
            };
            let (values, after) = after.split_at_checked(64 * wide)?;
            let mut steps = [0_i16; 64];
            for (value, place) in values.chunks_exact(wide).zip(PLACES) {
                let step = value
                    .iter()
                    .fold(0, |step, byte| step << 8 | u16::from(*byte));
                if step == 0 || step > MAX_STEP {
                    return None;
                }
                *steps.get_mut(usize::from(place))? = step as i16 * idct::SCALE;
            }
            *self.steps.get_mut(usize::from(kind & 15))? = Some(cast(steps));
            segment = after;
        }
        Some(())
    }

    fn codes(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((kind, after)) = segment.split_first() {
            let (counts, after) = after.split_first_chunk::<COUNTS>()?;
            let count = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, after) = after.split_at_checked(count)?;
            let tables = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return None,
            };
            let table = Table::new(counts, symbols, kind >> 4 == 0)?;
            *tables.get_mut(usize::from(kind & 15))? = Some(Box::new(table));
            segment = after;
        }
        Some(())
    }

    fn frame(&mut self, segment: &[u8]) -> Option<()> {
        let (&[precision, a, b, c, d, count], components) = segment.split_first_chunk()?;
        let is_new = self.components.is_empty();
        if !is_new || precision != 8 || components.len() != usize::from(count) * 3 {
            return None;
        }
        self.height = u16::from_be_bytes([a, b]).into();
        self.width = u16::from_be_bytes([c, d]).into();
        for [id, sampling, steps_at] in components.as_chunks::<3>().0 {
            let (across, down) = (usize::from(sampling >> 4), usize::from(sampling & 15));
            if ![1, 2, 4].contains(&across) || ![1, 2, 4].contains(&down) {
                return None;
            }
            self.components.push(Component {
                id: *id,
                across,
                down,
                steps_at: *steps_at,
                steps: [i16x8::ZERO; 8],
                dc: 0,
                ac: 0,
            });
        }
        match self.components.as_mut_slice() {
            // The only component of a scan has one block a unit, whatever it says.
            [gray] => (gray.across, gray.down) = (1, 1),
            [luma, u, v] => {
                let is_largest =
                    |chroma: &Component| chroma.across <= luma.across && chroma.down <= luma.down;
                let all = [&*luma, u, v].map(|of| of.across * of.down);
                if !is_largest(u) || !is_largest(v) || all.iter().sum::<usize>() > MAX_BLOCKS {
                    return None;
                }
            }
            _ => return None,
        }
        let is_empty = self.width == 0 || self.height == 0;
        (!is_empty).then_some(())
    }

    fn scan(&mut self, segment: &[u8]) -> Option<()> {
        let (count, rest) = segment.split_first()?;
        let (components, range) = rest.split_at_checked(usize::from(*count) * 2)?;
        if usize::from(*count) != self.components.len() || range != [0, 63, 0] {
            return None;
        }
        if self.dc.iter().chain(&self.ac).all(Option::is_none) {
            self.codes(&STANDARD)?;
        }
        let components = components.as_chunks::<2>().0.iter();
        for (component, [id, tables]) in self.components.iter_mut().zip(components) {
            let (dc, ac) = (usize::from(tables >> 4), usize::from(tables & 15));
            (component.dc, component.ac) = (dc, ac);
            component.steps = (*self.steps.get(usize::from(component.steps_at))?)?;
            let has = |tables: &[Option<Box<Table>>], at: usize| {
                tables.get(at).is_some_and(Option::is_some)
            };
            if component.id != *id || !has(&self.dc, dc) || !has(&self.ac, ac) {
                return None;
            }
        }
        let ids: Vec<u8> = self
            .components
            .iter()
            .map(|component| component.id)
            .collect();
        let is_rgb = match self.transform {
            Some(transform) => transform != 1,
            None => !self.is_jfif && ids == *b"RGB",
        };
        (ids.len() == 1 || !is_rgb).then_some(())
    }
}

/// The next marker and what its segment holds.
fn segment<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let mut from = rest.strip_prefix(&[0xff])?;
    while let Some(after) = from.strip_prefix(&[0xff]) {
        from = after;
    }
    let (&[marker, high, low], _) = from.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let (segment, after) = from.get(1..)?.split_at_checked(length)?;
    *rest = after;
    Some((marker, segment.get(2..)?))
}
