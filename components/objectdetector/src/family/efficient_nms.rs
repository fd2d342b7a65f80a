//! Models that end in `EfficientNMS`: how many, boxes in pixels of the input, scores,
//! classes.

use super::lists::{List, ordered};
use super::recognize::Signature;
use super::{Defaults, Family, Kind};
use crate::decode::{Found, Setup, Wrong};
use crate::outputs::Outputs;

/// # Source
/// `efficientNMSPlugin/README.md` of `TensorRT`; `ONNX_TRT` in `YOLOv7`'s
/// `models/experimental.py`, which has the shorter names.
pub(super) static KIND: Kind = Kind {
    family: Family::EfficientNms,
    aliases: &["efficientnms"],
    layout: "num_dets [1, 1], det_boxes [1, boxes, 4], det_scores [1, boxes], det_classes [1, boxes]",
    defaults: Defaults {
        iou: None,
        ..Defaults::YOLO
    },
    recognize,
    classes: |_| None,
    decode,
    details: None,
};

const COUNT: [&str; 2] = ["num_dets", "num_detections"];
const BOXES: [&str; 2] = ["det_boxes", "detection_boxes"];
const SCORES: [&str; 2] = ["det_scores", "detection_scores"];
const CLASSES: [&str; 2] = ["det_classes", "detection_classes"];

fn recognize(signature: &Signature<'_>) -> bool {
    [COUNT, BOXES, SCORES, CLASSES]
        .iter()
        .all(|names| signature.named(names).is_some())
}

fn decode(outputs: &Outputs<'_>, _: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let all = [COUNT, BOXES, SCORES, CLASSES].map(|names| outputs.named(&names));
    let [Some(count), Some(boxes), Some(scores), Some(classes)] = all else {
        return Err(Wrong::Shape);
    };
    let list = List::of_tensors(boxes, scores, classes).ok_or(Wrong::Shape)?;
    list.counted(count)?.decode(found, ordered)
}
