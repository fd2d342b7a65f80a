//! One picture: from its bytes to rows of pixels.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::{ColorType, ImageDecoder, ImageError};
use millstream_sdk::prelude::*;
use millstream_sdk::role;

/// The largest frame: what a buffer can hold.
const MAX_FRAME_BYTES: usize = 256 * 1024 * 1024;

/// A picture whose header has been read.
pub struct Picture<'a> {
    decoder: JpegDecoder<Cursor<&'a [u8]>>,
    width: usize,
    height: usize,
    is_gray: bool,
}

impl<'a> role::Picture<'a> for Picture<'a> {
    type Kind = bool;

    fn open(bytes: &'a [u8]) -> Result<Self, Failure> {
        let decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(|error| damaged(&error))?;
        let (width, height) = decoder.dimensions();
        let (width, height) = (width as usize, height as usize);
        let is_gray = decoder.color_type() == ColorType::L8;
        let size = VideoInfo::new(VideoFormat::RGB, width, height)?.size;
        if size > MAX_FRAME_BYTES || decoder.total_bytes() > MAX_FRAME_BYTES as u64 {
            let message = format!("a picture of {width}x{height} has {size} bytes");
            let message = format!("{message}, expected {MAX_FRAME_BYTES} at most");
            return Err(Failure::not_supported(message));
        }
        Ok(Self {
            decoder,
            width,
            height,
            is_gray,
        })
    }

    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn kind(&self) -> Self::Kind {
        self.is_gray
    }

    fn formats(&self) -> &'static [&'static str] {
        if self.is_gray {
            &["GRAY8", "RGB"]
        } else {
            &["RGB"]
        }
    }

    fn decode(self, info: &VideoInfo, output: &mut Buffer) -> Result<(), Failure> {
        let (size, channels) = (
            self.decoder.total_bytes() as usize,
            if self.is_gray { 1 } else { 3 },
        );
        let to_gray = info.format == VideoFormat::GRAY8;
        let row_bytes = self.width * channels;
        let mut view = output.map_overwrite();
        if to_gray == self.is_gray
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
            if to.len() == from.len() {
                to.copy_from_slice(from);
            } else {
                to.chunks_exact_mut(3)
                    .zip(from)
                    .for_each(|(pixel, gray)| pixel.fill(*gray));
            }
        }
        Ok(())
    }
}

fn damaged(error: &ImageError) -> Failure {
    let message = format!("cannot decode a picture: {}", error.to_string().trim_end());
    match error {
        ImageError::Unsupported(_) => Failure::not_supported(message),
        _ => Failure::bad_data(message),
    }
}
