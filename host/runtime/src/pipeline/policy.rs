//! What happens when an element fails: made anew, or the end in good order.

use std::sync::atomic::Ordering;
use std::time::Duration;

use millstream_core::pipeline::OnFailure;

use super::component::{ComponentNode, Runner};
use super::node::Flow;
use super::stats::Counters;
use crate::bus::Message;
use crate::element::instance::{Failure, now};
use crate::element::state::Item;

impl ComponentNode {
    /// A call failed: what the element's policy says.
    pub(super) fn fail(&self, runner: &mut Runner, failure: &Failure, during: &str) -> Flow {
        Counters::add(&self.counters.failures, 1);
        Counters::add(&self.counters.dropped, u64::from(during == "chain"));
        runner.lost = true;
        if let OnFailure::Restart {
            max,
            within_nanos,
            backoff_nanos,
        } = self.on_failure
        {
            let within = Duration::from_nanos(within_nanos);
            runner.recent_restarts.retain(|at| at.elapsed() < within);
            while runner.recent_restarts.len() < max as usize {
                let tries = runner.recent_restarts.len() as u32;
                let pause = backoff_nanos.saturating_mul(1 << tries.min(16));
                if tries > 0 && self.shared.pause(Duration::from_nanos(pause)) {
                    return Flow::Flushing;
                }
                runner.recent_restarts.push_back(now());
                if self.restart(runner).is_ok() {
                    Counters::add(&self.counters.restarts, 1);
                    self.shared.bus.post(Message::Restarted {
                        element: self.name().to_owned(),
                        kind: failure.kind,
                        message: format!("{during}: {}", failure.message),
                        restarts: self.counters.restarts.load(Ordering::Relaxed),
                    });
                    return Flow::Ok;
                }
            }
        }
        self.give_up(runner, failure, during)
    }

    /// Makes the element anew, with the caps that it had.
    fn restart(&self, runner: &mut Runner) -> Result<(), Failure> {
        if let Some(gone) = runner.instance.take() {
            runner.copied_before += gone.copied_bytes();
        }
        let mut instance = self.blueprint.make()?;
        instance.start()?;
        let (sinks, srcs): (Vec<_>, Vec<_>) = runner
            .caps
            .iter()
            .enumerate()
            .filter_map(|(pad, caps)| Some((pad, caps.clone()?)))
            .partition(|(pad, _)| self.blueprint.pads.get(*pad).is_some_and(|pad| !pad.is_src));
        for (pad, caps) in sinks.into_iter().chain(srcs) {
            if caps.is_any() {
                instance.allow_any(pad, &caps);
            } else {
                instance.set_caps(pad, &caps)?;
            }
        }
        runner.instance = Some(instance);
        Ok(())
    }

    /// The element has failed for good: downstream ends in good order, the pipeline with it.
    pub(super) fn give_up(&self, runner: &mut Runner, failure: &Failure, during: &str) -> Flow {
        runner.finished = Some(Flow::Error);
        if let Some(gone) = runner.instance.take() {
            runner.copied_before += gone.copied_bytes();
        }
        self.publish_copies(runner);
        self.shared.fail(self.name(), during, failure);
        if self.is_sink {
            self.sink_finished(runner);
        } else {
            let items = self.src_pads().map(|pad| (pad, Item::Eos)).collect();
            self.send(runner, items);
        }
        Flow::Error
    }
}
