//! `YOLOv10`, and all exported with suppression inside: `[1, boxes, 6]`, rows of
//! left, top, right, bottom in pixels of the input, score, class; points or
//! coefficients of masks may follow.

use super::recognize::Signature;
use super::{Defaults, Family, Kind, lists::ordered};
use crate::decode::{Candidate, Details, Found, Setup, Wrong};
use crate::mask::{Prototypes, details_of};
use crate::outputs::{Outputs, Tensor};

/// # Source
/// `v10postprocess` in `YOLOv10`'s `utils/ops.py`; `NMSModel` in ultralytics'
/// `engine/exporter.py`.
pub(super) static KIND: Kind = Kind {
    family: Family::Yolov10,
    aliases: &["yolo26", "nms"],
    layout: "[1, boxes, 6]",
    defaults: Defaults {
        iou: None,
        ..Defaults::YOLO
    },
    recognize,
    classes: |_| None,
    decode,
    details: Some(details),
};

fn recognize(signature: &Signature<'_>) -> bool {
    match signature.predictions().as_deref() {
        Some([_, _, Some(columns)]) => *columns == 6 + signature.extras(),
        _ => false,
    }
}

/// The rows, and how long one is.
fn parts<'a, 'b>(outputs: &'b Outputs<'a>, setup: &Setup) -> Option<(&'b Tensor<'a>, usize)> {
    let tensor = outputs.of_rank(3)?;
    let masks = Prototypes::of(outputs).map_or(0, |prototypes| prototypes.count);
    let (_, columns) = tensor.matrix()?;
    (columns == 6 + masks + setup.keypoint_values()).then_some((tensor, columns))
}

fn decode(outputs: &Outputs<'_>, setup: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let (tensor, columns) = parts(outputs, setup).ok_or(Wrong::Shape)?;
    for (place, row) in tensor.values.chunks_exact(columns).enumerate() {
        let &[left, top, right, bottom, score, class] =
            row.first_chunk::<6>().ok_or(Wrong::Shape)?;
        if score.is_nan() || class.is_nan() {
            return Err(Wrong::NotFinite);
        }
        // What is not used has a score of 0 or less.
        if score >= found.threshold && class >= 0.0 {
            found.push(Candidate {
                edges: ordered([left, top, right, bottom]),
                class: class as u32,
                confidence: score,
                place,
            })?;
        }
    }
    Ok(())
}

fn details(outputs: &Outputs<'_>, setup: &Setup, candidate: &Candidate) -> Result<Details, Wrong> {
    let (tensor, columns) = parts(outputs, setup).ok_or(Wrong::Shape)?;
    let row = tensor.values.chunks_exact(columns).nth(candidate.place);
    let rest = row.and_then(|row| row.get(6..)).unwrap_or_default();
    details_of(outputs, setup, candidate, rest)
}
