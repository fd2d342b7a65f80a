//! [`VideoInfo`]: everything that fixed caps say about a frame.
//!
//! Strides and planes lie as GStreamer lays them out by default, so that sizes
//! match its own.
//!
//! # Source
//! `fill_planes` in GStreamer's `video-info.c`.

use super::{Colorimetry, Family, VideoFormat};
use crate::buffer::Rect;
use crate::caps::{Caps, Fraction, Structure};
use crate::failure::Failure;

/// The widest and highest frame in pixels: twice 8K. It keeps all arithmetic on
/// sizes below 2³¹.
pub const MAX_DIMENSION: usize = 16_384;

/// Where a plane lies in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlaneLayout {
    /// Bytes before it.
    pub offset: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Bytes of a row that count; the rest up to `stride` is padding.
    pub row_bytes: usize,
    /// Samples (or pixels, or pairs of chroma) in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// Everything that fixed caps `video/x-raw` say about a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoInfo {
    /// The order of samples.
    pub format: VideoFormat,
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Frames a second; 0/1 if it varies.
    pub fps: Fraction,
    /// A pixel's width by its height.
    pub par: Fraction,
    /// What the numbers mean.
    pub colorimetry: Colorimetry,
    /// Bytes of a frame.
    pub size: usize,
    planes: [PlaneLayout; 3],
    plane_count: usize,
}

impl VideoInfo {
    /// A frame of this format and size: square pixels, no frame rate.
    pub fn new(format: VideoFormat, width: usize, height: usize) -> Result<Self, Failure> {
        if !(1..=MAX_DIMENSION).contains(&width) || !(1..=MAX_DIMENSION).contains(&height) {
            let message = format!("got video of {width}x{height}, expected 1 to {MAX_DIMENSION}");
            return Err(Failure::not_supported(message));
        }
        let (planes, plane_count, size) = lay_out(format, width, height);
        Ok(Self {
            format,
            width,
            height,
            fps: Fraction::new(0, 1),
            par: Fraction::new(1, 1),
            colorimetry: Colorimetry::default_for(format, height),
            size,
            planes,
            plane_count,
        })
    }

    /// The same with a frame rate.
    #[must_use]
    pub fn with_fps(mut self, fps: Fraction) -> Self {
        self.fps = fps;
        self
    }

    /// All of a frame.
    pub fn rect(&self) -> Rect {
        Rect {
            x: 0.0,
            y: 0.0,
            width: self.width as f32,
            height: self.height as f32,
        }
    }

    /// From fixed caps `video/x-raw`.
    pub fn from_caps(caps: &Caps) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::not_negotiated(format!("{what} in caps `{caps}`"));
        let Some(structure) = caps.first().filter(|s| s.name == "video/x-raw") else {
            return Err(wrong("no `video/x-raw`"));
        };
        let format = structure
            .string("format")
            .ok_or_else(|| wrong("no fixed `format`"))?;
        let format = VideoFormat::from_name(format)
            .ok_or_else(|| wrong(&format!("no known `format` (`{format}`)")))?;
        let width = size_field(structure, "width").ok_or_else(|| wrong("no fixed `width`"))?;
        let height = size_field(structure, "height").ok_or_else(|| wrong("no fixed `height`"))?;
        let mut info = Self::new(format, width, height)?;
        if structure
            .string("interlace-mode")
            .is_some_and(|mode| mode != "progressive")
        {
            return Err(wrong("interlaced video"));
        }
        info.fps = structure.fraction("framerate").unwrap_or(info.fps);
        info.par = structure.fraction("pixel-aspect-ratio").unwrap_or(info.par);
        if let Some(text) = structure.string("colorimetry") {
            info.colorimetry = Colorimetry::from_text(text, info.colorimetry)
                .ok_or_else(|| wrong("no known `colorimetry`"))?;
        }
        Ok(info)
    }

    /// As fixed caps. What has its default (square pixels, the format's usual
    /// colorimetry) is left out.
    pub fn to_caps(&self) -> Caps {
        let mut builder = Caps::builder("video/x-raw")
            .field("format", self.format.as_str())
            .field("width", self.width as i32)
            .field("height", self.height as i32)
            .field("framerate", self.fps);
        if self.par != Fraction::new(1, 1) {
            builder = builder.field("pixel-aspect-ratio", self.par);
        }
        if self.colorimetry != Colorimetry::default_for(self.format, self.height) {
            builder = builder.field("colorimetry", self.colorimetry.to_string());
        }
        builder.build()
    }

    /// Where the planes lie: one to three.
    pub fn planes(&self) -> &[PlaneLayout] {
        self.planes.get(..self.plane_count).unwrap_or_default()
    }

    /// Where one plane lies; empty if there is no such plane.
    pub fn plane(&self, index: usize) -> PlaneLayout {
        self.planes().get(index).copied().unwrap_or_default()
    }

    /// Presentation time of frame `n` in nanoseconds, rounded down; 0 if the frame
    /// rate is not known.
    pub fn frame_time(&self, n: u64) -> u64 {
        let (num, den) = (u128::from(n), self.fps.denominator.max(0).unsigned_abs());
        let per_second = self.fps.numerator.max(0).unsigned_abs();
        let nanos = num * 1_000_000_000 * u128::from(den);
        nanos
            .checked_div(per_second.into())
            .map_or(0, |nanos| nanos as u64)
    }
}

fn size_field(structure: &Structure, name: &str) -> Option<usize> {
    usize::try_from(structure.int(name)?).ok()
}

/// Planes, how many of them, and bytes of the frame. Both sizes are at most
/// [`MAX_DIMENSION`], so that nothing here can overflow.
fn lay_out(format: VideoFormat, width: usize, height: usize) -> ([PlaneLayout; 3], usize, usize) {
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let plane = |offset, row_bytes: usize, width, height| {
        let stride = row_bytes.next_multiple_of(4);
        PlaneLayout {
            offset,
            stride,
            row_bytes,
            width,
            height,
        }
    };
    let none = PlaneLayout::default();
    match format.family() {
        Family::Rgb { bytes, .. } => {
            let only = plane(0, width * bytes, width, height);
            ([only, none, none], 1, only.stride * height)
        }
        Family::Gray => {
            let only = plane(0, width, width, height);
            ([only, none, none], 1, only.stride * height)
        }
        Family::Packed422 { .. } => {
            let only = plane(0, half_width * 4, half_width, height);
            ([only, none, none], 1, only.stride * height)
        }
        Family::Planar { .. } => {
            let luma = plane(0, width, width, height);
            let first = plane(
                luma.stride * half_height * 2,
                half_width,
                half_width,
                half_height,
            );
            let chroma_bytes = first.stride * half_height;
            let second = PlaneLayout {
                offset: first.offset + chroma_bytes,
                ..first
            };
            ([luma, first, second], 3, second.offset + chroma_bytes)
        }
        Family::SemiPlanar { .. } => {
            let luma = plane(0, width, width, height);
            let mut pairs = plane(
                luma.stride * half_height * 2,
                half_width * 2,
                half_width,
                half_height,
            );
            pairs.stride = luma.stride;
            (
                [luma, pairs, none],
                2,
                pairs.offset + pairs.stride * half_height,
            )
        }
    }
}
