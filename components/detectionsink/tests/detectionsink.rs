//! The element writes a file that a JSON parser reads back.
#![allow(clippy::unwrap_used, reason = "a test")]

use detectionsink::DetectionSink;
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

/// Runs the element; gives its lines, read while it still runs, and the end's.
fn written(properties: &str, frames: Vec<Buffer>) -> (Vec<Value>, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.jsonl");
    let launch = format!("location={} {properties}", path.display());
    let mut harness = Harness::<DetectionSink>::new(&launch).unwrap();
    harness.set_caps("sink", CAPS).unwrap();
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
