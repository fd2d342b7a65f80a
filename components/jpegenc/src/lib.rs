//! Encodes video as JPEG pictures:
//! `videotestsrc num-buffers=10 ! jpegenc ! multifilesink location=frames/%05d.jpg`.
//!
//! ```text
//!  video/x-raw ──▶ sink [jpegenc] src ──▶ image/jpeg
//! ```

mod encoder;
mod bands;
mod pixels;
mod dct;
mod huffman;
mod tables;

use encoder::Encoder;
use millstream_sdk::caps::{Structure, Value};
use millstream_sdk::prelude::*;

const DEFAULT_QUALITY: u32 = 85;
/// As its sink pad says; the first ones cost least.
const FORMATS: [&str; 11] = [
    "I420", "YV12", "NV12", "NV21", "YUY2", "UYVY", "RGB", "BGR", "RGBx", "BGRx", "GRAY8",
];
/// What both pads' caps say.
const SHARED_FIELDS: [&str; 3] = ["width", "height", "framerate"];

properties! {
    /// What the user sets.
    pub struct Settings {
        /// Quality, as `libjpeg` counts it: 100 is the best.
        quality: u32 = DEFAULT_QUALITY => [range(0, 100), playing],
    }
}

/// The element.
pub struct JpegEnc {
    settings: Settings,
    /// For the present caps and settings; None without caps.
    encoder: Option<Encoder>,
    info: Option<VideoInfo>,
}

impl Element for JpegEnc {
    const INFO: Info = Info::new(
        "jpegenc",
        "Codec/Encoder/Image",
        "Encodes video as JPEG pictures",
    )
    .stateless();
    const PADS: &'static [PadTemplate] = &[
        PadTemplate::sink(
            "sink",
            "video/x-raw, format={ I420, YV12, NV12, NV21, YUY2, UYVY, RGB, BGR, RGBx, BGRx, GRAY8 }, \
             width=[ 1, 16384 ], height=[ 1, 16384 ], framerate=[ 0/1, 2147483647/1 ]",
        ),
        PadTemplate::src(
            "src",
            "image/jpeg, width=[ 1, 16384 ], height=[ 1, 16384 ], \
             framerate=[ 0/1, 2147483647/1 ]",
        ),
    ];
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            encoder: None,
            info: None,
        })
    }

    fn transform_caps(&self, ctx: &Context, _: u32, caps: &Caps, to: u32) -> Result<Caps, Failure> {
        let is_sink = ctx.template(to)?.direction == Direction::Sink;
        if caps.is_any() {
            return self.pad_caps(ctx, to);
        }
        Ok(Caps::new(
            caps.structures()
                .iter()
                .map(|from| other_side(from, is_sink))
                .collect(),
        ))
    }

    fn set_caps(&mut self, ctx: &Context, pad: u32, caps: &Caps) -> Result<(), Failure> {
        if ctx.template(pad)?.direction == Direction::Sink {
            self.info = Some(VideoInfo::from_caps(caps)?);
            self.prepare();
        }
        Ok(())
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        self.settings = settings;
        self.prepare();
        Ok(())
    }

    fn chain(&mut self, ctx: &Context, _: u32, buffer: Buffer) -> Flow {
        let encoder = self.encoder.as_mut();
        let encoder = encoder.ok_or_else(|| Failure::not_negotiated("a frame came before caps"))?;
        let view = buffer.map();
        let picture = encoder.encode(&view)?;
        let mut output = ctx.allocate(picture.len());
        picture.write(&mut output.map_overwrite());
        output.copy_info(&buffer);
        Ok(output.into())
    }
}
element!(JpegEnc: Element);

impl JpegEnc {
    fn prepare(&mut self) {
        let quality = self.settings.quality;
        self.encoder = self.info.as_ref().map(|info| Encoder::new(info, quality));
    }
}

/// What the other pad could carry if one carries `from`.
fn other_side(from: &Structure, is_sink: bool) -> Structure {
    let mut to = if is_sink {
        Structure::new("video/x-raw").field("format", Value::strings(FORMATS))
    } else {
        Structure::new("image/jpeg")
    };
    for name in SHARED_FIELDS {
        if let Some(value) = from.get(name) {
            to.set(name, value.clone());
        }
    }
    to
}
