//! Pixels: conversion, scaling, both, and five boxes with labels.

use super::super::line::{Side, Who};
use super::{Row, ffmpeg_frames, frames};

const SIZES: [(u32, u32); 3] = [(640, 480), (1280, 720), (1920, 1080)];
/// Where the scaled picture goes; its shape may change, so that there are no borders.
const SMALL: &str = "width=320,height=320";
const SCALE: &str = "videoscale method=bilinear add-borders=false";
/// How often the boxes are drawn in the line with them.
const OVERLAYS: usize = 4;
/// What one box and label is to ffmpeg: place, size and colour as the test source has them.
const BOXES: [(&str, u32, u32, u32, u32); 5] = [
    ("star", 53, 144, 128, 123),
    ("cross", 490, 150, 108, 108),
    ("ring", 206, 229, 107, 107),
    ("circle", 353, 40, 102, 102),
    ("square", 88, 397, 82, 82),
];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for format in ["I420", "YUY2", "NV12"] {
        for (width, height) in SIZES {
            rows.push(convert(format, width, height));
        }
    }
    rows.extend(["I420", "RGB"].map(scale));
    rows.push(convert_and_scale());
    rows.push(boxes());
    rows
}

fn clip(format: &str, width: u32, height: u32) -> (String, String) {
    let folder = format!("{format}-{width}x{height}");
    (
        frames(&folder, format, width, height),
        ffmpeg_frames(&folder, format, width, height),
    )
}

/// A side of GStreamer's kind whose sink alone is taken off.
fn line(who: Who, source: &str, work: &str) -> Side {
    Side::new(who, format!("{source} ! {work} ! fakesink")).without(format!("{source} ! fakesink"))
}

fn ffmpeg(source: &str, filters: &str) -> Side {
    Side::new(Who::Ffmpeg, format!("{source} -vf {filters} -f null -"))
        .without(format!("{source} -f null -"))
}

fn convert(format: &str, width: u32, height: u32) -> Row {
    let (source, raw) = clip(format, width, height);
    let sides = vec![
        line(
            Who::Millstream,
            &source,
            "videoconvert ! video/x-raw,format=RGB",
        ),
        line(
            Who::GStreamer,
            &source,
            "videoconvert n-threads=1 ! video/x-raw,format=RGB",
        ),
        ffmpeg(&raw, "format=rgb24"),
        Side::new(Who::OpenCv, format!("convert {format} {width} {height}")),
    ];
    Row::new(
        format!("convert-{format}-{width}x{height}"),
        format!("{format} to RGB, {width}x{height}"),
        sides,
    )
}

fn scale(format: &str) -> Row {
    let (source, raw) = clip(format, 1280, 720);
    let caps = format!("video/x-raw,format={format},{SMALL}");
    let sides = vec![
        line(Who::Millstream, &source, &format!("{SCALE} ! {caps}")),
        line(
            Who::GStreamer,
            &source,
            &format!("{SCALE} n-threads=1 ! {caps}"),
        ),
        ffmpeg(&raw, "scale=320:320:flags=bilinear"),
        Side::new(Who::OpenCv, format!("scale {format} 1280 720")),
    ];
    Row::new(
        format!("scale-{format}"),
        format!("{format} 1280x720 to 320x320, bilinear"),
        sides,
    )
}

fn convert_and_scale() -> Row {
    let (source, raw) = clip("I420", 1280, 720);
    let caps = format!("video/x-raw,format=RGB,{SMALL}");
    let small = format!("video/x-raw,format=I420,{SMALL}");
    let ours = format!("{SCALE} ! {small} ! videoconvert ! {caps}");
    let theirs =
        format!("videoconvertscale n-threads=1 method=bilinear add-borders=false ! {caps}");
    let sides = vec![
        line(Who::Millstream, &source, &ours),
        line(Who::GStreamer, &source, &theirs),
        ffmpeg(&raw, "scale=320:320:flags=bilinear,format=rgb24"),
        Side::new(Who::OpenCv, "convert-scale I420 1280 720"),
    ];
    Row::new(
        "convert-scale",
        "I420 1280x720 to RGB 320x320 (ours: `videoscale ! videoconvert`)",
        sides,
    )
}

/// What the test source drew is drawn over: five boxes that move.
fn boxes() -> Row {
    let source = "videotestsrc pattern=shapes count=5 num-buffers={n} \
         ! video/x-raw,format=I420,width=640,height=480,framerate=30/1";
    let overlay = "! detectionoverlay layer=ground-truth tracks=false trail=0 ";
    let ours = format!("{source} {}! fakesink", overlay.repeat(OVERLAYS));
    let raw = ffmpeg_frames("I420-640x480", "I420", 640, 480);
    let sides = vec![
        Side::new(Who::Millstream, ours)
            .without(format!("{source} ! fakesink"))
            .times(OVERLAYS),
        Side::new(Who::Cairo, format!("{OVERLAYS} {{n}}"))
            .without("0 {n}")
            .times(OVERLAYS),
        ffmpeg(&raw, &drawn()),
        Side::new(Who::OpenCv, "boxes RGB 640 480"),
    ];
    Row::new("boxes", "five boxes and labels, 640x480", sides)
}

/// The filters that draw the boxes, with a label above each.
fn drawn() -> String {
    let filter = |(name, x, y, width, height): &(&str, u32, u32, u32, u32)| {
        format!(
            "drawbox=x={x}:y={y}:w={width}:h={height}:color=red:t=2,\
             drawtext=text={name}_1.00:x={x}:y={}:fontsize=14:fontcolor=white:box=1:boxcolor=red",
            y.saturating_sub(18)
        )
    };
    BOXES.iter().map(filter).collect::<Vec<_>>().join(",")
}
