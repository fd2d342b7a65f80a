//! The element on fake models: known objects in, the same objects out.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod layouts;

use layouts::{
    Answer, CLASSES, INPUT, Layout, answering, caps, distance, edges, layout, layouts, objects,
    tensor_info,
};
use millstream_sdk::bus::Value;
use millstream_sdk::nn::{ElementType, Model, Tensor};
use millstream_sdk::prelude::*;
use objectdetector::ObjectDetector;
use objectdetector::family::Family;

/// A harness for a layout that says the usual objects, and what it is asked.
fn harness(layout: &Layout, properties: &str) -> (Harness<ObjectDetector>, layouts::Asked) {
    let answers = (layout.answers)(&layout.objects(&objects()));
    let asked = answering(layout.model(&answers), answers);
    let properties = format!("model=test {properties}");
    (Harness::new(&properties).unwrap(), asked)
}

#[test]
fn a_frame_passes_untouched_and_carries_its_objects() {
    for layout in layouts() {
        let name = layout.name;
        let family = if layout.needs_family {
            layout.family
        } else {
            Family::Auto
        };
        let properties = format!("confidence-threshold=0.5 family={}", family.as_str());
        let (mut harness, _) = harness(&layout, &properties);
        // Twice the input, so that every way of fitting gives the same.
        harness.set_caps("sink", &caps("RGB", 128, 64)).unwrap();
        let bytes: Vec<u8> = (0..128 * 64 * 3).map(|place| (place % 251) as u8).collect();
        harness
            .push(Buffer::from_bytes(&bytes).with_pts(40))
            .unwrap();
        let buffer = harness.pull().unwrap();
        assert_eq!(&*buffer.map(), bytes);
        assert_eq!(buffer.pts(), Some(40));
        let found = buffer.detections(OBJECTS);
        let expected = layout.objects(&objects());
        assert_eq!(found.len(), expected.len(), "{name}");
        for (object, expected) in found.iter().zip(expected) {
            assert_eq!(object.class_id, expected.class, "{name}");
            let label = match layout.classes {
                1 => "face",
                _ => ["a", "b", "c"][expected.class as usize],
            };
            assert_eq!(object.label, label, "{name}");
            let doubled = expected.edges.map(|edge| edge * 2.0);
            assert!(distance(edges(&object.rect), doubled) < 0.1, "{name}");
            assert_eq!(object.mask.is_some(), layout.has_masks(), "{name}");
            if layout.has_points() {
                let [[x, y, confidence], _] = expected.points();
                let point = object.keypoints[0];
                assert!((point.x - 2.0 * x).abs() + (point.y - 2.0 * y).abs() < 0.1);
                assert!((point.confidence - confidence).abs() < 1e-3);
            }
            let points = if layout.family == Family::Yunet {
                5
            } else {
                object.keypoints.len()
            };
            assert_eq!(object.keypoints.len(), points);
        }
    }
}

#[test]
fn labels_come_from_the_host_the_model_or_the_family() {
    let check = |name: &str, labels: &[&str], metadata: &[(&str, &str)], expected: &str| {
        let layout = layout(name);
        let answers = (layout.answers)(&layout.objects(&objects()));
        let pairs = metadata.iter();
        let model = Model {
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            metadata: pairs.map(|(k, v)| ((*k).into(), (*v).into())).collect(),
            ..layout.model(&answers)
        };
        answering(model, answers);
        let family = layout.family.as_str();
        let mut harness =
            Harness::<ObjectDetector>::new(&format!("model=test family={family}")).unwrap();
        harness.set_caps("sink", &caps("RGB", 64, 32)).unwrap();
        harness.push(Buffer::from_bytes(&[0; 64 * 32 * 3])).unwrap();
        let found = harness.pull().unwrap().detections(OBJECTS);
        assert_eq!(found[0].label, expected, "{name}");
    };
    let names = [("names", "{0: 'a', 1: 'b', 2: 'c'}")];
    check("yolox", &["x", "y", "z"], &names, "z");
    check("yolox", &[], &names, "c");
    // Three classes are not COCO's.
    check("yolox", &[], &[], "class 2");
    check("yolox", &["x"], &[], "class 2");
    // A list that says nothing of the number of classes may be.
    check("yolov10", &[], &[], "car");
    check("tf-ssd", &[], &[], "bicycle");
    check("torchvision", &[], &[], "bicycle");
    check("ssd", &[], &[], "bicycle");
    check("efficient-nms", &[], &[], "car");
    check("yunet", &[], &[], "face");
    check("yunet", &["visage"], &[], "visage");
}

