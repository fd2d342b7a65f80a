//! Which objects are classified, and what is remembered of those with a track id.

use std::collections::BTreeMap;

use millstream_sdk::buffer::Classification;
use millstream_sdk::prelude::*;

use crate::Settings;

/// Tracks that are remembered; of more, the ones seen last.
const MAX_TRACKS: usize = 1024;

/// Which objects the user wants.
#[derive(Debug, Default)]
pub struct Wanted {
    classes: Vec<String>,
    min_size: f32,
    max_objects: usize,
    interval: u64,
    frame: (f32, f32),
}

impl Wanted {
    /// Of frames like `info`.
    pub fn new(settings: &Settings, info: &VideoInfo) -> Self {
        let classes = settings.classes.split(',').map(str::trim);
        Self {
            classes: classes
                .filter(|class| !class.is_empty())
                .map(str::to_owned)
                .collect(),
            min_size: settings.min_size as f32,
            max_objects: settings.max_objects as usize,
            interval: settings.interval.into(),
            frame: (info.width as f32, info.height as f32),
        }
    }

    /// Whether it is of a class that is wanted.
    pub fn class(&self, object: &Detection) -> bool {
        self.classes.is_empty() || self.classes.contains(&object.label)
    }

    /// Whether enough of it lies in the frame.
    fn size(&self, object: &Detection) -> bool {
        let Rect { width, height, .. } = clip_to(object.rect, self.frame);
        width >= self.min_size && height >= self.min_size
    }
}

/// What is known of a track.
#[derive(Debug)]
struct Known {
    answers: Vec<Classification>,
    /// The frame in which it was classified.
    classified: u64,
    /// The frame in which it was seen last.
    seen: u64,
}

/// An object that is to be classified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The frame in which it was classified last; 0 never.
    pub last: u64,
    /// Its place in the list of detections.
    pub place: usize,
}

/// The objects of a stream.
#[derive(Debug, Default)]
pub struct Objects {
    frame: u64,
    tracks: BTreeMap<u64, Known>,
}

impl Objects {
    /// Begins a frame: says which of its objects are to be classified. Those that
    /// wait for longest come first.
    pub fn plan(&mut self, detections: &[Detection], wanted: &Wanted, due: &mut Vec<Due>) {
        self.frame += 1;
        due.clear();
        for (place, object) in detections.iter().enumerate() {
            if !wanted.class(object) {
                continue;
            }
            let track = object.track_id;
            let last = track.map_or(0, |track| self.see(track, wanted.interval));
            let waits = last == 0 || self.frame - last >= wanted.interval;
            if waits && wanted.size(object) {
                due.push(Due { last, place });
            }
        }
        due.sort_unstable();
        due.truncate(wanted.max_objects);
    }

    /// When a track that is in the frame was classified; 0 if it is not known.
    fn see(&mut self, track: u64, interval: u64) -> u64 {
        let Some(known) = self.tracks.get_mut(&track) else {
            return 0;
        };
        if self.frame - known.seen > interval {
            // Long gone: the same number may be another object.
            self.tracks.remove(&track);
            return 0;
        }
        known.seen = self.frame;
        known.classified
    }

    /// Remembers what a track is.
    pub fn keep(&mut self, track: u64, answers: &[Classification]) {
        if self.tracks.len() >= MAX_TRACKS && !self.tracks.contains_key(&track) {
            let oldest = self.tracks.iter().min_by_key(|(_, known)| known.seen);
            if let Some(oldest) = oldest.map(|(track, _)| *track) {
                self.tracks.remove(&oldest);
            }
        }
        let known = Known {
            answers: answers.to_vec(),
            classified: self.frame,
            seen: self.frame,
        };
        self.tracks.insert(track, known);
    }

    /// What is known of a track that is in the frame.
    pub fn known(&self, track: u64) -> Option<&[Classification]> {
        let known = self.tracks.get(&track)?;
        (known.seen == self.frame).then_some(known.answers.as_slice())
    }
}

/// What of a rectangle lies in a frame.
pub fn clip(rect: Rect, info: &VideoInfo) -> Rect {
    clip_to(rect, (info.width as f32, info.height as f32))
}

fn clip_to(rect: Rect, (width, height): (f32, f32)) -> Rect {
    let (left, right) = (rect.x.max(0.0), (rect.x + rect.width).min(width));
    let (top, bottom) = (rect.y.max(0.0), (rect.y + rect.height).min(height));
    Rect {
        x: left,
        y: top,
        width: (right - left).max(0.0),
        height: (bottom - top).max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(properties: impl FnOnce(&mut Settings)) -> Wanted {
        let mut settings = Settings::default();
        properties(&mut settings);
        Wanted::new(
            &settings,
            &VideoInfo::new(VideoFormat::GRAY8, 100, 100).unwrap(),
        )
    }

    fn object(label: &str, x: f32, side: f32, track_id: Option<u64>) -> Detection {
        let rect = Rect {
            x,
            y: 0.0,
            width: side,
            height: side,
        };
        Detection {
            track_id,
            ..Detection::new(rect, 0, label, 1.0)
        }
    }

    fn plan(objects: &mut Objects, detections: &[Detection], wanted: &Wanted) -> Vec<usize> {
        let mut due = Vec::new();
        objects.plan(detections, wanted, &mut due);
        due.iter().map(|due| due.place).collect()
    }

    #[test]
    fn class_and_size_choose() {
        let all = [
            object("person", 0.0, 20.0, None),
            object("car", 0.0, 20.0, None),
            object("person", 0.0, 9.0, None),
            object("person", 90.5, 20.0, None),
            object("person", -1e30, 3e38, None),
        ];
        let check = |properties: fn(&mut Settings), expected: &[usize]| {
            let wanted = wanted(properties);
            assert_eq!(plan(&mut Objects::default(), &all, &wanted), expected);
        };
        check(|_| {}, &[0, 1, 4]);
        check(|s| s.classes = "bus, person,".into(), &[0, 4]);
        check(|s| s.min_size = 9, &[0, 1, 2, 3, 4]);
        check(|s| s.max_objects = 1, &[0]);
    }

    #[test]
    fn a_track_is_classified_once_an_interval_and_who_waits_longest_first() {
        let wanted = wanted(|s| (s.interval, s.max_objects) = (3, 1));
        let pair = [
            object("", 0.0, 20.0, Some(1)),
            object("", 0.0, 20.0, Some(2)),
        ];
        let mut objects = Objects::default();
        let mut turns = Vec::new();
        for _ in 0..6 {
            let due = plan(&mut objects, &pair, &wanted);
            for place in &due {
                objects.keep(*place as u64 + 1, &[]);
            }
            turns.push(due);
        }
        assert_eq!(turns, [vec![0], vec![1], vec![], vec![0], vec![1], vec![]]);
        // Gone for longer than the interval: not known any more.
        for _ in 0..4 {
            plan(&mut objects, &[], &wanted);
        }
        assert!(objects.known(1).is_none());
        assert_eq!(plan(&mut objects, &pair, &wanted), [0]);
    }

    #[test]
    fn memory_is_bounded() {
        let wanted = wanted(|s| s.max_objects = 4096);
        let mut objects = Objects::default();
        for frame in 0..3 {
            let all: Vec<_> = (0..2000)
                .map(|i| object("", 0.0, 20.0, Some(frame * 2000 + i)))
                .collect();
            for place in plan(&mut objects, &all, &wanted) {
                objects.keep(frame * 2000 + place as u64, &[]);
            }
            assert_eq!(objects.tracks.len(), MAX_TRACKS);
        }
        assert!(objects.known(5999).is_some());
    }
}
