//! The pipeline's clock: real, or virtual for runs that shall be fast and repeatable.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a pipeline's time is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockKind {
    /// The system's monotonic clock.
    #[default]
    System,
    /// Time jumps to whatever is waited for.
    Virtual,
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// The time has come; late by so many nanoseconds.
    Reached { late_nanos: u64 },
    /// The pipeline is being stopped.
    Flushing,
    /// Whoever waits has something else to do.
    Unwanted,
}

/// Clock, base time and the flag that ends all waiting.
#[derive(Debug)]
pub(crate) struct PipelineClock {
    kind: ClockKind,
    origin: Instant,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Clock time at which the pipeline began to play.
    base: Option<u64>,
    /// Time of a virtual clock.
    virtual_now: u64,
    /// The running time at which it stands still.
    paused: Option<u64>,
    flushing: bool,
}

impl State {
    /// Running time when the clock shows `now`.
    fn running_time(&self, now: u64) -> u64 {
        let running = self.base.map_or(0, |base| now.saturating_sub(base));
        self.paused.map_or(running, |paused| running.min(paused))
    }
}

impl PipelineClock {
    pub(crate) fn new(kind: ClockKind) -> Self {
        Self {
            kind,
            origin: Instant::now(),
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time of the clock in nanoseconds.
    pub(crate) fn now(&self) -> u64 {
        match self.kind {
            ClockKind::System => self.at(Instant::now()),
            ClockKind::Virtual => self.state().virtual_now,
        }
    }

    /// Time of the clock at an instant.
    fn at(&self, instant: Instant) -> u64 {
        u64::try_from(instant.saturating_duration_since(self.origin).as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether it goes on by itself.
    pub(crate) fn is_real(&self) -> bool {
        self.kind == ClockKind::System
    }

    /// Running time begins now.
    pub(crate) fn play(&self) {
        let now = self.now();
        self.state().base = Some(now);
    }

    /// Time since the pipeline began to play; 0 before.
    pub(crate) fn running_time(&self) -> u64 {
        let now = self.now();
        self.state().running_time(now)
    }

    /// Running time at an instant, such as a frame's capture.
    pub(crate) fn running_time_at(&self, instant: Instant) -> u64 {
        match self.kind {
            ClockKind::System => {
                let at = self.at(instant);
                self.state().running_time(at)
            }
            ClockKind::Virtual => self.running_time(),
        }
    }

    /// Lets running time stand still; whether it went on before.
    pub(crate) fn pause(&self) -> bool {
        let now = self.now();
        let mut state = self.state();
        if state.paused.is_some() || state.base.is_none() {
            return false;
        }
        state.paused = Some(state.running_time(now));
        true
    }

    /// Lets running time go on from where it stands; whether it stood.
    pub(crate) fn resume(&self) -> bool {
        let now = self.now();
        let mut state = self.state();
        let Some(paused) = state.paused.take() else {
            return false;
        };
        state.base = Some(now.saturating_sub(paused));
        drop(state);
        self.changed.notify_all();
        true
    }

    /// Whether running time stands still.
    pub(crate) fn is_paused(&self) -> bool {
        self.state().paused.is_some()
    }

    /// Waits while running time stands still.
    pub(crate) fn wait_while_paused(&self) {
        let waiting = |state: &mut State| state.paused.is_some() && !state.flushing;
        let state = self.changed.wait_while(self.state(), waiting);
        drop(state);
    }

    /// Waits until a running time, or the end of the pipeline.
    pub(crate) fn wait_until(&self, running_time: u64) -> Waited {
        self.wait_unless(running_time, || false)
    }

    /// The same, but no longer than until it is unwanted: who makes it so calls
    /// [`Self::wake`] afterwards.
    pub(crate) fn wait_unless(&self, running_time: u64, is_unwanted: impl Fn() -> bool) -> Waited {
        let mut state = self.state();
        loop {
            if state.flushing {
                return Waited::Flushing;
            }
            if is_unwanted() {
                return Waited::Unwanted;
            }
            if state.paused.is_some() {
                let waited = self.changed.wait(state);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let target = state.base.unwrap_or(0).saturating_add(running_time);
            let now = match self.kind {
                ClockKind::System => self.at(Instant::now()),
                ClockKind::Virtual => {
                    state.virtual_now = state.virtual_now.max(target);
                    return Waited::Reached {
                        late_nanos: state.virtual_now - target,
                    };
                }
            };
            if now >= target {
                return Waited::Reached {
                    late_nanos: now - target,
                };
            }
            let (guard, _) = self
                .changed
                .wait_timeout(state, Duration::from_nanos(target - now))
                .unwrap_or_else(PoisonError::into_inner);
            state = guard;
        }
    }

    /// Lets all who wait look at whether they still want to.
    pub(crate) fn wake(&self) {
        // Who has looked and does not wait yet holds the lock.
        drop(self.state());
        self.changed.notify_all();
    }

    /// Ends all waiting, for good.
    pub(crate) fn flush(&self) {
        self.state().flushing = true;
        self.changed.notify_all();
    }

    /// Whether waiting has been ended.
    pub(crate) fn is_flushing(&self) -> bool {
        self.state().flushing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_clock_jumps_and_never_falls() {
        let clock = PipelineClock::new(ClockKind::Virtual);
        clock.play();
        assert_eq!(
            clock.wait_until(5_000_000_000),
            Waited::Reached { late_nanos: 0 }
        );
        assert_eq!(clock.running_time(), 5_000_000_000);
        assert_eq!(
            clock.wait_until(1_000_000_000),
            Waited::Reached {
                late_nanos: 4_000_000_000
            }
        );
        assert_eq!(clock.running_time(), 5_000_000_000);
        clock.flush();
        assert_eq!(clock.wait_until(9_000_000_000), Waited::Flushing);
    }

    #[test]
    fn who_is_woken_looks_at_whether_to_wait_on() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let (clock, unwanted) = (
            PipelineClock::new(ClockKind::System),
            AtomicBool::new(false),
        );
        clock.play();
        std::thread::scope(|scope| {
            let waiter =
                scope.spawn(|| clock.wait_unless(u64::MAX, || unwanted.load(Ordering::Acquire)));
            clock.wake();
            unwanted.store(true, Ordering::Release);
            clock.wake();
            assert_eq!(waiter.join().unwrap(), Waited::Unwanted);
        });
    }

    #[test]
    fn a_paused_clock_stands_still_and_goes_on_from_there() {
        for kind in [ClockKind::System, ClockKind::Virtual] {
            let clock = PipelineClock::new(kind);
            assert!(!clock.pause(), "it does not run yet");
            clock.play();
            clock.wait_until(2_000_000);
            assert!(clock.pause() && !clock.pause());
            let stood = clock.running_time();
            std::thread::sleep(Duration::from_millis(2));
            assert_eq!(clock.running_time(), stood);
            std::thread::scope(|scope| {
                let waiter = scope.spawn(|| clock.wait_until(stood + 1));
                assert!(clock.resume() && !clock.resume());
                assert!(matches!(waiter.join().unwrap(), Waited::Reached { .. }));
            });
            assert!(clock.running_time() > stood);
            clock.pause();
            clock.flush();
            assert_eq!(clock.wait_until(u64::MAX), Waited::Flushing);
        }
    }
}
