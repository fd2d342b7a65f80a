//! The queue element: a bounded stretch of stream between two threads.
//!
//! One lock guards contents and level together, because three limits (buffers,
//! bytes, time) and leaking need both at once, which a channel does not give.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::utils::Backoff;
use millstream_core::queue::{Leaky, Level, Priority, Settings};

use super::node::Flow;
use super::stats::Counters;
use crate::element::convert::DISCONT;
use crate::element::state::Item;

/// Events that wait do not count towards the limits; this bounds them.
const MAX_EVENTS: usize = 4096;
/// Who slept for less waits in another way the next time, because being put to sleep and
/// woken costs both threads microseconds: it looks again for some of them in a queue of
/// [`FEW`] buffers, and takes a nap in others.
const SHORT_SLEEP: Duration = Duration::from_micros(50);
/// How long a nap is unless the queue becomes half full, or half empty, before; the
/// system's timers add up to as much. So it is at most that much later that a buffer goes
/// on, and only where buffers follow each other faster.
const NAP: Duration = Duration::from_micros(50);
const FEW: u32 = 2;

/// A queue's contents and who waits for them.
#[derive(Debug)]
pub(crate) struct Queue {
    settings: Settings,
    state: Mutex<Contents>,
    /// Goes up with each item that comes or leaves, so that who waits needs no lock.
    moves: AtomicUsize,
    /// Something came, or the queue was closed.
    filled: Condvar,
    /// Something left, or the queue was closed.
    drained: Condvar,
}

#[derive(Debug, Default)]
struct Contents {
    items: VecDeque<Item>,
    level: Level,
    /// What downstream last answered; passed on to upstream.
    flow: Option<Flow>,
    flushing: bool,
    /// The next buffer does not continue the last.
    leaked: bool,
    reader: Waiter,
    writer: Waiter,
}

/// A thread that the queue can keep waiting.
#[derive(Debug, Default)]
struct Waiter {
    is_asleep: bool,
    /// It is asleep, and wants to be woken only when much has come or left.
    naps: bool,
    /// What it waits for comes in microseconds, as far as one can tell.
    is_brisk: bool,
}

impl Waiter {
    /// Whether something that came or left wakes it.
    fn wakes(&mut self, much: bool) -> bool {
        let wakes = self.is_asleep && (much || !self.naps);
        self.is_asleep &= !wakes;
        wakes
    }
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
            moves: AtomicUsize::new(0),
            filled: Condvar::new(),
            drained: Condvar::new(),
        }
    }

    /// Of the thread behind it.
    pub(crate) fn priority(&self) -> Priority {
        self.settings.priority
    }

    /// How late a buffer may leave.
    pub(crate) fn max_lateness(&self) -> Option<u64> {
        self.settings.max_lateness_nanos
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
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
                _ => contents = self.wait(contents, &self.drained, |it| &mut it.writer),
            }
        }
        if let Item::Buffer(buffer) = &mut item
            && std::mem::take(&mut contents.leaked)
        {
            buffer.timing.flags.0 |= DISCONT;
        }
        contents.add(item);
        let queued = u64::from(contents.level.buffers);
        counters.most_queued.fetch_max(queued, Ordering::Relaxed);
        let much = !is_buffer || self.settings.is_half_full(&contents.level);
        let wake = contents.reader.wakes(much);
        self.moves.fetch_add(1, Ordering::Release);
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
                let much = !self.settings.is_half_full(&contents.level);
                let wake = contents.writer.wakes(much);
                self.moves.fetch_add(1, Ordering::Release);
                drop(contents);
                if wake {
                    self.drained.notify_all();
                }
                return Some(item);
            }
            contents = self.wait(contents, &self.filled, |it| &mut it.reader);
        }
    }

    /// Waits until something has come or left, or for no reason.
    fn wait<'a>(
        &'a self,
        mut contents: MutexGuard<'a, Contents>,
        moved: &Condvar,
        of: fn(&mut Contents) -> &mut Waiter,
    ) -> MutexGuard<'a, Contents> {
        if !std::mem::take(&mut of(&mut contents).is_brisk) {
            of(&mut contents).is_asleep = true;
            let since = Instant::now();
            contents = moved.wait(contents).unwrap_or_else(PoisonError::into_inner);
            of(&mut contents).is_brisk = since.elapsed() < SHORT_SLEEP;
            return contents;
        }
        let moves = || self.moves.load(Ordering::Acquire);
        let before = moves();
        if (1..=FEW).contains(&self.settings.max_buffers) {
            drop(contents);
            let backoff = Backoff::new();
            while !backoff.is_completed() && moves() == before {
                backoff.snooze();
            }
            contents = self.lock();
            of(&mut contents).is_brisk = moves() != before;
        } else {
            let waiter = of(&mut contents);
            (waiter.is_asleep, waiter.naps) = (true, true);
            let woken = moved.wait_timeout(contents, NAP);
            (contents, _) = woken.unwrap_or_else(PoisonError::into_inner);
            let waiter = of(&mut contents);
            (waiter.is_asleep, waiter.naps) = (false, false);
            // One in all that time would have been worth being woken for.
            waiter.is_brisk = moves().wrapping_sub(before) > 1;
        }
        contents
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
    fn nobody_sleeps_for_ever_while_the_other_waits() {
        for max_buffers in [1, 8, 200] {
            let (pool, counters) = (Pool::default(), Counters::default());
            let queue = Queue::new(Settings {
                max_buffers,
                ..settings(Leaky::No)
            });
            let sent = 0..20_000u64;
            let seen = std::thread::scope(|scope| {
                let reader = scope.spawn(|| drain(&queue));
                for pts in sent.clone() {
                    queue.push(buffer(&pool, pts), &counters);
                    // Now and then the reader is really asleep.
                    if pts % 1000 == 0 {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
                queue.push(Item::Eos, &counters);
                reader.join().unwrap()
            });
            assert!(seen.into_iter().map(|(pts, _)| pts).eq(sent));
        }
    }

    #[test]
    fn who_naps_is_woken_by_much_and_who_sleeps_by_anything() {
        let asleep = |naps| Waiter {
            is_asleep: true,
            naps,
            is_brisk: false,
        };
        for (naps, much, woken) in [
            (true, false, false),
            (true, true, true),
            (false, false, true),
        ] {
            let mut waiter = asleep(naps);
            assert_eq!(waiter.wakes(much), woken);
            assert!(!woken || !waiter.wakes(true), "it is woken once");
        }
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
