//! What stands at the end of a link: a component, or one of the host's own elements.
//!
//! ```text
//! source thread ─► component ─► component ─► queue ┊ queue's thread ─► component (sink)
//!                                   └─► tee ─► …
//! ```
//! Elements between two queues run in the thread that pushes; each is locked for the
//! call and for handing on what it sent, so that order is kept where threads meet.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use millstream_core::clock::Segment;

use super::component::ComponentNode;
use super::parallel::{Gather, Scatter};
use super::queue::Queue;
use super::shared::Shared;
use super::stats::{Counters, ElementStats};
use crate::buffer::Buffer;
use crate::bus::Message;
use crate::element::convert::DISCONT;
use crate::element::instance::now;
use crate::element::state::Item;

/// What pushing led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Go on.
    Ok,
    /// Downstream wants no more.
    Eos,
    /// The pipeline is being stopped.
    Flushing,
    /// An element downstream failed for good; it has told the bus.
    Error,
}

/// One element at run time.
pub(crate) enum Node {
    /// A component.
    Component(Box<ComponentNode>),
    /// The host's own.
    Host(Box<HostNode>),
}

/// One of the host's own elements.
pub(crate) struct HostNode {
    pub(crate) name: String,
    pub(crate) factory: String,
    pub(crate) kind: HostKind,
    /// Where each src pad leads.
    pub(crate) targets: Vec<Target>,
    pub(crate) counters: Counters,
    /// Sink pads that have not had their end of stream.
    pub(crate) open_sinks: AtomicUsize,
}

/// Which of the host's own elements.
pub(crate) enum HostKind {
    /// Hands over to another thread.
    Queue(Box<Queue>),
    /// One handle for each branch.
    Tee,
    /// Caps were checked when the plan was made.
    CapsFilter,
    /// Several streams one after the other as they come; one buffer at a time.
    Funnel(Mutex<()>),
    /// Drops everything, or nothing.
    Valve { drop: AtomicBool },
    /// To instances of one element in turn.
    Scatter(Scatter),
    /// What they made, in order.
    Gather(Gather),
}

/// The sink pad that a src pad is linked to.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) node: Arc<Node>,
    pub(crate) pad: usize,
}

impl Target {
    /// Hands an item over.
    pub(crate) fn push(&self, item: Item) -> Flow {
        match &*self.node {
            Node::Component(component) => component.push(self.pad, item),
            Node::Host(host) => host.push(self.pad, item),
        }
    }
}

impl Node {
    /// What it has done so far.
    pub(crate) fn stats(&self) -> ElementStats {
        match self {
            Self::Component(component) => {
                let counters = &component.counters;
                counters.read(component.name(), &component.factory)
            }
            Self::Host(host) => host.counters.read(&host.name, &host.factory),
        }
    }

    /// Ends all waiting in it, for good.
    pub(crate) fn flush(&self) {
        let Self::Host(host) = self else { return };
        host.queues().iter().for_each(Queue::flush);
        if let HostKind::Gather(gather) = &host.kind {
            gather.end(Flow::Flushing);
        }
    }
}

impl HostNode {
    /// Each has a thread behind it.
    pub(crate) fn queues(&self) -> &[Queue] {
        match &self.kind {
            HostKind::Queue(queue) => std::slice::from_ref(&**queue),
            HostKind::Scatter(scatter) => scatter.queues(),
            _ => &[],
        }
    }

    fn push(&self, pad: usize, item: Item) -> Flow {
        if let Item::Buffer(buffer) = &item {
            self.counters.arrived(buffer.size());
        }
        match &self.kind {
            HostKind::Queue(queue) => queue.push(item, &self.counters),
            HostKind::Tee => self.push_to_all(&item),
            HostKind::Scatter(scatter) => scatter.push(item, &self.counters),
            HostKind::Gather(gather) => {
                // Its src pad, which is always there, comes first.
                let branch = pad.saturating_sub(1);
                gather.push(branch, item, self.targets.first(), &self.counters)
            }
            HostKind::Funnel(order) => {
                let _order = order.lock().unwrap_or_else(PoisonError::into_inner);
                let last = matches!(item, Item::Eos)
                    && self.open_sinks.fetch_sub(1, Ordering::AcqRel) != 1;
                if last { Flow::Ok } else { self.push_on(item) }
            }
            HostKind::Valve { drop }
                if matches!(item, Item::Buffer(_)) && drop.load(Ordering::Relaxed) =>
            {
                Counters::add(&self.counters.dropped, 1);
                Flow::Ok
            }
            HostKind::CapsFilter | HostKind::Valve { .. } => self.push_on(item),
        }
    }

    fn push_on(&self, item: Item) -> Flow {
        if matches!(item, Item::Buffer(_)) {
            Counters::add(&self.counters.buffers_out, 1);
        }
        self.targets
            .first()
            .map_or(Flow::Ok, |target| target.push(item))
    }

    /// Whether a buffer comes too late to go on; then it is counted and told.
    fn is_late(&self, buffer: &Buffer, segment: Segment, limit: u64, shared: &Shared) -> bool {
        let due = buffer.timing.pts.and_then(|pts| segment.running_time(pts));
        let late = due.map(|due| shared.clock.running_time().saturating_sub(due));
        let Some(late_nanos) = late.filter(|late| *late > limit) else {
            return false;
        };
        Counters::add(&self.counters.dropped, 1);
        shared.bus.post(Message::Qos {
            element: self.name.clone(),
            late_nanos,
            dropped: self.counters.dropped.load(Ordering::Relaxed),
        });
        true
    }

    /// A branch that has ended or failed does not end the others.
    fn push_to_all(&self, item: &Item) -> Flow {
        let mut flows = Vec::with_capacity(self.targets.len());
        for target in &self.targets {
            if matches!(item, Item::Buffer(_)) {
                Counters::add(&self.counters.buffers_out, 1);
            }
            flows.push(target.push(item.clone()));
        }
        combine(&flows)
    }

    /// The thread of one of its queues: hands on what waits until the end.
    pub(crate) fn run_queue(&self, index: usize, shared: &Shared) {
        let (Some(queue), Some(target)) = (self.queues().get(index), self.targets.get(index))
        else {
            return;
        };
        let mut segment = Segment::default();
        let mut lost = false;
        while let Some(mut item) = queue.pop() {
            // For all that only hands it on.
            now();
            match &mut item {
                Item::Segment(new) => segment = *new,
                Item::Buffer(buffer) => {
                    if let Some(limit) = queue.max_lateness()
                        && self.is_late(buffer, segment, limit, shared)
                    {
                        lost = true;
                        continue;
                    }
                    if std::mem::take(&mut lost) {
                        buffer.timing.flags.0 |= DISCONT;
                    }
                }
                _ => {}
            }
            let is_end = matches!(item, Item::Eos);
            if matches!(item, Item::Buffer(_)) {
                Counters::add(&self.counters.buffers_out, 1);
            }
            let flow = target.push(item);
            if is_end || flow == Flow::Flushing {
                break;
            }
            if flow != Flow::Ok {
                queue.finish(flow);
            }
        }
    }
}

/// What several src pads' answers mean for who is upstream.
pub(crate) fn combine(flows: &[Flow]) -> Flow {
    if flows.contains(&Flow::Flushing) {
        Flow::Flushing
    } else if flows.contains(&Flow::Ok) || flows.is_empty() {
        Flow::Ok
    } else if flows.contains(&Flow::Error) {
        Flow::Error
    } else {
        Flow::Eos
    }
}
