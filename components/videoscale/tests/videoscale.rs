//! `videoscale` against a slow reference, and what it negotiates.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::float_cmp,
    reason = "a test fails by a panic"
)]

use millstream_sdk::prelude::*;
use millstream_sdk::video::Family;
use proptest::prelude::*;
use videoscale::VideoScale;

/// Bytes that repeat from run to run.
fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..size).map(|_| next()).collect()
}

fn caps(format: VideoFormat, (width, height): (usize, usize)) -> String {
    let format = format.as_str();
    format!(
        "video/x-raw, format={format}, width={width}, height={height}, framerate=30/1, \
         colorimetry=bt601"
    )
}

fn info(caps: &str) -> VideoInfo {
    VideoInfo::from_caps(&caps.parse().unwrap()).unwrap()
}

fn scale(properties: &str, from: &str, to: &str, buffer: Buffer) -> Buffer {
    let mut harness = Harness::<VideoScale>::new(properties).unwrap();
    harness.set_downstream("src", to).unwrap();
    harness.set_caps("sink", from).unwrap();
    harness.push(buffer.with_pts(9)).unwrap();
    let buffer = harness.pull().unwrap();
    assert_eq!(buffer.pts(), Some(9));
    buffer
}

/// Samples of one kind: their rows, as numbers.
type Grid = Vec<Vec<f64>>;

/// Every kind of sample that a frame has: red, green …, or luma, U, V.
fn grids(info: &VideoInfo, bytes: &[u8]) -> Vec<Grid> {
    let frame = VideoFrame::new(info, bytes).unwrap();
    let grid = |plane: usize, step: usize, at: usize| -> Grid {
        let row = |row: &[u8]| {
            row.iter()
                .skip(at)
                .step_by(step)
                .map(|b| f64::from(*b))
                .collect()
        };
        frame.plane(plane).rows().map(row).collect()
    };
    match info.format.family() {
        Family::Rgb { bytes, .. } => (0..bytes).map(|at| grid(0, bytes, at)).collect(),
        Family::Gray => vec![grid(0, 1, 0)],
        Family::Planar { .. } => vec![grid(0, 1, 0), grid(1, 1, 0), grid(2, 1, 0)],
        Family::SemiPlanar { .. } => vec![grid(0, 1, 0), grid(1, 2, 0), grid(1, 2, 1)],
        Family::Packed422 { yuyv: [y, u, _, v] } => {
            let mut luma = grid(0, 2, y);
            // The group of an odd row's last pixel holds one luma more.
            for row in &mut luma {
                row.truncate(info.width);
            }
            vec![luma, grid(0, 4, u), grid(0, 4, v)]
        }
    }
}

/// A value between samples, whose centres are at half pixels.
fn bilinear(grid: &Grid, width: usize, height: usize) -> Grid {
    let along = |i: usize, from: usize, to: usize| {
        let place =
            ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, from as f64 - 1.0);
        (
            place as usize,
            (place as usize + 1).min(from - 1),
            place.fract(),
        )
    };
    let value = |x: usize, y: usize| {
        let (left, right, across) = along(x, grid[0].len(), width);
        let (top, bottom, down) = along(y, grid.len(), height);
        let row = |row: &Vec<f64>| row[left] * (1.0 - across) + row[right] * across;
        row(&grid[top]) * (1.0 - down) + row(&grid[bottom]) * down
    };
    (0..height)
        .map(|y| (0..width).map(|x| value(x, y)).collect())
        .collect()
}

fn nearest(grid: &Grid, width: usize, height: usize) -> Grid {
    let along = |i: usize, from: usize, to: usize| (2 * i + 1) * from / (2 * to);
    let row = |y| &grid[along(y, grid.len(), height)];
    let value = |x, y| row(y)[along(x, grid[0].len(), width)];
    (0..height)
        .map(|y| (0..width).map(|x| value(x, y)).collect())
        .collect()
}

const METHODS: [&str; 2] = ["bilinear", "nearest-neighbour"];

const SIZES: [[(usize, usize); 2]; 9] = [
    [(1, 1), (7, 5)],
    [(7, 5), (1, 1)],
    [(3, 5), (6, 10)],
    [(16, 8), (8, 4)],
    [(33, 17), (20, 31)],
    [(20, 12), (20, 30)],
    [(20, 12), (47, 12)],
    [(2, 2), (64, 3)],
    [(61, 40), (13, 9)],
];

