//! What `fakesink` does with buffers.

use fakesink::FakeSink;
use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;

#[test]
fn takes_everything_in_silence() {
    let mut harness = Harness::<FakeSink>::new("").unwrap();
    harness
        .set_caps("sink", "application/octet-stream")
        .unwrap();
    for n in 0..10 {
        harness.push(Buffer::from_bytes(&[n])).unwrap();
    }
    assert!(!harness.is_eos());
    assert!(harness.messages().is_empty());
    harness.eos().unwrap();
    assert!(harness.is_eos());
}

#[test]
fn ends_after_num_buffers() {
    for (properties, eos_at) in [
        ("num-buffers=0", 1),
        ("num-buffers=1", 1),
        ("num-buffers=3", 3),
    ] {
        let mut harness = Harness::<FakeSink>::new(properties).unwrap();
        let mut count = 0;
        while !harness.is_eos() {
            harness.push(Buffer::from_bytes(&[0])).unwrap();
            count += 1;
        }
        assert_eq!(count, eos_at, "{properties}");
    }
}

#[test]
fn tells_what_it_took() {
    let mut harness = Harness::<FakeSink>::new("silent=false").unwrap();
    harness.push(Buffer::from_bytes(&[0; 12])).unwrap();
    let messages = harness.messages();
    let fields = [("number", 0), ("size", 12)];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.into()));
    assert_eq!(messages, [("last-message".to_owned(), fields.to_vec())]);
}

#[test]
fn another_instance_goes_on_counting() {
    let new = || Harness::<FakeSink>::new("num-buffers=3 silent=false").unwrap();
    let (mut first, mut second) = (new(), new());
    first.push(Buffer::from_bytes(&[])).unwrap();
    let saved = first.save().unwrap();
    second.restore(&saved).unwrap();
    second.push(Buffer::from_bytes(&[])).unwrap();
    assert!(!second.is_eos());
    second.push(Buffer::from_bytes(&[])).unwrap();
    assert!(second.is_eos());
    let (refused, states) = hostile_states(&saved);
    for (n, state) in states.iter().enumerate() {
        let mut harness = new();
        let done = harness.restore(state);
        assert!(done.is_err() || n >= refused, "{state:?}");
        harness.push(Buffer::from_bytes(&[])).unwrap();
    }
}
