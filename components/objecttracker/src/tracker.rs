//! [`Tracker`]: identities over frames, in the manner of `ByteTrack`.
//!
//! ```text
//! detections ─┬─ strong ──▶ 1. shown or lost ──▶ 3. wider ──▶ 4. on probation ──▶ new
//!             └─ weak ────▶ 2. the same, left over
//! ```
//!
//! # Source
//! Zhang et al., "`ByteTrack`: Multi-Object Tracking by Associating Every Detection
//! Box" (2022), algorithm 1, with the product of overlap and confidence and the
//! order of stages of its code (<https://github.com/ifzhang/ByteTrack>). Stages 3 and
//! 4 grow the boxes as Yang et al., "Hard to Track Objects with Irregular Motions and
//! Similar Appearances? Make It Easier by Buffering the Matching Space" (2023). Other
//! than there, weak detections continue lost objects too, and what was weighed on
//! this crate's benchmark are the shares below.

use millstream_sdk::{Detection, Failure, state};
use serde::{Deserialize, Serialize};

use crate::association::{Association, Candidate};
use crate::bounds::Bounds;
use crate::kalman::Motion;

/// Least overlap of a weak detection with the object that it continues.
const WEAK_OVERLAP: f64 = 0.4;
/// Least overlap times confidence of an object on probation, and how far boxes are
/// grown for it: how it moves is not known yet.
const PROBATION_OVERLAP: f64 = 0.3;
const PROBATION_GROWTH: f64 = 0.5;
/// How far boxes are grown for what moved in another way than expected, and the
/// least overlap then.
const GROWTH: f64 = 1.0;
const GROWN_OVERLAP: f64 = 0.3;
/// Most objects that are remembered, as many as a frame can have detections.
const MOST_TRACKS: usize = 4096;
/// Most objects that are handed over, and the longest of their labels in bytes: with
/// less than 256 bytes beside its label an object each, that stays below 1 MiB.
const MOST_HANDED_OVER: usize = 2048;
const LONGEST_LABEL: usize = 256;
/// Identities that are left out where frames are missing since the state was made:
/// as many as 256 frames, full of new objects, have.
const GAP: u64 = 1 << 20;

/// How detections are matched; thresholds are 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Least confidence of a strong detection.
    pub high: f64,
    /// Least confidence of a weak one.
    pub low: f64,
    /// Least confidence of an object's first detection.
    pub new: f64,
    /// Most of 1 − `IoU` × confidence of a match.
    pub distance: f64,
    /// How many frames a lost object is remembered.
    pub buffer: f64,
    /// Detections before an object is shown.
    pub min_hits: u32,
    /// Classes do not matter.
    pub class_agnostic: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            high: 0.5,
            low: 0.1,
            new: 0.6,
            distance: 0.8,
            buffer: 30.0,
            min_hits: 2,
            class_agnostic: false,
        }
    }
}

/// An object that is followed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Track {
    /// Its identity, once it is shown: from 1, never given twice.
    pub id: Option<u64>,
    /// Class, label and confidence of its last detection.
    pub class_id: u32,
    /// Name of the class.
    pub label: String,
    /// 0 to 1.
    pub confidence: f32,
    /// Detections that it had.
    pub hits: u32,
    /// Frames since the last one; 0 if it is in this frame.
    pub missed: f64,
    /// Frames since the first one.
    pub age: f64,
    motion: Motion,
    /// Its detection in this frame.
    #[serde(skip)]
    seen: Option<usize>,
}

/// Objects and identities, to hand over.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Saved {
    last_id: u64,
    tracks: Vec<Track>,
}

impl Track {
    /// Where it is, or is expected to be.
    pub fn bounds(&self) -> Bounds {
        self.motion.bounds()
    }
}

/// Follows objects from frame to frame.
#[derive(Debug, Default)]
pub struct Tracker {
    /// How detections are matched.
    pub parameters: Parameters,
    tracks: Vec<Track>,
    ended: Vec<Track>,
    last_id: u64,
    association: Association,
}

/// Which objects a stage of the association concerns, and what it takes for a match.
#[derive(Debug, Clone, Copy)]
struct Stage {
    /// Objects that are shown, else those on probation.
    shown: bool,
    /// Least overlap of boxes that are grown by a share of their size.
    overlap: f64,
    growth: f64,
}

