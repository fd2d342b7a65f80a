//! The tracker to compare with: the largest overlap first, nothing predicted.
//!
//! It has the same threshold, memory and probation as the other one, so that what
//! differs is the method alone.

use millstream_sdk::Detection;
use objecttracker::bounds::Bounds;
use objecttracker::tracker::Parameters;

/// Least overlap of a match: the usual one of trackers by overlap.
const OVERLAP: f64 = 0.3;

struct Track {
    id: Option<u64>,
    bounds: Bounds,
    class_id: u32,
    hits: u32,
    missed: f64,
}

/// Identities by overlap with where each object was last.
#[derive(Default)]
pub struct Greedy {
    parameters: Parameters,
    tracks: Vec<Track>,
    last_id: u64,
}

impl Greedy {
    pub fn update(&mut self, detections: &[Detection], step: f64) -> Vec<Option<u64>> {
        let mut ids = vec![None; detections.len()];
        let seen: Vec<(usize, Bounds)> = detections
            .iter()
            .enumerate()
            .filter(|(_, d)| f64::from(d.confidence) >= self.parameters.high)
            .filter_map(|(index, d)| Some((index, Bounds::from_rect(d.rect)?)))
            .collect();
        let mut pairs = Vec::new();
        for (track, known) in self.tracks.iter_mut().enumerate() {
            known.missed += step;
            for (place, (index, bounds)) in seen.iter().enumerate() {
                let overlap = known.bounds.iou(*bounds);
                if overlap > OVERLAP && known.class_id == detections[*index].class_id {
                    pairs.push((overlap, track, place));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut taken = vec![false; seen.len()];
        for (_, track, place) in pairs {
            let known = &mut self.tracks[track];
            if known.missed == 0.0 || taken[place] {
                continue;
            }
            taken[place] = true;
            (known.bounds, known.missed) = (seen[place].1, 0.0);
            known.hits += 1;
            if known.id.is_none() && known.hits >= self.parameters.min_hits {
                self.last_id += 1;
                known.id = Some(self.last_id);
            }
            ids[seen[place].0] = known.id;
        }
        let buffer = self.parameters.buffer;
        self.tracks
            .retain(|t| t.missed <= if t.id.is_some() { buffer } else { 0.0 });
        for ((index, bounds), _) in seen.iter().zip(taken).filter(|(_, taken)| !taken) {
            let detection = &detections[*index];
            if f64::from(detection.confidence) >= self.parameters.new {
                self.tracks.push(Track {
                    id: None,
                    bounds: *bounds,
                    class_id: detection.class_id,
                    hits: 1,
                    missed: 0.0,
                });
            }
        }
        ids
    }
}
