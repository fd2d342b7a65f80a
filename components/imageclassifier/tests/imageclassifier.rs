//! The element on fake models: known numbers in, known classes out.
#![allow(
    clippy::float_cmp,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test"
)]

use std::cell::RefCell;
use std::rc::Rc;

use imageclassifier::ImageClassifier;
use millstream_sdk::buffer::Classification;
use millstream_sdk::bus::Value;
use millstream_sdk::context::Segment;
use millstream_sdk::harness::{fake_model, without_views};
use millstream_sdk::nn::{ElementType, Model, Tensor, TensorInfo};
use millstream_sdk::prelude::*;
use millstream_sdk::video::ANY_RAW;

type Asked = Rc<RefCell<Vec<Tensor<'static>>>>;

fn info(element_type: ElementType, dimensions: &[u32]) -> TensorInfo {
    TensorInfo {
        name: "x".into(),
        element_type: Some(element_type),
        dimensions: dimensions
            .iter()
            .map(|size| (*size > 0).then_some(*size))
            .collect(),
    }
}

fn model(element_type: ElementType, input: &[u32], output: &[u32]) -> Model {
    Model {
        inputs: vec![info(element_type, input)],
        outputs: vec![info(ElementType::F32, output)],
        labels: vec!["cat".into(), "dog".into()],
        load_time: 1_500_000,
        first_run_time: Some(2_000_000),
        ..Model::named("test")
    }
}

/// A model that always answers with these numbers; gives what it was asked with.
fn answering(model: Model, dimensions: &[u32], values: &[f32]) -> Asked {
    let asked = Asked::default();
    let kept = Rc::clone(&asked);
    let answer = Tensor::f32(dimensions, values).to_owned();
    fake_model(model, move |mut inputs| {
        kept.borrow_mut().push(inputs.remove(0).1);
        Ok(vec![("y".into(), answer.clone())])
    });
    asked
}

fn harness(properties: &str, caps: &str) -> Result<Harness<ImageClassifier>, Failure> {
    let mut harness = Harness::new(&format!("model=test {properties}"))?;
    harness.set_caps("sink", &format!("video/x-raw, {caps}, framerate=30/1"))?;
    Ok(harness)
}

const SMALL: &str = "format=RGB, width=8, height=4";

fn small() -> Buffer {
    Buffer::from_bytes(&(0..96).collect::<Vec<u8>>())
}

fn tuples(all: &[Classification]) -> Vec<(u32, &str, f32)> {
    let rounded = |value: f32| (value * 1000.0).round() / 1000.0;
    all.iter()
        .map(|c| (c.class_id, c.label.as_str(), rounded(c.confidence)))
        .collect()
}

fn object(label: &str, rect: [f32; 4], track_id: Option<u64>) -> Detection {
    let [x, y, width, height] = rect;
    let rect = Rect {
        x,
        y,
        width,
        height,
    };
    Detection {
        track_id,
        ..Detection::new(rect, 0, label, 0.5)
    }
}

#[test]
fn a_frame_gets_its_classes_best_first() {
    let planar = [1, 3, 4, 4];
    for (dimensions, properties, expected) in [
        (vec![1, 3], "", vec![(1, "dog", 0.665), (0, "cat", 0.245)]),
        (vec![1, 3, 1, 1], "top-k=1", vec![(1, "dog", 0.665)]),
        (
            vec![1, 3],
            "confidence-threshold=0",
            vec![(1, "dog", 0.665), (0, "cat", 0.245), (2, "class 2", 0.09)],
        ),
        (
            vec![1, 3],
            "activation=sigmoid confidence-threshold=0.8",
            vec![(1, "dog", 0.881)],
        ),
    ] {
        answering(
            model(ElementType::F32, &planar, &[1, 3]),
            &dimensions,
            &[1.0, 2.0, 0.0],
        );
        let mut harness = harness(properties, SMALL).unwrap();
        harness.push(small()).unwrap();
        assert_eq!(
            tuples(&harness.pull().unwrap().classifications()),
            expected,
            "{properties}"
        );
    }
}

