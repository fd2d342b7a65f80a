//! `YOLOv7` and YOLOX exported with suppression inside: `[boxes, 7]`, rows of batch,
//! left, top, right, bottom in pixels of the input, class, score.

use super::recognize::{Signature, sizes};
use super::{Defaults, Family, Kind, lists::ordered};
use crate::decode::{Candidate, Found, Setup, Wrong};
use crate::outputs::Outputs;

/// # Source
/// `ONNX_ORT` in `YOLOv7`'s `models/experimental.py`: `--end2end` for ONNX Runtime.
pub(super) static KIND: Kind = Kind {
    family: Family::End2end,
    aliases: &[],
    layout: "[boxes, 7]",
    defaults: Defaults {
        iou: None,
        ..Defaults::YOLO
    },
    recognize,
    classes: |_| None,
    decode,
    details: None,
};

fn recognize(signature: &Signature<'_>) -> bool {
    match signature.model.outputs.as_slice() {
        [output] => matches!(
            sizes(output).as_slice(),
            [_, Some(7)] | [Some(1), None, Some(7)]
        ),
        _ => false,
    }
}

fn decode(outputs: &Outputs<'_>, _: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let [tensor] = outputs.all() else {
        return Err(Wrong::Shape);
    };
    let rows = tensor.rows::<7>().ok_or(Wrong::Shape)?;
    for (place, &[batch, left, top, right, bottom, class, score]) in rows.iter().enumerate() {
        if score.is_nan() || class.is_nan() {
            return Err(Wrong::NotFinite);
        }
        // Unused rows have a batch or a class of -1.
        if score >= found.threshold && class >= 0.0 && batch >= 0.0 {
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
