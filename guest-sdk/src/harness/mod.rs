//! [`Harness`]: an element without a host, for tests.
//!
//! Properties are written as in a launch line, caps as everywhere. Time stands
//! still until the test moves it. All state belongs to the test's thread.
//!
//! ```
//! # use millstream_sdk::prelude::*;
//! # struct Pass;
//! # impl InPlace for Pass {
//! #     const INFO: Info = Info::new("pass", "Generic", "Passes");
//! #     type Settings = ();
//! #     fn new(_: ()) -> Result<Self, Failure> { Ok(Self) }
//! #     fn process(&mut self, _: &Context, buffer: Buffer) -> Flow { Ok(buffer.into()) }
//! # }
//! # element!(Pass: InPlace);
//! # fn main() -> Result<(), Failure> {
//! let mut harness = Harness::<Pass>::new("")?;
//! harness.set_caps("sink", "video/x-raw, format=GRAY8, width=2, height=1, framerate=1/1")?;
//! harness.push(Buffer::from_bytes(&[1, 2, 0, 0]))?;
//! assert_eq!(&*harness.pull()?.map(), [1, 2, 0, 0]);
//! harness.eos()?;
//! assert!(harness.is_eos());
//! # Ok(())
//! # }
//! ```

mod fakes;
mod launch;

use std::collections::{BTreeMap, VecDeque};

use crate::buffer::Buffer;
use crate::bus::{Level, Setting, Value};
use crate::caps::Caps;
use crate::context::{Context, Disposition, Event, Pad};
use crate::describe::{Descriptor, Direction};
use crate::failure::Failure;
use crate::role::{Exported, Flow, Outcome};
use crate::runner::{Runner, fixed_caps, parse_caps};
use crate::sys::world::{self, Sent};

pub use crate::sys::world::Shown;
pub use fakes::{fake_camera, fake_model, hostile_states, shown, without_views};

/// How often a source may say `Wait` before [`Harness::pull`] gives up.
const MOST_WAITS: usize = 1_000;

/// An element and what it has sent.
pub struct Harness<T: Exported> {
    runner: Runner<T::Element>,
    started: bool,
    caps: BTreeMap<u32, Caps>,
    outputs: BTreeMap<u32, VecDeque<Buffer>>,
    events: Vec<(u32, Event)>,
    eos: bool,
}

impl<T: Exported> Harness<T> {
    /// An element with properties as in a launch line (`"pattern=ball seed=3"`)
    /// and every pad that is always there.
    pub fn new(properties: &str) -> Result<Self, Failure> {
        let descriptor = Self::describe();
        let names = descriptor.pads.iter().map(|pad| pad.name.as_str());
        let always: Vec<&str> = names.filter(|name| !name.contains('%')).collect();
        Self::with_pads(properties, &always)
    }

    /// An element with exactly these pads, such as `["sink_0", "sink_1", "src"]`.
    pub fn with_pads(properties: &str, names: &[&str]) -> Result<Self, Failure> {
        let descriptor = Self::describe();
        let properties = launch::settings(properties, &descriptor.properties)?;
        let mut pads = Vec::new();
        for name in names {
            let template = descriptor.pads.iter().position(|template| {
                let stem = template.name.split('%').next().unwrap_or_default();
                template.name == *name || (stem != template.name && name.starts_with(stem))
            });
            let template = template.ok_or_else(|| Failure::failed(format!("no pad `{name}`")))?;
            pads.push(Pad {
                name: (*name).to_owned(),
                template: template as u32,
                linked: true,
            });
        }
        world::with(world::World::reset_streams);
        Ok(Self {
            runner: Runner::create(&properties, pads)?,
            started: false,
            caps: BTreeMap::new(),
            outputs: BTreeMap::new(),
            events: Vec::new(),
            eos: false,
        })
    }

    /// What the element is.
    pub fn describe() -> Descriptor {
        Runner::<T::Element>::describe()
    }

