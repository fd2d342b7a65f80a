//! What `camerasrc` takes from a camera, and what it makes of it.

use camerasrc::{CameraSrc, Settings};
use millstream_sdk::harness::fake_camera;
use millstream_sdk::prelude::*;

/// As a usual webcam: raw only where it is small or slow.
const WEBCAM: &str = "\
    image/jpeg, width=1920, height=1080, framerate={ 30/1, 15/1 }; \
    image/jpeg, width=1280, height=720, framerate={ 60/1, 30/1 }; \
    video/x-raw, format=YUY2, width=640, height=480, framerate={ 30/1, 15/1 }; \
    video/x-raw, format=NV12, width=640, height=480, framerate={ 30/1, 15/1 }; \
    image/jpeg, width=640, height=480, framerate=30/1; \
    video/x-raw, format=YUY2, width=1280, height=720, framerate={ 10/1, 5/1 }";

fn frames(count: u8) -> Vec<Buffer> {
    (0..count).map(|n| Buffer::from_bytes(&[n; 4])).collect()
}

#[test]
fn picks_what_is_nearest_to_720p_at_30_frames() {
    let camera = CameraSrc::new(Settings::default()).unwrap();
    let offered: Caps = WEBCAM.parse().unwrap();
    let check = |accepted: &str, expected: &str| {
        let left = offered.intersect_first(&accepted.parse().unwrap());
        let picked = Source::fixate(&camera, left).unwrap();
        let expected: Caps = expected.parse().unwrap();
        assert_eq!(picked.to_string(), expected.to_string(), "{accepted}");
    };
    check("ANY", "image/jpeg, width=1280, height=720, framerate=30/1");
    check(
        "image/jpeg",
        "image/jpeg, width=1280, height=720, framerate=30/1",
    );
    check(
        "video/x-raw",
        "video/x-raw, format=YUY2, width=640, height=480, framerate=30/1",
    );
    check(
        "video/x-raw, format=NV12",
        "video/x-raw, format=NV12, width=640, height=480, framerate=30/1",
    );
    check(
        "video/x-raw, width=1280",
        "video/x-raw, format=YUY2, width=1280, height=720, framerate=10/1",
    );
    check(
        "image/jpeg, width=[1300, 4000]",
        "image/jpeg, width=1920, height=1080, framerate=30/1",
    );
    check(
        "image/jpeg, framerate=60/1",
        "image/jpeg, width=1280, height=720, framerate=60/1",
    );
}

#[test]
fn numbers_and_times_the_frames() {
    fake_camera("0", WEBCAM, frames(3));
    let mut harness = Harness::<CameraSrc>::new("").unwrap();
    harness
        .set_caps("src", "video/x-raw, format=YUY2, width=640")
        .unwrap();
    for n in 0..3 {
        let frame = harness.pull().unwrap();
        let timing = frame.timing();
        assert_eq!(frame.map().to_vec(), [n; 4]);
        assert_eq!(timing.duration, Some(33_333_333));
        assert_eq!(
            (timing.offset, timing.offset_end),
            (Some(n.into()), Some(u64::from(n) + 1))
        );
        assert_eq!(timing.flags.contains(BufferFlags::DISCONT), n == 0);
    }
    // The camera has no more frames: the element waits to be called again.
    assert!(harness.produce().unwrap());
    assert!(harness.logs().is_empty());
    harness.stop().unwrap();
}

#[test]
fn keeps_the_time_of_capture() {
    let mut frame = Buffer::from_bytes(&[0; 4]);
    frame.set_timing(Timing {
        pts: Some(123),
        ..Timing::default()
    });
    fake_camera("0", WEBCAM, vec![frame]);
    let mut harness = Harness::<CameraSrc>::new("").unwrap();
    assert_eq!(harness.pull().unwrap().pts(), Some(123));
}

#[test]
fn opens_the_camera_that_was_asked_for() {
    fake_camera("0", "image/jpeg, width=8, height=8, framerate=1/1", vec![]);
    fake_camera("2", WEBCAM, frames(1));
    let mut harness = Harness::<CameraSrc>::new("device=2").unwrap();
    assert_eq!(harness.pull().unwrap().map().to_vec(), [0; 4]);
}

#[test]
fn says_which_camera_is_missing() {
    let mut harness = Harness::<CameraSrc>::new("device=7").unwrap();
    let failure = harness.pull().unwrap_err();
    assert_eq!(failure.fault.as_str(), "resource");
    assert!(failure.message.contains("`7`"), "{}", failure.message);
}

#[test]
fn refuses_caps_that_the_camera_does_not_have() {
    fake_camera("0", WEBCAM, vec![]);
    let mut harness = Harness::<CameraSrc>::new("").unwrap();
    let failure = harness
        .set_caps("src", "video/x-raw, format=I420")
        .unwrap_err();
    assert_eq!(failure.fault.as_str(), "not-negotiated");
}

#[test]
fn says_what_it_is() {
    let descriptor = Harness::<CameraSrc>::describe();
    assert_eq!(descriptor.capabilities, [Capability::Camera]);
    assert!(descriptor.live);
}
