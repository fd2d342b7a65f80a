//! The queue element: a bounded stretch of stream between two threads.
//!
//! One lock guards contents and level together, because three limits (buffers,
//! bytes, time) and leaking need both at once, which a channel does not give.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use millstream_core::queue::{Leaky, Level, Priority, Settings};

use super::node::Flow;
use super::stats::Counters;
use crate::element::convert::DISCONT;
use crate::element::state::Item;

/// Events that wait do not count towards the limits; this bounds them.
const MAX_EVENTS: usize = 4096;

/// A queue's contents and who waits for them.
#[derive(Debug)]
pub(crate) struct Queue {
    settings: Settings,
    state: Mutex<Contents>,
    /// Something came, or the queue was closed.
    filled: Condvar,
    /// Something left, or the queue was closed.
    drained: Condvar,
}

#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts that are independent of each other"
)]
struct Contents {
    items: VecDeque<Item>,
    level: Level,
    /// What downstream last answered; passed on to upstream.
    flow: Option<Flow>,
    flushing: bool,
    /// The next buffer does not continue the last.
    leaked: bool,
    waiting_reader: bool,
    waiting_writer: bool,
}

impl Contents {
    /// Recomputes the time between the oldest and the newest buffer.
    fn measure_time(&mut self) {
        let pts = |item: &Item| match item {
            Item::Buffer(buffer) => buffer.timing.pts,
            _ => None,
        };
        let first = self.items.iter().find_map(pts);
        let last = self.items.iter().rev().find_map(pts);
        self.level.time_nanos = match (first, last) {
            (Some(first), Some(last)) => last.saturating_sub(first),
            _ => 0,
        };
    }

    fn add(&mut self, item: Item) {
        if let Item::Buffer(buffer) = &item {
            self.level.buffers += 1;
            self.level.bytes += buffer.size() as u64;
        }
        self.items.push_back(item);
        self.measure_time();
    }

    fn remove(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        if let Item::Buffer(buffer) = &item {
            self.level.buffers -= 1;
            self.level.bytes -= buffer.size() as u64;
        }
        self.measure_time();
        Some(item)
    }

    /// Drops the oldest buffer, events keep their place.
    fn drop_oldest(&mut self) -> bool {
        let oldest = self
            .items
            .iter()
            .position(|item| matches!(item, Item::Buffer(_)));
        let Some(Item::Buffer(buffer)) = oldest.and_then(|index| self.items.remove(index)) else {
            return false;
        };
        self.level.buffers -= 1;
        self.level.bytes -= buffer.size() as u64;
        self.measure_time();
        true
    }
}

