//! Which files are read, in which order, with which times.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;
use multifilesrc::MultiFileSrc;

/// A folder with the files 00003.jpg to 00006.jpg; each holds its number.
fn folder() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for index in 3..=6_u8 {
        std::fs::write(directory.path().join(format!("{index:05}.jpg")), [index]).unwrap();
    }
    directory
}

fn source(directory: &tempfile::TempDir, name: &str, more: &str) -> Harness<MultiFileSrc> {
    let path = directory.path().display();
    Harness::new(&format!("location=\"{path}/{name}\" {more}")).unwrap()
}

#[test]
fn files_come_in_order() {
    for (more, expected) in [
        ("start-index=3", vec![3, 4, 5, 6]),
        ("start-index=5", vec![5, 6]),
        ("start-index=3 stop-index=4", vec![3, 4]),
        ("start-index=5 loop=true num-buffers=5", vec![5, 6, 5, 6, 5]),
        (
            "start-index=3 stop-index=4 loop=true num-buffers=3",
            vec![3, 4, 3],
        ),
        ("start-index=4 stop-index=3 loop=true", vec![]),
    ] {
        let directory = folder();
        let mut harness = source(&directory, "%05d.jpg", more);
        let mut got = Vec::new();
        while let Ok(buffer) = harness.pull() {
            got.extend_from_slice(&buffer.map());
        }
        assert_eq!((got, harness.is_eos()), (expected, true), "{more}");
    }
}

#[test]
fn caps_and_times_follow_the_frame_rate() {
    let directory = folder();
    let mut harness = source(&directory, "%05d.jpg", "start-index=3 framerate=3/1");
    let times: Vec<_> = (0..3).map(|_| harness.pull().unwrap().timing()).collect();
    assert_eq!(
        harness.caps("src").unwrap().to_string(),
        "image/jpeg, framerate=(fraction)3/1"
    );
    assert_eq!(times[1].pts, Some(333_333_333));
    assert_eq!(times[2].duration, Some(333_333_334));
    assert_eq!((times[2].offset, times[2].offset_end), (Some(2), Some(3)));

    let caps = "caps=\"application/octet-stream\"";
    let mut harness = source(&directory, "%05d.jpg", &format!("start-index=3 {caps}"));
    assert_eq!(harness.pull().unwrap().pts(), None);
    assert_eq!(
        harness.caps("src").unwrap().to_string(),
        "application/octet-stream"
    );
}

#[test]
fn one_file_is_sent_again_and_again() {
    let directory = folder();
    let mut harness = source(&directory, "00004.jpg", "num-buffers=3");
    assert_eq!(
        (0..3)
            .map(|_| harness.pull().unwrap().map()[0])
            .collect::<Vec<_>>(),
        [4; 3]
    );
    assert!(harness.pull().is_err());
}

#[test]
fn a_missing_first_file_is_an_error() {
    let directory = folder();
    let failure = source(&directory, "%05d.jpg", "").pull().unwrap_err();
    assert!(failure.message.contains("00000.jpg"), "{}", failure.message);
    assert!(Harness::<MultiFileSrc>::new("location=%s").is_err());
}

fn rest(harness: &mut Harness<MultiFileSrc>) -> Vec<(Vec<u8>, Timing)> {
    core::iter::from_fn(|| harness.pull().ok())
        .map(|buffer| (buffer.map().to_vec(), buffer.timing()))
        .collect()
}

#[test]
fn another_instance_goes_on_with_the_next_file() {
    let directory = folder();
    for (before, more) in [
        (0, "start-index=3"),
        (1, "start-index=3"),
        (4, "start-index=3"),
        (5, "start-index=5 loop=true num-buffers=9"),
        (2, "start-index=4 stop-index=5 loop=true num-buffers=5"),
    ] {
        let new = || source(&directory, "%05d.jpg", more);
        let (mut whole, mut first, mut second) = (new(), new(), new());
        for _ in 0..before {
            whole.pull().unwrap();
            first.pull().unwrap();
        }
        second.restore(&first.save().unwrap()).unwrap();
        let expected = rest(&mut whole);
        assert_eq!(expected.is_empty(), (before, more) == (4, "start-index=3"));
        assert_eq!(rest(&mut second), expected, "{before} {more}");
    }
}

#[test]
fn a_broken_state_is_refused_or_harmless() {
    let directory = folder();
    let new = || {
        source(
            &directory,
            "%05d.jpg",
            "start-index=3 loop=true num-buffers=9",
        )
    };
    let mut harness = new();
    harness.pull().unwrap();
    let (refused, states) = hostile_states(&harness.save().unwrap());
    for (n, state) in states.iter().enumerate() {
        let mut harness = new();
        let done = harness.restore(state);
        assert!(done.is_err() || n >= refused, "{state:?}");
        drop(harness.produce());
    }
}
