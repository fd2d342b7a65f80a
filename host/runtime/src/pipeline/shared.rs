//! What all nodes of a pipeline share: clock, bus, and how it ends.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crossbeam::sync::Unparker;

use crate::bus::{Bus, Level, Message};
use crate::clock::PipelineClock;
use crate::element::failure::Failure;

/// State that every node can reach.
pub(crate) struct Shared {
    pub(crate) clock: Arc<PipelineClock>,
    pub(crate) bus: Bus,
    /// Sources shall end their streams.
    eos_requested: AtomicBool,
    failed: AtomicBool,
    branch_failed: AtomicBool,
    open_sinks: AtomicUsize,
    done: Mutex<bool>,
    changed: Condvar,
    /// Wakes every source that waits for a device.
    wakers: Mutex<Vec<Unparker>>,
}

impl Shared {
    pub(crate) fn new(clock: Arc<PipelineClock>, bus: Bus, sinks: usize) -> Self {
        Self {
            clock,
            bus,
            eos_requested: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            branch_failed: AtomicBool::new(false),
            open_sinks: AtomicUsize::new(sinks),
            done: Mutex::new(sinks == 0),
            changed: Condvar::new(),
            wakers: Mutex::default(),
        }
    }

    /// Remembers how to wake a source.
    pub(crate) fn add_waker(&self, waker: Unparker) {
        self.wakers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(waker);
    }

    /// Asks all sources to end their streams.
    pub(crate) fn request_eos(&self) {
        self.eos_requested.store(true, Ordering::Release);
        self.clock.resume();
        self.clock.wake();
        for waker in self
            .wakers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            waker.unpark();
        }
    }

    pub(crate) fn eos_requested(&self) -> bool {
        self.eos_requested.load(Ordering::Acquire)
    }

    /// A sink has had the end of its streams, once for each sink.
    pub(crate) fn sink_finished(&self, _name: &str) {
        if self.open_sinks.fetch_sub(1, Ordering::AcqRel) == 1 {
            if !self.has_failed_anywhere() {
                self.bus.post(Message::Eos);
            }
            *self.done.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.changed.notify_all();
        }
    }

    /// An element failed for good: the sources end, what is under way is finished.
    pub(crate) fn fail(&self, element: &str, during: &str, failure: &Failure) {
        self.failed.store(true, Ordering::Release);
        self.bus.post(Message::Error {
            element: element.to_owned(),
            kind: failure.kind,
            message: format!("{} (in {during})", failure.message),
            hint: failure.hint.clone(),
        });
        self.request_eos();
        self.changed.notify_all();
    }

    /// A branch has ended by a failure; the rest goes on.
    pub(crate) fn fail_branch(&self) {
        self.branch_failed.store(true, Ordering::Release);
    }

    /// Whether some branch ended by a failure, or all did.
    pub(crate) fn has_failed_anywhere(&self) -> bool {
        self.has_failed() || self.branch_failed.load(Ordering::Acquire)
    }

    /// Something went wrong that changes nothing.
    pub(crate) fn warn(&self, element: &str, during: &str, failure: &Failure) {
        self.bus.post(Message::Log {
            element: element.to_owned(),
            level: Level::Warning,
            message: format!("{} (in {during})", failure.message),
        });
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Waits until all sinks are finished; false if the time is up before.
    pub(crate) fn wait_done(&self, limit: Duration) -> bool {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(done, limit, |done| !*done);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits; true if the pipeline is being stopped meanwhile.
    pub(crate) fn pause(&self, time: Duration) -> bool {
        let step = Duration::from_millis(20);
        let mut left = time;
        while !left.is_zero() && !self.clock.is_flushing() {
            let now = left.min(step);
            std::thread::sleep(now);
            left -= now;
        }
        self.clock.is_flushing()
    }
}
