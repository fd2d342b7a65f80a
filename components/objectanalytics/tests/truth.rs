//! Counts are exact: random walkers, and their crossings found in another way.
//!
//! Walkers, lines and zones stand on a coarse grid, so that points on lines, moves
//! along them and through their ends are common. The truth is computed with whole
//! numbers: sides by a nudge that no point on the grid survives, the place of a
//! crossing by its share of the line, insides by a ray that goes down (the element's
//! goes to the side), patience by the lengths of runs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use millstream_sdk::analytics::Analytics;
use millstream_sdk::bus::Value;
use millstream_sdk::prelude::*;
use objectanalytics::{Anchor, ObjectAnalytics};

type Place = [i128; 2];

const FRAMES: usize = 150;
const FRAME_NANOS: u64 = 40_000_000;
const GRID: u64 = 9;
const STEP: i128 = 5;

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn place(&mut self) -> Place {
        [0, 1].map(|_| i128::from(self.below(GRID)) * STEP)
    }
}

struct Scene {
    lines: Vec<[Place; 2]>,
    zones: Vec<Vec<Place>>,
    /// By walker and frame; none where it is not seen.
    walks: Vec<Vec<Option<Place>>>,
    sizes: Vec<[f32; 2]>,
}

fn scene(seed: u64) -> Scene {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let random = &mut random;
    let lines = (0..4).map(|_| {
        loop {
            let line = [random.place(), random.place()];
            if line[0] != line[1] {
                break line;
            }
        }
    });
    let lines = lines.collect();
    let zones = (0..4).map(|_| {
        loop {
            let zone: Vec<Place> = (0..3 + random.below(4)).map(|_| random.place()).collect();
            let turn = |c: &Place| side([zone[0], zone[1]], *c);
            if zone.iter().any(|corner| turn(corner) != 0) {
                break zone;
            }
        }
    });
    let zones = zones.collect();
    let walks = (0..8).map(|_| walk(random)).collect();
    let sizes = (0..8).map(|_| [4.0 + 2.0 * random.below(9) as f32, 30.0]);
    let sizes = sizes.collect();
    Scene {
        lines,
        zones,
        walks,
        sizes,
    }
}

fn walk(random: &mut Random) -> Vec<Option<Place>> {
    let (mut at, mut hidden, mut way) = (random.place(), 0, [0, 0]);
    let frame = |_| {
        if random.below(3) == 0 {
            way = [0, 1].map(|_| (i128::from(random.below(5)) - 2) * STEP);
        }
        if random.below(60) == 0 {
            at = random.place();
        }
        at = [0, 1].map(|axis| (at[axis] + way[axis]).clamp(-STEP, i128::from(GRID) * STEP));
        if random.below(12) == 0 {
            hidden = random.below(9);
        }
        hidden = hidden.saturating_sub(1);
        (hidden == 0).then_some(at)
    };
    (0..FRAMES).map(frame).collect()
}

/// How far to the right hand, times the line's length; y grows downwards.
fn side([from, to]: [Place; 2], point: Place) -> i128 {
    let right = [from[1] - to[1], to[0] - from[0]];
    right[0] * (point[0] - from[0]) + right[1] * (point[1] - from[1])
}

/// Above 0 to the right; a nudge to the right decides for what is on the line.
fn nudged(line: [Place; 2], point: Place) -> i128 {
    side(line, point) * 1024 + 1
}

/// Whether a move from one side to the other goes through the line, by where on
/// the line, as a share of it, both meet.
fn is_through(line: [Place; 2], before: Place, after: Place) -> bool {
    let [from, to] = line;
    let (first, second) = (side(line, before), side(line, after));
    let along = |p: Place| {
        (0..2)
            .map(|i| (p[i] - from[i]) * (to[i] - from[i]))
            .sum::<i128>()
    };
    // The place is before + (after - before) * first / (first - second).
    let whole = first - second;
    let share = along(before) * whole + (along(after) - along(before)) * first;
    let (share, whole) = if whole < 0 {
        (-share, -whole)
    } else {
        (share, whole)
    };
    share >= 0 && share <= along(to) * whole
}

