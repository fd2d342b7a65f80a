//! Every family: known objects in its layout in, the same objects out; and what no
//! model should answer.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod layouts;

use layouts::{
    Answer, Layout, Object, decoded_view, distance, home, layout, layouts, objects, tensor_info,
};
use millstream_sdk::buffer::Mask;
use millstream_sdk::nn::{ElementType, Model};
use objectdetector::decode::{Candidate, Details, Found, Wrong};
use objectdetector::family::recognize::Signature;
use objectdetector::family::{Family, KINDS, Kind};
use objectdetector::input::Input;
use proptest::prelude::*;

fn kind(family: Family) -> &'static Kind {
    KINDS.iter().find(|kind| kind.family == family).unwrap()
}

fn decode(
    layout: &Layout,
    answers: &[Answer],
    threshold: f32,
) -> Result<Vec<(Candidate, Details)>, Wrong> {
    let (kind, setup, outputs) = (kind(layout.family), layout.setup(), decoded_view(answers));
    let mut found = Found::default();
    found.begin(threshold);
    (kind.decode)(&outputs, &setup, &mut found)?;
    let detailed = |candidate: &Candidate| {
        let details = kind
            .details
            .map(|details| details(&outputs, &setup, candidate));
        Ok((*candidate, details.transpose()?.unwrap_or_default()))
    };
    found.finish().iter().map(detailed).collect()
}

/// That exactly these objects are found, with points and masks where there are any.
fn check(layout: &Layout, objects: &[Object]) {
    let name = layout.name;
    let objects = layout.objects(objects);
    let found = decode(layout, &(layout.answers)(&objects), 0.5).unwrap();
    assert_eq!(found.len(), objects.len(), "{name}: {found:?}");
    assert!(found.is_sorted_by(|(a, _), (b, _)| a.confidence >= b.confidence));
    for (index, object) in objects.iter().enumerate() {
        let same = |(got, _): &&(Candidate, Details)| {
            got.class == object.class
                && (got.confidence - object.confidence).abs() < 2e-3
                && distance(got.edges, object.edges) < 0.05
        };
        let got = found.iter().find(same);
        assert!(got.is_some(), "{name}: {object:?} in {found:#?}");
        let (got, details) = got.unwrap();
        let points: Vec<[f32; 3]> = details
            .keypoints
            .iter()
            .map(|point| [point.x, point.y, point.confidence])
            .collect();
        let expected: Vec<[f32; 3]> = match name {
            "yunet" => layouts::yolos::face(object)
                .map(|[x, y]| [x, y, got.confidence])
                .to_vec(),
            _ if layout.has_points() => object.points().to_vec(),
            _ => vec![],
        };
        assert_eq!(points.len(), expected.len(), "{name}");
        for (point, expected) in points.as_flattened().iter().zip(expected.as_flattened()) {
            assert!((point - expected).abs() < 0.05, "{name}: {points:?}");
        }
        assert_eq!(details.mask.is_some(), layout.has_masks(), "{name}");
        if let Some(mask) = &details.mask {
            check_mask(mask, got.edges, index == 0);
        }
    }
}

/// That the part of a box on the left (or upper) half of the input is covered.
fn check_mask(mask: &Mask, [left, top, right, bottom]: [f32; 4], is_left: bool) {
    let (width, height) = (mask.width as usize, mask.height as usize);
    assert_eq!(mask.cells.len(), width * height);
    // As many cells as there are prototype cells below the box, or nearly.
    let expected = ((right - left) / 4.0).ceil() as usize;
    assert!(width.abs_diff(expected) <= 1, "{width} {expected}");
    for (place, cell) in mask.cells.iter().enumerate() {
        let x = left + (right - left) * ((place % width) as f32 + 0.5) / width as f32;
        let y = top + (bottom - top) * ((place / width) as f32 + 0.5) / height as f32;
        let (at, border) = if is_left { (x, 32.0) } else { (y, 16.0) };
        if (at - border).abs() > 2.5 {
            assert_eq!(*cell >= 128, at < border, "{x} {y}: {cell}");
        }
    }
}

#[test]
fn each_family_decodes_what_it_encodes() {
    for layout in layouts() {
        check(&layout, &objects());
        check(&layout, &[]);
    }
}

#[test]
fn the_table_has_each_family_once_and_a_layout_for_each() {
    for family in Family::ALL.iter().filter(|family| **family != Family::Auto) {
        assert_eq!(
            KINDS.iter().filter(|kind| kind.family == *family).count(),
            1
        );
        assert!(
            layouts().iter().any(|layout| layout.family == *family),
            "{family:?}"
        );
    }
}

