//! Detectors of torchvision (SSD, `SSDLite`, `RetinaNet`, FCOS, Faster R-CNN): boxes in
//! pixels of the input, labels, scores.

use millstream_sdk::nn::ElementType;

use super::lists::{List, ordered};
use super::recognize::{Signature, sizes};
use super::{Defaults, Family, Kind};
use crate::decode::{Found, Setup, Wrong};
use crate::family::classes::LabelSet;
use crate::geometry::Resize;
use crate::outputs::{Outputs, Tensor};

/// # Source
/// `models/detection/generalized_rcnn.py` and `ssd.py` of torchvision: what
/// `forward` gives in evaluation; mean and deviation are in the model.
pub(super) static KIND: Kind = Kind {
    family: Family::Torchvision,
    aliases: &["faster-rcnn", "retinanet", "fcos", "ssdlite"],
    layout: "boxes [boxes, 4], labels [boxes], scores [boxes]",
    defaults: Defaults {
        confidence: 0.5,
        iou: None,
        resize: Resize::LetterboxTopleft,
        pad: 0.0,
        labels: LabelSet::Coco91,
        ..Defaults::YOLO
    },
    recognize,
    classes: |_| None,
    decode,
    details: None,
};

fn recognize(signature: &Signature<'_>) -> bool {
    if signature.has_all(&["boxes", "labels", "scores"]) {
        return true;
    }
    // Exporters leave numbers for names: then type and shape must do.
    let outputs = &signature.model.outputs;
    let count = |test: &dyn Fn(&[Option<usize>], bool) -> bool| {
        let is_integer = |kind| matches!(kind, Some(ElementType::I64 | ElementType::I32));
        let fits = outputs
            .iter()
            .filter(|output| test(&sizes(output), is_integer(output.element_type)));
        fits.count()
    };
    outputs.len() == 3
        && signature.named(&["bboxes"]).is_none()
        && count(&|shape, integer| matches!(shape, [_, Some(4)]) && !integer) == 1
        && count(&|shape, integer| shape.len() == 1 && integer) == 1
        && count(&|shape, integer| shape.len() == 1 && !integer) == 1
}

fn decode(outputs: &Outputs<'_>, _: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let list = of_named_or_typed(outputs, "boxes").ok_or(Wrong::Shape)?;
    list.decode(found, ordered)
}

/// Boxes, scores and labels by name, else by type and shape.
pub(super) fn of_named_or_typed<'a>(outputs: &'a Outputs<'_>, boxes: &str) -> Option<List<'a>> {
    let by_name = [boxes, "scores", "labels"].map(|name| outputs.named(&[name]));
    if let [Some(boxes), Some(scores), Some(labels)] = by_name {
        return List::of_tensors(boxes, scores, labels);
    }
    let find = |test: &dyn Fn(&Tensor<'_>) -> bool| outputs.all().iter().find(|one| test(one));
    let boxes = find(&|one| one.rows::<4>().is_some() && !one.integers)?;
    let scores = find(&|one| one.list().is_some() && !one.integers)?;
    let labels = find(&|one| one.list().is_some() && one.integers)?;
    List::of_tensors(boxes, scores, labels)
}
