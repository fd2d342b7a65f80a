//! A source's streaming thread.

use std::sync::PoisonError;
use std::time::Duration;

use super::component::{ComponentNode, Wait};
use super::node::Flow;

/// Longest sleep of a source that waits for its device: a device that forgets to wake
/// it costs this much latency, not a standstill.
const DEVICE_WAIT: Duration = Duration::from_millis(100);
/// Longest stretch of a wait for the clock, between looks at whether to end.
const CLOCK_STEP_NANOS: u64 = 50_000_000;

/// Produces until the source, the pipeline, or everything downstream has ended.
pub(super) fn run(source: &ComponentNode) {
    let mut flow = source.announce();
    let limit = source.base.num_buffers.unwrap_or(u64::MAX);
    let mut made = 0;
    while flow == Flow::Ok && made < limit && !source.shared.eos_requested() {
        source.shared.clock.wait_while_paused();
        let turn = source.produce(limit - made);
        made += turn.made;
        flow = turn.flow;
        if flow == Flow::Ok {
            flow = pause(source, turn.wait);
        }
    }
    // After a failure downstream, too: the other branches end in good order.
    if flow != Flow::Flushing {
        source.end_source();
    }
}

/// Waits for what a source waits for.
fn pause(source: &ComponentNode, wait: Wait) -> Flow {
    let until = match wait {
        Wait::No => return Flow::Ok,
        Wait::Device => {
            let parker = source.parker.lock().unwrap_or_else(PoisonError::into_inner);
            parker.park_timeout(DEVICE_WAIT);
            return Flow::Ok;
        }
        Wait::Until(until) => until,
    };
    loop {
        let clock = &source.shared.clock;
        let now = clock.running_time();
        if now >= until || source.shared.eos_requested() {
            return Flow::Ok;
        }
        let step = until.min(now + CLOCK_STEP_NANOS);
        if clock.wait_until(step) == crate::clock::Waited::Flushing {
            return Flow::Flushing;
        }
    }
}
