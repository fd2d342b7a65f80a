//! How well, and how fast, objects keep their identity: against a greedy tracker
//! by overlap, on generated scenes with known truth.
//!
//! `cargo bench -p objecttracker --bench tracking` prints one table; a number as
//! argument is how many seeds a kind has.
#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a program for the developers of this crate, on its own scenes"
)]

#[path = "tracking/greedy.rs"]
mod greedy;
#[path = "tracking/metrics.rs"]
mod metrics;
#[path = "tracking/scenes.rs"]
mod scenes;

use std::time::{Duration, Instant};

use greedy::Greedy;
use metrics::{Labelled, Score, score};
use millstream_sdk::Detection;
use objecttracker::bounds::Bounds;
use objecttracker::tracker::{Parameters, Tracker};
use scenes::{Frame, KINDS, scene};

const DEFAULT_SEEDS: u64 = 10;
/// The tracker's thresholds were weighed on the seeds below.
const FIRST_SEED: u64 = 1001;

/// Sums over the scenes of a kind.
#[derive(Default, Clone, Copy)]
struct Sum {
    score: Score,
    time: Duration,
    frames: u32,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.score.add(other.score);
        self.time += other.time;
        self.frames += other.frames;
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seeds = arguments
        .find_map(|a| a.parse().ok())
        .unwrap_or(DEFAULT_SEEDS);
    println!("{seeds} seeds a kind; greedy overlap → objecttracker\n");
    println!("| scenes | truth | IDF1 | switches | MOTA | misses | false positives | µs a frame |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut total = [Sum::default(); 2];
    for kind in KINDS {
        let mut sums = [Sum::default(); 2];
        for seed in FIRST_SEED..FIRST_SEED + seeds {
            let frames = scene(kind, seed);
            let mut greedy = Greedy::default();
            sums[0].add(run(&frames, |seen, step| greedy.update(seen, step)));
            let mut tracker = Tracker::new(Parameters::default());
            sums[1].add(run(&frames, |seen, step| tracker.update(seen, step)));
        }
        row(kind.name, sums);
        total[0].add(sums[0]);
        total[1].add(sums[1]);
    }
    row("total", total);
}

/// One tracker on one scene.
fn run(frames: &[Frame], mut update: impl FnMut(&[Detection], f64) -> Vec<Option<u64>>) -> Sum {
    let mut answers = Vec::new();
    let start = Instant::now();
    for frame in frames {
        answers.push(update(&frame.detections, frame.step));
    }
    let time = start.elapsed();
    let labelled = |(frame, ids): (&Frame, Vec<Option<u64>>)| {
        let answered = frame.detections.iter().zip(ids);
        let answered: Vec<Labelled> = answered
            .filter_map(|(d, id)| Some((id?, Bounds::from_rect(d.rect)?)))
            .collect();
        (frame.truth.clone(), answered)
    };
    let joined: Vec<_> = frames.iter().zip(answers).map(labelled).collect();
    Sum {
        score: score(&joined),
        time,
        frames: frames.len() as u32,
    }
}

fn row(name: &str, [greedy, ours]: [Sum; 2]) {
    let micros = |sum: Sum| sum.time.as_secs_f64() * 1e6 / f64::from(sum.frames.max(1));
    println!(
        "| {name} | {} | {:.3} → {:.3} | {} → {} | {:.3} → {:.3} | {} → {} | {} → {} | {:.1} → {:.1} |",
        ours.score.truth,
        greedy.score.idf1(),
        ours.score.idf1(),
        greedy.score.switches,
        ours.score.switches,
        greedy.score.mota(),
        ours.score.mota(),
        greedy.score.misses,
        ours.score.misses,
        greedy.score.false_positives,
        ours.score.false_positives,
        micros(greedy),
        micros(ours),
    );
}
