//! Passes buffers on as they are; loses some, or fails, where asked to.
//!
//! ```text
//!  sink (ANY) ──▶ the same buffer ──▶ src (ANY)
//! ```
//!
//! `videotestsrc num-buffers=100 ! identity drop-probability=0.1 seed=7 ! fakesink`
//!
//! The bytes are never touched. What is lost depends on `seed` alone, so that a
//! run can be repeated.

use millstream_sdk::bus::post;
use millstream_sdk::prelude::*;

properties! {
    /// What the user sets.
    pub struct Settings {
        /// Share of the buffers that are lost.
        drop_probability: f64 = 0.0 => [range(0.0, 1.0), playing],
        /// Where the series of random numbers for `drop-probability` begins.
        seed: u32 = 0,
        /// Ends the stream after so many buffers; -1 for never.
        eos_after: i64 = -1 => [range(-1, i64::MAX), unit("buffers")],
        /// Fails after so many buffers; -1 for never.
        error_after: i64 = -1 => [range(-1, i64::MAX), unit("buffers")],
        /// Posts no message for each buffer.
        silent: bool = true => [playing],
    }
}

/// The element.
#[derive(Debug)]
pub struct Identity {
    settings: Settings,
    /// Buffers that have arrived.
    arrived: i64,
    random: u64,
}

impl InPlace for Identity {
    const INFO: Info = Info::new(
        "identity",
        "Generic",
        "Passes buffers on as they are, or loses some",
    );
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        // An odd factor spreads neighbouring seeds; the state must not be 0.
        let random = u64::from(settings.seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        Ok(Self {
            settings,
            arrived: 0,
            random,
        })
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        self.settings = settings;
        Ok(())
    }

    fn process(&mut self, _: &Context, buffer: Buffer) -> Flow {
        if self.arrived == self.settings.error_after {
            let message = format!(
                "failed after {} buffers, as `error-after` asks",
                self.arrived
            );
            return Err(Failure::failed(message));
        }
        if self.arrived == self.settings.eos_after {
            return Ok(Outcome::Eos);
        }
        self.arrived += 1;
        if self.settings.drop_probability > 0.0 && self.chance() < self.settings.drop_probability {
            return Ok(Outcome::Nothing);
        }
        if !self.settings.silent {
            self.tell(&buffer);
        }
        Ok(buffer.into())
    }
}

impl Identity {
    /// The next of a series of numbers from 0 to below 1 (xorshift64*).
    fn chance(&mut self) -> f64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let bits = self.random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }

    fn tell(&self, buffer: &Buffer) {
        let size = buffer.size() as i64;
        let mut fields = vec![("number", (self.arrived - 1).into()), ("size", size.into())];
        if let Some(pts) = buffer.pts() {
            fields.push(("pts", (pts as i64).into()));
        }
        post("last-message", &fields);
    }
}

element!(Identity: InPlace);
