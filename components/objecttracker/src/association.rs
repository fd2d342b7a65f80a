//! [`Association`]: which detections are which objects, by overlap.
//!
//! ```text
//! boxes expected ─┐
//!                 ├──▶ gate: overlap and class ──▶ pairs with gain ──▶ matching
//! boxes seen ─────┘
//! ```

use crate::assignment::{Matcher, Pair};
use crate::bounds::Bounds;

/// Most detections considered for one object: the nearest. Keeps memory in bounds
/// where thousands of boxes lie on each other.
const MOST_CANDIDATES: usize = 16;

/// A box that may be matched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Who it is to the caller.
    pub index: usize,
    /// Where it is.
    pub bounds: Bounds,
    /// Its class; only equal ones match.
    pub class_id: u32,
    /// What overlap is multiplied with, 0 to 1.
    pub weight: f64,
}

/// Finds matches; keeps nothing but memory.
#[derive(Debug, Default)]
pub struct Association {
    matcher: Matcher,
    pairs: Vec<Pair>,
    near: Vec<Pair>,
    /// Places in the list of boxes seen, by left edge.
    order: Vec<(f64, usize)>,
}

impl Association {
    /// Pairs of indices (expected, seen) whose overlap (`IoU`, times the weight of
    /// the one seen) is above `least`, such that the sum of overlaps above it is
    /// the largest.
    pub fn run(
        &mut self,
        expected: &[Candidate],
        seen: &[Candidate],
        least: f64,
    ) -> Vec<(usize, usize)> {
        self.order.clear();
        let lefts = seen.iter().enumerate();
        self.order
            .extend(lefts.map(|(place, candidate)| (candidate.bounds.left, place)));
        self.order.sort_by(|a, b| a.0.total_cmp(&b.0));
        let widest = seen.iter().map(|c| c.bounds.width()).fold(0.0, f64::max);
        self.pairs.clear();
        for (row, track) in expected.iter().enumerate() {
            self.near(row, track, seen, (widest, least));
            self.near.sort_by(|a, b| b.gain.total_cmp(&a.gain));
            self.near.truncate(MOST_CANDIDATES);
            self.pairs.append(&mut self.near);
        }
        let matches = self.matcher.run(expected.len(), seen.len(), &self.pairs);
        let indices = matches
            .into_iter()
            .filter_map(|(row, column)| Some((expected.get(row)?.index, seen.get(column)?.index)));
        indices.collect()
    }

    /// Finds what overlaps with one box expected: only boxes whose left edge lies
    /// between its right edge and the widest box before its left edge can.
    fn near(
        &mut self,
        row: usize,
        track: &Candidate,
        seen: &[Candidate],
        (widest, least): (f64, f64),
    ) {
        let bounds = track.bounds;
        let first = self
            .order
            .partition_point(|(left, _)| *left <= bounds.left - widest);
        self.near.clear();
        for (left, place) in self.order.get(first..).unwrap_or_default() {
            if *left >= bounds.right {
                break;
            }
            let Some(other) = seen.get(*place).filter(|c| c.class_id == track.class_id) else {
                continue;
            };
            let gain = bounds.iou(other.bounds) * other.weight - least;
            if gain > 0.0 {
                self.near.push(Pair {
                    row,
                    column: *place,
                    gain,
                });
            }
        }
    }
}
