//! One picture: from its bytes to a frame.
//!
//! Pictures of the usual kind are decoded here. All others, and those that turn out to
//! be damaged, go through the crate `image`, which knows more kinds and says what is
//! wrong.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::{ColorType, ImageDecoder, ImageError};
use millstream_sdk::prelude::*;
use millstream_sdk::role;
use millstream_sdk::video::Colorimetry;

use crate::header::Header;
use crate::planes::Planes;
use crate::rgb::Rgb;
use crate::scan;

/// The largest frame: what a buffer can hold.
const MAX_FRAME_BYTES: usize = 256 * 1024 * 1024;

/// A picture whose header has been read.
pub struct Picture<'a> {
    bytes: &'a [u8],
    /// None if the general decoder has to do it.
    header: Option<Header<'a>>,
    width: usize,
    height: usize,
    kind: Kind,
}

/// What pictures can be decoded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// GRAY8, RGB.
    Gray,
    /// I420, RGB.
    Yuv,
    /// RGB, I420: chroma has the size of luma, of which I420 keeps a quarter.
    Full,
    /// RGB: what is not of the usual kind.
    Rgb,
}

impl<'a> role::Picture<'a> for Picture<'a> {
    type Kind = Kind;

    fn open(bytes: &'a [u8]) -> Result<Self, Failure> {
        let header = Header::parse(bytes);
        let (width, height, kind) = match &header {
            Some(header) if header.components.len() == 1 => {
                (header.width, header.height, Kind::Gray)
            }
            Some(header) if header.is_full() => (header.width, header.height, Kind::Full),
            Some(header) => (header.width, header.height, Kind::Yuv),
            None => {
                let decoder = general(bytes)?;
                let (width, height) = decoder.dimensions();
                let kind = match decoder.color_type() {
                    ColorType::L8 => Kind::Gray,
                    _ => Kind::Rgb,
                };
                (width as usize, height as usize, kind)
            }
        };
        // As RGB, which is the largest.
        let size = VideoInfo::new(VideoFormat::RGB, width, height)?.size;
        if size > MAX_FRAME_BYTES {
            let message = format!("a picture of {width}x{height} has {size} bytes");
            let message = format!("{message}, expected {MAX_FRAME_BYTES} at most");
            return Err(Failure::not_supported(message));
        }
        Ok(Self {
            bytes,
            header,
            width,
            height,
            kind,
        })
    }

    fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn kind(&self) -> Self::Kind {
        self.kind
    }

    fn formats(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Gray => &["GRAY8", "RGB"],
            Kind::Yuv => &["I420", "RGB"],
            Kind::Full => &["RGB", "I420"],
            Kind::Rgb => &["RGB"],
        }
    }

    fn colorimetry(format: &str) -> Option<Colorimetry> {
        (format == "I420").then_some(Colorimetry::JPEG)
    }

    fn decode(self, info: &VideoInfo, output: &mut Buffer) -> Result<(), Failure> {
        let mut view = output.map_overwrite();
        if let Some(header) = &self.header {
            let mut frame = VideoFrameMut::new(info, &mut view)?;
            let done = if info.format.is_rgb() {
                let mut rgb = Rgb::new(header, frame.plane_mut(0));
                rgb.as_mut().map(|rgb| scan::decode(header, rgb))
            } else {
                Some(scan::decode(header, &mut Planes::new(header, frame)))
            };
            if matches!(done, Some(Ok(()))) {
                return Ok(());
            }
        }
        self.decode_generally(info, &mut view)
    }
}

impl Picture<'_> {
    /// With the general decoder.
    fn decode_generally(&self, info: &VideoInfo, view: &mut [u8]) -> Result<(), Failure> {
        let decoder = general(self.bytes)?;
        let channels = if decoder.color_type() == ColorType::L8 {
            1
        } else {
            3
        };
        let size = decoder.total_bytes() as usize;
        let row_bytes = self.width * channels;
        let (width, height) = decoder.dimensions();
        if (width as usize, height as usize) != (self.width, self.height) {
            return Err(Failure::bad_data(
                "cannot decode a picture: it has two sizes",
            ));
        }
        let mut pixels = vec![0; size];
        decoder
            .read_image(&mut pixels)
            .map_err(|error| damaged(&error))?;
        let mut frame = VideoFrameMut::new(info, view)?;
        if info.format == VideoFormat::I420 {
            to_planes(&pixels, row_bytes, channels, &mut frame);
            return Ok(());
        }
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

/// RGB, or gray, to I420.
fn to_planes(pixels: &[u8], row_bytes: usize, channels: usize, frame: &mut VideoFrameMut<'_>) {
    let [mut luma, mut u, mut v] = frame.planes_mut();
    let rgb = |pixel: &[u8]| match *pixel {
        [red, green, blue] => [red, green, blue].map(f32::from),
        _ => [pixel.first().copied().unwrap_or_default().into(); 3],
    };
    let brightness = |[red, green, blue]: [f32; 3]| 0.299 * red + 0.587 * green + 0.114 * blue;
    let rows = pixels.chunks_exact(row_bytes).zip(luma.rows_mut());
    for (from, to) in rows {
        for (pixel, to) in from.chunks_exact(channels).zip(to) {
            *to = brightness(rgb(pixel)).round() as u8;
        }
    }
    let chroma = u.rows_mut().zip(v.rows_mut());
    for (rows, (u, v)) in pixels.chunks(row_bytes * 2).zip(chroma) {
        for (n, (u, v)) in u.iter_mut().zip(v).enumerate() {
            let pairs = rows.chunks_exact(row_bytes).flat_map(|row| {
                let pixels = row.chunks_exact(channels);
                pixels.skip(n * 2).take(2)
            });
            let (mut sum, mut count) = ([0.0; 3], 0.0);
            for pixel in pairs {
                sum.iter_mut()
                    .zip(rgb(pixel))
                    .for_each(|(sum, of)| *sum += of);
                count += 1.0;
            }
            let mean = sum.map(|sum| sum / f32::max(count, 1.0));
            let [red, _, blue] = mean;
            // Blue and red less luma, in units of which 255 are from end to end.
            *u = (128.0 + (blue - brightness(mean)) / 1.772).round() as u8;
            *v = (128.0 + (red - brightness(mean)) / 1.402).round() as u8;
        }
    }
}

fn general(bytes: &[u8]) -> Result<JpegDecoder<Cursor<&[u8]>>, Failure> {
    JpegDecoder::new(Cursor::new(bytes)).map_err(|error| damaged(&error))
}

fn damaged(error: &ImageError) -> Failure {
    let message = format!("cannot decode a picture: {}", error.to_string().trim_end());
    match error {
        ImageError::Unsupported(_) => Failure::not_supported(message),
        _ => Failure::bad_data(message),
    }
}
