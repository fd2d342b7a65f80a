//! What `detectionoverlay` draws, and that it touches nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

use detectionoverlay::DetectionOverlay;
use millstream_sdk::prelude::*;

const FORMATS: [&str; 11] = [
    "RGB", "BGR", "RGBA", "BGRA", "RGBx", "BGRx", "GRAY8", "I420", "YV12", "NV12", "NV21",
];

fn caps(format: &str, width: usize, height: usize) -> String {
    format!("video/x-raw, format={format}, width={width}, height={height}, framerate=1/1")
}

fn info(caps: &str) -> VideoInfo {
    VideoInfo::from_caps(&caps.parse().unwrap()).unwrap()
}

fn found(rect: [f32; 4], class_id: u32, label: &str, confidence: f32) -> Detection {
    let [x, y, width, height] = rect;
    let rect = Rect {
        x,
        y,
        width,
        height,
    };
    Detection::new(rect, class_id, label, confidence)
}

/// Draws onto a frame in which all bytes are 100.
fn draw(properties: &str, caps: &str, detections: &[Detection]) -> Vec<u8> {
    let mut harness = Harness::<DetectionOverlay>::new(properties).unwrap();
    harness.set_caps("sink", caps).unwrap();
    let mut buffer = Buffer::from_bytes(&vec![100; info(caps).size]);
    buffer.set_detections(OBJECTS, detections);
    harness.push(buffer).unwrap();
    harness.pull().unwrap().map().to_vec()
}

/// Pixels that changed, chroma widened to the pixels that it covers.
fn changed(info: &VideoInfo, bytes: &[u8]) -> Vec<(usize, usize)> {
    let frame = VideoFrame::new(info, bytes).unwrap();
    let mut pixels = Vec::new();
    for (index, layout) in info.planes().iter().enumerate() {
        let sample = layout.row_bytes / layout.width;
        let (across, down) = if index == 0 { (1, 1) } else { (2, 2) };
        for (y, row) in frame.plane(index).rows().enumerate() {
            for (x, sample) in row.chunks(sample).enumerate() {
                if sample.iter().any(|byte| *byte != 100) {
                    pixels.push((x * across, y * down));
                }
            }
        }
    }
    pixels
}

#[test]
fn only_box_and_tag_change() {
    for format in FORMATS {
        let caps = caps(format, 160, 120);
        let bytes = draw(
            "",
            &caps,
            &[found([40.0, 50.0, 60.0, 40.0], 2, "star", 0.93)],
        );
        let pixels = changed(&info(&caps), &bytes);
        assert!(pixels.len() > 300, "{format}");
        for (x, y) in pixels {
            // Lines of 2 px, one outside; the tag of 14 rows stands on them. Chroma
            // may begin a pixel earlier.
            let outer = (38..102).contains(&x) && (48..92).contains(&y);
            let inner = (42..98).contains(&x) && (52..88).contains(&y);
            let tag = (38..110).contains(&x) && (34..50).contains(&y);
            assert!(outer && !inner || tag, "{format} at {x},{y}");
        }
    }
}

#[test]
fn lines_have_the_colour_of_the_class() {
    // Class 2 is 2f7dff, class 22 too. Luma and chroma after BT.601, limited range.
    for (format, class, expected) in [
        ("RGB", 2, vec![0x2f, 0x7d, 0xff]),
        ("BGRA", 22, vec![0xff, 0x7d, 0x2f, 0xff]),
        ("I420", 2, vec![116]),
        ("GRAY8", 2, vec![0xff]),
    ] {
        let caps = caps(format, 64, 64);
        let properties = "labels=false confidence=false thickness=4";
        let bytes = draw(
            properties,
            &caps,
            &[found([16.0, 16.0, 32.0, 32.0], class, "star", 0.5)],
        );
        let info = info(&caps);
        let frame = VideoFrame::new(&info, &bytes).unwrap();
        for (x, y) in [(14, 14), (17, 40), (49, 49), (30, 15), (30, 48)] {
            let sample = expected.len();
            let pixel = &frame.plane(0).row(y)[x * sample..(x + 1) * sample];
            assert_eq!(pixel, expected, "{format} at {x},{y}");
        }
        if format == "I420" {
            assert_eq!(
                (frame.plane(1).row(7)[7], frame.plane(2).row(7)[7]),
                (197, 84)
            );
        }
    }
}

#[test]
fn opacity_shines_through_once() {
    let caps = caps("GRAY8", 64, 64);
    let properties = "labels=false confidence=false opacity=0.5";
    let bytes = draw(
        properties,
        &caps,
        &[found([16.0, 16.0, 32.0, 32.0], 0, "", 0.5)],
    );
    let levels: std::collections::BTreeSet<u8> = bytes.into_iter().collect();
    assert_eq!(levels.into_iter().collect::<Vec<_>>(), [100, 178]);
}

#[test]
fn nothing_to_draw_passes_the_bytes_untouched() {
    let caps = caps("RGB", 16, 16);
    let far = found([500.0, 500.0, 5.0, 5.0], 0, "star", 1.0);
    let tables = [
        ("", vec![]),
        ("", vec![far]),
        (
            "opacity=0",
            vec![found([1.0, 1.0, 5.0, 5.0], 0, "star", 1.0)],
        ),
        (
            "layer=ground-truth",
            vec![found([1.0, 1.0, 5.0, 5.0], 0, "star", 1.0)],
        ),
    ];
    for (properties, detections) in tables {
        assert_eq!(
            draw(properties, &caps, &detections),
            vec![100; info(&caps).size]
        );
    }
}

