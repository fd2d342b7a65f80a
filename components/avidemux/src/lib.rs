//! Takes MJPEG video out of AVI files:
//! `filesrc location=clip.avi ! avidemux ! jpegdec ! videoconvert ! windowsink`.
//!
//! ```text
//!  video/x-msvideo ──▶ sink [avidemux] src ──▶ image/jpeg
//! ```
//!
//! The file may be cut into buffers anywhere; a picture that lies in one buffer
//! leaves as a slice of it, without a copy. Chunks are taken as they come, so that
//! indices do not matter and files that were cut off can be read.

mod riff;

use std::borrow::Cow;

use millstream_sdk::place::{Follows, Place};
use millstream_sdk::prelude::*;
use millstream_sdk::state;
use millstream_sdk::video::MAX_DIMENSION;
use riff::{Chunk, FourCc, Header, Reader, Want};
use serde::{Deserialize, Serialize};

/// The longest picture in bytes.
const MAX_PICTURE_BYTES: u32 = 64 * 1024 * 1024;
/// The most pictures out of one buffer: the host takes 1,024 a call.
const MAX_PICTURES_PER_BUFFER: usize = 1_000;
/// The most streams whose numbers chunks can name with two digits.
const MAX_STREAMS: u32 = 100;
/// What counts of a stream's header, up to its rate.
const STREAM_HEADER_BYTES: u32 = 28;
/// What counts of a stream's format, up to its codec.
const FORMAT_BYTES: u32 = 20;
/// Where the file does not know its frame rate.
const DEFAULT_FRAMERATE: (i32, i32) = (25, 1);
/// Names that mean that each picture is a JPEG.
const CODECS: [&FourCc; 4] = [b"MJPG", b"mjpg", b"JPEG", b"jpeg"];
const SECOND: u128 = 1_000_000_000;
/// Of [`Saved`].
const STATE_VERSION: u32 = 1;

/// What the headers fixed.
#[derive(Debug, Clone, Copy)]
struct Video {
    /// Names of its chunks: `00dc`, `00db`.
    chunks: [FourCc; 2],
    fps: Fraction,
    /// Its format has come, and its codec is known.
    ready: bool,
}

/// What the next instance needs.
#[derive(Serialize, Deserialize)]
struct Saved {
    reader: Reader,
    place: Place,
    begun: bool,
    streams: u32,
    describes_video: bool,
    /// Names of chunks, frame rate, readiness.
    video: Option<([FourCc; 2], (i32, i32), bool)>,
    caps: Option<String>,
    frame: u64,
    sent_any: bool,
}

/// The element.
pub struct AviDemux {
    reader: Reader,
    place: Place,
    /// What the pictures are.
    caps: Option<Caps>,
    /// The same as another instance left it: downstream is yet to agree.
    unsettled: Option<Caps>,
    /// The file began as an AVI file does.
    begun: bool,
    /// Streams whose headers have come.
    streams: u32,
    /// The last stream header was that of the video.
    describes_video: bool,
    video: Option<Video>,
    /// Number of the next frame.
    frame: u64,
    sent_any: bool,
}

