//! A component's instance, and what is known of the stream beside it: enough to make
//! another instance that goes on in its place.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use millstream_core::caps::Caps;
use millstream_core::clock::Segment;
use millstream_core::element::Value;
use wasmtime::component::InstancePre;

use super::node::Flow;
use super::policy::Drops;
use super::trial::Trial;
use crate::bus::{Level, Message};
use crate::element::failure::{Failure, FailureKind};
use crate::element::instance::{Grants, Instance, PadSpec, now};
use crate::element::link::Granted;
use crate::element::registry::Loaded;
use crate::element::state::{Item, State, Surroundings};
use crate::nn;

/// How old the state can be that an element is made anew with. A call costs some
/// microseconds, and who counts or tracks things notices a second less than a minute.
const CHECKPOINT_TIME: Duration = Duration::from_secs(1);

/// All that is needed to make the element, the first time and after a failure.
pub(crate) struct Blueprint {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) pre: InstancePre<State>,
    pub(crate) around: Arc<Surroundings>,
    pub(crate) granted: Granted,
    pub(crate) pads: Arc<[PadSpec]>,
}

impl Blueprint {
    /// A fresh instance, created but not started.
    pub(crate) fn make(&self, properties: &[(String, Value)]) -> Result<Instance, Failure> {
        let wasi = self.granted.wasi().map_err(Failure::contract)?;
        let report = self.report();
        let nn = nn::wasi_nn_ctx(&self.around.models, &self.granted.models, &report).map_err(
            |error| Failure {
                hint: error.hint(),
                ..Failure::contract(error.to_string())
            },
        )?;
        let grants = Grants {
            wasi,
            nn,
            reads_elsewhere: self.loaded.imports.iter().any(|it| it.starts_with("wasi:")),
            inference_nanos: report.nanos().clone(),
        };
        let mut instance = Instance::new(&self.pre, self.around.clone(), &self.pads, grants)?;
        instance.create(properties, &self.pads)?;
        Ok(instance)
    }

    /// Inference that fails is told on the bus, since `wasi:nn` gives the guest only a code.
    fn report(&self) -> nn::Report {
        let (bus, element) = (self.around.bus.clone(), self.around.name.clone());
        nn::Report::new(move |text| {
            let (element, message) = (element.clone(), text.to_owned());
            bus.post(Message::Log {
                element,
                level: Level::Error,
                message,
            });
        })
    }
}

/// How far an element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has its properties.
    Made,
    /// It has opened what it needs.
    Started,
    /// It was given up, and what arrives leaves as it is.
    PassedBy,
}

/// Where the stream is: what an instance must be told that comes into the middle of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// Caps of each pad.
    pub(super) caps: Vec<Option<Arc<Caps>>>,
    /// The last segment, if one has come.
    pub(super) segment: Option<Segment>,
}

impl Place {
    /// Tells an instance that has been started where the stream is.
    pub(super) fn tell(&self, instance: &mut Instance, pads: &[PadSpec]) -> Result<(), Failure> {
        let known = pads.iter().zip(&self.caps).enumerate();
        let known = known.filter_map(|(pad, (spec, caps))| Some((pad, spec, caps.as_ref()?)));
        let (sinks, srcs): (Vec<_>, Vec<_>) = known.partition(|(_, spec, _)| !spec.is_src);
        for (pad, _, caps) in sinks.iter().chain(&srcs) {
            if caps.is_any() {
                instance.allow_any(*pad, caps);
            } else {
                instance.set_caps(*pad, caps)?;
            }
        }
        if let Some(segment) = self.segment {
            for (pad, ..) in sinks {
                // Downstream has had it; what the element says to it is not wanted again.
                instance.handle_event(pad, &Item::Segment(segment), &mut Vec::new())?;
            }
        }
        Ok(())
    }
}

/// What an element is, for who looks at it from outside.
#[derive(Clone)]
pub(crate) struct Look {
    /// As [`super::control::ElementStatus`] says it.
    pub(super) state: &'static str,
    pub(super) loaded: Arc<Loaded>,
    pub(super) properties: Vec<(String, Value)>,
    pub(super) caps: Vec<Option<Arc<Caps>>>,
}

/// What an element has handed over for the case that it fails.
#[derive(Default)]
pub(super) struct Checkpoint {
    state: Option<Vec<u8>>,
    taken: Option<Instant>,
    /// It keeps none.
    is_off: bool,
}

