//! What `videotestsrc` draws, and when.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

use millstream_sdk::harness::{hostile_states, without_views};
use millstream_sdk::prelude::*;
use videotestsrc::{Pattern, VideoTestSrc};

fn source(properties: &str, caps: &str) -> Harness<VideoTestSrc> {
    let mut harness = Harness::<VideoTestSrc>::new(properties).unwrap();
    harness.set_caps("src", caps).unwrap();
    harness
}

fn caps(format: VideoFormat, width: u32, height: u32) -> String {
    let format = format.as_str();
    format!("video/x-raw, format={format}, width={width}, height={height}, framerate=30/1")
}

fn frame(properties: &str, format: VideoFormat, width: u32, height: u32) -> Vec<u8> {
    source(properties, &caps(format, width, height))
        .pull()
        .unwrap()
        .map()
        .to_vec()
}

#[test]
fn prefers_what_gstreamer_prefers() {
    let mut harness = Harness::<VideoTestSrc>::new("").unwrap();
    harness.negotiate().unwrap();
    let info = VideoInfo::from_caps(harness.caps("src").unwrap()).unwrap();
    assert_eq!(
        (info.format, info.width, info.height),
        (VideoFormat::I420, 320, 240)
    );
    assert_eq!(info.fps, Fraction::new(30, 1));

    let harness = source(
        "",
        "video/x-raw, width=[ 400, 500 ], framerate={ 5/1, 25/1 }",
    );
    let info = VideoInfo::from_caps(harness.caps("src").unwrap()).unwrap();
    assert_eq!(
        (info.width, info.height, info.fps),
        (400, 240, Fraction::new(25, 1))
    );
}

#[test]
fn stamps_exactly() {
    let mut harness = source(
        "num-buffers=3 pattern=black",
        "video/x-raw, framerate=30000/1001",
    );
    let mut stamps = Vec::new();
    while let Ok(buffer) = harness.pull() {
        let timing = buffer.timing();
        assert_eq!(timing.offset_end, timing.offset.map(|offset| offset + 1));
        stamps.push((timing.pts.unwrap(), timing.duration.unwrap(), timing.flags));
    }
    assert!(harness.is_eos());
    let (first, none) = (BufferFlags::DISCONT, BufferFlags::empty());
    let expected = [
        (0, 33_366_666, first),
        (33_366_666, 33_366_667, none),
        (66_733_333, 33_366_667, none),
    ];
    assert_eq!(stamps, expected);
}

#[test]
fn one_picture_without_a_rate() {
    let mut harness = source("", "video/x-raw, framerate=0/1");
    assert_eq!(harness.pull().unwrap().timing().duration, None);
    assert!(harness.pull().is_err());
    assert!(harness.is_eos());
}

#[test]
fn live_waits_for_its_time() {
    let mut harness = source("is-live=true pattern=black", "video/x-raw, framerate=10/1");
    harness.set_running_time(250_000_000);
    assert!(!harness.produce().unwrap(), "frame 2 is due");
    assert!(harness.produce().unwrap(), "frame 3 is not");
    assert_eq!(harness.pull().unwrap().pts(), Some(200_000_000));
    harness.set_running_time(300_000_000);
    assert_eq!(harness.pull().unwrap().pts(), Some(300_000_000));
}