impl Stage {
    const PROBATION: Self = Self {
        shown: false,
        overlap: PROBATION_OVERLAP,
        growth: PROBATION_GROWTH,
    };

    const fn shown(overlap: f64, growth: f64) -> Self {
        Self {
            shown: true,
            overlap,
            growth,
        }
    }
}

/// What of a frame's detections is still without an object.
struct Frame {
    strong: Vec<Candidate>,
    weak: Vec<Candidate>,
}

impl Tracker {
    /// With no objects yet.
    pub fn new(parameters: Parameters) -> Self {
        Self {
            parameters,
            ..Self::default()
        }
    }

    /// Takes a frame in, `step` frames after the last one (above 0; more than 1 if
    /// frames were lost). For each detection the identity of its object, if it has
    /// one that is shown.
    pub fn update(&mut self, detections: &[Detection], step: f64) -> Vec<Option<u64>> {
        // More is not needed to forget everything.
        let step = if step > 0.0 {
            step.min(self.parameters.buffer.max(1.0))
        } else {
            0.0
        };
        self.ended.clear();
        for track in &mut self.tracks {
            track.seen = None;
            track.motion.predict(step);
            track.missed += step;
            track.age += step;
        }
        let mut frame = self.split(detections);
        self.associate(&mut frame, detections);
        self.start(&frame.strong, detections);
        self.forget();
        let mut ids = vec![None; detections.len()];
        for track in &self.tracks {
            if let Some(slot) = track.seen.and_then(|index| ids.get_mut(index)) {
                *slot = track.id;
            }
        }
        ids
    }

