//! The status line: frames, frames per second, per cent and time left.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use millstream_core::element::{Role, Value};
use millstream_core::graph::{Element, Graph, Kind};
use millstream_runtime::ElementStats;

use crate::human;

/// At most five lines a second.
const PERIOD: Duration = Duration::from_millis(200);
/// The rate is that of the last so many lines: 5 s.
const SAMPLES: usize = 25;

/// How far a pipeline is.
pub(crate) struct Progress {
    /// Index of each source, and how many buffers it will send.
    sources: Vec<(usize, Option<u64>)>,
    /// Indices of queues, which hold what is not done yet.
    queues: Vec<usize>,
    samples: VecDeque<(Instant, u64)>,
}

impl Progress {
    pub(crate) fn new(graph: &Graph) -> Self {
        let elements = || graph.elements.iter().enumerate();
        Self {
            sources: elements()
                .filter(|(_, element)| element.descriptor.role() == Role::Source)
                .map(|(index, element)| (index, num_buffers(element)))
                .collect(),
            queues: elements()
                .filter(|(_, element)| matches!(element.kind, Kind::Queue(_)))
                .map(|(index, _)| index)
                .collect(),
            samples: VecDeque::from([(Instant::now(), 0)]),
        }
    }

    /// Whether it is time for another line.
    pub(crate) fn is_due(&self) -> bool {
        self.samples
            .back()
            .is_none_or(|(at, _)| at.elapsed() >= PERIOD)
    }

    /// `frames 120/300  29.8 fps  40 %  0:06 left`
    pub(crate) fn line(&mut self, stats: &[ElementStats]) -> String {
        let done = self.done(stats);
        self.samples.push_back((Instant::now(), done));
        if self.samples.len() > SAMPLES {
            self.samples.pop_front();
        }
        let rate = match (self.samples.front(), self.samples.back()) {
            (Some((first, before)), Some((last, now))) if last > first => {
                now.saturating_sub(*before) as f64 / (*last - *first).as_secs_f64()
            }
            _ => 0.0,
        };
        let fps = human::digits(rate);
        match self.total() {
            Some(total) if total > 0 => {
                let percent = done.min(total) * 100 / total;
                let left = total.saturating_sub(done) as f64 / rate;
                let left = if left.is_finite() {
                    human::countdown(left)
                } else {
                    "?".to_owned()
                };
                format!("frames {done}/{total}  {fps} fps  {percent} %  {left} left")
            }
            _ => format!("frames {done}  {fps} fps"),
        }
    }

    /// Buffers that left the sources and wait in no queue.
    fn done(&self, stats: &[ElementStats]) -> u64 {
        let made: u64 = self
            .sources
            .iter()
            .filter_map(|(index, _)| stats.get(*index))
            .map(|it| it.buffers_out)
            .sum();
        let queued = |it: &ElementStats| {
            it.buffers_in
                .saturating_sub(it.buffers_out)
                .saturating_sub(it.dropped)
        };
        let waiting = self
            .queues
            .iter()
            .filter_map(|index| stats.get(*index))
            .map(queued)
            .max();
        made.saturating_sub(waiting.unwrap_or(0))
    }

    /// Buffers that there will be, if every source has an end.
    fn total(&self) -> Option<u64> {
        self.sources.iter().map(|(_, total)| *total).sum()
    }
}

/// How many buffers a source will send: the host's property, or its own of that name.
fn num_buffers(element: &Element) -> Option<u64> {
    element
        .base
        .num_buffers
        .or_else(|| match element.property("num-buffers")? {
            Value::Integer(number) => u64::try_from(*number).ok(),
            _ => None,
        })
}
