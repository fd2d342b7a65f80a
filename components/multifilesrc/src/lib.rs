//! Reads numbered files, one buffer a file:
//! `multifilesrc location=frames/%05d.jpg ! jpegdec ! videoconvert ! windowsink`.
//!
//! ```text
//!  frames/00000.jpg, frames/00001.jpg, … ──▶ [multifilesrc] src ──▶ image/jpeg
//! ```
//!
//! The first number without a file ends the stream. The caps follow from the end
//! of the name, unless `caps` says what they are; times follow from the caps'
//! frame rate.

mod pattern;

use millstream_sdk::prelude::*;
use millstream_sdk::{files, state};
use serde::{Deserialize, Serialize};

use pattern::Pattern;

const DEFAULT_FRAMERATE: (i32, i32) = (25, 1);
/// The largest file: what a buffer can hold.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;
const SECOND: u128 = 1_000_000_000;
/// Of [`Saved`].
const STATE_VERSION: u32 = 1;

/// Which caps files have by the end of their names.
const KNOWN: [(&str, &str); 3] = [
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
    (".png", "image/png"),
];

properties! {
    /// What the user sets.
    pub struct Settings {
        /// Files to read: a path with a place for a number, such as `frames/%05d.jpg`.
        location: FileToRead => [required],
        /// The first number.
        start_index: u32 = 0,
        /// The last number; -1 for none.
        stop_index: i64 = -1 => [range(-1, u32::MAX.into())],
        /// Begin again after the last file, without end.
        r#loop: bool = false,
        /// What the files hold, if the end of their names does not say it.
        caps: Option<Caps>,
        /// Files a second, if `caps` does not say it.
        framerate: Fraction = Fraction::new(DEFAULT_FRAMERATE.0, DEFAULT_FRAMERATE.1),
        /// Buffers until the end of the stream; -1 for no limit.
        num_buffers: i64 = -1 => [range(-1, i64::MAX), unit("buffers")],
    }
}

/// What the next instance needs.
#[derive(Serialize, Deserialize)]
struct Saved {
    /// Number of the next file.
    index: u64,
    sent: u64,
}

/// The element.
pub struct MultiFileSrc {
    settings: Settings,
    pattern: Pattern,
    index: u64,
    sent: u64,
    fps: Option<Fraction>,
}

impl Source for MultiFileSrc {
    const INFO: Info = Info::new(
        "multifilesrc",
        "Source/File",
        "Reads numbered files, one buffer a file",
    )
    .needs(&[Capability::FilesRead]);
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        let pattern = Pattern::parse(&settings.location)?;
        let index = settings.start_index.into();
        Ok(Self {
            settings,
            pattern,
            index,
            sent: 0,
            fps: None,
        })
    }

    fn caps(&self) -> Result<Caps, Failure> {
        if let Some(caps) = &self.settings.caps {
            return Ok(caps.clone());
        }
        let name = self.settings.location.to_ascii_lowercase();
        let known = KNOWN.iter().find(|(end, _)| name.ends_with(end));
        let framerate = self.settings.framerate;
        Ok(known.map_or_else(Caps::any, |(_, media)| {
            Caps::builder(media).field("framerate", framerate).build()
        }))
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        let fps = caps
            .first()
            .and_then(|structure| structure.fraction("framerate"));
        self.fps = fps.filter(|fps| fps.numerator > 0 && fps.denominator > 0);
        Ok(())
    }

    fn produce(&mut self, ctx: &Context) -> Flow {
        if u64::try_from(self.settings.num_buffers).is_ok_and(|most| self.sent >= most) {
            return Ok(Outcome::Eos);
        }
        let first = u64::from(self.settings.start_index);
        if u64::try_from(self.settings.stop_index).is_ok_and(|last| self.index > last) {
            if !self.settings.r#loop || self.sent == 0 {
                return Ok(Outcome::Eos);
            }
            self.index = first;
        }
        match self.read(ctx) {
            Err(failure) if self.sent == 0 => Err(failure),
            Err(failure) if !self.settings.r#loop => {
                log!(
                    Level::Info,
                    "the end after {} files: {}",
                    self.sent,
                    failure.message
                );
                Ok(Outcome::Eos)
            }
            Err(_) => {
                self.index = first;
                self.read(ctx)
            }
            flow => flow,
        }
    }

    fn save(&self) -> Option<Vec<u8>> {
        let Self { index, sent, .. } = *self;
        state::to_bytes(STATE_VERSION, &Saved { index, sent })
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let Saved { index, sent } = state::from_bytes(STATE_VERSION, bytes)?;
        let (index, sent) = (state::count("files", index)?, state::count("files", sent)?);
        (self.index, self.sent) = (index, sent);
        Ok(())
    }
}
element!(MultiFileSrc: Source);

impl MultiFileSrc {
    /// The file at `index`, which then moves on.
    fn read(&mut self, ctx: &Context) -> Flow {
        let path = self.pattern.path(self.index);
        let mut file = files::open_read(&path)?;
        let size = file.size()?;
        if size > MAX_FILE_BYTES {
            let message = format!("file `{path}` has {size} bytes, expected {MAX_FILE_BYTES}");
            return Err(Failure::not_supported(format!("{message} at most")));
        }
        let mut buffer = ctx.allocate(size as usize);
        let got = file.read(&mut buffer.map_overwrite())?;
        buffer.set_size(got);
        buffer.set_timing(self.timing());
        self.index += 1;
        self.sent += 1;
        Ok(buffer.into())
    }

    fn timing(&self) -> Timing {
        let n = self.sent;
        let flags = if n == 0 {
            BufferFlags::DISCONT
        } else {
            BufferFlags::empty()
        };
        let pts = self.fps.map(|fps| time_of(n, fps));
        let end = self.fps.map(|fps| time_of(n + 1, fps));
        let duration = end.zip(pts).map(|(end, pts)| end.saturating_sub(pts));
        Timing {
            pts,
            dts: pts,
            duration,
            offset: Some(n),
            offset_end: Some(n + 1),
            flags,
        }
    }
}

/// When picture `n` is shown, in nanoseconds. The frame rate is above 0.
fn time_of(n: u64, fps: Fraction) -> u64 {
    let (above, below) = (fps.numerator.unsigned_abs(), fps.denominator.unsigned_abs());
    (u128::from(n) * SECOND * u128::from(below) / u128::from(above.max(1))) as u64
}
