//! SSD with decoded boxes from 0 to 1: `bboxes`, `labels`, `scores`; or `boxes` and a
//! score for each class, of which the first is the background.

use super::lists::{List, ordered};
use super::recognize::{Signature, sizes};
use super::{Defaults, Family, Kind};
use crate::decode::{Candidate, Found, Setup, Wrong, best_of, finite, in_pixels};
use crate::family::classes::LabelSet;
use crate::outputs::Outputs;

/// # Source
/// `ssd-12` in the ONNX model zoo, whose boxes are xmin, ymin, xmax, ymax
/// (`PostProcessCocoOnnx` in `MLPerf`'s `vision/classification_and_detection`);
/// `Predictor` in qfgaohao's `pytorch-ssd` for scores by class.
pub(super) static KIND: Kind = Kind {
    family: Family::Ssd,
    aliases: &[],
    layout: "bboxes [1, boxes, 4], labels [1, boxes], scores [1, boxes]; or boxes [1, boxes, 4], \
             scores [1, boxes, 1 + classes]",
    defaults: Defaults {
        // Where the model has suppressed with this already, it changes nothing.
        iou: Some(0.5),
        labels: LabelSet::CocoAfterBackground,
        ..Defaults::IMAGENET
    },
    recognize,
    classes: |_| None,
    decode,
    details: None,
};

fn recognize(signature: &Signature<'_>) -> bool {
    if signature.has_all(&["bboxes", "labels", "scores"]) {
        return true;
    }
    let scores = signature.named(&["scores"]).map(sizes);
    let by_class = matches!(scores.as_deref(), Some([_, _, Some(2..)]));
    by_class && signature.model.outputs.len() == 2 && signature.named(&["boxes"]).is_some()
}

fn decode(outputs: &Outputs<'_>, setup: &Setup, found: &mut Found) -> Result<(), Wrong> {
    if outputs.all().len() == 2 {
        return decode_by_class(outputs, setup, found, 0);
    }
    let names = ["bboxes", "scores", "labels"];
    let [Some(boxes), Some(scores), Some(labels)] = names.map(|name| outputs.named(&[name])) else {
        return Err(Wrong::Shape);
    };
    let list = List::of_tensors(boxes, scores, labels).ok_or(Wrong::Shape)?;
    list.decode(found, |numbers| in_pixels(numbers, setup.input))
}

/// Boxes with a score for each class; class 1 of the model gets the index `1 - less`.
pub(super) fn decode_by_class(
    outputs: &Outputs<'_>,
    setup: &Setup,
    found: &mut Found,
    less: u32,
) -> Result<(), Wrong> {
    let of_columns = |test: &dyn Fn(usize) -> bool| {
        let fits = |columns| test(columns);
        let mut all = outputs.all().iter();
        all.find(|one| one.matrix().is_some_and(|(_, columns)| fits(columns)))
    };
    // With three classes scores have four columns as boxes have: names must tell.
    let boxes = outputs
        .named(&["boxes"])
        .or_else(|| of_columns(&|columns| columns == 4));
    let scores = outputs
        .named(&["scores"])
        .or_else(|| of_columns(&|columns| columns != 4));
    let (boxes, scores) = boxes.zip(scores).ok_or(Wrong::Shape)?;
    let (rows, columns) = scores.matrix().ok_or(Wrong::Shape)?;
    let boxes = boxes.rows::<4>().ok_or(Wrong::Shape)?;
    if columns < 2 || boxes.len() != rows {
        return Err(Wrong::Shape);
    }
    finite(&scores.values)?;
    for (place, (line, edges)) in scores.values.chunks_exact(columns).zip(boxes).enumerate() {
        let (class, best) = best_of(line.get(1..).unwrap_or_default());
        if best >= found.threshold {
            found.push(Candidate {
                edges: ordered(in_pixels(*edges, setup.input)),
                class: class + 1 - less,
                confidence: best,
                place,
            })?;
        }
    }
    Ok(())
}