/// By a ray downwards from a point nudged a little to the right and less down.
fn is_inside(zone: &[Place], point: Place) -> bool {
    let scale = 1_i128 << 40;
    let [x, y] = [point[0] * scale + (1 << 20), point[1] * scale + 1];
    let ends = zone.iter().cycle().skip(1);
    let below = zone.iter().zip(ends).filter(|(a, b)| {
        let [ax, ay, bx, by] = [a[0], a[1], b[0], b[1]].map(|v| v * scale);
        if (ax < x) == (bx < x) {
            return false;
        }
        let (down, across) = ((by - ay) * (x - ax), bx - ax);
        if across > 0 {
            ay * across + down > y * across
        } else {
            ay * across + down < y * across
        }
    });
    below.count() % 2 == 1
}

/// Messages that shall come, as text, and the zones' counts by frame.
#[derive(Default)]
struct Truth {
    messages: Vec<String>,
    inside: Vec<BTreeMap<usize, u32>>,
}

/// The frames in which an object is one to the element: gaps are not too long.
fn lives(walk: &[Option<Place>], lost_after: usize) -> Vec<Vec<(usize, Place)>> {
    let mut lives: Vec<Vec<(usize, Place)>> = Vec::new();
    for (frame, place) in walk.iter().enumerate() {
        let Some(place) = place else { continue };
        match lives.last_mut() {
            Some(life) if frame - life.last().unwrap().0 <= lost_after + 1 => {
                life.push((frame, *place));
            }
            _ => lives.push(vec![(frame, *place)]),
        }
    }
    lives
}

/// Starts of the runs in which something stays so for long enough, and changes.
fn turns(states: &[bool], first: bool, patience: usize) -> Vec<(usize, usize)> {
    let (mut settled, mut turns, mut start) = (first, Vec::new(), 0);
    for run in states.chunk_by(|a, b| a == b) {
        if run[0] != settled && run.len() >= patience {
            settled = run[0];
            turns.push((start, start + patience - 1));
        }
        start += run.len();
    }
    turns
}

fn truth(scene: &Scene, patience: usize, lost_after: usize) -> Truth {
    let mut truth = Truth {
        inside: vec![BTreeMap::new(); FRAMES],
        ..Truth::default()
    };
    for (walker, walk) in scene.walks.iter().enumerate() {
        for life in lives(walk, lost_after) {
            for (index, line) in scene.lines.iter().enumerate() {
                let rights: Vec<bool> = life.iter().map(|(_, p)| nudged(*line, *p) > 0).collect();
                for (start, counted) in turns(&rights, rights[0], patience) {
                    if is_through(*line, life[start - 1].1, life[start].1) {
                        let way = if rights[start] { "out" } else { "in" };
                        let frame = life[counted].0;
                        truth
                            .messages
                            .push(format!("{frame} line l{index} {way} track {walker}"));
                    }
                }
            }
            for (index, zone) in scene.zones.iter().enumerate() {
                let insides: Vec<bool> = life.iter().map(|(_, p)| is_inside(zone, *p)).collect();
                zone_truth(
                    &mut truth,
                    index,
                    walker,
                    &life,
                    &turns(&insides, false, patience),
                    lost_after,
                );
            }
        }
    }
    truth.messages.sort();
    truth
}

fn zone_truth(
    truth: &mut Truth,
    zone: usize,
    walker: usize,
    life: &[(usize, Place)],
    turns: &[(usize, usize)],
    lost_after: usize,
) {
    for stay in turns.chunks(2) {
        let (start, entered) = stay[0];
        let frame = life[entered].0;
        truth
            .messages
            .push(format!("{frame} zone z{zone} entered track {walker}"));
        let last = life.last().unwrap().0;
        // It leaves where it turned away, else where it was last seen.
        let (away, told) = match stay.get(1) {
            Some((away, told)) => (life[*away].0, life[*told].0),
            None => (last, last + lost_after + 1),
        };
        for frame in frame..told.min(FRAMES) {
            *truth.inside[frame].entry(zone).or_default() += 1;
        }
        if told < FRAMES {
            let dwell = (away - life[start].0) as u64 * FRAME_NANOS;
            truth
                .messages
                .push(format!("{told} zone z{zone} left {dwell} track {walker}"));
        }
    }
}

/// The middle, or an edge, of a box in shares of its size.
fn corner(anchor: Anchor) -> [f32; 2] {
    let name = anchor.as_str();
    let share = |low, high| {
        if name.contains(low) {
            0.0
        } else if name.contains(high) {
            1.0
        } else {
            0.5
        }
    };
    [share("left", "right"), share("top", "bottom")]
}

