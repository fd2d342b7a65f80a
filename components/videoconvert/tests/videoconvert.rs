//! `videoconvert` against a slow reference, and what it negotiates.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by a panic"
)]

mod reference;

use millstream_sdk::prelude::*;
use reference::{convert, pack, samples, unpack};
use videoconvert::VideoConvert;

/// Odd, tiny, and larger than any vector.
const SIZES: [(usize, usize); 11] = [
    (1, 1),
    (2, 2),
    (3, 5),
    (5, 3),
    (16, 2),
    (17, 1),
    (31, 3),
    (34, 7),
    (63, 3),
    (95, 2),
    (641, 6),
];

/// Bytes that repeat from run to run, with the extremes among them.
fn noise(size: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        match state >> 60 {
            0 => 0,
            1 => 255,
            _ => (state >> 32) as u8,
        }
    };
    (0..size).map(|_| next()).collect()
}

fn caps(format: VideoFormat, (width, height): (usize, usize), more: &str) -> String {
    let format = format.as_str();
    format!("video/x-raw, format={format}, width={width}, height={height}, framerate=30/1{more}")
}

/// Runs one frame from fixed caps to fixed caps.
fn run(from: &str, to: &str, bytes: &[u8]) -> Vec<u8> {
    let mut harness = Harness::<VideoConvert>::new("").unwrap();
    harness.set_downstream("src", to).unwrap();
    harness.set_caps("sink", from).unwrap();
    harness.push(Buffer::from_bytes(bytes).with_pts(7)).unwrap();
    let buffer = harness.pull().unwrap();
    assert_eq!(buffer.pts(), Some(7));
    buffer.map().to_vec()
}

fn info(caps: &str) -> VideoInfo {
    VideoInfo::from_caps(&caps.parse().unwrap()).unwrap()
}

/// Converts noise and compares each sample with the reference.
fn check(from: &str, to: &str, tolerance: f64, seed: u64) {
    let (from_info, to_info) = (info(from), info(to));
    let bytes = noise(from_info.size, seed);
    let got = samples(&to_info, &run(from, to, &bytes));
    let picture = unpack(&from_info, &bytes);
    let expected = pack(&to_info, &convert(&picture, &from_info, &to_info));
    assert_eq!(got.len(), expected.len());
    let alpha = |info: &VideoInfo| matches!(info.format, VideoFormat::RGBA | VideoFormat::BGRA);
    for ((x, y, name, got), (.., expected)) in got.into_iter().zip(expected) {
        let expected = match name {
            "a" if from == to && !alpha(&to_info) => continue, // passed as it is
            "a" if !alpha(&from_info) || !alpha(&to_info) => 255.0,
            _ => expected.clamp(0.0, 255.0),
        };
        assert!(
            (got - expected).abs() <= tolerance,
            "{name} at {x},{y}: got {got}, expected {expected}\n  from {from}\n  to   {to}"
        );
    }
}

#[test]
fn every_pair_of_formats_matches_the_reference() {
    for (i, from) in VideoFormat::ALL.iter().enumerate() {
        for (j, to) in VideoFormat::ALL.iter().enumerate() {
            for (k, size) in SIZES.into_iter().enumerate() {
                let seed = (i * 1_000 + j * 50 + k + 1) as u64;
                check(&caps(*from, size, ""), &caps(*to, size, ""), 1.0, seed);
            }
        }
    }
}

#[test]
fn colorimetries_match_the_reference() {
    use VideoFormat::{BGRA, GRAY8, I420, NV12, RGB, RGBx, UYVY, YUY2};
    let spaces = [
        ", colorimetry=bt601",
        ", colorimetry=bt709",
        ", colorimetry=bt2020",
        ", colorimetry=(string)1:4:0:0",
        ", colorimetry=(string)1:3:0:0",
    ];
    let ranges = [", colorimetry=sRGB", ", colorimetry=(string)2:1:7:1"];
    for (i, from) in spaces.iter().chain(&ranges).enumerate() {
        for (j, to) in spaces.iter().chain(&ranges).enumerate() {
            let formats = |rgb| {
                if rgb {
                    [RGB, BGRA, RGBx].as_slice()
                } else {
                    [I420, YUY2, NV12, UYVY, GRAY8].as_slice()
                }
            };
            for a in formats(i >= spaces.len()) {
                for b in formats(j >= spaces.len()) {
                    let size = (21, 6);
                    let seed = (i * 31 + j) as u64;
                    check(&caps(*a, size, from), &caps(*b, size, to), 1.25, seed);
                }
            }
        }
    }
}

