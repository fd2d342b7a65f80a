//! [`Counter`]: all objects, all lines, all zones, and what was counted.

use std::collections::BTreeMap;

use millstream_sdk::analytics::{Analytics, Dwell, MAX_OBJECTS};
use millstream_sdk::{Detection, Failure, state};
use serde::{Deserialize, Serialize};

use crate::geometry::{Point, Polygon, Segment};
use crate::watch::{AtLine, AtZone, Passage, Patience, Way};

/// Most objects that are remembered, as many as a frame can have detections.
const MOST_OBJECTS: usize = 4096;
/// Most events of a frame that are told; more are counted all the same. No host
/// shows more messages a second.
const MOST_EVENTS: usize = 1000;

/// An object that is followed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Object {
    class_id: u32,
    label: String,
    at: Point,
    /// Nanoseconds at which it was last seen.
    seen: u64,
    /// Frames since then.
    missed: u32,
    lines: Vec<AtLine>,
    zones: Vec<AtZone>,
}

/// What was counted and who is where, to hand over.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Saved {
    /// Of the frame.
    size: (u32, u32),
    /// How often each line was crossed, in and out.
    lines: Vec<(u64, u64)>,
    /// How often each zone was entered: who is inside follows from the objects.
    zones: Vec<u64>,
    objects: Vec<(u64, Object)>,
}

impl Saved {
    /// Leaves objects out: those that are not seen at present, or half of them.
    /// Whether there were any.
    pub fn shrink(&mut self) -> bool {
        let before = self.objects.len();
        self.objects.retain(|(_, object)| object.missed == 0);
        if self.objects.len() == before {
            self.objects.truncate(before / 2);
        }
        self.objects.len() < before
    }
}

/// What happened, to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The object's track id.
    pub track: u64,
    /// Index of its class.
    pub class_id: u32,
    /// Name of its class.
    pub label: String,
    /// What happened.
    pub what: What,
}

/// What happened; lines and zones by their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A line was crossed.
    Crossed {
        /// Which one.
        line: usize,
        /// Which way.
        way: Way,
    },
    /// A zone was entered or left.
    Passed {
        /// Which one.
        zone: usize,
        /// Which way.
        passage: Passage,
        /// Objects inside from then on.
        count: u32,
    },
}

/// An object of this frame.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Its track id.
    pub track: u64,
    /// The place that counts.
    pub at: Point,
    /// What keeps flicker from counting.
    pub patience: Patience,
    /// What else is known of it.
    pub detection: &'a Detection,
}

/// Counts. Lines and zones belong to [`Counter::counted`], in the same order.
#[derive(Debug, Default)]
pub struct Counter {
    lines: Vec<Segment>,
    zones: Vec<Polygon>,
    objects: BTreeMap<u64, Object>,
    counted: Analytics,
    events: Vec<Event>,
}

impl Counter {
    /// With the lines and zones of `counted`. Those that are too far from the frame
    /// to be seen have nothing to count.
    pub fn new(counted: Analytics) -> Self {
        let point = |[x, y]: [f32; 2]| Point::from_px(x.into(), y.into()).unwrap_or_default();
        let lines = counted.lines.iter();
        let zones = counted.zones.iter();
        Self {
            lines: lines
                .map(|line| Segment::new(point(line.from), point(line.to)))
                .collect(),
            zones: zones
                .map(|zone| Polygon::new(zone.polygon.iter().copied().map(point).collect()))
                .collect(),
            counted,
            ..Self::default()
        }
    }

    /// What was counted up to now.
    pub fn counted(&self) -> &Analytics {
        &self.counted
    }

    /// What happened in the last frame.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What another counter needs to go on.
    pub fn save(&self) -> Saved {
        let Analytics {
            width,
            height,
            lines,
            zones,
            ..
        } = &self.counted;
        let objects = self.objects.iter();
        Saved {
            size: (*width, *height),
            lines: lines.iter().map(|line| (line.entered, line.left)).collect(),
            zones: zones.iter().map(|zone| zone.entered).collect(),
            objects: objects.map(|(id, object)| (*id, object.clone())).collect(),
        }
    }

    /// Goes on with what another counter has counted at as many lines and zones.
    pub fn restore(&mut self, saved: Saved) -> Result<(), Failure> {
        let (size, lines, zones) = (saved.size, saved.lines.len(), saved.zones.len());
        let Analytics { width, height, .. } = self.counted;
        let expected = ((width, height), self.lines.len(), self.zones.len());
        if (size, lines, zones) != expected {
            let message = format!("state of {lines} lines and {zones} zones, or of another size");
            return Err(Failure::failed(message));
        }
        let counts = saved
            .lines
            .iter()
            .flat_map(|(entered, left)| [entered, left]);
        for number in counts.chain(&saved.zones) {
            state::count("crossings", *number)?;
        }
        let fits = |(_, object): &(u64, Object)| {
            let states = (object.lines.len(), object.zones.len());
            object.at.is_near() && states == (lines, zones)
        };
        if saved.objects.len() > MOST_OBJECTS || !saved.objects.iter().all(fits) {
            return Err(Failure::failed("state of objects that cannot be"));
        }
        self.objects.clear();
        for (track, object) in saved.objects {
            self.objects.insert(track, object);
        }
        for (line, counts) in self.counted.lines.iter_mut().zip(saved.lines) {
            (line.entered, line.left) = counts;
        }
        let zones = self.counted.zones.iter_mut().zip(saved.zones);
        for (index, (zone, entered)) in zones.enumerate() {
            let is_inside = |object: &&Object| {
                let state = object.zones.get(index);
                state.is_some_and(|state| state.since.is_some())
            };
            let inside = self.objects.values().filter(is_inside).count() as u64;
            // Nobody is inside who has not come in.
            zone.entered = entered.max(inside);
            (zone.count, zone.left) = (inside as u32, zone.entered - inside);
        }
        Ok(())
    }