#[test]
fn downstream_learns_what_runs_before_the_first_frame() {
    answering(
        model(ElementType::F32, &[1, 3, 4, 4], &[1, 1]),
        &[1, 1],
        &[1.0],
    );
    let mut harness = harness("", SMALL).unwrap();
    harness.push(small()).unwrap();
    harness.push(small()).unwrap();
    let events = harness.events();
    let [(pad, Event::Custom(event))] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!((pad.as_str(), event.name.as_str()), ("src", "inference"));
    let fields: Vec<_> = event
        .fields
        .iter()
        .map(|f| (f.name.as_str(), f.value.clone()))
        .collect();
    assert_eq!(
        fields,
        [
            ("model", Value::from("test")),
            ("family", "classifier".into()),
            ("backend", "test".into()),
            ("device", "cpu".into()),
            ("precision", "f32".into()),
            ("threads", 1.into()),
            ("load-time-ns", 1_500_000.into()),
            ("first-run-time-ns", 2_000_000.into()),
        ]
    );
}

#[test]
fn the_input_is_what_torchvision_makes_of_the_frame() {
    for copies in [false, true] {
        let asked = answering(
            model(ElementType::F32, &[1, 3, 4, 4], &[1, 1]),
            &[1, 1],
            &[1.0],
        );
        without_views(copies);
        let mut harness = harness("resize=stretch", "format=RGB, width=4, height=4").unwrap();
        harness
            .push(Buffer::from_bytes(&[255, 0, 51].repeat(16)))
            .unwrap();
        without_views(false);
        let values = asked.borrow()[0].as_f32().unwrap();
        assert_eq!(asked.borrow()[0].dimensions(), [1, 3, 4, 4]);
        let expected = [
            (1.0 - 0.485) / 0.229,
            -0.456 / 0.224,
            (0.2 - 0.406) / 0.225_f32,
        ];
        for (plane, expected) in values.chunks(16).zip(expected) {
            assert!(
                plane.iter().all(|value| (value - expected).abs() < 1e-5),
                "{plane:?}"
            );
        }
    }
}

#[test]
fn layouts_types_and_normalisations_are_followed() {
    let pixel = |element, dimensions: &[u32], metadata: &[(&str, &str)], properties: &str| {
        let metadata = metadata
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect();
        let model = Model {
            metadata,
            ..model(element, dimensions, &[1, 1])
        };
        let asked = answering(model, &[1, 1], &[1.0]);
        let mut harness = harness(properties, "format=BGR, width=2, height=2").unwrap();
        harness
            .push(Buffer::from_bytes(
                &[50, 100, 200, 50, 100, 200, 0, 0].repeat(2),
            ))
            .unwrap();
        let asked = asked.borrow();
        let tensor = &asked[0];
        assert_eq!(tensor.element_type(), element);
        let planar = tensor.dimensions()[1] == 3;
        let step = if planar { 4 } else { 1 };
        let values: Vec<f32> = match element {
            ElementType::U8 => tensor.bytes().iter().map(|byte| f32::from(*byte)).collect(),
            _ => tensor.as_f32().unwrap(),
        };
        [values[0], values[step], values[2 * step]].map(|v| (v * 100.0).round() / 100.0)
    };
    let (float, byte) = (ElementType::F32, ElementType::U8);
    let (planar, packed) = ([1, 3, 2, 2], [0, 2, 2, 3]);
    let check = |got: [f32; 3], expected: [f32; 3]| assert_eq!(got, expected);
    check(pixel(byte, &planar, &[], ""), [200.0, 100.0, 50.0]);
    check(
        pixel(byte, &packed, &[], "color-order=bgr"),
        [50.0, 100.0, 200.0],
    );
    check(
        pixel(float, &packed, &[], "scale=byte"),
        [200.0, 100.0, 50.0],
    );
    check(
        pixel(float, &planar, &[], "scale=byte mean=100,100,100 std=2,2,2"),
        [50.0, 0.0, -25.0],
    );
    check(
        pixel(
            float,
            &planar,
            &[("mean", "[0, 0, 0]"), ("std", "1,1,1")],
            "",
        ),
        [0.78, 0.39, 0.2],
    );
    check(
        pixel(float, &planar, &[("mean", "1,1,1")], "mean=0,0,0 std=1,1,1"),
        [0.78, 0.39, 0.2],
    );
    check(
        pixel(
            float,
            &planar,
            &[("author", "Ultralytics"), ("task", "classify")],
            "",
        ),
        [0.78, 0.39, 0.2],
    );
}