/// Scales noise both ways.
fn check(format: VideoFormat, from_size: (usize, usize), to_size: (usize, usize), method: &str) {
    let (from, to) = (caps(format, from_size), caps(format, to_size));
    let bytes = noise(info(&from).size, to_size.0 as u64);
    let properties = format!("method={method} add-borders=false");
    let out = scale(&properties, &from, &to, Buffer::from_bytes(&bytes));
    let got = grids(&info(&to), &out.map());
    for (got, source) in got.iter().zip(grids(&info(&from), &bytes)) {
        let (width, height) = (got[0].len(), got.len());
        let (expected, tolerance) = match method {
            "bilinear" => (bilinear(&source, width, height), 1.5),
            _ => (nearest(&source, width, height), 0.0),
        };
        for (got, expected) in got.iter().flatten().zip(expected.iter().flatten()) {
            let off = (got - expected).abs();
            assert!(
                off <= tolerance,
                "got {got}, expected {expected}: {method} {from} to {to}"
            );
        }
    }
}

#[test]
fn every_format_matches_the_reference() {
    for format in VideoFormat::ALL {
        for [from_size, to_size] in SIZES {
            for method in METHODS {
                check(*format, from_size, to_size, method);
            }
        }
    }
}

proptest! {
    /// Sizes decide which loop makes a row: by how far samples lie from each other, and
    /// whether the row is longer than what a loop takes at a time.
    #[test]
    fn any_size_matches_the_reference(
        format in prop::sample::select(VideoFormat::ALL),
        from_width in prop_oneof![1_usize..40, 40_usize..900],
        to_width in prop_oneof![1_usize..40, 40_usize..400],
        (from_height, to_height) in (1_usize..9, 1_usize..9),
        method in prop::sample::select(&METHODS[..]),
    ) {
        check(format, (from_width, from_height), (to_width, to_height), method);
    }
}

#[test]
fn a_constant_picture_stays_constant() {
    for format in VideoFormat::ALL {
        for value in [0, 1, 127, 254, 255] {
            let (from, to) = (caps(*format, (641, 479)), caps(*format, (300, 513)));
            let input = Buffer::from_bytes(&vec![value; info(&from).size]);
            let out = scale("add-borders=false", &from, &to, input);
            let grids = grids(&info(&to), &out.map());
            assert!(
                grids
                    .iter()
                    .flatten()
                    .flatten()
                    .all(|got| *got == f64::from(value)),
                "{to}"
            );
        }
    }
}

#[test]
fn borders_are_black_and_keep_the_shape() {
    // Size in, size out, where the picture lies: x, y, width, height.
    let table = [
        ((16, 8), (16, 16), [0, 4, 16, 8]),
        ((8, 16), (16, 16), [4, 0, 8, 16]),
        ((40, 30), (64, 36), [8, 0, 48, 36]),
        ((41, 20), (41, 28), [0, 4, 41, 20]),
    ];
    for format in VideoFormat::ALL {
        let black = |kind: usize| match format {
            _ if format.is_rgb() => f64::from([0, 0, 0, 255][kind]),
            _ => f64::from([16, 128, 128][kind]),
        };
        for (from_size, to_size, [x, y, width, height]) in table {
            let (from, to) = (caps(*format, from_size), caps(*format, to_size));
            let input = Buffer::from_bytes(&vec![200; info(&from).size]);
            let out = scale("", &from, &to, input);
            for (kind, grid) in grids(&info(&to), &out.map()).iter().enumerate() {
                let across = to_size.0.div_ceil(grid[0].len());
                let down = to_size.1.div_ceil(grid.len());
                for (j, row) in grid.iter().enumerate() {
                    for (i, got) in row.iter().enumerate() {
                        let inside = (x..x + width).contains(&(i * across))
                            && (y..y + height).contains(&(j * down));
                        let expected = if inside { 200.0 } else { black(kind) };
                        assert_eq!(*got, expected, "kind {kind} at {i},{j} of {to}");
                    }
                }
            }
        }
    }
}

