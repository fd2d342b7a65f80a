//! YOLOX: `[1, cells, 5 + classes]`, box in units of strides, objectness, classes.

use super::recognize::Signature;
use super::{Defaults, Family, Kind, STRIDES, cells, grid};
use crate::decode::{Candidate, Found, Setup, Wrong, around, best_of, finite};
use crate::geometry::Resize;
use crate::outputs::Outputs;

/// # Source
/// `demo_postprocess` in YOLOX' `utils/demo_utils.py`; `preproc` in its
/// `data/data_augment.py`; `demo/ONNXRuntime/onnx_inference.py`.
pub(super) static KIND: Kind = Kind {
    family: Family::Yolox,
    aliases: &[],
    layout: "[1, cells of strides 8, 16, 32, 5 + classes]",
    defaults: Defaults {
        confidence: 0.3,
        iou: Some(0.45),
        resize: Resize::LetterboxTopleft,
        rgb: false,
        white: 255.0,
        ..Defaults::YOLO
    },
    recognize,
    classes,
    decode,
    details: None,
};

fn recognize(signature: &Signature<'_>) -> bool {
    // YOLOv8 turned round has as many rows; who wrote the file, or how many labels
    // it has, tells them apart.
    let Some(shape) = signature.predictions() else {
        return false;
    };
    match *shape.as_slice() {
        [_, Some(rows), Some(channels @ 6..)] => {
            let turned = signature.is_ultralytics() || channels == 4 + signature.labels;
            rows == cells(signature.input.size, &STRIDES) && !turned
        }
        _ => false,
    }
}

fn classes(signature: &Signature<'_>) -> Option<usize> {
    match *signature.predictions()?.as_slice() {
        [_, _, Some(channels)] => channels.checked_sub(5),
        _ => None,
    }
}

fn decode(outputs: &Outputs<'_>, setup: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let tensor = outputs.of_rank(3).ok_or(Wrong::Shape)?;
    let &[1, rows, channels @ (6..)] = tensor.dimensions.as_slice() else {
        return Err(Wrong::Shape);
    };
    if rows != cells(setup.input, &STRIDES) {
        return Err(Wrong::Shape);
    }
    finite(&tensor.values)?;
    let lines = tensor.values.chunks_exact(channels);
    for (place, ((x, y, stride), line)) in grid(setup.input, &STRIDES).zip(lines).enumerate() {
        let (&[tx, ty, tw, th, objectness], scores) =
            line.split_first_chunk::<5>().ok_or(Wrong::Shape)?;
        if objectness < found.threshold {
            continue;
        }
        let (class, best) = best_of(scores);
        let confidence = objectness * best;
        if confidence >= found.threshold {
            let (width, height) = (tw.exp() * stride, th.exp() * stride);
            found.push(Candidate {
                edges: around([(tx + x) * stride, (ty + y) * stride, width, height]),
                class,
                confidence,
                place,
            })?;
        }
    }
    Ok(())
}
