//! `UltraFace`: `scores` `[1, boxes, 2]` of background and face, `boxes`
//! `[1, boxes, 4]` from 0 to 1.

use super::recognize::{Signature, sizes};
use super::ssd::decode_by_class;
use super::{Defaults, Family, Kind};
use crate::decode::{Found, Setup, Wrong};
use crate::family::classes::LabelSet;
use crate::geometry::Resize;
use crate::outputs::Outputs;

/// # Source
/// `run_video_face_detect_onnx.py` of Linzaer's
/// `Ultra-Light-Fast-Generic-Face-Detector-1MB`.
pub(super) static KIND: Kind = Kind {
    family: Family::Ultraface,
    aliases: &[],
    layout: "scores [1, boxes, 2], boxes [1, boxes, 4]",
    defaults: Defaults {
        confidence: 0.7,
        iou: Some(0.3),
        resize: Resize::Stretch,
        pad: 0.0,
        white: 255.0,
        mean: [127.0; 3],
        std: [128.0; 3],
        labels: LabelSet::Face,
        ..Defaults::YOLO
    },
    recognize,
    classes: |_| Some(1),
    decode,
    details: None,
};

fn recognize(signature: &Signature<'_>) -> bool {
    let scores = signature.named(&["scores"]).map(sizes);
    let of_two = matches!(scores.as_deref(), Some([_, _, Some(2)]));
    of_two && signature.model.outputs.len() == 2 && signature.named(&["boxes"]).is_some()
}

fn decode(outputs: &Outputs<'_>, setup: &Setup, found: &mut Found) -> Result<(), Wrong> {
    decode_by_class(outputs, setup, found, 1)
}
