//! Identities over frames, and what hostile detections make of them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

use std::collections::BTreeSet;

use millstream_sdk::buffer::{Classification, Keypoint, Mask};
use millstream_sdk::bus::Value;
use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;
use objecttracker::ObjectTracker;

const CAPS: &str = "video/x-raw, format=GRAY8, width=4, height=4, framerate=25/1";
const FRAME: u64 = 40_000_000;

fn found(x: f32, confidence: f32) -> Detection {
    let rect = Rect {
        x,
        y: 50.0,
        width: 40.0,
        height: 80.0,
    };
    Detection::new(rect, 3, "person", confidence)
}

fn harness(properties: &str) -> Harness<ObjectTracker> {
    let mut harness = Harness::new(properties).unwrap();
    harness.set_caps("sink", CAPS).unwrap();
    harness
}

/// One frame through the element.
fn pass(
    harness: &mut Harness<ObjectTracker>,
    pts: u64,
    detections: &[Detection],
) -> Vec<Detection> {
    let mut buffer = Buffer::from_bytes(&[0; 16]).with_pts(pts);
    buffer.set_detections(OBJECTS, detections);
    harness.push(buffer).unwrap();
    harness.pull().unwrap().detections(OBJECTS)
}

/// Ids of frames in a row.
fn ids(properties: &str, frames: &[Vec<Detection>]) -> Vec<Vec<Option<u64>>> {
    let mut harness = harness(properties);
    (0..)
        .zip(frames)
        .map(|(n, frame)| {
            let out = pass(&mut harness, n * FRAME, frame);
            out.iter().map(|d| d.track_id).collect()
        })
        .collect()
}

#[test]
fn an_object_is_shown_after_its_probation_and_keeps_its_id() {
    let walk: Vec<_> = (0..5).map(|n| vec![found(n as f32 * 5.0, 0.9)]).collect();
    let shown = |first: usize| -> Vec<Vec<Option<u64>>> {
        let show = |n| if n < first { vec![] } else { vec![Some(1)] };
        (0..5).map(show).collect()
    };
    assert_eq!(ids("", &walk), shown(1));
    assert_eq!(ids("min-hits=1", &walk), shown(0));
    assert_eq!(ids("min-hits=4", &walk), shown(3));
    let kept = ids("keep-untracked=true", &walk);
    assert_eq!((&kept[0], &kept[1]), (&vec![None], &vec![Some(1)]));
}

#[test]
fn everything_stays_with_its_detection() {
    let mut whole = found(10.0, 0.9);
    whole.keypoints = vec![Keypoint {
        x: 1.0,
        y: 2.0,
        confidence: 0.5,
    }];
    whole.mask = Some(Mask {
        width: 1,
        height: 2,
        cells: vec![0, 255],
    });
    whole.classifications = vec![Classification {
        class_id: 4,
        label: "red".into(),
        confidence: 0.25,
    }];
    whole.track_id = Some(99);
    let mut harness = harness("min-hits=1");
    let out = pass(&mut harness, 0, &[whole.clone()]);
    assert_eq!(
        format!("{:?}", out[0]),
        format!(
            "{:?}",
            Detection {
                track_id: Some(1),
                ..whole
            }
        )
    );
}

#[test]
fn unsure_detections_continue_objects_and_start_none() {
    let frames = [
        vec![found(0.0, 0.9), found(500.0, 0.2)],
        vec![found(2.0, 0.9), found(500.0, 0.2)],
        vec![found(4.0, 0.2), found(500.0, 0.55)],
        vec![found(6.0, 0.15), found(500.0, 0.55)],
        vec![found(8.0, 0.05)],
        vec![found(10.0, 0.9)],
    ];
    let one = vec![Some(1)];
    let expected = [vec![], one.clone(), one.clone(), one.clone(), vec![], one];
    assert_eq!(ids("", &frames), expected);
}

