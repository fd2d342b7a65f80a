//! The time after a swap in which a failure brings the component before back.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use millstream_core::element::Value;

use super::component::ComponentNode;
use super::runner::{Blueprint, Checkpoint, Place, Runner, Stage};
use super::stats::Counters;
use super::swap::BOUNDARY_TIME;
use crate::bus::Message;
use crate::element::failure::Failure;
use crate::element::instance::Instance;

/// What was there before a component that is on trial.
pub(super) struct Trial {
    pub(super) instance: Option<Instance>,
    pub(super) blueprint: Arc<Blueprint>,
    pub(super) properties: Vec<(String, Value)>,
    pub(super) stage: Stage,
    pub(super) place: Place,
    pub(super) ended: Sender<RolledBack>,
}

impl Trial {
    /// The instance that was to come back.
    pub(super) fn into_previous(self) -> Option<Instance> {
        self.instance
    }
}

/// The new component has failed, and the old one is back.
pub(super) struct RolledBack {
    failure: Failure,
    during: String,
    /// Dropped where nobody waits for it.
    _gone: Option<Instance>,
}

impl ComponentNode {
    /// Waits until the trial is over; how many buffers there were.
    pub(super) fn watch(
        &self,
        ended: &Receiver<RolledBack>,
        trial: Duration,
    ) -> Result<u64, Failure> {
        let before = self.passed();
        match ended.recv_timeout(trial) {
            Ok(rolled_back) => return Err(rolled_back.into_failure()),
            Err(RecvTimeoutError::Disconnected) => return Err(ended_in_trial()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        // Later, if it is in the middle of a call that waits for who is downstream.
        let accepted = self.ask_for_later(BOUNDARY_TIME, move |_, runner| {
            let trial = runner.trial.take();
            if let Ok(instance) = runner.instance() {
                instance.set_trial(None);
            }
            Some(trial)
        });
        match accepted {
            Some(Some(trial)) => {
                // Here, since closing things takes its time. It has done its work: what it
                // says now changes nothing.
                if let Some(mut old) = trial.into_previous()
                    && let Err(failure) = old.stop()
                {
                    self.shared.warn(self.name(), "stop", &failure);
                }
                Ok(self.passed().saturating_sub(before))
            }
            // It failed in the last moment, or all has ended.
            Some(None) => match ended.try_recv() {
                Ok(rolled_back) => Err(rolled_back.into_failure()),
                Err(_) => Err(ended_in_trial()),
            },
            None => Ok(self.passed().saturating_sub(before)),
        }
    }

    /// Buffers that arrived, or that a source sent.
    pub(super) fn passed(&self) -> u64 {
        let counter = if self.is_source() {
            &self.counters.buffers_out
        } else {
            &self.counters.buffers_in
        };
        counter.load(Ordering::Relaxed)
    }

    /// A component on trial has failed: the old one comes back. False if there is none.
    pub(super) fn roll_back(&self, runner: &mut Runner, failure: &Failure, during: &str) -> bool {
        let Some(trial) = runner.trial.take() else {
            return false;
        };
        Counters::add(&self.counters.failures, 1);
        let digest = runner.blueprint.loaded.digest.clone();
        let gone = runner.instance.take();
        runner.copied_before += gone.as_ref().map_or(0, Instance::copied_bytes);
        runner.blueprint = trial.blueprint;
        runner.properties = trial.properties;
        runner.stage = trial.stage;
        runner.instance = trial.instance;
        runner.checkpoint = Checkpoint::default();
        runner.only_after = runner.last_pts;
        self.shared.bus.post(Message::RolledBack {
            element: self.name().to_owned(),
            digest,
            kind: failure.kind,
            message: format!("{during}: {}", failure.message),
        });
        let rolled_back = RolledBack {
            failure: failure.clone(),
            during: during.to_owned(),
            _gone: gone,
        };
        drop(trial.ended.try_send(rolled_back));
        self.publish(runner);
        return_to(runner, &trial.place)
    }
}

impl RolledBack {
    fn into_failure(self) -> Failure {
        let Failure { message, kind, .. } = self.failure;
        Failure {
            message: format!(
                "the old one is back, no buffer is lost: the new one failed in {}: {message}",
                self.during
            ),
            kind,
            hint: None,
        }
    }
}

/// Tells an instance that has come back what it has missed; false if it cannot go on.
fn return_to(runner: &mut Runner, then: &Place) -> bool {
    let place = runner.place.clone();
    let pads = runner.blueprint.pads.clone();
    match &mut runner.instance {
        Some(instance) if place != *then => place.tell(instance, &pads).is_ok(),
        Some(_) => true,
        None => runner.stage == Stage::PassedBy,
    }
}

fn ended_in_trial() -> Failure {
    Failure::contract("the pipeline ended during the trial")
}
