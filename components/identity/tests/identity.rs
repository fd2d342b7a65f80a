//! What `identity` does with buffers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

use identity::Identity;
use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;

fn passed(properties: &str, count: u8) -> Vec<u8> {
    push(&mut new(properties), 0..count)
}

#[test]
fn passes_everything_by_default() {
    assert_eq!(passed("", 5), [0, 1, 2, 3, 4]);
}

#[test]
fn needs_calls_only_for_work() {
    for (properties, expected) in [
        ("", true),
        ("seed=3", true),
        ("drop-probability=0.1", false),
        ("eos-after=9", false),
        ("error-after=9", false),
        ("silent=false", false),
    ] {
        let mut harness = new(properties);
        assert_eq!(push(&mut harness, 0..1), [0]);
        assert_eq!(harness.is_passthrough(), expected, "{properties}");
    }
    let mut harness = new("silent=false");
    harness.set_property("silent=true").unwrap();
    assert!(harness.is_passthrough());
}

#[test]
fn does_not_touch_shared_bytes() {
    let mut harness = Harness::<Identity>::new("").unwrap();
    let buffer = Buffer::from_bytes(&[1, 2, 3]).with_pts(40);
    harness.push(buffer.share()).unwrap();
    let out = harness.pull().unwrap();
    assert_eq!(out.pts(), Some(40));
    // Still the same memory: neither handle has it for itself.
    assert!(!out.is_writable());
}

#[test]
fn loses_by_seed() {
    let lost = passed("drop-probability=0.5 seed=3", 100);
    assert!(
        (30..70).contains(&lost.len()),
        "{} of 100 passed",
        lost.len()
    );
    assert_eq!(lost, passed("drop-probability=0.5 seed=3", 100));
    assert_ne!(lost, passed("drop-probability=0.5 seed=4", 100));
    assert!(passed("drop-probability=1", 100).is_empty());
}

#[test]
fn ends_and_fails_where_asked() {
    let mut harness = Harness::<Identity>::new("eos-after=2").unwrap();
    for n in 0..3 {
        assert!(!harness.is_eos());
        harness.push(Buffer::from_bytes(&[n])).unwrap();
    }
    assert!(harness.is_eos());
    assert_eq!(harness.pending(), 2);

    let mut harness = Harness::<Identity>::new("error-after=0").unwrap();
    let failure = harness.push(Buffer::from_bytes(&[0])).unwrap_err();
    assert_eq!(
        failure.message,
        "failed after 0 buffers, as `error-after` asks"
    );
}

#[test]
fn tells_while_playing() {
    let mut harness = Harness::<Identity>::new("").unwrap();
    harness.push(Buffer::from_bytes(&[0])).unwrap();
    assert!(harness.messages().is_empty());
    harness.set_property("silent=false").unwrap();
    harness
        .push(Buffer::from_bytes(&[0, 1]).with_pts(7))
        .unwrap();
    let messages = harness.messages();
    let fields = [("number", 1), ("size", 2), ("pts", 7)];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.into()));
    assert_eq!(messages, [("last-message".to_owned(), fields.to_vec())]);
    assert!(harness.set_property("seed=1").is_err());
}

#[test]
fn another_instance_loses_what_the_first_would_have_lost() {
    let properties = "drop-probability=0.5 seed=3 eos-after=50";
    let expected = passed(properties, 60);
    for before in [0, 1, 20, 50] {
        let (mut first, mut second) = (new(properties), new(properties));
        let mut got = push(&mut first, 0..before);
        second.restore(&first.save().unwrap()).unwrap();
        got.extend(push(&mut second, before..60));
        assert_eq!(got, expected, "{before}");
        assert!(second.is_eos());
    }
}

#[test]
fn after_a_restart_it_fails_again_after_as_many() {
    let mut first = new("error-after=3");
    push(&mut first, 0..3);
    assert!(first.push(Buffer::from_bytes(&[3])).is_err());
    let mut second = new("error-after=3");
    second.restore(&first.save().unwrap()).unwrap();
    assert_eq!(push(&mut second, 3..6), [3, 4, 5]);
    assert!(second.push(Buffer::from_bytes(&[6])).is_err());
}

#[test]
fn a_broken_state_is_refused_or_harmless() {
    let mut harness = new("drop-probability=0.5");
    push(&mut harness, 0..5);
    let (refused, states) = hostile_states(&harness.save().unwrap());
    for (n, state) in states.iter().enumerate() {
        let mut harness = new("drop-probability=0.5 silent=false");
        let done = harness.restore(state);
        assert!(done.is_err() || n >= refused, "{state:?}");
        push(&mut harness, 0..3);
    }
}

fn new(properties: &str) -> Harness<Identity> {
    Harness::new(properties).unwrap()
}

/// Pushes buffers of one number each; which come out.
fn push(harness: &mut Harness<Identity>, numbers: core::ops::Range<u8>) -> Vec<u8> {
    for n in numbers {
        harness.push(Buffer::from_bytes(&[n])).unwrap();
    }
    (0..harness.pending())
        .map(|_| harness.pull().unwrap().map()[0])
        .collect()
}
