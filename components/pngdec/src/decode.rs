//! One picture: from its bytes to rows of pixels.

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::{ColorType, ImageDecoder, ImageError, Limits};
use millstream_sdk::prelude::*;
use millstream_sdk::role;
use millstream_sdk::video::MAX_DIMENSION;

use crate::split::chunks;

/// The largest frame: what a buffer can hold.
const MAX_FRAME_BYTES: usize = 256 * 1024 * 1024;

/// A picture whose header has been read.
pub struct Picture<'a> {
    decoder: PngDecoder<Cursor<&'a [u8]>>,
    width: usize,
    height: usize,
    layout: Layout,
}

/// How a decoded pixel lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Gray, gray and alpha, RGB, RGBA.
    channels: usize,
    /// Bytes of a channel.
    depth: usize,
}

impl<'a> role::Picture<'a> for Picture<'a> {
    type Kind = Layout;

    fn open(bytes: &'a [u8]) -> Result<Self, Failure> {
        check_palette(bytes)?;
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_DIMENSION as u32);
        limits.max_image_height = Some(MAX_DIMENSION as u32);
        limits.max_alloc = Some(MAX_FRAME_BYTES as u64);
        let decoder =
            PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(|error| damaged(&error))?;
        let (width, height) = decoder.dimensions();
        let (width, height) = (width as usize, height as usize);
        let size = VideoInfo::new(VideoFormat::RGBA, width, height)?.size;
        if size > MAX_FRAME_BYTES || decoder.total_bytes() > MAX_FRAME_BYTES as u64 {
            let message = format!("a picture of {width}x{height} has {size} bytes");
            let message = format!("{message}, expected {MAX_FRAME_BYTES} at most");
            return Err(Failure::not_supported(message));
        }
        let (channels, depth) = match decoder.color_type() {
            ColorType::L8 => (1, 1),
            ColorType::La8 => (2, 1),
            ColorType::Rgb8 => (3, 1),
            ColorType::Rgba8 => (4, 1),
            ColorType::L16 => (1, 2),
            ColorType::La16 => (2, 2),
            ColorType::Rgb16 => (3, 2),
            ColorType::Rgba16 => (4, 2),
            other => return Err(Failure::not_supported(format!("a picture of {other:?}"))),
        };
        Ok(Self {
            decoder,
            width,
            height,
            layout: Layout { channels, depth },
        })
    }

    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn kind(&self) -> Self::Kind {
        self.layout
    }

    fn formats(&self) -> &'static [&'static str] {
        match self.layout.channels {
            1 => &["GRAY8", "RGB"],
            3 => &["RGB"],
            _ => &["RGBA", "RGB"],
        }
    }

    fn decode(self, info: &VideoInfo, output: &mut Buffer) -> Result<(), Failure> {
        let (layout, size) = (self.layout, self.decoder.total_bytes() as usize);
        let row_bytes = self.width * layout.channels * layout.depth;
        let to_channels = info.plane(0).row_bytes / self.width;
        let mut view = output.map_overwrite();
        if layout
            == (Layout {
                channels: to_channels,
                depth: 1,
            })
            && info.plane(0).stride == row_bytes
            && let Some(pixels) = view.get_mut(..size)
        {
            return self
                .decoder
                .read_image(pixels)
                .map_err(|error| damaged(&error));
        }
        let mut pixels = vec![0; size];
        self.decoder
            .read_image(&mut pixels)
            .map_err(|error| damaged(&error))?;
        let mut frame = VideoFrameMut::new(info, &mut view)?;
        for (to, from) in frame
            .plane_mut(0)
            .rows_mut()
            .zip(pixels.chunks_exact(row_bytes))
        {
            let from = from.chunks_exact(layout.channels * layout.depth);
            for (to, from) in to.chunks_exact_mut(to_channels).zip(from) {
                convert(layout, from, to);
            }
        }
        Ok(())
    }
}

/// Writes a pixel as gray, RGB or RGBA.
fn convert(layout: Layout, from: &[u8], to: &mut [u8]) {
    // Channels of 16 bits are in the order of this machine; wasm's is little.
    let most = if layout.depth == 2 {
        usize::from(cfg!(target_endian = "little"))
    } else {
        0
    };
    let channel = |index: usize| {
        from.get(index * layout.depth + most)
            .copied()
            .unwrap_or(255)
    };
    let is_gray = layout.channels < 3;
    for (index, byte) in to.iter_mut().enumerate() {
        *byte = match index {
            3 => channel(layout.channels - 1),
            _ if is_gray => channel(0),
            _ => channel(index),
        };
    }
}

/// Refuses a palette that ends within a colour: crate `png` 0.18 indexes past its end.
///
/// # Source
/// PNG specification, third edition, section 11.2.2: a length that 3 does not divide
/// is an error.
fn check_palette(bytes: &[u8]) -> Result<(), Failure> {
    let lengths = chunks(bytes).filter_map(|(kind, length)| (kind == *b"PLTE").then_some(length));
    match lengths.into_iter().find(|length| length % 3 != 0) {
        Some(length) => Err(Failure::bad_data(format!(
            "cannot decode a picture: a palette of {length} bytes, expected a multiple of 3"
        ))),
        None => Ok(()),
    }
}

fn damaged(error: &ImageError) -> Failure {
    let message = format!("cannot decode a picture: {}", error.to_string().trim_end());
    match error {
        ImageError::Unsupported(_) => Failure::not_supported(message),
        _ => Failure::bad_data(message),
    }
}
