//! [`Rgb`]: samples to RGB, row of units by row of units, while they are in the cache.
//!
//! Between samples of chroma are weighted means, three to one in each direction, as
//! libjpeg's "fancy upsampling". A row that needs chroma of the next row of units waits.
//!
//! # Source
//! JFIF (ITU-T T.871), section 7 (colours); `h2v1_fancy_upsample` and
//! `h2v2_fancy_upsample` in libjpeg's `jdsample.c`.

use millstream_sdk::shuffle;
use millstream_sdk::simd::{high, i16x8, low, u8x16};
use millstream_sdk::video::PlaneMut;

use crate::header::Header;
use crate::scan::{Sink, Target};

/// Pixels converted at a time.
const BLOCK: usize = 16;

/// Takes the samples of a picture.
#[derive(Debug)]
pub(crate) struct Rgb<'a> {
    to: PlaneMut<'a>,
    /// Rows of a row of units.
    rows: usize,
    luma: Band,
    /// Of gray pictures there is none.
    chroma: Option<[(Band, Upsampled); 2]>,
}

/// Samples of a row of units, and the row before them.
#[derive(Debug)]
struct Band {
    bytes: Vec<u8>,
    stride: usize,
    /// Pixels a sample, across and down.
    across: usize,
    down: usize,
    /// Samples of the picture.
    width: usize,
    height: usize,
}

/// A row of chroma as long as luma's.
#[derive(Debug, Default)]
struct Upsampled {
    /// Four times a row between two, with its first and last sample once more.
    sums: Vec<i16>,
    bytes: Vec<u8>,
}

impl<'a> Rgb<'a> {
    pub(crate) fn new(header: &Header<'_>, to: PlaneMut<'a>) -> Option<Self> {
        let (across, down) = header.unit();
        let columns = header.width.div_ceil(across * 8);
        let mut bands = header.components.iter().map(|component| {
            let stride = columns * component.across * 8;
            let (across, down) = (across / component.across, down / component.down);
            Band {
                bytes: vec![0; stride * (component.down * 8 + 1)],
                stride,
                across,
                down,
                width: header.width.div_ceil(across),
                height: header.height.div_ceil(down),
            }
        });
        let luma = bands.next()?;
        let chroma = bands.next().zip(bands.next());
        Some(Self {
            to,
            rows: down * 8,
            luma,
            chroma: chroma.map(|(u, v)| [u, v].map(|band| (band, Upsampled::default()))),
        })
    }
}

impl Sink for Rgb<'_> {
    fn targets(&mut self, _: usize) -> [Target<'_>; 3] {
        let luma = self.luma.target();
        match &mut self.chroma {
            Some([(u, _), (v, _)]) => [luma, u.target(), v.target()],
            None => [luma, Target::default(), Target::default()],
        }
    }

    fn end(&mut self, row: usize) {
        let first = row * self.rows;
        let end = first + self.rows;
        let height = self.to.layout.height;
        let end = if end < height { end - 1 } else { height };
        for y in first.saturating_sub(1)..end {
            let luma = self.luma.row(y, first);
            let to = self.to.row_mut(y);
            if let Some([(u, to_u), (v, to_v)]) = &mut self.chroma {
                to_u.make(u, y, first);
                to_v.make(v, y, first);
                convert(luma, &to_u.bytes, &to_v.bytes, to);
            } else {
                let pixels = to.as_chunks_mut::<3>().0.iter_mut();
                pixels.zip(luma).for_each(|(to, luma)| *to = [*luma; 3]);
            }
        }
        let chroma = self.chroma.iter_mut().flatten().map(|(band, _)| band);
        for band in [&mut self.luma].into_iter().chain(chroma) {
            let last = band.bytes.len() - band.stride;
            band.bytes.copy_within(last.., 0);
        }
    }
}

impl Band {
    fn target(&mut self) -> Target<'_> {
        let bytes = self.bytes.get_mut(self.stride..).unwrap_or_default();
        Target {
            height: bytes.len() / self.stride.max(1),
            bytes,
            stride: self.stride,
            in_pairs: false,
        }
    }

    /// A row of the picture; `first` is the first row of luma in the row of units.
    fn row(&self, y: usize, first: usize) -> &[u8] {
        let y = (y.min(self.height - 1) + 1).saturating_sub(first / self.down);
        self.bytes.get(y * self.stride..).unwrap_or_default()
    }
}

impl Upsampled {
    /// Makes the chroma of row `y` of luma.
    fn make(&mut self, band: &Band, y: usize, first: usize) {
        let near = y / band.down;
        let far = match band.down {
            2 if y.is_multiple_of(2) => near.saturating_sub(1),
            2 => near + 1,
            _ => near,
        };
        let (near, far) = (band.row(near, first), band.row(far, first));
        // As long as luma, and whole blocks.
        let samples = (band.width + 1).next_multiple_of(BLOCK);
        self.sums.resize(samples + BLOCK, 0);
        self.bytes.resize(samples * band.across, 0);
        let sums = self.sums.get_mut(1..).unwrap_or_default();
        for (to, (near, far)) in sums.iter_mut().zip(near.iter().zip(far)).take(band.width) {
            *to = i16::from(*near) * 3 + i16::from(*far);
        }
        let ends = [(0, 1), (band.width + 1, band.width)];
        for (to, from) in ends {
            let from = self.sums.get(from).copied().unwrap_or_default();
            if let Some(to) = self.sums.get_mut(to) {
                *to = from;
            }
        }
        match band.across {
            2 => self.twice(),
            across => {
                let sums = self.sums.iter().skip(1);
                for (to, sum) in self.bytes.chunks_exact_mut(across).zip(sums) {
                    to.fill(((sum + 2) >> 2) as u8);
                }
            }
        }
    }

