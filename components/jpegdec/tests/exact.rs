//! Samples are those of the standard's formulas, whatever the sampling; what the decoder
//! of the crate `image` says of the same picture is the same within a few levels.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test"
)]

mod made;

use jpegdec::JpegDec;
use jpegenc::JpegEnc;
use made::{Codes, Component, Plan, Random};
use millstream_sdk::prelude::*;
use proptest::prelude::*;

/// Blocks of a unit of luma and of chroma: 4:4:4, 4:2:2, 4:4:0, 4:2:0, 4:1:1, 4:1:0, and
/// the same written otherwise; chroma of which one is larger.
const SAMPLINGS: [[(usize, usize); 3]; 12] = [
    [(1, 1), (1, 1), (1, 1)],
    [(2, 1), (1, 1), (1, 1)],
    [(1, 2), (1, 1), (1, 1)],
    [(2, 2), (1, 1), (1, 1)],
    [(4, 1), (1, 1), (1, 1)],
    [(4, 2), (1, 1), (1, 1)],
    [(1, 4), (1, 1), (1, 1)],
    [(2, 2), (1, 2), (1, 2)],
    [(2, 2), (2, 1), (2, 1)],
    [(1, 2), (1, 2), (1, 2)],
    [(2, 2), (1, 2), (2, 1)],
    [(4, 1), (2, 1), (1, 1)],
];

fn decoded(jpeg: &[u8], format: &str) -> (VideoInfo, Vec<u8>) {
    let mut decoder = Harness::<JpegDec>::new("max-errors=0").unwrap();
    decoder.set_caps("sink", "image/jpeg").unwrap();
    let downstream = format!("video/x-raw, format={format}");
    decoder.set_downstream("src", &downstream).unwrap();
    decoder.push(Buffer::from_bytes(jpeg).with_pts(0)).unwrap();
    let info = VideoInfo::from_caps(decoder.caps("src").unwrap()).unwrap();
    let frame = decoder.pull().unwrap();
    let bytes = frame.map().to_vec();
    (info, bytes)
}

/// The largest difference of a plane to what it has to be.
fn worst(
    info: &VideoInfo,
    bytes: &[u8],
    plane: usize,
    expected: impl Fn(usize, usize) -> f64,
) -> f64 {
    let frame = VideoFrame::new(info, bytes).unwrap();
    let rows = frame.plane(plane).rows().enumerate();
    let differences = rows.flat_map(|(y, row)| {
        let samples = row.iter().enumerate();
        samples.map(move |(x, sample)| (x, y, f64::from(*sample)))
    });
    let differences = differences.map(|(x, y, sample)| (sample - expected(x, y)).abs());
    differences.fold(0.0, f64::max)
}

/// The mean of four pixels' chroma.
fn mean(chroma: &Component, x: usize, y: usize) -> f64 {
    let places = [(0, 0), (1, 0), (0, 1), (1, 1)];
    let samples = places.map(|(dx, dy)| chroma.at(2 * x + dx, 2 * y + dy));
    samples.iter().sum::<f64>() / 4.0
}

/// Half a level for rounding, another one where means are of rounded samples, and what
/// 16 bits cost.
const BOUND: f64 = 0.7;
const MEAN_BOUND: f64 = 1.2;

proptest! {
    #[test]
    fn samples_are_exact(
        width in 1_usize..70, height in 1_usize..50,
        sampling in 0..SAMPLINGS.len(), restart in 0_usize..7, step in 1_u8..60, seed: u64,
    ) {
        let sampling = SAMPLINGS[sampling].to_vec();
        let plan = Plan { width, height, sampling, restart, step };
        let (jpeg, [luma, u, v]) = {
            let (jpeg, components) = made::picture(&plan, &Codes::new(), &mut Random(seed));
            (jpeg, <[Component; 3]>::try_from(components).ok().unwrap())
        };
        let (info, bytes) = decoded(&jpeg, "I420");
        prop_assert_eq!(info.colorimetry.to_string(), "1:4:0:0");
        let found = worst(&info, &bytes, 0, |x, y| luma.at(x, y));
        prop_assert!(found < BOUND, "luma {}", found);
        for (plane, chroma) in [(1, &u), (2, &v)] {
            let found = worst(&info, &bytes, plane, |x, y| mean(chroma, x, y));
            prop_assert!(found < MEAN_BOUND, "chroma {}", found);
        }
        if plan.sampling[1..] == [plan.sampling[0]; 2] {
            let (info, bytes) = decoded(&jpeg, "RGB");
            let found = worst(&info, &bytes, 0, |x, y| {
                let (x, channel) = (x / 3, x % 3);
                let (u, v) = (u.at(x, y) - 128.0, v.at(x, y) - 128.0);
                let chroma = [1.402 * v, -0.344_136 * u - 0.714_136 * v, 1.772 * u];
                (luma.at(x, y) + chroma[channel]).clamp(0.0, 255.0)
            });
            prop_assert!(found < 2.5, "RGB {}", found);
        }
    }

    #[test]
    fn gray_is_exact(
        width in 1_usize..70, height in 1_usize..50, across in 1_usize..=2, down in 1_usize..=2,
        restart in 0_usize..7, step in 1_u8..60, seed: u64,
    ) {
        let plan = Plan { width, height, sampling: vec![(1, 1)], restart, step };
        let (mut jpeg, components) = made::picture(&plan, &Codes::new(), &mut Random(seed));
        // It says nothing where there is but one component.
        let frame = jpeg.windows(2).position(|bytes| bytes == [0xff, 0xc1]).unwrap();
        jpeg[frame + 11] = (across << 4 | down) as u8;
        for (format, bytes_each) in [("GRAY8", 1), ("RGB", 3)] {
            let (info, bytes) = decoded(&jpeg, format);
            let found = worst(&info, &bytes, 0, |x, y| components[0].at(x / bytes_each, y));
            prop_assert!(found < BOUND, "{} {}", format, found);
        }
    }
}

