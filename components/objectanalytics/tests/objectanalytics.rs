//! What the element attaches and tells, how it reads its properties, and that
//! hostile input breaks nothing.
#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    clippy::indexing_slicing,
    reason = "a test fails by a panic; numbers that are only passed on stay what they are"
)]

use millstream_sdk::analytics::{Analytics, MAX_OBJECTS};
use millstream_sdk::bus::Value;
use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;
use objectanalytics::ObjectAnalytics;

const FRAME: u64 = 40_000_000;

fn caps(width: u32, height: u32) -> String {
    format!("video/x-raw, format=GRAY8, width={width}, height={height}, framerate=25/1")
}

fn harness(properties: &str) -> Harness<ObjectAnalytics> {
    let mut harness = Harness::new(properties).unwrap();
    harness.set_caps("sink", &caps(640, 480)).unwrap();
    harness
}

/// A person of 20 x 100 whose feet are at a place.
fn person(track: u64, x: f32, y: f32) -> Detection {
    let rect = Rect {
        x: x - 10.0,
        y: y - 100.0,
        width: 20.0,
        height: 100.0,
    };
    Detection {
        track_id: Some(track),
        ..Detection::new(rect, 0, "person", 0.9)
    }
}

fn pass(harness: &mut Harness<ObjectAnalytics>, pts: Option<u64>, seen: &[Detection]) -> Analytics {
    let mut buffer = Buffer::from_bytes(&[]);
    buffer.set_timing(Timing {
        pts,
        ..Timing::default()
    });
    buffer.set_detections(OBJECTS, seen);
    harness.push(buffer).unwrap();
    Analytics::of(&harness.pull().unwrap()).unwrap().unwrap()
}

/// Lets one person walk; the last of what was counted.
fn walk(harness: &mut Harness<ObjectAnalytics>, places: &[[f32; 2]]) -> Analytics {
    let mut last = Analytics::default();
    for (n, [x, y]) in (0..).zip(places) {
        last = pass(harness, Some(n * FRAME), &[person(1, *x, *y)]);
    }
    last
}

/// Names of messages, and some of their fields.
fn told(harness: &mut Harness<ObjectAnalytics>, wanted: &[&str]) -> Vec<String> {
    let text = |(_, value): &(String, Value)| match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let message = |(name, fields): (String, Vec<(String, Value)>)| {
        let fields = fields.iter().filter(|f| wanted.contains(&f.0.as_str()));
        let fields: Vec<String> = fields.map(text).collect();
        format!("{name} {}", fields.join(" "))
    };
    harness.messages().into_iter().map(message).collect()
}

const THROUGH: [[f32; 2]; 6] = [
    [300.0, 200.0],
    [310.0, 200.0],
    [330.0, 200.0],
    [340.0, 200.0],
    [350.0, 200.0],
    [360.0, 200.0],
];

