//! The element on fake models: known boxes in, the same boxes out.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use std::cell::RefCell;
use std::rc::Rc;

use millstream_sdk::harness::fake_model;
use millstream_sdk::nn::{ElementType, Model, Tensor, TensorInfo};
use millstream_sdk::prelude::*;
use objectdetector::ObjectDetector;
use objectdetector::decode::{Candidate, Decoder};
use objectdetector::family::{Family, cells, grid};
use objectdetector::geometry::Size;
use objectdetector::nms::overlap;

const INPUT: Size = Size {
    width: 64,
    height: 32,
};

/// Classes of the tests' models.
const CLASSES: usize = 3;

fn tensor_info(name: &str, element_type: ElementType, dimensions: &[u32]) -> TensorInfo {
    TensorInfo {
        name: name.into(),
        element_type: Some(element_type),
        dimensions: dimensions
            .iter()
            .map(|size| (*size > 0).then_some(*size))
            .collect(),
    }
}

fn model(element_type: ElementType, output: &[u32], metadata: &[(&str, &str)]) -> Model {
    let (width, height) = (INPUT.width as u32, INPUT.height as u32);
    Model {
        inputs: vec![tensor_info("images", element_type, &[1, 3, height, width])],
        outputs: vec![tensor_info("out", ElementType::F32, output)],
        metadata: metadata
            .iter()
            .map(|(k, v)| ((*k).into(), (*v).into()))
            .collect(),
        ..Model::named("test")
    }
}

/// A model that always answers with these numbers; gives what it was asked with.
fn answering(
    model: Model,
    dimensions: Vec<u32>,
    values: Vec<f32>,
) -> Rc<RefCell<Vec<Tensor<'static>>>> {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&asked);
    fake_model(model, move |mut inputs| {
        kept.borrow_mut().push(inputs.remove(0).1);
        Ok(vec![(
            "out".into(),
            Tensor::f32(&dimensions, &values).to_owned(),
        )])
    });
    asked
}

fn candidate(edges: [f32; 4], class: u32, confidence: f32) -> Candidate {
    Candidate {
        edges,
        class,
        confidence,
    }
}

fn boxes() -> [Candidate; 2] {
    [
        candidate([10.0, 4.0, 30.0, 20.0], 2, 0.9),
        candidate([40.0, 8.0, 50.0, 30.0], 0, 0.6),
    ]
}

/// The output with which each family says `boxes`.
fn encoded(family: Family, boxes: &[Candidate]) -> (Vec<u32>, Vec<f32>) {
    let middle = |c: &Candidate| {
        let [left, top, right, bottom] = c.edges;
        (
            f32::midpoint(left, right),
            f32::midpoint(top, bottom),
            right - left,
            bottom - top,
        )
    };
    let all = cells(INPUT);
    match family {
        Family::Yolov8 => {
            let mut values = vec![0.0; (4 + CLASSES) * all];
            for (place, one) in boxes.iter().enumerate() {
                let (x, y, width, height) = middle(one);
                for (channel, value) in [x, y, width, height].into_iter().enumerate() {
                    values[channel * all + place * 5] = value;
                }
                values[(4 + one.class as usize) * all + place * 5] = one.confidence;
            }
            (vec![1, 4 + CLASSES as u32, all as u32], values)
        }
        Family::Yolox | Family::Yolov5 => {
            let rows = if family == Family::Yolox {
                all
            } else {
                3 * all
            };
            let mut values = vec![0.0; rows * (5 + CLASSES)];
            let places: Vec<_> = grid(INPUT).collect();
            for (place, one) in boxes.iter().enumerate() {
                let (mut x, mut y, mut width, mut height) = middle(one);
                let row = 3 + place * 7;
                if family == Family::Yolox {
                    let (column, line, stride) = places[row];
                    (x, y) = (x / stride - column, y / stride - line);
                    (width, height) = ((width / stride).ln(), (height / stride).ln());
                }
                let line = &mut values[row * (5 + CLASSES)..][..5 + CLASSES];
                line[..5].copy_from_slice(&[x, y, width, height, 1.0]);
                line[5 + one.class as usize] = one.confidence;
            }
            (vec![1, rows as u32, 5 + CLASSES as u32], values)
        }
        Family::FastestDet | Family::Auto => {
            let (columns, rows) = (8, 4);
            let mut values = vec![0.0; (5 + CLASSES) * columns * rows];
            for one in boxes {
                let (x, y, width, height) = middle(one);
                let (x, y) = (x / 64.0 * columns as f32, y / 32.0 * rows as f32);
                let cell = y as usize * columns + x as usize;
                let logit = |part: f32| (part / (1.0 - part)).ln();
                let head = [
                    1.0,
                    (x - x.floor()).atanh(),
                    (y - y.floor()).atanh(),
                    logit(width / 64.0),
                    logit(height / 32.0),
                ];
                for (channel, value) in head.into_iter().enumerate() {
                    values[channel * columns * rows + cell] = value;
                }
                let score = one.confidence.powf(2.5);
                values[(5 + one.class as usize) * columns * rows + cell] = score;
            }
            (
                vec![1, 5 + CLASSES as u32, rows as u32, columns as u32],
                values,
            )
        }
    }
}