impl Element for AviDemux {
    const INFO: Info = Info::new(
        "avidemux",
        "Codec/Demuxer",
        "Takes MJPEG video out of AVI files",
    );
    const PADS: &'static [PadTemplate] = &[
        PadTemplate::sink("sink", "video/x-msvideo"),
        PadTemplate::src("src", "image/jpeg").caps_from_data(),
    ];
    type Settings = ();

    fn new((): ()) -> Result<Self, Failure> {
        Ok(Self {
            reader: Reader::new(),
            place: Place::default(),
            caps: None,
            unsettled: None,
            begun: false,
            streams: 0,
            describes_video: false,
            video: None,
            frame: 0,
            sent_any: false,
        })
    }

    fn chain(&mut self, ctx: &Context, _: u32, buffer: Buffer) -> Flow {
        if let Some(caps) = self.unsettled.take() {
            ctx.negotiate(src_pad(ctx)?, &caps)?;
        }
        let view = buffer.map();
        let mut input = self.unknown(&buffer, &view);
        let mut pictures = 0;
        loop {
            let (begun, video) = (&mut self.begun, &self.video);
            let decide = |header: &Header| decide(begun, video.as_ref(), header);
            let Some(Chunk { header, data }) = self.reader.next(&mut input, decide)? else {
                break;
            };
            match &header.id {
                b"strh" => self.stream_header(&data),
                b"strf" => self.format(ctx, &data)?,
                _ => {
                    pictures += 1;
                    if pictures > MAX_PICTURES_PER_BUFFER {
                        let message =
                            format!("over {MAX_PICTURES_PER_BUFFER} pictures in one buffer");
                        let hint = "smaller buffers help: `filesrc blocksize=4096`";
                        return Err(Failure::not_supported(message).hint(hint));
                    }
                    let end = view.len() - input.len();
                    self.picture(ctx, header.size, data, |size| {
                        buffer.slice(end - size, size)
                    })?;
                }
            }
        }
        let garbage = self.reader.take_garbage();
        if garbage > 0 {
            log!(
                Level::Warning,
                "damaged: read over {garbage} bytes before frame {}",
                self.frame
            );
        }
        Ok(Outcome::Nothing)
    }

    fn handle_event(&mut self, _: &Context, _: u32, event: &Event) -> Result<Disposition, Failure> {
        if *event == Event::Eos {
            self.finish()?;
        }
        Ok(Disposition::Forward)
    }

    fn save(&self) -> Option<Vec<u8>> {
        let (reader, is_lost) = self.reader.save();
        let video = self.video.map(|video| {
            let fps = (video.fps.numerator, video.fps.denominator);
            (video.chunks, fps, video.ready)
        });
        let saved = Saved {
            reader,
            place: self.place,
            begun: self.begun,
            streams: self.streams,
            describes_video: self.describes_video,
            video,
            caps: self.caps.as_ref().map(Caps::to_string),
            frame: self.frame + u64::from(is_lost),
            sent_any: self.sent_any,
        };
        state::to_bytes(STATE_VERSION, &saved)
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let saved: Saved = state::from_bytes(STATE_VERSION, bytes)?;
        saved.reader.check(MAX_PICTURE_BYTES)?;
        let frame = state::count("frames", saved.frame)?;
        let wrong = || Failure::failed("state of a video that cannot be");
        let caps = saved.caps.map(|text| text.parse::<Caps>()).transpose();
        let caps = caps.map_err(|error| Failure::failed(format!("state of caps: {error}")))?;
        let video = saved
            .video
            .map(|(chunks, (numerator, denominator), ready)| {
                let fps = Fraction::checked(numerator.into(), denominator.into());
                let fps = fps.filter(|fps| fps.numerator > 0 && ready == caps.is_some());
                fps.map(|fps| Video { chunks, fps, ready })
                    .ok_or_else(wrong)
            });
        self.video = video.transpose()?;
        (self.caps, self.unsettled) = (caps.clone(), caps);
        (self.reader, self.place) = (saved.reader, saved.place);
        (self.begun, self.streams) = (saved.begun, saved.streams);
        self.describes_video = saved.describes_video;
        (self.frame, self.sent_any) = (frame, saved.sent_any);
        Ok(())
    }
}
element!(AviDemux: Element);

/// What to do with a chunk.
fn decide(begun: &mut bool, video: Option<&Video>, header: &Header) -> Result<Want, Failure> {
    let is_avi = header.id == *b"RIFF" && matches!(header.list.as_ref(), Some(b"AVI " | b"AVIX"));
    if !*begun && !is_avi {
        let message = "the stream does not begin as an AVI file: `RIFF`, size, `AVI `";
        return Err(Failure::bad_data(message).hint("is the file really an `.avi`?"));
    }
    *begun = true;
    let is_picture = video.is_some_and(|video| video.ready && video.chunks.contains(&header.id));
    Ok(match (&header.id, header.list.as_ref()) {
        (b"RIFF", _) if is_avi => Want::Enter,
        (b"LIST", Some(b"hdrl" | b"strl" | b"movi" | b"rec ")) => Want::Enter,
        (b"strh", _) => Want::Head(STREAM_HEADER_BYTES),
        (b"strf", _) => Want::Head(FORMAT_BYTES),
        _ if is_picture && header.size <= MAX_PICTURE_BYTES => Want::Head(MAX_PICTURE_BYTES),
        _ if is_picture => {
            let size = header.size;
            log!(
                Level::Warning,
                "dropped: a picture of {size} bytes, over {MAX_PICTURE_BYTES}"
            );
            Want::Skip
        }
        _ => Want::Skip,
    })
}