#[test]
fn every_format_is_taken() {
    answering(
        model(ElementType::F32, &[1, 3, 0, 0], &[0, 0]),
        &[1, 1],
        &[1.0],
    );
    assert_eq!(<ImageClassifier as InPlace>::CAPS, ANY_RAW);
    for format in VideoFormat::ALL {
        for (width, height) in [(1, 1), (3, 5), (64, 48)] {
            let size = VideoInfo::new(*format, width, height).unwrap().size;
            let caps = format!("format={}, width={width}, height={height}", format.as_str());
            let mut harness = harness("", &caps).unwrap();
            harness.push(Buffer::from_bytes(&vec![90; size])).unwrap();
            assert_eq!(
                tuples(&harness.pull().unwrap().classifications()),
                [(0, "cat", 1.0)]
            );
        }
    }
}

#[test]
fn objects_are_cropped_and_classified() {
    let asked = answering(
        model(ElementType::U8, &[1, 3, 1, 1], &[1, 2]),
        &[1, 2],
        &[0.25, 0.75],
    );
    let mut harness = harness(
        "on=objects classes=person min-size=2",
        "format=GRAY8, width=8, height=4",
    )
    .unwrap();
    // The left half is 10, the right 200.
    let mut buffer = Buffer::from_bytes(&[10, 10, 10, 10, 200, 200, 200, 200].repeat(4));
    let mut before = object("person", [4.0, 0.0, 100.0, 4.0], None);
    before.classifications = vec![Classification {
        class_id: 9,
        label: "red".into(),
        confidence: 0.5,
    }];
    buffer.set_detections(
        OBJECTS,
        &[
            object("person", [0.0, 0.0, 4.0, 4.0], None),
            object("car", [0.0, 0.0, 4.0, 4.0], None),
            before,
            object("person", [7.0, 0.0, 4.0, 4.0], None),
        ],
    );
    harness.push(buffer).unwrap();
    let buffer = harness.pull().unwrap();
    let found = buffer.detections(OBJECTS);
    assert_eq!(
        tuples(&found[0].classifications),
        [(1, "dog", 0.75), (0, "cat", 0.25)]
    );
    assert_eq!(
        tuples(&found[2].classifications),
        [(1, "dog", 0.75), (9, "red", 0.5), (0, "cat", 0.25)]
    );
    assert!(found[1].classifications.is_empty() && found[3].classifications.is_empty());
    assert!(buffer.classifications().is_empty());
    let seen: Vec<u8> = asked
        .borrow()
        .iter()
        .map(|tensor| tensor.bytes()[0])
        .collect();
    assert_eq!(seen, [10, 200]);
}

#[test]
fn a_track_is_classified_every_interval_and_answered_every_frame() {
    let asked = answering(
        model(ElementType::U8, &[1, 3, 1, 1], &[1, 1]),
        &[1, 1],
        &[1.0],
    );
    let mut harness = harness("on=objects interval=4 min-size=1", SMALL).unwrap();
    let step = |harness: &mut Harness<ImageClassifier>| {
        let mut buffer = small();
        buffer.set_detections(OBJECTS, &[object("person", [0.0, 0.0, 4.0, 4.0], Some(7))]);
        harness.push(buffer).unwrap();
        let found = harness.pull().unwrap().detections(OBJECTS);
        assert_eq!(tuples(&found[0].classifications), [(0, "cat", 1.0)]);
    };
    for _ in 0..9 {
        step(&mut harness);
    }
    assert_eq!(asked.borrow().len(), 3);
    // Another stretch: the number may be another object's.
    let segment = Segment {
        start: 0,
        stop: None,
        base: 0,
    };
    harness
        .send_event("sink", &Event::Segment(segment))
        .unwrap();
    step(&mut harness);
    assert_eq!(asked.borrow().len(), 4);
}