/// The part of a component that only one thread at a time may touch.
pub(crate) struct Runner {
    pub(super) blueprint: Arc<Blueprint>,
    /// As they are now.
    pub(super) properties: Vec<(String, Value)>,
    pub(super) instance: Option<Instance>,
    pub(super) stage: Stage,
    /// The element has said that it wants no more, or failed for good.
    pub(super) finished: Option<Flow>,
    pub(super) sink_done: bool,
    pub(super) place: Place,
    pub(super) checkpoint: Checkpoint,
    /// The instance broke while it was asked for something, in this call.
    pub(super) broken: Option<(Failure, &'static str)>,
    /// Another component has just taken over.
    pub(super) trial: Option<Trial>,
    pub(super) recent_restarts: VecDeque<Instant>,
    /// Bytes copied for instances that are gone.
    pub(super) copied_before: u64,
    pub(super) out: Vec<(usize, Item)>,
    /// The next buffer does not continue the last one that left.
    pub(super) lost: bool,
    pub(super) drops: Drops,
    /// Time of the last buffer that a source sent.
    pub(super) last_pts: Option<u64>,
    /// A source that was made anew sends only what comes after this time.
    pub(super) only_after: Option<u64>,
    /// When the present second of statistics began, and the buffers before it.
    pub(super) second: Option<(Instant, u64)>,
}

impl Runner {
    pub(crate) fn new(
        blueprint: Arc<Blueprint>,
        properties: Vec<(String, Value)>,
        instance: Instance,
    ) -> Self {
        Self {
            place: Place {
                caps: vec![None; blueprint.pads.len()],
                segment: None,
            },
            blueprint,
            properties,
            instance: Some(instance),
            stage: Stage::Made,
            finished: None,
            sink_done: false,
            checkpoint: Checkpoint::default(),
            broken: None,
            trial: None,
            recent_restarts: VecDeque::new(),
            copied_before: 0,
            out: Vec::new(),
            lost: false,
            drops: Drops::default(),
            last_pts: None,
            only_after: None,
            second: None,
        }
    }

    /// What the element is now.
    pub(crate) fn look(&self) -> Look {
        Look {
            state: match self.stage {
                _ if self.finished.is_some() => "ended",
                Stage::PassedBy => "passed-by",
                Stage::Made | Stage::Started => "running",
            },
            loaded: self.blueprint.loaded.clone(),
            properties: self.properties.clone(),
            caps: self.place.caps.clone(),
        }
    }

    pub(crate) fn instance(&mut self) -> Result<&mut Instance, Failure> {
        self.instance
            .as_mut()
            .ok_or_else(|| Failure::contract("the element is gone"))
    }

    /// The last segment, or one that begins at 0.
    pub(super) fn segment(&self) -> Segment {
        self.place.segment.unwrap_or(Segment {
            start: 0,
            stop: None,
            base: 0,
        })
    }

    /// The src pad on which buffers leave as they came, if the element has nothing to do
    /// with them and is not on trial.
    pub(super) fn passes(&self) -> Option<usize> {
        self.instance
            .as_ref()
            .filter(|_| self.trial.is_none())?
            .passes()
    }

    pub(super) fn set_caps(&mut self, pad: usize, caps: &Arc<Caps>) -> Result<(), Failure> {
        if let Some(slot) = self.place.caps.get_mut(pad) {
            *slot = Some(caps.clone());
        }
        let instance = self.instance()?;
        if caps.is_any() {
            instance.allow_any(pad, caps);
            return Ok(());
        }
        instance.set_caps(pad, caps)
    }

    pub(super) fn drop_instance(&mut self) {
        if let Some(gone) = self.instance.take() {
            self.copied_before += gone.copied_bytes();
        }
    }

    /// Whether a source's buffer with this time has been sent before.
    pub(super) fn is_repeated(&mut self, pts: Option<u64>) -> bool {
        let Some(pts) = pts else {
            return false;
        };
        if self.only_after.is_some_and(|sent| pts <= sent) {
            return true;
        }
        self.only_after = None;
        self.last_pts = Some(pts);
        false
    }

    /// Asks for what a new instance would need, where it is time to.
    pub(super) fn take_checkpoint(&mut self, at: Instant) -> Result<(), Failure> {
        let is_fresh = |taken: Instant| at.saturating_duration_since(taken) < CHECKPOINT_TIME;
        if self.checkpoint.is_off || self.checkpoint.taken.is_some_and(is_fresh) {
            return Ok(());
        }
        let state = self.instance()?.save()?;
        self.checkpoint = Checkpoint {
            is_off: state.is_none(),
            taken: Some(at),
            state,
        };
        Ok(())
    }

    /// Makes the element anew, where the stream is and with what was handed over.
    pub(super) fn renew(&mut self) -> Result<(), Failure> {
        self.drop_instance();
        let mut instance = self.blueprint.make(&self.properties)?;
        instance.start()?;
        self.place.tell(&mut instance, &self.blueprint.pads)?;
        // Used once: if it is what makes the element fail, the next one begins without.
        let state = self.checkpoint.state.take();
        self.checkpoint.taken = Some(now());
        match state.as_ref().map(|state| instance.restore(state)) {
            // A source goes on from where it was up to a second ago.
            Some(Ok(())) => self.only_after = self.last_pts,
            Some(Err(failure)) if failure.kind != FailureKind::Returned => return Err(failure),
            Some(Err(failure)) => {
                self.blueprint.around.bus.post(Message::Log {
                    element: self.blueprint.around.name.clone(),
                    level: Level::Warning,
                    message: format!("it begins anew: {} (in restore)", failure.message),
                });
            }
            None => {}
        }
        self.instance = Some(instance);
        Ok(())
    }
}