    /// Two samples out of each, each nearer to one of its neighbours.
    fn twice(&mut self) {
        let [left, now, right] = [0, 1, 2].map(|n| self.sums.get(n..).unwrap_or_default());
        let sums = left.as_chunks::<8>().0.iter();
        let sums = sums
            .zip(now.as_chunks::<8>().0)
            .zip(right.as_chunks::<8>().0);
        for (to, ((left, now), right)) in self.bytes.as_chunks_mut::<16>().0.iter_mut().zip(sums) {
            let [left, now, right] = [left, now, right].map(|sums| i16x8::new(*sums));
            let now = now + now + now;
            let first = (now + left + i16x8::splat(8)) >> 4_u32;
            let second = (now + right + i16x8::splat(7)) >> 4_u32;
            // The second ones in the upper bytes.
            let both: u8x16 = millstream_sdk::simd::bytes(first | second << 8_u32);
            *to = both.to_array();
        }
    }
}

/// A row of RGB; luma and chroma go on behind its end.
#[inline(never)]
fn convert(luma: &[u8], u: &[u8], v: &[u8], to: &mut [u8]) {
    let from = luma.as_chunks::<BLOCK>().0.iter();
    let mut from = from
        .zip(u.as_chunks::<BLOCK>().0)
        .zip(v.as_chunks::<BLOCK>().0);
    let (blocks, last) = to.as_chunks_mut::<{ 3 * BLOCK }>();
    for (to, ((luma, u), v)) in blocks.iter_mut().zip(&mut from) {
        *to = pixels(luma, u, v);
    }
    let padded = |rest: &[u8]| {
        let mut block = [0; BLOCK];
        block
            .iter_mut()
            .zip(rest)
            .for_each(|(to, from)| *to = *from);
        block
    };
    if !last.is_empty() {
        let at = blocks.len() * BLOCK;
        let [luma, u, v] = [luma, u, v].map(|row| padded(row.get(at..).unwrap_or_default()));
        let made = pixels(&luma, &u, &v);
        last.iter_mut().zip(made).for_each(|(to, byte)| *to = byte);
    }
}

#[inline]
fn pixels(luma: &[u8; BLOCK], u: &[u8; BLOCK], v: &[u8; BLOCK]) -> [u8; 3 * BLOCK] {
    let [luma, u, v] = [luma, u, v].map(|bytes| u8x16::new(*bytes));
    let ([r0, g0, b0], [r1, g1, b1]) = (
        colors(low(luma), low(u), low(v)),
        colors(high(luma), high(u), high(v)),
    );
    let red = u8x16::narrow_i16x8(r0, r1);
    let green = u8x16::narrow_i16x8(g0, g1);
    let blue = u8x16::narrow_i16x8(b0, b1);
    let first = shuffle!(red, green, 0 16 0 1 17 0 2 18 0 3 19 0 4 20 0 5);
    let second = shuffle!(red, green, 21 0 6 22 0 7 23 0 8 24 0 9 25 0 10 26);
    let third = shuffle!(red, green, 0 11 27 0 12 28 0 13 29 0 14 30 0 15 31 0);
    let mut to = [0; 3 * BLOCK];
    let blocks = [
        shuffle!(first, blue, 0 1 16 3 4 17 6 7 18 9 10 19 12 13 20 15),
        shuffle!(second, blue, 0 21 2 3 22 5 6 23 8 9 24 11 12 25 14 15),
        shuffle!(third, blue, 26 1 2 27 4 5 28 7 8 29 10 11 30 13 14 31),
    ];
    for (to, block) in to.as_chunks_mut::<16>().0.iter_mut().zip(blocks) {
        *to = block.to_array();
    }
    to
}

/// Red, green and blue of eight pixels, which may be out of their range.
#[inline]
fn colors(luma: i16x8, u: i16x8, v: i16x8) -> [i16x8; 3] {
    let centre = i16x8::splat(128);
    let half = i16x8::splat(64);
    let (u, v) = ((u - centre) << 7_u32, (v - centre) << 7_u32);
    let times = |numbers: i16x8, factor: f64| {
        numbers.mul_scale_round(i16x8::splat((factor * 32_768.0).round() as i16))
    };
    // Factors over 1 are 1 and the rest.
    let red = (v + times(v, 0.402) + half) >> 7_u32;
    let green = (times(u, 0.344_136) + times(v, 0.714_136) + half) >> 7_u32;
    let blue = (u + times(u, 0.772) + half) >> 7_u32;
    [luma + red, luma - green, luma + blue]
}
