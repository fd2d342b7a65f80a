//! What `identity` does with buffers.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

use identity::Identity;
use millstream_sdk::prelude::*;

fn passed(properties: &str, count: u8) -> Vec<u8> {
    let mut harness = Harness::<Identity>::new(properties).unwrap();
    for n in 0..count {
        harness.push(Buffer::from_bytes(&[n])).unwrap();
    }
    (0..harness.pending())
        .map(|_| harness.pull().unwrap().map()[0])
        .collect()
}

#[test]
fn passes_everything_by_default() {
    assert_eq!(passed("", 5), [0, 1, 2, 3, 4]);
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
