//! Decodes JPEG pictures: `multifilesrc location=frames/%05d.jpg ! jpegdec ! videoconvert ! windowsink`.
//!
//! ```text
//!  image/jpeg ──▶ sink [jpegdec] src ──▶ video/x-raw, I420, RGB or GRAY8
//! ```
//!
//! A buffer with a time is a whole picture. Buffers without one are parts of a
//! stream in which pictures follow each other: `filesrc location=a.jpg ! jpegdec`.

mod split;
mod decode;
mod header;
mod scan;
mod huffman;
mod codes;
mod idct;
mod planes;
mod rgb;

use decode::{Kind, Picture};
use millstream_sdk::prelude::*;
use millstream_sdk::role::PictureDecoder;
use split::Splitter;

/// The element.
#[derive(Debug)]
pub struct JpegDec;

impl PictureDecoder for JpegDec {
    const INFO: Info = Info::new("jpegdec", "Codec/Decoder/Image", "Decodes JPEG pictures");
    const SINK_CAPS: &'static str = "image/jpeg";
    const SRC_CAPS: &'static str = "video/x-raw, format={ I420, RGB, GRAY8 }, width=[ 1, 16384 ], height=[ 1, 16384 ], \
             framerate=[ 0/1, 2147483647/1 ]";
    type Splitter = Splitter;
    type Kind = Kind;
    type Picture<'a> = Picture<'a>;
}
element!(JpegDec: PictureDecoder);