fn recognized(model: &Model) -> Result<Family, String> {
    let input = Input::of_model(model, None, None).unwrap();
    let labels = millstream_sdk::labels::of_model(model).len();
    let signature = Signature {
        model,
        input: &input,
        labels,
    };
    let kind = Family::Auto.kind(&signature);
    kind.map(|kind| kind.family).map_err(|failure| {
        assert!(failure.hint.unwrap().contains("yunet"));
        failure.message
    })
}

#[test]
fn families_are_recognized_by_their_outputs() {
    for layout in layouts().iter().filter(|layout| !layout.needs_family) {
        let answers = (layout.answers)(&layout.objects(&objects()));
        let family = recognized(&layout.model(&answers));
        assert_eq!(family, Ok(layout.family), "{}", layout.name);
    }
}

type Pairs = &'static [(&'static str, &'static str)];

const ULTRALYTICS: Pairs = &[
    ("author", "Ultralytics"),
    ("description", "Ultralytics YOLO11n"),
];
const ULTRALYTICS_RT_DETR: Pairs = &[
    ("author", "Ultralytics"),
    ("description", "Ultralytics rtdetr-l"),
];
const YOLOV5: Pairs = &[("stride", "32"), ("names", "{0: 'a', 1: 'b'}")];

/// Side of the input, outputs (an open size is 0), metadata, family.
type Published = (
    u32,
    &'static [(&'static str, &'static [u32])],
    Pairs,
    Family,
);

const PUBLISHED: &[Published] = &[
    (352, &[("758", &[1, 85, 22, 22])], &[], Family::FastestDet),
    (416, &[("output", &[1, 3549, 85])], &[], Family::Yolox),
    (640, &[("output", &[1, 8400, 6])], &[], Family::Yolox),
    (640, &[("output0", &[1, 25200, 85])], &[], Family::Yolov5),
    (640, &[("output0", &[1, 25200, 6])], &[], Family::Yolov5),
    (1280, &[("output0", &[1, 102_000, 85])], &[], Family::Yolov5),
    (
        640,
        &[("o", &[1, 25200, 117]), ("p", &[1, 32, 160, 160])],
        &[],
        Family::Yolov5,
    ),
    (
        640,
        &[("output", &[1, 25200, 85]), ("516", &[1, 3, 80, 80, 85])],
        &[],
        Family::Yolov5,
    ),
    (0, &[("output0", &[0, 0, 7])], YOLOV5, Family::Yolov5),
    (640, &[("output0", &[1, 84, 8400])], &[], Family::Yolov8),
    (
        640,
        &[("output0", &[1, 84, 8400])],
        ULTRALYTICS,
        Family::Yolov8,
    ),
    (
        640,
        &[("output0", &[1, 8400, 84])],
        ULTRALYTICS,
        Family::Yolov8,
    ),
    (0, &[("output0", &[0, 84, 0])], ULTRALYTICS, Family::Yolov8),
    (
        640,
        &[("o", &[1, 116, 8400]), ("p", &[1, 32, 160, 160])],
        &[],
        Family::Yolov8,
    ),
    (
        640,
        &[("output0", &[1, 300, 6])],
        ULTRALYTICS,
        Family::Yolov10,
    ),
    (
        640,
        &[("o", &[1, 300, 38]), ("p", &[1, 32, 160, 160])],
        ULTRALYTICS,
        Family::Yolov10,
    ),
    (
        640,
        &[("output0", &[1, 300, 6])],
        ULTRALYTICS_RT_DETR,
        Family::RtDetr,
    ),
    (
        640,
        &[("output0", &[1, 300, 84])],
        ULTRALYTICS_RT_DETR,
        Family::RtDetr,
    ),
    (640, &[("output0", &[1, 300, 84])], &[], Family::RtDetr),
    (416, &[("output", &[1, 3598, 112])], &[], Family::Nanodet),
    (640, &[("output", &[0, 7])], &[], Family::End2end),
    (
        640,
        &[("logits", &[1, 100, 92]), ("pred_boxes", &[1, 100, 4])],
        &[],
        Family::Detr,
    ),
    (
        640,
        &[("logits", &[1, 300, 80]), ("pred_boxes", &[1, 300, 4])],
        &[],
        Family::RtDetr,
    ),
    (
        320,
        &[("scores", &[1, 4420, 2]), ("boxes", &[1, 4420, 4])],
        &[],
        Family::Ultraface,
    ),
    (
        300,
        &[("scores", &[1, 3000, 21]), ("boxes", &[1, 3000, 4])],
        &[],
        Family::Ssd,
    ),
    (
        640,
        &[
            ("num_detections", &[1, 1]),
            ("detection_boxes", &[1, 100, 4]),
            ("detection_scores", &[1, 100]),
            ("detection_classes", &[1, 100]),
        ],
        &[],
        Family::EfficientNms,
    ),
    (
        640,
        &[("x", &[1, 7])],
        &[("family", "YOLOv9")],
        Family::Yolov8,
    ),
    (
        640,
        &[("x", &[1, 7])],
        &[("family", "d-fine")],
        Family::RtDetr,
    ),
];