#[test]
fn no_detections_means_no_copy() {
    let mut harness = Harness::<DetectionOverlay>::new("").unwrap();
    harness.set_caps("sink", &caps("RGB", 4, 4)).unwrap();
    let buffer = Buffer::from_bytes(&[1; 48]);
    let other = buffer.share();
    harness.push(buffer).unwrap();
    assert_eq!(harness.pull().unwrap().map().as_ptr(), other.map().as_ptr());
}

#[test]
fn a_shared_frame_is_copied_before_drawing() {
    let mut harness = Harness::<DetectionOverlay>::new("").unwrap();
    harness.set_caps("sink", &caps("GRAY8", 32, 32)).unwrap();
    let mut buffer = Buffer::from_bytes(&[100; 1024]);
    let other = buffer.share();
    buffer.set_detections(OBJECTS, &[found([4.0, 4.0, 20.0, 20.0], 0, "star", 0.5)]);
    harness.push(buffer).unwrap();
    assert_ne!(*harness.pull().unwrap().map(), *other.map());
    assert!(other.map().iter().all(|byte| *byte == 100));
}

#[test]
fn the_tag_moves_inside_at_the_top_and_left_at_the_right() {
    let caps = caps("GRAY8", 200, 100);
    let info = info(&caps);
    let rows = |rect| {
        let bytes = draw("", &caps, &[found(rect, 0, "triangle", 0.5)]);
        let pixels = changed(&info, &bytes);
        let (xs, ys) = (pixels.iter().map(|p| p.0), pixels.iter().map(|p| p.1));
        (xs.clone().min(), xs.max(), ys.clone().min(), ys.max())
    };
    // Top edge at 3: the tag begins there too.
    assert_eq!(
        rows([20.0, 4.0, 100.0, 50.0]),
        (Some(19), Some(120), Some(3), Some(54))
    );
    // Right of 180 there is no room for the text.
    let (left, right, top, _) = rows([185.0, 50.0, 40.0, 20.0]);
    assert!(left.unwrap() < 150 && right == Some(199) && top == Some(35));
}

#[test]
fn any_box_on_any_frame_is_safe() {
    let edges = [-3.0e38, -40.0, -1.0, 0.0, 0.4, 7.5, 40.0, 3.0e38];
    let extents = [0.0, 0.3, 1.0, 17.0, 500.0, 3.4e38];
    let mut all = Vec::new();
    for (i, x) in edges.iter().enumerate() {
        for y in edges {
            for (j, extent) in extents.iter().enumerate() {
                let label = ["", "star", "\u{0}\n漢字 🦀", "Ünïcödé"][(i + j) % 4];
                all.push(found(
                    [*x, y, *extent, extents[(i + j) % 6]],
                    i as u32 * 99,
                    label,
                    1.0,
                ));
            }
        }
    }
    for format in FORMATS {
        for (width, height) in [(1, 1), (3, 5), (17, 9), (64, 48)] {
            for properties in ["", "thickness=64 font-size=512", "opacity=0.3 labels=false"] {
                draw(properties, &caps(format, width, height), &all);
            }
        }
    }
}

#[test]
fn a_layer_may_hold_4096_boxes() {
    let place = |i: usize| {
        found(
            [(i % 64 * 5) as f32, (i / 64 * 3) as f32, 9.0, 9.0],
            1,
            "x",
            0.1,
        )
    };
    let all: Vec<Detection> = (0..4096).map(place).collect();
    assert!(
        draw("", &caps("NV12", 320, 240), &all)
            .iter()
            .any(|byte| *byte != 100)
    );
}

#[test]
fn letters_show() {
    let caps = caps("RGB", 320, 240);
    let star = [found([60.0, 100.0, 150.0, 80.0], 0, "star", 0.93)];
    let plain = draw("labels=false confidence=false", &caps, &star);
    let count = |bytes: &[u8]| bytes.chunks(3).filter(|pixel| *pixel != [100; 3]).count();
    let dark = |bytes: &[u8]| {
        bytes
            .chunks(3)
            .filter(|p| p.iter().all(|b| *b < 40))
            .count()
    };
    assert_eq!(dark(&plain), 0);
    for (properties, least) in [("", 80), ("labels=false", 40), ("confidence=false", 40)] {
        let bytes = draw(properties, &caps, &star);
        assert!(
            dark(&bytes) > least && count(&bytes) > count(&plain),
            "`{properties}`"
        );
    }
}

#[test]
fn settings_change_while_playing() {
    let mut harness = Harness::<DetectionOverlay>::new("labels=false confidence=false").unwrap();
    harness.set_caps("sink", &caps("GRAY8", 64, 64)).unwrap();
    let mut count = || {
        let mut buffer = Buffer::from_bytes(&[100; 4096]);
        buffer.set_detections(OBJECTS, &[found([10.0, 10.0, 30.0, 30.0], 0, "star", 0.5)]);
        harness.push(buffer).unwrap();
        let drawn = harness
            .pull()
            .unwrap()
            .map()
            .iter()
            .filter(|byte| **byte != 100)
            .count();
        harness.set_property("thickness=6").unwrap();
        drawn
    };
    assert_eq!((count(), count()), (32 * 32 - 28 * 28, 36 * 36 - 24 * 24));
}