#[test]
fn thresholds_change_while_playing() {
    let (mut harness, _) = harness(&layout("yolov8"), "");
    harness.set_caps("sink", &caps("RGB", 64, 32)).unwrap();
    let mut count = |property: &str| {
        harness.set_property(property).unwrap();
        harness.push(Buffer::from_bytes(&[0; 64 * 32 * 3])).unwrap();
        harness.pull().unwrap().detections(OBJECTS).len()
    };
    assert_eq!(count("confidence-threshold=0.1"), 2);
    assert_eq!(count("confidence-threshold=0.7"), 1);
    assert_eq!(count("confidence-threshold=0.95"), 0);
    count("confidence-threshold=0.1");
    assert_eq!(count("max-detections=1"), 1);
}

#[test]
fn suppression_is_the_familys_the_models_or_the_users() {
    let check = |name: &str, metadata: &[(&str, &str)], properties: &str, expected: usize| {
        let layout = layout(name);
        // Half of each is the other's.
        let mut objects = objects();
        objects.truncate(1);
        objects.push(objects[0].clone());
        let shift = 10.0;
        objects[1].edges[0] += shift;
        objects[1].edges[2] += shift;
        objects[1].class = 1;
        let answers = (layout.answers)(&layout.objects(&objects));
        let mut model = layout.model(&answers);
        let pairs = metadata.iter();
        model
            .metadata
            .extend(pairs.map(|(k, v)| ((*k).into(), (*v).into())));
        answering(model, answers);
        let properties = format!("model=test confidence-threshold=0.5 {properties}");
        let mut harness = Harness::<ObjectDetector>::new(&properties).unwrap();
        harness.set_caps("sink", &caps("RGB", 64, 32)).unwrap();
        harness.push(Buffer::from_bytes(&[0; 64 * 32 * 3])).unwrap();
        let found = harness.pull().unwrap().detections(OBJECTS);
        assert_eq!(found.len(), expected, "{name} {metadata:?} {properties}");
    };
    // They overlap by a third.
    check("yolov8", &[], "", 2);
    check("yolov8", &[], "class-agnostic=true", 2);
    check("yolov8", &[], "iou-threshold=0.3", 2);
    check("yolov8", &[], "iou-threshold=0.3 class-agnostic=true", 1);
    check(
        "yolov8",
        &[("iou-threshold", "0.3")],
        "class-agnostic=true",
        1,
    );
    check(
        "yolov8",
        &[("iou-threshold", "0.3")],
        "iou-threshold=0.4 class-agnostic=true",
        2,
    );
    check("yunet", &[], "", 1);
    // Has suppressed itself, and is asked to once more.
    check("yolov10", &[], "class-agnostic=true", 2);
    check("yolov10", &[], "class-agnostic=true iou-threshold=0.3", 1);
}

#[test]
fn what_runs_is_announced_after_caps_and_before_the_first_buffer() {
    let layout = layout("yolov8");
    let answers = (layout.answers)(&objects());
    let model = Model {
        load_time: 5_000,
        first_run_time: Some(7_000),
        threads: 2,
        ..layout.model(&answers)
    };
    answering(model, answers);
    let mut harness = Harness::<ObjectDetector>::new("model=test").unwrap();
    for _ in 0..2 {
        harness.set_caps("sink", &caps("GRAY8", 64, 32)).unwrap();
        // Caps are set already, and nothing has left yet.
        assert_eq!(harness.events(), []);
        for frame in 0..2 {
            harness.push(Buffer::from_bytes(&[0; 64 * 32])).unwrap();
            let events = harness.events();
            assert_eq!(events.len(), usize::from(frame == 0));
            for (pad, event) in events {
                let Event::Custom(event) = event else {
                    panic!("{event:?}");
                };
                let text = |text: &str| Value::Text(text.into());
                let expected = [
                    ("model", text("test")),
                    ("family", text("yolov8")),
                    ("backend", text("test")),
                    ("device", text("cpu")),
                    ("precision", text("f32")),
                    ("threads", Value::Integer(2)),
                    ("load-time-ns", Value::Integer(5_000)),
                    ("first-run-time-ns", Value::Integer(7_000)),
                ];
                assert_eq!((pad.as_str(), event.name.as_str()), ("src", "inference"));
                for (field, (name, value)) in event.fields.iter().zip(&expected) {
                    assert_eq!((field.name.as_str(), &field.value), (*name, value));
                }
                assert_eq!(event.fields.len(), expected.len());
            }
        }
    }
}