#[test]
fn colours_of_each_format() {
    // Red in every format, as GStreamer has it.
    let table: &[(VideoFormat, &[u8])] = &[
        (VideoFormat::RGB, &[255, 0, 0, 255, 0, 0, 0, 0]),
        (VideoFormat::BGR, &[0, 0, 255, 0, 0, 255, 0, 0]),
        (VideoFormat::RGBA, &[255, 0, 0, 255, 255, 0, 0, 255]),
        (VideoFormat::BGRx, &[0, 0, 255, 255, 0, 0, 255, 255]),
        (VideoFormat::GRAY8, &[76, 76, 0, 0, 76, 76]),
        (
            VideoFormat::I420,
            &[81, 81, 0, 0, 81, 81, 0, 0, 90, 0, 0, 0, 240],
        ),
        (
            VideoFormat::YV12,
            &[81, 81, 0, 0, 81, 81, 0, 0, 240, 0, 0, 0, 90],
        ),
        (VideoFormat::NV12, &[81, 81, 0, 0, 81, 81, 0, 0, 90, 240]),
        (VideoFormat::NV21, &[81, 81, 0, 0, 81, 81, 0, 0, 240, 90]),
        (VideoFormat::YUY2, &[81, 90, 81, 240]),
        (VideoFormat::UYVY, &[90, 81, 240, 81]),
    ];
    for (format, expected) in table {
        let frame = frame("pattern=red", *format, 2, 2);
        assert_eq!(&frame[..expected.len()], *expected, "{format:?}");
    }
}

#[test]
fn bars_are_those_of_gstreamer() {
    let frame = frame("pattern=smpte", VideoFormat::I420, 320, 240);
    let at = |x: usize, y: usize| {
        let chroma = 320 * 240 + y / 2 * 160 + x / 2;
        [frame[y * 320 + x], frame[chroma], frame[chroma + 160 * 120]]
    };
    let bars = [
        [235, 128, 128],
        [210, 16, 146],
        [170, 166, 16],
        [145, 54, 34],
        [106, 202, 222],
        [81, 90, 240],
        [41, 240, 110],
    ];
    for (i, bar) in bars.into_iter().enumerate() {
        assert_eq!(at(20 + i * 46, 40), bar, "bar {i}");
    }
    assert_eq!(at(10, 200), [16, 198, 21], "-I");
    assert_eq!(at(170, 200), [0, 128, 128], "blacker than black");
}

