//! A source's streaming thread.

use std::sync::PoisonError;
use std::time::Duration;

use super::component::ComponentNode;
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
        let (answer, count, wait) = source.produce(limit - made);
        made += count;
        flow = answer;
        if let Some(until) = wait
            && flow == Flow::Ok
        {
            flow = pause(source, until);
        }
    }
    // After a failure downstream, too: the other branches end in good order.
    if flow != Flow::Flushing {
        source.end_source();
    }
}

/// Waits for a running time, or for a device.
fn pause(source: &ComponentNode, until: Option<u64>) -> Flow {
    let Some(until) = until else {
        let parker = source.parker.lock().unwrap_or_else(PoisonError::into_inner);
        parker.park_timeout(DEVICE_WAIT);
        return Flow::Ok;
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