#[test]
fn late_frames_pass_without_detections_and_are_counted() {
    let (mut harness, asked) = harness(&layout("yolov8"), "max-wait=10");
    harness.set_caps("sink", &caps("GRAY8", 64, 32)).unwrap();
    let second = 1_000_000_000;
    // When each frame comes, until when the model is busy, and what is told of it.
    let frames = [
        (0, 5, 2, None),
        (0, 10, 2, None),
        (100, 111, 0, Some([1, 1])),
        (200, 300, 0, None),
        (second, second + 20, 0, None),
        (second + 100, second + 200, 0, Some([3, 4])),
        (second + 200, second + 200, 2, None),
        (second + 300, second + 900, 0, None),
    ];
    let told = |counts: [i64; 2]| {
        let [count, total] = counts.map(Value::Integer);
        vec![("count".to_owned(), count), ("total".to_owned(), total)]
    };
    for (now, busy, expected, counts) in frames {
        harness.set_running_time(now);
        harness.set_models_busy(busy);
        let mut frame = Buffer::from_bytes(&[0; 64 * 32]);
        // What an earlier detector found is not this one's.
        let old = Detection::new(edges_of(objects()[0].edges), 0, "old", 1.0);
        frame.set_detections(OBJECTS, &[old.clone(), old.clone(), old]);
        harness.push(frame).unwrap();
        let found = harness.pull().unwrap().detections(OBJECTS);
        assert_eq!(found.len(), expected, "{now}");
        let messages = harness.messages();
        let expected = counts.map(|counts| ("late-frames".to_owned(), told(counts)));
        assert_eq!(messages, expected.into_iter().collect::<Vec<_>>(), "{now}");
    }
    assert_eq!(asked.borrow().len(), 3);
    harness.stop().unwrap();
    assert_eq!(
        harness.messages(),
        [("late-frames".to_owned(), told([1, 5]))]
    );
}

fn edges_of([left, top, right, bottom]: [f32; 4]) -> Rect {
    let (x, y, width, height) = (left, top, right - left, bottom - top);
    Rect {
        x,
        y,
        width,
        height,
    }
}

/// What a model with this input is shown of a frame of 8x4 in one colour.
fn shown(
    element_type: ElementType,
    dimensions: &[u32],
    properties: &str,
) -> Result<Tensor<'static>, Failure> {
    let layout = layout("end2end");
    let answers = (layout.answers)(&objects());
    let model = Model {
        inputs: vec![tensor_info("images", element_type, dimensions)],
        ..layout.model(&answers)
    };
    let asked = answering(model, answers);
    let mut harness = Harness::<ObjectDetector>::new(&format!("model=test {properties}"))?;
    harness.set_caps("sink", &caps("RGB", 8, 4))?;
    harness.push(Buffer::from_bytes(&[255, 51, 0].repeat(8 * 4)))?;
    Ok(asked.borrow_mut().pop().unwrap().remove(0).1)
}

#[test]
fn inputs_are_as_the_model_wants_them() {
    use ElementType::{F16, F32, U8};
    // The first pixel, channel by channel.
    let check = |element_type, dimensions: &[u32], properties: &str, pixel: [f32; 3]| {
        let tensor = shown(element_type, dimensions, properties).unwrap();
        assert_eq!(tensor.dimensions().len(), dimensions.len());
        let numbers: Vec<f32> = match element_type {
            U8 => tensor.bytes().iter().copied().map(f32::from).collect(),
            F16 => tensor
                .bytes()
                .as_chunks::<2>()
                .0
                .iter()
                .copied()
                .map(from_half)
                .collect(),
            _ => tensor.as_f32().unwrap(),
        };
        let step = if dimensions.ends_with(&[3]) { 1 } else { 32 };
        for (channel, expected) in pixel.into_iter().enumerate() {
            let got = numbers[channel * step];
            assert!(
                (got - expected).abs() < 1e-3,
                "{dimensions:?} {properties}: {got} {expected}"
            );
        }
    };
    check(F32, &[1, 3, 4, 8], "", [1.0, 0.2, 0.0]);
    check(F32, &[3, 4, 8], "", [1.0, 0.2, 0.0]);
    check(
        F32,
        &[0, 4, 8, 3],
        "color-order=bgr scale=byte",
        [0.0, 51.0, 255.0],
    );
    check(F16, &[1, 3, 4, 8], "", [1.0, 0.2, 0.0]);
    check(F16, &[1, 4, 8, 3], "scale=byte", [255.0, 51.0, 0.0]);
    check(U8, &[1, 4, 8, 3], "", [255.0, 51.0, 0.0]);
    check(
        U8,
        &[1, 3, 4, 8],
        "mean=5,60,0 std=2,1,1",
        [125.0, 0.0, 0.0],
    );
    let normalised = "mean=0.5,0.2,0.25 std=0.5,1,0.25 resize=stretch";
    check(F32, &[1, 3, 4, 8], normalised, [1.0, 0.0, -1.0]);
}

