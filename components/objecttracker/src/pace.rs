//! [`Pace`]: how many frames lie between two buffers, by their timestamps.

use millstream_sdk::buffer::{BufferFlags, Timing};
use serde::{Deserialize, Serialize};

/// A frame's time where neither caps nor buffers say one: 30 frames a second.
const DEFAULT_FRAME_NANOS: u64 = 1_000_000_000 / 30;

/// What a buffer's timing says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// It is so many frames after the one before; above 0.
    Frames(f64),
    /// It does not continue what was before.
    Reset,
}

/// The time of a frame, and of the buffer before.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Pace {
    /// By the caps.
    #[serde(skip)]
    nominal: Option<u64>,
    duration: Option<u64>,
    last: Option<u64>,
}

impl Pace {
    /// Takes the frame rate over; none where it varies.
    pub fn set_frame_nanos(&mut self, nanos: Option<u64>) {
        self.nominal = nanos.filter(|nanos| *nanos > 0);
    }

    /// Goes on where another one was; the frame rate stays that of the caps.
    pub fn go_on(&mut self, other: Self) {
        let nominal = self.nominal;
        *self = Self { nominal, ..other };
    }

    /// Nanoseconds of a frame: of the caps, else of the last buffer, else a 30th of
    /// a second.
    pub fn frame_nanos(&self) -> u64 {
        let known = self.nominal.or(self.duration);
        known.unwrap_or(DEFAULT_FRAME_NANOS)
    }

    /// Takes a buffer in. A jump of more than `gap` nanoseconds, to either side, on
    /// a buffer that is marked as discontinuous is a reset. Without timestamps, or
    /// where they do not rise, it is the next frame.
    pub fn step(&mut self, timing: &Timing, gap: u64) -> Step {
        self.duration = timing.duration.filter(|d| *d > 0).or(self.duration);
        let Some(pts) = timing.pts else {
            return Step::Frames(1.0);
        };
        let Some(last) = self.last.replace(pts) else {
            return Step::Frames(1.0);
        };
        if timing.flags.contains(BufferFlags::DISCONT) && pts.abs_diff(last) > gap {
            return Step::Reset;
        }
        match pts.checked_sub(last) {
            Some(nanos) if nanos > 0 => Step::Frames(nanos as f64 / self.frame_nanos() as f64),
            _ => Step::Frames(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_between_buffers() {
        const MS: u64 = 1_000_000;
        let check = |nominal, steps: &[(Option<u64>, bool, Step)]| {
            let mut pace = Pace::default();
            pace.set_frame_nanos(nominal);
            for (n, (pts, discont, expected)) in steps.iter().enumerate() {
                let flags = if *discont {
                    BufferFlags::DISCONT
                } else {
                    BufferFlags::empty()
                };
                let timing = Timing {
                    pts: *pts,
                    duration: Some(20 * MS),
                    flags,
                    ..Timing::default()
                };
                assert_eq!(pace.step(&timing, 1000 * MS), *expected, "step {n}");
            }
        };
        let frames = Step::Frames;
        check(
            Some(40 * MS),
            &[
                (Some(40 * MS), true, frames(1.0)),
                (Some(80 * MS), false, frames(1.0)),
                (Some(240 * MS), false, frames(4.0)),
                (None, false, frames(1.0)),
                (Some(250 * MS), false, frames(0.25)),
                (Some(250 * MS), false, frames(1.0)),
                (Some(1250 * MS), true, frames(25.0)),
                (Some(2251 * MS), true, Step::Reset),
                (Some(0), true, Step::Reset),
                (Some(9000 * MS), false, frames(225.0)),
                (Some(u64::MAX), true, Step::Reset),
                (Some(0), false, frames(1.0)),
            ],
        );
        check(
            None,
            &[
                (Some(0), true, frames(1.0)),
                (Some(60 * MS), false, frames(3.0)),
            ],
        );
        check(
            Some(0),
            &[
                (Some(0), true, frames(1.0)),
                (Some(60 * MS), false, frames(3.0)),
            ],
        );
    }
}
