//! Another component takes over an element while the pipeline runs.
//!
//! ```text
//! file ─► inspected, compared ─► made and started beside the old one ─┐  (who asks)
//!   old one: … buffer n ─► save ─────────► restore ─► new one: buffer n + 1 …  (stream)
//!                            kept for the trial ◄── fails: buffer n + 1 again
//! ```

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, bounded};
use millstream_core::caps::Caps;
use millstream_core::element::Value;

use super::component::ComponentNode;
use super::fit;
use super::runner::{Blueprint, Checkpoint, Place, Runner, Stage};
use super::trial::{RolledBack, Trial};
use crate::bus::Message;
use crate::element::failure::{Failure, FailureKind};
use crate::element::instance::{Instance, PadSpec, now};
use crate::element::link;
use crate::element::registry::{ElementRegistry, Loaded};
use crate::error::Error;
use crate::memory::heap;

/// How long a new component is watched where nobody says how long.
pub const DEFAULT_TRIAL: Duration = Duration::from_secs(1);
/// How long an element may take to come to the end of a buffer: as long as a call may.
pub(super) const BOUNDARY_TIME: Duration = Duration::from_secs(10);

/// Which element gets which component.
#[derive(Debug, Clone)]
pub struct Swap {
    /// Name of the element.
    pub element: String,
    /// The component.
    pub file: PathBuf,
    /// How long a failure brings the old component back, without a buffer lost.
    pub trial: Duration,
    /// Whether the new one begins anew instead of where the old one is, and buffers that
    /// the old one keeps are given up.
    pub fresh: bool,
}

/// A component has taken over.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Swapped {
    /// Name of the element.
    pub element: String,
    /// SHA-256 of the component before, in hexadecimal.
    pub digest_before: String,
    /// SHA-256 of the component now.
    pub digest: String,
    /// Buffers that it has had, or as a source sent, in its trial.
    pub buffers: u64,
    /// Bytes that were handed over; none: the old one kept no state, or was not asked.
    pub state_bytes: Option<u64>,
    /// For how long the stream stood still, in nanoseconds.
    pub takeover_nanos: u64,
}

/// Another component is taking over.
struct Changing<'a>(&'a AtomicBool);

impl<'a> Changing<'a> {
    fn begin(flag: &'a AtomicBool) -> Result<Self, Failure> {
        if flag.swap(true, Ordering::AcqRel) {
            return Err(on_trial());
        }
        Ok(Self(flag))
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        // A file, an instance and a state came and went.
        heap::give_back();
        self.0.store(false, Ordering::Release);
    }
}

pub(super) fn on_trial() -> Failure {
    Failure::contract("another component is on trial; wait for the end of that")
}

/// A new component that could take over.
struct Newcomer {
    instance: Instance,
    blueprint: Arc<Blueprint>,
    properties: Vec<(String, Value)>,
    place: Place,
    fresh: bool,
    digest_before: String,
}

/// It has taken over.
struct Takeover {
    state_bytes: Option<u64>,
    nanos: u64,
    rolled_back: Receiver<RolledBack>,
}

/// What the element is now.
struct Present {
    blueprint: Arc<Blueprint>,
    properties: Vec<(String, Value)>,
    place: Place,
}

impl ComponentNode {
    /// Lets another component take over, and watches it for a while.
    pub(super) fn swap(
        &self,
        elements: &ElementRegistry,
        swap: &Swap,
        check_lock: impl FnOnce(&Loaded) -> Result<(), Failure>,
    ) -> Result<Swapped, Error> {
        let refused = |failure: Failure| not_swapped(self.name(), failure);
        let _alone = Changing::begin(&self.is_changing).map_err(refused)?;
        let loaded = elements.load_file(&swap.file)?;
        check_lock(&loaded).map_err(refused)?;
        let digest = loaded.digest.clone();
        let newcomer = self.newcomer(elements, loaded, swap).map_err(refused)?;
        let digest_before = newcomer.digest_before.clone();
        let takeover = self.take_over(newcomer).map_err(refused)?;
        let passed = self
            .watch(&takeover.rolled_back, swap.trial)
            .map_err(refused)?;
        self.shared.bus.post(Message::Swapped {
            element: self.name().to_owned(),
            digest_before: digest_before.clone(),
            digest: digest.clone(),
        });
        Ok(Swapped {
            element: self.name().to_owned(),
            digest_before,
            digest,
            buffers: passed,
            state_bytes: takeover.state_bytes,
            takeover_nanos: takeover.nanos,
        })
    }

