//! Fills and stamps beside a slow reference, pixel by pixel, in all layouts.

use proptest::prelude::*;

use super::*;

const FORMATS: [VideoFormat; 6] = [
    VideoFormat::RGB,
    VideoFormat::BGRx,
    VideoFormat::GRAY8,
    VideoFormat::I420,
    VideoFormat::NV12,
    VideoFormat::YV12,
];

/// Bytes that repeat from run to run.
fn noise(count: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

/// The frame after each of its samples was blended by the coverage of its pixels, which
/// `of_pixel` gives from 0 to 255.
fn reference(
    info: &VideoInfo,
    bytes: &[u8],
    paint: Paint,
    opacity: u32,
    of_pixel: impl Fn(i32, i32) -> u32,
) -> Vec<u8> {
    let mut made = bytes.to_vec();
    let (width, height) = (info.width as i32, info.height as i32);
    let mut frame = VideoFrameMut::new(info, &mut made).unwrap();
    let samples: Vec<&[u8]> = match info.format.family() {
        Family::Planar { .. } => {
            vec![&paint.pixel[..1], &paint.chroma[..1], &paint.chroma[1..]]
        }
        Family::SemiPlanar { .. } => vec![&paint.pixel[..1], &paint.chroma],
        Family::Rgb { bytes, .. } => vec![&paint.pixel[..bytes]],
        _ => vec![&paint.pixel[..1]],
    };
    for (index, new) in samples.into_iter().enumerate() {
        let mut plane = frame.plane_mut(index);
        for (y, row) in plane.rows_mut().enumerate() {
            for (x, sample) in row.chunks_exact_mut(new.len()).enumerate() {
                let (x, y) = (x as i32, y as i32);
                let cover = if index == 0 {
                    of_pixel(x, y)
                } else {
                    // What is beyond the frame counts as its neighbour does.
                    let pixel = |i: i32, j: i32| {
                        of_pixel((2 * x + i).min(width - 1), (2 * y + j).min(height - 1))
                    };
                    (pixel(0, 0) + pixel(1, 0) + pixel(0, 1) + pixel(1, 1)).div_ceil(4)
                };
                let weight = ((cover + (cover >> 7)) * opacity) >> 8;
                for (old, new) in sample.iter_mut().zip(new) {
                    let sum = u32::from(*old) * (256 - weight) + u32::from(*new) * weight;
                    *old = ((sum + 128) >> 8) as u8;
                }
            }
        }
    }
    made
}

proptest! {
    #[test]
    fn what_is_covered_is_blended_and_nothing_else(
        format in prop::sample::select(&FORMATS[..]),
        (width, height) in (1_usize..90, 1_usize..24),
        (x, y) in (-20_i32..90, -10_i32..24),
        (mask_width, mask_height) in (0_usize..90, 0_usize..24),
        opacity in prop_oneof![Just(256), 0_u32..256],
        rgb: [u8; 3],
        seed: u32,
    ) {
        let info = VideoInfo::new(format, width, height).unwrap();
        let paint = Paint::new(&info, rgb);
        let bytes = noise(info.size, seed);
        let (mut rows, mut filled, mut stamped) = (Rows::default(), bytes.clone(), bytes.clone());
        let mask = Mask {
            width: mask_width,
            height: mask_height,
            bytes: noise(mask_width * mask_height, seed.wrapping_add(77)),
        };
        let (right, bottom) = (x + mask_width as i32, y + mask_height as i32);
        let is_inside = |i, j| (x..right).contains(&i) && (y..bottom).contains(&j);

        let mut frame = VideoFrameMut::new(&info, &mut stamped).unwrap();
        Canvas::new(&mut frame, opacity).stamp(&mut rows, &mask, x, y, paint);
        let expected = reference(&info, &bytes, paint, opacity, |i, j| {
            let at = || (j - y) as usize * mask_width + (i - x) as usize;
            if is_inside(i, j) { mask.bytes[at()].into() } else { 0 }
        });
        prop_assert_eq!(stamped, expected);

        let mut frame = VideoFrameMut::new(&info, &mut filled).unwrap();
        let area = Area { left: x, top: y, right, bottom };
        Canvas::new(&mut frame, opacity).fill(area, paint);
        // A fill's weight is its share of the opacity, not rounded to 255 steps.
        let near = reference(&info, &bytes, paint, opacity, |i, j| {
            if is_inside(i, j) { 255 } else { 0 }
        });
        for (filled, near) in filled.iter().zip(&near) {
            prop_assert!(filled.abs_diff(*near) <= 1, "{filled} for {near}");
        }
    }
}
