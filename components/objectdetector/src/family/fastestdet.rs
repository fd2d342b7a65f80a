//! `FastestDet`: `[1, 5 + classes, rows, columns]`, for each cell objectness, box and
//! a score for each class.

use super::recognize::Signature;
use super::{Defaults, Family, Kind};
use crate::decode::{Candidate, Found, Predictions, Setup, Wrong, around, sigmoid};
use crate::geometry::Resize;
use crate::outputs::Outputs;

/// # Source
/// `handle_preds` in `utils/tool.py` and `test.py` of dog-qiuqiu's `FastestDet`.
pub(super) static KIND: Kind = Kind {
    family: Family::FastestDet,
    aliases: &[],
    layout: "[1, 5 + classes, rows, columns]",
    defaults: Defaults {
        confidence: 0.65,
        iou: Some(0.45),
        resize: Resize::Stretch,
        rgb: false,
        ..Defaults::YOLO
    },
    recognize,
    classes,
    decode,
    details: None,
};

fn recognize(signature: &Signature<'_>) -> bool {
    let shape = signature.predictions();
    matches!(shape.as_deref(), Some([_, Some(6..), _, _]))
}

fn classes(signature: &Signature<'_>) -> Option<usize> {
    match signature.predictions()?.as_slice() {
        [_, Some(channels), _, _] => channels.checked_sub(5),
        _ => None,
    }
}

/// confidence = objectness^0.6 · class^0.4; centre (cell + tanh) in cells, sides
/// sigmoid in parts of the input.
fn decode(outputs: &Outputs<'_>, setup: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let tensor = outputs.of_rank(4).ok_or(Wrong::Shape)?;
    let &[1, channels @ (6..), rows, columns] = tensor.dimensions.as_slice() else {
        return Err(Wrong::Shape);
    };
    let cells = rows.checked_mul(columns).ok_or(Wrong::Shape)?;
    let all = Predictions::planar(&tensor.values, channels, cells).ok_or(Wrong::Shape)?;
    let (width, height) = (setup.input.width as f32, setup.input.height as f32);
    let threshold = found.threshold;
    // confidence >= threshold is objectness^3 · class^2 >= threshold^5, which takes
    // no roots; a little less, so that rounding loses nothing.
    let least = threshold.powi(5) * 0.999;
    all.each_best(
        5..channels,
        f32::NEG_INFINITY,
        found,
        |found, cell, best| {
            let (objectness, score) = (all.at(cell, 0).max(0.0), best.max(0.0));
            if objectness.powi(3) * score.powi(2) < least {
                return Ok(());
            }
            let confidence = objectness.powf(0.6) * score.powf(0.4);
            if confidence < threshold {
                return Ok(());
            }
            let [_, tx, ty, tw, th] = all.head(cell);
            let (x, y) = ((cell % columns) as f32, (cell / columns) as f32);
            let center_x = (x + tx.tanh()) / columns as f32 * width;
            let center_y = (y + ty.tanh()) / rows as f32 * height;
            let (width, height) = (sigmoid(tw) * width, sigmoid(th) * height);
            found.push(Candidate {
                edges: around([center_x, center_y, width, height]),
                class: all.class_of(cell, 5..channels, best),
                confidence,
                place: cell,
            })
        },
    )
}