    /// Says what downstream of a src pad accepts, before caps are set.
    pub fn set_downstream(&mut self, pad: &str, caps: &str) -> Result<(), Failure> {
        let pad = self.pad(pad)?;
        parse_caps(caps)?;
        world::with(|world| world.downstream.insert(pad, caps.to_owned()));
        Ok(())
    }

    /// Sets a pad's caps, which need not be fixed. Once all sink pads have caps the
    /// element starts, and src pads get theirs, negotiated as a host does.
    pub fn set_caps(&mut self, pad: &str, caps: &str) -> Result<(), Failure> {
        let index = self.pad(pad)?;
        if self.direction(index)? == Direction::Src {
            self.set_downstream(pad, caps)?;
            return self.negotiate();
        }
        let own = self.runner.pad_caps(index)?;
        self.caps.insert(index, fixed_caps(&own, Some(caps))?);
        self.negotiate()
    }

    /// The caps of a pad, once they are known.
    pub fn caps(&self, pad: &str) -> Option<&Caps> {
        self.caps.get(&self.pad(pad).ok()?)
    }

    /// Starts the element and gives its src pads caps, where all sink pads have
    /// theirs. [`Harness::pull`] does this by itself for a source.
    pub fn negotiate(&mut self) -> Result<(), Failure> {
        let sinks: Vec<u32> = self.context().pads_facing(Direction::Sink).collect();
        let sources: Vec<u32> = self.context().pads_facing(Direction::Src).collect();
        if sinks.iter().any(|pad| !self.caps.contains_key(pad)) {
            return Ok(());
        }
        for src in &sources {
            if let Some(caps) = self.src_caps(*src, sinks.first().copied())? {
                self.caps.insert(*src, caps);
            }
        }
        if !self.started {
            self.started = true;
            self.runner.start()?;
        }
        for pad in sinks.iter().chain(&sources) {
            if let Some(caps) = self.caps.get(pad) {
                self.runner.set_caps(*pad, &caps.to_string())?;
            }
        }
        self.collect(None)
    }

    /// What a src pad gets: what the element makes of the sink's caps, what
    /// downstream accepts of it, what the element picks of that, fixated.
    fn src_caps(&self, src: u32, sink: Option<u32>) -> Result<Option<Caps>, Failure> {
        let template = self.context().template(src)?;
        let descriptor = Self::describe();
        let from_data = descriptor.pads.iter().find(|pad| pad.name == template.name);
        if from_data.is_some_and(|pad| pad.caps_from_data) {
            return Ok(None);
        }
        let mut caps = parse_caps(&self.runner.pad_caps(src)?)?;
        let sink_caps = sink.and_then(|sink| Some((sink, self.caps.get(&sink)?.to_string())));
        if let Some((sink, sink_caps)) = &sink_caps {
            let made = self.runner.transform_caps(*sink, sink_caps, src)?;
            caps = parse_caps(&made)?.intersect_first(&caps);
        }
        let accepted = world::with(|world| world.downstream.get(&src).cloned());
        if let Some(accepted) = &accepted {
            caps = caps.intersect_first(&parse_caps(accepted)?);
        }
        if caps.is_empty() {
            let message = format!("pad `{}` has no caps that fit", template.name);
            return Err(Failure::not_negotiated(message));
        }
        let sink_caps = sink_caps.as_ref().map(|(_, caps)| caps.as_str());
        let picked = self.runner.fixate_caps(src, &caps.to_string(), sink_caps)?;
        Ok(Some(parse_caps(&picked)?.fixate()))
    }

    /// A buffer arrives on the first sink pad.
    pub fn push(&mut self, buffer: Buffer) -> Result<(), Failure> {
        let pad = self.context().pads_facing(Direction::Sink).next();
        let pad = pad.ok_or_else(|| Failure::failed("the element has no sink pad"))?;
        self.chain(pad, buffer)
    }

    /// A buffer arrives on a sink pad.
    pub fn push_to(&mut self, pad: &str, buffer: Buffer) -> Result<(), Failure> {
        let pad = self.pad(pad)?;
        self.chain(pad, buffer)
    }

