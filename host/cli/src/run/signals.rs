//! SIGINT and SIGTERM: the first ends the streams, the second stops at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

/// Signals that came since they were last asked for.
pub(crate) struct Signals {
    came: Arc<AtomicBool>,
    kills: Arc<AtomicBool>,
}

impl Signals {
    /// From now on these signals do not end the process.
    pub(crate) fn new() -> io::Result<Self> {
        let signals = Self {
            came: Arc::default(),
            kills: Arc::default(),
        };
        // A file over the size that the system allows is an error of who writes it, not the
        // end of the process.
        flag::register(SIGXFSZ, Arc::default())?;
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, 1, signals.kills.clone())?;
            flag::register(signal, signals.came.clone())?;
        }
        Ok(signals)
    }

    /// Whether one came.
    pub(crate) fn take(&self) -> bool {
        self.came.swap(false, Ordering::AcqRel)
    }

    /// For when stopping hangs: the next one ends the process with exit code 1.
    pub(crate) fn next_one_kills(&self) {
        self.kills.store(true, Ordering::Release);
    }
}
