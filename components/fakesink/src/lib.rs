//! Takes buffers and drops them.
//!
//! ```text
//!  sink (ANY) ──▶ nothing
//! ```
//!
//! `videotestsrc num-buffers=100 ! fakesink silent=false`

use millstream_sdk::bus::post;
use millstream_sdk::prelude::*;
use millstream_sdk::state;

/// Of the number of buffers taken.
const STATE_VERSION: u32 = 1;

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
    /// Buffers taken, by this instance or one before it.
    taken: u64,
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
        if self.is_full() {
            return Ok(Outcome::Eos);
        }
        self.taken += 1;
        if !self.settings.silent {
            self.tell(&buffer);
        }
        if self.is_full() {
            return Ok(Outcome::Eos);
        }
        Ok(Outcome::Nothing)
    }

    fn save(&self) -> Option<Vec<u8>> {
        state::to_bytes(STATE_VERSION, &self.taken)
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        self.taken = state::count("buffers", state::from_bytes(STATE_VERSION, bytes)?)?;
        Ok(())
    }
}

impl FakeSink {
    fn is_full(&self) -> bool {
        u64::try_from(self.settings.num_buffers).is_ok_and(|most| self.taken >= most)
    }

    fn tell(&self, buffer: &Buffer) {
        let size = buffer.size() as i64;
        let mut fields = vec![
            ("number", (self.taken as i64 - 1).into()),
            ("size", size.into()),
        ];
        if let Some(pts) = buffer.pts() {
            fields.push(("pts", (pts as i64).into()));
        }
        post("last-message", &fields);
    }
}

element!(FakeSink: Sink);
