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
use millstream_sdk::state;
use serde::{Deserialize, Serialize};

/// Of [`Saved`].
const STATE_VERSION: u32 = 1;

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

/// What the next instance needs.
#[derive(Serialize, Deserialize)]
struct Saved {
    arrived: u64,
    random: u64,
}

/// The element.
#[derive(Debug)]
pub struct Identity {
    settings: Settings,
    /// Buffers that have arrived, here or at an instance before.
    arrived: u64,
    /// Those that have arrived here: one that failed would fail for ever otherwise.
    arrived_here: u64,
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
            arrived_here: 0,
            random,
        })
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        self.settings = settings;
        Ok(())
    }

    fn is_passthrough(&self) -> bool {
        let Settings {
            drop_probability,
            eos_after,
            error_after,
            silent,
            ..
        } = self.settings;
        drop_probability <= 0.0 && eos_after < 0 && error_after < 0 && silent
    }

    fn process(&mut self, _: &Context, buffer: Buffer) -> Flow {
        let reached = |limit: i64, count| u64::try_from(limit).is_ok_and(|limit| count >= limit);
        if reached(self.settings.error_after, self.arrived_here) {
            let message = format!(
                "failed after {} buffers, as `error-after` asks",
                self.arrived_here
            );
            return Err(Failure::failed(message));
        }
        if reached(self.settings.eos_after, self.arrived) {
            return Ok(Outcome::Eos);
        }
        self.arrived += 1;
        self.arrived_here += 1;
        if self.settings.drop_probability > 0.0 && self.chance() < self.settings.drop_probability {
            return Ok(Outcome::Nothing);
        }
        if !self.settings.silent {
            self.tell(&buffer);
        }
        Ok(buffer.into())
    }

    fn save(&self) -> Option<Vec<u8>> {
        let Self {
            arrived, random, ..
        } = *self;
        state::to_bytes(STATE_VERSION, &Saved { arrived, random })
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let Saved { arrived, random } = state::from_bytes(STATE_VERSION, bytes)?;
        self.arrived = state::count("buffers", arrived)?;
        // Of 0 no other number would follow.
        self.random = random.max(1);
        Ok(())
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
        let mut fields = vec![
            ("number", (self.arrived as i64 - 1).into()),
            ("size", size.into()),
        ];
        if let Some(pts) = buffer.pts() {
            fields.push(("pts", (pts as i64).into()));
        }
        post("last-message", &fields);
    }
}

element!(Identity: InPlace);
