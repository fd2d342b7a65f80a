//! RT-DETR and its kin: ultralytics' `[1, queries, 4 + classes]` (centre and size from
//! 0 to 1, scores), `labels`, `boxes` and `scores` of the original with its input
//! `orig_target_sizes`, `logits` and `pred_boxes` of Hugging Face.

use super::detr::{BOXES, LOGITS};
use super::lists::ordered;
use super::recognize::{Signature, sizes};
use super::torchvision::of_named_or_typed;
use super::{Defaults, Family, Kind};
use crate::decode::{
    Candidate, Found, Setup, Wrong, around, best_of, finite, in_pixels, logit, sigmoid,
};
use crate::geometry::Resize;
use crate::outputs::{Outputs, Tensor};

/// # Source
/// `RTDETRPredictor` in ultralytics' `models/rtdetr/predict.py`; `RTDETRPostProcessor`
/// in lyuwenyu's `RT-DETR`; `RTDetrImageProcessor` in Hugging Face's transformers,
/// whose threshold is taken.
pub(super) static KIND: Kind = Kind {
    family: Family::RtDetr,
    aliases: &["rtdetr", "rt-detrv2", "d-fine", "deim"],
    layout: "[1, queries, 4 + classes]; or labels [1, queries], boxes [1, queries, 4], \
             scores [1, queries]; or logits [1, queries, classes], pred_boxes [1, queries, 4]",
    defaults: Defaults {
        confidence: 0.5,
        iou: None,
        resize: Resize::Stretch,
        pad: 0.0,
        ..Defaults::YOLO
    },
    recognize,
    classes,
    decode,
    details: None,
};

/// What all of them have, where DETR has 100.
const QUERIES: usize = 300;

fn recognize(signature: &Signature<'_>) -> bool {
    if signature.input.has_constant("orig_target_sizes") {
        return signature.has_all(&["labels", "boxes", "scores"]);
    }
    if let Some(logits) = signature.named(&LOGITS) {
        let of_queries = matches!(sizes(logits).as_slice(), [_, Some(QUERIES), _]);
        return of_queries && signature.named(&BOXES).is_some();
    }
    let by_name = signature
        .metadata("description")
        .is_some_and(|text| text.to_ascii_lowercase().contains("rtdetr"));
    match signature.predictions().as_deref() {
        Some([_, Some(QUERIES), Some(columns)]) => {
            let rows_of_boxes = *columns == 6 + signature.extras() && !by_name;
            *columns >= 5 && !rows_of_boxes && !signature.is_cells(QUERIES, 3)
        }
        Some([_, None, Some(5..)]) => by_name,
        _ => false,
    }
}

fn classes(signature: &Signature<'_>) -> Option<usize> {
    if let Some(logits) = signature.named(&LOGITS) {
        return sizes(logits).last().copied().flatten();
    }
    match *signature.predictions()?.as_slice() {
        [_, _, Some(columns)] => columns.checked_sub(4),
        _ => None,
    }
}

fn decode(outputs: &Outputs<'_>, setup: &Setup, found: &mut Found) -> Result<(), Wrong> {
    if let Some((logits, boxes)) = outputs.named(&LOGITS).zip(outputs.named(&BOXES)) {
        return decode_logits(logits, boxes, setup, found);
    }
    if let [tensor] = outputs.all() {
        return decode_rows(tensor, setup, found);
    }
    let list = of_named_or_typed(outputs, "boxes").ok_or(Wrong::Shape)?;
    list.decode(found, ordered)
}

fn decode_rows(tensor: &Tensor<'_>, setup: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let (_, columns @ 5..) = tensor.matrix().ok_or(Wrong::Shape)? else {
        return Err(Wrong::Shape);
    };
    finite(&tensor.values)?;
    for (place, line) in tensor.values.chunks_exact(columns).enumerate() {
        let (numbers, scores) = line.split_first_chunk::<4>().ok_or(Wrong::Shape)?;
        let (class, best) = best_of(scores);
        if best >= found.threshold {
            found.push(Candidate {
                edges: in_pixels(around(*numbers), setup.input),
                class,
                confidence: best,
                place,
            })?;
        }
    }
    Ok(())
}

fn decode_logits(
    logits: &Tensor<'_>,
    boxes: &Tensor<'_>,
    setup: &Setup,
    found: &mut Found,
) -> Result<(), Wrong> {
    let (rows, columns @ 1..) = logits.matrix().ok_or(Wrong::Shape)? else {
        return Err(Wrong::Shape);
    };
    let boxes = boxes.rows::<4>().ok_or(Wrong::Shape)?;
    if boxes.len() != rows {
        return Err(Wrong::Shape);
    }
    finite(&logits.values)?;
    finite(boxes.as_flattened())?;
    let least = logit(found.threshold);
    for (place, (line, numbers)) in logits.values.chunks_exact(columns).zip(boxes).enumerate() {
        let (class, best) = best_of(line);
        if best >= least {
            found.push(Candidate {
                edges: in_pixels(around(*numbers), setup.input),
                class,
                confidence: sigmoid(best),
                place,
            })?;
        }
    }
    Ok(())
}