const FAMILIES: [Family; 4] = [
    Family::FastestDet,
    Family::Yolox,
    Family::Yolov5,
    Family::Yolov8,
];

#[test]
fn each_family_decodes_what_it_encodes() {
    for family in FAMILIES {
        let (dimensions, values) = encoded(family, &boxes());
        let mut found = Vec::new();
        Decoder::new(family, INPUT)
            .run(&dimensions, &values, 0.5, &mut found)
            .unwrap();
        assert_eq!(found.len(), 2, "{family:?}: {found:?}");
        for (got, expected) in found.iter().zip(boxes()) {
            assert_eq!(got.class, expected.class, "{family:?}");
            assert!(
                (got.confidence - expected.confidence).abs() < 1e-3,
                "{family:?}: {got:?}"
            );
            assert!(
                overlap(&got.edges, &expected.edges) > 0.999,
                "{family:?}: {got:?}"
            );
        }
    }
}

#[test]
fn nonsense_is_explained() {
    let check = |family, dimensions: &[u32], values: &[f32], expected: &str| {
        let result = Decoder::new(family, INPUT).run(dimensions, values, 0.1, &mut Vec::new());
        let message = result.unwrap_err().message;
        assert!(
            message.contains(expected),
            "{message:?} against {expected:?}"
        );
    };
    for family in FAMILIES {
        let (dimensions, mut values) = encoded(family, &boxes());
        check(family, &dimensions, &values[1..], "expected [1,");
        check(family, &[1, 2], &[0.0; 2], "expected [1,");
        check(family, &[], &[], "expected [1,");
        check(
            family,
            &[1, u32::MAX, u32::MAX, u32::MAX],
            &[0.0; 2],
            "expected [1,",
        );
        check(family, &[1, u32::MAX, u32::MAX], &[0.0; 2], "expected [1,");
        values[0] = f32::NAN;
        check(family, &dimensions, &values, "NaN");
    }
    let (dimensions, mut values) = encoded(Family::Yolox, &boxes());
    values[3 * 8 + 2] = 1e30;
    check(Family::Yolox, &dimensions, &values, "without an end");
}

fn caps(format: &str, width: usize, height: usize) -> String {
    format!("video/x-raw, format={format}, width={width}, height={height}, framerate=30/1")
}

#[test]
fn a_frame_passes_untouched_and_carries_its_objects() {
    for family in FAMILIES {
        let (dimensions, values) = encoded(family, &boxes());
        let names = [
            ("family", family.as_str()),
            ("names", "{0: 'a', 1: 'b', 2: 'c'}"),
        ];
        answering(
            model(ElementType::F32, &dimensions, &names),
            dimensions,
            values,
        );
        let mut harness =
            Harness::<ObjectDetector>::new("model=test confidence-threshold=0.5").unwrap();
        // Twice the input, so that every way of fitting gives the same.
        harness.set_caps("sink", &caps("RGB", 128, 64)).unwrap();
        let bytes: Vec<u8> = (0..128 * 64 * 3).map(|place| (place % 251) as u8).collect();
        harness
            .push(Buffer::from_bytes(&bytes).with_pts(40))
            .unwrap();
        let buffer = harness.pull().unwrap();
        assert_eq!(&*buffer.map(), bytes);
        assert_eq!(buffer.pts(), Some(40));
        let objects = buffer.detections(OBJECTS);
        assert_eq!(objects.len(), 2, "{family:?}");
        for (object, expected) in objects.iter().zip(boxes()) {
            assert_eq!(object.label, ["a", "b", "c"][expected.class as usize]);
            let Rect {
                x,
                y,
                width,
                height,
            } = object.rect;
            let edges = [x, y, x + width, y + height];
            assert!(overlap(&edges, &expected.edges.map(|edge| edge * 2.0)) > 0.999);
        }
    }
}

#[test]
fn families_are_recognized_by_their_outputs() {
    for family in FAMILIES {
        let (dimensions, values) = encoded(family, &boxes());
        answering(
            model(ElementType::F32, &dimensions, &[]),
            dimensions,
            values,
        );
        let mut harness = Harness::<ObjectDetector>::new("model=test").unwrap();
        harness.set_caps("sink", &caps("GRAY8", 64, 32)).unwrap();
        let logs: Vec<String> = harness.logs().into_iter().map(|(_, line)| line).collect();
        let wanted = format!("family `{}`", family.as_str());
        assert!(
            logs.iter().any(|line| line.contains(&wanted)),
            "{wanted}: {logs:?}"
        );
    }
    answering(
        model(ElementType::F32, &[1, 7], &[]),
        vec![1, 7],
        vec![0.0; 7],
    );
    let mut harness = Harness::<ObjectDetector>::new("model=test").unwrap();
    let failure = harness
        .set_caps("sink", &caps("GRAY8", 64, 32))
        .unwrap_err();
    assert!(
        failure.message.contains("its output is f32[1, 7]"),
        "{failure:?}"
    );
    assert!(failure.hint.unwrap().contains("family=yolov8"));
}