impl AviDemux {
    /// What of a buffer has not come before. Bytes that are missing are told.
    fn unknown<'a>(&mut self, buffer: &Buffer, view: &'a [u8]) -> &'a [u8] {
        match self.place.step(&buffer.timing(), view.len()) {
            Follows::After(known) => view.get(known..).unwrap_or_default(),
            Follows::Gap(bytes) => {
                let frame = self.frame;
                log!(Level::Warning, "{bytes} bytes are missing at frame {frame}");
                self.reader.miss(bytes);
                view
            }
        }
    }

    /// Takes the first stream of video; others are read over.
    fn stream_header(&mut self, data: &[u8]) {
        let index = self.streams;
        self.streams = self.streams.saturating_add(1);
        let is_video = data.starts_with(b"vids");
        self.describes_video = is_video && self.video.is_none() && index < MAX_STREAMS;
        if !self.describes_video {
            let kind = String::from_utf8_lossy(data.get(..4).unwrap_or(data)).into_owned();
            log!(
                Level::Info,
                "stream {index} (`{}`) is read over",
                kind.escape_debug()
            );
            return;
        }
        let (scale, rate) = (number(data, 20).unwrap_or(0), number(data, 24).unwrap_or(0));
        let fps = Fraction::checked(rate.into(), scale.into()).filter(|fps| fps.numerator > 0);
        let fps = fps.unwrap_or_else(|| {
            let fps = Fraction::new(DEFAULT_FRAMERATE.0, DEFAULT_FRAMERATE.1);
            log!(
                Level::Warning,
                "no frame rate in the file ({rate}/{scale}), taking {fps}"
            );
            fps
        });
        let (tens, ones) = ((index / 10) as u8 + b'0', (index % 10) as u8 + b'0');
        let chunks = [[tens, ones, b'd', b'c'], [tens, ones, b'd', b'b']];
        self.video = Some(Video {
            chunks,
            fps,
            ready: false,
        });
    }

    /// Settles the caps, if this is the format of the video.
    fn format(&mut self, ctx: &Context, data: &[u8]) -> Result<(), Failure> {
        let (true, Some(video)) = (self.describes_video, &mut self.video) else {
            return Ok(());
        };
        self.describes_video = false;
        let codec = data.get(16..20).unwrap_or_default();
        if !CODECS.iter().any(|known| known.as_slice() == codec) {
            let name = match codec {
                [0, 0, 0, 0] => "none (raw video)".to_owned(),
                codec => format!("`{}`", String::from_utf8_lossy(codec).escape_debug()),
            };
            let message = format!("got video with codec {name}, expected `MJPG`");
            let hint = "convert it: `ffmpeg -i in.avi -c:v mjpeg -q:v 3 -an out.avi`";
            return Err(Failure::not_supported(message).hint(hint));
        }
        let size = |at| number(data, at).map(|size| size.cast_signed().unsigned_abs() as usize);
        let size = size(4).zip(size(8)).filter(|(width, height)| {
            (1..=MAX_DIMENSION).contains(width) && (1..=MAX_DIMENSION).contains(height)
        });
        let mut caps = Caps::builder("image/jpeg");
        if let Some((width, height)) = size {
            caps = caps
                .field("width", width as i32)
                .field("height", height as i32);
        }
        let caps = caps.field("framerate", video.fps).build();
        ctx.negotiate(src_pad(ctx)?, &caps)?;
        self.caps = Some(caps);
        video.ready = true;
        Ok(())
    }

    /// Sends a picture. An empty one stands for a frame that was dropped.
    fn picture(
        &mut self,
        ctx: &Context,
        size: u32,
        data: Cow<'_, [u8]>,
        slice: impl FnOnce(usize) -> Buffer,
    ) -> Result<(), Failure> {
        let Some(video) = &self.video else {
            return Err(Failure::failed("a picture came before the headers"));
        };
        let (n, fps) = (self.frame, video.fps);
        self.frame += 1;
        if size == 0 {
            return Ok(());
        }
        let mut output = match data {
            Cow::Borrowed(data) => slice(data.len()),
            Cow::Owned(data) => {
                let mut output = ctx.allocate(data.len());
                output.map_overwrite().copy_from_slice(&data);
                output
            }
        };
        let flags = if self.sent_any {
            BufferFlags::empty()
        } else {
            BufferFlags::DISCONT
        };
        let pts = time_of(n, fps);
        let duration = Some(time_of(n + 1, fps).saturating_sub(pts));
        let (offset, offset_end, pts) = (Some(n), Some(n + 1), Some(pts));
        output.set_timing(Timing {
            pts,
            dts: pts,
            duration,
            offset,
            offset_end,
            flags,
        });
        ctx.push(src_pad(ctx)?, output);
        self.sent_any = true;
        Ok(())
    }

    /// Says what the end of the file cut off.
    fn finish(&mut self) -> Result<(), Failure> {
        if !self.video.is_some_and(|video| video.ready) {
            return Err(Failure::bad_data("the file ends and no MJPEG video came"));
        }
        if !self.sent_any {
            return Err(Failure::bad_data("the file ends and no frame came"));
        }
        if let Some((header, got)) = self.reader.unfinished() {
            let (frame, size) = (self.frame, header.size);
            log!(
                Level::Warning,
                "cut off: frame {frame} has {got} of {size} bytes"
            );
        }
        self.reader = Reader::new();
        Ok(())
    }
}

fn src_pad(ctx: &Context) -> Result<u32, Failure> {
    ctx.pad("src")
        .ok_or_else(|| Failure::failed("no pad `src`"))
}

fn number(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..)?
        .first_chunk()
        .map(|bytes| u32::from_le_bytes(*bytes))
}

/// When frame `n` is shown, in nanoseconds. The frame rate is above 0.
fn time_of(n: u64, fps: Fraction) -> u64 {
    let (above, below) = (fps.numerator.unsigned_abs(), fps.denominator.unsigned_abs());
    (u128::from(n) * SECOND * u128::from(below) / u128::from(above.max(1))) as u64
}
