//! JPEG and PNG, to and from.

use super::super::line::{FRAMES, Side, Who};
use super::{Row, ffmpeg_frames, frames};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for sampling in ["422", "420"] {
        rows.push(decode(sampling, false));
        rows.push(decode(sampling, true));
    }
    rows.extend(["I420", "RGB"].map(encode));
    rows.push(decode_png());
    rows.push(encode_png());
    rows
}

/// Decoded as each side likes best, or to RGB.
fn decode(sampling: &str, to_rgb: bool) -> Row {
    let folder = format!("{FRAMES}/jpeg{sampling}-1280x720");
    let source = format!(
        "multifilesrc location={folder}/%02d.jpg loop=true stop-index=7 num-buffers={{n}} \
         caps=image/jpeg,framerate=30/1"
    );
    let without = format!("{source} ! fakesink");
    let side = |who, convert: &str| {
        let rgb = format!(" ! videoconvert{convert} ! video/x-raw,format=RGB");
        let rgb = if to_rgb { rgb.as_str() } else { "" };
        Side::new(who, format!("{source} ! jpegdec{rgb} ! fakesink")).without(&without)
    };
    let raw = format!(
        "-threads 1 -filter_threads 1 -stream_loop -1 -f mjpeg -i {folder}/all.mjpeg -frames:v {{n}}"
    );
    let filter = if to_rgb { "-vf format=rgb24 " } else { "" };
    let mut sides = vec![
        side(Who::Millstream, ""),
        side(Who::GStreamer, " n-threads=1"),
        Side::new(Who::Ffmpeg, format!("{raw} {filter}-f null -"))
            .without(format!("{raw} -c:v copy -f null -")),
    ];
    let (suffix, to) = if to_rgb {
        ("-rgb", "RGB")
    } else {
        ("", "what each decodes to")
    };
    if to_rgb {
        sides.push(Side::new(
            Who::OpenCv,
            format!("decode jpeg{sampling} 1280 720"),
        ));
    }
    Row::new(
        format!("jpegdec-{sampling}{suffix}"),
        format!(
            "JPEG decode 1280x720, 4:2:{} to {to}",
            &sampling.get(2..).unwrap_or_default()
        ),
        sides,
    )
}

/// GStreamer would write RGB into the picture as it is; what others write is 4:2:0.
fn encode(format: &str) -> Row {
    let source = frames(&format!("photo-{format}-640x480"), format, 640, 480);
    let without = format!("{source} ! fakesink");
    let line = |work: &str| format!("{source} ! {work} ! fakesink");
    let theirs = match format {
        "RGB" => "videoconvert n-threads=1 ! video/x-raw,format=I420 ! jpegenc quality=85",
        _ => "jpegenc quality=85",
    };
    let mut sides = vec![
        Side::new(Who::Millstream, line("jpegenc quality=85"))
            .or(line("videoconvert ! jpegenc quality=85"))
            .without(&without),
        Side::new(Who::GStreamer, line(theirs)).without(&without),
    ];
    if format == "RGB" {
        sides.push(Side::new(Who::OpenCv, "encode jpeg 640 480"));
    }
    Row::new(
        format!("jpegenc-{format}"),
        format!("JPEG encode 640x480, quality 85, from {format}"),
        sides,
    )
}

fn decode_png() -> Row {
    let folder = format!("{FRAMES}/png-640x480");
    let source = format!(
        "multifilesrc location={folder}/%02d.png loop=true stop-index=7 num-buffers={{n}} \
         caps=image/png,framerate=30/1"
    );
    let sides = super::both_without(
        &format!("{source} ! pngdec ! fakesink"),
        &format!("{source} ! fakesink"),
    );
    let opencv = [Side::new(Who::OpenCv, "decode png 640 480")];
    Row::new(
        "pngdec",
        "PNG decode 640x480",
        sides.into_iter().chain(opencv).collect(),
    )
}

/// GStreamer's does not filter: it does less, and its pictures have 1.4 times the bytes.
fn encode_png() -> Row {
    let source = frames("photo-RGB-640x480", "RGB", 640, 480);
    let raw = ffmpeg_frames("photo-RGB-640x480", "RGB", 640, 480);
    let mut sides = super::both_without(
        &format!("{source} ! pngenc compression-level=6 ! fakesink"),
        &format!("{source} ! fakesink"),
    );
    sides.push(
        Side::new(
            Who::Ffmpeg,
            format!("{raw} -c:v png -threads 1 -compression_level 6 -pred mixed -f null -"),
        )
        .without(format!("{raw} -f null -")),
    );
    sides.push(Side::new(Who::OpenCv, "encode png 640 480"));
    Row::new(
        "pngenc",
        "PNG encode 640x480 from RGB, level 6 (GStreamer: unfiltered)",
        sides,
    )
}
