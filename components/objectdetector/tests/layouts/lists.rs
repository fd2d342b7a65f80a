//! Families that give a list of boxes.

use super::yolos::{MASKS, coefficients, prototypes};
use super::{Answer, CLASSES, Object};

/// Rows of a list; those that are not used are 0.
const ROWS: usize = 20;

/// Queries of RT-DETR.
const QUERIES: usize = 300;

/// Each object's numbers, then rows of `padding` up to `count`.
fn listed(
    count: usize,
    objects: &[Object],
    padding: &[f32],
    row: impl Fn(usize, &Object) -> Vec<f32>,
) -> Vec<f32> {
    let mut values: Vec<f32> = (0..)
        .zip(objects)
        .flat_map(|(index, object)| row(index, object))
        .collect();
    for _ in objects.len()..count {
        values.extend(padding);
    }
    values
}

fn row_of_six(object: &Object) -> Vec<f32> {
    let [left, top, right, bottom] = object.edges;
    vec![
        left,
        top,
        right,
        bottom,
        object.confidence,
        object.class as f32,
    ]
}

pub(crate) fn yolov10(objects: &[Object]) -> Vec<Answer> {
    let values = listed(ROWS, objects, &[0.0; 6], |_, object| row_of_six(object));
    vec![Answer::new("output0", &[1, ROWS, 6], values)]
}

pub(crate) fn yolov10_masks(objects: &[Object]) -> Vec<Answer> {
    let row =
        |index: usize, object: &Object| [row_of_six(object), coefficients(index).to_vec()].concat();
    let values = listed(ROWS, objects, &[0.0; 6 + MASKS], row);
    vec![
        Answer::new("output0", &[1, ROWS, 6 + MASKS], values),
        prototypes(),
    ]
}

pub(crate) fn yolov10_points(objects: &[Object]) -> Vec<Answer> {
    let row = |_: usize, object: &Object| {
        [row_of_six(object), object.points().as_flattened().to_vec()].concat()
    };
    let values = listed(ROWS, objects, &[0.0; 12], row);
    vec![Answer::new("output0", &[1, ROWS, 12], values)]
}

pub(crate) fn end2end(objects: &[Object]) -> Vec<Answer> {
    let row = |_: usize, object: &Object| {
        let [left, top, right, bottom] = object.edges;
        let (class, confidence) = (object.class as f32, object.confidence);
        vec![0.0, left, top, right, bottom, class, confidence]
    };
    let values = listed(objects.len() + 1, objects, &[-1.0; 7], row);
    vec![Answer::new("output", &[objects.len() + 1, 7], values)]
}

fn boxes(
    name: &'static str,
    count: usize,
    objects: &[Object],
    of: fn(&Object) -> [f32; 4],
) -> Answer {
    // What is not counted may be anything; what is not likely too, if it is a number.
    let values = listed(count, objects, &[0.0; 4], |_, object| of(object).to_vec());
    Answer::new(name, &[1, count, 4], values)
}

fn numbers(name: &'static str, count: usize, objects: &[Object], of: fn(&Object) -> f32) -> Answer {
    let values = listed(count, objects, &[0.0], |_, object| vec![of(object)]);
    Answer::new(name, &[1, count], values)
}

/// Without the batch axis.
fn flat(mut answer: Answer) -> Answer {
    answer.dimensions.remove(0);
    answer
}

pub(crate) fn ssd(objects: &[Object]) -> Vec<Answer> {
    vec![
        boxes("bboxes", ROWS, objects, Object::unit),
        numbers("labels", ROWS, objects, |object| object.class as f32).integers(),
        numbers("scores", ROWS, objects, |object| object.confidence),
    ]
}

/// A score for each class, of which the first is the background.
fn by_class(count: usize, classes: usize, objects: &[Object], first: usize) -> Answer {
    let row = |_: usize, object: &Object| {
        let mut row = vec![0.0; classes];
        row[first + object.class as usize] = object.confidence;
        row
    };
    let mut background = vec![0.0; classes];
    background[0] = 1.0;
    let values = listed(count, objects, &background, row);
    Answer::new("scores", &[1, count, classes], values)
}