    fn chain(&mut self, pad: u32, buffer: Buffer) -> Result<(), Failure> {
        self.start()?;
        let flow = self.runner.chain(pad, buffer);
        self.take(flow).map(|_| ())
    }

    /// The next buffer of the first src pad. A source is asked until it has one.
    pub fn pull(&mut self) -> Result<Buffer, Failure> {
        let pad = self.context().pads_facing(Direction::Src).next();
        let pad = pad.ok_or_else(|| Failure::failed("the element has no src pad"))?;
        self.next(pad)
    }

    /// The next buffer of a src pad.
    pub fn pull_from(&mut self, pad: &str) -> Result<Buffer, Failure> {
        let pad = self.pad(pad)?;
        self.next(pad)
    }

    fn next(&mut self, pad: u32) -> Result<Buffer, Failure> {
        let is_source = self.context().pads_facing(Direction::Sink).next().is_none();
        for _ in 0..MOST_WAITS {
            if let Some(buffer) = self.outputs.get_mut(&pad).and_then(VecDeque::pop_front) {
                return Ok(buffer);
            }
            if self.eos || !is_source {
                break;
            }
            self.produce()?;
        }
        Err(Failure::failed(if self.eos {
            "end of stream"
        } else {
            "no buffer came"
        }))
    }

    /// Gives a source one turn. True if it said that it has nothing yet.
    pub fn produce(&mut self) -> Result<bool, Failure> {
        self.start()?;
        let flow = self.runner.produce();
        self.take(flow)
    }

    /// Whether a host would hand buffers on without a call; the harness calls always.
    pub fn is_passthrough(&self) -> bool {
        self.runner.is_passthrough()
    }

    /// Buffers on all src pads that nobody has pulled yet.
    pub fn pending(&self) -> usize {
        self.outputs.values().map(VecDeque::len).sum()
    }

    /// The end of the stream arrives on all sink pads.
    pub fn eos(&mut self) -> Result<(), Failure> {
        let sinks: Vec<u32> = self.context().pads_facing(Direction::Sink).collect();
        sinks
            .into_iter()
            .try_for_each(|pad| self.event(pad, &Event::Eos))
    }

    /// An event arrives on a sink pad.
    pub fn send_event(&mut self, pad: &str, event: &Event) -> Result<(), Failure> {
        let pad = self.pad(pad)?;
        self.event(pad, event)
    }

    fn event(&mut self, pad: u32, event: &Event) -> Result<(), Failure> {
        self.start()?;
        let disposition = self.runner.handle_event(pad, event)?;
        self.collect(None)?;
        if disposition == Disposition::Forward {
            let sources: Vec<u32> = self.context().pads_facing(Direction::Src).collect();
            self.events
                .extend(sources.into_iter().map(|pad| (pad, event.clone())));
            self.eos |= *event == Event::Eos;
        }
        Ok(())
    }

    /// Whether the element is finished.
    pub fn is_eos(&self) -> bool {
        self.eos
    }

    /// Events that the element sent or let pass since the last call, by pad.
    pub fn events(&mut self) -> Vec<(String, Event)> {
        let events = core::mem::take(&mut self.events);
        let name = |pad: u32| {
            self.context()
                .pads()
                .get(pad as usize)
                .map(|pad| pad.name.clone())
        };
        events
            .into_iter()
            .map(|(pad, event)| (name(pad).unwrap_or_default(), event))
            .collect()
    }

    /// Changes a property while playing: `"alpha=0.5"`.
    pub fn set_property(&mut self, property: &str) -> Result<(), Failure> {
        let properties = launch::changes(property, &Self::describe().properties)?;
        properties
            .iter()
            .try_for_each(|property| self.runner.set_property(property))
    }

    /// What the element would hand over to another instance.
    pub fn save(&self) -> Option<Vec<u8>> {
        self.runner.save()
    }

