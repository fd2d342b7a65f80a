//! The element writes a file that a JSON parser reads back.
#![allow(clippy::unwrap_used, reason = "a test")]

use detectionsink::DetectionSink;
use millstream_sdk::analytics::{Analytics, Line, META};
use millstream_sdk::buffer::{Classification, Keypoint, Mask};
use millstream_sdk::bus::{Setting, Value as Field};
use millstream_sdk::context::CustomEvent;
use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;
use serde_json::{Value, json};

const CAPS: &str = "video/x-raw, format=GRAY8, width=4, height=2, framerate=30/1";

fn detection(label: &str, x: f32, track_id: Option<u64>) -> Detection {
    let rect = Rect {
        x,
        y: -0.001,
        width: 20.0,
        height: 0.125,
    };
    Detection {
        track_id,
        ..Detection::new(rect, 3, label, 0.93456)
    }
}

fn frame(pts: u64, layer: &str, detections: &[Detection]) -> Buffer {
    let mut buffer = Buffer::from_bytes(&[0; 8]).with_pts(pts);
    buffer.set_detections(layer, detections);
    buffer
}

/// The custom event `inference` with these fields.
fn inference(fields: &[(&str, Field)]) -> Event {
    let setting = |(name, value): &(&str, Field)| Setting {
        name: (*name).into(),
        value: value.clone(),
    };
    Event::Custom(CustomEvent {
        name: "inference".into(),
        fields: fields.iter().map(setting).collect(),
    })
}

/// Runs the element; gives its lines, read while it still runs, and the end's.
fn written(properties: &str, frames: Vec<Buffer>) -> (Vec<Value>, String) {
    written_after(properties, &[], frames)
}

fn written_after(properties: &str, events: &[Event], frames: Vec<Buffer>) -> (Vec<Value>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    let launch = format!("location={} {properties}", path.display());
    let mut harness = Harness::<DetectionSink>::new(&launch).unwrap();
    harness.set_caps("sink", CAPS).unwrap();
    for event in events {
        harness.send_event("sink", event).unwrap();
    }
    for frame in frames {
        harness.push(frame).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "a line is cut off: {text}"
    );
    harness.eos().unwrap();
    harness.stop().unwrap();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        text,
        "lines were held back"
    );
    (
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
        text,
    )
}

#[test]
fn lines_read_back_as_what_was_found() {
    let hostile = "quote \" backslash \\ line\nfeed \u{1} \u{2028} ünï";
    let found = [
        detection("cat", 1.237, None),
        detection(hostile, -1e30, Some(u64::MAX)),
    ];
    let (lines, text) = written("", vec![frame(0, OBJECTS, &found), frame(33, OBJECTS, &[])]);
    assert_eq!(
        lines[0]["detections"][0],
        json!({
            "class": 3, "label": "cat", "confidence": 0.9346,
            "box": {"x": 1.24, "y": 0, "width": 20, "height": 0.12},
        })
    );
    assert_eq!(lines[0]["detections"][1]["label"], hostile);
    assert_eq!(lines[0]["detections"][1]["track"], u64::MAX);
    assert_eq!(
        lines[1],
        json!({"frame": 1, "pts": 33, "width": 4, "height": 2, "detections": []})
    );
    assert!(text.starts_with("{\"frame\":0,\"pts\":0,\"width\":4,\"height\":2,\"detections\":["));
}

