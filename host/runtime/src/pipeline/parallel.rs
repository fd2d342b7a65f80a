//! Instances of one element that take turns with the buffers of a stream.
//!
//! ```text
//!           ┌─ queue ┊ x   ─┐
//! scatter ──┼─ queue ┊ x-1 ─┼── gather ──►
//!           └─ queue ┊ x-2 ─┘
//!           a thread each
//! ```
//!
//! Behind each buffer `scatter` sends a mark that travels with it, and `gather` lets the
//! next instance's thread through when it sees the mark: however many buffers an element
//! made of one, or none because it failed, order is kept. Events go to all instances, and
//! on from one of them; an instance that ends before the stream does ends it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use millstream_core::caps::Caps;
use millstream_core::queue::Settings;

use super::node::{Flow, Target, combine};
use super::queue::Queue;
use super::stats::Counters;
use crate::element::state::{Item, Turn};

/// Buffers that wait for an instance. One: the instance has it and is busy, the next one
/// is there when it is done, and nothing grows old.
const WAITING: u32 = 1;

/// Gives buffers out in turn.
#[derive(Debug)]
pub(crate) struct Scatter {
    /// One for each instance; a thread behind each.
    queues: Vec<Queue>,
    /// Whose turn it is. Pushes come one after the other.
    turn: AtomicUsize,
}

