//! Caps, quality, metas, and what the pictures look like to another decoder.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use std::f64::consts::PI;

use jpegenc::JpegEnc;
use millstream_sdk::prelude::*;
use millstream_sdk::video::{ColorRange, Family};
use proptest::prelude::*;

const CAPS: &str = "video/x-raw, format=RGB, width=31, height=17, framerate=5/1";

fn encode(harness: &mut Harness<JpegEnc>) -> Buffer {
    let info = VideoInfo::from_caps(&CAPS.parse().unwrap()).unwrap();
    let bytes: Vec<u8> = (0..info.size).map(|n| (n * n / 7) as u8).collect();
    harness
        .push(Buffer::from_bytes(&bytes).with_pts(9))
        .unwrap();
    harness.pull().unwrap()
}

#[test]
fn a_frame_becomes_a_picture() {
    let mut harness = Harness::<JpegEnc>::new("").unwrap();
    harness.set_caps("sink", CAPS).unwrap();
    let expected = "image/jpeg, width=(int)31, height=(int)17, framerate=(fraction)5/1";
    assert_eq!(harness.caps("src").unwrap().to_string(), expected);
    let picture = encode(&mut harness);
    assert!(picture.map().starts_with(&[0xff, 0xd8]) && picture.map().ends_with(&[0xff, 0xd9]));
    assert_eq!(picture.pts(), Some(9));
}

#[test]
fn quality_costs_bytes() {
    let mut harness = Harness::<JpegEnc>::new("quality=0").unwrap();
    harness.set_caps("sink", CAPS).unwrap();
    let low = encode(&mut harness).size();
    harness.set_property("quality=100").unwrap();
    assert!(encode(&mut harness).size() > 2 * low);
}

#[test]
fn frames_that_do_not_fit_are_refused() {
    let mut harness = Harness::<JpegEnc>::new("").unwrap();
    assert!(harness.push(Buffer::from_bytes(&[0; 9])).is_err());
    harness.set_caps("sink", CAPS).unwrap();
    assert!(harness.push(Buffer::from_bytes(&[0; 9])).is_err());
}

/// All formats, of the full and of a limited range, and the matrix.
const FORMATS: [&str; 11] = [
    "I420", "YV12", "NV12", "NV21", "YUY2", "UYVY", "RGB", "BGR", "RGBx", "BGRx", "GRAY8",
];
const COLORIMETRIES: [&str; 4] = ["1:4:0:0", "bt601", "bt709", "1:3:5:1"];

/// What a frame shows at a place: red, green and blue between 0 and 1.
fn scene(x: usize, y: usize) -> [f64; 3] {
    let (x, y) = (x as f64 / 40.0, y as f64 / 40.0);
    [x.sin(), y.cos(), (x + y).sin()].map(|value| 0.5 + 0.4 * value)
}

/// The scene as a frame, and what it looks like.
fn frame(format: &str, colorimetry: &str, width: usize, height: usize) -> (String, Vec<u8>) {
    let rgb = format.contains("RG") || format.contains("BG");
    let colorimetry = if rgb {
        "sRGB"
    } else if format == "GRAY8" {
        "1:4:0:0"
    } else {
        colorimetry
    };
    let caps = format!(
        "video/x-raw, format={format}, width={width}, height={height}, framerate=5/1, colorimetry={colorimetry}"
    );
    let info = VideoInfo::from_caps(&caps.parse().unwrap()).unwrap();
    let (red, blue) = info.colorimetry.matrix.red_blue();
    let is_full = info.colorimetry.range == ColorRange::Full;
    let (offset, luma, chroma) = if is_full {
        (0.0, 255.0, 255.0)
    } else {
        (16.0, 219.0, 224.0)
    };
    let yuv = |x: usize, y: usize| {
        let [r, g, b] = scene(x.min(width - 1), y.min(height - 1));
        let y = red * r + (1.0 - red - blue) * g + blue * b;
        let (u, v) = ((b - y) / (2.0 - 2.0 * blue), (r - y) / (2.0 - 2.0 * red));
        [offset + luma * y, 128.0 + chroma * u, 128.0 + chroma * v].map(|value| value.round() as u8)
    };
    let mut bytes = vec![0; info.size];
    for (n, plane) in info.planes().iter().enumerate() {
        for y in 0..plane.height {
            for x in 0..plane.row_bytes {
                bytes[plane.offset + y * plane.stride + x] = match info.format.family() {
                    Family::Gray => yuv(x, y)[0],
                    Family::Rgb { bytes, rgb, .. } => {
                        let channel = rgb.iter().position(|at| *at == x % bytes);
                        channel.map_or(9, |channel| {
                            (scene(x / bytes, y)[channel] * 255.0).round() as u8
                        })
                    }
                    Family::Planar { .. } | Family::SemiPlanar { .. } if n == 0 => yuv(x, y)[0],
                    Family::Planar { uv } => yuv(2 * x, 2 * y)[if uv[0] == n { 1 } else { 2 }],
                    Family::SemiPlanar { uv } => {
                        yuv(x / 2 * 2, 2 * y)[if uv[0] == x % 2 { 1 } else { 2 }]
                    }
                    Family::Packed422 { yuyv } => {
                        let at = yuyv.iter().position(|at| *at == x % 4).unwrap();
                        yuv(x / 4 * 2 + usize::from(at == 2), y)[[0, 1, 0, 2][at]]
                    }
                };
            }
        }
    }
    (caps, bytes)
}

