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

#[test]
fn every_format_and_size_gives_the_same_colour() {
    for format in VideoFormat::ALL {
        for (width, height) in [(1, 1), (2, 1), (5, 3), (64, 48)] {
            let info = VideoInfo::new(*format, width, height).unwrap();
            let mut sampler = Sampler::new(&info, Target::planar(7, 5));
            let bytes = plain(&info);
            let frame = VideoFrame::new(&info, &bytes).unwrap();
            let mut input = [0.0; 3 * 35];
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
                sampler.run(&frame, &mut input).unwrap();
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
    let frame = VideoFrame::new(&info, &bytes).unwrap();
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
    let mut input = [0.0; 36];
    let mut sampler = Sampler::new(&info, target);
    sampler.aim(rect, place);
    sampler.run(&frame, &mut input).unwrap();
    for (channel, plane) in input.chunks(12).enumerate() {
        let at = |value: f32| value * 2.0 + channel as f32 + 1.0;
        let mut expected = [at(7.0); 12];
        (expected[5], expected[6]) = (at(90.0), at(100.0));
        assert_eq!(plane, expected);
    }
    // The same pixel by pixel, blue first, in bytes that saturate.
    let target = Target {
        planar: false,
        rgb: false,
        offset: [100.0, 0.0, -300.0],
        ..target
    };
    let mut input = [0_u8; 36];
    let mut sampler = Sampler::new(&info, target);
    sampler.aim(rect, place);
    sampler.run(&frame, &mut input).unwrap();
    assert_eq!(input[..3], [0, 14, 114]);
    assert_eq!(input[15..21], [0, 180, 255, 0, 200, 255]);
    assert_eq!(input[21..24], [0, 14, 114]);
}

#[test]
fn places_are_cut_and_inputs_of_other_sizes_refused() {
    let info = VideoInfo::new(VideoFormat::RGB, 3, 3).unwrap();
    let bytes = plain(&info);
    let frame = VideoFrame::new(&info, &bytes).unwrap();
    let mut sampler = Sampler::new(&info, Target::planar(2, 2));
    let place = Place {
        left: 1,
        top: usize::MAX,
        width: usize::MAX,
        height: usize::MAX,
    };
    sampler.aim(RECT, place);
    let mut input = [9.0; 12];
    sampler.run(&frame, &mut input).unwrap();
    assert!(input.iter().all(|number| *number == 0.0), "{input:?}");
    let failure = sampler.run(&frame, &mut [0.0; 11]).unwrap_err();
    assert_eq!(failure.message, "got an input of 11 numbers, expected 12");
}

#[test]
fn scaling_up_and_down_interpolates() {
    let info = VideoInfo::new(VideoFormat::GRAY8, 4, 2).unwrap();
    let bytes = [0, 40, 80, 120, 100, 140, 180, 220];
    let frame = VideoFrame::new(&info, &bytes).unwrap();
    let run = |width: usize, height: usize| {
        let mut sampler = Sampler::new(&info, Target::planar(width, height));
        let mut input = vec![0.0; 3 * width * height];
        sampler.run(&frame, &mut input).unwrap();
        input.truncate(width * height);
        input
    };
    assert_eq!(run(2, 1), [70.0, 150.0]);
    assert_eq!(run(1, 4), [60.0, 85.0, 135.0, 160.0]);
    assert_eq!(run(8, 1), [50., 60., 80., 100., 120., 140., 160., 170.]);
}
