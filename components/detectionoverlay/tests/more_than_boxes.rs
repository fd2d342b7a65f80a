//! Masks, key points, tracks, classes and counts: what is drawn where.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

use detectionoverlay::DetectionOverlay;
use millstream_sdk::analytics::{Analytics, Line, META, Zone};
use millstream_sdk::buffer::{Classification, Keypoint, Mask};
use millstream_sdk::context::Segment;
use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;

const FORMATS: [&str; 11] = [
    "RGB", "BGR", "RGBA", "BGRA", "RGBx", "BGRx", "GRAY8", "I420", "YV12", "NV12", "NV21",
];

/// No box is visible where masks and points are: it lies around them, thin.
const BARE: &str = "labels=false confidence=false tracks=false thickness=1";

fn harness(
    properties: &str,
    format: &str,
    width: usize,
    height: usize,
) -> (Harness<DetectionOverlay>, VideoInfo) {
    let caps =
        format!("video/x-raw, format={format}, width={width}, height={height}, framerate=1/1");
    let mut harness = Harness::new(properties).unwrap();
    harness.set_caps("sink", &caps).unwrap();
    (
        harness,
        VideoInfo::from_caps(&caps.parse().unwrap()).unwrap(),
    )
}

fn object(rect: [f32; 4]) -> Detection {
    let [x, y, width, height] = rect;
    let rect = Rect {
        x,
        y,
        width,
        height,
    };
    Detection::new(rect, 0, "star", 0.5)
}

fn tracked(rect: [f32; 4], track: u64) -> Detection {
    Detection {
        track_id: Some(track),
        ..object(rect)
    }
}

fn mask(width: u32, cells: &[u8]) -> Mask {
    let height = cells.len() as u32 / width;
    Mask {
        width,
        height,
        cells: cells.to_vec(),
    }
}

fn point(x: f32, y: f32, confidence: f32) -> Keypoint {
    Keypoint { x, y, confidence }
}

fn class(label: &str, confidence: f32) -> Classification {
    Classification {
        class_id: 3,
        label: label.into(),
        confidence,
    }
}

/// Draws onto a frame in which all bytes are 100.
fn drawn(
    harness: &mut Harness<DetectionOverlay>,
    info: &VideoInfo,
    fill: impl FnOnce(&mut Buffer),
) -> Vec<u8> {
    let mut buffer = Buffer::from_bytes(&vec![100; info.size]);
    fill(&mut buffer);
    harness.push(buffer).unwrap();
    harness.pull().unwrap().map().to_vec()
}

fn draw(properties: &str, format: &str, size: (usize, usize), all: &[Detection]) -> Vec<u8> {
    let (mut harness, info) = harness(properties, format, size.0, size.1);
    drawn(&mut harness, &info, |buffer| {
        buffer.set_detections(OBJECTS, all);
    })
}

/// One pixel of grey video.
fn at(bytes: &[u8], width: usize, x: usize, y: usize) -> u8 {
    bytes[y * width.next_multiple_of(4) + x]
}

/// A colour over 100, with a weight of so many 256ths.
fn over(colour: u32, weight: u32) -> u8 {
    ((100 * (256 - weight) + colour * weight + 128) >> 8) as u8
}

#[test]
fn a_mask_tints_what_its_cells_cover() {
    // Cells of 10 x 10 pixels from 20, 10: the left two of the upper row.
    let mut star = object([20.0, 10.0, 30.0, 20.0]);
    star.mask = Some(mask(3, &[255, 200, 0, 0, 127, 90]));
    let bytes = draw(BARE, "GRAY8", (64, 48), std::slice::from_ref(&star));
    let tint = over(255, 112);
    for y in 11..29 {
        for x in 21..49 {
            let value = at(&bytes, 64, x, y);
            match (x, y) {
                // Above the centre of the upper row cells end between 200 and 0.
                (..=37, ..15) => assert_eq!(value, tint, "{x},{y}"),
                (39.., ..15) | (_, 25..) => assert_eq!(value, 100, "{x},{y}"),
                _ => assert!([100, tint].contains(&value), "{x},{y}: {value}"),
            }
        }
    }
    let without = draw(&format!("{BARE} masks=false"), "GRAY8", (64, 48), &[star]);
    assert_eq!(
        without,
        draw(BARE, "GRAY8", (64, 48), &[object([20.0, 10.0, 30.0, 20.0])])
    );
}

