//! Makes test video.
//!
//! ```text
//!  frame number, seed ──▶ src (video/x-raw)
//! ```
//!
//! `videotestsrc pattern=shapes num-buffers=300 ! video/x-raw,width=640,height=480 ! windowsink`
//!
//! Every picture is a function of frame number and `seed` alone. Patterns without
//! motion are drawn once and copied; the others draw only what has moved.
//!
//! `canvas`, `color` and `pack` are how anything is drawn; `still` holds the
//! patterns without motion, `snow`, `ball` and `shapes` those with; `picture`
//! puts them together.

mod ball;
mod canvas;
mod color;
mod pack;
mod picture;
mod random;
mod shapes;
mod snow;
mod still;

use millstream_sdk::prelude::*;
use millstream_sdk::{state, video};
use picture::Picture;
use serde::{Deserialize, Serialize};
use shapes::Moving;

/// What comes out where downstream does not care, as in GStreamer.
const DEFAULT_SIZE: (i32, i32) = (320, 240);
const DEFAULT_FPS: i32 = 30;
/// What a live source that takes over from another one still sends, in nanoseconds:
/// no more than that can have been lost between the two.
const MOST_BEHIND_NANOS: u64 = 1_000_000_000;
/// Of [`Saved`].
const STATE_VERSION: u32 = 1;

choices! {
    /// What is drawn.
    pub enum Pattern {
        /// Colour bars, with a corner of noise.
        Smpte = "smpte",
        /// Noise.
        Snow = "snow",
        /// All black.
        Black = "black",
        /// All white.
        White = "white",
        /// All red.
        Red = "red",
        /// All green.
        Green = "green",
        /// All blue.
        Blue = "blue",
        /// Green and red checkers of 1 pixel.
        Checkers1 = "checkers-1",
        /// Green and red checkers of 2 pixels.
        Checkers2 = "checkers-2",
        /// Green and red checkers of 4 pixels.
        Checkers4 = "checkers-4",
        /// Green and red checkers of 8 pixels.
        Checkers8 = "checkers-8",
        /// Black at the top to white at the bottom.
        Gradient = "gradient",
        /// A white ball that moves over black.
        Ball = "ball",
        /// Labelled shapes that drift, turn and bounce, with ground truth.
        Shapes = "shapes",
    }
}

properties! {
    /// What the user sets.
    pub struct Settings {
        /// What is drawn.
        pattern: Pattern = Pattern::Smpte,
        /// Ends the stream after so many frames; -1 for never.
        num_buffers: i64 = -1 => [range(-1, i64::MAX), unit("frames")],
        /// Sends each frame when its time has come, as a camera does.
        is_live: bool = false,
        /// Where the noise of `snow`, and everything of `shapes`, comes from.
        seed: u32 = 0,
        /// How many shapes there are.
        count: u32 = 6 => [range(1, 64)],
    }
}

/// What caps fix.
#[derive(Debug)]
struct State {
    info: VideoInfo,
    picture: Picture,
}

/// What the next instance needs.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    sent: u64,
    next: Option<u64>,
    /// Of `shapes`; they move on from where they are.
    shapes: Vec<Moving>,
}

/// The element.
#[derive(Debug)]
pub struct VideoTestSrc {
    settings: Settings,
    state: Option<State>,
    /// Frames sent, by this instance or one before it.
    sent: u64,
    /// Number of the next frame; none before the first.
    next: Option<u64>,
    /// The next frame does not follow the one before.
    discont: bool,
}

