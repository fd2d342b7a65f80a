//! [`Encoder`]: frames to pictures, baseline, with the standard's own codes.
//!
//! ```text
//!  frame ─▶ bands ─▶ dct (samples ─▶ levels) ─▶ huffman (levels ─▶ bits) ─▶ picture
//! ```
//!
//! # Source
//! ITU-T T.81 annexes B and F.1; JFIF (ITU-T T.871).

use millstream_sdk::prelude::*;
use millstream_sdk::simd::{i16x8, u8x16};
use millstream_sdk::video::{ColorRange, Family};

use crate::bands::{Bands, Samples};
use crate::dct::{self, Quantizer, samples};
use crate::huffman::{Finished, Scan, Tables};
use crate::tables::{self, AC, Codes, DC};

/// The end of a picture.
const END: [u8; 2] = [0xff, 0xd9];

/// Encodes frames that look alike.
#[derive(Debug)]
pub(crate) struct Encoder {
    info: VideoInfo,
    bands: Bands,
    header: Vec<u8>,
    luma: Quantizer,
    chroma: Quantizer,
    tables: Box<[Tables; 2]>,
    scan: Scan,
}

impl Encoder {
    pub(crate) fn new(info: &VideoInfo, quality: u32) -> Self {
        let [luma, chroma] = tables::steps(quality);
        let (luma_gain, chroma_gain, offset) = gains(info);
        Self {
            bands: Bands::new(info),
            header: header(info, &[luma, chroma]),
            luma: Quantizer::new(&luma, luma_gain, offset),
            chroma: Quantizer::new(&chroma, chroma_gain, 0.0),
            tables: Box::new(Tables::all()),
            scan: Scan::default(),
            info: info.clone(),
        }
    }

    /// Encodes a frame.
    pub(crate) fn encode(&mut self, bytes: &[u8]) -> Result<Encoded<'_>, Failure> {
        let frame = VideoFrame::new(&self.info, bytes)?;
        self.scan.begin();
        let mut writer = Writer {
            luma: &self.luma,
            chroma: &self.chroma,
            tables: &self.tables,
            scan: &mut self.scan,
            last: [0; 3],
        };
        let (across, down) = self.info.format.subsampling();
        let is_gray = matches!(self.info.format.family(), Family::Gray);
        let (width, height) = (self.info.width, self.info.height);
        let rows = down * 8;
        let units = width.div_ceil(across * 8);
        for y in (0..height).step_by(rows) {
            let [luma, u, v] = self.bands.band(&frame, y, rows);
            match (across, down) {
                _ if is_gray => writer.gray(units, &luma),
                (2, 2) => writer.rows::<2>(units, &luma, &u, &v),
                (2, _) => writer.rows::<1>(units, &luma, &u, &v),
                _ => writer.full(units, &luma, &u, &v),
            }
        }
        Ok(Encoded {
            header: &self.header,
            scan: self.scan.end(),
        })
    }
}

/// A picture that is complete but for its last form.
#[derive(Debug)]
pub(crate) struct Encoded<'a> {
    header: &'a [u8],
    scan: Finished<'a>,
}

impl Encoded<'_> {
    /// Bytes that it takes.
    pub(crate) fn len(&self) -> usize {
        self.header.len() + self.scan.len() + END.len()
    }

    /// Writes it.
    pub(crate) fn write(&self, to: &mut [u8]) {
        let Some((header, to)) = to.split_at_mut_checked(self.header.len()) else {
            return;
        };
        header.copy_from_slice(self.header);
        if let Some((scan, end)) = to.split_at_mut_checked(self.scan.len()) {
            self.scan.write(scan);
            end.iter_mut().zip(END).for_each(|(to, byte)| *to = byte);
        }
    }
}

/// What luma and chroma, less 128, are multiplied with for the full range, and what is
/// added to luma.
fn gains(info: &VideoInfo) -> (f64, f64, f64) {
    if info.colorimetry.range == ColorRange::Full {
        return (1.0, 1.0, 0.0);
    }
    let luma = 255.0 / 219.0;
    let chroma = if info.format.is_rgb() {
        luma
    } else {
        255.0 / 224.0
    };
    (luma, chroma, (128.0 - 16.0) * luma - 128.0)
}

/// Writes units: blocks that belong together.
struct Writer<'a> {
    luma: &'a Quantizer,
    chroma: &'a Quantizer,
    tables: &'a [Tables; 2],
    scan: &'a mut Scan,
    /// The first level of each component's last block.
    last: [i32; 3],
}