#[test]
fn a_large_odd_frame_matches_the_reference() {
    use VideoFormat::{BGRx, I420, NV12, RGB, YUY2};
    for (from, to) in [(I420, RGB), (YUY2, BGRx), (RGB, NV12), (BGRx, I420)] {
        check(
            &caps(from, (641, 479), ""),
            &caps(to, (641, 479), ""),
            1.0,
            5,
        );
    }
}

#[test]
fn named_colours_are_exact() {
    // ITU-R BT.601, limited range: white, black, red, green, blue.
    let table = [
        ([255, 255, 255], [235, 128, 128]),
        ([0, 0, 0], [16, 128, 128]),
        ([255, 0, 0], [81, 90, 240]),
        ([0, 255, 0], [145, 54, 34]),
        ([0, 0, 255], [41, 240, 110]),
    ];
    for (rgb, [y, u, v]) in table {
        let pixels: Vec<u8> = rgb.iter().copied().cycle().take(6).chain([0, 0]).collect();
        let frame = [pixels.clone(), pixels].concat();
        let (rgb_caps, i420) = (
            caps(VideoFormat::RGB, (2, 2), ""),
            caps(VideoFormat::I420, (2, 2), ""),
        );
        let packed = run(&rgb_caps, &i420, &frame);
        assert_eq!(
            (packed[0], packed[5], packed[8], packed[12]),
            (y, y, u, v),
            "{rgb:?}"
        );
    }
}

#[test]
fn repacking_loses_nothing() {
    use VideoFormat::{BGR, BGRA, BGRx, I420, NV12, NV21, RGB, RGBA, RGBx, UYVY, YUY2, YV12};
    let groups: [&[VideoFormat]; 4] = [
        &[I420, YV12, NV12, NV21],
        &[YUY2, UYVY],
        &[RGB, BGR, RGBx, BGRx],
        &[RGBA, BGRA],
    ];
    for group in groups {
        for (from, to) in group
            .iter()
            .flat_map(|from| group.iter().map(move |to| (*from, *to)))
        {
            for size in SIZES {
                let (from, to) = (caps(from, size, ""), caps(to, size, ""));
                let bytes = noise(info(&from).size, 3);
                let back = run(&to, &from, &run(&from, &to, &bytes));
                let kept = |(.., name, _): &reference::Sample| *name != "a" || group.len() == 2;
                let mut expected = samples(&info(&from), &bytes);
                let mut got = samples(&info(&from), &back);
                expected.retain(kept);
                got.retain(kept);
                assert_eq!(got, expected, "{from} by way of {to}");
            }
        }
    }
}

#[test]
fn grey_stays_grey_on_the_way_to_rgb_and_back() {
    let ramp: Vec<u8> = (0..=255).collect();
    let (grey, rgb) = (
        caps(VideoFormat::GRAY8, (256, 1), ""),
        caps(VideoFormat::RGB, (256, 1), ""),
    );
    let pixels = run(&grey, &rgb, &ramp);
    assert!(
        pixels
            .chunks(3)
            .zip(&ramp)
            .all(|(pixel, grey)| pixel == [*grey; 3])
    );
    assert_eq!(run(&rgb, &grey, &pixels), ramp);
}