#[test]
fn an_object_behind_a_pillar_keeps_its_id_until_the_buffer_ends() {
    let check = |gap: u64, properties: &str, expected: u64| {
        let mut harness = harness(properties);
        let walk = |n: u64| found(n as f32 * 6.0, 0.9);
        for n in 0..20 {
            pass(&mut harness, n * FRAME, &[walk(n)]);
        }
        for n in 20..20 + gap {
            assert!(pass(&mut harness, n * FRAME, &[]).is_empty());
        }
        for n in 20 + gap..23 + gap {
            let out = pass(&mut harness, n * FRAME, &[walk(n)]);
            if n == 22 + gap {
                assert_eq!(out[0].track_id, Some(expected), "{gap} {properties}");
            }
        }
    };
    check(20, "", 1);
    check(29, "", 1);
    check(31, "", 2);
    check(31, "track-buffer=60", 1);
    check(3, "track-buffer=2", 2);
}

#[test]
fn frames_lost_upstream_do_not_break_the_prediction() {
    let mut harness = harness("min-hits=1");
    let mut seen = BTreeSet::new();
    // 12 px a frame: boxes five frames apart do not touch.
    for n in [0, 1, 2, 3, 4, 5, 6, 11, 16, 18, 24, 31, 32, 40] {
        let out = pass(&mut harness, n * FRAME, &[found(n as f32 * 12.0, 0.9)]);
        seen.insert(out[0].track_id);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [Some(1)]);
}

#[test]
fn classes_are_kept_apart_unless_agnostic() {
    let other = Detection {
        class_id: 4,
        ..found(0.0, 0.9)
    };
    let frames = [vec![found(0.0, 0.9)], vec![other]];
    assert_eq!(ids("min-hits=1", &frames), [[Some(1)], [Some(2)]]);
    assert_eq!(
        ids("min-hits=1 class-agnostic=true", &frames),
        [[Some(1)], [Some(1)]]
    );
}

#[test]
fn lost_objects_are_shown_where_asked_for() {
    let mut harness = harness("min-hits=1 show-lost=2");
    for n in 0..20 {
        pass(&mut harness, n * FRAME, &[found(n as f32 * 6.0, 0.9)]);
    }
    for (n, count) in [(20_u64, 1), (21, 1), (22, 0)] {
        let out = pass(&mut harness, n * FRAME, &[]);
        assert_eq!(out.len(), count, "{n}");
        for lost in out {
            assert_eq!(
                (lost.track_id, lost.class_id, lost.label.as_str()),
                (Some(1), 3, "person")
            );
            assert!(
                (lost.rect.x - n as f32 * 6.0).abs() < 2.0,
                "{:?}",
                lost.rect
            );
        }
    }
}

#[test]
fn a_jump_on_a_discontinuity_forgets_and_ids_go_on() {
    let check = |pts: u64, flags: BufferFlags, expected: u64| {
        let mut harness = harness("min-hits=1 max-gap=500000000");
        pass(&mut harness, 0, &[found(0.0, 0.9)]);
        pass(&mut harness, 10 * FRAME, &[found(0.0, 0.9)]);
        let mut buffer = Buffer::from_bytes(&[0; 16]);
        buffer.set_timing(Timing {
            pts: Some(pts),
            flags,
            ..Timing::default()
        });
        buffer.set_detections(OBJECTS, &[found(0.0, 0.9)]);
        harness.push(buffer).unwrap();
        let id = harness.pull().unwrap().detections(OBJECTS)[0].track_id;
        assert_eq!(id, Some(expected), "{pts} {flags:?}");
    };
    let (none, discont) = (BufferFlags::empty(), BufferFlags::DISCONT);
    check(20 * FRAME, none, 1);
    check(20 * FRAME, discont, 1);
    check(23 * FRAME, discont, 2);
    check(30 * FRAME, none, 1);
    check(u64::MAX, discont, 2);
    check(u64::MAX, none, 1);
    check(0, none, 1);
}