impl Writer<'_> {
    /// Units of two blocks of luma beside each other, in `DOWN` rows.
    fn rows<const DOWN: usize>(
        &mut self,
        units: usize,
        luma: &Samples<'_>,
        u: &Samples<'_>,
        v: &Samples<'_>,
    ) {
        let luma: [_; DOWN] = core::array::from_fn(|down| luma.rows(down * 8));
        let (u, v) = (u.rows(0), v.rows(0));
        for unit in 0..units {
            for rows in &luma {
                let [left, right] = pair(rows, unit * 16);
                self.luma(left);
                self.luma(right);
            }
            self.chroma(one(&u, unit * 8), one(&v, unit * 8));
        }
    }

    /// Units of a block of each component.
    fn full(&mut self, units: usize, luma: &Samples<'_>, u: &Samples<'_>, v: &Samples<'_>) {
        let (luma, u, v) = (luma.rows(0), u.rows(0), v.rows(0));
        for unit in 0..units {
            self.luma(one(&luma, unit * 8));
            self.chroma(one(&u, unit * 8), one(&v, unit * 8));
        }
    }

    fn gray(&mut self, units: usize, luma: &Samples<'_>) {
        let luma = luma.rows(0);
        for unit in 0..units {
            self.luma(one(&luma, unit * 8));
        }
    }

    #[inline(never)]
    fn luma(&mut self, rows: [i16x8; 8]) {
        let [tables, _] = self.tables;
        let [last, ..] = &mut self.last;
        self.scan.block(&dct::block(rows, self.luma), last, tables);
    }

    #[inline(never)]
    fn chroma(&mut self, u: [i16x8; 8], v: [i16x8; 8]) {
        let [_, tables] = self.tables;
        let [_, last_u, last_v] = &mut self.last;
        for (rows, last) in [(u, last_u), (v, last_v)] {
            self.scan
                .block(&dct::block(rows, self.chroma), last, tables);
        }
    }
}

/// Two blocks beside each other.
#[inline]
fn pair(rows: &[&[u8]; 8], x: usize) -> [[i16x8; 8]; 2] {
    let both = rows.map(|row| samples(u8x16::new(chunk(row, x))));
    [both.map(|[left, _]| left), both.map(|[_, right]| right)]
}

#[inline]
fn one(rows: &[&[u8]; 8], x: usize) -> [i16x8; 8] {
    rows.map(|row| {
        let [left, _] = samples(millstream_sdk::simd::cast([
            u64::from_ne_bytes(chunk(row, x)),
            0,
        ]));
        left
    })
}

/// Some bytes of a row. Behind its end they are the last one again.
#[inline]
fn chunk<const N: usize>(row: &[u8], x: usize) -> [u8; N] {
    match row.get(x..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => *bytes,
        None => edge(row, x),
    }
}

#[cold]
fn edge<const N: usize>(row: &[u8], x: usize) -> [u8; N] {
    let last = row.last().copied().unwrap_or(128);
    core::array::from_fn(|n| row.get(x + n).copied().unwrap_or(last))
}

/// What stands before the scan.
fn header(info: &VideoInfo, steps: &[[u8; 64]; 2]) -> Vec<u8> {
    let (across, down) = info.format.subsampling();
    let kinds = if matches!(info.format.family(), Family::Gray) {
        1
    } else {
        2
    };
    let mut bytes = vec![0xff, 0xd8];
    // JFIF 1.1, pixels of this shape, no small picture.
    let shape = [info.par.numerator, info.par.denominator];
    let shape = if shape.iter().all(|n| (1..=0xffff).contains(n)) {
        shape
    } else {
        [1, 1]
    };
    let [across_shape, down_shape] = shape.map(|n| (n as u16).to_be_bytes());
    let mut jfif = b"JFIF\0\x01\x01\0".to_vec();
    jfif.extend(across_shape.into_iter().chain(down_shape).chain([0, 0]));
    segment(&mut bytes, 0xe0, &jfif);
    for (n, steps) in (0..).zip(steps).take(kinds) {
        segment(&mut bytes, 0xdb, &[&[n], steps.as_slice()].concat());
    }
    let [height, width] = [info.height, info.width].map(|size| (size as u16).to_be_bytes());
    let mut frame = [[8].as_slice(), &height, &width].concat();
    let mut scan = Vec::new();
    let components = [
        [1, (across << 4 | down) as u8, 0],
        [2, 0x11, 1],
        [3, 0x11, 1],
    ];
    let components = components.get(..kinds * 2 - 1).unwrap_or_default();
    frame.push(components.len() as u8);
    scan.push(components.len() as u8);
    for [id, sampling, kind] in components {
        frame.extend([*id, *sampling, *kind]);
        scan.extend([*id, kind * 0x11]);
    }
    scan.extend([0, 63, 0]);
    segment(&mut bytes, 0xc0, &frame);
    for (n, (dc, ac)) in (0..).zip(DC.iter().zip(&AC)).take(kinds) {
        for (class, Codes { counts, symbols }) in [(0, dc), (0x10, ac)] {
            segment(
                &mut bytes,
                0xc4,
                &[&[class | n], counts.as_slice(), symbols].concat(),
            );
        }
    }
    segment(&mut bytes, 0xda, &scan);
    bytes
}

/// A marker, the length, and what it is about.
fn segment(to: &mut Vec<u8>, marker: u8, bytes: &[u8]) {
    to.extend([0xff, marker]);
    to.extend((bytes.len() as u16 + 2).to_be_bytes());
    to.extend(bytes);
}