#[test]
fn every_pattern_in_every_format_and_odd_sizes() {
    for pattern in Pattern::ALL {
        for format in VideoFormat::ALL {
            for (width, height) in [(1, 1), (5, 3), (64, 48), (33, 17)] {
                let properties = format!("pattern={} seed=3", pattern.as_str());
                let mut one = source(&properties, &caps(*format, width, height));
                let mut other = source(&properties, &caps(*format, width, height));
                for n in 0..3 {
                    without_views(n == 1);
                    let expected = one.pull().unwrap().map().to_vec();
                    without_views(false);
                    let got = other.pull().unwrap();
                    assert_eq!(
                        expected,
                        got.map().to_vec(),
                        "{pattern:?} {format:?} {width}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_moves_and_what_does_not() {
    for pattern in Pattern::ALL {
        let properties = format!("pattern={}", pattern.as_str());
        let mut harness = source(&properties, &caps(VideoFormat::RGB, 160, 120));
        let frames = [harness.pull().unwrap(), harness.pull().unwrap()];
        let moves = frames[0].map().to_vec() != frames[1].map().to_vec();
        let expected = matches!(
            pattern,
            Pattern::Smpte | Pattern::Snow | Pattern::Ball | Pattern::Shapes
        );
        assert_eq!(moves, expected, "{pattern:?}");
    }
}

#[test]
fn ground_truth_is_where_the_shapes_are() {
    let mut harness = source(
        "pattern=shapes count=6 seed=11",
        &caps(VideoFormat::GRAY8, 640, 480),
    );
    let mut classes = Vec::new();
    for n in 0..400 {
        let buffer = harness.pull().unwrap();
        let truth = buffer.detections(GROUND_TRUTH);
        assert_eq!(truth.len(), 6);
        for (i, detection) in truth.iter().enumerate() {
            let Rect {
                x,
                y,
                width,
                height,
            } = detection.rect;
            assert!(x >= 0.0 && y >= 0.0, "{n}: {detection:?}");
            assert!(
                x + width <= 640.0 && y + height <= 480.0,
                "{n}: {detection:?}"
            );
            assert!(width > 20.0 && height > 20.0, "{n}: {detection:?}");
            assert_eq!(detection.track_id, Some(i as u64));
        }
        classes = truth.iter().map(|detection| detection.class_id).collect();
    }
    classes.sort_unstable();
    assert_eq!(classes, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn shapes_do_not_overlap_much() {
    let mut harness = source(
        "pattern=shapes count=10 seed=5",
        &caps(VideoFormat::GRAY8, 1280, 720),
    );
    for _ in 0..600 {
        let truth = harness.pull().unwrap().detections(GROUND_TRUTH);
        for (i, a) in truth.iter().enumerate() {
            for b in truth.iter().skip(i + 1) {
                let (a, b) = (a.rect, b.rect);
                let across = (a.x + a.width).min(b.x + b.width) - a.x.max(b.x);
                let down = (a.y + a.height).min(b.y + b.height) - a.y.max(b.y);
                let common = across.max(0.0) * down.max(0.0);
                let smaller = (a.width * a.height).min(b.width * b.height);
                assert!(common <= 0.35 * smaller, "{a:?} {b:?}");
            }
        }
    }
}

/// Frames `from..to` as bytes with their times and truth.
fn frames(harness: &mut Harness<VideoTestSrc>, count: usize) -> Vec<(Vec<u8>, Timing, Vec<Rect>)> {
    let taken = (0..count).map_while(|_| harness.pull().ok());
    taken
        .map(|buffer| {
            let truth = buffer.detections(GROUND_TRUTH);
            let rects = truth.iter().map(|detection| detection.rect).collect();
            (buffer.map().to_vec(), buffer.timing(), rects)
        })
        .collect()
}

#[test]
fn another_instance_goes_on_with_the_next_frame() {
    let caps = caps(VideoFormat::GRAY8, 120, 90);
    for pattern in ["smpte", "snow", "ball", "shapes"] {
        // More frames than shapes catch up with.
        for before in [0, 1, 7, 1_100] {
            let properties = format!("pattern={pattern} seed=3 num-buffers={}", before + 5);
            let whole = frames(&mut source(&properties, &caps), before + 9);
            let mut first = source(&properties, &caps);
            frames(&mut first, before);
            let mut second = source(&properties, &caps);
            second.restore(&first.save().unwrap()).unwrap();
            let rest = frames(&mut second, 9);
            assert!(rest == whole[before..], "{pattern} after {before}");
        }
    }
}

#[test]
fn a_live_source_skips_what_is_over_a_second_old() {
    let caps = caps(VideoFormat::GRAY8, 16, 16);
    let properties = "pattern=black is-live=true num-buffers=100";
    for (outage, expected, discont) in [(0, 10, false), (900, 10, false), (1_500, 25, true)] {
        let mut first = source(properties, &caps);
        frames(&mut first, 1);
        first.set_running_time(333_000_000);
        frames(&mut first, 9);
        let saved = first.save().unwrap();
        let mut second = source(properties, &caps);
        second.set_running_time((334 + outage) * 1_000_000);
        second.restore(&saved).unwrap();
        let timing = second.pull().unwrap().timing();
        assert_eq!(timing.offset, Some(expected), "{outage} ms");
        assert_eq!(timing.flags.contains(BufferFlags::DISCONT), discont);
        // The last frame is the same.
        second.set_running_time(10_000_000_000);
        let last = frames(&mut second, 200).last().map(|frame| frame.1.offset);
        assert_eq!(last, Some(Some(99)));
        first.set_running_time(0);
    }
}

#[test]
fn a_broken_state_is_refused_or_harmless() {
    let caps = caps(VideoFormat::GRAY8, 40, 30);
    for properties in ["pattern=shapes count=2", "pattern=ball is-live=true"] {
        let mut harness = source(properties, &caps);
        frames(&mut harness, 5);
        let (refused, states) = hostile_states(&harness.save().unwrap());
        for (n, state) in states.iter().enumerate() {
            let mut harness = source(properties, &caps);
            let done = harness.restore(state);
            assert!(done.is_err() || n >= refused, "{state:?}");
            // A frame of the far future is one that a live source waits for.
            harness.set_running_time(u64::MAX / 2);
            harness.produce().unwrap();
            harness.set_running_time(0);
        }
    }
}