#[test]
fn starts_and_ends_are_told_where_asked_for() {
    let names = |harness: &mut Harness<ObjectTracker>| -> Vec<(String, Value)> {
        let messages = harness.messages().into_iter();
        messages
            .map(|(name, fields)| (name, fields[0].1.clone()))
            .collect()
    };
    let mut harness = harness("messages=true track-buffer=1");
    for n in 0..3 {
        pass(&mut harness, n * FRAME, &[found(0.0, 0.9)]);
    }
    let one = |name: &str| vec![(name.to_owned(), Value::Integer(1))];
    assert_eq!(names(&mut harness), one("track-started"));
    for n in 3..5 {
        pass(&mut harness, n * FRAME, &[]);
    }
    let (name, fields) = harness.messages().remove(0);
    assert_eq!(name, "track-ended");
    let field = |name: &str| fields.iter().find(|f| f.0 == name).unwrap().1.clone();
    assert_eq!(field("hits"), Value::Integer(3));
    assert_eq!(field("seen-nanos"), Value::Integer(2 * FRAME as i64));
    assert_eq!(field("running-time"), Value::Integer(4 * FRAME as i64));
    assert_eq!(field("label"), Value::from("person"));
    for n in 5..8 {
        pass(&mut harness, n * FRAME, &[found(0.0, 0.9)]);
    }
    harness.eos().unwrap();
    let told: Vec<String> = names(&mut harness).into_iter().map(|m| m.0).collect();
    assert_eq!(told, ["track-started", "track-ended"]);
}

#[test]
fn broken_detections_are_no_objects_and_break_nothing() {
    let rect = |x, y, width, height| Rect {
        x,
        y,
        width,
        height,
    };
    let broken = [
        rect(0.0, 0.0, 0.0, 0.0),
        rect(f32::MAX, f32::MAX, f32::MAX, f32::MAX),
        rect(f32::MIN, 0.0, f32::MAX, 1.0),
        rect(0.0, 0.0, f32::MIN_POSITIVE, f32::MIN_POSITIVE),
        rect(0.0, 0.0, 1e6, 1e-30),
        rect(-1e6, 1e6, 1e6, 1e6),
    ];
    let sure = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 0.9, 1e30];
    let mut harness = harness("min-hits=1 show-lost=100 track-buffer=100000");
    for n in 0..200_u64 {
        let detections: Vec<_> = broken
            .iter()
            .zip(0..)
            .map(|(rect, place)| {
                let confidence = sure[(place + n as usize) % sure.len()];
                Detection::new(*rect, 0, "", confidence)
            })
            .collect();
        // Times at random, also back, and empty frames in between.
        let pts = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let out = pass(
            &mut harness,
            pts,
            if n % 7 == 3 { &[] } else { &detections },
        );
        for d in out {
            let all = [d.rect.x, d.rect.y, d.rect.width, d.rect.height];
            assert!(all.iter().all(|v| v.is_finite()), "{d:?}");
        }
    }
}

