//! What happens when an element fails: a buffer lost, made anew, passed by, the end of
//! its branch, or the end of all in good order.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use millstream_core::Plan;
use millstream_core::caps::Caps;
use millstream_core::element::Direction;
use millstream_core::graph::Element;
use millstream_core::pipeline::{OnFailure, Resort, Restarts};

use super::component::ComponentNode;
use super::element_error;
use super::node::Flow;
use super::runner::{Runner, Stage};
use super::stats::Counters;
use crate::bus::{Message, Recovery};
use crate::element::failure::{Failure, FailureKind};
use crate::element::instance::now;
use crate::element::state::Item;
use crate::error::Error;

/// Longest wait that doubling leads to: a camera that is plugged in again, or a model
/// that can be had again, is found within this time.
const MAX_BACKOFF_NANOS: u64 = 10_000_000_000;

/// Messages of dropped buffers that an element gets through in a second: one that fails on
/// every frame shall not write a line a frame. The others are counted in the next.
const MAX_DROPS_A_SECOND: u32 = 3;

/// One failure of an element.
struct Failed<'a> {
    failure: &'a Failure,
    /// The call.
    during: &'a str,
    at: Instant,
}

/// Refuses a policy that could not be followed: what passes by an element must have the
/// caps that downstream gets of it. Caps that only the data tell are checked when it
/// comes to it.
pub(super) fn check(element: &Element, plan: &Plan) -> Result<(), Error> {
    if element.policy.on_failure.resort() != Resort::PassThrough {
        return Ok(());
    }
    let refused = |message: String| {
        let hint = "use `stop-branch`, or convert in an element of its own".to_owned();
        let failure = Failure {
            hint: Some(hint),
            ..Failure::contract(format!("buffers cannot pass by it: {message}"))
        };
        Err(element_error(&element.name, "its policy", failure))
    };
    let caps = |direction| -> Vec<Option<&Caps>> {
        let pads = element.pads.iter().filter(|pad| pad.direction == direction);
        pads.map(|pad| plan.links.get(pad.link?)?.caps.as_ref())
            .collect()
    };
    match (&*caps(Direction::Sink), &*caps(Direction::Src)) {
        ([sink], [src]) => match (sink, src) {
            (Some(sink), Some(src)) if sink != src => {
                refused(format!("it turns `{sink}` into `{src}`"))
            }
            _ => Ok(()),
        },
        (sinks, srcs) => refused(format!(
            "it has {} sink pads and {} src pads, not one of each",
            sinks.len(),
            srcs.len()
        )),
    }
}

impl ComponentNode {
    /// A call failed: what the element's policy says.
    pub(super) fn fail(&self, runner: &mut Runner, failure: &Failure, during: &str) -> Flow {
        let failed = Failed {
            failure,
            during,
            at: now(),
        };
        Counters::add(&self.counters.failures, 1);
        Counters::add(&self.counters.dropped, u64::from(during == "chain"));
        runner.lost = true;
        match self.on_failure {
            // An element that says so itself is sound.
            OnFailure::Drop(_) if failure.kind == FailureKind::Returned && during == "chain" => {
                if runner.drops.admit(failed.at) {
                    self.recovered(runner, &failed, Recovery::Dropped);
                }
                Flow::Ok
            }
            OnFailure::Restart(restarts) | OnFailure::Drop(restarts) => {
                match self.restart_within(runner, restarts) {
                    Some(Flow::Ok) => {
                        Counters::add(&self.counters.restarts, 1);
                        self.recovered(runner, &failed, Recovery::Restarted);
                        Flow::Ok
                    }
                    Some(flow) => flow,
                    None => self.resort_to(runner, restarts.then, &failed),
                }
            }
            other => self.resort_to(runner, other.resort(), &failed),
        }
    }

