//! What `windowsink` shows, and when it stops.

use millstream_sdk::harness::shown;
use millstream_sdk::prelude::*;
use windowsink::WindowSink;

const CAPS: &str = "video/x-raw, format=BGRx, width=2, height=2, framerate=30/1";

fn frame(value: u8, size: usize) -> Buffer {
    Buffer::from_bytes(&vec![value; size])
}

#[test]
fn shows_each_frame_under_its_title() {
    let mut harness = Harness::<WindowSink>::new("title=\"Two words\"").unwrap();
    harness.set_caps("sink", CAPS).unwrap();
    for value in 0..3 {
        harness.push(frame(value, 16)).unwrap();
    }
    let shown = shown(true);
    assert_eq!(shown.len(), 3);
    for (value, shown) in (0..).zip(shown) {
        assert_eq!(
            (shown.title.as_str(), shown.size, shown.stride),
            ("Two words", (2, 2), 8)
        );
        assert_eq!(shown.bytes, [value; 16]);
    }
    assert!(!harness.is_eos());
}

#[test]
fn ends_when_the_user_closes_the_window() {
    let mut harness = Harness::<WindowSink>::new("").unwrap();
    harness.set_caps("sink", CAPS).unwrap();
    harness.push(frame(0, 16)).unwrap();
    assert!(!harness.is_eos());
    assert_eq!(shown(false)[0].title, "Millstream");
    harness.push(frame(1, 16)).unwrap();
    assert!(harness.is_eos());
    harness.stop().unwrap();
}

#[test]
fn opens_anew_for_another_size() {
    let mut harness = Harness::<WindowSink>::new("").unwrap();
    harness.set_caps("sink", CAPS).unwrap();
    harness.push(frame(0, 16)).unwrap();
    let wide = "video/x-raw, format=BGRA, width=3, height=1, framerate=30/1";
    harness.set_caps("sink", wide).unwrap();
    harness.push(frame(1, 12)).unwrap();
    let sizes: Vec<_> = shown(true).into_iter().map(|shown| shown.size).collect();
    assert_eq!(sizes, [(2, 2), (3, 1)]);
}

#[test]
fn refuses_what_it_cannot_show() {
    let mut harness = Harness::<WindowSink>::new("").unwrap();
    let i420 = "video/x-raw, format=I420, width=2, height=2, framerate=30/1";
    assert!(harness.set_caps("sink", i420).is_err());

    let mut harness = Harness::<WindowSink>::new("").unwrap();
    let failure = harness.push(frame(0, 16)).unwrap_err();
    assert_eq!(failure.fault.as_str(), "not-negotiated");

    let mut harness = Harness::<WindowSink>::new("").unwrap();
    harness.set_caps("sink", CAPS).unwrap();
    let failure = harness.push(frame(0, 15)).unwrap_err();
    assert_eq!(failure.message, "got a frame of 15 bytes, expected 16");
}

#[test]
fn says_what_it_needs() {
    let descriptor = Harness::<WindowSink>::describe();
    assert_eq!(descriptor.capabilities, [Capability::Display]);
    assert!(descriptor.sync);
}