    /// Makes, starts and checks the new component beside the old one.
    fn newcomer(
        &self,
        elements: &ElementRegistry,
        loaded: Arc<Loaded>,
        swap: &Swap,
    ) -> Result<Newcomer, Failure> {
        let present = self
            .ask(BOUNDARY_TIME, |_, runner| Some(present(runner)))
            .unwrap_or_else(|| Err(busy()))?;
        let before = &present.blueprint;
        fit::check_privileges(&before.loaded, &loaded)?;
        fit::check_sharing(&loaded.descriptor)?;
        let pads = fit::pads(&before.pads, &before.loaded.descriptor, &loaded.descriptor)?;
        let properties = fit::properties(
            self.name(),
            &present.properties,
            &before.loaded.descriptor,
            &loaded.descriptor,
        )?;
        let blueprint = Arc::new(blueprint(elements, loaded, before, pads)?);
        let mut instance = blueprint.make(&properties)?;
        // Whoever hangs is given up before the stream has waited for long.
        instance.set_trial(Some(swap.trial));
        instance.start()?;
        check_caps(&mut instance, &blueprint, &present.place)?;
        present.place.tell(&mut instance, &blueprint.pads)?;
        Ok(Newcomer {
            instance,
            blueprint,
            properties,
            place: present.place,
            digest_before: before.loaded.digest.clone(),
            fresh: swap.fresh,
        })
    }

    /// Puts the new component in the old one's place between two buffers.
    fn take_over(&self, newcomer: Newcomer) -> Result<Takeover, Failure> {
        let mut newcomer = Some(newcomer);
        let seen = Arc::new(AtomicUsize::new(0));
        let found = seen.clone();
        let answer = self.ask(BOUNDARY_TIME, move |node, runner| {
            let began = now();
            let kept = runner.instance.as_ref().map_or(0, Instance::kept_buffers);
            if kept > 0 && !newcomer.as_ref()?.fresh {
                found.store(kept, Ordering::Relaxed);
                return None;
            }
            Some(node.exchange(runner, newcomer.take()?, began))
        });
        match answer {
            // A refused instance is dropped here, not in the stream.
            Some(result) => result.map_err(|refused| refused.0),
            None => Err(match seen.load(Ordering::Relaxed) {
                0 => busy(),
                kept => kept_buffers(kept),
            }),
        }
    }

    fn exchange(
        &self,
        runner: &mut Runner,
        mut new: Newcomer,
        began: Instant,
    ) -> Result<Takeover, Box<(Failure, Instance)>> {
        let state = match self.hand_over(runner, &mut new) {
            Ok(state) => state,
            Err(failure) => return Err(Box::new((failure, new.instance))),
        };
        let (sender, rolled_back) = bounded(1);
        let (old, stage) = (runner.instance.replace(new.instance), runner.stage);
        runner.trial = Some(Trial {
            instance: old,
            blueprint: std::mem::replace(&mut runner.blueprint, new.blueprint),
            properties: std::mem::replace(&mut runner.properties, new.properties),
            stage,
            place: runner.place.clone(),
            ended: sender,
        });
        runner.stage = Stage::Started;
        runner.checkpoint = Checkpoint::default();
        runner.only_after = state.as_ref().and(runner.last_pts);
        Ok(Takeover {
            state_bytes: state.map(|state| state.len() as u64),
            nanos: nanos(began.elapsed()),
            rolled_back,
        })
    }