fn picture(caps: &str, bytes: &[u8], quality: u32) -> Vec<u8> {
    let mut harness = Harness::<JpegEnc>::new(&format!("quality={quality}")).unwrap();
    harness.set_caps("sink", caps).unwrap();
    harness.push(Buffer::from_bytes(bytes)).unwrap();
    harness.pull().unwrap().map().to_vec()
}

fn decoded(jpeg: &[u8]) -> image::RgbImage {
    let decoded = image::load_from_memory_with_format(jpeg, image::ImageFormat::Jpeg);
    decoded.unwrap().into_rgb8()
}

/// Peak signal-to-noise ratio to the scene in dB.
fn psnr(picture: &image::RgbImage, is_gray: bool) -> f64 {
    let mut squares = 0.0;
    for (x, y, pixel) in picture.enumerate_pixels() {
        let mut expected = scene(x as usize, y as usize);
        if is_gray {
            let [r, g, b] = expected;
            expected = [0.299 * r + 0.587 * g + 0.114 * b; 3];
        }
        let errors = expected
            .iter()
            .zip(pixel.0)
            .map(|(a, b)| a * 255.0 - f64::from(b));
        squares += errors.map(|error| error * error).sum::<f64>();
    }
    let count = f64::from(picture.width() * picture.height() * 3);
    10.0 * (255.0 * 255.0 / (squares / count).max(1e-9)).log10()
}

#[test]
fn all_formats_show_the_same_scene() {
    for format in FORMATS {
        for colorimetry in COLORIMETRIES {
            for (width, height) in [(64, 48), (33, 17), (1, 1), (17, 40), (130, 9)] {
                let (caps, bytes) = frame(format, colorimetry, width, height);
                let picture = decoded(&picture(&caps, &bytes, 95));
                assert_eq!(picture.dimensions(), (width as u32, height as u32));
                let psnr = psnr(&picture, format == "GRAY8");
                assert!(psnr > 36.0, "{caps}: {psnr} dB");
            }
        }
    }
}

#[test]
fn every_quality_is_as_good_as_it_says() {
    let (caps, bytes) = frame("RGB", "sRGB", 64, 64);
    let mut last = 0.0_f64;
    for quality in 1..=100 {
        let psnr = psnr(&decoded(&picture(&caps, &bytes, quality)), false);
        assert!(psnr > last - 1.5, "{quality}: {psnr} dB after {last} dB");
        last = psnr.max(last);
    }
    assert!(last > 48.0, "{last} dB");
}

/// Each coefficient alone, with up to 62 zeros before it, small and large.
#[test]
fn every_coefficient_survives() {
    let wave = |at: usize, n: usize| ((2 * at + 1) as f64 * n as f64 * PI / 16.0).cos();
    let caps = "video/x-raw, format=GRAY8, width=8, height=8, framerate=5/1, colorimetry=1:4:0:0";
    for (n, strength) in (0..64).flat_map(|n| [(n, 20.0), (n, 120.0)]) {
        let sample = |at: usize| 128.0 + strength * wave(at % 8, n % 8) * wave(at / 8, n / 8);
        let bytes: Vec<u8> = (0..64).map(|at| sample(at).round() as u8).collect();
        let decoded = decoded(&picture(caps, &bytes, 90));
        for (byte, pixel) in bytes.iter().zip(decoded.pixels()) {
            assert!(byte.abs_diff(pixel.0[0]) <= 4, "{n}: {byte}, {pixel:?}");
        }
    }
}

proptest! {
    /// What is nothing but noise, the worst that there is, comes back.
    #[test]
    fn noise_survives(
        format in prop::sample::select(FORMATS.to_vec()),
        colorimetry in prop::sample::select(COLORIMETRIES.to_vec()),
        width in 1_usize..50, height in 1_usize..50, quality in 0_u32..=100,
        seed: u64, is_black_and_white: bool,
    ) {
        let (caps, mut bytes) = frame(format, colorimetry, width, height);
        let mut state = seed | 1;
        for byte in &mut bytes {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let noise = (state >> 32) as u8;
            *byte = if is_black_and_white { (noise & 1) * 255 } else { noise };
        }
        let jpeg = picture(&caps, &bytes, quality);
        let decoded = decoded(&jpeg);
        prop_assert_eq!(decoded.dimensions(), (width as u32, height as u32));
        if format == "GRAY8" && quality == 100 {
            let info = VideoInfo::from_caps(&caps.parse().unwrap()).unwrap();
            let stride = info.plane(0).stride;
            for (x, y, pixel) in decoded.enumerate_pixels() {
                let expected = bytes[y as usize * stride + x as usize];
                prop_assert!(expected.abs_diff(pixel.0[0]) <= 4);
            }
        }
    }
}
