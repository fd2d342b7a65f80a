//! A source's streaming thread.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::component::ComponentNode;
use super::node::Flow;
use super::runner::Runner;
use crate::clock::Waited;
use crate::element::failure::Failure;
use crate::element::instance::{Outcome, now};
use crate::element::state::Item;

/// Longest sleep of a source that waits for its device: a device that forgets to wake
/// it costs this much latency, not a standstill.
const DEVICE_WAIT: Duration = Duration::from_millis(100);

/// What came of a source's turn.
struct Turn {
    flow: Flow,
    /// Buffers that were sent.
    made: u64,
    wait: Wait,
}

/// What a source waits for before its next turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// Nothing.
    No,
    /// One of its devices.
    Device,
    /// A running time, in nanoseconds.
    Until(u64),
}

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
    let is_ending = || source.shared.eos_requested();
    match source.shared.clock.wait_unless(until, is_ending) {
        Waited::Flushing => Flow::Flushing,
        Waited::Reached { .. } | Waited::Unwanted => Flow::Ok,
    }
}

impl ComponentNode {
    /// Caps that the plan fixed for a source's pads, then the first segment.
    fn announce(&self) -> Flow {
        let mut runner = self.lock();
        let mut items = Vec::new();
        let Some(element) = self.graph.elements.get(self.index) else {
            return Flow::Ok;
        };
        for (pad, state) in element.pads.iter().enumerate() {
            let planned = state.link.and_then(|link| self.plan.get()?.links.get(link));
            if let Some(caps) = planned.and_then(|link| link.caps.as_ref())
                && !caps.is_any()
            {
                let caps = Arc::new(caps.clone());
                if let Err(failure) = runner.set_caps(pad, &caps) {
                    return self.fail(&mut runner, &failure, "set-caps");
                }
                items.push((pad, Item::Caps(caps)));
            }
            items.push((pad, Item::Segment(runner.segment())));
        }
        self.publish(&runner);
        self.send(&mut runner, items)
    }

    /// A source's turn; how it went, and until when it wants to wait.
    fn produce(&self, room: u64) -> Turn {
        let mut runner = self.enter();
        if self.is_resumed.swap(false, Ordering::Relaxed) {
            // The same time once more is no step back: sources may not know better.
            runner.only_after = runner.last_pts.and_then(|last| last.checked_sub(1));
        }
        if let Some(flow) = runner.finished {
            return Turn {
                flow,
                made: 0,
                wait: Wait::No,
            };
        }
        let mut out = std::mem::take(&mut runner.out);
        let mut result = self.call_produce(&mut runner, &mut out);
        if let Err(failure) = &result
            && self.roll_back(&mut runner, failure, "produce")
        {
            out.clear();
            result = self.call_produce(&mut runner, &mut out);
        }
        let mut made = 0;
        let running_time = self
            .base
            .do_timestamp
            .then(|| self.shared.clock.running_time());
        out.retain_mut(|(_, item)| {
            let Item::Buffer(buffer) = item else {
                return true;
            };
            if let Some(running_time) = running_time {
                buffer.timing.pts = Some(running_time);
            }
            if runner.is_repeated(buffer.timing.pts) {
                return false;
            }
            made += 1;
            made <= room
        });
        let wait = match &result {
            Ok(Outcome::Wait(None)) => Wait::Device,
            Ok(Outcome::Wait(Some(until))) => Wait::Until(*until),
            _ => Wait::No,
        };
        let flow = self.after_call(&mut runner, out, result, "produce");
        Turn {
            flow,
            made: made.min(room),
            wait,
        }
    }

    fn call_produce(
        &self,
        runner: &mut Runner,
        out: &mut Vec<(usize, Item)>,
    ) -> Result<Outcome, Failure> {
        let instance = runner.instance()?;
        let began = now();
        let result = instance.produce(began, out);
        let ended = now();
        self.counters.called(ended - began);
        let result = result?;
        if self.keeps_state() {
            runner.take_checkpoint(ended)?;
        }
        Ok(result)
    }

    /// Ends a source's stream on all its pads.
    fn end_source(&self) -> Flow {
        let mut runner = self.lock();
        if let Some(flow) = runner.finished {
            // It has ended by itself, and said so downstream.
            return flow;
        }
        runner.finished = Some(Flow::Eos);
        self.post_statistics(None);
        self.send(&mut runner, self.to_src_pads(&Item::Eos))
    }
}
