//! Decodes PNG pictures: `multifilesrc location=frames/%05d.png ! pngdec ! videoconvert ! windowsink`.
//!
//! ```text
//!  image/png ──▶ sink [pngdec] src ──▶ video/x-raw, RGB, RGBA or GRAY8
//! ```
//!
//! A buffer with a time is a whole picture. Buffers without one are parts of a
//! stream in which pictures follow each other: `filesrc location=a.png ! pngdec`.

mod split;
mod decode;

use decode::{Layout, Picture};
use millstream_sdk::prelude::*;
use millstream_sdk::role::PictureDecoder;
use split::Splitter;

/// The element.
#[derive(Debug)]
pub struct PngDec;

impl PictureDecoder for PngDec {
    const INFO: Info = Info::new("pngdec", "Codec/Decoder/Image", "Decodes PNG pictures");
    const SINK_CAPS: &'static str = "image/png";
    const SRC_CAPS: &'static str = "video/x-raw, format={ RGB, RGBA, GRAY8 }, width=[ 1, 16384 ], height=[ 1, 16384 ], \
             framerate=[ 0/1, 2147483647/1 ]";
    type Splitter = Splitter;
    type Kind = Layout;
    type Picture<'a> = Picture<'a>;
}
element!(PngDec: PictureDecoder);
