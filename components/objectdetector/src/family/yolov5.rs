//! `YOLOv5` and `YOLOv7`: `[1, boxes, 5 + classes]`, box in pixels of the input,
//! objectness, classes; with masks 32 coefficients more, and prototypes.

use super::recognize::Signature;
use super::{Defaults, Family, Kind};
use crate::decode::{Candidate, Details, Found, Setup, Wrong, around, best_of, finite};
use crate::mask::{Prototypes, details_of};
use crate::outputs::{Outputs, Tensor};

/// # Source
/// `non_max_suppression` in `utils/general.py` and `process_mask` in
/// `utils/segment/general.py` of `YOLOv5`; `detect.py` for the thresholds.
pub(super) static KIND: Kind = Kind {
    family: Family::Yolov5,
    aliases: &["yolov7", "yolov5-seg"],
    layout: "[1, boxes, 5 + classes], with masks [1, boxes, 5 + classes + masks] and [1, masks, rows, columns]",
    defaults: Defaults {
        iou: Some(0.45),
        ..Defaults::YOLO
    },
    recognize,
    classes,
    decode,
    details: Some(details),
};

fn recognize(signature: &Signature<'_>) -> bool {
    let Some(shape) = signature.predictions() else {
        return false;
    };
    // YOLOv5's exporter writes these two, and no author.
    let by_metadata = !signature.is_ultralytics()
        && signature.metadata("stride").is_some()
        && signature.labels > 0;
    match *shape.as_slice() {
        [_, Some(rows), Some(6..)] => signature.is_cells(rows, 3),
        [_, None, Some(channels)] => {
            by_metadata && channels == 5 + signature.labels + signature.masks()
        }
        _ => false,
    }
}

fn classes(signature: &Signature<'_>) -> Option<usize> {
    match *signature.predictions()?.as_slice() {
        [_, _, Some(channels)] => channels.checked_sub(5 + signature.masks()),
        _ => None,
    }
}

/// The predictions, their channels, and how many of these are scores.
fn parts<'a, 'b>(outputs: &'b Outputs<'a>) -> Option<(&'b Tensor<'a>, usize, usize)> {
    let tensor = outputs.of_rank(3)?;
    let &[1, _, channels @ (6..)] = tensor.dimensions.as_slice() else {
        return None;
    };
    let masks = Prototypes::of(outputs).map_or(0, |prototypes| prototypes.count);
    let classes = channels.checked_sub(5 + masks)?;
    (classes > 0).then_some((tensor, channels, classes))
}

fn decode(outputs: &Outputs<'_>, _: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let (tensor, channels, classes) = parts(outputs).ok_or(Wrong::Shape)?;
    finite(&tensor.values)?;
    for (place, line) in tensor.values.chunks_exact(channels).enumerate() {
        let (&[x, y, width, height, objectness], rest) =
            line.split_first_chunk::<5>().ok_or(Wrong::Shape)?;
        if objectness < found.threshold {
            continue;
        }
        let (class, best) = best_of(rest.get(..classes).ok_or(Wrong::Shape)?);
        let confidence = objectness * best;
        if confidence >= found.threshold {
            found.push(Candidate {
                edges: around([x, y, width, height]),
                class,
                confidence,
                place,
            })?;
        }
    }
    Ok(())
}

fn details(outputs: &Outputs<'_>, setup: &Setup, candidate: &Candidate) -> Result<Details, Wrong> {
    let (tensor, channels, classes) = parts(outputs).ok_or(Wrong::Shape)?;
    let mut lines = tensor.values.chunks_exact(channels);
    let line = lines.nth(candidate.place).unwrap_or_default();
    let rest = line.get(5 + classes..).unwrap_or_default();
    details_of(outputs, setup, candidate, rest)
}