fn model(side: [u32; 2], outputs: &[(&str, &[u32])], metadata: &[(&str, &str)]) -> Model {
    let [width, height] = side;
    let info =
        |(name, dimensions): &(&str, &[u32])| tensor_info(name, ElementType::F32, dimensions);
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    Model {
        inputs: vec![tensor_info(
            "images",
            ElementType::F32,
            &[1, 3, height, width],
        )],
        outputs: outputs.iter().map(info).collect(),
        metadata: metadata.iter().map(pair).collect(),
        ..Model::named("test")
    }
}

#[test]
fn published_models_are_recognized() {
    for (side, outputs, metadata, family) in PUBLISHED {
        let family_found = recognized(&model([*side; 2], outputs, metadata));
        assert_eq!(family_found.as_ref(), Ok(family), "{outputs:?}");
    }
}

#[test]
fn what_is_not_known_is_explained() {
    let check = |outputs: &[(&str, &[u32])], metadata: &[(&str, &str)], expected: &str| {
        let message = recognized(&model([64, 32], outputs, metadata)).unwrap_err();
        assert!(message.contains(expected), "{message}");
    };
    let one: (&str, &[u32]) = ("a", &[1, 3]);
    let two: (&str, &[u32]) = ("b", &[2]);
    check(&[one], &[], "its output is f32[1, 3]");
    check(&[], &[], "its 0 outputs are");
    check(
        &[one, two],
        &[],
        "its 2 outputs are `a` f32[1, 3], `b` f32[2]",
    );
    check(&[one], &[("family", "yolov99")], "`family` is `yolov99`");
}

#[test]
fn wrong_shapes_are_refused() {
    let shapes: [&[usize]; 12] = [
        &[],
        &[0],
        &[1],
        &[1, 7],
        &[0, 0],
        &[1, 0, 0],
        &[1, 3, 4],
        &[2, 7, 42],
        &[1, 4, 42],
        &[1, 1, 1, 1],
        &[1, 8, 0, 4],
        &[1, 0, 4],
    ];
    for layout in layouts() {
        let answers = (layout.answers)(&layout.objects(&objects()));
        for (index, answer) in answers.iter().enumerate() {
            for shape in shapes {
                let mut wrong = answers.clone();
                let values = vec![0.5; shape.iter().product()];
                wrong[index] = Answer::new(answer.name, shape, values);
                // Some of these are a family's with nothing in it; none may panic.
                if let Ok(found) = decode(&layout, &wrong, 0.6) {
                    let sound =
                        |(one, _): &(Candidate, Details)| one.edges.iter().all(|e| e.is_finite());
                    assert!(found.iter().all(sound), "{} {shape:?}", layout.name);
                }
            }
        }
        let mut fewer = answers.clone();
        fewer.pop();
        if !layout.has_masks() && layout.name != "tf-ssd" {
            assert_eq!(
                decode(&layout, &fewer, 0.5).unwrap_err(),
                Wrong::Shape,
                "{}",
                layout.name
            );
        }
    }
}

#[test]
fn numbers_that_are_none_are_refused() {
    for layout in layouts() {
        let answers = (layout.answers)(&layout.objects(&objects()));
        for (index, answer) in answers.iter().enumerate() {
            if answer.element_type == ElementType::I64 {
                continue;
            }
            // The first row is an object's in lists, in the others some cell's.
            let mut wrong = answers.clone();
            wrong[index].values.fill(f32::NAN);
            let result = decode(&layout, &wrong, 0.5);
            assert!(
                matches!(result, Err(Wrong::NotFinite | Wrong::Endless)),
                "{} `{}`: {result:?}",
                layout.name,
                answer.name
            );
        }
    }
}