    /// Hands over what [`Harness::save`] of another instance gave; after `set_caps`.
    pub fn restore(&mut self, state: &[u8]) -> Result<(), Failure> {
        self.start()?;
        self.runner.restore(state)
    }

    /// Stops the element.
    pub fn stop(&mut self) -> Result<(), Failure> {
        self.runner.stop()?;
        self.collect(None)
    }

    /// Moves the running time, and the clock with it, in nanoseconds.
    pub fn set_running_time(&mut self, nanos: u64) {
        world::with(|world| {
            world.running_time = nanos;
            world.now = nanos;
        });
    }

    /// Keeps models busy until a running time in nanoseconds: a run that has to
    /// begin before that is dropped.
    pub fn set_models_busy(&mut self, until: u64) {
        world::with(|world| world.models_busy = until);
    }

    /// Lines of log since the last call.
    pub fn logs(&mut self) -> Vec<(Level, String)> {
        world::with(|world| core::mem::take(&mut world.logs))
    }

    /// Messages to the application since the last call.
    pub fn messages(&mut self) -> Vec<(String, Vec<(String, Value)>)> {
        let pair = |setting: Setting| (setting.name, setting.value);
        world::with(|world| core::mem::take(&mut world.messages))
            .into_iter()
            .map(|(name, fields)| (name, fields.into_iter().map(pair).collect()))
            .collect()
    }

    fn context(&self) -> &Context {
        self.runner.context()
    }

    fn pad(&self, name: &str) -> Result<u32, Failure> {
        self.context()
            .pad(name)
            .ok_or_else(|| Failure::failed(format!("no pad `{name}`")))
    }

    fn direction(&self, pad: u32) -> Result<Direction, Failure> {
        Ok(self.context().template(pad)?.direction)
    }

    fn start(&mut self) -> Result<(), Failure> {
        if self.started {
            return Ok(());
        }
        self.negotiate()?;
        if !self.started {
            // An element that does not care for caps.
            self.started = true;
            self.runner.start()?;
        }
        Ok(())
    }

    fn take(&mut self, flow: Flow) -> Result<bool, Failure> {
        match flow? {
            Outcome::Nothing => self.collect(None).map(|()| false),
            Outcome::Buffer(buffer) => self.collect(Some(buffer)).map(|()| false),
            Outcome::Wait | Outcome::WaitUntil(_) => self.collect(None).map(|()| true),
            Outcome::Eos => {
                self.eos = true;
                self.collect(None).map(|()| false)
            }
        }
    }

    /// Takes over what the last call sent.
    fn collect(&mut self, last: Option<Buffer>) -> Result<(), Failure> {
        let (sent, negotiated) = world::with(|world| {
            (
                core::mem::take(&mut world.sent),
                core::mem::take(&mut world.negotiated),
            )
        });
        for (pad, caps) in negotiated {
            self.caps.insert(pad, parse_caps(&caps)?);
        }
        for (pad, sent) in sent {
            match sent {
                Sent::Buffer(raw) => {
                    self.outputs
                        .entry(pad)
                        .or_default()
                        .push_back(Buffer::from_raw(raw));
                }
                Sent::Event(event) => self.events.push((pad, event)),
            }
        }
        if let Some(buffer) = last {
            let src = self.context().pads_facing(Direction::Src).next();
            let src = src.ok_or_else(|| Failure::failed("a buffer without a src pad"))?;
            self.outputs.entry(src).or_default().push_back(buffer);
        }
        Ok(())
    }
}

impl Buffer {
    /// A buffer of these bytes, outside of any pool. Only natively: an element
    /// gets its buffers from [`Context::allocate`].
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::from_raw(crate::sys::RawBuffer::new(bytes.to_vec()))
    }

    /// The same with a presentation time in nanoseconds.
    #[must_use]
    pub fn with_pts(mut self, pts: u64) -> Self {
        let timing = crate::buffer::Timing {
            pts: Some(pts),
            ..self.timing()
        };
        self.set_timing(timing);
        self
    }
}