#[test]
fn thousands_of_boxes_in_one_place_take_no_time() {
    let mut harness = harness("min-hits=1 show-lost=100");
    let start = std::time::Instant::now();
    for n in 0..4 {
        let pile: Vec<_> = (0..4096).map(|i| found((i % 64) as f32, 0.9)).collect();
        let out = pass(&mut harness, n * FRAME, &pile);
        assert_eq!(out.len(), 4096);
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn no_id_is_given_twice() {
    let mut harness = harness("min-hits=1 track-buffer=0");
    let mut seen = BTreeSet::new();
    for n in 0..50 {
        let far = found((n % 2) as f32 * 500.0, 0.9);
        let id = pass(&mut harness, n * FRAME, &[far])[0].track_id.unwrap();
        assert!(seen.insert(id), "{id}");
    }
}

/// People who walk, meet, leave and flicker, with a new one every few frames.
fn crowd(n: u64) -> Vec<Detection> {
    let walker = |walker: u64| {
        let (begin, x) = (walker * 7, walker as f32 * 61.0 % 500.0);
        let age = n.checked_sub(begin).filter(|age| *age < 40)?;
        let confidence = if (n + walker).is_multiple_of(5) {
            0.3
        } else {
            0.9
        };
        (n % 11 != walker % 11).then(|| found(x + age as f32 * 4.0, confidence))
    };
    (0..20).filter_map(walker).collect()
}

fn pass_numbered(harness: &mut Harness<ObjectTracker>, n: u64, from: u64) -> Vec<Detection> {
    let mut buffer = Buffer::from_bytes(&[0; 16]);
    buffer.set_timing(Timing {
        pts: Some(n * FRAME),
        offset: Some(n),
        offset_end: Some(n + 1),
        ..Timing::default()
    });
    buffer.set_detections(OBJECTS, &crowd(from));
    harness.push(buffer).unwrap();
    harness.pull().unwrap().detections(OBJECTS)
}

#[test]
fn another_instance_goes_on_as_the_same() {
    let properties = "show-lost=5 keep-untracked=true messages=true";
    let mut whole = harness(properties);
    let expected: Vec<_> = (0..120).map(|n| pass_numbered(&mut whole, n, n)).collect();
    let messages = whole.messages();
    for before in [1, 33, 119] {
        let (mut first, mut second) = (harness(properties), harness(properties));
        let mut got: Vec<_> = (0..before)
            .map(|n| pass_numbered(&mut first, n, n))
            .collect();
        second.restore(&first.save().unwrap()).unwrap();
        got.extend((before..120).map(|n| pass_numbered(&mut second, n, n)));
        assert!(got == expected, "{before}");
        assert!(second.messages() == messages, "{before}");
    }
}

#[test]
fn identities_are_never_given_twice() {
    for begin in [1, 30] {
        let (mut first, mut second) = (harness("min-hits=1"), harness("min-hits=1"));
        for n in 0..begin {
            pass_numbered(&mut first, n, n);
        }
        let saved = first.save().unwrap();
        let known = |frame: &[Detection]| frame.iter().filter_map(|d| d.track_id).max();
        // Work that is lost: as the state does not know these, neither may the next
        // instance give their identities to others.
        let lost = (begin..begin + 25).map(|n| pass_numbered(&mut first, n, n));
        let most = lost.filter_map(|frame| known(&frame)).max().unwrap();
        second.restore(&saved).unwrap();
        // Restored, but no frame seen: the gap is still to be left.
        let mut third = harness("min-hits=1");
        third.restore(&second.save().unwrap()).unwrap();
        for harness in [&mut second, &mut third] {
            let mut new = BTreeSet::new();
            for n in begin + 25..begin + 60 {
                let frame = pass_numbered(harness, n, n);
                new.extend(frame.iter().filter_map(|d| d.track_id));
            }
            let of_before = new.iter().filter(|id| **id <= most).count();
            let fresh = new.iter().filter(|id| **id > 1 << 20).count();
            assert_eq!(of_before + fresh, new.len(), "{new:?}");
            assert!(fresh > 0);
            let saved = begin.div_ceil(7);
            assert!(
                new.iter().all(|id| *id <= saved || *id > 1 << 20),
                "{new:?}"
            );
        }
    }
}

#[test]
fn a_state_of_very_many_objects_stays_small() {
    let mut harness = harness("min-hits=1");
    let label = "x".repeat(300);
    let many: Vec<_> = (0..4096)
        .map(|n| Detection {
            label: label.chars().take(200 + n % 100).collect(),
            ..found(n as f32 * 50.0, 0.9)
        })
        .collect();
    pass(&mut harness, 0, &many);
    let saved = harness.save().unwrap();
    assert!(
        (400_000..=1 << 20).contains(&saved.len()),
        "{}",
        saved.len()
    );
    self::harness("").restore(&saved).unwrap();
}

#[test]
fn a_broken_state_is_refused_or_harmless() {
    let mut first = harness("");
    for n in 0..9 {
        pass_numbered(&mut first, n, n);
    }
    let (refused, states) = hostile_states(&first.save().unwrap());
    for (n, state) in states.iter().enumerate() {
        let mut harness = harness("show-lost=9 messages=true");
        let done = harness.restore(state);
        assert!(done.is_err() || n >= refused, "{state:?}");
        for n in 9..12 {
            for detection in pass_numbered(&mut harness, n, n) {
                let Rect {
                    x,
                    y,
                    width,
                    height,
                } = detection.rect;
                assert!([x, y, width, height].iter().all(|value| value.is_finite()));
            }
        }
        harness.eos().unwrap();
    }
}