#[test]
fn four_thousand_objects_cost_no_more_than_their_limit() {
    let asked = answering(
        model(ElementType::U8, &[1, 3, 1, 1], &[1, 1]),
        &[1, 1],
        &[1.0],
    );
    let mut harness = harness("on=objects min-size=1 max-objects=5", SMALL).unwrap();
    let all: Vec<_> = (0..4096)
        .map(|i| object("", [-1e30, -1e30, 3e38, 3e38], Some(i)))
        .collect();
    for _ in 0..3 {
        let mut buffer = small();
        buffer.set_detections(OBJECTS, &all);
        harness.push(buffer).unwrap();
    }
    assert_eq!(asked.borrow().len(), 15);
}

#[test]
fn without_objects_nothing_runs_and_the_frame_is_not_touched() {
    let asked = answering(
        model(ElementType::U8, &[1, 3, 1, 1], &[1, 1]),
        &[1, 1],
        &[1.0],
    );
    let mut harness = harness("on=objects", SMALL).unwrap();
    let buffer = small();
    let other = buffer.share();
    harness.push(buffer).unwrap();
    assert_eq!(harness.pull().unwrap().map().as_ptr(), other.map().as_ptr());
    assert!(asked.borrow().is_empty());
}

/// Runs a model on one frame, and checks what the failure says.
fn fails(model: Model, answer: (&[u32], &[f32]), properties: &str, expected: &str) {
    answering(model, answer.0, answer.1);
    let failure = harness(properties, SMALL).and_then(|mut harness| harness.push(small()));
    let message = failure.unwrap_err().message;
    assert!(message.contains(expected), "{message}");
}

#[test]
fn hostile_answers_are_failures() {
    let good = || model(ElementType::F32, &[1, 3, 4, 4], &[1, 2]);
    let check = |dimensions: &[u32], values: &[f32], expected| {
        fails(good(), (dimensions, values), "", expected);
    };
    check(&[1, 2], &[f32::NAN, 1.0], "NaN or infinite");
    check(&[1, 2], &[1.0, f32::INFINITY], "NaN or infinite");
    check(
        &[1, 3],
        &[1.0, 1.0],
        "f32[1, 3] of 8 bytes, expected f32[1, classes]",
    );
    check(&[2, 1], &[1.0, 1.0], "f32[2, 1]");
    check(&[1, 0], &[], "f32[1, 0]");
    check(&[u32::MAX; 4], &[1.0], "4294967295");
    fake_model(good(), |_| Ok(vec![]));
    let failure = harness("", SMALL).unwrap().push(small()).unwrap_err();
    assert_eq!(failure.message, "the model `test` gave no output");
}

#[test]
fn models_and_settings_that_do_not_fit_are_failures() {
    let (float, picture) = (ElementType::F32, [1, 3, 4, 4]);
    let output = |output: &[u32], expected| {
        fails(model(float, &picture, output), (&[], &[]), "", expected);
    };
    output(&[1, 84, 8400], "is f32[1, 84, 8400], expected f32");
    output(&[1, 5, 7, 7], "is f32[1, 5, 7, 7]");
    let input = |element, input: &[u32], expected| {
        fails(model(element, input, &[1, 2]), (&[], &[]), "", expected);
    };
    input(
        float,
        &[1, 4, 4, 4],
        "the input of the model `test` is f32[1, 4, 4, 4]",
    );
    input(float, &[1, 3, 4, 1_000_000], "1000000]");
    input(ElementType::I64, &picture, "is i64[1, 3, 4, 4]");
    let good = || model(float, &picture, &[1, 2]);
    let none = Model {
        inputs: vec![],
        ..good()
    };
    fails(none, (&[], &[]), "", "has 0 inputs, expected one picture");
    let settings = |properties, expected| fails(good(), (&[], &[]), properties, expected);
    settings("mean=1,2", "`mean` is `1,2`, expected three numbers");
    settings(
        "std=1,0,1",
        "`std` is [1.0, 0.0, 1.0], expected three numbers above 0",
    );
    let metadata = vec![("std".into(), "NaN,1,1".into())];
    fails(
        Model { metadata, ..good() },
        (&[], &[]),
        "",
        "`std` is `NaN,1,1`",
    );
}
