//! A component at run time: what arrives at its pads, what it sends, and what happens
//! when it fails.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use crossbeam::sync::Parker;
use millstream_core::caps::Caps;
use millstream_core::clock::Segment;
use millstream_core::element::Value;
use millstream_core::graph::{Base, Graph};
use millstream_core::pipeline::{OnFailure, Resort};
use millstream_core::{Plan, negotiate};

use super::mail::Mailbox;
use super::node::{Flow, Target, combine};
use super::oracle::OwnOracle;
use super::runner::{Look, Runner, Stage};
use super::shared::Shared;
use super::stats::Counters;
use super::trial::Trial;
use crate::buffer::Buffer;
use crate::bus::Message;
use crate::clock::Waited;
use crate::element::convert::DISCONT;
use crate::element::failure::{Failure, FailureKind};
use crate::element::instance::{Instance, Outcome, PadSpec, now};
use crate::element::state::{Item, Surroundings};

/// A component and everything around it.
pub(crate) struct ComponentNode {
    pub(crate) index: usize,
    pub(crate) factory: String,
    pub(crate) around: Arc<Surroundings>,
    pub(crate) pads: Arc<[PadSpec]>,
    /// SHA-256 of the component that it was made from first.
    pub(crate) first_digest: String,
    pub(crate) base: Base,
    pub(crate) is_sink: bool,
    pub(crate) on_failure: OnFailure,
    pub(crate) graph: Arc<Graph>,
    pub(crate) plan: Arc<OnceLock<Plan>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) counters: Counters,
    /// Sink pads that have not had their end of stream.
    pub(crate) open_sinks: AtomicUsize,
    /// Where each pad leads (src pads only), set once all nodes are there.
    pub(crate) targets: OnceLock<Vec<Option<Target>>>,
    pub(crate) runner: Mutex<Runner>,
    pub(crate) mailbox: Mailbox,
    /// What it was when somebody could last look.
    pub(crate) seen: Mutex<Look>,
    /// Another component is taking over, and its trial is not over.
    pub(crate) is_changing: AtomicBool,
    /// The pipeline was paused, and what a source sends next can be older than the last.
    pub(crate) is_resumed: AtomicBool,
    /// Wakes a source that waits for its device.
    pub(crate) parker: Mutex<Parker>,
}