#[test]
fn infinite_boxes_are_refused_and_padding_is_not() {
    let check =
        |name: &str, output: usize, place: usize, value: f32, expected: Result<usize, Wrong>| {
            let layout = layout(name);
            let mut answers = (layout.answers)(&layout.objects(&objects()));
            answers[output].values[place] = value;
            let found = decode(&layout, &answers, 0.5);
            assert_eq!(found.map(|found| found.len()), expected, "{name}");
        };
    let infinity = f32::INFINITY;
    check("yolox", 0, 3 * 8 + 2, 1e30, Err(Wrong::Endless));
    check("yolov8", 0, 0, 1e30, Err(Wrong::Endless));
    check("yolov8", 0, 0, infinity, Err(Wrong::NotFinite));
    check("yolov10", 0, 0, infinity, Err(Wrong::Endless));
    check("yolov10", 0, 0, f32::NAN, Err(Wrong::Endless));
    check("yolov10", 0, 4, f32::NAN, Err(Wrong::NotFinite));
    check("yolov10", 0, 3 * 6, infinity, Ok(2));
    check("yolov10", 0, 3 * 6 + 4, -infinity, Ok(2));
    check("yolov10 masks", 0, 6, f32::NAN, Err(Wrong::NotFinite));
    check("yolov10 masks", 1, 0, f32::NAN, Ok(2));
    check("yolov8 masks", 1, 20, f32::NAN, Err(Wrong::NotFinite));
    check("end2end", 0, 2, infinity, Err(Wrong::Endless));
    check("detr", 0, 0, f32::NAN, Err(Wrong::NotFinite));
    check("torchvision", 0, 2, infinity, Err(Wrong::Endless));
    check("efficient-nms", 0, 0, 1e9, Err(Wrong::NotFinite));
    check("efficient-nms", 0, 0, -5.0, Ok(0));
    check("efficient-nms", 0, 0, 1.0, Ok(1));
    check("efficient-nms", 3, 0, -1.0, Ok(1));
    check("tf-ssd", 3, 0, 1e9, Ok(2));
    check("tf-ssd", 3, 0, f32::NAN, Err(Wrong::NotFinite));
    check("tf-ssd", 1, 0, 4e9, Ok(2));
}

#[test]
fn masks_stay_within_their_limits() {
    let layout = layout("yolov8 masks");
    let large = [Object::new([-1e6, -1e6, 1e6, 1e6], 0, 0.9)];
    let answers = (layout.answers)(&large);
    let outputs = decoded_view(&answers);
    for cells in [0, 1, 7, 100, 65_536] {
        let mut setup = layout.setup();
        setup.mask_cells = cells;
        let mut found = Found::default();
        found.begin(0.5);
        (kind(layout.family).decode)(&outputs, &setup, &mut found).unwrap();
        let candidate = found.finish()[0];
        let details = kind(layout.family).details.unwrap()(&outputs, &setup, &candidate).unwrap();
        let mask = details.mask.unwrap();
        assert!((1..=16).contains(&mask.width) && (1..=8).contains(&mask.height));
        assert!(mask.cells.len() <= cells.max(1));
    }
}

/// Objects with room for each other: no two in a cell of stride 8.
fn some_objects() -> impl Strategy<Value = Vec<Object>> {
    let object = (
        0.0_f32..40.0,
        0.0_f32..8.0,
        16.0_f32..24.0,
        16.0_f32..24.0,
        0_u32..3,
        0.55_f32..0.9,
    );
    let objects = proptest::collection::vec(object, 0..4);
    objects.prop_map(|objects| {
        let mut kept: Vec<Object> = vec![];
        for (x, y, width, height, class, confidence) in objects {
            let (right, bottom) = ((x + width).min(64.0), (y + height).min(32.0));
            let object = Object::new([x, y, right, bottom], class, confidence);
            if kept.iter().all(|other| home(other) != home(&object)) {
                kept.push(object);
            }
        }
        kept
    })
}

proptest! {
    #[test]
    fn any_objects_come_back(objects in some_objects()) {
        for layout in layouts() {
            check(&layout, &objects);
        }
    }

    #[test]
    fn any_numbers_end_in_finite_boxes(
        seed in proptest::collection::vec(any::<f32>(), 1..64),
        shift in 0_usize..64,
        threshold in 0.0_f32..1.0,
    ) {
        for layout in layouts() {
            let mut answers = (layout.answers)(&layout.objects(&objects()));
            let mut numbers = seed.iter().cycle().skip(shift);
            for value in answers.iter_mut().flat_map(|answer| &mut answer.values) {
                *value = *numbers.next().unwrap();
            }
            if let Ok(found) = decode(&layout, &answers, threshold) {
                for (candidate, details) in found {
                    prop_assert!(candidate.edges.iter().all(|edge| edge.is_finite()));
                    prop_assert!((0.0..=1.0).contains(&candidate.confidence));
                    let [left, top, right, bottom] = candidate.edges;
                    prop_assert!(left <= right && top <= bottom || layout.family == Family::Nanodet);
                    prop_assert!(details.keypoints.len() <= 256);
                }
            }
        }
    }
}
