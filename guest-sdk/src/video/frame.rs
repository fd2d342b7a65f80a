//! [`VideoFrame`] and [`VideoFrameMut`]: a buffer's bytes as planes and rows.

use core::ops::Range;

use super::{PlaneLayout, VideoInfo};
use crate::failure::Failure;

/// A frame to read.
#[derive(Debug, Clone, Copy)]
pub struct VideoFrame<'a> {
    info: &'a VideoInfo,
    bytes: &'a [u8],
}

impl<'a> VideoFrame<'a> {
    /// A frame in a view's bytes. Fails if there are fewer than the frame has.
    pub fn new(info: &'a VideoInfo, bytes: &'a [u8]) -> Result<Self, Failure> {
        check(info, bytes.len())?;
        Ok(Self { info, bytes })
    }

    /// What the frame looks like.
    pub fn info(&self) -> &'a VideoInfo {
        self.info
    }

    /// A plane; empty if the format has no such plane.
    pub fn plane(&self, index: usize) -> Plane<'a> {
        let layout = self.info.plane(index);
        let bytes = self
            .bytes
            .get(layout.offset..layout.offset + extent(layout));
        Plane {
            bytes: bytes.unwrap_or_default(),
            layout,
        }
    }
}

/// A frame to write.
#[derive(Debug)]
pub struct VideoFrameMut<'a> {
    info: &'a VideoInfo,
    bytes: &'a mut [u8],
}

impl<'a> VideoFrameMut<'a> {
    /// A frame in a view's bytes. Fails if there are fewer than the frame has.
    pub fn new(info: &'a VideoInfo, bytes: &'a mut [u8]) -> Result<Self, Failure> {
        check(info, bytes.len())?;
        Ok(Self { info, bytes })
    }

    /// What the frame looks like.
    pub fn info(&self) -> &'a VideoInfo {
        self.info
    }

    /// The same frame to read.
    pub fn as_frame(&self) -> VideoFrame<'_> {
        VideoFrame {
            info: self.info,
            bytes: self.bytes,
        }
    }

    /// A plane; empty if the format has no such plane.
    pub fn plane_mut(&mut self, index: usize) -> PlaneMut<'_> {
        let layout = self.info.plane(index);
        let bytes = self
            .bytes
            .get_mut(layout.offset..layout.offset + extent(layout));
        PlaneMut {
            bytes: bytes.unwrap_or_default(),
            layout,
        }
    }

    /// All three planes at once; those that the format lacks are empty.
    pub fn planes_mut(&mut self) -> [PlaneMut<'_>; 3] {
        let layouts = [self.info.plane(0), self.info.plane(1), self.info.plane(2)];
        let mut rest = &mut *self.bytes;
        let mut at = 0;
        layouts.map(|layout| {
            if layout.height == 0 {
                return PlaneMut {
                    bytes: &mut [],
                    layout,
                };
            }
            let all = core::mem::take(&mut rest);
            let (_, from) = all
                .split_at_mut_checked(layout.offset - at)
                .unwrap_or_default();
            let (bytes, after) = from
                .split_at_mut_checked(extent(layout))
                .unwrap_or_default();
            at = layout.offset + extent(layout);
            rest = after;
            PlaneMut { bytes, layout }
        })
    }
}

/// A plane to read.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    /// All its bytes, padding of the rows included.
    pub bytes: &'a [u8],
    /// Where it lies.
    pub layout: PlaneLayout,
}

impl<'a> Plane<'a> {
    /// A row without padding; empty below the last.
    pub fn row(&self, y: usize) -> &'a [u8] {
        row_range(&self.layout, y)
            .and_then(|range| self.bytes.get(range))
            .unwrap_or_default()
    }

    /// The rows from the top, without padding.
    pub fn rows(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let row_bytes = self.layout.row_bytes;
        let rows = self.bytes.chunks(self.layout.stride.max(1));
        rows.map(move |row| row.get(..row_bytes).unwrap_or_default())
    }
}

/// A plane to write.
#[derive(Debug)]
pub struct PlaneMut<'a> {
    /// All its bytes, padding of the rows included.
    pub bytes: &'a mut [u8],
    /// Where it lies.
    pub layout: PlaneLayout,
}

impl PlaneMut<'_> {
    /// A row without padding; empty below the last.
    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        row_range(&self.layout, y)
            .and_then(|range| self.bytes.get_mut(range))
            .unwrap_or_default()
    }

    /// The rows from the top, without padding.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.some_rows_mut(0..usize::MAX)
    }

    /// Some of the rows without padding, as far as they are there.
    pub fn some_rows_mut(&mut self, rows: Range<usize>) -> impl Iterator<Item = &mut [u8]> {
        let (stride, row_bytes) = (self.layout.stride.max(1), self.layout.row_bytes);
        let start = rows.start.saturating_mul(stride);
        let bytes = self.bytes.get_mut(start..).unwrap_or_default();
        let rows = bytes.chunks_mut(stride).take(rows.len());
        rows.map(move |row| row.get_mut(..row_bytes).unwrap_or_default())
    }
}

fn check(info: &VideoInfo, got: usize) -> Result<(), Failure> {
    if got >= info.size {
        return Ok(());
    }
    let VideoInfo {
        format,
        width,
        height,
        size,
        ..
    } = info;
    let format = format.as_str();
    let message = format!("got {got} bytes, expected {size} for {format} of {width}x{height}");
    Err(Failure::bad_data(message))
}

/// Bytes of a plane.
fn extent(layout: PlaneLayout) -> usize {
    layout.stride * layout.height
}

fn row_range(layout: &PlaneLayout, y: usize) -> Option<core::ops::Range<usize>> {
    let start = y * layout.stride;
    (y < layout.height).then_some(start..start + layout.row_bytes)
}