fn from_half(bytes: [u8; 2]) -> f32 {
    millstream_sdk::half::f32_from_f16(u16::from_le_bytes(bytes))
}

#[test]
fn open_sides_are_640_or_what_the_user_says() {
    let check = |dimensions: &[u32], properties: &str, expected: &[u32]| {
        let tensor = shown(ElementType::F32, dimensions, properties).unwrap();
        assert_eq!(tensor.dimensions(), expected);
    };
    check(&[0, 0, 0, 0], "", &[1, 3, 640, 640]);
    check(
        &[1, 3, 0, 0],
        "input-width=96 input-height=32",
        &[1, 3, 32, 96],
    );
    check(&[1, 0, 32, 3], "input-height=48", &[1, 48, 32, 3]);
    check(&[1, 3, 32, 32], "input-height=32", &[1, 3, 32, 32]);
}

#[test]
fn inputs_that_are_no_picture_are_refused() {
    use ElementType::{F32, I64};
    let check = |element_type, dimensions: &[u32], properties: &str, expected: &str| {
        let failure = shown(element_type, dimensions, properties).unwrap_err();
        assert!(failure.message.contains(expected), "{failure:?}");
        assert!(failure.hint.is_some());
    };
    check(F32, &[1, 3, 4, 8], "input-width=9", "expected 8 px");
    check(F32, &[1, 1, 4, 8], "", "is f32[1, 1, 4, 8], expected");
    check(I64, &[1, 3, 4, 8], "", "is i64[1, 3, 4, 8], expected");
    check(F32, &[2, 3, 4, 8], "", "is f32[2, 3, 4, 8], expected");
    check(
        F32,
        &[1, 3, 4, 99_999],
        "",
        "99999 px, expected 1 to 4096 px",
    );
}

#[test]
fn texts_that_are_no_numbers_are_refused() {
    let check = |properties: &str, expected: &str| {
        let failure = Harness::<ObjectDetector>::new(properties).err().unwrap();
        assert!(failure.message.contains(expected), "{failure:?}");
        assert!(failure.hint.is_some());
    };
    check("mean=1,2", "got `mean=1,2`, expected three numbers");
    check("mean=1,2,NaN", "expected three numbers");
    check("mean=a,b,c", "expected three numbers");
    check("std=1,0,1", "expected no number near 0");
    check("std=1,2,3,4", "expected three numbers");
}

#[test]
fn models_get_what_they_want_to_know_beside_the_picture() {
    let check = |name: &str, input: &str, dimensions: &[u32], expected: &[i64]| {
        let (mut harness, asked) = harness(&layout(name), "");
        harness.set_caps("sink", &caps("GRAY8", 64, 32)).unwrap();
        harness.push(Buffer::from_bytes(&[0; 64 * 32])).unwrap();
        let (got, tensor) = asked.borrow_mut().pop().unwrap().remove(1);
        assert_eq!((got.as_str(), tensor.dimensions()), (input, dimensions));
        let numbers = tensor.bytes().as_chunks::<8>().0.iter();
        let numbers: Vec<i64> = numbers.map(|bytes| i64::from_le_bytes(*bytes)).collect();
        assert_eq!(numbers, expected);
    };
    check("rt-detr original", "orig_target_sizes", &[1, 2], &[64, 32]);
    check("detr", "pixel_mask", &[1, 8, 8], &[1; 64]);
}

