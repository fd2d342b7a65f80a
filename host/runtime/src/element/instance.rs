//! One instance of an element: its store, and every call into it.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use millstream_core::caps::Caps;
use millstream_core::element::{Descriptor, Value};
use wasmtime::component::{InstancePre, ResourceTable};
use wasmtime::{AsContextMut, Store, UpdateDeadline};
use wasmtime_wasi::WasiCtx;

use super::bindings::{ElementHost, ElementHostPre, guest, types};
use super::convert;
use super::engine::{TICK, watch};
use super::failure::{Failure, explain, returned};
use super::state::{
    CallTime, Held, Item, MAX_CALL_BYTES, MAX_HANDLES, MAX_INFERENCE_TIME, MAX_STATE_BYTES,
    PadState, State, Surroundings, TalkLimit,
};
use crate::buffer::Buffer;
use crate::memory::guest as guest_memory;
use crate::memory::view::Views;
use crate::nn::WasiNnCtx;

/// The manifest's key for the time of most calls.
const CALL_TIME: &str = "call-time";
/// What wasmtime says of a call that hands over more than it may.
const FUEL_EXHAUSTED: &str = "too much data is being copied";

/// What a processing call left behind.
pub(crate) enum Outcome {
    /// Nothing but what was pushed.
    Nothing,
    /// A source has nothing yet; call again at this running time, or when woken.
    Wait(Option<u64>),
    /// The element has finished.
    Eos,
}

/// What a store is made of besides its surroundings.
pub(crate) struct Grants {
    pub(crate) wasi: WasiCtx,
    pub(crate) nn: WasiNnCtx,
    /// Whether the component passes texts to WASI, whose code does not know that they may
    /// change while it reads them.
    pub(crate) reads_elsewhere: bool,
    /// Where `nn` adds up the time that models ran.
    pub(crate) inference_nanos: Arc<AtomicU64>,
}

/// A pad that the instance shall have.
#[derive(Debug, Clone)]
pub(crate) struct PadSpec {
    pub(crate) name: String,
    pub(crate) template: usize,
    pub(crate) is_src: bool,
    pub(crate) linked: bool,
}

/// A live instance.
pub(crate) struct Instance {
    store: Store<State>,
    element: ElementHost,
    /// First src pad: where returned buffers leave.
    first_src: Option<usize>,
}

/// A store with nothing in it but limits.
pub(crate) fn new_store(
    engine: &wasmtime::Engine,
    around: Arc<Surroundings>,
    pads: &[PadSpec],
    grants: Grants,
) -> Store<State> {
    let mut table = ResourceTable::new();
    table.set_max_capacity(MAX_HANDLES);
    let limit = around.call_time;
    let frames = around.frames.clone();
    let state = State {
        table,
        around,
        views: None,
        pads: pads
            .iter()
            .map(|pad| PadState {
                is_src: pad.is_src,
                pool: frames.pool(),
                caps: None,
            })
            .collect(),
        passthrough: false,
        same_caps: false,
        held: Held::default(),
        arrived: 0,
        pushed: Vec::new(),
        call: CallTime {
            began: now(),
            limit,
            most: None,
            key: CALL_TIME,
            exceeded: false,
        },
        heap_bytes: 0,
        table_elements: 0,
        sessions: 0,
        window_bytes: 0,
        memory_refused: false,
        copied_bytes: 0,
        wasi: grants.wasi,
        nn: grants.nn,
        tensors: frames.pool(),
        copies: frames.pool(),
        inference_nanos: grants.inference_nanos,
        talk: TalkLimit::default(),
        last_words: None,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| state);
    store.set_hostcall_fuel(MAX_CALL_BYTES);
    store.epoch_deadline_callback(|context| {
        let state = context.data();
        let spent = now().saturating_duration_since(state.call.began);
        let inference = Duration::from_nanos(state.inference_nanos.load(Ordering::Relaxed));
        let spent = own_time(spent, inference);
        if spent < state.call.limit {
            return Ok(UpdateDeadline::Continue(ticks(
                state.call.limit.saturating_sub(spent),
            )));
        }
        let mut context = context;
        context.data_mut().call.exceeded = true;
        Ok(UpdateDeadline::Interrupt)
    });
    store
}

/// Time of a call that counts against its limit.
fn own_time(spent: Duration, inference: Duration) -> Duration {
    spent.saturating_sub(inference.min(MAX_INFERENCE_TIME))
}

