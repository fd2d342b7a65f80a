//! What the model is shown, against a plain bilinear scaler in double precision.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod layouts;

use layouts::{answering, caps, layout, objects, tensor_info};
use millstream_sdk::harness::without_views;
use millstream_sdk::nn::{ElementType, Model, Tensor, allocate};
use millstream_sdk::prelude::*;
use millstream_sdk::video::{ColorRange, Family as Samples};
use objectdetector::ObjectDetector;
use objectdetector::geometry::{Geometry, Resize, Size};
use objectdetector::preprocess::{Layout, Normalization, Preprocessor};
use proptest::prelude::*;

const BYTES: Normalization = Normalization {
    rgb: true,
    factor: 1.0,
    mean: [0.0; 3],
    std: [1.0; 3],
    pad: 114.0,
};

const PLANAR: Layout = Layout {
    element_type: ElementType::F32,
    channels_last: false,
};

/// The samples of a pixel as they are: luma and chroma, or red, green, blue.
fn samples(info: &VideoInfo, bytes: &[u8], x: usize, y: usize) -> [f64; 3] {
    let frame = VideoFrame::new(info, bytes).unwrap();
    let at = |plane: usize, x: usize, y: usize| f64::from(frame.plane(plane).row(y)[x]);
    let (half_x, half_y) = (x / 2, y / 2);
    match info.format.family() {
        Samples::Rgb { bytes, rgb, .. } => rgb.map(|offset| at(0, x * bytes + offset, y)),
        Samples::Gray => [at(0, x, y); 3],
        Samples::Planar { uv: [u, v] } => {
            [at(0, x, y), at(u, half_x, half_y), at(v, half_x, half_y)]
        }
        Samples::SemiPlanar { uv } => {
            let [u, v] = uv.map(|offset| at(1, half_x * 2 + offset, half_y));
            [at(0, x, y), u, v]
        }
        Samples::Packed422 {
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

/// One pixel of the scaled frame.
fn pixel(info: &VideoInfo, bytes: &[u8], scaled: Size, x: usize, y: usize) -> [f64; 3] {
    let neighbours = |place: usize, from: usize, to: usize| {
        let at = (place as f64 + 0.5) * from as f64 / to as f64 - 0.5;
        let at = at.clamp(0.0, from as f64 - 1.0);
        let first = at.floor() as usize;
        (first, (first + 1).min(from - 1), at.fract())
    };
    let (left, right, across) = neighbours(x, info.width, scaled.width);
    let (top, bottom, down) = neighbours(y, info.height, scaled.height);
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

/// That every pixel is at most one level away from what it should be.
fn check(format: VideoFormat, frame: Size, input: Size, resize: Resize, seed: u32) {
    let info = VideoInfo::new(format, frame.width, frame.height).unwrap();
    let geometry = Geometry::new(resize, frame, input);
    let bytes = noise(seed, info.size);
    let mut tensor = allocate(12 * input.width * input.height);
    let mut preprocessor = Preprocessor::new(&info, geometry, BYTES, PLANAR);
    // The second frame finds what the first one left.
    preprocessor
        .run(&noise(seed + 1, info.size), &mut tensor)
        .unwrap();
    preprocessor.run(&bytes, &mut tensor).unwrap();
    let view = tensor.map();
    let planes: Vec<&[f32]> = view
        .numbers::<f32>()
        .unwrap()
        .chunks_exact(input.width * input.height)
        .collect();
    let Geometry {
        left, top, scaled, ..
    } = geometry;
    for y in 0..input.height {
        for x in 0..input.width {
            let inside =
                (left..left + scaled.width).contains(&x) && (top..top + scaled.height).contains(&y);
            let expected = if inside {
                pixel(&info, &bytes, scaled, x - left, y - top)
            } else {
                [114.0; 3]
            };
            for (plane, expected) in planes.iter().zip(expected) {
                let got = f64::from(plane[y * input.width + x]);
                assert!(
                    (got - expected).abs() <= 1.0,
                    "{format:?} {frame:?} to {input:?}, {resize:?}, {x} {y}: {got} {expected}"
                );
            }
        }
    }
}

fn size(width: usize, height: usize) -> Size {
    Size { width, height }
}

#[test]
fn pixels_are_those_of_a_plain_scaler() {
    for format in VideoFormat::ALL {
        for (frame, input) in [
            (size(64, 48), size(32, 32)),
            (size(64, 48), size(64, 64)),
            (size(65, 33), size(65, 40)),
            (size(30, 20), size(64, 64)),
            (size(200, 31), size(64, 32)),
            (size(1, 1), size(8, 8)),
            (size(2, 1), size(8, 8)),
            (size(3, 2), size(8, 8)),
        ] {
            for resize in [Resize::Stretch, Resize::Letterbox, Resize::LetterboxTopleft] {
                check(*format, frame, input, resize, 7);
            }
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
        let (frame, input) = (size(frame.0, frame.1), size(input.0, input.1));
        for resize in [Resize::Stretch, Resize::Letterbox] {
            check(VideoFormat::ALL[format], frame, input, resize, seed);
        }
    }
}

/// What a model is shown of a square of one colour in an input of 64x32.
fn shown(properties: &str, element_type: ElementType) -> Tensor<'static> {
    let layout = layout("yolov8");
    let answers = (layout.answers)(&objects());
    let model = Model {
        inputs: vec![tensor_info("images", element_type, &[1, 3, 32, 64])],
        ..layout.model(&answers)
    };
    let asked = answering(model, answers);
    let properties = format!("model=test {properties}");
    let mut harness = Harness::<ObjectDetector>::new(&properties).unwrap();
    harness.set_caps("sink", &caps("RGB", 32, 32)).unwrap();
    let frame = Buffer::from_bytes(&[255, 102, 51].repeat(32 * 32));
    for _ in 0..2 {
        harness.push(frame.share()).unwrap();
    }
    asked.borrow_mut().pop().unwrap().remove(0).1
}

#[test]
fn a_letterbox_is_grey_and_orders_and_scales_are_as_asked() {
    let check = |properties: &str, element_type: ElementType, inside: f32, corner: f32| {
        for copies in [false, true] {
            // A host without views gives back what was written too.
            without_views(copies);
            let tensor = shown(properties, element_type);
            let input: Vec<f32> = match element_type {
                ElementType::U8 => tensor.bytes().iter().copied().map(f32::from).collect(),
                _ => tensor.as_f32().unwrap(),
            };
            let in_corner = properties.contains("topleft");
            // The frame is in the middle half of the line, or in its left one.
            let (frame, border) = if in_corner { (0, 32) } else { (32, 0) };
            for (place, expected) in [(frame, inside), (border, corner), (63, corner)] {
                let got = input[place];
                assert!(
                    (got - expected).abs() < 1e-4,
                    "{properties} {place}: {got} {expected}"
                );
            }
        }
    };
    let grey = 114.0 / 255.0;
    check("", ElementType::F32, 1.0, grey);
    check("scale=byte", ElementType::F32, 255.0, 114.0);
    check("", ElementType::U8, 255.0, 114.0);
    check("color-order=bgr", ElementType::F32, 0.2, grey);
    check("resize=stretch", ElementType::F32, 1.0, 1.0);
    check("resize=letterbox-topleft", ElementType::F32, 1.0, grey);
    check(
        "mean=0.5,0,0 std=2,1,1",
        ElementType::F32,
        0.25,
        (grey - 0.5) / 2.0,
    );
}
