//! Sends what a camera sees, as the camera sends it.
//!
//! ```text
//!  camera ──▶ src (video/x-raw or image/jpeg)
//! ```
//!
//! `camerasrc ! videoconvert ! windowsink`

use core::cmp::Reverse;

use millstream_sdk::camera::{self, Capture};
use millstream_sdk::caps::Structure;
use millstream_sdk::prelude::*;

const DEFAULT_DEVICE: &str = "0";
/// What is taken where downstream accepts several sizes and rates.
const PREFERRED_WIDTH: i32 = 1280;
/// See [`PREFERRED_WIDTH`].
const PREFERRED_HEIGHT: i32 = 720;
/// See [`PREFERRED_WIDTH`].
const PREFERRED_FPS: i32 = 30;
/// Frames a second below which movement is jerky: a smaller picture is better.
const SMOOTH_FPS: f64 = 24.0;
/// Nanoseconds between two warnings.
const WARN_EVERY: u64 = 1_000_000_000;

properties! {
    /// What the user sets.
    pub struct Settings {
        /// The camera: its number, as in `/dev/video0`.
        device: String = DEFAULT_DEVICE.to_owned(),
    }
}

/// What caps fix.
#[derive(Debug)]
struct State {
    capture: Capture,
    /// Nanoseconds that a frame is shown, if the frame rate is known.
    duration: Option<u64>,
    counter: Counter,
}

/// The element.
#[derive(Debug)]
pub struct CameraSrc {
    settings: Settings,
    state: Option<State>,
}

impl Source for CameraSrc {
    const INFO: Info = Info::new("camerasrc", "Source/Video", "Sends what a camera sees")
        .needs(&[Capability::Camera])
        .live();
    const CAPS: &'static str = "video/x-raw; image/jpeg";
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            state: None,
        })
    }

    fn caps(&self) -> Result<Caps, Failure> {
        camera::caps(&self.settings.device)
    }

    fn fixate(&self, caps: Caps) -> Result<Caps, Failure> {
        if caps.is_any() {
            return Ok(caps);
        }
        let picked = caps.structures().iter().cloned().map(nearest);
        Ok(picked.min_by_key(rank).map_or_else(Caps::empty, Caps::from))
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        // A camera can be open only once.
        self.state = None;
        let capture = Capture::open(&self.settings.device, caps)?;
        let rate = caps
            .first()
            .and_then(|structure| structure.fraction("framerate"));
        let duration = rate.and_then(frame_nanos);
        self.state = Some(State {
            capture,
            duration,
            counter: Counter::default(),
        });
        Ok(())
    }

    fn produce(&mut self, ctx: &Context) -> Flow {
        let Some(state) = &mut self.state else {
            return Err(Failure::not_negotiated("no caps were set"));
        };
        let Some(mut frame) = state.capture.take()? else {
            return Ok(Outcome::Wait);
        };
        let (offset, is_discont) = state.counter.count(state.capture.lost());
        if let Some(lost) = state.counter.warn(ctx.running_time()) {
            let device = &self.settings.device;
            log!(
                Level::Warning,
                "camera `{device}`: {lost} frames lost, because what follows is too slow; \
                 `queue leaky=downstream` behind `camerasrc` drops them on purpose"
            );
        }
        let mut timing = frame.timing();
        timing.duration = state.duration;
        timing.offset = Some(offset);
        timing.offset_end = Some(offset + 1);
        timing.flags.set(BufferFlags::DISCONT, is_discont);
        frame.set_timing(timing);
        Ok(frame.into())
    }

    fn stop(&mut self, _: &Context) -> Result<(), Failure> {
        self.state = None;
        Ok(())
    }
}

element!(CameraSrc: Source);

/// Numbers the frames, the lost ones too.
#[derive(Debug, Default)]
struct Counter {
    /// Frames lost until now; none before the first frame, since what a camera
    /// sent before the pipeline ran is not missed.
    lost: Option<u64>,
    /// The next frame's number.
    next: u64,
    /// Lost frames that no warning has told.
    untold: u64,
    /// Running time of the last warning in nanoseconds.
    warned: Option<u64>,
}

impl Counter {
    /// A frame's number, and whether frames are missing before it.
    fn count(&mut self, lost: u64) -> (u64, bool) {
        let missing = self.lost.map(|before| lost.saturating_sub(before));
        self.lost = Some(lost);
        let skipped = missing.unwrap_or(0);
        self.untold += skipped;
        let number = self.next + skipped;
        self.next = number + 1;
        (number, missing != Some(0))
    }

    /// Lost frames of which to warn now.
    fn warn(&mut self, now: u64) -> Option<u64> {
        let is_early = self.warned.is_some_and(|warned| now < warned + WARN_EVERY);
        if self.untold == 0 || is_early {
            return None;
        }
        self.warned = Some(now);
        Some(core::mem::take(&mut self.untold))
    }
}

/// What a structure has that is nearest to what is preferred.
fn nearest(mut structure: Structure) -> Structure {
    structure.fixate_nearest_int("width", PREFERRED_WIDTH);
    structure.fixate_nearest_int("height", PREFERRED_HEIGHT);
    structure.fixate_nearest_fraction("framerate", Fraction::new(PREFERRED_FPS, 1));
    structure.fixate()
}

/// Orders fixed structures; the first is the best: smooth, near to the preferred
/// size, then fast, then raw.
fn rank(structure: &Structure) -> (bool, u64, Reverse<u64>, bool) {
    let fps = structure
        .fraction("framerate")
        .map_or(0.0, Fraction::to_f64);
    let side = |name| i64::from(structure.int(name).unwrap_or(0));
    let preferred = i64::from(PREFERRED_WIDTH) * i64::from(PREFERRED_HEIGHT);
    let away = (side("width") * side("height")).abs_diff(preferred);
    let speed = (fps.min(f64::from(PREFERRED_FPS)) * 1000.0) as u64;
    (
        fps < SMOOTH_FPS,
        away,
        Reverse(speed),
        structure.name != "video/x-raw",
    )
}

fn frame_nanos(rate: Fraction) -> Option<u64> {
    let (frames, seconds) = (
        u64::try_from(rate.numerator).ok()?,
        u64::try_from(rate.denominator).ok()?,
    );
    (seconds * 1_000_000_000).checked_div(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_frames_are_numbered_and_flagged() {
        let mut counter = Counter::default();
        let numbers = [3, 3, 5, 5, 6].map(|lost| counter.count(lost));
        assert_eq!(
            numbers,
            [(0, true), (1, false), (4, true), (5, false), (7, true)]
        );
    }

    #[test]
    fn warnings_are_told_once_a_second() {
        let mut counter = Counter::default();
        counter.count(0);
        assert_eq!(counter.warn(0), None);
        counter.count(2);
        assert_eq!(counter.warn(0), Some(2));
        counter.count(5);
        assert_eq!(counter.warn(WARN_EVERY - 1), None);
        assert_eq!(counter.warn(WARN_EVERY), Some(3));
        assert_eq!(counter.warn(3 * WARN_EVERY), None);
    }
}