    /// Objects that are shown, seen in this frame or lost.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(|track| track.id.is_some())
    }

    /// Objects that were shown and are forgotten since this frame.
    pub fn ended(&self) -> &[Track] {
        &self.ended
    }

    /// The identity that was given last; 0 before the first.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// What another tracker needs to go on; of very many objects those that are seen.
    pub fn save(&self) -> Saved {
        let mut tracks = self.tracks.clone();
        if tracks.len() > MOST_HANDED_OVER {
            tracks.retain(|track| track.seen.is_some());
            tracks.truncate(MOST_HANDED_OVER);
        }
        for track in &mut tracks {
            if track.label.len() > LONGEST_LABEL {
                // The next detection brings it again.
                track.label.clear();
            }
        }
        let last_id = self.last_id;
        Saved { last_id, tracks }
    }

    /// Goes on with the objects of another tracker.
    pub fn restore(&mut self, saved: Saved) -> Result<(), Failure> {
        let Saved { last_id, tracks } = saved;
        let last_id = state::count("identities", last_id)?;
        let is_sound = |track: &Track| {
            let counts = [track.missed, track.age];
            track.id.is_none_or(|id| (1..=last_id).contains(&id))
                && counts
                    .iter()
                    .all(|count| *count >= 0.0 && count.is_finite())
                && track.motion.is_sound()
        };
        if tracks.len() > MOST_TRACKS || !tracks.iter().all(is_sound) {
            let message = "state of objects that cannot be: too many, nowhere or without end";
            return Err(Failure::failed(message));
        }
        (self.last_id, self.tracks) = (last_id, tracks);
        Ok(())
    }

    /// Leaves identities out that may have been given to others.
    pub fn leave_gap(&mut self) {
        self.last_id += GAP;
    }

    /// Forgets all objects; identities go on.
    pub fn reset(&mut self) {
        self.ended = core::mem::take(&mut self.tracks);
        self.ended.retain(|track| track.id.is_some());
    }

    /// Sorts detections by confidence; broken boxes are left out.
    fn split(&self, detections: &[Detection]) -> Frame {
        let (mut strong, mut weak) = (Vec::new(), Vec::new());
        for (index, detection) in detections.iter().enumerate() {
            let confidence = f64::from(detection.confidence);
            let Some(bounds) = Bounds::from_rect(detection.rect) else {
                continue;
            };
            let candidate = Candidate {
                index,
                bounds,
                class_id: self.class(detection.class_id),
                weight: confidence.min(1.0),
            };
            if confidence >= self.parameters.high {
                strong.push(candidate);
            } else if confidence >= self.parameters.low {
                weak.push(Candidate {
                    weight: 1.0,
                    ..candidate
                });
            }
        }
        Frame { strong, weak }
    }

    fn class(&self, class_id: u32) -> u32 {
        if self.parameters.class_agnostic {
            0
        } else {
            class_id
        }
    }

    fn associate(&mut self, frame: &mut Frame, detections: &[Detection]) {
        let overlap = 1.0 - self.parameters.distance;
        let (strong, weak) = (&mut frame.strong, &mut frame.weak);
        self.stage(strong, detections, &Stage::shown(overlap, 0.0));
        self.stage(weak, detections, &Stage::shown(WEAK_OVERLAP, 0.0));
        self.stage(strong, detections, &Stage::shown(GROWN_OVERLAP, GROWTH));
        self.stage(strong, detections, &Stage::PROBATION);
    }

    /// Matches some of the objects with some of the detections, which leave the list.
    fn stage(&mut self, left: &mut Vec<Candidate>, detections: &[Detection], stage: &Stage) {
        if left.is_empty() {
            return;
        }
        let concerns = |track: &Track| track.seen.is_none() && track.id.is_some() == stage.shown;
        let tracks = self.tracks.iter().enumerate();
        let expected: Vec<Candidate> = tracks
            .filter(|(_, track)| concerns(track))
            .map(|(index, track)| self.candidate(index, track, stage.growth))
            .collect();
        let grown = |candidate: &Candidate| Candidate {
            bounds: candidate.bounds.grown(stage.growth),
            ..*candidate
        };
        let grown: Vec<Candidate> = left.iter().map(grown).collect();
        let matches = self.association.run(&expected, &grown, stage.overlap);
        let mut taken: Vec<usize> = matches.iter().map(|(_, seen)| *seen).collect();
        taken.sort_unstable();
        for (track, index) in matches {
            let (track, detection) = (self.tracks.get_mut(track), detections.get(index));
            if let (Some(track), Some(detection)) = (track, detection) {
                track.see(index, detection);
                if track.id.is_none() && track.hits >= self.parameters.min_hits {
                    self.last_id += 1;
                    track.id = Some(self.last_id);
                }
            }
        }
        left.retain(|candidate| taken.binary_search(&candidate.index).is_err());
    }

    /// Where a track is expected.
    fn candidate(&self, index: usize, track: &Track, growth: f64) -> Candidate {
        Candidate {
            index,
            bounds: track.bounds().grown(growth),
            class_id: self.class(track.class_id),
            weight: 1.0,
        }
    }

    /// Begins to follow strong detections that are no object's.
    fn start(&mut self, left: &[Candidate], detections: &[Detection]) {
        for candidate in left {
            let Some(detection) = detections.get(candidate.index) else {
                continue;
            };
            if f64::from(detection.confidence) < self.parameters.new {
                continue;
            }
            let id = (self.parameters.min_hits <= 1).then(|| {
                self.last_id += 1;
                self.last_id
            });
            self.tracks.push(Track {
                id,
                class_id: detection.class_id,
                label: detection.label.clone(),
                confidence: detection.confidence,
                hits: 1,
                missed: 0.0,
                age: 0.0,
                motion: Motion::new(candidate.bounds),
                seen: Some(candidate.index),
            });
        }
    }

    /// Lets go of objects that were not seen for too long.
    fn forget(&mut self) {
        let buffer = self.parameters.buffer;
        for track in self.tracks.iter_mut().filter(|track| track.seen.is_none()) {
            track.motion.hold_size();
        }
        let mut ended = core::mem::take(&mut self.ended);
        let gone = self.tracks.extract_if(.., |track| {
            let on_probation = track.id.is_none() && track.seen.is_none();
            on_probation || track.missed > buffer
        });
        ended.extend(gone.filter(|track| track.id.is_some()));
        if self.tracks.len() > MOST_TRACKS {
            self.tracks.sort_by(|a, b| a.missed.total_cmp(&b.missed));
            let gone = self.tracks.drain(MOST_TRACKS..);
            ended.extend(gone.filter(|track| track.id.is_some()));
        }
        self.ended = ended;
    }
}

impl Track {
    fn see(&mut self, index: usize, detection: &Detection) {
        if let Some(bounds) = Bounds::from_rect(detection.rect) {
            self.motion.update(bounds);
        }
        self.class_id = detection.class_id;
        self.confidence = detection.confidence;
        if self.label != detection.label {
            self.label.clone_from(&detection.label);
        }
        self.hits = self.hits.saturating_add(1);
        (self.missed, self.seen) = (0.0, Some(index));
    }
}