#[test]
fn detections_are_scaled_in_all_layers() {
    let (from, to) = (
        caps(VideoFormat::GRAY8, (40, 30)),
        caps(VideoFormat::GRAY8, (64, 36)),
    );
    let mut buffer = Buffer::from_bytes(&vec![0; info(&from).size]);
    let detection = |x, y, width, height| {
        let rect = Rect {
            x,
            y,
            width,
            height,
        };
        Detection {
            track_id: Some(7),
            ..Detection::new(rect, 3, "star", 0.9)
        }
    };
    buffer.set_detections(OBJECTS, &[detection(10.0, 5.0, 20.0, 10.0)]);
    buffer.set_detections(GROUND_TRUTH, &[detection(-3.0e38, 0.0, 3.4e38, 30.0)]);
    let out = scale("", &from, &to, buffer);
    let [object] = &out.detections(OBJECTS)[..] else {
        panic!("one object")
    };
    let Rect {
        x,
        y,
        width,
        height,
    } = object.rect;
    assert_eq!([x, y, width, height], [20.0, 6.0, 24.0, 12.0]);
    assert_eq!((object.label.as_str(), object.track_id), ("star", Some(7)));
    let [truth] = &out.detections(GROUND_TRUTH)[..] else {
        panic!("one truth")
    };
    assert!(truth.rect.x.is_finite() && truth.rect.width.is_finite());
    assert_eq!(truth.rect.height, 36.0);
}

#[test]
fn equal_sizes_pass_the_same_buffer() {
    let caps = caps(VideoFormat::I420, (6, 4));
    let mut harness = Harness::<VideoScale>::new("").unwrap();
    harness.set_caps("sink", &caps).unwrap();
    let bytes = noise(info(&caps).size, 1);
    let buffer = Buffer::from_bytes(&bytes);
    let address = buffer.map().as_ptr();
    harness.push(buffer).unwrap();
    let passed = harness.pull().unwrap();
    assert_eq!(passed.map().as_ptr(), address);
    assert_eq!(*passed.map(), bytes);
}

#[test]
fn sizes_keep_the_shape() {
    // What enters, what downstream accepts, the size that leaves.
    let table = [
        ("width=640, height=480", "", (640, 480)),
        ("width=640, height=360", "width=320", (320, 180)),
        ("width=640, height=360", "height=720", (1280, 720)),
        ("width=1366, height=768", "width=640", (640, 360)),
        ("width=640, height=480", "width=640, height=640", (640, 640)),
        (
            "width=640, height=480",
            "width=[1, 320], height=[1, 320]",
            (320, 240),
        ),
        ("width=640, height=480", "height=[1, 240]", (320, 240)),
        (
            "width=640, height=480",
            "width=[1, 800], height=[600, 900]",
            (800, 600),
        ),
        (
            "width=720, height=576, pixel-aspect-ratio=16/15",
            "pixel-aspect-ratio=1/1",
            (768, 576),
        ),
        (
            "width=720, height=576, pixel-aspect-ratio=16/15",
            "width=360",
            (360, 288),
        ),
    ];
    for (from, accepted, expected) in table {
        let mut harness = Harness::<VideoScale>::new("").unwrap();
        let comma = if accepted.is_empty() { "" } else { ", " };
        harness
            .set_downstream("src", &format!("video/x-raw{comma}{accepted}"))
            .unwrap();
        let sink = format!("video/x-raw, format=RGB, {from}, framerate=30/1");
        harness.set_caps("sink", &sink).unwrap();
        let src = harness.caps("src").unwrap().first().unwrap();
        let size = (src.int("width").unwrap(), src.int("height").unwrap());
        assert_eq!(size, expected, "{from} for `{accepted}`");
    }
}

#[test]
fn colours_mean_the_same_after_scaling() {
    let table = [
        ((640, 480), 720, Some("bt601")),
        ((1280, 720), 480, Some("bt709")),
    ];
    for ((width, height), to, expected) in table {
        let mut harness = Harness::<VideoScale>::new("").unwrap();
        harness
            .set_downstream("src", &format!("video/x-raw, height={to}"))
            .unwrap();
        let sink =
            format!("video/x-raw, format=I420, width={width}, height={height}, framerate=30/1");
        harness.set_caps("sink", &sink).unwrap();
        let src = harness.caps("src").unwrap().first().unwrap();
        assert_eq!(src.string("colorimetry"), expected);
    }
}

#[test]
fn settings_change_while_playing() {
    let (from, to) = (
        caps(VideoFormat::GRAY8, (4, 4)),
        caps(VideoFormat::GRAY8, (8, 4)),
    );
    let mut harness = Harness::<VideoScale>::new("").unwrap();
    harness.set_downstream("src", &to).unwrap();
    harness.set_caps("sink", &from).unwrap();
    let frame = || Buffer::from_bytes(&[200; 16]);
    harness.push(frame()).unwrap();
    assert_eq!(
        harness.pull().unwrap().map()[..8],
        [16, 16, 200, 200, 200, 200, 16, 16]
    );
    harness.set_property("add-borders=false").unwrap();
    harness.push(frame()).unwrap();
    assert_eq!(harness.pull().unwrap().map()[..8], [200; 8]);
}
