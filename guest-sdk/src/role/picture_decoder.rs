//! [`PictureDecoder`]: pictures of a compressed format, each in a buffer or one after the
//! other in a stream.
//!
//! ```text
//!  sink ──▶ parts of a stream ──▶ [Splitter] ──▶ [Picture] ──▶ src (video/x-raw)
//!      └──▶ whole pictures with times ───────────────▲
//! ```

use core::fmt::Debug;
use core::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Element, Flow, Outcome};
use crate::buffer::{Buffer, BufferFlags, Timing};
use crate::bus::Level;
use crate::caps::{Caps, Fraction, Structure};
use crate::context::{Context, Disposition, Event};
use crate::describe::{Direction, Info, PadTemplate};
use crate::failure::Failure;
use crate::place::{Follows, Place};
use crate::state;
use crate::video::{Colorimetry, VideoInfo};
use crate::{log, properties};

const DEFAULT_MAX_ERRORS: i32 = 10;
/// The most pictures out of one buffer: the host takes 1,024 a call.
const MAX_PICTURES_PER_BUFFER: usize = 1_000;
/// Of [`Saved`].
const STATE_VERSION: u32 = 1;

/// A decoder of pictures, such as JPEG's, on one pad `sink` and one pad `src`.
///
/// A buffer with a time is a whole picture. Buffers without one are parts of a stream in
/// which pictures follow each other.
pub trait PictureDecoder: Sized + 'static {
    /// Name, class, description.
    const INFO: Info;
    /// Everything that the pad `sink` could carry.
    const SINK_CAPS: &'static str;
    /// Everything that the pad `src` could carry.
    const SRC_CAPS: &'static str;
    /// Finds pictures in a stream.
    type Splitter: Splitter;
    /// What tells pictures apart that are decoded to other formats.
    type Kind: Copy + PartialEq + Debug;
    /// A picture whose header has been read.
    type Picture<'a>: Picture<'a, Kind = Self::Kind>;
}

/// Bytes of a stream, and where its pictures lie in them.
pub trait Splitter: Default + Debug {
    /// Adds bytes. A picture that grows beyond what is sensible is a failure.
    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure>;

    /// The next picture that is complete.
    fn next(&mut self) -> Option<Range<usize>>;

    /// What there is of a picture whose end has not come.
    fn rest(&mut self) -> Option<Range<usize>>;

    /// Bytes that belong to no picture yet.
    fn pending(&self) -> &[u8];

    /// The bytes of a picture.
    fn bytes(&self, picture: Range<usize>) -> &[u8];
}

/// A picture whose header has been read.
pub trait Picture<'a>: Sized {
    /// See [`PictureDecoder::Kind`].
    type Kind;

    /// Reads the header. Nothing that depends on the size is allocated yet.
    fn open(bytes: &'a [u8]) -> Result<Self, Failure>;

    /// Width and height in pixels.
    fn size(&self) -> (usize, usize);

    /// What is decoded to the same formats is of one kind.
    fn kind(&self) -> Self::Kind;

    /// The formats that it can be decoded to, the best first.
    fn formats(&self) -> &'static [&'static str];

    /// What the numbers of a format mean, if that has to be said in caps.
    fn colorimetry(_format: &str) -> Option<Colorimetry> {
        None
    }

    /// Decodes into a frame of this picture's size and one of its formats.
    fn decode(self, info: &VideoInfo, output: &mut Buffer) -> Result<(), Failure>;
}

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

/// A [`PictureDecoder`] as an [`Element`].
#[derive(Debug)]
pub struct Adapter<T: PictureDecoder> {
    max_errors: i32,
    splitter: T::Splitter,
    place: Place,
    /// The frame rate that the sink's caps say; 0/1 if it varies.
    fps: Fraction,
    /// What leaves, and for which kind of pictures it was made.
    output: Option<(VideoInfo, T::Kind)>,
    /// Pictures decoded.
    count: u64,
    /// Pictures damaged since the last one that was not, and the last reason.
    errors: i32,
    last_error: Option<Failure>,
}

impl<T: PictureDecoder> Element for Adapter<T> {
    const INFO: Info = T::INFO;
    const PADS: &'static [PadTemplate] = &[
        PadTemplate::sink("sink", T::SINK_CAPS),
        PadTemplate::src("src", T::SRC_CAPS).caps_from_data(),
    ];
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            max_errors: settings.max_errors,
            splitter: T::Splitter::default(),
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
                self.splitter = T::Splitter::default();
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
        let mut splitter = T::Splitter::default();
        splitter.push(&saved.pending)?;
        (self.splitter, self.place) = (splitter, saved.place);
        (self.count, self.errors) = (count, saved.errors.max(0));
        Ok(())
    }
}
impl<T: PictureDecoder> Adapter<T> {
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
        let picture = match T::Picture::open(bytes) {
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
        picture: &T::Picture<'_>,
    ) -> Result<VideoInfo, Failure> {
        let ((width, height), kind) = (picture.size(), picture.kind());
        if let Some((info, known)) = &self.output
            && (info.width, info.height, *known) == (width, height, kind)
        {
            return Ok(info.clone());
        }
        let structure = |format: &&'static str| {
            let structure = Structure::new("video/x-raw")
                .field("format", *format)
                .field("width", width as i32)
                .field("height", height as i32)
                .field("framerate", self.fps);
            match T::Picture::colorimetry(format) {
                Some(colorimetry) => structure.field("colorimetry", colorimetry.to_string()),
                None => structure,
            }
        };
        let caps = Caps::new(picture.formats().iter().map(structure).collect());
        let info = VideoInfo::from_caps(&ctx.negotiate(src, &caps)?)?;
        self.output = Some((info.clone(), kind));
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
