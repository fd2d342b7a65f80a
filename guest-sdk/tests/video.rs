//! Sizes, planes and colorimetry, against GStreamer's.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

use millstream_sdk::prelude::*;
use millstream_sdk::video::{ColorMatrix, ColorRange, Colorimetry, MAX_DIMENSION};

fn info(caps: &str) -> Result<VideoInfo, Failure> {
    VideoInfo::from_caps(&caps.parse().unwrap())
}

#[test]
fn planes_lie_as_in_gstreamer() {
    // Format, size, (offset, stride, bytes of a row, rows) of each plane, size in bytes.
    type Layout = (usize, usize, usize, usize);
    type Row = (VideoFormat, (usize, usize), &'static [Layout], usize);
    let table: &[Row] = &[
        (
            VideoFormat::I420,
            (320, 240),
            &[
                (0, 320, 320, 240),
                (76_800, 160, 160, 120),
                (96_000, 160, 160, 120),
            ],
            115_200,
        ),
        (
            VideoFormat::I420,
            (5, 3),
            &[(0, 8, 5, 3), (32, 4, 3, 2), (40, 4, 3, 2)],
            48,
        ),
        (
            VideoFormat::YV12,
            (5, 3),
            &[(0, 8, 5, 3), (32, 4, 3, 2), (40, 4, 3, 2)],
            48,
        ),
        (
            VideoFormat::NV12,
            (5, 3),
            &[(0, 8, 5, 3), (32, 8, 6, 2)],
            48,
        ),
        (
            VideoFormat::NV21,
            (6, 2),
            &[(0, 8, 6, 2), (16, 8, 6, 1)],
            24,
        ),
        (VideoFormat::YUY2, (5, 3), &[(0, 12, 12, 3)], 36),
        (VideoFormat::UYVY, (2, 1), &[(0, 4, 4, 1)], 4),
        (VideoFormat::RGB, (5, 3), &[(0, 16, 15, 3)], 48),
        (VideoFormat::BGRx, (5, 3), &[(0, 20, 20, 3)], 60),
        (VideoFormat::GRAY8, (5, 3), &[(0, 8, 5, 3)], 24),
    ];
    for (format, (width, height), planes, size) in table {
        let info = VideoInfo::new(*format, *width, *height).unwrap();
        let got: Vec<Layout> = info
            .planes()
            .iter()
            .map(|p| (p.offset, p.stride, p.row_bytes, p.height))
            .collect();
        assert_eq!(got, *planes, "{format:?} {width}x{height}");
        assert_eq!(info.size, *size, "{format:?} {width}x{height}");
    }
}

#[test]
fn caps_there_and_back() {
    for text in [
        "video/x-raw, format=NV12, width=1920, height=1080, framerate=30000/1001",
        "video/x-raw, format=GRAY8, width=1, height=1, framerate=0/1",
        "video/x-raw, format=I420, width=720, height=576, framerate=25/1, pixel-aspect-ratio=16/15, colorimetry=bt709",
        "video/x-raw, format=YUY2, width=64, height=48, framerate=5/1, colorimetry=1:4:0:0",
    ] {
        let info = info(text).unwrap();
        assert_eq!(
            VideoInfo::from_caps(&info.to_caps()).unwrap(),
            info,
            "{text}"
        );
        assert!(
            info.to_caps().is_equal(&text.parse().unwrap()),
            "{} {text}",
            info.to_caps()
        );
    }
}

#[test]
fn colorimetry_by_default() {
    let table = [
        (VideoFormat::I420, 576, Colorimetry::BT601),
        (VideoFormat::NV12, 577, Colorimetry::BT709),
        (VideoFormat::I420, 2160, Colorimetry::BT2020),
        (VideoFormat::RGB, 240, Colorimetry::SRGB),
        (VideoFormat::GRAY8, 240, Colorimetry::JPEG),
    ];
    for (format, height, expected) in table {
        assert_eq!(
            VideoInfo::new(format, 16, height).unwrap().colorimetry,
            expected
        );
    }
    let full = Colorimetry::from_text("1:4:0:0", Colorimetry::BT601).unwrap();
    assert_eq!(
        (full.range, full.matrix),
        (ColorRange::Full, ColorMatrix::Bt601)
    );
    for wrong in ["", "bt", "1:4:0", "1:4:0:0:0", "3:4:0:0", "1:9:0:0"] {
        assert_eq!(Colorimetry::from_text(wrong, full), None, "{wrong}");
    }
}

#[test]
fn what_cannot_be() {
    let table = [
        ("audio/x-raw", "no `video/x-raw`"),
        ("video/x-raw, width=4, height=4", "no fixed `format`"),
        (
            "video/x-raw, format=P010_10LE, width=4, height=4",
            "no known `format`",
        ),
        (
            "video/x-raw, format=RGB, width=[ 1, 4 ], height=4",
            "no fixed `width`",
        ),
        (
            "video/x-raw, format=RGB, width=-4, height=4",
            "no fixed `width`",
        ),
        (
            "video/x-raw, format=RGB, width=4, height=16385",
            "expected 1 to 16384",
        ),
        (
            "video/x-raw, format=RGB, width=4, height=4, interlace-mode=mixed",
            "interlaced",
        ),
    ];
    for (caps, expected) in table {
        let message = info(caps).unwrap_err().message;
        assert!(message.contains(expected), "{caps}: {message}");
    }
    let most = VideoInfo::new(VideoFormat::RGBA, MAX_DIMENSION, MAX_DIMENSION).unwrap();
    assert_eq!(most.size, 1 << 30);
}

#[test]
fn frames_are_planes_of_rows() {
    let info = VideoInfo::new(VideoFormat::I420, 5, 3).unwrap();
    let mut bytes = vec![0; info.size];
    let mut frame = VideoFrameMut::new(&info, &mut bytes).unwrap();
    let [mut y, mut u, mut v] = frame.planes_mut();
    y.rows_mut().for_each(|row| row.fill(1));
    u.rows_mut().for_each(|row| row.fill(2));
    v.row_mut(1).fill(3);
    assert!(v.row_mut(2).is_empty());
    let frame = VideoFrame::new(&info, &bytes).unwrap();
    assert_eq!(frame.plane(0).rows().collect::<Vec<_>>(), [[1; 5]; 3]);
    assert_eq!(frame.plane(1).row(1), [2; 3]);
    assert_eq!(frame.plane(2).rows().collect::<Vec<_>>(), [[0; 3], [3; 3]]);
    assert!(frame.plane(3).bytes.is_empty());
    assert_eq!(&bytes[5..8], [0; 3], "padding stays");
    assert!(VideoFrame::new(&info, &bytes[1..]).is_err());
}