impl ComponentNode {
    pub(crate) fn name(&self) -> &str {
        &self.around.name
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Runner> {
        self.runner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens what the element needs.
    pub(crate) fn start(&self) -> Result<(), Failure> {
        let mut runner = self.lock();
        runner.instance()?.start()?;
        runner.stage = Stage::Started;
        // A src pad whose data has no format of its own never gets caps.
        self.allow_any(&mut runner)
    }

    fn allow_any(&self, runner: &mut Runner) -> Result<(), Failure> {
        let any = Arc::new(Caps::any());
        let Some(element) = self.graph.elements.get(self.index) else {
            return Ok(());
        };
        for (pad, spec) in self.pads.iter().enumerate().filter(|(_, pad)| pad.is_src) {
            let link = element.pads.get(pad).and_then(|pad| pad.link);
            let planned = link.and_then(|link| self.plan.get()?.links.get(link)?.caps.as_ref());
            if planned.is_some_and(Caps::is_any) || !spec.linked {
                runner.set_caps(pad, &any)?;
            }
        }
        Ok(())
    }

    /// Closes it; the instance is dropped.
    pub(crate) fn stop(&self) {
        let mut runner = self.lock();
        let trial = runner.trial.take();
        let is_started = runner.stage == Stage::Started;
        let previous = trial.and_then(Trial::into_previous);
        for mut instance in runner.instance.take().into_iter().chain(previous) {
            if is_started && let Err(failure) = instance.stop() {
                self.shared.warn(self.name(), "stop", &failure);
            }
            runner.copied_before += instance.copied_bytes();
        }
        let untold = runner.drops.take_untold();
        if untold > 0 {
            let failure = Failure::contract(format!("{untold} more buffers were dropped"));
            self.shared.warn(self.name(), "chain", &failure);
        }
        self.publish_copies(&runner);
    }

    pub(super) fn publish_copies(&self, runner: &Runner) {
        let copied =
            runner.copied_before + runner.instance.as_ref().map_or(0, Instance::copied_bytes);
        self.counters.copied_bytes.store(copied, Ordering::Relaxed);
    }

    /// Something arrives at a sink pad.
    pub(crate) fn push(&self, pad: usize, item: Item) -> Flow {
        if self.on_failure.resort() == Resort::PassThrough {
            let mut runner = self.enter();
            if runner.stage == Stage::PassedBy {
                return self.pass_by(&mut runner, pad, &item);
            }
        }
        match item {
            Item::Buffer(buffer) => self.push_buffer(pad, buffer),
            Item::Caps(caps) => self.push_caps(pad, &caps),
            Item::Turn(_) => self.pass_mark(&item),
            event @ (Item::Segment(_) | Item::Custom(_) | Item::Eos) => {
                self.push_event(pad, &event)
            }
        }
    }

    /// A mark goes on behind what the element made of the buffer before it.
    fn pass_mark(&self, mark: &Item) -> Flow {
        let mut runner = self.enter();
        match runner.finished {
            Some(flow) => flow,
            None => self.send(&mut runner, self.to_src_pads(mark)),
        }
    }

    /// What arrives at an element that was given up leaves as it is.
    fn pass_by(&self, runner: &mut Runner, pad: usize, item: &Item) -> Flow {
        if let Some(flow) = runner.finished {
            return flow;
        }
        match item {
            Item::Buffer(buffer) => self.counters.arrived(buffer.size()),
            Item::Caps(caps)
                if runner
                    .place
                    .caps
                    .get(pad)
                    .is_none_or(|own| own.as_ref() != Some(caps)) =>
            {
                let failure = Failure::contract(format!(
                    "new caps `{caps}` cannot pass by an element that was given up"
                ));
                return self.give_up(runner, &failure, "set-caps");
            }
            Item::Eos => runner.finished = Some(Flow::Eos),
            _ => {}
        }
        self.send(runner, self.to_src_pads(item))
    }

    fn push_buffer(&self, pad: usize, buffer: Buffer) -> Flow {
        if self.is_sink {
            let segment = self.lock().segment();
            self.note_latency(&buffer, segment, now());
            match self.wait_for_time(&buffer, segment) {
                Some(Flow::Ok) | None => {}
                Some(flow) => return flow,
            }
            // A drop is not a failure: upstream goes on.
            if self.is_late(&buffer, segment) {
                return Flow::Ok;
            }
        }
        let mut runner = self.enter();
        if let Some(flow) = runner.finished {
            return flow;
        }
        if runner.stage == Stage::PassedBy {
            return self.pass_by(&mut runner, pad, &Item::Buffer(buffer));
        }
        self.counters.arrived(buffer.size());
        if self.base.stats {
            self.post_each_second(&mut runner);
        }
        if let Some(src) = runner.passes() {
            let mut out = std::mem::take(&mut runner.out);
            out.push((src, Item::Buffer(buffer)));
            return self.send(&mut runner, out);
        }
        // What a component on trial fails with, the old one gets.
        let spare = runner.trial.is_some().then(|| buffer.clone());
        let mut out = std::mem::take(&mut runner.out);
        let mut result = self.chain(&mut runner, pad, buffer, &mut out);
        if let (Err(failure), Some(spare)) = (&result, spare)
            && self.roll_back(&mut runner, failure, "chain")
        {
            out.clear();
            if runner.stage == Stage::PassedBy {
                return self.send(&mut runner, self.to_src_pads(&Item::Buffer(spare)));
            }
            result = self.chain(&mut runner, pad, spare, &mut out);
        }
        self.after_call(&mut runner, out, result, "chain")
    }

    fn chain(
        &self,
        runner: &mut Runner,
        pad: usize,
        buffer: Buffer,
        out: &mut Vec<(usize, Item)>,
    ) -> Result<Outcome, Failure> {
        let segment = runner.segment();
        let instance = runner.instance()?;
        let began = now();
        // A sink's was noted before it waited for the buffer's time.
        if !self.is_sink {
            self.note_latency(&buffer, segment, began);
        }
        let result = instance.chain(began, pad, buffer, out);
        let ended = now();
        self.counters.called(ended - began);
        let result = result?;
        if self.keeps_state() {
            runner.take_checkpoint(ended)?;
        }
        Ok(result)
    }

    /// Whether the element may be made anew.
    pub(super) fn keeps_state(&self) -> bool {
        matches!(self.on_failure, OnFailure::Restart(_) | OnFailure::Drop(_))
    }

    /// The same for all src pads.
    pub(super) fn to_src_pads(&self, item: &Item) -> Vec<(usize, Item)> {
        self.src_pads().map(|pad| (pad, item.clone())).collect()
    }

    /// How long after its time a buffer came; a virtual clock's answer would be 0.
    fn note_latency(&self, buffer: &Buffer, segment: Segment, at: Instant) {
        let clock = &self.shared.clock;
        let pts = buffer.timing.pts.filter(|_| clock.is_real());
        if let Some(due) = pts.and_then(|pts| segment.running_time(pts)) {
            let late = clock.running_time_at(at).saturating_sub(due);
            self.counters.late_by(late);
        }
    }

    /// Waits for a buffer's time where the sink is synchronised; `None`: nothing to wait for.
    fn wait_for_time(&self, buffer: &Buffer, segment: Segment) -> Option<Flow> {
        let due = self.due(buffer, segment)?;
        match self.shared.clock.wait_until(due) {
            Waited::Reached { .. } | Waited::Unwanted => Some(Flow::Ok),
            Waited::Flushing => Some(Flow::Flushing),
        }
    }

    fn due(&self, buffer: &Buffer, segment: Segment) -> Option<u64> {
        if !self.base.sync {
            return None;
        }
        let running = segment.running_time(buffer.timing.pts?)?;
        Some(running.saturating_add_signed(self.base.ts_offset_nanos))
    }

    fn is_late(&self, buffer: &Buffer, segment: Segment) -> bool {
        let (Some(due), Some(limit)) = (self.due(buffer, segment), self.base.max_lateness_nanos)
        else {
            return false;
        };
        let late_nanos = self.shared.clock.running_time().saturating_sub(due);
        if late_nanos <= limit {
            return false;
        }
        Counters::add(&self.counters.late, 1);
        let dropped = self.counters.late.load(Ordering::Relaxed);
        let element = self.name().to_owned();
        self.shared.bus.post(Message::Qos {
            element,
            late_nanos,
            dropped,
        });
        true
    }

    fn push_caps(&self, pad: usize, caps: &Arc<Caps>) -> Flow {
        let mut runner = self.enter();
        if let Some(flow) = runner.finished {
            return flow;
        }
        if let Err(failure) = self.take_caps(&mut runner, pad, caps) {
            return self.fail(&mut runner, &failure, "set-caps");
        }
        let explained = |error: millstream_core::Error| Failure {
            hint: error.hint(),
            ..Failure::contract(error.to_string())
        };
        let mut outgoing = self.propagate(&mut runner, pad, caps).map_err(explained);
        if let Err(failure) = &outgoing
            && self.roll_back(&mut runner, failure, "negotiation")
        {
            outgoing = self.propagate(&mut runner, pad, caps).map_err(explained);
        }
        let outgoing = match outgoing {
            Ok(outgoing) => outgoing,
            Err(failure) => return self.give_up(&mut runner, &failure, "negotiation"),
        };
        let mut items = Vec::new();
        for (pad, caps) in outgoing {
            let caps = Arc::new(caps);
            if let Err(failure) = self.take_caps(&mut runner, pad, &caps) {
                return self.fail(&mut runner, &failure, "set-caps");
            }
            items.push((pad, Item::Caps(caps)));
        }
        self.publish(&runner);
        self.send(&mut runner, items)
    }

    /// Sets a pad's caps; where a component on trial cannot, the one before it has them.
    fn take_caps(&self, runner: &mut Runner, pad: usize, caps: &Arc<Caps>) -> Result<(), Failure> {
        match runner.set_caps(pad, caps) {
            // They were noted before the call, and told to the one that is back.
            Err(failure) if self.roll_back(runner, &failure, "set-caps") => Ok(()),
            result => result,
        }
    }

    fn propagate(
        &self,
        runner: &mut Runner,
        pad: usize,
        caps: &Caps,
    ) -> Result<Vec<(usize, Caps)>, millstream_core::Error> {
        let Some(plan) = self.plan.get() else {
            return Ok(Vec::new());
        };
        let mut oracle = OwnOracle {
            name: self.name(),
            runner,
        };
        negotiate::propagate(&self.graph, plan, self.index, pad, caps, &mut oracle)
    }

    fn push_event(&self, pad: usize, event: &Item) -> Flow {
        let mut runner = self.enter();
        let is_eos = matches!(event, Item::Eos);
        let last = is_eos && self.open_sinks.fetch_sub(1, Ordering::AcqRel) == 1;
        if let Some(flow) = runner.finished {
            // Whoever is downstream has had the end of the stream already.
            return flow;
        }
        if let Item::Segment(segment) = event {
            runner.place.segment = Some(*segment);
        }
        let mut out = std::mem::take(&mut runner.out);
        let handle = |runner: &mut Runner, out: &mut _| {
            let instance = runner.instance()?;
            instance.handle_event(pad, event, out)
        };
        let mut result = handle(&mut runner, &mut out);
        if let Err(failure) = &result
            && self.roll_back(&mut runner, failure, "handle-event")
        {
            out.clear();
            if runner.stage == Stage::PassedBy {
                return self.pass_by(&mut runner, pad, event);
            }
            result = handle(&mut runner, &mut out);
        }
        let forward = match &result {
            Ok(forward) => *forward || is_eos,
            Err(_) => true,
        };
        let mut flow = self.after_call(
            &mut runner,
            out,
            result.map(|_| Outcome::Nothing),
            "handle-event",
        );
        if forward && (last || !is_eos) && !self.is_sink {
            flow = self.send(&mut runner, self.to_src_pads(event));
        }
        if last {
            runner.finished.get_or_insert(Flow::Eos);
            self.sink_finished(&mut runner);
        }
        flow
    }

    /// Whether it makes buffers.
    pub(super) fn is_source(&self) -> bool {
        self.pads.iter().all(|pad| pad.is_src)
    }

    pub(super) fn src_pads(&self) -> impl Iterator<Item = usize> + '_ {
        let pads = self.pads.iter().enumerate();
        pads.filter(|(_, pad)| pad.is_src && pad.linked)
            .map(|(index, _)| index)
    }

    /// Hands on what a call left, and deals with its failure or end.
    pub(super) fn after_call(
        &self,
        runner: &mut Runner,
        out: Vec<(usize, Item)>,
        result: Result<Outcome, Failure>,
        during: &str,
    ) -> Flow {
        let ended = match result {
            Ok(outcome) => matches!(outcome, Outcome::Eos),
            Err(failure) => {
                // What an element sent before it gave up is good; what a trap left is not.
                if failure.kind == FailureKind::Returned {
                    self.send(runner, out);
                } else {
                    runner.out = out;
                    runner.out.clear();
                }
                return self.fail(runner, &failure, during);
            }
        };
        self.publish_copies(runner);
        let flow = self.send(runner, out);
        if !ended {
            return flow;
        }
        runner.finished = Some(Flow::Eos);
        if self.is_sink {
            self.sink_finished(runner);
            return Flow::Eos;
        }
        self.post_statistics(None);
        self.send(runner, self.to_src_pads(&Item::Eos));
        Flow::Eos
    }

    /// Pushes items out of src pads, in order.
    pub(super) fn send(&self, runner: &mut Runner, mut items: Vec<(usize, Item)>) -> Flow {
        let Some(targets) = self.targets.get() else {
            return Flow::Ok;
        };
        let mut worst = Vec::new();
        let mut flow = Flow::Ok;
        for (pad, mut item) in items.drain(..) {
            if let Item::Buffer(buffer) = &mut item {
                Counters::add(&self.counters.buffers_out, 1);
                if std::mem::take(&mut runner.lost) {
                    buffer.timing.flags.0 |= DISCONT;
                }
            }
            if let Some(Some(target)) = targets.get(pad) {
                let answer = target.push(item);
                if answer != Flow::Ok {
                    worst.push(answer);
                }
                flow = answer;
            }
        }
        runner.out = items;
        let src_pads = self.src_pads().count();
        // One pad's end does not end the others.
        if worst.is_empty() || (src_pads > 1 && worst.len() < src_pads && flow == Flow::Ok) {
            return Flow::Ok;
        }
        if src_pads <= 1 { flow } else { combine(&worst) }
    }

    /// Statistics of a second, when it is over.
    fn post_each_second(&self, runner: &mut Runner) {
        let (at, buffers) = (now(), self.counters.buffers_in.load(Ordering::Relaxed));
        let (since, before) = *runner.second.get_or_insert((at, buffers));
        let seconds = (at - since).as_secs_f64();
        if seconds >= 1.0 {
            runner.second = Some((at, buffers));
            self.post_statistics(Some((buffers - before) as f64 / seconds));
        }
    }

    /// What the element has done so far, with the present rate where it is known.
    pub(super) fn post_statistics(&self, rate: Option<f64>) {
        if !self.base.stats {
            return;
        }
        let stats = self.counters.read(self.name(), &self.factory);
        let count = |value: u64| Value::Integer(i64::try_from(value).unwrap_or(i64::MAX));
        let buffers = if self.is_sink {
            stats.buffers_in
        } else {
            stats.buffers_out
        };
        let mut fields = vec![
            ("buffers".to_owned(), count(buffers)),
            ("dropped".to_owned(), count(stats.dropped + stats.late)),
            ("average-rate".to_owned(), Value::Float(stats.rate)),
        ];
        fields.extend(rate.map(|rate| ("rate".to_owned(), Value::Float(rate))));
        self.shared.bus.post(Message::Element {
            element: self.name().to_owned(),
            name: "statistics".to_owned(),
            fields,
        });
    }

    /// Tells the pipeline, once, that this sink gets nothing more.
    pub(super) fn sink_finished(&self, runner: &mut Runner) {
        if self.is_sink && !std::mem::replace(&mut runner.sink_done, true) {
            self.post_statistics(None);
            self.shared.sink_finished(self.name());
        }
    }
}
