//! SSD and others of TensorFlow's object detection API: `detection_boxes` as ymin,
//! xmin, ymax, xmax from 0 to 1, scores, classes, and how many.

use super::lists::{List, from_yx};
use super::recognize::Signature;
use super::{Defaults, Family, Kind};
use crate::decode::{Found, Setup, Wrong};
use crate::family::classes::LabelSet;
use crate::geometry::Resize;
use crate::outputs::Outputs;

/// # Source
/// `exporter_main_v2.py` of TensorFlow's object detection API; `ssd-mobilenetv1` in
/// the ONNX model zoo.
pub(super) static KIND: Kind = Kind {
    family: Family::TfSsd,
    aliases: &["ssd-mobilenet", "tensorflow"],
    layout: "detection_boxes [1, boxes, 4], detection_scores [1, boxes], \
             detection_classes [1, boxes], num_detections [1]",
    defaults: Defaults {
        confidence: 0.5,
        iou: None,
        resize: Resize::Stretch,
        pad: 0.0,
        white: 255.0,
        labels: LabelSet::Coco91,
        ..Defaults::YOLO
    },
    recognize,
    classes: |_| None,
    decode,
    details: None,
};

/// Exporters append `:0` to names of TensorFlow.
const BOXES: [&str; 2] = ["detection_boxes", "detection_boxes:0"];
const SCORES: [&str; 2] = ["detection_scores", "detection_scores:0"];
const CLASSES: [&str; 2] = ["detection_classes", "detection_classes:0"];
const COUNT: [&str; 2] = ["num_detections", "num_detections:0"];

fn recognize(signature: &Signature<'_>) -> bool {
    // `EfficientNMS` can have the same names, but not TensorFlow's order of axes.
    let names = [BOXES, SCORES, CLASSES];
    let named = names.iter().all(|names| signature.named(names).is_some());
    named && signature.input.channels_last
}

fn decode(outputs: &Outputs<'_>, setup: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let all = [BOXES, SCORES, CLASSES].map(|names| outputs.named(&names));
    let [Some(boxes), Some(scores), Some(classes)] = all else {
        return Err(Wrong::Shape);
    };
    let mut list = List::of_tensors(boxes, scores, classes).ok_or(Wrong::Shape)?;
    if let Some(count) = outputs.named(&COUNT) {
        list = list.counted(count)?;
    }
    list.decode(found, |numbers| from_yx(numbers, setup.input))
}
