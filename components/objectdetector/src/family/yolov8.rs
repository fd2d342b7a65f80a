//! `YOLOv8`, `YOLOv9`, YOLO11: `[1, 4 + classes, boxes]`, or turned round; box in
//! pixels of the input, classes. With points `kpt_shape` more, with masks 32
//! coefficients more, and prototypes.

use super::recognize::Signature;
use super::{Defaults, Family, Kind, STRIDES, cells};
use crate::decode::{Candidate, Details, Found, Predictions, Setup, Wrong, around};
use crate::geometry::Size;
use crate::mask::{Prototypes, details_of};
use crate::outputs::Outputs;

/// # Source
/// `non_max_suppression` in ultralytics' `utils/nms.py`, `process_mask` in its
/// `utils/ops.py`, `Detect`, `Segment` and `Pose` in its `nn/modules/head.py`.
pub(super) static KIND: Kind = Kind {
    family: Family::Yolov8,
    aliases: &[
        "yolov9",
        "yolov11",
        "yolo11",
        "yolov8-seg",
        "yolov8-pose",
        "yolo12",
    ],
    layout: "[1, 4 + classes, boxes], with points [1, 4 + classes + points, boxes], with masks \
             [1, 4 + classes + masks, boxes] and [1, masks, rows, columns]",
    defaults: Defaults::YOLO,
    recognize,
    classes,
    decode,
    details: Some(details),
};

/// Channels and boxes of the last two dimensions: as many boxes as the input has
/// cells, else more boxes than channels.
fn channels_and_boxes(first: usize, second: usize, input: Size) -> (usize, usize, bool) {
    let cells = cells(input, &STRIDES);
    let turned = if first == cells || second == cells {
        first == cells && second != cells
    } else {
        first > second
    };
    if turned {
        (second, first, false)
    } else {
        (first, second, true)
    }
}

fn recognize(signature: &Signature<'_>) -> bool {
    let Some(shape) = signature.predictions() else {
        return false;
    };
    match *shape.as_slice() {
        // Neither lists of boxes nor queries have this many rows.
        [_, Some(first), Some(second)] => {
            let (channels, boxes, planar) = channels_and_boxes(first, second, signature.input.size);
            let sure = planar || signature.is_ultralytics() || channels == 4 + signature.labels;
            channels >= 5 && sure && signature.is_cells(boxes, 1)
        }
        // A model of open input: this family alone has more cells than channels last.
        [_, Some(5..=1024), None] => true,
        _ => false,
    }
}

fn classes(signature: &Signature<'_>) -> Option<usize> {
    let shape = signature.predictions()?;
    let channels = match *shape.as_slice() {
        [_, Some(first), Some(second)] => channels_and_boxes(first, second, signature.input.size).0,
        [_, Some(channels), None] => channels,
        _ => return None,
    };
    channels.checked_sub(4 + signature.extras())
}

/// The predictions, and how many channels are scores.
fn parts<'a>(outputs: &'a Outputs<'_>, setup: &Setup) -> Option<(Predictions<'a>, usize)> {
    let tensor = outputs.of_rank(3)?;
    let &[1, first, second] = tensor.dimensions.as_slice() else {
        return None;
    };
    let (channels, boxes, planar) = channels_and_boxes(first, second, setup.input);
    let all = if planar {
        Predictions::planar(&tensor.values, channels, boxes)?
    } else {
        Predictions::rows(&tensor.values, boxes, channels)?
    };
    let masks = Prototypes::of(outputs).map_or(0, |prototypes| prototypes.count);
    let classes = channels.checked_sub(4 + masks + setup.keypoint_values())?;
    (classes > 0).then_some((all, classes))
}

fn decode(outputs: &Outputs<'_>, setup: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let (all, classes) = parts(outputs, setup).ok_or(Wrong::Shape)?;
    let scores = 4..4 + classes;
    all.each_best(
        scores.clone(),
        found.threshold,
        found,
        |found, cell, best| {
            found.push(Candidate {
                edges: around(all.head(cell)),
                class: all.class_of(cell, scores.clone(), best),
                confidence: best,
                place: cell,
            })
        },
    )
}

fn details(outputs: &Outputs<'_>, setup: &Setup, candidate: &Candidate) -> Result<Details, Wrong> {
    let (all, classes) = parts(outputs, setup).ok_or(Wrong::Shape)?;
    let rest: Vec<f32> = (4 + classes..all.channels)
        .map(|channel| all.at(candidate.place, channel))
        .collect();
    details_of(outputs, setup, candidate, &rest)
}
