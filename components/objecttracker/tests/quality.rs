//! The tracker keeps ahead of a greedy one on the benchmark's scenes.
#![allow(
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    dead_code,
    reason = "a test fails by a panic; scenes and measures are the benchmark's own"
)]

#[path = "../benches/tracking/greedy.rs"]
mod greedy;
#[path = "../benches/tracking/metrics.rs"]
mod metrics;
#[path = "../benches/tracking/scenes.rs"]
mod scenes;

use greedy::Greedy;
use metrics::{Labelled, Score, score};
use millstream_sdk::Detection;
use objecttracker::bounds::Bounds;
use objecttracker::tracker::{Parameters, Tracker};
use scenes::{Frame, KINDS, scene};

const SEEDS: std::ops::Range<u64> = 100..102;

fn run(frames: &[Frame], mut update: impl FnMut(&[Detection], f64) -> Vec<Option<u64>>) -> Score {
    let joined: Vec<(Vec<Labelled>, Vec<Labelled>)> = frames
        .iter()
        .map(|frame| {
            let ids = update(&frame.detections, frame.step);
            let answered = frame.detections.iter().zip(ids);
            let answered = answered
                .filter_map(|(d, id)| Some((id?, Bounds::from_rect(d.rect)?)))
                .collect();
            (frame.truth.clone(), answered)
        })
        .collect();
    score(&joined)
}

#[test]
fn fewer_switches_and_more_identified_on_every_kind_of_scene() {
    for kind in KINDS.iter().filter(|kind| kind.walkers < 100) {
        let (mut plain, mut ours) = (Score::default(), Score::default());
        for seed in SEEDS {
            let frames = scene(kind, seed);
            let mut greedy = Greedy::default();
            plain.add(run(&frames, |seen, step| greedy.update(seen, step)));
            let mut tracker = Tracker::new(Parameters::default());
            ours.add(run(&frames, |seen, step| tracker.update(seen, step)));
        }
        assert!(
            ours.idf1() > plain.idf1(),
            "{}: {ours:?} {plain:?}",
            kind.name
        );
        assert!(
            ours.switches < plain.switches,
            "{}: {ours:?} {plain:?}",
            kind.name
        );
        assert!(
            ours.mota() > plain.mota(),
            "{}: {ours:?} {plain:?}",
            kind.name
        );
    }
}
