//! Streaming threads: of each source, and behind each queue.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use millstream_core::queue::Priority;

use super::shared::Shared;
use crate::element::failure::Failure;
use crate::error::Error;

/// Elements that no queue parts call each other on a thread's stack, and the last of
/// 1,000 must still have the whole of a guest's. Addresses only until it is used.
const STACK_BYTES: usize = 16 << 20;

/// A thread that has not started.
pub(super) struct StreamingThread {
    /// Of the element that it belongs to.
    pub(super) name: String,
    pub(super) priority: Priority,
    pub(super) shared: Arc<Shared>,
    pub(super) run: Box<dyn FnOnce() + Send>,
}

impl StreamingThread {
    pub(super) fn start(self) -> Result<JoinHandle<()>, Error> {
        let Self {
            name,
            priority,
            shared,
            run,
        } = self;
        let element = name.clone();
        let run = move || {
            if priority == Priority::Background
                && let Err(message) = step_back()
            {
                shared.warn(&element, "thread-priority", &Failure::contract(message));
            }
            run();
        };
        Builder::new()
            .name(name)
            .stack_size(STACK_BYTES)
            .spawn(run)
            .map_err(Error::thread)
    }
}

/// The present thread runs when nothing else wants the processor.
///
/// # Source
/// sched(7), `SCHED_IDLE`: a thread that becomes ready takes the processor from such a
/// one at once, which even the highest nice value does not give.
#[cfg(target_os = "linux")]
fn step_back() -> Result<(), String> {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id,
    };
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy)
        .map_err(|error| format!("the system refuses `SCHED_IDLE`: {error:?}"))
}

#[cfg(not(target_os = "linux"))]
fn step_back() -> Result<(), String> {
    thread_priority::ThreadPriority::Min
        .set_for_current()
        .map_err(|error| format!("the system refuses the lowest priority: {error:?}"))
}