impl Queue {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
        }
    }

    /// Of the thread behind it.
    pub(crate) fn priority(&self) -> Priority {
        self.settings.priority
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Contents> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an item in; waits or leaks when the queue is full.
    pub(crate) fn push(&self, mut item: Item, counters: &Counters) -> Flow {
        let mut contents = self.lock();
        let is_buffer = matches!(item, Item::Buffer(_));
        loop {
            if contents.flushing {
                return Flow::Flushing;
            }
            if let Some(flow) = contents.flow
                && (is_buffer || flow != Flow::Eos)
            {
                return flow;
            }
            let full = if is_buffer {
                contents.level.buffers > 0 && self.settings.is_full(&contents.level)
            } else {
                contents.items.len() >= MAX_EVENTS + self.settings.max_buffers as usize
            };
            if !full {
                break;
            }
            match self.settings.leaky {
                Leaky::Upstream if is_buffer => {
                    Counters::add(&counters.dropped, 1);
                    contents.leaked = true;
                    return Flow::Ok;
                }
                Leaky::Downstream if is_buffer && contents.drop_oldest() => {
                    Counters::add(&counters.dropped, 1);
                    contents.leaked = true;
                }
                _ => {
                    contents.waiting_writer = true;
                    contents = self
                        .drained
                        .wait(contents)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
        if let Item::Buffer(buffer) = &mut item
            && std::mem::take(&mut contents.leaked)
        {
            buffer.timing.flags.0 |= DISCONT;
        }
        contents.add(item);
        let queued = u64::from(contents.level.buffers);
        counters
            .most_queued
            .fetch_max(queued, std::sync::atomic::Ordering::Relaxed);
        let wake = std::mem::take(&mut contents.waiting_reader);
        // Who is woken wants the lock at once.
        drop(contents);
        if wake {
            self.filled.notify_one();
        }
        Flow::Ok
    }

    /// Takes the oldest item; waits while there is none. None at the end.
    pub(crate) fn pop(&self) -> Option<Item> {
        let mut contents = self.lock();
        loop {
            if contents.flushing {
                return None;
            }
            if let Some(item) = contents.remove() {
                let wake = std::mem::take(&mut contents.waiting_writer);
                drop(contents);
                if wake {
                    self.drained.notify_all();
                }
                return Some(item);
            }
            contents.waiting_reader = true;
            contents = self
                .filled
                .wait(contents)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Downstream wants no more: what waits is dropped, and upstream is told.
    pub(crate) fn finish(&self, flow: Flow) {
        let mut contents = self.lock();
        contents.flow = Some(flow);
        // Events that wait (the end of stream above all) still have to get through.
        contents
            .items
            .retain(|item| !matches!(item, Item::Buffer(_)));
        contents.level = Level::default();
        self.drained.notify_all();
    }

    /// Ends all waiting, for good.
    pub(crate) fn flush(&self) {
        self.lock().flushing = true;
        self.filled.notify_all();
        self.drained.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::buffer::Buffer;
    use crate::memory::frame::Pool;

    fn buffer(pool: &Pool, pts: u64) -> Item {
        let mut buffer = Buffer::allocate(pool, 10).unwrap();
        buffer.timing.pts = Some(pts);
        Item::Buffer(buffer)
    }

    fn settings(leaky: Leaky) -> Settings {
        Settings {
            max_buffers: 2,
            max_bytes: 0,
            max_time_nanos: 0,
            leaky,
            ..Settings::default()
        }
    }

    fn drain(queue: &Queue) -> Vec<(u64, bool)> {
        let mut seen = Vec::new();
        while let Some(item) = queue.pop() {
            match item {
                Item::Buffer(buffer) => {
                    seen.push((
                        buffer.timing.pts.unwrap(),
                        buffer.timing.flags.0 & DISCONT != 0,
                    ));
                }
                Item::Eos => break,
                _ => {}
            }
        }
        seen
    }

    fn fill(leaky: Leaky) -> (Vec<(u64, bool)>, u64) {
        let (pool, counters, queue) = (
            Pool::default(),
            Counters::default(),
            Queue::new(settings(leaky)),
        );
        for pts in 0..4 {
            assert_eq!(queue.push(buffer(&pool, pts), &counters), Flow::Ok);
        }
        assert_eq!(queue.push(Item::Eos, &counters), Flow::Ok);
        (drain(&queue), counters.dropped.load(Ordering::Relaxed))
    }

    #[test]
    fn a_leaky_queue_keeps_the_newest_or_the_oldest() {
        assert_eq!(fill(Leaky::Downstream), (vec![(2, true), (3, true)], 2));
        assert_eq!(fill(Leaky::Upstream), (vec![(0, false), (1, false)], 2));
    }

    #[test]
    fn a_full_queue_waits_and_a_flush_ends_the_wait() {
        let (pool, counters) = (Pool::default(), Counters::default());
        let queue = Queue::new(settings(Leaky::No));
        for pts in 0..2 {
            queue.push(buffer(&pool, pts), &counters);
        }
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| queue.push(buffer(&pool, 2), &counters));
            queue.flush();
            assert_eq!(writer.join().unwrap(), Flow::Flushing);
        });
    }

    #[test]
    fn what_downstream_answers_reaches_upstream() {
        let (pool, counters) = (Pool::default(), Counters::default());
        let queue = Queue::new(settings(Leaky::No));
        queue.push(buffer(&pool, 0), &counters);
        queue.finish(Flow::Eos);
        assert_eq!(queue.push(buffer(&pool, 1), &counters), Flow::Eos);
        assert_eq!(queue.push(Item::Eos, &counters), Flow::Ok);
        assert_eq!(drain(&queue), vec![]);
    }
}
