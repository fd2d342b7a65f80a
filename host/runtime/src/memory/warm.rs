//! What would keep an element waiting for the kernel, on a thread of its own.
//!
//! The kernel takes some microseconds for each page that is touched for the first time, and
//! as long to take it back: a third of a millisecond for a picture of 640x480. Where an
//! element keeps buffers, the one that fills new ones would pay for it, with everybody
//! behind it. One thread for the process pays instead.

use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, Builder};
use std::time::Duration;

use super::frame::{FrameMemory, WeakPool};

/// Requests that wait; what does not fit is done by who asks.
const MAX_WAITING: usize = 64;

/// Who asks has a frame in its hands, and others that take it from there want the
/// processor at once, with the kernel's lock on the process' mappings.
const A_MOMENT: Duration = Duration::from_millis(2);

enum Work {
    Grow(WeakPool),
    Forget(FrameMemory),
}

impl Work {
    fn run(self) {
        match self {
            Self::Grow(pool) => pool.grow(),
            Self::Forget(memory) => memory.forget(),
        }
    }
}

/// Asks for a frame for this pool. Whether it will be looked at.
pub(super) fn ask(pool: WeakPool) -> bool {
    hand_over(Work::Grow(pool)).is_ok()
}

/// Gives a frame's memory back to the machine.
pub(super) fn forget(memory: FrameMemory) {
    if let Err(work) = hand_over(Work::Forget(memory)) {
        work.run();
    }
}

/// Leaves the work to the thread, or gives it back.
fn hand_over(work: Work) -> Result<(), Work> {
    static THREAD: OnceLock<Option<SyncSender<Work>>> = OnceLock::new();
    let start = || {
        let (sender, receiver) = sync_channel::<Work>(MAX_WAITING);
        let run = move || {
            for work in receiver {
                thread::sleep(A_MOMENT);
                work.run();
            }
        };
        let thread = Builder::new().name("frames".to_owned()).spawn(run);
        thread.is_ok().then_some(sender)
    };
    // Miri wants all threads to end before the process.
    if cfg!(miri) {
        return Err(work);
    }
    match THREAD.get_or_init(start) {
        None => Err(work),
        Some(sender) => sender.try_send(work).map_err(|error| match error {
            TrySendError::Full(work) | TrySendError::Disconnected(work) => work,
        }),
    }
}