    fn recovered(&self, runner: &mut Runner, failed: &Failed<'_>, recovery: Recovery) {
        let get = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        let (arrived, sent) = (&self.counters.buffers_in, &self.counters.buffers_out);
        let nanos = u64::try_from(failed.at.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.shared.bus.post(Message::Recovered {
            element: self.name().to_owned(),
            recovery,
            kind: failed.failure.kind,
            message: format!("{}: {}", failed.during, failed.failure.message),
            failures: get(&self.counters.failures),
            buffers: get(arrived).max(get(sent)),
            lost_nanos: nanos,
            untold: runner.drops.take_untold(),
        });
    }

    /// Makes the element anew as often as it may; none if that is used up.
    fn restart_within(&self, runner: &mut Runner, restarts: Restarts) -> Option<Flow> {
        let within = Duration::from_nanos(restarts.within_nanos);
        runner.recent_restarts.retain(|at| at.elapsed() < within);
        while runner.recent_restarts.len() < restarts.max as usize {
            let tries = runner.recent_restarts.len() as u32;
            let doubled = restarts.backoff_nanos.saturating_mul(1 << tries.min(32));
            let pause = doubled.min(MAX_BACKOFF_NANOS.max(restarts.backoff_nanos));
            if tries > 0 && self.shared.pause(Duration::from_nanos(pause)) {
                return Some(Flow::Flushing);
            }
            runner.recent_restarts.push_back(now());
            if runner.renew().is_ok() {
                return Some(Flow::Ok);
            }
        }
        None
    }

    /// Nothing else helps.
    fn resort_to(&self, runner: &mut Runner, resort: Resort, failed: &Failed<'_>) -> Flow {
        match resort {
            Resort::Stop => self.give_up(runner, failed.failure, failed.during),
            Resort::PassThrough if self.can_pass(runner) => {
                runner.drop_instance();
                runner.stage = Stage::PassedBy;
                self.publish(runner);
                self.recovered(runner, failed, Recovery::PassedBy);
                Flow::Ok
            }
            // Or downstream could not read what upstream sends.
            Resort::StopBranch | Resort::PassThrough => self.stop_branch(runner, failed),
        }
    }

    /// Whether what arrives could leave as it is.
    pub(super) fn can_pass(&self, runner: &Runner) -> bool {
        let caps = |is_src: bool| {
            let pads = self.pads.iter().zip(&runner.place.caps);
            let mut own = pads.filter(|(pad, _)| pad.is_src == is_src);
            match (own.next(), own.next()) {
                (Some((_, caps)), None) => caps.clone(),
                _ => None,
            }
        };
        matches!((caps(false), caps(true)), (Some(sink), Some(src)) if sink == src)
    }

    /// Downstream gets its end; upstream goes on if it has other branches.
    fn stop_branch(&self, runner: &mut Runner, failed: &Failed<'_>) -> Flow {
        self.recovered(runner, failed, Recovery::BranchStopped);
        self.shared.fail_branch();
        self.finish(runner, Flow::Eos);
        Flow::Eos
    }

    /// The element has failed for good: downstream ends in good order, the pipeline with it.
    pub(super) fn give_up(&self, runner: &mut Runner, failure: &Failure, during: &str) -> Flow {
        self.shared.fail(self.name(), during, failure);
        self.finish(runner, Flow::Error);
        Flow::Error
    }

    fn finish(&self, runner: &mut Runner, flow: Flow) {
        runner.finished = Some(flow);
        runner.drop_instance();
        self.publish_copies(runner);
        if self.is_sink {
            self.sink_finished(runner);
        } else {
            let items = self.src_pads().map(|pad| (pad, Item::Eos)).collect();
            self.send(runner, items);
        }
    }
}

/// Which dropped buffers are told.
#[derive(Debug, Default)]
pub(super) struct Drops {
    /// When the present second began.
    since: Option<Instant>,
    told: u32,
    untold: u64,
}

impl Drops {
    /// Whether one at this time is told; counted if not.
    fn admit(&mut self, at: Instant) -> bool {
        let second = Duration::from_secs(1);
        if self
            .since
            .is_none_or(|since| at.duration_since(since) >= second)
        {
            (self.since, self.told) = (Some(at), 0);
        }
        let admitted = self.told < MAX_DROPS_A_SECOND;
        self.told += u32::from(admitted);
        self.untold += u64::from(!admitted);
        admitted
    }

    /// How many were not told since this was last asked.
    pub(super) fn take_untold(&mut self) -> u64 {
        std::mem::take(&mut self.untold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_drops_a_second_are_told_and_the_others_counted() {
        let (mut drops, start) = (Drops::default(), now());
        let at = |millis| start + Duration::from_millis(millis);
        let told: Vec<u64> = (0..100)
            .map(|n| n * 30)
            .filter(|n| drops.admit(at(*n)))
            .collect();
        assert_eq!(told, [0, 30, 60, 1020, 1050, 1080, 2040, 2070, 2100]);
        assert_eq!((drops.take_untold(), drops.take_untold()), (91, 0));
    }
}
