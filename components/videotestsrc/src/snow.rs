//! Noise, straight into the frame.

use millstream_sdk::video::{Family, VideoFrameMut};

use crate::canvas::{Area, Canvas};
use crate::color::Colors;
use crate::random::Random;

/// Fills the luma (or red, green and blue alike) of a whole frame with noise.
/// Chroma and alpha stay.
pub(crate) fn fill(frame: &mut VideoFrameMut<'_>, random: &mut Random, noise: &mut Vec<u8>) {
    let info = frame.info();
    let mut luma = frame.plane_mut(0);
    noise.resize(info.width, 0);
    match info.format.family() {
        Family::Gray | Family::Planar { .. } | Family::SemiPlanar { .. } => {
            luma.rows_mut().for_each(|row| random.fill(row));
        }
        Family::Rgb { bytes, .. } => {
            for row in luma.rows_mut() {
                random.fill(noise);
                for (pixel, value) in row.chunks_exact_mut(bytes).zip(noise.iter()) {
                    pixel.iter_mut().take(3).for_each(|byte| *byte = *value);
                }
            }
        }
        Family::Packed422 { yuyv } => {
            let [first, ..] = yuyv;
            for row in luma.rows_mut() {
                random.fill(noise);
                for (byte, value) in row.iter_mut().skip(first).step_by(2).zip(noise.iter()) {
                    *byte = *value;
                }
            }
        }
    }
}

/// Fills a part of the canvas with noise.
pub(crate) fn corner(canvas: &mut Canvas, area: Area, colors: &Colors, random: &mut Random) {
    for y in area.y.0..area.y.1 {
        for pixel in canvas.span_mut(y, area.x) {
            *pixel = colors.noise(random.bits() as u8);
        }
    }
}