#[test]
fn a_line_is_crossed() {
    let mut harness = harness(r#"lines="middle:320,0,320,480""#);
    let counted = walk(&mut harness, &THROUGH);
    // Downwards on the screen, the left hand is to the right.
    assert_eq!((counted.lines[0].entered, counted.lines[0].left), (1, 0));
    assert_eq!((counted.width, counted.height), (640, 480));
    assert_eq!(counted.lines[0].to, [320.0, 480.0]);
    let fields = [
        "line",
        "direction",
        "track",
        "class",
        "label",
        "running-time",
        "pts",
    ];
    assert_eq!(
        told(&mut harness, &fields),
        ["line-crossed middle in 1 0 person 120000000 120000000"]
    );
    let mut back = THROUGH;
    back.reverse();
    let counted = walk(&mut harness, &back);
    assert_eq!((counted.lines[0].entered, counted.lines[0].left), (1, 1));
    assert_eq!(told(&mut harness, &["direction"]), ["line-crossed out"]);
}

#[test]
fn standing_on_a_line_does_not_count() {
    let mut harness = harness(r#"lines="middle:320,0,320,480" messages=false"#);
    // Jitter of up to 4 px; the margin of 0.05 is 5 px.
    let jitter: Vec<[f32; 2]> = (0..2000_u32)
        .map(|n| {
            [
                320.0 + (n.wrapping_mul(2_654_435_761) >> 24) as f32 / 32.0 - 4.0,
                200.0,
            ]
        })
        .collect();
    let counted = walk(&mut harness, &jitter);
    assert_eq!((counted.lines[0].entered, counted.lines[0].left), (0, 0));
    let counted = pass(&mut harness, None, &[person(1, 300.0, 200.0)]);
    let sum = counted.lines[0].entered + counted.lines[0].left;
    assert!(sum <= 1, "{counted:?}");
    assert!(harness.messages().is_empty());
}

#[test]
fn a_zone_is_entered_left_and_vanished_from() {
    let zones = r#"zones="till:100,100,200,100,200,300,100,300" lost-after=3 min-frames=1"#;
    let mut harness = harness(zones);
    let fields = ["zone", "count", "dwell-nanos", "track"];
    let seen = [person(1, 150.0, 200.0), person(2, 150.0, 250.0)];
    pass(&mut harness, Some(0), &seen);
    let counted = pass(&mut harness, Some(FRAME), &seen);
    assert_eq!(counted.zones[0].count, 2);
    assert_eq!(counted.objects[1].track, 2);
    assert_eq!(counted.objects[1].dwell_nanos, FRAME);
    assert_eq!(
        told(&mut harness, &fields),
        ["zone-entered till 1 1", "zone-entered till 2 2"]
    );
    // One walks out; the other one is not seen any more.
    pass(&mut harness, Some(2 * FRAME), &[person(1, 400.0, 200.0)]);
    assert_eq!(told(&mut harness, &fields), ["zone-left till 1 80000000 1"]);
    pass(&mut harness, Some(3 * FRAME), &[]);
    let counted = pass(&mut harness, Some(4 * FRAME), &[]);
    assert_eq!((counted.zones[0].count, counted.zones[0].left), (1, 1));
    let counted = pass(&mut harness, Some(5 * FRAME), &[]);
    assert_eq!((counted.zones[0].count, counted.zones[0].left), (0, 2));
    assert_eq!(told(&mut harness, &fields), ["zone-left till 0 40000000 2"]);
    assert!(counted.objects.is_empty());
}

#[test]
fn counts_are_told_now_and_then() {
    let zones = r#"zones="a:0,0,9,0,9,9; b:0,0,640,0,640,480,0,480""#;
    let mut harness = harness(&format!("{zones} count-interval=80000000 messages=false"));
    for n in 0..5 {
        pass(&mut harness, Some(n * FRAME), &[person(1, 300.0, 200.0)]);
    }
    let fields = ["zone", "count", "entered", "left", "pts"];
    let expected = [
        "zone-count a 0 0 0 0",
        "zone-count b 0 0 0 0",
        "zone-count a 0 0 0 80000000",
        "zone-count b 1 1 0 80000000",
        "zone-count a 0 0 0 160000000",
        "zone-count b 1 1 0 160000000",
    ];
    assert_eq!(told(&mut harness, &fields), expected);
}

#[test]
fn places_can_be_shares_of_the_frame() {
    let text = r#"units=relative lines="l:0.5,0,0.5,1" zones="z:0,0,1,0,1,1,0,1""#;
    let mut harness = harness(text);
    let counted = walk(&mut harness, &THROUGH);
    assert_eq!(
        (counted.lines[0].from, counted.lines[0].to),
        ([320.0, 0.0], [320.0, 480.0])
    );
    assert_eq!((counted.lines[0].entered, counted.zones[0].count), (1, 1));
    // The same caps again change nothing, another size begins anew.
    harness.set_caps("sink", &caps(640, 480)).unwrap();
    assert_eq!(pass(&mut harness, None, &[]).lines[0].entered, 1);
    harness.set_caps("sink", &caps(320, 240)).unwrap();
    let counted = pass(&mut harness, None, &[]);
    assert_eq!(
        (counted.lines[0].entered, counted.lines[0].to),
        (0, [160.0, 240.0])
    );
}

#[test]
fn only_classes_that_are_asked_for_count() {
    let check = |classes: &str, class_id: u32, label: &str, expected: u32| {
        let zones = r#"zones="z:0,0,640,0,640,480,0,480" min-frames=1"#;
        let mut harness = harness(&format!(r#"{zones} classes="{classes}""#));
        let label = label.to_owned();
        let seen = Detection {
            class_id,
            label,
            ..person(1, 100.0, 200.0)
        };
        let counted = pass(&mut harness, Some(0), &[seen]);
        assert_eq!(counted.zones[0].count, expected, "{classes}");
    };
    check("", 0, "person", 1);
    check("person,car", 0, "person", 1);
    check(" car , person ", 0, "person", 1);
    check("car", 0, "person", 0);
    check("2", 2, "person", 1);
    check("0", 2, "person", 0);
}

#[test]
fn only_what_is_tracked_counts() {
    let mut harness = harness(r#"zones="z:0,0,640,0,640,480,0,480" min-frames=1"#);
    let stranger = Detection {
        track_id: None,
        ..person(1, 100.0, 200.0)
    };
    let counted = pass(&mut harness, Some(0), &[stranger]);
    assert_eq!((counted.zones[0].count, counted.zones[0].entered), (0, 0));
    // One identity twice is one object.
    let twice = [person(1, 100.0, 200.0), person(1, 300.0, 200.0)];
    assert_eq!(pass(&mut harness, Some(FRAME), &twice).zones[0].count, 1);
}

#[test]
fn bad_properties_say_where_and_how() {
    let check = |properties: &str, expected: &str| {
        let failure = Harness::<ObjectAnalytics>::new(properties).err().unwrap();
        assert!(failure.message.contains(expected), "{}", failure.message);
        assert!(failure.hint.is_some());
    };
    check(r#"lines="door:1,2,3""#, "property `lines`, column 6");
    check(
        r#"zones="a:1,1,2,2""#,
        "property `zones`, column 1: `a` has 2 points",
    );
    check(
        r#"units=relative zones="a:1,1,2,2,3,3""#,
        "column 7: got `2`, expected a share",
    );
}

#[test]
fn hostile_detections_break_nothing() {
    let lines = r#"lines="a:0,0,640,480; b:-1000000,0,1000000,1" margin=10 lost-after=100000"#;
    let mut harness = harness(&format!(
        r#"{lines} zones="z:0,0,640,0,640,480" messages=false"#
    ));
    let values = [
        0.0,
        -0.0,
        1.0,
        f32::MAX,
        f32::MIN,
        1e6,
        -1e6,
        f32::MIN_POSITIVE,
    ];
    for n in 0..300_u64 {
        let seen: Vec<Detection> = (0..64_u64)
            .map(|track| {
                let pick = |k: u64| values[((n * 7 + track * 13 + k * 31) % 8) as usize];
                let rect = Rect {
                    x: pick(0),
                    y: pick(1),
                    width: pick(2).abs(),
                    height: pick(3).abs(),
                };
                let track_id = Some(if track % 2 == 0 { track } else { u64::MAX - n });
                Detection {
                    track_id,
                    ..Detection::new(rect, u32::MAX, "x", f32::MAX)
                }
            })
            .collect();
        let pts = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let counted = pass(&mut harness, (n % 5 != 0).then_some(pts), &seen);
        assert_eq!(
            u64::from(counted.zones[0].count),
            counted.zones[0].entered - counted.zones[0].left
        );
    }
}

#[test]
fn ever_new_objects_are_forgotten() {
    let all = r#"zones="z:0,0,640,0,640,480,0,480" lost-after=100000 min-frames=1"#;
    let mut harness = harness(all);
    let mut told = 0;
    for n in 0..6 {
        let crowd: Vec<Detection> = (0..4096)
            .map(|track| person(n * 4096 + track, 100.0, 200.0))
            .collect();
        let counted = pass(&mut harness, Some(n * FRAME), &crowd);
        assert_eq!(counted.zones[0].count as usize, MAX_OBJECTS);
        assert_eq!(counted.objects.len(), MAX_OBJECTS);
        assert_eq!(counted.zones[0].entered, (n + 1) * 4096);
        let messages = harness.messages().len();
        assert!(messages <= 1000, "{messages}");
        told += messages;
    }
    assert!(told >= 1000);
}

const SHAPES: &str = "lines=\"door:320,0,320,480;side:0,200,640,240\" \
    zones=\"a:100,100,500,100,500,400,100,400;b:0,0,300,0,300,480,0,480\" \
    count-interval=200000000 lost-after=4";

/// People who walk to and fro, some of them out of sight for a while.
fn walkers(n: u64) -> Vec<Detection> {
    let walker = |track: u64| {
        let along = (n * (3 + track) + track * 40) % 1_200;
        let x = if along < 600 { along } else { 1_200 - along };
        let y = 120 + (n * track) % 300;
        ((n / 8) % 5 != track % 5).then(|| person(track, x as f32, y as f32))
    };
    (1..12).filter_map(walker).collect()
}

fn pass_walkers(
    harness: &mut Harness<ObjectAnalytics>,
    frames: core::ops::Range<u64>,
) -> Vec<Analytics> {
    frames
        .map(|n| pass(harness, Some(n * FRAME), &walkers(n)))
        .collect()
}

#[test]
fn another_instance_goes_on_counting() {
    let mut whole = harness(SHAPES);
    let expected = pass_walkers(&mut whole, 0..200);
    let messages = whole.messages();
    let last = expected.last().unwrap();
    assert!(
        last.lines
            .iter()
            .all(|line| line.entered.min(line.left) > 3),
        "{last:?}"
    );
    for before in [0, 1, 77, 150, 199] {
        let (mut first, mut second) = (harness(SHAPES), harness(SHAPES));
        let mut got = pass_walkers(&mut first, 0..before);
        second.restore(&first.save().unwrap()).unwrap();
        got.extend(pass_walkers(&mut second, before..200));
        assert!(got == expected, "{before}");
        assert!(second.messages() == messages, "{before}");
    }
}

#[test]
fn a_state_of_very_many_objects_stays_small_and_adds_up() {
    let zones: Vec<String> = (0..64)
        .map(|n| format!("z{n}:0,0,640,0,640,480,0,{}", 480 - n))
        .collect();
    let properties = format!("zones=\"{}\" min-frames=1", zones.join(";"));
    let mut first = harness(&properties);
    let many: Vec<_> = (0..4096).map(|n| person(n, 320.0, 200.0)).collect();
    pass(&mut first, Some(u64::MAX / 3), &many);
    let saved = first.save().unwrap();
    assert!(
        (1 << 18..=1 << 20).contains(&saved.len()),
        "{}",
        saved.len()
    );
    let mut second = harness(&properties);
    second.restore(&saved).unwrap();
    let counted = pass(&mut second, Some(u64::MAX / 3 + FRAME), &[]);
    for zone in &counted.zones {
        assert_eq!(zone.entered, 4096);
        assert!(
            zone.count > 100 && zone.left + u64::from(zone.count) == 4096,
            "{zone:?}"
        );
    }
}

#[test]
fn a_broken_state_is_refused_or_harmless() {
    let mut first = harness(SHAPES);
    pass_walkers(&mut first, 0..20);
    let (refused, states) = hostile_states(&first.save().unwrap());
    for (n, state) in states.iter().enumerate() {
        let mut harness = harness(SHAPES);
        let done = harness.restore(state);
        assert!(done.is_err() || n >= refused, "{state:?}");
        pass_walkers(&mut harness, 20..23);
    }
    let failure = harness("lines=\"door:320,0,320,480\"").restore(&first.save().unwrap());
    let message = failure.unwrap_err().message;
    assert!(
        message.starts_with("state of 2 lines and 2 zones"),
        "{message}"
    );
}
