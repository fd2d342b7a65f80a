//! Known frames in, known numbers out.

use super::*;
use crate::video::VideoFormat;

const RECT: Rect = Rect {
    x: 0.0,
    y: 0.0,
    width: 0.0,
    height: 0.0,
};

/// Red 200, green 100, blue 50 in each format; BT.601, limited where it is luma and
/// chroma.
fn plain(info: &VideoInfo) -> Vec<u8> {
    let (luma, u, v) = (123, 91, 175);
    let mut bytes = vec![0; info.size];
    let fill = |bytes: &mut Vec<u8>, plane: usize, pattern: &[u8]| {
        let layout = info.plane(plane);
        let end = layout.offset + layout.stride * layout.height;
        for row in bytes[layout.offset..end].chunks_mut(layout.stride) {
            let count = layout.row_bytes;
            row[..count]
                .iter_mut()
                .zip(pattern.iter().cycle())
                .for_each(|(to, from)| *to = *from);
        }
    };
    match info.format.as_str() {
        "I420" => [luma, u, v]
            .iter()
            .enumerate()
            .for_each(|(i, b)| fill(&mut bytes, i, &[*b])),
        "YV12" => [luma, v, u]
            .iter()
            .enumerate()
            .for_each(|(i, b)| fill(&mut bytes, i, &[*b])),
        "NV12" => [&[luma][..], &[u, v]]
            .iter()
            .enumerate()
            .for_each(|(i, b)| fill(&mut bytes, i, b)),
        "NV21" => [&[luma][..], &[v, u]]
            .iter()
            .enumerate()
            .for_each(|(i, b)| fill(&mut bytes, i, b)),
        "YUY2" => fill(&mut bytes, 0, &[luma, u, luma, v]),
        "UYVY" => fill(&mut bytes, 0, &[u, luma, v, luma]),
        "RGB" => fill(&mut bytes, 0, &[200, 100, 50]),
        "BGR" => fill(&mut bytes, 0, &[50, 100, 200]),
        "RGBA" | "RGBx" => fill(&mut bytes, 0, &[200, 100, 50, 9]),
        "BGRA" | "BGRx" => fill(&mut bytes, 0, &[50, 100, 200, 9]),
        _ => fill(&mut bytes, 0, &[luma]),
    }
    bytes
}

/// The numbers of an input.
fn run(sampler: &mut Sampler, bytes: &[u8]) -> Vec<f32> {
    let tensor = sampler.run(bytes).unwrap();
    tensor.map().numbers().unwrap().to_vec()
}

#[test]
fn every_format_and_size_gives_the_same_colour() {
    for format in VideoFormat::ALL {
        for (width, height) in [(1, 1), (2, 1), (5, 3), (64, 48)] {
            let info = VideoInfo::new(*format, width, height).unwrap();
            let mut sampler = Sampler::new(&info, Target::planar(7, 5));
            let bytes = plain(&info);
            for (x, width) in [
                (0.0, width as f32),
                (0.4, 0.1),
                (-3.0, 9.0),
                (1e30, f32::NAN),
            ] {
                sampler.aim_at(Rect {
                    x,
                    width,
                    height: 2.0,
                    ..RECT
                });
                let input = run(&mut sampler, &bytes);
                for (plane, expected) in input.chunks(35).zip([200.0, 100.0, 50.0_f32]) {
                    let expected = if *format == VideoFormat::GRAY8 {
                        123.0
                    } else {
                        expected
                    };
                    assert!(
                        plane.iter().all(|value| (value - expected).abs() <= 1.0),
                        "{format:?} {width}x{height}: {plane:?}, expected {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_rectangle_lies_at_its_place_with_padding_around() {
    let info = VideoInfo::new(VideoFormat::GRAY8, 4, 4).unwrap();
    let bytes: Vec<u8> = (0..16).map(|n| n * 10).collect();
    let target = Target {
        pad: 7.0,
        factor: [2.0; 3],
        offset: [1.0, 2.0, 3.0],
        ..Target::planar(4, 3)
    };
    let place = Place {
        left: 1,
        top: 1,
        width: 2,
        height: 1,
    };
    let rect = Rect {
        x: 1.0,
        y: 2.0,
        width: 2.0,
        height: 1.0,
    };
    let mut sampler = Sampler::new(&info, target);
    // What is around a place moves with it.
    sampler.aim(rect, Place { top: 2, ..place });
    run(&mut sampler, &bytes);
    sampler.aim(rect, place);
    for (channel, plane) in run(&mut sampler, &bytes).chunks(12).enumerate() {
        let at = |value: f32| value * 2.0 + channel as f32 + 1.0;
        let mut expected = [at(7.0); 12];
        (expected[5], expected[6]) = (at(90.0), at(100.0));
        assert_eq!(plane, expected);
    }
    // The same pixel by pixel, blue first, in bytes that saturate.
    let target = Target {
        element_type: ElementType::U8,
        planar: false,
        rgb: false,
        offset: [100.0, 0.0, -300.0],
        ..target
    };
    let mut sampler = Sampler::new(&info, target);
    sampler.aim(rect, place);
    let input = sampler.run(&bytes).unwrap().map();
    assert_eq!(input[..3], [0, 14, 114]);
    assert_eq!(input[15..21], [0, 180, 255, 0, 200, 255]);
    assert_eq!(input[21..24], [0, 14, 114]);
}

#[test]
fn places_are_cut_and_what_does_not_fit_is_refused() {
    let info = VideoInfo::new(VideoFormat::RGB, 3, 3).unwrap();
    let bytes = plain(&info);
    let mut sampler = Sampler::new(&info, Target::planar(2, 2));
    let place = Place {
        left: 1,
        top: usize::MAX,
        width: usize::MAX,
        height: usize::MAX,
    };
    sampler.aim(RECT, place);
    let input = run(&mut sampler, &bytes);
    assert!(input.iter().all(|number| *number == 0.0), "{input:?}");
    let failure = sampler.run(&bytes[1..]).unwrap_err();
    assert_eq!(failure.message, "got 35 bytes, expected 36 for RGB of 3x3");
    let target = Target {
        element_type: ElementType::I64,
        ..Target::planar(2, 2)
    };
    let failure = Sampler::new(&info, target).run(&bytes).unwrap_err();
    let expected = "got an input of i64, expected f32, f16 or u8";
    assert_eq!(failure.message, expected);
}

#[test]
fn scaling_up_and_down_interpolates() {
    let info = VideoInfo::new(VideoFormat::GRAY8, 4, 2).unwrap();
    let bytes = [0, 40, 80, 120, 100, 140, 180, 220];
    let run = |width: usize, height: usize| {
        let mut sampler = Sampler::new(&info, Target::planar(width, height));
        let mut input = run(&mut sampler, &bytes);
        input.truncate(width * height);
        input
    };
    assert_eq!(run(2, 1), [70.0, 150.0]);
    assert_eq!(run(1, 4), [60.0, 85.0, 135.0, 160.0]);
    assert_eq!(run(8, 1), [50., 60., 80., 100., 120., 140., 160., 170.]);
}