pub(crate) fn ssd_by_class(objects: &[Object]) -> Vec<Answer> {
    vec![
        by_class(ROWS, CLASSES, objects, 0),
        boxes("boxes", ROWS, objects, Object::unit),
    ]
}

pub(crate) fn ultraface(objects: &[Object]) -> Vec<Answer> {
    vec![
        by_class(ROWS, 2, objects, 1),
        boxes("boxes", ROWS, objects, Object::unit),
    ]
}

pub(crate) fn torchvision(objects: &[Object]) -> Vec<Answer> {
    vec![
        flat(boxes("boxes", ROWS, objects, |object| object.edges)),
        flat(numbers("labels", ROWS, objects, |object| {
            object.class as f32
        }))
        .integers(),
        flat(numbers("scores", ROWS, objects, |object| object.confidence)),
    ]
}

pub(crate) fn torchvision_by_type(objects: &[Object]) -> Vec<Answer> {
    let mut answers = torchvision(objects);
    for (answer, name) in answers.iter_mut().zip(["2633", "2588", "2587"]) {
        answer.name = name;
    }
    answers
}

pub(crate) fn tf_ssd(objects: &[Object]) -> Vec<Answer> {
    let yx = |object: &Object| {
        let [left, top, right, bottom] = object.unit();
        [top, left, bottom, right]
    };
    vec![
        boxes("detection_boxes", ROWS, objects, yx),
        numbers("detection_classes", ROWS, objects, |object| {
            object.class as f32
        }),
        numbers("detection_scores", ROWS, objects, |object| {
            object.confidence
        }),
        Answer::new("num_detections", &[1], vec![objects.len() as f32]),
    ]
}

pub(crate) fn efficient_nms(objects: &[Object]) -> Vec<Answer> {
    let mut answers = vec![
        Answer::new("num_dets", &[1, 1], vec![objects.len() as f32]).integers(),
        boxes("det_boxes", ROWS, objects, |object| object.edges),
        numbers("det_scores", ROWS, objects, |object| object.confidence),
        numbers("det_classes", ROWS, objects, |object| object.class as f32).integers(),
    ];
    // What is not counted is not looked at.
    answers[1].values[objects.len() * 4..].fill(f32::NAN);
    answers[2].values[objects.len()..].fill(f32::NAN);
    answers
}

pub(crate) fn rt_detr(objects: &[Object]) -> Vec<Answer> {
    let row = |_: usize, object: &Object| {
        let mut row = object.unit_middle().to_vec();
        row.resize(4 + CLASSES, 0.0);
        row[4 + object.class as usize] = object.confidence;
        row
    };
    let values = listed(QUERIES, objects, &[0.0; 4 + CLASSES], row);
    vec![Answer::new("output0", &[1, QUERIES, 4 + CLASSES], values)]
}

pub(crate) fn rt_detr_original(objects: &[Object]) -> Vec<Answer> {
    vec![
        numbers("labels", QUERIES, objects, |object| object.class as f32).integers(),
        boxes("boxes", QUERIES, objects, |object| object.edges),
        numbers("scores", QUERIES, objects, |object| object.confidence),
    ]
}

fn logits(count: usize, objects: &[Object], columns: usize) -> Answer {
    let has_none = columns > CLASSES;
    let row = |_: usize, object: &Object| {
        let mut row = vec![-30.0; columns];
        let odds = object.confidence / (1.0 - object.confidence);
        // The same number for a logistic function and for two that share all.
        row[object.class as usize] = odds.ln();
        if has_none {
            row[columns - 1] = 0.0;
        }
        row
    };
    let mut nothing = vec![-30.0; columns];
    if has_none {
        nothing[columns - 1] = 10.0;
    }
    let values = listed(count, objects, &nothing, row);
    Answer::new("logits", &[1, count, columns], values)
}

pub(crate) fn rt_detr_logits(objects: &[Object]) -> Vec<Answer> {
    vec![
        logits(QUERIES, objects, CLASSES),
        boxes("pred_boxes", QUERIES, objects, Object::unit_middle),
    ]
}

pub(crate) fn detr(objects: &[Object]) -> Vec<Answer> {
    vec![
        logits(100, objects, CLASSES + 1),
        boxes("pred_boxes", 100, objects, Object::unit_middle),
    ]
}
