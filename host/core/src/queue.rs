//! When a queue is full, and what it does then. Pure rules; the runtime waits.

/// What a full queue does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Leaky {
    /// Lets the writer wait.
    #[default]
    No,
    /// Drops the buffer that arrives.
    Upstream,
    /// Drops the oldest buffers.
    Downstream,
}

/// How urgent a streaming thread is to the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Priority {
    /// As any other.
    #[default]
    Normal,
    /// Runs when nothing else wants the processor.
    Background,
}

impl Priority {
    /// As properties write them.
    pub const WORDS: [&str; 2] = ["normal", "background"];

    /// `normal` for what is no such word.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        match word {
            "background" => Self::Background,
            _ => Self::Normal,
        }
    }
}

/// Limits of a queue (0 means no limit), and its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Most buffers.
    pub max_buffers: u32,
    /// Most bytes.
    pub max_bytes: u64,
    /// Longest stretch of time held, in nanoseconds.
    pub max_time_nanos: u64,
    /// What happens when it is full.
    pub leaky: Leaky,
    /// How long after its time a buffer may leave, in nanoseconds, before it is dropped
    /// instead. None: however late.
    pub max_lateness_nanos: Option<u64>,
    /// Of the thread behind it.
    pub priority: Priority,
}

/// GStreamer's defaults.
impl Default for Settings {
    fn default() -> Self {
        Self {
            max_buffers: 200,
            max_bytes: 10_485_760,
            max_time_nanos: 1_000_000_000,
            leaky: Leaky::No,
            max_lateness_nanos: None,
            priority: Priority::Normal,
        }
    }
}

/// What a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// Buffers.
    pub buffers: u32,
    /// Bytes.
    pub bytes: u64,
    /// Time from the oldest to the newest buffer, in nanoseconds.
    pub time_nanos: u64,
}

impl Level {
    /// The level after one buffer more.
    #[must_use]
    pub const fn plus(self, bytes: u64, time_nanos: u64) -> Self {
        Self {
            buffers: self.buffers.saturating_add(1),
            bytes: self.bytes.saturating_add(bytes),
            time_nanos: self.time_nanos.saturating_add(time_nanos),
        }
    }
}

impl Settings {
    /// Whether one of the limits is reached, so that no buffer may enter.
    pub const fn is_full(&self, level: &Level) -> bool {
        reached(level.buffers as u64, self.max_buffers as u64)
            || reached(level.bytes, self.max_bytes)
            || reached(level.time_nanos, self.max_time_nanos)
    }

    /// Whether one of the limits is reached by half.
    pub const fn is_half_full(&self, level: &Level) -> bool {
        self.is_full(&Level {
            buffers: level.buffers.saturating_mul(2),
            bytes: level.bytes.saturating_mul(2),
            time_nanos: level.time_nanos.saturating_mul(2),
        })
    }
}

const fn reached(level: u64, limit: u64) -> bool {
    limit != 0 && level >= limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn never_more_buffers_than_allowed(max in 1u32..50, sizes in prop::collection::vec(1u64..1000, 0..200)) {
            let settings = Settings { max_buffers: max, max_bytes: 10_000, ..Settings::default() };
            let mut level = Level::default();
            for size in sizes {
                if !settings.is_full(&level) {
                    prop_assert!(level.bytes < settings.max_bytes);
                    level = level.plus(size, 0);
                }
                prop_assert!(level.buffers <= max);
            }
        }

        #[test]
        fn more_in_it_never_makes_room(buffers in 0u32..300, bytes in 0u64..20_000_000, time in 0u64..2_000_000_000) {
            let settings = Settings::default();
            let level = Level { buffers, bytes, time_nanos: time };
            if settings.is_full(&level) {
                prop_assert!(settings.is_full(&level.plus(1, 1)));
            }
        }

        #[test]
        fn a_full_queue_is_half_full_too(buffers in 0u32..300, bytes in 0u64..20_000_000, time in 0u64..2_000_000_000) {
            let settings = Settings::default();
            let level = Level { buffers, bytes, time_nanos: time };
            let half = buffers >= 100 || bytes >= 5_242_880 || time >= 500_000_000;
            prop_assert_eq!(settings.is_half_full(&level), half);
            prop_assert!(half || !settings.is_full(&level));
        }

        #[test]
        fn no_limits_never_full(buffers: u32, bytes: u64, time_nanos: u64) {
            let settings = Settings { max_buffers: 0, max_bytes: 0, max_time_nanos: 0, ..Settings::default() };
            let level = Level { buffers, bytes, time_nanos };
            prop_assert!(!settings.is_full(&level));
        }
    }
}
