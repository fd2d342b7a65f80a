//! `YuNet`: faces with five points. For strides 8, 16 and 32 `cls_8` `[1, cells, 1]`,
//! `obj_8` `[1, cells, 1]`, `bbox_8` `[1, cells, 4]`, `kps_8` `[1, cells, 10]`.

use millstream_sdk::buffer::Keypoint;

use super::recognize::Signature;
use super::{Defaults, Family, Kind, STRIDES};
use crate::decode::{Candidate, Details, Found, Setup, Wrong, around, finite};
use crate::family::classes::LabelSet;
use crate::geometry::Resize;
use crate::outputs::{Outputs, Tensor};

/// # Source
/// `FaceDetectorYNImpl::postProcess` in `modules/objdetect/src/face_detect.cpp` of
/// `OpenCV`, and the defaults of `FaceDetectorYN::create`.
pub(super) static KIND: Kind = Kind {
    family: Family::Yunet,
    aliases: &["face_detection_yunet"],
    layout: "cls_S [1, cells, 1], obj_S [1, cells, 1], bbox_S [1, cells, 4], kps_S [1, cells, 10] \
             for strides S of 8, 16, 32",
    defaults: Defaults {
        confidence: 0.9,
        iou: Some(0.3),
        resize: Resize::LetterboxTopleft,
        pad: 0.0,
        rgb: false,
        white: 255.0,
        labels: LabelSet::Face,
        ..Defaults::YOLO
    },
    recognize,
    classes: |_| Some(1),
    decode,
    details: Some(details),
};

/// Names of scores, objectness, boxes and points for each of [`STRIDES`].
const NAMES: [[&str; 4]; 3] = [
    ["cls_8", "obj_8", "bbox_8", "kps_8"],
    ["cls_16", "obj_16", "bbox_16", "kps_16"],
    ["cls_32", "obj_32", "bbox_32", "kps_32"],
];

/// The outputs of one stride.
struct Level<'a> {
    stride: usize,
    columns: usize,
    scores: &'a [f32],
    objectness: &'a [f32],
    boxes: &'a [[f32; 4]],
    points: &'a [[f32; 10]],
}

fn recognize(signature: &Signature<'_>) -> bool {
    NAMES.iter().all(|names| signature.has_all(names))
}

fn levels<'a>(outputs: &'a Outputs<'_>, setup: &Setup) -> Option<[Level<'a>; 3]> {
    let level = |stride: usize, names: &[&str; 4]| -> Option<Level<'a>> {
        let (columns, rows) = (setup.input.width / stride, setup.input.height / stride);
        let [scores, objectness, boxes, points] = names.map(|name| outputs.named(&[name]));
        let (scores, objectness) = (scores.and_then(Tensor::list)?, objectness?.list()?);
        let (boxes, points) = (boxes?.rows::<4>()?, points?.rows::<10>()?);
        let lengths = [scores.len(), objectness.len(), boxes.len(), points.len()];
        lengths
            .iter()
            .all(|length| *length == columns * rows)
            .then_some(Level {
                stride,
                columns,
                scores,
                objectness,
                boxes,
                points,
            })
    };
    let [first, second, third] = NAMES;
    let [small, middle, large] = STRIDES;
    Some([
        level(small, &first)?,
        level(middle, &second)?,
        level(large, &third)?,
    ])
}

/// A cell's column and row in pixels of the input.
fn corner(level: &Level<'_>, cell: usize) -> (f32, f32) {
    let columns = level.columns.max(1);
    ((cell % columns) as f32, (cell / columns) as f32)
}

fn decode(outputs: &Outputs<'_>, setup: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let mut before = 0;
    for level in levels(outputs, setup).ok_or(Wrong::Shape)? {
        for values in [level.scores, level.objectness] {
            finite(values)?;
        }
        finite(level.boxes.as_flattened())?;
        finite(level.points.as_flattened())?;
        let scores = level.scores.iter().zip(level.objectness);
        for (cell, ((score, objectness), numbers)) in scores.zip(level.boxes).enumerate() {
            let product = score.clamp(0.0, 1.0) * objectness.clamp(0.0, 1.0);
            if product < found.threshold * found.threshold {
                continue;
            }
            let (column, row) = corner(&level, cell);
            let (stride, [x, y, width, height]) = (level.stride as f32, *numbers);
            let center = [(column + x) * stride, (row + y) * stride];
            let [x, y] = center;
            found.push(Candidate {
                edges: around([x, y, width.exp() * stride, height.exp() * stride]),
                class: 0,
                confidence: product.sqrt(),
                place: before + cell,
            })?;
        }
        before += level.scores.len();
    }
    Ok(())
}

/// Right eye, left eye, nose tip, right and left corner of the mouth.
fn details(outputs: &Outputs<'_>, setup: &Setup, candidate: &Candidate) -> Result<Details, Wrong> {
    let mut cell = candidate.place;
    for level in levels(outputs, setup).ok_or(Wrong::Shape)? {
        if let Some(numbers) = level.points.get(cell) {
            let (column, row) = corner(&level, cell);
            let stride = level.stride as f32;
            let (points, _) = numbers.as_chunks::<2>();
            let point = |[x, y]: &[f32; 2]| Keypoint {
                x: (column + x) * stride,
                y: (row + y) * stride,
                confidence: candidate.confidence,
            };
            return Ok(Details {
                keypoints: points.iter().map(point).collect(),
                mask: None,
            });
        }
        cell -= level.points.len();
    }
    Ok(Details::default())
}
