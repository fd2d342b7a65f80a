//! [`Encoder`]: frames to pictures, baseline, with the standard's own codes.
//!
//! ```text
//!  frame ─▶ bands ─▶ dct (samples ─▶ levels) ─▶ huffman (levels ─▶ bits) ─▶ picture
//! ```
//!
//! # Source
//! ITU-T T.81 annexes B and F.1; JFIF (ITU-T T.871).

use millstream_sdk::prelude::*;
use millstream_sdk::video::{ColorRange, Family};

use crate::bands::{Bands, Rows, Samples};
use crate::dct::{Block, Quantizer};
use crate::huffman::{Finished, Scan, Tables};
use crate::tables::{self, AC, Codes, DC};

/// The most blocks of a unit: four of luma, two of chroma.
const UNIT: usize = 6;
/// The end of a picture.
const END: [u8; 2] = [0xff, 0xd9];

/// Encodes frames that look alike.
#[derive(Debug)]
pub(crate) struct Encoder {
    info: VideoInfo,
    bands: Bands,
    header: Vec<u8>,
    /// Luma and chroma.
    kinds: [Kind; 2],
    /// Of the present unit. All are transformed before one is written: how many levels a
    /// block has can't be foreseen, and a processor that is wrong about it does nothing
    /// of the next block beside it.
    blocks: [Block; UNIT],
    scan: Scan,
}

/// What luma and chroma differ in.
#[derive(Debug)]
struct Kind {
    quantizer: Quantizer,
    tables: Tables,
}

impl Encoder {
    pub(crate) fn new(info: &VideoInfo, quality: u32) -> Self {
        let [luma, chroma] = tables::steps(quality);
        let [luma_tables, chroma_tables] = Tables::all();
        let (luma_gain, chroma_gain, offset) = gains(info);
        Self {
            bands: Bands::new(info),
            header: header(info, &[luma, chroma]),
            kinds: [
                Kind {
                    quantizer: Quantizer::new(&luma, luma_gain, offset),
                    tables: luma_tables,
                },
                Kind {
                    quantizer: Quantizer::new(&chroma, chroma_gain, 0.0),
                    tables: chroma_tables,
                },
            ],
            blocks: Default::default(),
            scan: Scan::default(),
            info: info.clone(),
        }
    }

    /// Encodes a frame.
    pub(crate) fn encode(&mut self, bytes: &[u8]) -> Result<Encoded<'_>, Failure> {
        let frame = VideoFrame::new(&self.info, bytes)?;
        self.scan.begin();
        let is_gray = matches!(self.info.format.family(), Family::Gray);
        let (across, down) = self.info.format.subsampling();
        let units = self.info.width.div_ceil(across * 8);
        let mut last = [0; 3];
        for y in (0..self.info.height).step_by(down * 8) {
            let band = self.bands.band(&frame, y, down * 8);
            let places = places(&band, (across, down), is_gray, &self.kinds);
            for unit in 0..units {
                let places = || places.iter().flatten();
                for (block, place) in self.blocks.iter_mut().zip(places()) {
                    let x = place.x + unit * place.step;
                    transform(block, &place.rows, x, &place.kind.quantizer);
                }
                for (block, place) in self.blocks.iter().zip(places()) {
                    if let Some(last) = last.get_mut(place.component) {
                        self.scan.block(block, last, &place.kind.tables);
                    }
                }
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

/// Where blocks of a component lie: every `step` samples from `x`.
#[derive(Debug)]
struct Place<'a> {
    rows: Rows<'a>,
    x: usize,
    step: usize,
    component: usize,
    kind: &'a Kind,
}

/// The places of the blocks that make a unit, of luma with so many beside and below each
/// other.
fn places<'a>(
    [luma, u, v]: &[Samples<'a>; 3],
    (across, down): (usize, usize),
    is_gray: bool,
    kinds: &'a [Kind; 2],
) -> [Option<Place<'a>>; UNIT] {
    let [of_luma, of_chroma] = kinds;
    let components = [
        (luma, across, down, of_luma),
        (u, 1, 1, of_chroma),
        (v, 1, 1, of_chroma),
    ];
    let components = components.into_iter().take(if is_gray { 1 } else { 3 });
    let mut places =
        components
            .enumerate()
            .flat_map(|(component, (samples, across, down, kind))| {
                (0..across * down).map(move |n| Place {
                    rows: samples.rows(n / across * 8),
                    x: n % across * 8,
                    step: across * 8,
                    component,
                    kind,
                })
            });
    core::array::from_fn(|_| places.next())
}

/// Makes a block of a component's rows.
#[inline(never)]
fn transform(block: &mut Block, rows: &Rows<'_>, x: usize, quantizer: &Quantizer) {
    match rows.block(x) {
        Some(samples) => block.set(samples, quantizer),
        None => transform(block, &Rows::of(&rows.edge(x)), 0, quantizer),
    }
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
