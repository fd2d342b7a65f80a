//! Whole pipelines: the detection loop, and the start of a line.

use super::super::line::{Side, Who};
use super::{Row, both, frames};

/// One thread, and the engine that Python has.
const ENGINE: &[&str] = &["--backend", "onnxruntime", "--threads", "1"];

pub(super) fn rows() -> Vec<Row> {
    vec![detect(), start()]
}

/// The models lie beside the checkout; without them the row is left out.
fn detect() -> Row {
    let source = frames("photo-I420-640x480", "I420", 640, 480);
    let detector = "objectdetector model=../shared/models/FastestDet.onnx ! detectionoverlay";
    let sides = vec![
        Side::new(Who::Millstream, format!("{source} ! {detector} ! fakesink"))
            .without(format!("{source} ! fakesink"))
            .options(ENGINE),
        Side::new(Who::OpenCv, "detect photo-I420 640 480"),
    ];
    Row::new(
        "detect",
        "FastestDet on 640x480 I420, boxes drawn, ONNX Runtime, one thread",
        sides,
    )
    .turn(0.8)
}

fn start() -> Row {
    let mut sides = both("videotestsrc num-buffers=1 ! fakesink");
    sides.push(Side::new(
        Who::Ffmpeg,
        "-f lavfi -i testsrc=size=320x240 -frames:v 1 -f null -",
    ));
    Row {
        is_start: true,
        ..Row::new(
            "start",
            "`videotestsrc num-buffers=1 ! fakesink`, warm",
            sides,
        )
    }
}