/// A scene in a format, encoded.
fn encoded(format: &str, width: usize, height: usize) -> Vec<u8> {
    let caps = format!(
        "video/x-raw, format={format}, width={width}, height={height}, framerate=5/1, colorimetry={}",
        if format == "RGB" { "sRGB" } else { "1:4:0:0" }
    );
    let info = VideoInfo::from_caps(&caps.parse().unwrap()).unwrap();
    let mut bytes = vec![0; info.size];
    let mut frame = VideoFrameMut::new(&info, &mut bytes).unwrap();
    for plane in 0..info.planes().len() {
        for (y, row) in frame.plane_mut(plane).rows_mut().enumerate() {
            for (x, byte) in row.iter_mut().enumerate() {
                let wave = (x as f64 / 17.0 + plane as f64).sin() * (y as f64 / 11.0).cos();
                // Little chroma, so that no colour is beyond what RGB can say.
                let most = if plane == 0 { 70.0 } else { 25.0 };
                *byte = (128.0 + most * wave) as u8;
            }
        }
    }
    let mut encoder = Harness::<JpegEnc>::new("quality=90").unwrap();
    encoder.set_caps("sink", &caps).unwrap();
    encoder.push(Buffer::from_bytes(&bytes)).unwrap();
    encoder.pull().unwrap().map().to_vec()
}

#[test]
fn another_decoder_sees_the_same_colours() {
    for format in ["RGB", "I420", "YUY2", "GRAY8"] {
        for (width, height) in [
            (64, 48),
            (33, 17),
            (1, 1),
            (2, 2),
            (17, 40),
            (130, 9),
            (15, 16),
        ] {
            let jpeg = encoded(format, width, height);
            let (info, ours) = decoded(&jpeg, "RGB");
            let theirs = image::load_from_memory(&jpeg).unwrap().into_rgb8();
            let found = worst(&info, &ours, 0, |x, y| {
                f64::from(theirs.get_pixel(x as u32 / 3, y as u32)[x % 3])
            });
            // Between samples of chroma they take other means than libjpeg and we do.
            let bound = if format == "RGB" || format == "GRAY8" {
                3.0
            } else {
                6.0
            };
            assert!(found <= bound, "{format} {width}x{height}: {found}");
        }
    }
}

#[test]
fn the_first_format_keeps_what_the_picture_has() {
    for (format, expected) in [
        ("RGB", "RGB"),
        ("I420", "I420"),
        ("YUY2", "I420"),
        ("GRAY8", "GRAY8"),
    ] {
        let (info, _) = decoded(&encoded(format, 20, 20), "{ GRAY8, I420, RGB }");
        assert_eq!(info.format.as_str(), expected, "{format}");
    }
}

#[test]
fn the_codes_of_the_standard_need_not_be_there() {
    for format in ["YUY2", "GRAY8"] {
        let jpeg = encoded(format, 33, 17);
        let (mut without, mut rest) = (Vec::new(), &jpeg[..]);
        while let Some(at) = rest.windows(2).position(|bytes| bytes == [0xff, 0xc4]) {
            without.extend(&rest[..at]);
            let length = u16::from_be_bytes([rest[at + 2], rest[at + 3]]);
            rest = &rest[at + 2 + usize::from(length)..];
        }
        without.extend(rest);
        assert!(without.len() + 200 < jpeg.len());
        assert!(decoded(&without, "{ I420, GRAY8 }") == decoded(&jpeg, "{ I420, GRAY8 }"));
    }
}

/// What the general decoder has to do becomes what was agreed on.
#[test]
fn a_damaged_picture_becomes_planes_too() {
    let jpeg = encoded("I420", 64, 64);
    let (info, whole) = decoded(&jpeg, "I420");
    let scan = jpeg.windows(2).position(|bytes| bytes == [0xff, 0xda]);
    let scan = scan.unwrap();
    let (_, cut) = decoded(&jpeg[..scan + (jpeg.len() - scan) * 3 / 4], "I420");
    assert!(whole != cut);
    // The upper half was there.
    let differences = [0, 1, 2].map(|plane| {
        let rows = |bytes| VideoFrame::new(&info, bytes).unwrap().plane(plane);
        let (whole, cut) = (rows(&whole), rows(&cut));
        let half = info.plane(plane).height / 2;
        let pairs = whole.rows().flatten().zip(cut.rows().flatten());
        let pairs = pairs.take(half * info.plane(plane).row_bytes);
        pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
    });
    assert!(differences.iter().all(|most| *most <= 4), "{differences:?}");
}

/// What is cut off, or damaged, is as it was with the general decoder alone.
#[test]
fn every_cut_is_decoded_or_dropped() {
    let codes = Codes::new();
    for sampling in [SAMPLINGS[1].to_vec(), vec![(1, 1)]] {
        let plan = Plan {
            width: 40,
            height: 20,
            sampling,
            restart: 2,
            step: 8,
        };
        let (jpeg, _) = made::picture(&plan, &codes, &mut Random(3));
        for end in 0..jpeg.len() {
            let mut decoder = Harness::<JpegDec>::new("").unwrap();
            decoder.set_caps("sink", "image/jpeg").unwrap();
            decoder
                .push(Buffer::from_bytes(&jpeg[..end]).with_pts(0))
                .unwrap();
            let theirs = image::load_from_memory(&jpeg[..end]);
            // A cut within the last bytes is none that matters here.
            let is_whole = end + 2 >= jpeg.len();
            assert!(
                is_whole || decoder.pending() == usize::from(theirs.is_ok()),
                "{end}"
            );
        }
    }
}