#[test]
fn equal_caps_pass_the_same_buffer() {
    let caps = caps(VideoFormat::NV12, (6, 4), ", colorimetry=bt709");
    let mut harness = Harness::<VideoConvert>::new("").unwrap();
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
fn metas_travel_along() {
    let mut harness = Harness::<VideoConvert>::new("").unwrap();
    harness
        .set_downstream("src", "video/x-raw, format=RGB")
        .unwrap();
    let from = caps(VideoFormat::I420, (4, 4), "");
    harness.set_caps("sink", &from).unwrap();
    let mut buffer = Buffer::from_bytes(&noise(info(&from).size, 1));
    let rect = Rect {
        x: 1.0,
        y: 1.0,
        width: 2.0,
        height: 2.0,
    };
    let star = Detection::new(rect, 1, "star", 0.5);
    buffer.set_detections(OBJECTS, std::slice::from_ref(&star));
    harness.push(buffer).unwrap();
    let out = harness.pull().unwrap();
    assert_eq!(out.detections(OBJECTS).len(), 1);
    assert_eq!(out.size(), 4 * 3 * 4);
}

#[test]
fn the_format_that_loses_least_is_picked() {
    let all = VideoFormat::ALL.iter().map(|format| format.as_str());
    let all: Vec<&str> = all.collect();
    let table = [
        ("I420", "{ RGB, NV12, GRAY8 }", "NV12"),
        ("I420", "{ GRAY8, RGB }", "RGB"),
        ("I420", "{ YUY2, YV12 }", "YV12"),
        ("RGBA", "{ RGB, I420, BGRA }", "BGRA"),
        ("RGB", "{ I420, BGRx, GRAY8 }", "BGRx"),
        ("RGB", "{ GRAY8, I420, YUY2 }", "YUY2"),
        ("GRAY8", "{ NV12, BGR }", "BGR"),
        ("YUY2", "{ I420, UYVY }", "UYVY"),
    ];
    let pick = |from: &str, accepted: &str| {
        let mut harness = Harness::<VideoConvert>::new("").unwrap();
        harness
            .set_downstream("src", &format!("video/x-raw, format={accepted}"))
            .unwrap();
        let caps = format!("video/x-raw, format={from}, width=4, height=4, framerate=5/1");
        harness.set_caps("sink", &caps).unwrap();
        let picked = harness.caps("src").unwrap().first().unwrap();
        picked.string("format").unwrap().to_owned()
    };
    for (from, accepted, expected) in table {
        assert_eq!(pick(from, accepted), expected, "{from} for {accepted}");
    }
    for from in &all {
        assert_eq!(pick(from, &format!("{{ {} }}", all.join(", "))), *from);
    }
}

#[test]
fn colorimetry_is_kept_between_kinds_that_share_it() {
    let table = [
        ("I420", "NV12", Some("bt709")),
        ("I420", "RGB", None),
        ("I420", "GRAY8", None),
    ];
    for (from, to, expected) in table {
        let mut harness = Harness::<VideoConvert>::new("").unwrap();
        harness
            .set_downstream("src", &format!("video/x-raw, format={to}"))
            .unwrap();
        let caps = format!(
            "video/x-raw, format={from}, width=4, height=4, framerate=5/1, colorimetry=bt709"
        );
        harness.set_caps("sink", &caps).unwrap();
        let picked = harness.caps("src").unwrap().first().unwrap().clone();
        assert_eq!(picked.string("colorimetry"), expected, "{from} to {to}");
    }
}

#[test]
fn short_buffers_are_refused() {
    let mut harness = Harness::<VideoConvert>::new("").unwrap();
    harness
        .set_downstream("src", "video/x-raw, format=RGB")
        .unwrap();
    harness
        .set_caps("sink", &caps(VideoFormat::I420, (4, 4), ""))
        .unwrap();
    let failure = harness.push(Buffer::from_bytes(&[0; 23])).unwrap_err();
    assert_eq!(failure.message, "got 23 bytes, expected 32 for I420 of 4x4");
}

#[test]
fn it_works_without_views() {
    millstream_sdk::harness::without_views(true);
    check(
        &caps(VideoFormat::YUY2, (7, 3), ""),
        &caps(VideoFormat::BGR, (7, 3), ""),
        1.0,
        9,
    );
}
