//! Scenes with known truth: people who walk, and what a detector makes of them.
//!
//! Walkers turn and change pace, hide each other (the lower one is nearer) and walk
//! behind pillars. What can be seen of a box decides how sure the detector is; below
//! a quarter it finds nothing, and the truth has no box there either: nobody can be
//! asked to answer what cannot be seen.

use millstream_sdk::{Detection, Rect};
use objecttracker::bounds::Bounds;

use super::metrics::Labelled;

/// Pixels of a frame.
const FRAME: [f64; 2] = [1280.0, 720.0];
/// Seconds between two steps of the walk, whatever the frame rate.
const TICK: f64 = 1.0 / 60.0;
/// Least part of a box that must be seen.
const SEEN: f64 = 0.25;

/// What is hard about a scene. Shares are 0 to 1.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    pub name: &'static str,
    pub walkers: usize,
    pub seconds: f64,
    /// Frames a second that the caps say.
    pub fps: f64,
    /// Pixels a second.
    pub pace: f64,
    /// How much walkers change their way.
    pub unrest: f64,
    pub pillars: usize,
    /// Share of the boxes that the detector misses.
    pub missed: f64,
    /// Standard deviation of edges, as a share of the box.
    pub jitter: f64,
    /// Boxes a frame where nothing is.
    pub false_positives: f64,
    /// Share of the time in which the detector is unsure of a walker.
    pub unsure: f64,
    /// Amplitude of the camera's shaking, in pixels.
    pub shake: f64,
    /// Share of the frames that never arrive.
    pub lost_frames: f64,
}

const PLAIN: Kind = Kind {
    name: "plain",
    walkers: 12,
    seconds: 20.0,
    fps: 30.0,
    pace: 110.0,
    unrest: 1.0,
    pillars: 0,
    missed: 0.02,
    jitter: 0.02,
    false_positives: 0.1,
    unsure: 0.0,
    shake: 0.0,
    lost_frames: 0.0,
};

/// All kinds of scene.
pub const KINDS: &[Kind] = &[
    PLAIN,
    Kind {
        name: "crossing",
        walkers: 24,
        pace: 150.0,
        ..PLAIN
    },
    Kind {
        name: "occlusion",
        pillars: 6,
        ..PLAIN
    },
    Kind {
        name: "missed detections",
        missed: 0.3,
        ..PLAIN
    },
    Kind {
        name: "jitter",
        jitter: 0.08,
        ..PLAIN
    },
    Kind {
        name: "false positives",
        false_positives: 8.0,
        ..PLAIN
    },
    Kind {
        name: "low confidence",
        unsure: 0.35,
        walkers: 18,
        ..PLAIN
    },
    Kind {
        name: "camera shake",
        shake: 14.0,
        ..PLAIN
    },
    Kind {
        name: "15 fps",
        fps: 15.0,
        ..PLAIN
    },
    Kind {
        name: "10 fps",
        fps: 10.0,
        ..PLAIN
    },
    Kind {
        name: "5 fps",
        fps: 5.0,
        ..PLAIN
    },
    Kind {
        name: "frames lost upstream",
        lost_frames: 0.6,
        pace: 180.0,
        ..PLAIN
    },
    Kind {
        name: "sudden turns",
        unrest: 6.0,
        pace: 180.0,
        ..PLAIN
    },
    Kind {
        name: "all at once",
        walkers: 24,
        pillars: 4,
        missed: 0.1,
        jitter: 0.04,
        false_positives: 3.0,
        unsure: 0.2,
        shake: 5.0,
        lost_frames: 0.15,
        ..PLAIN
    },
    Kind {
        name: "crowd of 150",
        walkers: 150,
        seconds: 6.0,
        pace: 60.0,
        ..PLAIN
    },
];

/// What arrives at the tracker, and what is there.
pub struct Frame {
    /// Frames since the last one that arrived.
    pub step: f64,
    pub truth: Vec<Labelled>,
    pub detections: Vec<Detection>,
}

/// Numbers that follow from a seed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// 0 to below 1 (xorshift64*).
    pub fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn range(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }

    /// Mean 0 and deviation 1, near enough: the sum of twelve (Irwin–Hall).
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

struct Walker {
    id: u64,
    at: [f64; 2],
    velocity: [f64; 2],
    size: [f64; 2],
    class_id: u32,
    /// Seconds until the detector is sure, or unsure, again.
    phase: f64,
    unsure: bool,
}

impl Walker {
    fn new(random: &mut Random, kind: &Kind, id: u64) -> Self {
        let height = random.range(70.0, 150.0);
        let angle = random.range(-0.5, 0.5);
        let way = if random.unit() < 0.5 { -1.0 } else { 1.0 };
        let pace = kind.pace * random.range(0.6, 1.4);
        Self {
            id,
            at: [
                random.range(0.0, FRAME[0]),
                random.range(120.0, FRAME[1] - 120.0),
            ],
            velocity: [pace * way * f64::cos(angle), pace * f64::sin(angle)],
            size: [height * random.range(0.35, 0.6), height],
            class_id: u32::from(random.unit() < 0.2),
            phase: 0.0,
            unsure: true,
        }
    }

