//! The benchmark's measures on cases that were counted by hand.
#![allow(
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs,
    reason = "a test fails by a panic; the measures are the benchmark's own"
)]

#[path = "../benches/tracking/metrics.rs"]
mod metrics;

use metrics::{Labelled, Score, score};
use objecttracker::bounds::Bounds;

/// Boxes of 10 × 10 by the place of their left edge.
fn boxes(all: &[(u64, f64)]) -> Vec<Labelled> {
    all.iter()
        .map(|(id, x)| (*id, Bounds::around(x + 5.0, 5.0, 10.0, 10.0)))
        .collect()
}

type Frame<'a> = (&'a [(u64, f64)], &'a [(u64, f64)]);

/// truth, answers, misses, false positives, switches, identified.
fn check(frames: &[Frame<'_>], expected: [u64; 6]) -> Score {
    let frames: Vec<_> = frames
        .iter()
        .map(|(truth, answers)| (boxes(truth), boxes(answers)))
        .collect();
    let found = score(&frames);
    let Score {
        truth,
        answers,
        misses,
        false_positives,
        switches,
        identified,
    } = found;
    let numbers = [
        truth,
        answers,
        misses,
        false_positives,
        switches,
        identified,
    ];
    assert_eq!(numbers, expected, "{frames:?}");
    found
}

#[test]
fn perfect() {
    let frame: Frame<'_> = (&[(1, 0.0), (2, 50.0)], &[(7, 0.0), (9, 50.0)]);
    let found = check(&[frame, frame], [4, 4, 0, 0, 0, 4]);
    assert!((found.mota() - 1.0).abs() < 1e-12 && (found.idf1() - 1.0).abs() < 1e-12);
}

#[test]
fn misses_and_false_positives() {
    let found = check(
        &[
            (&[(1, 0.0)], &[]),
            (&[(1, 0.0)], &[(7, 0.0), (8, 90.0)]),
            // Overlap 6/14 is too little: a miss and a false positive.
            (&[(1, 0.0)], &[(7, 4.0)]),
            // 7/13 is enough.
            (&[(1, 0.0)], &[(7, 3.0)]),
        ],
        [4, 4, 2, 2, 0, 2],
    );
    assert!(found.mota().abs() < 1e-12);
    assert!((found.idf1() - 0.5).abs() < 1e-12);
}

#[test]
fn a_switch_counts_once_also_after_a_gap() {
    let one: &[(u64, f64)] = &[(1, 0.0)];
    // Identity 7 in two frames, then 8 in three: one switch, and the longer counts.
    let frames: [Frame<'_>; 6] = [
        (one, &[(7, 0.0)]),
        (one, &[(7, 0.0)]),
        (one, &[]),
        (one, &[(8, 0.0)]),
        (one, &[(8, 0.0)]),
        (one, &[(8, 0.0)]),
    ];
    let found = check(&frames, [6, 5, 1, 0, 1, 3]);
    assert!((found.mota() - (1.0 - 2.0 / 6.0)).abs() < 1e-12);
    assert!((found.idf1() - 6.0 / 11.0).abs() < 1e-12);
    // And back: two.
    check(
        &[(one, &[(7, 0.0)]), (one, &[(8, 0.0)]), (one, &[(7, 0.0)])],
        [3, 3, 0, 0, 2, 2],
    );
}

#[test]
fn two_objects_that_exchange_identities() {
    let frames: [Frame<'_>; 3] = [
        (&[(1, 0.0), (2, 50.0)], &[(7, 0.0), (8, 50.0)]),
        (&[(1, 0.0), (2, 50.0)], &[(8, 0.0), (7, 50.0)]),
        (&[(1, 0.0), (2, 50.0)], &[(8, 0.0), (7, 50.0)]),
    ];
    check(&frames, [6, 6, 0, 0, 2, 4]);
}

#[test]
fn what_went_together_stays_together() {
    // In the second frame 8 overlaps more with object 1, but 7 was its answer and
    // still is good enough: no switch, one false positive.
    check(
        &[
            (&[(1, 0.0)], &[(7, 0.0)]),
            (&[(1, 0.0)], &[(7, 2.0), (8, 0.0)]),
        ],
        [2, 3, 0, 1, 0, 2],
    );
}

#[test]
fn one_identity_for_two_objects_counts_for_one() {
    let frames: [Frame<'_>; 4] = [
        (&[(1, 0.0)], &[(7, 0.0)]),
        (&[(1, 0.0)], &[(7, 0.0)]),
        (&[(2, 50.0)], &[(7, 50.0)]),
        (&[], &[]),
    ];
    let found = check(&frames, [3, 3, 0, 0, 0, 2]);
    assert!((found.idf1() - 4.0 / 6.0).abs() < 1e-12);
}

#[test]
fn scenes_are_joined_by_their_sums() {
    let mut a = check(&[(&[(1, 0.0)], &[(7, 0.0)])], [1, 1, 0, 0, 0, 1]);
    a.add(check(&[(&[(1, 0.0)], &[])], [1, 0, 1, 0, 0, 0]));
    assert!((a.mota() - 0.5).abs() < 1e-12 && (a.idf1() - 2.0 / 3.0).abs() < 1e-12);
    assert!(Score::default().mota().is_finite() && Score::default().idf1().is_finite());
}