impl Source for VideoTestSrc {
    const INFO: Info = Info::new("videotestsrc", "Source/Video", "Makes test video");
    const CAPS: &'static str = video::ANY_RAW;
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            state: None,
            sent: 0,
            next: None,
            discont: true,
        })
    }

    fn fixate(&self, caps: Caps) -> Result<Caps, Failure> {
        let Some(mut preferred) = caps.first().cloned() else {
            return Ok(caps);
        };
        preferred.fixate_nearest_int("width", DEFAULT_SIZE.0);
        preferred.fixate_nearest_int("height", DEFAULT_SIZE.1);
        preferred.fixate_nearest_fraction("framerate", Fraction::new(DEFAULT_FPS, 1));
        preferred.fixate_nearest_fraction("pixel-aspect-ratio", Fraction::new(1, 1));
        Ok(preferred.into())
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        let info = VideoInfo::from_caps(caps)?;
        let picture = Picture::new(&self.settings, &info)?;
        self.state = Some(State { info, picture });
        Ok(())
    }

    fn produce(&mut self, ctx: &Context) -> Flow {
        let Some(State { info, picture }) = &mut self.state else {
            return Err(Failure::not_negotiated("asked for a frame before caps"));
        };
        // A frame rate of 0/1 means one picture, as in GStreamer.
        let one_picture = info.fps.numerator == 0;
        let most = u64::try_from(self.settings.num_buffers).unwrap_or(u64::MAX);
        if self.sent >= most.min(if one_picture { 1 } else { u64::MAX }) {
            return Ok(Outcome::Eos);
        }
        let first = if self.settings.is_live {
            frame_at(info, ctx.running_time())
        } else {
            0
        };
        let n = *self.next.get_or_insert(first);
        let (pts, end) = (info.frame_time(n), info.frame_time(n + 1));
        if self.settings.is_live && ctx.running_time() < pts {
            return Ok(Outcome::WaitUntil(pts));
        }
        let mut buffer = ctx.allocate(info.size);
        picture.draw(n, &mut buffer)?;
        buffer.set_timing(Timing {
            pts: Some(pts),
            duration: (!one_picture).then_some(end.saturating_sub(pts)),
            offset: Some(n),
            offset_end: Some(n + 1),
            flags: if core::mem::take(&mut self.discont) {
                BufferFlags::DISCONT
            } else {
                BufferFlags::empty()
            },
            ..Timing::default()
        });
        self.next = Some(n + 1);
        self.sent += 1;
        Ok(buffer.into())
    }

    fn save(&self) -> Option<Vec<u8>> {
        let picture = self.state.as_ref().map(|state| &state.picture);
        let saved = Saved {
            sent: self.sent,
            next: self.next,
            shapes: picture.map(Picture::moving).unwrap_or_default(),
        };
        state::to_bytes(STATE_VERSION, &saved)
    }

    fn restore(&mut self, ctx: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let saved: Saved = state::from_bytes(STATE_VERSION, bytes)?;
        let Some(State { info, picture }) = &mut self.state else {
            return Err(Failure::not_negotiated("state came before caps"));
        };
        let sent = state::count("frames", saved.sent)?;
        let next = state::count("frames", saved.next.unwrap_or(0))?;
        picture.go_on(next.saturating_sub(1), &saved.shapes)?;
        // What is skipped counts as sent: the stream ends with the same frame.
        let late = ctx.running_time().saturating_sub(MOST_BEHIND_NANOS);
        let skipped = match saved.next {
            Some(next) if self.settings.is_live => frame_at(info, late).saturating_sub(next),
            _ => 0,
        };
        self.sent = sent.saturating_add(skipped);
        self.next = saved.next.map(|next| next.saturating_add(skipped));
        self.discont = sent == 0 || skipped > 0;
        Ok(())
    }
}

/// Number of the frame that is shown at a running time in nanoseconds. A live
/// source that was started late (or again) does not send what has passed.
fn frame_at(info: &VideoInfo, nanos: u64) -> u64 {
    let numerator = u128::from(info.fps.numerator.max(0).unsigned_abs());
    let denominator = u128::from(info.fps.denominator.max(1).unsigned_abs());
    (u128::from(nanos) * numerator / (denominator * 1_000_000_000)) as u64
}

element!(VideoTestSrc: Source);
