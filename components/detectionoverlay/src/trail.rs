//! Where tracked objects have been.

use std::collections::{BTreeMap, VecDeque};

use millstream_sdk::prelude::*;
use millstream_sdk::state;
use serde::{Deserialize, Serialize};

use crate::canvas::{Canvas, Paint, Rows};
use crate::stroke::Stroke;

/// Tracks whose way is remembered at once; further ones have no trail.
const MAX_TRACKS: usize = 256;
/// The longest trail, as the property has it. What all tracks hand over stays below
/// 1 MiB.
const MAX_POINTS: usize = 300;
/// Of [`Trails`].
const STATE_VERSION: u32 = 1;

/// The ways of the objects of a stream.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Trails {
    frame: u64,
    tracks: BTreeMap<u64, Trail>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Trail {
    /// The frame in which it was seen last.
    seen: u64,
    /// Centres of its rectangle, the newest last.
    points: VecDeque<[f32; 2]>,
}

impl Trails {
    /// Takes over a frame; remembers `length` of them.
    pub(crate) fn record(&mut self, found: &[Detection], length: usize) {
        self.frame += 1;
        let frame = self.frame;
        let kept = |seen: u64| frame - seen <= length as u64;
        self.tracks
            .retain(|_, trail| length > 0 && kept(trail.seen));
        if length == 0 {
            return;
        }
        for detection in found {
            let Some(track) = detection.track_id else {
                continue;
            };
            if self.tracks.len() >= MAX_TRACKS && !self.tracks.contains_key(&track) {
                continue;
            }
            let trail = self.tracks.entry(track).or_default();
            if trail.seen == frame {
                continue;
            }
            trail.seen = frame;
            let Rect {
                x,
                y,
                width,
                height,
            } = detection.rect;
            trail.points.push_back([x + width / 2.0, y + height / 2.0]);
            while trail.points.len() > length {
                trail.points.pop_front();
            }
        }
    }

    /// What another instance needs to go on.
    pub(crate) fn save(&self) -> Option<Vec<u8>> {
        state::to_bytes(STATE_VERSION, self)
    }

    /// The ways that another instance remembered.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Failure> {
        let trails: Self = state::from_bytes(STATE_VERSION, bytes)?;
        let frame = state::count("frames", trails.frame)?;
        let fits = |trail: &Trail| trail.seen <= frame && trail.points.len() <= MAX_POINTS;
        if trails.tracks.len() > MAX_TRACKS || !trails.tracks.values().all(fits) {
            return Err(Failure::failed(
                "state of too many trails, or too long ones",
            ));
        }
        Ok(trails)
    }

    /// The stream begins anew.
    pub(crate) fn clear(&mut self) {
        self.tracks.clear();
    }

    /// Pixels that a track's way makes a frame of this size look at.
    pub(crate) fn cost(&self, track: u64, thickness: i32, width: i32, height: i32) -> u64 {
        let strokes = self.strokes(track, thickness);
        strokes.map(|stroke| stroke.cost(width, height)).sum()
    }

    /// Draws a track's way, thin where it is old.
    pub(crate) fn draw(
        &self,
        canvas: &mut Canvas<'_>,
        rows: &mut Rows,
        track: u64,
        thickness: i32,
        paint: Paint,
    ) {
        for stroke in self.strokes(track, thickness) {
            stroke.draw(canvas, rows, paint);
        }
    }

    fn strokes(&self, track: u64, thickness: i32) -> impl Iterator<Item = Stroke> {
        let points = self.tracks.get(&track).map(|trail| &trail.points);
        let count = points.map_or(0, VecDeque::len).max(1) as f32;
        let pairs = points
            .into_iter()
            .flat_map(|points| points.iter().zip(points.iter().skip(1)));
        pairs.enumerate().map(move |(age, (from, to))| Stroke {
            from: *from,
            to: *to,
            radius: thickness as f32 * 0.75 * (age + 1) as f32 / count,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(track: u64, x: f32) -> Detection {
        let rect = Rect {
            x,
            y: 0.0,
            width: 2.0,
            height: 2.0,
        };
        Detection {
            track_id: Some(track),
            ..Detection::new(rect, 0, "", 1.0)
        }
    }

    #[test]
    fn memory_is_bounded_in_frames_and_tracks() {
        let mut trails = Trails::default();
        for frame in 0..9 {
            trails.record(&[found(1, frame as f32), found(1, 99.0)], 3);
        }
        assert_eq!(
            trails.tracks[&1].points,
            [[7.0, 1.0], [8.0, 1.0], [9.0, 1.0]]
        );
        let crowd: Vec<_> = (0..4096).map(|track| found(track, 0.0)).collect();
        trails.record(&crowd, 3);
        assert_eq!(trails.tracks.len(), MAX_TRACKS);
        for _ in 0..4 {
            trails.record(&[], 3);
        }
        assert!(trails.tracks.is_empty());
        trails.record(&crowd, 0);
        assert!(trails.tracks.is_empty());
    }
}