    /// Takes a frame in: what is in it, when it is shown in nanoseconds, and after
    /// how many frames without it an object is gone.
    pub fn update<'a>(&mut self, seen: impl Iterator<Item = Seen<'a>>, now: u64, lost_after: u32) {
        self.events.clear();
        for object in self.objects.values_mut() {
            object.missed = object.missed.saturating_add(1);
        }
        for seen in seen {
            self.see(&seen, now);
        }
        self.forget(lost_after);
        self.list_objects(now);
    }

    fn see(&mut self, seen: &Seen<'_>, now: u64) {
        let object = self.objects.entry(seen.track).or_insert_with(|| Object {
            class_id: seen.detection.class_id,
            label: String::new(),
            at: seen.at,
            seen: now,
            missed: 1,
            lines: self
                .lines
                .iter()
                .map(|line| AtLine::new(line, seen.at))
                .collect(),
            zones: vec![AtZone::default(); self.zones.len()],
        });
        if object.missed == 0 {
            // The same identity twice in a frame: the first one is it.
            return;
        }
        let step = [object.at, seen.at];
        object.class_id = seen.detection.class_id;
        if object.label != seen.detection.label {
            object.label.clone_from(&seen.detection.label);
        }
        (object.at, object.seen, object.missed) = (seen.at, now, 0);
        let mut happened = Vec::new();
        let states = object.lines.iter_mut().zip(&self.lines);
        for ((line, (state, segment)), count) in states.enumerate().zip(&mut self.counted.lines) {
            if let Some(way) = state.step(segment, step, seen.patience) {
                match way {
                    Way::In => count.entered += 1,
                    Way::Out => count.left += 1,
                }
                happened.push(What::Crossed { line, way });
            }
        }
        let states = object.zones.iter_mut().zip(&self.zones);
        for ((zone, (state, polygon)), count) in states.enumerate().zip(&mut self.counted.zones) {
            if let Some(passage) = state.step(polygon, seen.at, now, seen.patience) {
                happened.push(pass(count, zone, passage));
            }
        }
        tell(&mut self.events, seen.track, object, happened);
    }

    /// Lets go of objects that were not seen for too long: they leave their zones
    /// where they were last seen.
    fn forget(&mut self, lost_after: u32) {
        let mut limit = lost_after;
        if self.objects.len() > MOST_OBJECTS {
            // Only those of this frame are sure to fit.
            limit = 0;
        }
        let gone = self
            .objects
            .extract_if(.., |_, object| object.missed > limit);
        for (track, object) in gone {
            let mut happened = Vec::new();
            let states = object.zones.iter().zip(&mut self.counted.zones);
            for (zone, (state, count)) in states.enumerate() {
                if let Some(since) = state.since {
                    let passage = Passage::Left(object.seen.saturating_sub(since));
                    happened.push(pass(count, zone, passage));
                }
            }
            tell(&mut self.events, track, &object, happened);
        }
    }

    fn list_objects(&mut self, now: u64) {
        self.counted.objects.clear();
        let inside = self.objects.iter().flat_map(|(track, object)| {
            let zones = (0_u32..).zip(&object.zones);
            zones.filter_map(|(zone, state)| {
                Some(Dwell {
                    track: *track,
                    zone,
                    dwell_nanos: now.saturating_sub(state.since?),
                })
            })
        });
        self.counted.objects.extend(inside.take(MAX_OBJECTS));
    }
}

/// Counts a passage.
fn pass(count: &mut millstream_sdk::analytics::Zone, zone: usize, passage: Passage) -> What {
    match passage {
        Passage::Entered => {
            count.entered += 1;
            count.count = count.count.saturating_add(1);
        }
        Passage::Left(_) => {
            count.left += 1;
            count.count = count.count.saturating_sub(1);
        }
    }
    What::Passed {
        zone,
        passage,
        count: count.count,
    }
}

fn tell(events: &mut Vec<Event>, track: u64, object: &Object, happened: Vec<What>) {
    let room = MOST_EVENTS.saturating_sub(events.len());
    events.extend(happened.into_iter().take(room).map(|what| Event {
        track,
        class_id: object.class_id,
        label: object.label.clone(),
        what,
    }));
}
