//! Which files are written, and what is said about them.
#![allow(clippy::unwrap_used, reason = "a test")]

use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;
use multifilesink::MultiFileSink;

fn sink(directory: &tempfile::TempDir, name: &str, more: &str) -> Harness<MultiFileSink> {
    let path = directory.path().display();
    Harness::new(&format!("location=\"{path}/{name}\" {more}")).unwrap()
}

#[test]
fn a_buffer_is_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = sink(&directory, "%03d.bin", "index=9");
    harness.push(Buffer::from_bytes(b"nine")).unwrap();
    harness.push(Buffer::from_bytes(b"ten")).unwrap();
    let read = |name| std::fs::read(directory.path().join(name)).unwrap();
    assert_eq!(
        (read("009.bin"), read("010.bin")),
        (b"nine".to_vec(), b"ten".to_vec())
    );
    assert!(harness.messages().is_empty());
}

#[test]
fn messages_name_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = sink(&directory, "%d", "post-messages=true");
    harness.push(Buffer::from_bytes(b"a").with_pts(40)).unwrap();
    let messages = harness.messages();
    let (name, fields) = messages.first().unwrap();
    assert_eq!(name, "multifilesink");
    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["filename", "index", "timestamp"]);
    harness.set_property("post-messages=false").unwrap();
    harness.push(Buffer::from_bytes(b"b")).unwrap();
    assert!(harness.messages().is_empty());
}

#[test]
fn without_a_number_the_newest_stays() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = sink(&directory, "now.bin", "");
    harness.push(Buffer::from_bytes(b"first")).unwrap();
    harness.push(Buffer::from_bytes(b"2nd")).unwrap();
    assert_eq!(
        std::fs::read(directory.path().join("now.bin")).unwrap(),
        b"2nd"
    );
}

#[test]
fn failures_name_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let failure = sink(&directory, "gone/%d", "")
        .push(Buffer::from_bytes(b"a"))
        .unwrap_err();
    assert!(failure.message.contains("gone/0"), "{}", failure.message);
    assert!(Harness::<MultiFileSink>::new("location=%d%d").is_err());
}

#[test]
fn another_instance_goes_on_and_overwrites_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let new = |name| sink(&directory, name, "index=3");
    let mut first = new("%d");
    first.push(Buffer::from_bytes(b"3")).unwrap();
    let saved = first.save().unwrap();
    let mut swapped = new("%d");
    swapped.restore(&saved).unwrap();
    swapped.push(Buffer::from_bytes(b"4")).unwrap();
    // The state is older than what was written since.
    let mut restarted = new("%d");
    restarted.restore(&saved).unwrap();
    restarted.push(Buffer::from_bytes(b"5")).unwrap();
    for name in ["3", "4", "5"] {
        let written = std::fs::read(directory.path().join(name)).unwrap();
        assert_eq!(written, name.as_bytes());
    }
    // Without a number there is one file, which is always overwritten.
    let mut first = new("one");
    first.push(Buffer::from_bytes(b"a")).unwrap();
    let mut second = new("one");
    second.restore(&first.save().unwrap()).unwrap();
    second.push(Buffer::from_bytes(b"b")).unwrap();
    assert_eq!(std::fs::read(directory.path().join("one")).unwrap(), b"b");
}

#[test]
fn a_broken_state_is_refused_or_harmless() {
    let directory = tempfile::tempdir().unwrap();
    let mut harness = sink(&directory, "%d", "index=300");
    harness.push(Buffer::from_bytes(b"a")).unwrap();
    let (refused, states) = hostile_states(&harness.save().unwrap());
    for (n, state) in states.iter().enumerate() {
        let mut harness = sink(&directory, "%d", "");
        let done = harness.restore(state);
        assert!(done.is_err() || n >= refused, "{state:?}");
        harness.push(Buffer::from_bytes(b"a")).unwrap();
    }
}