#[test]
fn thresholds_change_while_playing() {
    let (dimensions, values) = encoded(Family::Yolov8, &boxes());
    answering(
        model(ElementType::F32, &dimensions, &[]),
        dimensions,
        values,
    );
    let mut harness = Harness::<ObjectDetector>::new("model=test").unwrap();
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

/// One colour in every format, and what the model must be shown.
#[test]
fn every_format_shows_the_model_the_same_colour() {
    let (red, green, blue) = (200.0_f32, 100.0_f32, 50.0_f32);
    let luma = 0.299 * red + 0.587 * green + 0.114 * blue;
    let y = (16.0 + luma * 219.0 / 255.0).round() as u8;
    let u = (128.0 + (blue - luma) * 0.564 * 224.0 / 255.0).round() as u8;
    let v = (128.0 + (red - luma) * 0.713 * 224.0 / 255.0).round() as u8;
    let (dimensions, values) = encoded(Family::Yolov8, &boxes());
    for format in VideoFormat::ALL {
        let asked = answering(
            model(ElementType::F32, &dimensions, &[]),
            dimensions.clone(),
            values.clone(),
        );
        let info = VideoInfo::new(*format, 64, 32).unwrap();
        let pattern: [Vec<u8>; 3] = match format.as_str() {
            "RGB" => [vec![200, 100, 50], vec![], vec![]],
            "BGR" => [vec![50, 100, 200], vec![], vec![]],
            "RGBA" | "RGBx" => [vec![200, 100, 50, 7], vec![], vec![]],
            "BGRA" | "BGRx" => [vec![50, 100, 200, 7], vec![], vec![]],
            "GRAY8" => [vec![90], vec![], vec![]],
            "I420" => [vec![y], vec![u], vec![v]],
            "YV12" => [vec![y], vec![v], vec![u]],
            "NV12" => [vec![y], vec![u, v], vec![]],
            "NV21" => [vec![y], vec![v, u], vec![]],
            "YUY2" => [vec![y, u, y, v], vec![], vec![]],
            _ => [vec![u, y, v, y], vec![], vec![]],
        };
        let mut bytes = vec![0; info.size];
        let mut frame = VideoFrameMut::new(&info, &mut bytes).unwrap();
        for (mut plane, pattern) in frame.planes_mut().into_iter().zip(&pattern) {
            for row in plane.rows_mut().filter(|_| !pattern.is_empty()) {
                row.iter_mut()
                    .zip(pattern.iter().cycle())
                    .for_each(|(b, p)| *b = *p);
            }
        }
        let mut harness = Harness::<ObjectDetector>::new("model=test").unwrap();
        harness
            .set_caps("sink", &caps(format.as_str(), 64, 32))
            .unwrap();
        harness.push(Buffer::from_bytes(&bytes)).unwrap();
        let input = asked.borrow_mut().pop().unwrap().as_f32().unwrap();
        let expected = match format.as_str() {
            "GRAY8" => [90.0; 3],
            _ => [red, green, blue],
        };
        for (plane, expected) in input.chunks_exact(64 * 32).zip(expected) {
            for value in plane {
                assert!(
                    (value * 255.0 - expected).abs() < 2.5,
                    "{format:?}: {value} {expected}"
                );
            }
        }
    }
}

#[test]
fn a_letterbox_is_grey_and_orders_and_scales_are_as_asked() {
    let (dimensions, values) = encoded(Family::Yolov8, &boxes());
    let check = |properties: &str, element_type: ElementType, first: f32, corner: f32| {
        let asked = answering(
            model(element_type, &dimensions, &[]),
            dimensions.clone(),
            values.clone(),
        );
        let mut harness =
            Harness::<ObjectDetector>::new(&format!("model=test {properties}")).unwrap();
        // Square: 32 columns in the middle of 64.
        harness.set_caps("sink", &caps("RGB", 32, 32)).unwrap();
        harness
            .push(Buffer::from_bytes(&[255, 102, 51].repeat(32 * 32)))
            .unwrap();
        let tensor = asked.borrow_mut().pop().unwrap();
        let input: Vec<f32> = match element_type {
            ElementType::U8 => tensor.bytes().iter().copied().map(f32::from).collect(),
            _ => tensor.as_f32().unwrap(),
        };
        assert!(
            (input[32] - first).abs() < 1e-4,
            "{properties}: {} {first}",
            input[32]
        );
        assert!(
            (input[0] - corner).abs() < 1e-4,
            "{properties}: {} {corner}",
            input[0]
        );
    };
    check("", ElementType::F32, 1.0, 114.0 / 255.0);
    check("scale=byte", ElementType::F32, 255.0, 114.0);
    check("scale=byte", ElementType::U8, 255.0, 114.0);
    check("color-order=bgr", ElementType::F32, 0.2, 114.0 / 255.0);
    check("resize=stretch", ElementType::F32, 1.0, 1.0);
    check(
        "resize=letterbox-topleft",
        ElementType::F32,
        114.0 / 255.0,
        1.0,
    );
}
