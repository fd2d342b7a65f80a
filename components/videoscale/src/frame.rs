//! [`FrameScaler`]: all planes of a frame, and the borders around them.

use millstream_sdk::prelude::*;
use millstream_sdk::simd::{cast, u8x16};
use millstream_sdk::video::{ColorRange, Family, PlaneMut};

use crate::Method;
use crate::geometry::Placement;
use crate::plane::{Layout, PlaneScaler};

/// Scales frames of one size to another.
#[derive(Debug)]
pub(crate) struct FrameScaler {
    kind: Kind,
    placement: Placement,
}

#[derive(Debug)]
enum Kind {
    /// Each plane by itself, with the bytes of a black sample.
    Planes(Vec<(PlaneScaler, [u8; 4])>),
    /// Luma and chroma out of groups of four bytes.
    Groups(Box<Groups>),
}

#[derive(Debug)]
struct Groups {
    /// Luma; U and V in turn.
    scalers: [PlaneScaler; 2],
    rows: [Vec<u8>; 2],
    /// The bytes of two black pixels.
    black: [u8; 4],
    /// Where luma lies, 0 or 1.
    at: usize,
}

impl FrameScaler {
    /// Both frames have the same format.
    pub(crate) fn new(
        method: Method,
        from: &VideoInfo,
        to: &VideoInfo,
        placement: Placement,
    ) -> Self {
        let whole = (
            (from.width, from.height),
            (placement.width, placement.height),
        );
        let half = |(width, height): (usize, usize)| (width.div_ceil(2), height.div_ceil(2));
        let halves = (half(whole.0), half(whole.1));
        let plane = |layout, (from, to)| PlaneScaler::new(method, layout, from, to);
        let luma = if to.colorimetry.range == ColorRange::Limited {
            16
        } else {
            0
        };
        let grey = (plane(Layout::Bytes(1), whole), [luma; 4]);
        let chroma = |bytes| (plane(Layout::Bytes(bytes), halves), [128; 4]);
        let kind = match to.format.family() {
            Family::Rgb { bytes, .. } => {
                let dark = if from.format.is_rgb() && is_studio_rgb(to) {
                    16
                } else {
                    0
                };
                let black = [dark, dark, dark, 255];
                Kind::Planes(vec![(plane(Layout::Bytes(bytes), whole), black)])
            }
            Family::Gray => Kind::Planes(vec![grey]),
            Family::Planar { .. } => Kind::Planes(vec![grey, chroma(1), chroma(1)]),
            Family::SemiPlanar { .. } => Kind::Planes(vec![grey, chroma(2)]),
            Family::Packed422 { yuyv } => {
                Kind::Groups(Box::new(Groups::new(method, yuyv, luma, whole)))
            }
        };
        Self { kind, placement }
    }

    /// Scales a frame and fills the borders.
    pub(crate) fn scale(&mut self, from: &VideoFrame<'_>, to: &mut VideoFrameMut<'_>) {
        let Placement { x, y, .. } = self.placement;
        let (across, down) = to.info().format.subsampling();
        match &mut self.kind {
            Kind::Planes(planes) => {
                for (index, (scaler, black)) in planes.iter_mut().enumerate() {
                    // Chroma starts at its own samples.
                    let (x, y) = if index == 0 {
                        (x, y)
                    } else {
                        (x / across, y / down)
                    };
                    let samples = to.info().plane(index).width.max(1);
                    let bytes = to.info().plane(index).row_bytes / samples;
                    let inside = Inside {
                        start: x * bytes,
                        length: scaler.row_bytes(),
                        top: y,
                        height: scaler.height(),
                    };
                    let source = from.plane(index);
                    let fill = |y: usize, row: &mut [u8]| scaler.row(source, y, row);
                    inside.rows(to.plane_mut(index), *black, bytes, fill);
                }
            }
            Kind::Groups(groups) => groups.scale(x, y, from, to),
        }
    }
}