fn properties(scene: &Scene, anchor: Anchor, patience: usize, lost_after: usize) -> String {
    let list = |places: &[Place]| -> String {
        let numbers: Vec<String> = places.iter().flatten().map(i128::to_string).collect();
        numbers.join(",")
    };
    let mut text = String::from("lines=\"");
    for (index, line) in scene.lines.iter().enumerate() {
        write!(text, "l{index}:{};", list(line)).unwrap();
    }
    text.push_str("\" zones=\"");
    for (index, zone) in scene.zones.iter().enumerate() {
        write!(text, "z{index}:{};", list(zone)).unwrap();
    }
    let anchor = anchor.as_str();
    write!(
        text,
        "\" anchor={anchor} min-frames={patience} lost-after={lost_after} margin=0"
    )
    .unwrap();
    text
}

fn describe(frame: usize, name: &str, fields: &[(String, Value)]) -> String {
    let text = |name: &str| {
        let (_, value) = fields.iter().find(|field| field.0 == name).unwrap();
        match value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(text("pts"), (frame as u64 * FRAME_NANOS).to_string());
    let track = text("track");
    match name {
        "line-crossed" => format!(
            "{frame} line {} {} track {track}",
            text("line"),
            text("direction")
        ),
        "zone-entered" => format!("{frame} zone {} entered track {track}", text("zone")),
        "zone-left" => format!(
            "{frame} zone {} left {} track {track}",
            text("zone"),
            text("dwell-nanos")
        ),
        other => panic!("{other}"),
    }
}

fn check(seed: u64, anchor: Anchor, patience: usize, lost_after: usize) -> usize {
    let scene = scene(seed);
    let truth = truth(&scene, patience, lost_after);
    let properties = properties(&scene, anchor, patience, lost_after);
    let mut harness = Harness::<ObjectAnalytics>::new(&properties).unwrap();
    let caps = "video/x-raw, format=GRAY8, width=64, height=64, framerate=25/1";
    harness.set_caps("sink", caps).unwrap();
    let mut messages = Vec::new();
    let mut last = Analytics::default();
    let [across, down] = corner(anchor);
    for frame in 0..FRAMES {
        let mut buffer = Buffer::from_bytes(&[]).with_pts(frame as u64 * FRAME_NANOS);
        let seen = (0_u64..).zip(scene.walks.iter().zip(&scene.sizes));
        let detections: Vec<Detection> = seen
            .filter_map(|(track, (walk, [width, height]))| {
                let [x, y] = walk[frame]?.map(|v| v as f32);
                let rect = Rect {
                    x: x - across * width,
                    y: y - down * height,
                    width: *width,
                    height: *height,
                };
                let track_id = Some(track);
                Some(Detection {
                    track_id,
                    ..Detection::new(rect, 0, "person", 0.9)
                })
            })
            .collect();
        buffer.set_detections(OBJECTS, &detections);
        harness.push(buffer).unwrap();
        last = Analytics::of(&harness.pull().unwrap()).unwrap().unwrap();
        for (name, fields) in harness.messages() {
            messages.push(describe(frame, &name, &fields));
        }
        for (index, zone) in last.zones.iter().enumerate() {
            let expected = truth.inside[frame].get(&index).copied().unwrap_or(0);
            assert_eq!(
                zone.count, expected,
                "seed {seed} frame {frame} zone {index}"
            );
            assert_eq!(u64::from(zone.count), zone.entered - zone.left);
            let listed = last
                .objects
                .iter()
                .filter(|object| object.zone as usize == index);
            assert_eq!(listed.count(), expected as usize);
        }
    }
    messages.sort();
    assert_eq!(messages, truth.messages, "seed {seed} {properties}");
    let told = |text: &str| messages.iter().filter(|m| m.contains(text)).count() as u64;
    for (index, line) in last.lines.iter().enumerate() {
        assert_eq!(line.entered, told(&format!("line l{index} in")));
        assert_eq!(line.left, told(&format!("line l{index} out")));
    }
    messages.len()
}

#[test]
fn counts_are_exact() {
    let mut told = 0;
    for seed in 0..90 {
        told += check(seed, Anchor::ALL[seed as usize % Anchor::ALL.len()], 1, 3);
    }
    assert!(told > 10_000, "{told} events are too few to prove much");
}

#[test]
fn counts_with_patience_are_exact() {
    for seed in 100..160 {
        let (patience, lost_after) = (1 + seed as usize % 4, [0, 1, 3, 30][seed as usize / 4 % 4]);
        check(
            seed,
            Anchor::ALL[seed as usize % Anchor::ALL.len()],
            patience,
            lost_after,
        );
    }
}