    /// Brings the new component to where the old one is.
    fn hand_over(
        &self,
        runner: &mut Runner,
        new: &mut Newcomer,
    ) -> Result<Option<Vec<u8>>, Failure> {
        present(runner)?;
        if new.place != runner.place {
            check_caps(&mut new.instance, &new.blueprint, &runner.place)?;
            runner.place.tell(&mut new.instance, &new.blueprint.pads)?;
        }
        let state = match &mut runner.instance {
            Some(old) if !new.fresh => match old.save() {
                Ok(state) => state,
                Err(failure) => {
                    Self::note_broken(runner, &failure, "save");
                    return Err(failure);
                }
            },
            _ => None,
        };
        match &state {
            Some(state) => new.instance.restore(state).map_err(|failure| Failure {
                message: format!(
                    "it does not take over the state of the old one: {}",
                    failure.message
                ),
                hint: Some("`--fresh` lets it begin anew".to_owned()),
                ..failure
            })?,
            None if self.is_source() && !new.fresh => {
                return Err(Failure {
                    hint: Some("`--fresh` lets it begin anew".to_owned()),
                    ..Failure::contract(
                        "the old one hands nothing over, so that its stream would begin again",
                    )
                });
            }
            None => {}
        }
        Ok(state)
    }
}

fn present(runner: &Runner) -> Result<Present, Failure> {
    if runner.finished.is_some() || runner.stage == Stage::Made {
        return Err(Failure::contract("it has ended, or has not begun"));
    }
    Ok(Present {
        blueprint: runner.blueprint.clone(),
        properties: runner.properties.clone(),
        place: runner.place.clone(),
    })
}

fn blueprint(
    elements: &ElementRegistry,
    loaded: Arc<Loaded>,
    before: &Blueprint,
    pads: Arc<[PadSpec]>,
) -> Result<Blueprint, Failure> {
    let engine = elements.compiler().engine();
    let component = loaded.component.as_ref();
    let component = component.ok_or_else(|| Failure::contract("it is part of the host"))?;
    let pre = link::link(engine, component, &before.granted)
        .map_err(|error| Failure::contract(format!("it does not fit the contract: {error:#}")))?;
    Ok(Blueprint {
        loaded,
        pre,
        around: before.around.clone(),
        granted: before.granted.clone(),
        pads,
    })
}

/// Whether a new component can do what is being done.
fn check_caps(
    instance: &mut Instance,
    blueprint: &Blueprint,
    place: &Place,
) -> Result<(), Failure> {
    let known: Vec<(usize, &PadSpec, &Arc<Caps>)> = blueprint
        .pads
        .iter()
        .zip(&place.caps)
        .enumerate()
        .filter_map(|(pad, (spec, caps))| Some((pad, spec, caps.as_ref()?)))
        .filter(|(_, _, caps)| !caps.is_any())
        .collect();
    for (pad, spec, caps) in &known {
        let possible = instance.pad_caps(*pad)?;
        if !caps.is_subset(&possible) {
            return Err(Failure::contract(format!(
                "its pad `{}` takes `{possible}`, and the stream is `{caps}`",
                spec.name
            )));
        }
    }
    let templates = &blueprint.loaded.descriptor.pads;
    for (sink, _, sink_caps) in known.iter().filter(|(_, spec, _)| !spec.is_src) {
        for (src, spec, src_caps) in known.iter().filter(|(_, spec, _)| spec.is_src) {
            if templates
                .get(spec.template)
                .is_some_and(|pad| pad.caps_from_data)
            {
                continue;
            }
            let possible = instance.transform_caps(*sink, sink_caps, *src)?;
            if !src_caps.is_subset(&possible) {
                return Err(Failure::contract(format!(
                    "it turns `{sink_caps}` into `{possible}`, and what follows expects `{src_caps}`"
                )));
            }
        }
    }
    Ok(())
}

fn not_swapped(element: &str, failure: Failure) -> Error {
    Error::NotSwapped {
        element: element.to_owned(),
        message: failure.message,
        hint: failure.hint,
    }
}

fn busy() -> Failure {
    Failure {
        kind: FailureKind::Deadline,
        message: format!("it did not come to the end of a buffer within {BOUNDARY_TIME:?}"),
        hint: Some("resume a pipeline that is paused first".to_owned()),
    }
}

fn kept_buffers(kept: usize) -> Failure {
    Failure {
        hint: Some("`--fresh` gives them up".to_owned()),
        ..Failure::contract(format!(
            "the old one keeps {kept} buffers that would be lost, and did not let go of them \
             within {BOUNDARY_TIME:?}"
        ))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
