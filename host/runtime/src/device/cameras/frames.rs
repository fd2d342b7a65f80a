//! Frames on their way from a camera's thread to its element.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crossbeam::sync::Unparker;

use super::worker::join;
use crate::device::{CameraStream, CapturedFrame, DeviceError};

/// Frames that wait to be taken: 133 ms at 30 frames a second. More would only be
/// older when somebody sees them.
pub(in crate::device) const MAX_FRAMES: usize = 4;

/// Frames on their way from a camera's thread to the element.
pub(in crate::device) struct Frames {
    state: Mutex<State>,
    waker: Unparker,
}

#[derive(Default)]
struct State {
    queue: VecDeque<CapturedFrame>,
    lost: u64,
    failure: Option<DeviceError>,
    stopped: bool,
}

impl Frames {
    pub(in crate::device) fn new(waker: Unparker) -> Self {
        Self {
            state: Mutex::default(),
            waker,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a frame; the oldest is lost where too many wait.
    pub(in crate::device) fn push(&self, frame: CapturedFrame) {
        let mut state = self.state();
        if state.queue.len() >= MAX_FRAMES {
            state.queue.pop_front();
            state.lost += 1;
        }
        state.queue.push_back(frame);
        drop(state);
        self.waker.unpark();
    }

    /// Counts a frame that was lost before it got here.
    pub(super) fn lose(&self) {
        self.state().lost += 1;
    }

    /// Says that no more frames will come, and why. The first reason stays.
    pub(in crate::device) fn fail(&self, error: DeviceError) {
        self.state().failure.get_or_insert(error);
        self.waker.unpark();
    }

    /// Whether nobody wants frames any more.
    pub(in crate::device) fn is_stopped(&self) -> bool {
        self.state().stopped
    }
}

/// The element's end of a camera: frames, and the thread that makes them.
pub(in crate::device) struct Stream {
    frames: Arc<Frames>,
    thread: Option<JoinHandle<()>>,
}

impl Stream {
    pub(in crate::device) fn new(frames: Arc<Frames>, thread: JoinHandle<()>) -> Self {
        Self {
            frames,
            thread: Some(thread),
        }
    }
}

impl CameraStream for Stream {
    fn take(&mut self) -> Result<Option<CapturedFrame>, DeviceError> {
        let mut state = self.frames.state();
        match (state.queue.pop_front(), &state.failure) {
            (Some(frame), _) => Ok(Some(frame)),
            (None, Some(failure)) => Err(failure.clone()),
            (None, None) => Ok(None),
        }
    }

    fn lost(&self) -> u64 {
        self.frames.state().lost
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.frames.state().stopped = true;
        self.thread.take().into_iter().for_each(join);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::{Duration, Instant};

    use crossbeam::sync::Parker;

    use super::*;

    fn frame(value: u8) -> CapturedFrame {
        CapturedFrame {
            bytes: vec![value],
            at: Instant::now(),
        }
    }

    #[test]
    fn the_oldest_is_lost_and_the_failure_comes_last() {
        let parker = Parker::new();
        let frames = Arc::new(Frames::new(parker.unparker().clone()));
        let mut stream = Stream {
            frames: Arc::clone(&frames),
            thread: None,
        };
        assert!(stream.take().unwrap().is_none());
        (0..6).for_each(|value| frames.push(frame(value)));
        frames.lose();
        frames.fail(DeviceError {
            message: "gone".to_owned(),
            hint: None,
        });
        frames.fail(DeviceError {
            message: "later".to_owned(),
            hint: None,
        });
        parker.park();
        let mut taken = Vec::new();
        let error = loop {
            match stream.take() {
                Ok(frame) => taken.extend(frame.unwrap().bytes),
                Err(error) => break error,
            }
        };
        assert_eq!((taken, stream.lost()), (vec![2, 3, 4, 5], 3));
        assert_eq!(error.message, "gone");
    }

    #[test]
    fn dropping_ends_the_thread() {
        let frames = Arc::new(Frames::new(Parker::new().unparker().clone()));
        let theirs = Arc::clone(&frames);
        let thread = thread::spawn(move || {
            while !theirs.is_stopped() {
                thread::sleep(Duration::from_millis(1));
            }
        });
        drop(Stream::new(Arc::clone(&frames), thread));
        assert_eq!(Arc::strong_count(&frames), 1);
    }
}
