//! Decodes JPEG pictures: `multifilesrc location=frames/%05d.jpg ! jpegdec ! windowsink`.
//!
//! ```text
//!  image/jpeg ──▶ sink [jpegdec] src ──▶ video/x-raw, RGB or GRAY8
//! ```
//!
//! A buffer with a time is a whole picture. Buffers without one are parts of a
//! stream in which pictures follow each other: `filesrc location=a.jpg ! jpegdec`.

mod split;
mod decode;

use decode::Picture;
use millstream_sdk::caps::Value;
use millstream_sdk::place::{Follows, Place};
use millstream_sdk::prelude::*;
use millstream_sdk::state;
use serde::{Deserialize, Serialize};
use split::Splitter;

const DEFAULT_MAX_ERRORS: i32 = 10;
/// The most pictures out of one buffer: the host takes 1,024 a call.
const MAX_PICTURES_PER_BUFFER: usize = 1_000;
/// Of [`Saved`].
const STATE_VERSION: u32 = 1;

properties! {
    /// What the user sets.
    pub struct Settings {
        /// Damaged pictures in a row that are dropped before the element fails; -1
        /// for any number.
        max_errors: i32 = DEFAULT_MAX_ERRORS => [range(-1, i32::MAX.into()), unit("pictures")],
    }
}

/// What the next instance needs.
#[derive(Serialize, Deserialize)]
struct Saved {
    /// Of a picture that is not complete.
    pending: Vec<u8>,
    place: Place,
    count: u64,
    errors: i32,
}

/// The element.
pub struct JpegDec {
    max_errors: i32,
    splitter: Splitter,
    place: Place,
    /// The frame rate that the sink's caps say; 0/1 if it varies.
    fps: Fraction,
    /// What leaves, and whether it was made for gray pictures.
    output: Option<(VideoInfo, bool)>,
    /// Pictures decoded.
    count: u64,
    /// Pictures damaged since the last one that was not, and the last reason.
    errors: i32,
    last_error: Option<Failure>,
}

impl Element for JpegDec {
    const INFO: Info = Info::new("jpegdec", "Codec/Decoder/Image", "Decodes JPEG pictures");
    const PADS: &'static [PadTemplate] = &[
        PadTemplate::sink("sink", "image/jpeg"),
        PadTemplate::src(
            "src",
            "video/x-raw, format={ RGB, GRAY8 }, width=[ 1, 16384 ], height=[ 1, 16384 ], \
             framerate=[ 0/1, 2147483647/1 ]",
        )
        .caps_from_data(),
    ];
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            max_errors: settings.max_errors,
            splitter: Splitter::default(),
            place: Place::default(),
            fps: Fraction::new(0, 1),
            output: None,
            count: 0,
            errors: 0,
            last_error: None,
        })
    }

    fn set_caps(&mut self, ctx: &Context, pad: u32, caps: &Caps) -> Result<(), Failure> {
        if ctx.template(pad)?.direction == Direction::Sink {
            let fps = caps
                .first()
                .and_then(|structure| structure.fraction("framerate"));
            self.fps = fps
                .filter(|fps| fps.numerator > 0)
                .unwrap_or(Fraction::new(0, 1));
            self.output = None;
        }
        Ok(())
    }

    fn chain(&mut self, ctx: &Context, _: u32, buffer: Buffer) -> Flow {
        if buffer.pts().is_some() {
            self.flush(ctx)?;
            self.picture(ctx, &buffer.map(), |output, _| output.copy_info(&buffer))?;
            return Ok(Outcome::Nothing);
        }
        let view = buffer.map();
        let known = match self.place.step(&buffer.timing(), view.len()) {
            Follows::After(known) => known,
            Follows::Gap(bytes) => {
                log!(
                    Level::Warning,
                    "{bytes} bytes are missing after {} pictures",
                    self.count
                );
                self.splitter = Splitter::default();
                0
            }
        };
        self.splitter.push(view.get(known..).unwrap_or_default())?;
        let mut found = 0;
        while let Some(range) = self.splitter.next() {
            found += 1;
            if found > MAX_PICTURES_PER_BUFFER {
                let message = format!("over {MAX_PICTURES_PER_BUFFER} pictures in one buffer");
                let hint = "smaller buffers help: `filesrc blocksize=4096`";
                return Err(Failure::not_supported(message).hint(hint));
            }
            self.part(ctx, range, BufferFlags::empty())?;
        }
        Ok(Outcome::Nothing)
    }

    fn handle_event(
        &mut self,
        ctx: &Context,
        _: u32,
        event: &Event,
    ) -> Result<Disposition, Failure> {
        if *event == Event::Eos {
            self.flush(ctx)?;
            if self.count == 0 {
                let nothing = || Failure::bad_data("the stream ends and no picture came");
                return Err(self.last_error.take().unwrap_or_else(nothing));
            }
        }
        Ok(Disposition::Forward)
    }

    fn save(&self) -> Option<Vec<u8>> {
        let mut saved = Saved {
            pending: Vec::new(),
            place: self.place,
            count: self.count,
            errors: self.errors,
        };
        let pending = self.splitter.pending();
        if pending.len() <= state::MAX_PENDING {
            saved.pending = pending.to_vec();
        } else {
            // Too much: the picture is lost, and its time with it.
            saved.count = self.count.saturating_add(1);
        }
        state::to_bytes(STATE_VERSION, &saved)
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let saved: Saved = state::from_bytes(STATE_VERSION, bytes)?;
        let count = state::count("pictures", saved.count)?;
        let mut splitter = Splitter::default();
        splitter.push(&saved.pending)?;
        (self.splitter, self.place) = (splitter, saved.place);
        (self.count, self.errors) = (count, saved.errors.max(0));
        Ok(())
    }
}
element!(JpegDec: Element);

