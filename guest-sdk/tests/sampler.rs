//! `video::Sampler` against a plain bilinear scaler in double precision.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use millstream_sdk::half::f32_from_f16;
use millstream_sdk::nn::ElementType;
use millstream_sdk::prelude::*;
use millstream_sdk::video::{ColorRange, Family, Place, Sampler, Target};
use proptest::prelude::*;

/// The samples of a pixel as they are: luma and chroma, or red, green, blue.
fn samples(info: &VideoInfo, bytes: &[u8], x: usize, y: usize) -> [f64; 3] {
    let frame = VideoFrame::new(info, bytes).unwrap();
    let at = |plane: usize, x: usize, y: usize| f64::from(frame.plane(plane).row(y)[x]);
    let (half_x, half_y) = (x / 2, y / 2);
    match info.format.family() {
        Family::Rgb { bytes, rgb, .. } => rgb.map(|offset| at(0, x * bytes + offset, y)),
        Family::Gray => [at(0, x, y); 3],
        Family::Planar { uv: [u, v] } => {
            [at(0, x, y), at(u, half_x, half_y), at(v, half_x, half_y)]
        }
        Family::SemiPlanar { uv } => {
            let [u, v] = uv.map(|offset| at(1, half_x * 2 + offset, half_y));
            [at(0, x, y), u, v]
        }
        Family::Packed422 {
            yuyv: [first, u, _, v],
        } => {
            let group = half_x * 4;
            [
                at(0, 2 * x + first, y),
                at(0, group + u, y),
                at(0, group + v, y),
            ]
        }
    }
}

/// Red, green and blue of interpolated samples.
fn converted(info: &VideoInfo, [y, u, v]: [f64; 3]) -> [f64; 3] {
    if !info.format.is_yuv() {
        return [y, u, v];
    }
    let (red, blue) = info.colorimetry.matrix.red_blue();
    let green = 1.0 - red - blue;
    let (y, u, v) = match info.colorimetry.range {
        ColorRange::Full => (y, u - 128.0, v - 128.0),
        ColorRange::Limited => (
            (y - 16.0) * 255.0 / 219.0,
            (u - 128.0) * 255.0 / 224.0,
            (v - 128.0) * 255.0 / 224.0,
        ),
    };
    let (r, b) = (y + 2.0 * (1.0 - red) * v, y + 2.0 * (1.0 - blue) * u);
    [r, (y - red * r - blue * b) / green, b]
}

/// One pixel of a scaled rectangle.
fn pixel(info: &VideoInfo, bytes: &[u8], rect: Rect, place: Place, x: usize, y: usize) -> [f64; 3] {
    let neighbours = |at: usize, (start, length): (f32, f32), count: usize, to: usize| {
        let at = f64::from(start) + (at as f64 + 0.5) * f64::from(length) / to as f64 - 0.5;
        let at = at.clamp(0.0, count as f64 - 1.0);
        let first = at.floor() as usize;
        (first, (first + 1).min(count - 1), at.fract())
    };
    let (left, right, across) = neighbours(x, (rect.x, rect.width), info.width, place.width);
    let (top, bottom, down) = neighbours(y, (rect.y, rect.height), info.height, place.height);
    let mix = |a: [f64; 3], b: [f64; 3], weight: f64| {
        core::array::from_fn(|index| a[index] + (b[index] - a[index]) * weight)
    };
    let row = |y: usize| {
        mix(
            samples(info, bytes, left, y),
            samples(info, bytes, right, y),
            across,
        )
    };
    let rgb = converted(info, mix(row(top), row(bottom), down));
    rgb.map(|value| value.clamp(0.0, 255.0).round())
}