#[test]
fn empty_frames_and_other_layers_are_left_out_on_request() {
    let one = [detection("cat", 1.0, None)];
    let frames = || {
        vec![
            frame(0, OBJECTS, &[]),
            frame(1, GROUND_TRUTH, &one),
            frame(2, OBJECTS, &one),
        ]
    };
    let frames_of = |properties: &str| -> Vec<u64> {
        let (lines, _) = written(properties, frames());
        lines
            .iter()
            .map(|line| line["frame"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(frames_of(""), [0, 1, 2]);
    assert_eq!(frames_of("include-empty=false"), [2]);
    assert_eq!(frames_of("include-empty=false layer=ground-truth"), [1]);
}

#[test]
fn a_frame_without_time_has_no_pts() {
    let (lines, _) = written("", vec![Buffer::from_bytes(&[0; 8])]);
    assert_eq!(lines[0]["pts"], Value::Null);
}

#[test]
fn what_ran_comes_first_and_once() {
    let shapes = inference(&[
        ("model", "a \"model\"\n".into()),
        ("family", "yolox".into()),
        ("backend", "onnxruntime".into()),
        ("device", "cpu".into()),
        ("precision", "f32".into()),
        ("threads", 2.into()),
        ("load-time-ns", 31_250_400.into()),
        ("first-run-time-ns", Field::Integer(4_200_000)),
    ]);
    let hostile = inference(&[
        ("model", 7.into()),
        ("threads", (-1).into()),
        ("load-time-ns", Field::Float(1.0)),
        ("first-run-time-ns", Field::Integer(i64::MAX)),
    ]);
    let other = Event::Custom(CustomEvent {
        name: "other".into(),
        fields: vec![],
    });
    let events = [shapes.clone(), other, hostile, shapes];
    let (lines, text) = written_after("", &events, vec![frame(0, OBJECTS, &[])]);
    assert_eq!(lines.len(), 3);
    assert!(text.starts_with(concat!(
        r#"{"inference":{"model":"a \"model\"\n","family":"yolox","backend":"onnxruntime","#,
        r#""device":"cpu","precision":"f32","threads":2,"load-ms":31.25,"first-run-ms":4.2}}"#,
        "\n"
    )));
    assert_eq!(
        lines[1]["inference"],
        json!({
            "model": null, "family": null, "backend": null, "device": null, "precision": null,
            "threads": null, "load-ms": null, "first-run-ms": 9_223_372_036_854.775,
        })
    );
    assert_eq!(lines[2]["frame"], 0);
    let (lines, _) = written_after("header=false", &events, vec![frame(0, OBJECTS, &[])]);
    assert_eq!(lines.len(), 1);
}

fn class(label: &str, confidence: f32) -> Classification {
    Classification {
        class_id: 2,
        label: label.into(),
        confidence,
    }
}

#[test]
fn more_than_boxes_is_written_where_it_is() {
    let mut cat = detection("cat", 1.0, Some(7));
    let point = |x, y, confidence| Keypoint { x, y, confidence };
    cat.keypoints = vec![point(1.239, -2.0, 0.5), point(0.0, 0.0, 0.0)];
    cat.mask = Some(Mask {
        width: 3,
        height: 2,
        cells: vec![0, 127, 128, 255, 0, 200],
    });
    cat.classifications = vec![class("tabby \"x\"", 0.5), class("", 0.25)];
    let mut dog = detection("dog", 1.0, None);
    dog.mask = Some(Mask {
        width: 2,
        height: 1,
        cells: vec![255, 255],
    });
    let mut buffer = frame(0, OBJECTS, &[cat, dog]);
    buffer.set_classifications(&[class("home", 0.75)]);
    let (lines, text) = written("", vec![buffer]);
    assert!(text.contains(concat!(
        r#""track":7,"keypoints":[[1.24,-2,0.5],[0,0,0]],"#,
        r#""mask":{"width":3,"height":2,"rle":[2,2,1,1]},"#,
        r#""classifications":[{"class":2,"label":"tabby \"x\"","confidence":0.5},"#,
        r#"{"class":2,"label":"","confidence":0.25}]}"#
    )));
    assert_eq!(lines[0]["detections"][1]["mask"]["rle"], json!([0, 2]));
    assert_eq!(
        lines[0]["classifications"],
        json!([{"class": 2, "label": "home", "confidence": 0.75}])
    );
}

#[test]
fn classes_alone_are_not_empty() {
    let mut buffer = frame(0, OBJECTS, &[]);
    buffer.set_classifications(&[class("home", 0.75)]);
    let frames = vec![buffer, frame(1, OBJECTS, &[])];
    let (lines, _) = written("include-empty=false", frames);
    assert_eq!(lines.len(), 1);
}

#[test]
fn counts_are_written_anew_and_hostile_ones_left_out() {
    let mut counted = Analytics::new(4, 2);
    counted
        .lines
        .push(Line::new("d\"\no\u{1}r", [1.0, 2.0], [3.0, 4.0]));
    let mut good = frame(0, OBJECTS, &[]);
    counted.attach(&mut good).unwrap();
    let expected: Value = serde_json::from_slice(&good.meta(META).unwrap()).unwrap();
    let spread = b"{\n \"width\": 4,\r\n\"height\":2, \"evil\":\"}\\n\"\n}";
    let texts: [&[u8]; 5] = [spread, b"}\n{", b"\xff", &[b'['; 9_000], b""];
    let mut frames = vec![good];
    frames.extend(texts.iter().map(|text| {
        let mut buffer = frame(1, OBJECTS, &[]);
        buffer.set_meta(META, Some(text));
        buffer
    }));
    let (lines, text) = written("", frames);
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0]["analytics"], expected);
    let bare =
        r#""detections":[],"analytics":{"width":4,"height":2,"lines":[],"zones":[],"objects":[]}}"#;
    assert!(text.lines().nth(1).unwrap().ends_with(bare), "{text}");
    assert!(
        lines[2..]
            .iter()
            .all(|line| line.get("analytics").is_none())
    );
}

#[test]
fn the_most_masks_that_a_layer_holds_are_one_line() {
    let mut worst = detection("x", 1.0, None);
    worst.mask = Some(Mask {
        width: 32,
        height: 32,
        cells: [255, 0].repeat(512),
    });
    worst.keypoints = vec![
        Keypoint {
            x: f32::MAX,
            y: f32::MIN,
            confidence: 1e-40,
        };
        4
    ];
    let (lines, _) = written("", vec![frame(0, OBJECTS, &vec![worst; 4096])]);
    let found = lines[0]["detections"].as_array().unwrap();
    assert_eq!(found.len(), 4096);
    assert_eq!(found[0]["mask"]["rle"].as_array().unwrap().len(), 1025);
}

fn sink(path: &std::path::Path) -> Harness<DetectionSink> {
    let mut harness = Harness::new(&format!("location={}", path.display())).unwrap();
    harness.set_caps("sink", CAPS).unwrap();
    harness
}

#[test]
fn another_instance_goes_on_where_the_file_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    std::fs::write(&path, "the file of an earlier run\n").unwrap();
    let model = inference(&[("model", "shapes".into())]);
    let cat = [detection("cat", 1.0, None)];
    let push = |harness: &mut Harness<DetectionSink>, frames: core::ops::Range<u64>| {
        for n in frames {
            harness.push(frame(n, OBJECTS, &cat)).unwrap();
        }
    };
    let mut whole = sink(&folder.path().join("whole.jsonl"));
    whole.send_event("sink", &model).unwrap();
    push(&mut whole, 0..9);
    let expected = std::fs::read_to_string(folder.path().join("whole.jsonl")).unwrap();

    let mut first = sink(&path);
    first.send_event("sink", &model).unwrap();
    push(&mut first, 0..4);
    let saved = first.save().unwrap();
    let mut second = sink(&path);
    second.restore(&saved).unwrap();
    second.send_event("sink", &model).unwrap();
    push(&mut second, 4..9);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);

    // A restart with a state from before frames 4 to 8, while a line was cut off.
    let torn = format!("{expected}{{\"fra");
    std::fs::write(&path, &torn).unwrap();
    let mut third = sink(&path);
    third.restore(&saved).unwrap();
    push(&mut third, 9..10);
    third.eos().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let last = text.strip_prefix(&torn).unwrap();
    assert!(last.starts_with("\n{\"frame\":4,\"pts\":9,"), "{last}");
    assert_eq!(third.logs().len(), 1);
}

#[test]
fn a_broken_state_is_refused_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    let mut harness = sink(&path);
    let model = inference(&[("model", "shapes".into())]);
    harness.send_event("sink", &model).unwrap();
    harness.push(frame(0, OBJECTS, &[])).unwrap();
    let (refused, states) = hostile_states(&harness.save().unwrap());
    for (n, state) in states.iter().enumerate() {
        let mut harness = sink(&path);
        let done = harness.restore(state);
        assert!(done.is_err() || n >= refused, "{state:?}");
        harness.push(frame(0, OBJECTS, &[])).unwrap();
    }
}