#[test]
fn inputs_that_cannot_be_given_are_explained() {
    let check = |name: &str, element_type, dimensions: &[u32]| {
        let layout = layout("yolov8");
        let answers = (layout.answers)(&objects());
        let mut model = layout.model(&answers);
        model
            .inputs
            .push(tensor_info(name, element_type, dimensions));
        answering(model, answers);
        let mut harness = Harness::<ObjectDetector>::new("model=test").unwrap();
        let failure = harness
            .set_caps("sink", &caps("GRAY8", 64, 32))
            .unwrap_err();
        assert!(failure.message.contains(name), "{failure:?}");
    };
    check("scale_factor", ElementType::F32, &[1, 2]);
    check("pixel_mask", ElementType::I64, &[1, u32::MAX, u32::MAX]);
    check("pixel_mask", ElementType::I64, &[1, 4_097, 1]);
}

#[test]
fn outputs_of_other_types_are_read() {
    let with = |element_type: ElementType| {
        let layout = layout("efficient-nms");
        let mut answers = (layout.answers)(&objects());
        // Counts and classes stay whole numbers of one kind or the other.
        for answer in &mut answers {
            answer.element_type = match (answer.element_type, element_type) {
                (ElementType::I64, ElementType::F16) => ElementType::I32,
                _ => element_type,
            };
        }
        answering(layout.model(&answers), answers);
        let mut harness = Harness::<ObjectDetector>::new("model=test").unwrap();
        harness.set_caps("sink", &caps("GRAY8", 64, 32)).unwrap();
        harness
            .push(Buffer::from_bytes(&[0; 64 * 32]))
            .map(|()| harness.pull().unwrap().detections(OBJECTS))
    };
    for element_type in [ElementType::F16, ElementType::F32] {
        let found = with(element_type).unwrap();
        assert_eq!(found.len(), 2);
        assert!((found[0].confidence - 0.9).abs() < 1e-3);
        assert!(distance(edges(&found[0].rect), objects()[0].edges) < 0.05);
    }
    let failure = with(ElementType::Bf16).unwrap_err();
    assert!(failure.message.contains("is bf16, expected"), "{failure:?}");
}

#[test]
fn hostile_answers_end_in_failures_not_in_panics() {
    let run = |layout: &Layout, answers: Vec<Answer>| {
        let good = (layout.answers)(&layout.objects(&objects()));
        answering(layout.model(&good), answers);
        let family = layout.family.as_str();
        let properties = format!("model=test family={family} confidence-threshold=0.5");
        let mut harness = Harness::<ObjectDetector>::new(&properties).unwrap();
        harness.set_caps("sink", &caps("GRAY8", 64, 32)).unwrap();
        harness
            .push(Buffer::from_bytes(&[0; 64 * 32]))
            .map(|()| harness.pull().unwrap().detections(OBJECTS))
    };
    let mut nan = (layout("yolov8").answers)(&objects());
    nan[0].values[50] = f32::NAN;
    let failure = run(&layout("yolov8"), nan).unwrap_err();
    assert!(failure.message.contains("NaN or infinite"), "{failure:?}");
    let failure = run(&layout("yolov8"), vec![]).unwrap_err();
    assert!(
        failure.message.contains("expected [1, 4 + classes, boxes]"),
        "{failure:?}"
    );
    let wrong = vec![Answer::new("output0", &[1, 2], vec![0.0; 2])];
    let failure = run(&layout("yolox"), wrong).unwrap_err();
    assert!(failure.message.contains("`output0` [1, 2]"), "{failure:?}");
    let mut short = (layout("yolox").answers)(&objects());
    short[0].values.pop();
    let failure = run(&layout("yolox"), short).unwrap_err();
    assert!(failure.message.contains("of 335 values"), "{failure:?}");
    // Far out, but finite; a class that no label names.
    let mut far = (layout("end2end").answers)(&objects());
    far[0].values[1..4].copy_from_slice(&[-1e7, -1e7, 1e7]);
    far[0].values[5] = 1e30;
    let found = run(&layout("end2end"), far).unwrap();
    assert_eq!(found[0].label, format!("class {}", u32::MAX));
    let mut points = (layout("yolov10 points").answers)(&objects());
    points[0].values[6..9].copy_from_slice(&[3e38, -3e38, 7.0]);
    let found = run(&layout("yolov10 points"), points).unwrap();
    assert!(found[0].keypoints[0].x.is_finite());
    assert!(found[0].keypoints[0].confidence > 0.999);
    assert_eq!((INPUT.width, CLASSES), (64, 3));
}