impl JpegDec {
    /// Decodes what there is of a picture whose end did not come.
    fn flush(&mut self, ctx: &Context) -> Result<(), Failure> {
        let Some(range) = self.splitter.rest() else {
            return Ok(());
        };
        log!(
            Level::Warning,
            "cut off: picture {} has {} bytes and no end",
            self.count,
            range.len()
        );
        self.part(ctx, range, BufferFlags::CORRUPTED)
    }

    /// Decodes a picture out of a stream without times.
    fn part(
        &mut self,
        ctx: &Context,
        range: core::ops::Range<usize>,
        flags: BufferFlags,
    ) -> Result<(), Failure> {
        let splitter = core::mem::take(&mut self.splitter);
        let n = self.count;
        let done = self.picture(ctx, splitter.bytes(range), |output, info| {
            output.set_timing(timing(info, n, flags));
        });
        self.splitter = splitter;
        done
    }

    /// Decodes a picture and sends it, or drops it if it is damaged.
    fn picture(
        &mut self,
        ctx: &Context,
        bytes: &[u8],
        stamp: impl FnOnce(&mut Buffer, &VideoInfo),
    ) -> Result<(), Failure> {
        let src = ctx
            .pad("src")
            .ok_or_else(|| Failure::failed("no pad `src`"))?;
        let picture = match Picture::open(bytes) {
            Ok(picture) => picture,
            Err(failure) => return self.damaged(failure),
        };
        let info = self.negotiated(ctx, src, &picture)?;
        let mut output = ctx.allocate(info.size);
        if let Err(failure) = picture.decode(&info, &mut output) {
            return self.damaged(failure);
        }
        stamp(&mut output, &info);
        ctx.push(src, output);
        self.count += 1;
        self.errors = 0;
        Ok(())
    }

    /// The frame to decode a picture into. Settles the caps where they change.
    fn negotiated(
        &mut self,
        ctx: &Context,
        src: u32,
        picture: &Picture<'_>,
    ) -> Result<VideoInfo, Failure> {
        let Picture {
            width,
            height,
            is_gray,
            ..
        } = *picture;
        if let Some((info, gray)) = &self.output
            && (info.width, info.height, *gray) == (width, height, is_gray)
        {
            return Ok(info.clone());
        }
        let caps = Caps::builder("video/x-raw")
            .field("format", Value::strings(picture.formats().iter().copied()))
            .field("width", width as i32)
            .field("height", height as i32)
            .field("framerate", self.fps)
            .build();
        let info = VideoInfo::from_caps(&ctx.negotiate(src, &caps)?)?;
        self.output = Some((info.clone(), is_gray));
        Ok(info)
    }

    /// Drops a damaged picture, unless there were too many.
    fn damaged(&mut self, failure: Failure) -> Result<(), Failure> {
        self.errors = self.errors.saturating_add(1);
        if self.max_errors >= 0 && self.errors > self.max_errors {
            return Err(failure);
        }
        log!(
            Level::Warning,
            "dropped, after {} pictures: {}",
            self.count,
            failure.message
        );
        self.last_error = Some(failure);
        Ok(())
    }
}

/// When picture `n` of a stream without times is shown.
fn timing(info: &VideoInfo, n: u64, mut flags: BufferFlags) -> Timing {
    if n == 0 {
        flags |= BufferFlags::DISCONT;
    }
    let known = info.fps.numerator > 0;
    let pts = (known || n == 0).then(|| info.frame_time(n));
    let duration = known.then(|| info.frame_time(n + 1).saturating_sub(info.frame_time(n)));
    Timing {
        pts,
        duration,
        offset: Some(n),
        offset_end: Some(n + 1),
        flags,
        ..Timing::default()
    }
}
