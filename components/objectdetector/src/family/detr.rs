//! DETR: `logits` `[1, queries, classes + 1]`, of which the last is no object, and
//! `pred_boxes` `[1, queries, 4]`, centre and size from 0 to 1.

use super::recognize::{Signature, sizes};
use super::{Defaults, Family, Kind};
use crate::decode::{Candidate, Found, Setup, Wrong, around, best_of, finite, in_pixels};
use crate::family::classes::LabelSet;
use crate::outputs::Outputs;

/// # Source
/// `PostProcess` in `models/detr.py` of facebookresearch's `detr`; the threshold is
/// that of `post_process_object_detection` in Hugging Face's transformers.
pub(super) static KIND: Kind = Kind {
    family: Family::Detr,
    aliases: &["yolos"],
    layout: "logits [1, queries, classes + 1], pred_boxes [1, queries, 4]",
    defaults: Defaults {
        labels: LabelSet::Coco91,
        ..Defaults::IMAGENET
    },
    recognize,
    classes,
    decode,
    details: None,
};

/// What the two outputs are called.
pub(super) const LOGITS: [&str; 2] = ["logits", "pred_logits"];
/// As above.
pub(super) const BOXES: [&str; 1] = ["pred_boxes"];

fn recognize(signature: &Signature<'_>) -> bool {
    signature.named(&LOGITS).is_some() && signature.named(&BOXES).is_some()
}

fn classes(signature: &Signature<'_>) -> Option<usize> {
    match *sizes(signature.named(&LOGITS)?).as_slice() {
        [_, _, Some(columns)] => columns.checked_sub(1),
        _ => None,
    }
}

fn decode(outputs: &Outputs<'_>, setup: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let both = outputs.named(&LOGITS).zip(outputs.named(&BOXES));
    let (logits, boxes) = both.ok_or(Wrong::Shape)?;
    let (rows, columns) = logits.matrix().ok_or(Wrong::Shape)?;
    let boxes = boxes.rows::<4>().ok_or(Wrong::Shape)?;
    if columns < 2 || boxes.len() != rows {
        return Err(Wrong::Shape);
    }
    finite(&logits.values)?;
    finite(boxes.as_flattened())?;
    // A class is never likelier than e^(its logit - that of no object).
    let least = found.threshold.ln();
    for (place, (line, numbers)) in logits.values.chunks_exact(columns).zip(boxes).enumerate() {
        let (none, scores) = line.split_last().ok_or(Wrong::Shape)?;
        let (class, best) = best_of(scores);
        if best - none < least {
            continue;
        }
        let most = best.max(*none);
        let sum: f32 = line.iter().map(|logit| (logit - most).exp()).sum();
        let confidence = (best - most).exp() / sum;
        if confidence >= found.threshold {
            found.push(Candidate {
                edges: in_pixels(around(*numbers), setup.input),
                class,
                confidence,
                place,
            })?;
        }
    }
    Ok(())
}
