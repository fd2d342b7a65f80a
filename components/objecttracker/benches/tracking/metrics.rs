//! CLEAR MOT and IDF1 of a tracker's answers against the truth.
//!
//! # Source
//! MOTA and identity switches: Bernardin, Stiefelhagen, "Evaluating Multiple Object
//! Tracking Performance: The CLEAR MOT Metrics" (2008); IDF1: Ristani et al.,
//! "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking"
//! (2016). Overlap of 0.5 and the order of matching as in `TrackEval`
//! (<https://github.com/JonathonLuiten/TrackEval>, `clear.py`, `identity.py`).

use std::collections::BTreeMap;

use objecttracker::assignment::{Matcher, Pair};
use objecttracker::bounds::Bounds;

/// Least overlap of an answer that is right.
const OVERLAP: f64 = 0.5;

/// An object of the truth, or of a tracker's answer.
pub type Labelled = (u64, Bounds);

/// Sums over frames; scenes are joined by [`Score::add`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    /// Boxes of the truth.
    pub truth: u64,
    /// Boxes that were answered.
    pub answers: u64,
    /// Boxes of the truth without an answer.
    pub misses: u64,
    /// Answers without truth.
    pub false_positives: u64,
    /// Objects of the truth that were answered with another identity than before.
    pub switches: u64,
    /// Boxes with the right identity, under the best assignment of identities for
    /// the whole scene.
    pub identified: u64,
}

impl Score {
    /// 1 − (misses + false positives + switches) / truth; at most 1, can be negative.
    pub fn mota(&self) -> f64 {
        let wrong = self.misses + self.false_positives + self.switches;
        1.0 - wrong as f64 / self.truth.max(1) as f64
    }

    /// 2 × identified / (truth + answers), 0 to 1.
    pub fn idf1(&self) -> f64 {
        2.0 * self.identified as f64 / (self.truth + self.answers).max(1) as f64
    }

    /// Joins two scenes.
    pub fn add(&mut self, other: Self) {
        self.truth += other.truth;
        self.answers += other.answers;
        self.misses += other.misses;
        self.false_positives += other.false_positives;
        self.switches += other.switches;
        self.identified += other.identified;
    }
}

/// Scores one scene, frame by frame: truth and answers.
pub fn score(frames: &[(Vec<Labelled>, Vec<Labelled>)]) -> Score {
    let mut score = Score::default();
    // By object of the truth: the last identity that it was answered with, and the
    // identity of the frame before.
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    let mut before: BTreeMap<u64, u64> = BTreeMap::new();
    let mut together: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    for (truth, answers) in frames {
        let mut pairs = Vec::new();
        for (row, (object, expected)) in truth.iter().enumerate() {
            for (column, (identity, answered)) in answers.iter().enumerate() {
                let overlap = expected.iou(*answered);
                if overlap < OVERLAP {
                    continue;
                }
                *together.entry((*object, *identity)).or_default() += 1;
                // What went together goes on together, whatever overlaps more.
                let bonus = if before.get(object) == Some(identity) {
                    1000.0
                } else {
                    0.0
                };
                pairs.push(Pair {
                    row,
                    column,
                    gain: overlap + bonus,
                });
            }
        }
        let matches = Matcher::default().run(truth.len(), answers.len(), &pairs);
        before.clear();
        for (row, column) in &matches {
            let (object, identity) = (truth[*row].0, answers[*column].0);
            let earlier = last.insert(object, identity);
            score.switches += u64::from(earlier.is_some_and(|earlier| earlier != identity));
            before.insert(object, identity);
        }
        score.truth += truth.len() as u64;
        score.answers += answers.len() as u64;
        score.misses += (truth.len() - matches.len()) as u64;
        score.false_positives += (answers.len() - matches.len()) as u64;
    }
    score.identified = identified(&together);
    score
}

/// Most frames in which objects and identities can go together one to one.
fn identified(together: &BTreeMap<(u64, u64), u64>) -> u64 {
    let index = |all: Vec<u64>| -> BTreeMap<u64, usize> {
        let sorted: std::collections::BTreeSet<u64> = all.into_iter().collect();
        sorted.into_iter().zip(0..).collect()
    };
    let objects = index(together.keys().map(|key| key.0).collect());
    let identities = index(together.keys().map(|key| key.1).collect());
    let pairs: Vec<Pair> = together
        .iter()
        .map(|((object, identity), frames)| Pair {
            row: objects[object],
            column: identities[identity],
            gain: *frames as f64,
        })
        .collect();
    let gain = |(row, column): (usize, usize)| {
        let pair = pairs.iter().find(|p| (p.row, p.column) == (row, column));
        pair.map_or(0, |pair| pair.gain as u64)
    };
    let matches = Matcher::default().run(objects.len(), identities.len(), &pairs);
    matches.into_iter().map(gain).sum()
}