fn noise(seed: u32, count: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn part(left: f32, top: f32, width: f32, height: f32) -> Rect {
    Rect {
        x: left,
        y: top,
        width,
        height,
    }
}

/// That every pixel is at most one level away from what it should be, in tensors of
/// every layout.
fn check(info: &VideoInfo, rect: Rect, (width, height): (usize, usize), place: Place, seed: u32) {
    let bytes = noise(seed, info.size);
    for (element_type, planar, rgb) in [
        (ElementType::F32, true, true),
        (ElementType::F32, true, false),
        (ElementType::F32, false, true),
        (ElementType::F16, true, true),
        (ElementType::U8, false, false),
    ] {
        let target = Target {
            element_type,
            planar,
            rgb,
            pad: 114.0,
            ..Target::planar(width, height)
        };
        let mut sampler = Sampler::new(info, target);
        sampler.aim(rect, place);
        // The second frame finds what the first one left.
        sampler.run(&noise(seed + 1, info.size)).unwrap();
        let tensor = sampler.run(&bytes).unwrap().map();
        let number = |at: usize| match element_type {
            ElementType::F32 => tensor.numbers::<f32>().unwrap()[at],
            ElementType::F16 => f32_from_f16(tensor.numbers::<u16>().unwrap()[at]),
            _ => tensor[at].into(),
        };
        let Place { left, top, .. } = place;
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let inside =
                (left..left + place.width).contains(&x) && (top..top + place.height).contains(&y);
            let mut expected = if inside {
                pixel(info, &bytes, rect, place, x - left, y - top)
            } else {
                [114.0; 3]
            };
            if !rgb {
                expected.reverse();
            }
            for (channel, expected) in expected.into_iter().enumerate() {
                let at = if planar {
                    (channel * height + y) * width + x
                } else {
                    (y * width + x) * 3 + channel
                };
                let got = f64::from(number(at));
                assert!(
                    (got - expected).abs() <= 1.0,
                    "{:?} {target:?} {rect:?} {place:?} {x} {y}: {got} {expected}",
                    info.format
                );
            }
        }
    }
}

/// The same for a whole frame, stretched, letterboxed and in a corner.
fn check_frame(format: VideoFormat, frame: (usize, usize), input: (usize, usize), seed: u32) {
    let info = VideoInfo::new(format, frame.0, frame.1).unwrap();
    let target = Target::planar(input.0, input.1);
    let middle = target.letterbox(frame.0 as f64, frame.1 as f64);
    let (left, top) = (0, 0);
    let corner = Place {
        left,
        top,
        ..middle
    };
    for place in [target.whole(), middle, corner] {
        check(&info, info.rect(), input, place, seed);
    }
}

#[test]
fn pixels_are_those_of_a_plain_scaler() {
    for format in VideoFormat::ALL {
        for (frame, input) in [
            ((64, 48), (32, 32)),
            ((64, 48), (64, 64)),
            ((65, 33), (65, 40)),
            ((65, 33), (65, 33)),
            ((96, 48), (32, 16)),
            ((30, 20), (64, 64)),
            ((200, 31), (64, 32)),
            ((1, 1), (8, 8)),
            ((2, 1), (8, 8)),
            ((3, 2), (8, 8)),
        ] {
            check_frame(*format, frame, input, 7);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn pixels_are_those_of_a_plain_scaler_at_any_size(
        frame in (1_usize..80, 1_usize..60),
        input in (1_usize..48, 1_usize..48),
        format in 0..VideoFormat::ALL.len(),
        seed in any::<u32>().prop_map(|seed| seed / 2),
    ) {
        check_frame(VideoFormat::ALL[format], frame, input, seed);
    }

    #[test]
    fn parts_of_frames_are_too(
        frame in (1_usize..80, 1_usize..60),
        rect in (-9.0_f32..80.0, -9.0_f32..60.0, 0.0_f32..60.0, 0.0_f32..60.0),
        input in (1_usize..32, 1_usize..32),
        format in 0..VideoFormat::ALL.len(),
        seed in any::<u32>().prop_map(|seed| seed / 2),
    ) {
        let info = VideoInfo::new(VideoFormat::ALL[format], frame.0, frame.1).unwrap();
        let place = Target::planar(input.0, input.1).whole();
        check(&info, part(rect.0, rect.1, rect.2, rect.3), input, place, seed);
    }
}
