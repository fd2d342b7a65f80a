//! A slow conversion in `f64`, one pixel at a time, to compare with.

use millstream_sdk::prelude::*;
use millstream_sdk::video::{ColorMatrix, ColorRange, Family};

/// A frame as numbers: three of colour and one of alpha a pixel.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) pixels: Vec<[f64; 4]>,
}

impl Picture {
    fn at(&self, x: usize, y: usize) -> [f64; 4] {
        self.pixels[y.min(self.height - 1) * self.width + x.min(self.width - 1)]
    }
}

/// A sample of a frame: where, which, and what it is.
pub(crate) type Sample = (usize, usize, &'static str, f64);

/// Reads a frame; each pixel has the chroma of the sample that covers it.
pub(crate) fn unpack(info: &VideoInfo, bytes: &[u8]) -> Picture {
    let frame = VideoFrame::new(info, bytes).unwrap();
    let sample = |plane: usize, x: usize, y: usize| f64::from(frame.plane(plane).row(y)[x]);
    let mut pixels = Vec::new();
    for y in 0..info.height {
        for x in 0..info.width {
            pixels.push(match info.format.family() {
                Family::Rgb { bytes, rgb, alpha } => {
                    let at = |byte: usize| sample(0, x * bytes + byte, y);
                    [at(rgb[0]), at(rgb[1]), at(rgb[2]), alpha.map_or(255.0, at)]
                }
                Family::Gray => [sample(0, x, y), 128.0, 128.0, 255.0],
                Family::Planar { uv: [u, v] } => {
                    let (cx, cy) = (x / 2, y / 2);
                    [sample(0, x, y), sample(u, cx, cy), sample(v, cx, cy), 255.0]
                }
                Family::SemiPlanar { uv: [u, v] } => {
                    let (cx, cy) = (x / 2 * 2, y / 2);
                    [
                        sample(0, x, y),
                        sample(1, cx + u, cy),
                        sample(1, cx + v, cy),
                        255.0,
                    ]
                }
                Family::Packed422 { yuyv } => {
                    let at = |place: usize| sample(0, x / 2 * 4 + place, y);
                    [at(yuyv[x % 2 * 2]), at(yuyv[1]), at(yuyv[3]), 255.0]
                }
            });
        }
    }
    Picture {
        width: info.width,
        height: info.height,
        pixels,
    }
}

/// Every sample that a frame has; chroma is the mean of the pixels that it covers.
pub(crate) fn pack(info: &VideoInfo, picture: &Picture) -> Vec<Sample> {
    let mut samples = Vec::new();
    let (across, down) = info.format.subsampling();
    for y in 0..info.height {
        for x in 0..info.width {
            let [a, b, c, alpha] = picture.at(x, y);
            if info.format.is_rgb() {
                samples.extend([(x, y, "r", a), (x, y, "g", b), (x, y, "b", c)]);
                samples.push((x, y, "a", alpha));
                continue;
            }
            samples.push((x, y, "y", a));
            if !info.format.is_yuv() || x % across != 0 || y % down != 0 {
                continue;
            }
            let covered = [
                (0, 0),
                (across - 1, 0),
                (0, down - 1),
                (across - 1, down - 1),
            ];
            let mean = |channel: usize| {
                let sum: f64 = covered
                    .iter()
                    .map(|(i, j)| picture.at(x + i, y + j)[channel])
                    .sum();
                sum / 4.0
            };
            samples.extend([(x, y, "u", mean(1)), (x, y, "v", mean(2))]);
        }
    }
    samples
}

/// What a frame has where [`pack`] says what it should have.
pub(crate) fn samples(info: &VideoInfo, bytes: &[u8]) -> Vec<Sample> {
    let mut picture = unpack(info, bytes);
    if let Family::Rgb { bytes: 4, .. } = info.format.family() {
        // The unused byte counts too: it shall be 255.
        let frame = VideoFrame::new(info, bytes).unwrap();
        for (i, pixel) in picture.pixels.iter_mut().enumerate() {
            pixel[3] = frame.plane(0).row(i / info.width)[i % info.width * 4 + 3].into();
        }
    }
    pack(info, &picture)
}

/// The picture in another frame's colours, exact and not clamped.
pub(crate) fn convert(picture: &Picture, from: &VideoInfo, to: &VideoInfo) -> Picture {
    let map = |[a, b, c, alpha]: [f64; 4]| {
        let [a, b, c] = from_rgb(to, to_rgb(from, [a, b, c]));
        [a, b, c, alpha]
    };
    let pixels = picture.pixels.iter().map(|pixel| map(*pixel)).collect();
    Picture { pixels, ..*picture }
}

fn limited(info: &VideoInfo) -> bool {
    info.colorimetry.range == ColorRange::Limited
}

/// Weights of red, green and blue in luma.
fn weights(info: &VideoInfo) -> [f64; 3] {
    match info.colorimetry.matrix {
        ColorMatrix::Bt709 => [0.2126, 0.7152, 0.0722],
        ColorMatrix::Bt2020 => [0.2627, 0.6780, 0.0593],
        _ => [0.299, 0.587, 0.114],
    }
}

fn to_rgb(info: &VideoInfo, [a, b, c]: [f64; 3]) -> [f64; 3] {
    let (zero, luma, chroma) = if limited(info) {
        (16.0, 219.0, 224.0)
    } else {
        (0.0, 255.0, 255.0)
    };
    if info.format.is_rgb() {
        return [a, b, c].map(|value| (value - zero) / luma);
    }
    let [kr, kg, kb] = weights(info);
    let (y, u, v) = (
        (a - zero) / luma,
        (b - 128.0) / chroma,
        (c - 128.0) / chroma,
    );
    let (red, blue) = (y + 2.0 * (1.0 - kr) * v, y + 2.0 * (1.0 - kb) * u);
    [red, (y - kr * red - kb * blue) / kg, blue]
}

fn from_rgb(info: &VideoInfo, [r, g, b]: [f64; 3]) -> [f64; 3] {
    let (zero, luma, chroma) = if limited(info) {
        (16.0, 219.0, 224.0)
    } else {
        (0.0, 255.0, 255.0)
    };
    if info.format.is_rgb() {
        return [r, g, b].map(|value| value * luma + zero);
    }
    let [kr, kg, kb] = weights(info);
    let y = kr * r + kg * g + kb * b;
    let (u, v) = ((b - y) / (2.0 * (1.0 - kb)), (r - y) / (2.0 * (1.0 - kr)));
    [y * luma + zero, u * chroma + 128.0, v * chroma + 128.0]
}
