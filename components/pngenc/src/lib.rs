//! Encodes video as PNG pictures:
//! `videotestsrc num-buffers=10 ! pngenc ! multifilesink location=frames/%05d.png`.
//!
//! ```text
//!  video/x-raw, RGB, RGBA or GRAY8 ──▶ sink [pngenc] src ──▶ image/png
//! ```

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use millstream_sdk::caps::{Structure, Value};
use millstream_sdk::prelude::*;

/// As GStreamer's.
const DEFAULT_COMPRESSION_LEVEL: u32 = 6;
/// What both pads' caps say.
const SHARED_FIELDS: [&str; 3] = ["width", "height", "framerate"];

properties! {
    /// What the user sets.
    pub struct Settings {
        /// How hard to compress: 0 is not at all, 9 the most and slowest.
        compression_level: u32 = DEFAULT_COMPRESSION_LEVEL => [range(0, 9), playing],
        /// End the stream after one picture.
        snapshot: bool = false => [playing],
    }
}

/// The element.
pub struct PngEnc {
    settings: Settings,
    info: Option<VideoInfo>,
    /// Rows without padding, where the frame has some.
    rows: Vec<u8>,
    /// The picture, before it is as long as its buffer.
    picture: Vec<u8>,
}

impl Element for PngEnc {
    const INFO: Info = Info::new(
        "pngenc",
        "Codec/Encoder/Image",
        "Encodes video as PNG pictures",
    )
    .stateless();
    const PADS: &'static [PadTemplate] = &[
        PadTemplate::sink(
            "sink",
            "video/x-raw, format={ RGB, RGBA, GRAY8 }, width=[ 1, 16384 ], height=[ 1, 16384 ], \
             framerate=[ 0/1, 2147483647/1 ]",
        ),
        PadTemplate::src(
            "src",
            "image/png, width=[ 1, 16384 ], height=[ 1, 16384 ], \
             framerate=[ 0/1, 2147483647/1 ]",
        ),
    ];
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            info: None,
            rows: Vec::new(),
            picture: Vec::new(),
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
        }
        Ok(())
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        self.settings = settings;
        Ok(())
    }

    fn chain(&mut self, ctx: &Context, _: u32, buffer: Buffer) -> Flow {
        self.encode(&buffer.map())?;
        let mut output = ctx.allocate(self.picture.len());
        output.map_overwrite().copy_from_slice(&self.picture);
        output.copy_info(&buffer);
        if self.settings.snapshot {
            let src = ctx
                .pad("src")
                .ok_or_else(|| Failure::failed("no pad `src`"))?;
            ctx.push(src, output);
            return Ok(Outcome::Eos);
        }
        Ok(output.into())
    }
}
element!(PngEnc: Element);

impl PngEnc {
    /// Encodes a frame into `picture`.
    fn encode(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let info = self.info.as_ref();
        let info = info.ok_or_else(|| Failure::not_negotiated("a frame came before caps"))?;
        let frame = VideoFrame::new(info, bytes)?;
        let color = match info.format {
            VideoFormat::GRAY8 => ExtendedColorType::L8,
            VideoFormat::RGBA => ExtendedColorType::Rgba8,
            _ => ExtendedColorType::Rgb8,
        };
        let plane = frame.plane(0);
        let rows = if plane.layout.stride == plane.layout.row_bytes {
            plane.bytes
        } else {
            self.rows.clear();
            plane
                .rows()
                .for_each(|row| self.rows.extend_from_slice(row));
            &self.rows
        };
        self.picture.clear();
        let (width, height) = (info.width as u32, info.height as u32);
        let compression = match self.settings.compression_level {
            0 => CompressionType::Uncompressed,
            level => CompressionType::Level(level.min(9) as u8),
        };
        PngEncoder::new_with_quality(&mut self.picture, compression, FilterType::Adaptive)
            .write_image(rows, width, height, color)
            .map_err(|error| Failure::failed(format!("cannot encode a frame: {error}")))
    }
}

/// What the other pad could carry if one carries `from`.
fn other_side(from: &Structure, is_sink: bool) -> Structure {
    let mut to = if is_sink {
        Structure::new("video/x-raw").field("format", Value::strings(["RGB", "RGBA", "GRAY8"]))
    } else {
        Structure::new("image/png")
    };
    for name in SHARED_FIELDS {
        if let Some(value) = from.get(name) {
            to.set(name, value.clone());
        }
    }
    to
}