#[test]
fn masks_touch_nothing_else_in_any_format() {
    for format in FORMATS {
        for (width, height) in [(64, 48), (63, 47), (1, 1)] {
            let mut star = object([9.0, 7.0, 13.0, 11.0]);
            let plain = draw(BARE, format, (width, height), std::slice::from_ref(&star));
            star.mask = Some(mask(1, &[255]));
            let bytes = draw(BARE, format, (width, height), std::slice::from_ref(&star));
            let info =
                VideoInfo::new(VideoFormat::from_name(format).unwrap(), width, height).unwrap();
            let (with, without) = (
                VideoFrame::new(&info, &bytes).unwrap(),
                VideoFrame::new(&info, &plain).unwrap(),
            );
            for (plane, layout) in info.planes().iter().enumerate() {
                let sample = layout.row_bytes / layout.width;
                let shared = if plane == 0 { 1 } else { 2 };
                let rows = with
                    .plane(plane)
                    .rows()
                    .zip(without.plane(plane).rows())
                    .enumerate();
                for (y, (with, without)) in rows {
                    let pairs = with.chunks(sample).zip(without.chunks(sample)).enumerate();
                    for (x, (with, without)) in pairs {
                        let inside = (9 / shared..22_usize.div_ceil(shared)).contains(&x)
                            && (7 / shared..18_usize.div_ceil(shared)).contains(&y);
                        assert!(inside || with == without, "{format} at {x},{y}");
                        let deep = (11 / shared..20 / shared).contains(&x)
                            && (9 / shared..16 / shared).contains(&y);
                        assert!(
                            !deep || with != without,
                            "{format} plane {plane} at {x},{y}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn chroma_is_tinted_by_how_much_of_it_is_covered() {
    // Class 0 is 00c27a: luma 126, U 125, V 48 after BT.601, limited range. The mask
    // ends between the two pixels of the chroma sample of columns 8 and 9.
    let mut star = object([3.0, 4.0, 12.0, 8.0]);
    star.mask = Some(mask(2, &[255, 0]));
    let bytes = draw(BARE, "I420", (32, 16), &[star]);
    let info = VideoInfo::new(VideoFormat::I420, 32, 16).unwrap();
    let frame = VideoFrame::new(&info, &bytes).unwrap();
    let luma = [7, 8, 9].map(|x| frame.plane(0).row(6)[x]);
    assert_eq!(luma, [over(126, 112), over(126, 112), 100]);
    let chroma = |plane, colour: u32| {
        let got = [3, 4, 5].map(|x| frame.plane(plane).row(3)[x]);
        assert_eq!(got, [over(colour, 112), over(colour, 56), 100]);
    };
    chroma(1, 125);
    chroma(2, 48);
}

#[test]
fn key_points_are_joined_to_a_person_and_dots_elsewhere() {
    let mut person = object([0.0, 0.0, 1.0, 1.0]);
    person.keypoints = vec![point(0.0, 0.0, 0.0); 17];
    // Left shoulder and elbow; an unseen wrist.
    person.keypoints[5] = point(20.5, 20.5, 0.9);
    person.keypoints[7] = point(60.5, 20.5, 0.9);
    person.keypoints[9] = point(60.5, 60.5, 0.2);
    let properties = "labels=false confidence=false thickness=2";
    let bytes = draw(properties, "GRAY8", (80, 80), &[person.clone()]);
    assert_eq!((at(&bytes, 80, 20, 20), at(&bytes, 80, 60, 20)), (255, 255));
    assert_eq!((at(&bytes, 80, 40, 20), at(&bytes, 80, 40, 23)), (255, 100));
    assert_eq!((at(&bytes, 80, 60, 40), at(&bytes, 80, 60, 60)), (100, 100));
    // Of another number of points each stands alone.
    person.keypoints.pop();
    let bytes = draw(properties, "GRAY8", (80, 80), &[person.clone()]);
    assert_eq!((at(&bytes, 80, 20, 20), at(&bytes, 80, 40, 20)), (255, 100));
    let bytes = draw(
        &format!("{properties} keypoints=false"),
        "GRAY8",
        (80, 80),
        &[person],
    );
    assert_eq!(at(&bytes, 80, 20, 20), 100);
}

#[test]
fn tags_tell_tracks_and_classes() {
    let rect = [40.0, 60.0, 60.0, 40.0];
    let draw = |properties: &str, all: &[Detection]| draw(properties, "RGB", (200, 120), all);
    let named = |label: &str| Detection {
        label: label.into(),
        ..object(rect)
    };
    let star = tracked(rect, 7);
    assert_eq!(
        draw("trail=0", std::slice::from_ref(&star)),
        draw("", &[named("star #7")])
    );
    assert_eq!(
        draw("trail=0 tracks=false", std::slice::from_ref(&star)),
        draw("", &[object(rect)])
    );
    assert_eq!(
        draw("trail=0 labels=false confidence=false", &[star]),
        draw("confidence=false", &[named("#7")])
    );
    // The box's line begins at 59; each tag has 14 rows.
    let top = |classes: &[Classification], properties: &str| {
        let bytes = draw(
            properties,
            &[Detection {
                classifications: classes.to_vec(),
                ..object(rect)
            }],
        );
        bytes
            .chunks(600)
            .position(|row| row.iter().any(|byte| *byte != 100))
            .unwrap()
    };
    let classes = [
        class("red", 0.9),
        class("car", 0.8),
        class("old", 0.7),
        class("far", 0.6),
    ];
    assert_eq!(top(&[], ""), 45);
    assert_eq!(top(&classes[..1], ""), 31);
    assert_eq!(top(&classes, ""), 3);
    assert_eq!(top(&classes, "classifications=false"), 45);
    assert_eq!(top(&classes[..1], "labels=false confidence=false"), 45);
}

#[test]
fn the_frames_classes_stand_in_the_upper_left() {
    let (mut harness, info) = harness("", "GRAY8", 160, 120);
    let classes: Vec<_> = (0..40).map(|n| class(&format!("class {n}"), 0.5)).collect();
    let bytes = drawn(&mut harness, &info, |buffer| {
        buffer.set_classifications(&classes[..2]);
    });
    // From 7, 7; two lines of 14 rows.
    for y in 0..120 {
        let touched = (0..160).any(|x| at(&bytes, 160, x, y) != 100);
        assert_eq!(touched, (7..35).contains(&y), "{y}");
    }
    assert_eq!(at(&bytes, 160, 7, 7), over(16, 160));
    let bytes = drawn(&mut harness, &info, |buffer| {
        buffer.set_classifications(&classes);
    });
    assert_eq!(
        (at(&bytes, 160, 7, 118), at(&bytes, 160, 7, 119)),
        (over(16, 160), 100)
    );
    harness.set_property("classifications=false").unwrap();
    let bytes = drawn(&mut harness, &info, |buffer| {
        buffer.set_classifications(&classes);
    });
    assert_eq!(bytes, vec![100; info.size]);
}

#[test]
fn trails_show_where_tracks_were_and_end() {
    let properties = format!("{BARE} thickness=2 trail=4").replace(" thickness=1", "");
    let (mut harness, info) = harness(&properties, "GRAY8", 120, 40);
    let step = |harness: &mut Harness<DetectionOverlay>, x: f32| {
        drawn(harness, &info, |buffer| {
            buffer.set_detections(OBJECTS, &[tracked([x, 8.0, 2.0, 20.0], 3)]);
        })
    };
    for x in [4.0, 14.0, 24.0, 34.0] {
        step(&mut harness, x);
    }
    let bytes = step(&mut harness, 44.0);
    // Centres at 15, 25, 35, 45; the one at 5 is forgotten. Row 18 is the middle.
    let seen = |x| at(&bytes, 120, x, 18) != 100;
    let expected = [false, false, true, true, true];
    assert_eq!([8, 12, 20, 30, 40].map(seen), expected);
    let segment = Segment {
        start: 0,
        stop: None,
        base: 0,
    };
    harness
        .send_event("sink", &Event::Segment(segment))
        .unwrap();
    let bytes = step(&mut harness, 54.0);
    assert_eq!(at(&bytes, 120, 45, 18), 100);
}

#[test]
fn lines_and_zones_are_drawn_at_the_frames_scale() {
    let (mut harness, info) = harness("", "GRAY8", 320, 240);
    let mut counted = Analytics::new(640, 480);
    counted
        .lines
        .push(Line::new("door", [100.0, 400.0], [500.0, 400.0]));
    counted.zones.push(Zone::new(
        "till",
        vec![
            [200.0, 200.0],
            [400.0, 200.0],
            [400.0, 300.0],
            [200.0, 300.0],
        ],
    ));
    let bytes = drawn(&mut harness, &info, |buffer| {
        counted.attach(buffer).unwrap();
    });
    let pixel = |x, y| at(&bytes, 320, x, y);
    assert_eq!(pixel(100, 200), 255);
    assert_eq!(
        (pixel(100, 120), pixel(150, 125), pixel(210, 125)),
        (255, over(255, 48), 100)
    );
    // The arrow points up: to the left of who walks to the right.
    assert_eq!((pixel(150, 190), pixel(150, 210)), (255, 100));
    harness.set_property("analytics=false").unwrap();
    let bytes = drawn(&mut harness, &info, |buffer| {
        counted.attach(buffer).unwrap();
    });
    assert_eq!(bytes, vec![100; info.size]);
}

#[test]
fn hostile_metas_draw_nothing_and_are_told_once() {
    let (mut harness, info) = harness("", "RGB", 64, 48);
    for text in [
        &b"\xff"[..],
        b"{}",
        b"[[[[",
        br#"{"width":1e99}"#,
        &vec![b'['; 100_000],
    ] {
        let bytes = drawn(&mut harness, &info, |buffer| {
            buffer.set_meta(META, Some(text));
        });
        assert_eq!(bytes, vec![100; info.size]);
    }
    assert_eq!(harness.logs().len(), 1);
}

#[test]
fn the_most_that_a_buffer_can_carry_is_drawn_in_time() {
    let mut worst = Vec::new();
    for i in 0..4096_u64 {
        let far = if i % 2 == 0 { 1e30 } else { 300.0 };
        let mut object = tracked([-far / 2.0, -far / 2.0, far, far], i);
        object.mask = Some(mask(32, &[255, 0].repeat(512)));
        object.keypoints = (0..17)
            .map(|n| point(far * (n % 3) as f32, -far * (n % 2) as f32, 1.0))
            .collect();
        object.classifications = vec![class("a", 0.5); 16];
        worst.push(object);
    }
    // Fewer, with the largest masks.
    let largest: Vec<_> = worst[..64]
        .iter()
        .map(|object| Detection {
            mask: Some(mask(256, &vec![255; 65_536])),
            ..object.clone()
        })
        .collect();
    let start = std::time::Instant::now();
    for format in ["RGB", "NV12"] {
        draw("labels=false confidence=false", format, (64, 48), &worst);
        draw("", format, (320, 240), &largest);
    }
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

#[test]
fn odd_shapes_are_survived_in_every_format() {
    let mut all = Vec::new();
    for rect in [
        [0.0; 4],
        [-1e38, 5.0, 3e38, 3e38],
        [1e38, 1e38, 1.0, 1.0],
        [3.0, 3.0, 0.0, 9.0],
        [0.5, 0.5, 1e-30, 1e-30],
    ] {
        let mut object = tracked(rect, 1);
        object.mask = Some(mask(2, &[255, 0, 0, 255]));
        object.keypoints = vec![
            point(rect[0], rect[1], 1.0),
            point(-rect[2], rect[3], f32::MAX),
        ];
        object.keypoints.resize(17, point(3.0, 3.0, 1.0));
        all.push(object.clone());
        object.mask = Some(Mask {
            width: 0,
            height: 0,
            cells: vec![],
        });
        all.push(object);
    }
    for format in FORMATS {
        for (width, height) in [(1, 1), (3, 5), (17, 9)] {
            for properties in ["", "thickness=64 font-size=512 trail=2"] {
                let (mut harness, info) = harness(properties, format, width, height);
                for _ in 0..3 {
                    drawn(&mut harness, &info, |buffer| {
                        buffer.set_detections(OBJECTS, &all);
                        buffer.set_classifications(&[class("", f32::MAX)]);
                    });
                }
            }
        }
    }
}

#[test]
fn another_instance_goes_on_with_the_trails() {
    let properties = format!("{BARE} thickness=2 trail=4").replace(" thickness=1", "");
    let new = || harness(&properties, "GRAY8", 120, 40).0;
    let info = harness(&properties, "GRAY8", 120, 40).1;
    let step = |harness: &mut Harness<DetectionOverlay>, n: u16| {
        drawn(harness, &info, |buffer| {
            let x = f32::from(n) * 10.0;
            buffer.set_detections(OBJECTS, &[tracked([x, 8.0, 2.0, 20.0], 3)]);
        })
    };
    let (mut whole, mut first, mut second) = (new(), new(), new());
    let expected: Vec<_> = (0..10).map(|n| step(&mut whole, n)).collect();
    let mut got: Vec<_> = (0..6).map(|n| step(&mut first, n)).collect();
    let saved = first.save().unwrap();
    second.restore(&saved).unwrap();
    got.extend((6..10).map(|n| step(&mut second, n)));
    assert!(got == expected);
    let (refused, states) = hostile_states(&saved);
    for (n, state) in states.iter().enumerate() {
        let mut harness = new();
        let done = harness.restore(state);
        assert!(done.is_err() || n >= refused, "{state:?}");
        step(&mut harness, 6);
    }
}
