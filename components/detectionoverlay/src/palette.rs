//! Colours of classes: fixed, far apart, and each with black or white letters.

use millstream_sdk::prelude::*;

use crate::canvas::Paint;

/// Colours of the classes from 0; class 20 has that of class 0 again. Neighbours
/// differ in hue and most in lightness, so that few classes are easy to tell.
const COLOURS: [[u8; 3]; 20] = [
    [0x00, 0xc2, 0x7a], // green
    [0xff, 0x5a, 0x3c], // vermilion
    [0x2f, 0x7d, 0xff], // blue
    [0xff, 0xc4, 0x1f], // amber
    [0xc0, 0x4c, 0xfd], // violet
    [0x1e, 0xd7, 0xe6], // cyan
    [0xff, 0x4f, 0xa3], // pink
    [0xa6, 0xd6, 0x1c], // lime
    [0xff, 0x8a, 0x1f], // orange
    [0x54, 0x4c, 0xe0], // indigo
    [0x0f, 0x9d, 0x8f], // teal
    [0xd8, 0x1f, 0x3a], // crimson
    [0x7f, 0xc4, 0xff], // sky
    [0x9a, 0x6a, 0x3a], // brown
    [0xe6, 0x9c, 0xff], // lilac
    [0x2e, 0x8b, 0x2e], // forest
    [0xff, 0xe9, 0x7a], // straw
    [0x8c, 0x2f, 0x8c], // plum
    [0x7d, 0xf0, 0xb0], // mint
    [0x8a, 0x93, 0xa6], // slate
];

const WHITE: [u8; 3] = [255; 3];
const BLACK: [u8; 3] = [0x10; 3];

/// For each class in turn: the paint of its box, and that of the letters on it.
pub(crate) fn paints(info: &VideoInfo) -> Vec<[Paint; 2]> {
    let pair = |colour: [u8; 3]| {
        let ink = if is_light(colour) { BLACK } else { WHITE };
        [Paint::new(info, colour), Paint::new(info, ink)]
    };
    // Without colours white is seen best.
    let grey = info.format == VideoFormat::GRAY8;
    COLOURS
        .iter()
        .map(|colour| pair(if grey { WHITE } else { *colour }))
        .collect()
}

/// The paints of what belongs to no class: a dark ground, and white letters.
pub(crate) fn neutral(info: &VideoInfo) -> [Paint; 2] {
    [BLACK, WHITE].map(|colour| Paint::new(info, colour))
}

/// The paints of a class.
pub(crate) fn pick(paints: &[[Paint; 2]], class_id: u32) -> [Paint; 2] {
    paints
        .get(class_id as usize % paints.len().max(1))
        .copied()
        .unwrap_or_default()
}

/// Whether black letters are easier to read on it than white ones.
///
/// # Source
/// WCAG 2.1, relative luminance and contrast ratio: both are equal at 0.179. White
/// on a strong colour reads better than the formula says, hence 0.3.
fn is_light(colour: [u8; 3]) -> bool {
    let [r, g, b] = colour.map(|byte| (f64::from(byte) / 255.0).powf(2.2));
    0.2126 * r + 0.7152 * g + 0.0722 * b > 0.3
}