thread_local! {
    /// When this thread last looked at the clock.
    static RECENT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Limits are in real time, whatever the pipeline's clock.
pub(crate) fn now() -> Instant {
    let now = Instant::now();
    RECENT.set(Some(now));
    now
}

/// The time at which this thread last asked for it: where a buffer is only handed on, a
/// look at the clock would cost more than the rest.
pub(crate) fn recent() -> Instant {
    RECENT.get().unwrap_or_else(now)
}

fn ticks(time: Duration) -> u64 {
    u64::try_from(time.as_nanos() / TICK.as_nanos())
        .unwrap_or(u64::MAX / 4)
        .min(u64::MAX / 4)
        + 1
}

impl Instance {
    /// Instantiates an element; its pads have no caps yet.
    pub(crate) fn new(
        pre: &InstancePre<State>,
        around: Arc<Surroundings>,
        pads: &[PadSpec],
        grants: Grants,
    ) -> Result<Self, Failure> {
        let reads_elsewhere = grants.reads_elsewhere;
        let mut store = new_store(pre.engine(), around, pads, grants);
        begin_start(&mut store);
        guest_memory::begin();
        let pre = ElementHostPre::new(pre.clone())
            .map_err(|error| Failure::contract(format!("{error:#}")))?;
        let element = match pre.instantiate(&mut store) {
            Ok(element) => element,
            Err(error) => return Err(explain(store.data_mut(), &error)),
        };
        store.data_mut().views = guest_memory::only_memory().map(Views::new);
        if let (Some(views), true) = (&mut store.data_mut().views, reads_elsewhere) {
            views.hide();
        }
        let first_src = pads.iter().position(|pad| pad.is_src);
        Ok(Self {
            store,
            element,
            first_src,
        })
    }

    /// Runs one call with its time limit and turns what went wrong into a failure.
    fn call<R>(
        &mut self,
        call: impl FnOnce(&guest::Guest, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, Failure> {
        self.call_at(now(), call)
    }

    /// The same where the present time is known.
    fn call_at<R>(
        &mut self,
        now: Instant,
        call: impl FnOnce(&guest::Guest, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, Failure> {
        begin_call(&mut self.store, now);
        self.finish_call(call)
    }

    /// The same with the limit for what an element does before data flows.
    fn call_to_start<R>(
        &mut self,
        call: impl FnOnce(&guest::Guest, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, Failure> {
        begin_start(&mut self.store);
        self.finish_call(call)
    }

    fn finish_call<R>(
        &mut self,
        call: impl FnOnce(&guest::Guest, &mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, Failure> {
        let result = call(self.element.millstream_media_element(), &mut self.store);
        let value = match result {
            Ok(value) => value,
            Err(error) => return Err(explain(self.store.data_mut(), &error)),
        };
        self.store.data_mut().post_last_words();
        if self.store.data().is_tainted() {
            return Err(Failure::contract(
                "a list or string that lies in the window of frames",
            ));
        }
        Ok(value)
    }

    /// What the element says it is.
    pub(crate) fn describe(&mut self) -> Result<Descriptor, Failure> {
        let descriptor = self.call(|guest, store| guest.call_describe(store.as_context_mut()))?;
        convert::descriptor_from_guest(descriptor).map_err(Failure::contract)
    }

    /// Gives it properties and pads.
    pub(crate) fn create(
        &mut self,
        properties: &[(String, Value)],
        pads: &[PadSpec],
    ) -> Result<(), Failure> {
        let settings: Vec<_> = properties
            .iter()
            .map(|(name, value)| setting(name, value))
            .collect();
        let pads: Vec<_> = pads
            .iter()
            .map(|pad| guest::Pad {
                name: pad.name.clone(),
                template: pad.template as u32,
                linked: pad.linked,
            })
            .collect();
        self.call_to_start(|guest, store| guest.call_create(store, &settings, &pads))?
            .map_err(returned)
    }

    /// What a pad could carry now.
    pub(crate) fn pad_caps(&mut self, pad: usize) -> Result<Caps, Failure> {
        let text = self.call(|guest, store| guest.call_pad_caps(store, pad as u32))?;
        parse_caps(text.map_err(returned)?)
    }

    /// What `to` could carry if `given` carried `caps`.
    pub(crate) fn transform_caps(
        &mut self,
        given: usize,
        caps: &Caps,
        to: usize,
    ) -> Result<Caps, Failure> {
        let caps = caps.to_string();
        let text = self.call(|guest, store| {
            guest.call_transform_caps(store, given as u32, &caps, to as u32)
        })?;
        parse_caps(text.map_err(returned)?)
    }

    /// The element's choice among caps.
    pub(crate) fn fixate_caps(
        &mut self,
        pad: usize,
        caps: &Caps,
        sink: Option<&Caps>,
    ) -> Result<Caps, Failure> {
        let (caps, sink) = (caps.to_string(), sink.map(ToString::to_string));
        let text = self.call(|guest, store| {
            guest.call_fixate_caps(store, pad as u32, &caps, sink.as_deref())
        })?;
        parse_caps(text.map_err(returned)?)
    }

    /// Fixes a pad's caps.
    pub(crate) fn set_caps(&mut self, pad: usize, caps: &Arc<Caps>) -> Result<(), Failure> {
        let text = caps.to_string();
        self.call(|guest, store| guest.call_set_caps(store, pad as u32, &text))?
            .map_err(returned)?;
        self.store.data_mut().note_caps(pad, caps);
        Ok(())
    }

    /// The src pad on which buffers leave as they came, while the element has nothing to do
    /// with them.
    pub(crate) fn passes(&self) -> Option<usize> {
        self.first_src.filter(|_| self.store.data().passes())
    }

    /// Lets buffers without caps (`ANY`) out of a src pad.
    pub(crate) fn allow_any(&mut self, pad: usize, caps: &Arc<Caps>) {
        self.store.data_mut().note_caps(pad, caps);
    }

    /// Opens what the element needs.
    pub(crate) fn start(&mut self) -> Result<(), Failure> {
        self.call_to_start(|guest, store| guest.call_start(store))?
            .map_err(returned)
    }

    /// Closes it.
    pub(crate) fn stop(&mut self) -> Result<(), Failure> {
        let stopped = self.call(|guest, store| guest.call_stop(store))?;
        self.store.data_mut().finish_talk();
        stopped.map_err(returned)
    }

    /// Changes a property.
    pub(crate) fn set_property(&mut self, name: &str, value: &Value) -> Result<(), Failure> {
        let setting = setting(name, value);
        self.call(|guest, store| guest.call_set_property(store, &setting))?
            .map_err(returned)
    }

    /// A source's turn, now; what it sends is added to `out`.
    pub(crate) fn produce(
        &mut self,
        now: Instant,
        out: &mut Vec<(usize, Item)>,
    ) -> Result<Outcome, Failure> {
        let outcome = self.call_at(now, |guest, store| guest.call_produce(store))?;
        self.collect(outcome, out)
    }

    /// Hands a buffer to a sink pad, now; what the element sends is added to `out`.
    pub(crate) fn chain(
        &mut self,
        now: Instant,
        pad: usize,
        buffer: Buffer,
        out: &mut Vec<(usize, Item)>,
    ) -> Result<Outcome, Failure> {
        let handle = self
            .store
            .data_mut()
            .hand_over(buffer)
            .map_err(|full| Failure::contract(format!("it cannot be given more: {full}")))?;
        let outcome = self.call_at(now, |guest, store| {
            guest.call_chain(store, pad as u32, handle)
        })?;
        self.collect(outcome, out)
    }

    /// Hands an event to a sink pad; whether the host shall pass it on.
    pub(crate) fn handle_event(
        &mut self,
        pad: usize,
        event: &Item,
        out: &mut Vec<(usize, Item)>,
    ) -> Result<bool, Failure> {
        let event = match event {
            Item::Eos => types::Event::Eos,
            Item::Segment(segment) => types::Event::Segment(types::Segment {
                start: segment.start,
                stop: segment.stop,
                base: segment.base,
            }),
            Item::Custom(custom) => types::Event::Custom(types::CustomEvent {
                name: custom.name.clone(),
                fields: custom
                    .fields
                    .iter()
                    .map(|(name, value)| setting(name, value))
                    .collect(),
            }),
            Item::Buffer(_) | Item::Caps(_) | Item::Turn(_) => return Ok(true),
        };
        let disposition =
            self.call(|guest, store| guest.call_handle_event(store, pad as u32, &event))?;
        out.append(&mut self.store.data_mut().pushed);
        Ok(disposition.map_err(returned)? == guest::Disposition::Forward)
    }

    fn collect(
        &mut self,
        outcome: Result<guest::Outcome, types::Failure>,
        out: &mut Vec<(usize, Item)>,
    ) -> Result<Outcome, Failure> {
        let state = self.store.data_mut();
        out.append(&mut state.pushed);
        match outcome.map_err(returned)? {
            guest::Outcome::Nothing => Ok(Outcome::Nothing),
            guest::Outcome::Wait(until) => Ok(Outcome::Wait(until)),
            guest::Outcome::Eos => Ok(Outcome::Eos),
            guest::Outcome::Buffer(handle) => {
                let buffer = state
                    .take_returned(handle)
                    .map_err(|error| Failure::contract(format!("{error:#}")))?;
                let Some(pad) = self.first_src else {
                    return Err(Failure::contract(
                        "a buffer from an element without src pads",
                    ));
                };
                if state.pads.get(pad).is_none_or(|pad| pad.caps.is_none()) {
                    return Err(Failure::contract("a buffer before the caps of its src pad"));
                }
                out.push((pad, Item::Buffer(buffer)));
                Ok(Outcome::Nothing)
            }
        }
    }

    /// What another instance needs to go on where this one is.
    pub(crate) fn save(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        // What is too much stays in the guest's memory.
        self.store.set_hostcall_fuel(MAX_STATE_BYTES);
        let state = self.call(|guest, store| guest.call_save(store));
        self.store.set_hostcall_fuel(MAX_CALL_BYTES);
        state.map_err(|failure| {
            if failure.message.contains(FUEL_EXHAUSTED) {
                Failure::contract(format!("`save` gave over {MAX_STATE_BYTES} bytes"))
            } else {
                failure
            }
        })
    }

    /// Goes on where another instance was.
    pub(crate) fn restore(&mut self, state: &[u8]) -> Result<(), Failure> {
        self.call(|guest, store| guest.call_restore(store, state))?
            .map_err(returned)
    }

    /// Buffers that came in and that the element keeps, its own copies of handles included.
    pub(crate) fn kept_buffers(&self) -> usize {
        self.store.data().arrived
    }

    /// Calls may take no longer than this, whatever the element's limit; none: as the limit.
    pub(crate) fn set_trial(&mut self, most: Option<Duration>) {
        self.store.data_mut().call.most = most;
    }

    /// Bytes that were copied for this element so far.
    pub(crate) fn copied_bytes(&self) -> u64 {
        self.store.data().copied_bytes
    }
}

fn begin_call(store: &mut Store<State>, now: Instant) {
    let state = store.data();
    let limit = state.around.call_time;
    let limit = state.call.most.map_or(limit, |most| limit.min(most));
    begin(store, now, limit, CALL_TIME);
}

fn begin_start(store: &mut Store<State>) {
    match store.data().around.limits.start_time {
        Some(limit) => begin(store, now(), limit, "start-time"),
        None => begin_call(store, now()),
    }
}

fn begin(store: &mut Store<State>, now: Instant, limit: Duration, key: &'static str) {
    let state = store.data_mut();
    state.call.began = now;
    (state.call.limit, state.call.key) = (limit, key);
    state.call.exceeded = false;
    state.memory_refused = false;
    state.pushed.clear();
    state.inference_nanos.store(0, Ordering::Relaxed);
    if let Some(views) = &mut state.views {
        views.settle();
    }
    watch(limit);
    store.set_epoch_deadline(ticks(limit));
}

fn setting(name: &str, value: &Value) -> types::Setting {
    types::Setting {
        name: name.to_owned(),
        value: convert::value_to_guest(value),
    }
}

fn parse_caps(text: String) -> Result<Caps, Failure> {
    if text.len() > convert::MAX_TEXT_BYTES {
        return Err(Failure::contract(format!("caps of {} bytes", text.len())));
    }
    let text = convert::sound_text(text).map_err(Failure::contract)?;
    text.parse()
        .map_err(|error| Failure::contract(format!("caps that do not parse: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However long a model runs, a call with one is over some time.
    #[test]
    fn time_of_models_counts_from_some_time_on() {
        let minutes = Duration::from_mins;
        assert_eq!(own_time(minutes(1), minutes(1)), Duration::ZERO);
        assert_eq!(own_time(minutes(2), minutes(1)), minutes(1));
        assert_eq!(own_time(minutes(7), minutes(7)), minutes(5));
        assert_eq!(own_time(minutes(1), minutes(2)), Duration::ZERO);
    }
}
