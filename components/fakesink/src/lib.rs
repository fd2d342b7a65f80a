//! Takes buffers and drops them.
//!
//! ```text
//!  sink (ANY) ──▶ nothing
//! ```
//!
//! `videotestsrc num-buffers=100 ! fakesink silent=false`

use millstream_sdk::bus::post;
use millstream_sdk::prelude::*;

properties! {
    /// What the user sets.
    pub struct Settings {
        /// Posts no message for each buffer.
        silent: bool = true => [playing],
        /// Ends the stream after so many buffers; -1 for never.
        num_buffers: i64 = -1 => [range(-1, i64::MAX), unit("buffers")],
    }
}

/// The element.
#[derive(Debug)]
pub struct FakeSink {
    settings: Settings,
    /// Buffers taken.
    taken: i64,
}

impl Sink for FakeSink {
    const INFO: Info = Info::new("fakesink", "Sink", "Takes buffers and drops them");
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self { settings, taken: 0 })
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        self.settings = settings;
        Ok(())
    }

    fn render(&mut self, _: &Context, buffer: Buffer) -> Flow {
        if self.taken == self.settings.num_buffers {
            return Ok(Outcome::Eos);
        }
        self.taken += 1;
        if !self.settings.silent {
            self.tell(&buffer);
        }
        if self.taken == self.settings.num_buffers {
            return Ok(Outcome::Eos);
        }
        Ok(Outcome::Nothing)
    }
}

impl FakeSink {
    fn tell(&self, buffer: &Buffer) {
        let size = buffer.size() as i64;
        let mut fields = vec![("number", (self.taken - 1).into()), ("size", size.into())];
        if let Some(pts) = buffer.pts() {
            fields.push(("pts", (pts as i64).into()));
        }
        post("last-message", &fields);
    }
}

element!(FakeSink: Sink);