impl Scatter {
    pub(crate) fn new(instances: usize) -> Self {
        let settings = Settings {
            max_buffers: WAITING,
            max_bytes: 0,
            max_time_nanos: 0,
            ..Settings::default()
        };
        Self {
            queues: (0..instances).map(|_| Queue::new(settings)).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    pub(crate) fn queues(&self) -> &[Queue] {
        &self.queues
    }

    pub(crate) fn push(&self, item: Item, counters: &Counters) -> Flow {
        let turn = self.turn.load(Ordering::Relaxed);
        let (before, from) = self.queues.split_at_checked(turn).unwrap_or_default();
        let push = |queue: &Queue, item| queue.push(item, counters);
        if let Item::Buffer(_) = item {
            let Some(queue) = from.first() else {
                return Flow::Ok;
            };
            let next = if from.len() > 1 { turn + 1 } else { 0 };
            self.turn.store(next, Ordering::Relaxed);
            return match push(queue, item) {
                Flow::Ok => push(queue, Item::Turn(Turn::Over)),
                flow => flow,
            };
        }
        let mut flows = Vec::with_capacity(self.queues.len());
        let is_eos = matches!(item, Item::Eos);
        for (nth, queue) in (1..).zip(from.iter().chain(before)) {
            // The first instance's event goes on, but the last one's end.
            let goes_on = nth == if is_eos { self.queues.len() } else { 1 };
            if !goes_on {
                push(queue, Item::Turn(Turn::Repeated));
            }
            flows.push(push(queue, item.clone()));
            // Behind the end nothing comes.
            if !is_eos {
                push(queue, Item::Turn(Turn::Over));
            }
        }
        combine(&flows)
    }
}

/// Lets through whose turn it is.
#[derive(Debug)]
pub(crate) struct Gather {
    state: Mutex<Turns>,
    /// It is another one's turn, or nobody's any more.
    changed: Condvar,
}

#[derive(Debug)]
struct Turns {
    /// Caps of the buffers that come by each branch.
    branches: Vec<Option<Arc<Caps>>>,
    turn: usize,
    /// Events come by another branch too.
    is_repeated: bool,
    /// What downstream has.
    caps: Option<Arc<Caps>>,
    /// Nothing goes on any more.
    ended: Option<Flow>,
}

impl Turns {
    fn advance(&mut self) {
        self.is_repeated = false;
        self.turn = (self.turn + 1) % self.branches.len().max(1);
    }

    /// What downstream gets when an item comes by the branch whose turn it is: new caps,
    /// and the item.
    fn take(&mut self, branch: usize, item: Item) -> [Option<Item>; 2] {
        match item {
            Item::Turn(Turn::Repeated) => self.is_repeated = true,
            Item::Turn(Turn::Over) => self.advance(),
            Item::Segment(_) | Item::Custom(_) if self.is_repeated => {}
            Item::Caps(caps) => {
                if let Some(branch) = self.branches.get_mut(branch) {
                    *branch = Some(caps);
                }
                if !self.is_repeated {
                    return [self.news(branch), None];
                }
            }
            Item::Eos if self.is_repeated => self.advance(),
            // Of the last instance, or of one that ends before the stream does.
            Item::Eos => {
                self.ended = Some(Flow::Eos);
                return [None, Some(item)];
            }
            item => return [self.news(branch), Some(item)],
        }
        [None, None]
    }

    /// The caps of a branch, where downstream has others.
    fn news(&mut self, branch: usize) -> Option<Item> {
        let caps = self.branches.get(branch)?.as_ref()?;
        if self.caps.as_ref() == Some(caps) {
            return None;
        }
        self.caps = Some(caps.clone());
        Some(Item::Caps(caps.clone()))
    }
}

impl Gather {
    pub(crate) fn new(instances: usize) -> Self {
        Self {
            state: Mutex::new(Turns {
                branches: vec![None; instances],
                turn: 0,
                is_repeated: false,
                caps: None,
                ended: None,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Turns> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the branch's turn, and pushes what downstream shall have.
    pub(crate) fn push(
        &self,
        branch: usize,
        item: Item,
        target: Option<&Target>,
        counters: &Counters,
    ) -> Flow {
        let mut turns = self.lock();
        while turns.ended.is_none() && turns.turn != branch {
            turns = self
                .changed
                .wait(turns)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(flow) = turns.ended {
            return flow;
        }
        let items = turns.take(branch, item);
        let is_over = turns.turn != branch || turns.ended.is_some();
        drop(turns);
        if is_over {
            self.changed.notify_all();
        }
        // Nobody else comes here: it is not their turn.
        for item in items.into_iter().flatten() {
            if matches!(item, Item::Buffer(_)) {
                Counters::add(&counters.buffers_out, 1);
            }
            let flow = target.map_or(Flow::Ok, |target| target.push(item));
            if flow != Flow::Ok {
                self.end(flow);
                return flow;
            }
        }
        Flow::Ok
    }

    /// Nobody waits any more.
    pub(crate) fn end(&self, flow: Flow) {
        self.lock().ended.get_or_insert(flow);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::buffer::Buffer;
    use crate::element::state::CustomEvent;
    use crate::memory::frame::Pool;
    use crate::pipeline::node::{HostKind, HostNode, Node};

    /// What arrives behind `gather`, as text.
    fn collect(end: &Queue) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            seen.push(match end.pop() {
                Some(Item::Buffer(buffer)) => format!("b{}", buffer.timing.pts.unwrap()),
                Some(Item::Caps(caps)) => caps.to_string(),
                Some(Item::Custom(event)) => event.name.clone(),
                Some(Item::Eos) => "eos".to_owned(),
                other => panic!("{other:?}"),
            });
            if seen.last().is_some_and(|it| it == "eos") {
                return seen;
            }
        }
    }

    fn endless(name: &str) -> (Arc<Node>, Target) {
        let unlimited = Settings {
            max_buffers: 0,
            max_bytes: 0,
            max_time_nanos: 0,
            ..Settings::default()
        };
        let node = Arc::new(Node::Host(Box::new(HostNode {
            name: name.to_owned(),
            factory: "queue".to_owned(),
            kind: HostKind::Queue(Box::new(Queue::new(unlimited))),
            targets: Vec::new(),
            counters: Counters::default(),
            open_sinks: AtomicUsize::new(1),
        })));
        let target = Target {
            node: node.clone(),
            pad: 0,
        };
        (node, target)
    }

    fn buffer(pool: &Pool, pts: u64) -> Item {
        let mut buffer = Buffer::allocate(pool, 10).unwrap();
        buffer.timing.pts = Some(pts);
        Item::Buffer(buffer)
    }

    fn event(name: &str) -> Item {
        Item::Custom(Arc::new(CustomEvent {
            name: name.to_owned(),
            fields: Vec::new(),
        }))
    }

    /// Sends items through instances that make as many buffers of one as `makes` says, and
    /// end after the one that `ends` names.
    fn run(
        instances: usize,
        items: Vec<Item>,
        makes: &BTreeMap<u64, usize>,
        ends: Option<u64>,
    ) -> Vec<String> {
        let (end, target) = endless("end");
        let (scatter, gather) = (Scatter::new(instances), Gather::new(instances));
        let counters = Counters::default();
        std::thread::scope(|scope| {
            for (branch, queue) in scatter.queues().iter().enumerate() {
                let (gather, target, counters) = (&gather, &target, &counters);
                scope.spawn(move || {
                    while let Some(item) = queue.pop() {
                        let pts = match &item {
                            Item::Buffer(buffer) => buffer.timing.pts,
                            _ => None,
                        };
                        let push = |item| gather.push(branch, item, Some(target), counters);
                        let is_eos = matches!(item, Item::Eos);
                        let count = pts.and_then(|pts| makes.get(&pts)).copied().unwrap_or(1);
                        for _ in 0..count {
                            push(item.clone());
                        }
                        if pts.is_some() && pts == ends {
                            push(Item::Eos);
                            queue.finish(Flow::Eos);
                        }
                        if is_eos {
                            break;
                        }
                    }
                });
            }
            for item in items.into_iter().chain([Item::Eos]) {
                scatter.push(item, &counters);
            }
        });
        match &*end {
            Node::Host(host) => collect(&host.queues()[0]),
            Node::Component(_) => Vec::new(),
        }
    }

    proptest! {
        #[test]
        fn order_is_kept_whatever_becomes_of_each_buffer(
            instances in 1usize..6,
            plan in prop::collection::vec((0usize..4, prop::bool::weighted(0.1)), 0..60),
        ) {
            let pool = Pool::default();
            let (mut items, mut expected, mut makes) = (Vec::new(), Vec::new(), BTreeMap::new());
            for (pts, (count, has_event)) in (0..).zip(plan) {
                if has_event {
                    items.push(event(&format!("e{pts}")));
                    expected.push(format!("e{pts}"));
                }
                items.push(buffer(&pool, pts));
                makes.insert(pts, count);
                expected.extend(std::iter::repeat_n(format!("b{pts}"), count));
            }
            expected.push("eos".to_owned());
            prop_assert_eq!(run(instances, items, &makes, None), expected);
        }
    }

    #[test]
    fn an_instance_that_ends_before_the_stream_does_ends_it() {
        let pool = Pool::default();
        let items = (0..20).map(|pts| buffer(&pool, pts)).collect();
        let seen = run(3, items, &BTreeMap::new(), Some(4));
        assert_eq!(seen, ["b0", "b1", "b2", "b3", "b4", "eos"]);
    }

    #[test]
    fn downstream_has_the_caps_of_each_buffer_and_hears_of_them_once() {
        let caps = |text: &str| Arc::new(text.parse::<Caps>().unwrap());
        let (a, b) = (caps("a/a"), caps("b/b"));
        let mut turns = Gather::new(2).state.into_inner().unwrap();
        let pool = Pool::default();
        let mut take = |branch, item| {
            let items = turns.take(branch, item).into_iter().flatten();
            let text = |item| match item {
                Item::Caps(caps) => caps.to_string(),
                _ => "b".to_owned(),
            };
            items.map(text).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(take(0, Item::Caps(a.clone())), "a/a");
        assert_eq!(take(0, buffer(&pool, 0)), "b");
        assert_eq!(take(0, Item::Turn(Turn::Over)), "");
        assert_eq!(take(1, Item::Caps(a)), "");
        assert_eq!(take(1, Item::Caps(b)), "b/b");
        assert_eq!(take(1, buffer(&pool, 1)), "b");
        assert_eq!(take(1, Item::Turn(Turn::Over)), "");
        assert_eq!(take(0, buffer(&pool, 2)), "a/a b");
        assert_eq!(take(0, Item::Turn(Turn::Over)), "");
        assert_eq!(take(1, buffer(&pool, 3)), "b/b b");
    }
}
