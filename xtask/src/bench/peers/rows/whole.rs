//! Whole pipelines: the detection loop, and the start of a line.

use super::super::line::{Side, Who};
use super::{Row, both, frames};

/// One thread, and the engine that Python has.
const ENGINE: &[&str] = &["--backend", "onnxruntime", "--threads", "1"];

/// The models lie beside the checkout; without them the rows are left out.
const DETECTOR: &str = "objectdetector model=../shared/models/FastestDet.onnx ! detectionoverlay";
const WHAT: &str = "FastestDet on 640x480 I420, boxes drawn, ONNX Runtime, one thread";

pub(super) fn rows() -> Vec<Row> {
    vec![detect(), detect_paced(), detect_first(), start()]
}

fn source() -> String {
    frames("photo-I420-640x480", "I420", 640, 480)
}

fn detect() -> Row {
    let sides = vec![
        detector(&source(), "fakesink"),
        Side::new(Who::OpenCv, "detect photo-I420 640 480"),
    ];
    Row::new("detect", WHAT, sides).turn(0.8)
}

/// At 30 frames a second both sleep most of the time.
fn detect_paced() -> Row {
    let sides = vec![
        detector(&source(), "fakesink sync=true"),
        Side::new(Who::OpenCv, "detect-paced photo-I420 640 480"),
    ];
    Row::new("detect-paced", format!("{WHAT}, at 30 frames/s"), sides).turn(2.5)
}

fn detector(source: &str, sink: &str) -> Side {
    Side::new(Who::Millstream, format!("{source} ! {DETECTOR} ! {sink}"))
        .without(format!("{source} ! {sink}"))
        .options(ENGINE)
}

/// From nothing to the first result and the end.
fn detect_first() -> Row {
    let sides = vec![
        detector(&source(), "fakesink"),
        Side::new(Who::Python, "first"),
    ];
    Row {
        is_start: true,
        ..Row::new("detect-first", format!("one frame, {WHAT}"), sides)
    }
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