    fn walk(&mut self, random: &mut Random, kind: &Kind) {
        let most = kind.pace * 1.8;
        let axes = self.at.iter_mut().zip(&mut self.velocity);
        for ((at, velocity), (size, end)) in axes.zip(self.size.iter().zip(FRAME)) {
            *velocity += random.normal() * kind.unrest * kind.pace * 0.35 * TICK.sqrt();
            *velocity = velocity.clamp(-most, most);
            *at += *velocity * TICK;
            // Turns at the edge of the frame.
            let is_leaving = if *velocity < 0.0 {
                *at < size / 2.0
            } else {
                *at > end - size / 2.0
            };
            if is_leaving {
                *velocity = -*velocity;
            }
        }
        self.phase -= TICK;
        if self.phase <= 0.0 {
            self.unsure = !self.unsure && kind.unsure > 0.0;
            let share = if self.unsure {
                kind.unsure
            } else {
                1.0 - kind.unsure
            };
            self.phase = random.range(1.0, 3.0) * share;
        }
    }

    fn bounds(&self, shake: [f64; 2]) -> Bounds {
        let [x, y] = [self.at[0] + shake[0], self.at[1] + shake[1]];
        Bounds::around(x, y, self.size[0], self.size[1])
    }
}

/// A scene of a kind by its seed.
pub fn scene(kind: &Kind, seed: u64) -> Vec<Frame> {
    let mut random = Random::new(seed);
    let mut walkers: Vec<Walker> = (1..=kind.walkers as u64)
        .map(|id| Walker::new(&mut random, kind, id))
        .collect();
    let pillars: Vec<Bounds> = (0..kind.pillars)
        .map(|n| {
            let x = (n as f64 + random.range(0.3, 0.7)) * FRAME[0] / kind.pillars as f64;
            Bounds::around(x, FRAME[1] / 2.0, random.range(50.0, 90.0), FRAME[1])
        })
        .collect();
    let (ticks, mut step) = ((60.0 / kind.fps).round() as usize, 0.0);
    let mut frames = Vec::new();
    for frame in 0..(kind.seconds * kind.fps) as usize {
        for _ in 0..ticks {
            for walker in &mut walkers {
                walker.walk(&mut random, kind);
            }
        }
        step += 1.0;
        if random.unit() < kind.lost_frames {
            continue;
        }
        let time = frame as f64 / kind.fps;
        let shake = [
            kind.shake * f64::sin(time * 19.0),
            kind.shake * f64::sin(time * 27.0 + 1.0),
        ];
        let mut made = look(&mut random, kind, &walkers, &pillars, shake);
        made.step = core::mem::take(&mut step);
        frames.push(made);
    }
    frames
}

/// Truth and detections of one moment.
fn look(
    random: &mut Random,
    kind: &Kind,
    walkers: &[Walker],
    pillars: &[Bounds],
    shake: [f64; 2],
) -> Frame {
    let mut frame = Frame {
        step: 0.0,
        truth: Vec::new(),
        detections: Vec::new(),
    };
    for walker in walkers {
        let bounds = walker.bounds(shake);
        let nearer = walkers
            .iter()
            .map(|other| other.bounds(shake))
            .filter(|other| other.bottom > bounds.bottom);
        let hidden = hidden(bounds, pillars.iter().copied().chain(nearer));
        if hidden > 1.0 - SEEN {
            continue;
        }
        frame.truth.push((walker.id, bounds));
        if random.unit() < kind.missed {
            continue;
        }
        let sure = if walker.unsure {
            random.range(0.12, 0.45)
        } else {
            random.range(0.7, 0.95)
        };
        let confidence = sure * (1.0 - 0.8 * hidden);
        let mut noise = |size: f64| random.normal() * kind.jitter * size;
        let [width, height] = [bounds.width(), bounds.height()];
        let seen = Bounds {
            left: bounds.left + noise(width),
            top: bounds.top + noise(height),
            right: bounds.right + noise(width),
            bottom: bounds.bottom + noise(height),
        };
        frame
            .detections
            .push(detection(seen, walker.class_id, confidence));
    }
    let count = kind.false_positives + random.normal() * kind.false_positives.sqrt();
    for _ in 0..count.round().max(0.0) as usize {
        let [x, y] = FRAME.map(|size| random.range(0.0, size));
        let height = random.range(60.0, 150.0);
        let seen = Bounds::around(x, y, height * 0.5, height);
        let confidence = random.range(0.1, 0.8);
        frame.detections.push(detection(seen, 0, confidence));
    }
    frame
}

fn detection(seen: Bounds, class_id: u32, confidence: f64) -> Detection {
    let rect: Rect = seen.to_rect();
    Detection::new(rect, class_id, "", confidence as f32)
}

/// Which part of a box others cover, 0 to 1, by 16 × 16 points.
fn hidden(bounds: Bounds, others: impl Iterator<Item = Bounds>) -> f64 {
    let near: Vec<Bounds> = others.filter(|other| other.iou(bounds) > 0.0).collect();
    let covered = |point: usize| {
        let x = bounds.left + bounds.width() * ((point % 16) as f64 + 0.5) / 16.0;
        let y = bounds.top + bounds.height() * ((point / 16) as f64 + 0.5) / 16.0;
        near.iter()
            .any(|o| (o.left..o.right).contains(&x) && (o.top..o.bottom).contains(&y))
    };
    (0..256).filter(|point| covered(*point)).count() as f64 / 256.0
}