impl Groups {
    /// `luma` is black's; sizes in pixels, before and after.
    fn new(
        method: Method,
        [at, ..]: [usize; 4],
        luma: u8,
        (from, to): ((usize, usize), (usize, usize)),
    ) -> Self {
        let half = |(width, height): (usize, usize)| (width.div_ceil(2), height);
        let layout = |at, bytes| Layout::Groups { at, bytes };
        let scalers = [
            PlaneScaler::new(method, layout(at, 1), from, to),
            PlaneScaler::new(method, layout(1 - at, 2), half(from), half(to)),
        ];
        let rows = scalers.each_ref().map(|scaler| vec![0; scaler.row_bytes()]);
        let black = if at == 0 {
            [luma, 128, luma, 128]
        } else {
            [128, luma, 128, luma]
        };
        Self {
            scalers,
            rows,
            black,
            at,
        }
    }

    fn scale(&mut self, x: usize, y: usize, from: &VideoFrame<'_>, to: &mut VideoFrameMut<'_>) {
        let Self {
            scalers,
            rows,
            black,
            at,
        } = self;
        let [luma_scaler, chroma_scaler] = &*scalers;
        let inside = Inside {
            start: x * 2,
            length: chroma_scaler.row_bytes() * 2,
            top: y,
            height: luma_scaler.height(),
        };
        let source = from.plane(0);
        inside.rows(to.plane_mut(0), *black, 4, |y, to| {
            for (scaler, row) in scalers.iter_mut().zip(rows.iter_mut()) {
                scaler.row(source, y, row);
            }
            let [luma, chroma] = &*rows;
            join(luma, chroma, *at == 0, to);
        });
    }
}

/// Luma and chroma in turn. An odd row's last pixel counts twice.
fn join(luma: &[u8], chroma: &[u8], luma_first: bool, to: &mut [u8]) {
    let (whole, last_luma) = luma.as_chunks();
    let (to, last) = to
        .split_at_mut_checked(whole.len() * 32)
        .unwrap_or_default();
    let (whole_chroma, last_chroma) = chroma
        .split_at_checked(whole.len() * 16)
        .unwrap_or_default();
    let to = to.as_chunks_mut().0.iter_mut();
    for ((to, luma), chroma) in to.zip(whole).zip(whole_chroma.as_chunks().0) {
        let (mut first, mut second) = (u8x16::new(*luma), u8x16::new(*chroma));
        if !luma_first {
            core::mem::swap(&mut first, &mut second);
        }
        let pairs = [
            u8x16::unpack_low(first, second),
            u8x16::unpack_high(first, second),
        ];
        *to = cast::<_, [u8; 32]>(pairs);
    }
    let luma = last_luma.iter().chain(luma.last()).copied();
    let pairs = last.as_chunks_mut::<2>().0.iter_mut();
    for ((pair, luma), chroma) in pairs.zip(luma).zip(last_chroma) {
        *pair = if luma_first {
            [luma, *chroma]
        } else {
            [*chroma, luma]
        };
    }
}

/// Whether red, green and blue run from 16 to 235.
fn is_studio_rgb(info: &VideoInfo) -> bool {
    info.colorimetry.range == ColorRange::Limited
        && info.colorimetry.matrix == millstream_sdk::video::ColorMatrix::Rgb
}

/// The part of a plane that the picture fills, in bytes and rows.
struct Inside {
    start: usize,
    length: usize,
    top: usize,
    height: usize,
}

impl Inside {
    /// Fills the rows inside with `fill`, the rest with black samples.
    fn rows(
        &self,
        mut plane: PlaneMut<'_>,
        black: [u8; 4],
        bytes: usize,
        mut fill: impl FnMut(usize, &mut [u8]),
    ) {
        for (y, row) in plane.rows_mut().enumerate() {
            if y < self.top || y >= self.top + self.height {
                paint(row, black, bytes);
                continue;
            }
            let (left, rest) = row.split_at_mut_checked(self.start).unwrap_or_default();
            let length = self.length.min(rest.len());
            let (middle, right) = rest.split_at_mut_checked(length).unwrap_or_default();
            paint(left, black, bytes);
            fill(y - self.top, middle);
            paint(right, black, bytes);
        }
    }
}

/// Black samples of so many bytes.
fn paint(row: &mut [u8], black: [u8; 4], bytes: usize) {
    for sample in row.chunks_mut(bytes.max(1)) {
        for (byte, black) in sample.iter_mut().zip(black) {
            *byte = black;
        }
    }
}
