//! [`Canvas`]: a picture at full resolution in the frame's samples.

use crate::color::Sample;

/// A part of a picture, in pixels; the ends are not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) x: (usize, usize),
    pub(crate) y: (usize, usize),
}

impl Area {
    /// The same with even borders, so that no pair of pixels that share chroma is
    /// cut; inside of a picture of this size.
    pub(crate) fn even(self, width: usize, height: usize) -> Self {
        let widen = |(low, high): (usize, usize), most: usize| {
            (low.min(most) & !1, high.next_multiple_of(2).min(most))
        };
        Self {
            x: widen(self.x, width),
            y: widen(self.y, height),
        }
    }
}

/// A picture, three samples a pixel.
#[derive(Debug, Clone)]
pub(crate) struct Canvas {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pixels: Vec<Sample>,
}

impl Canvas {
    /// A picture of one colour.
    pub(crate) fn new(width: usize, height: usize, color: Sample) -> Self {
        Self {
            width,
            height,
            pixels: vec![color; width * height],
        }
    }

    /// All of it.
    pub(crate) fn area(&self) -> Area {
        Area {
            x: (0, self.width),
            y: (0, self.height),
        }
    }

    /// The rows from the top.
    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [Sample]> {
        self.pixels.chunks_mut(self.width)
    }

    /// A part of a row; empty outside.
    pub(crate) fn span(&self, y: usize, (from, to): (usize, usize)) -> &[Sample] {
        let start = y * self.width;
        self.pixels
            .get(start + from..start + to.min(self.width))
            .unwrap_or_default()
    }

    /// A part of a row to draw on; empty outside.
    pub(crate) fn span_mut(&mut self, y: usize, (from, to): (usize, usize)) -> &mut [Sample] {
        let start = y * self.width;
        self.pixels
            .get_mut(start + from..start + to.min(self.width))
            .unwrap_or_default()
    }

    /// Fills a rectangle.
    pub(crate) fn fill(&mut self, area: Area, color: Sample) {
        for y in area.y.0..area.y.1.min(self.height) {
            self.span_mut(y, area.x).fill(color);
        }
    }

    /// Takes a part over from another picture of the same size.
    pub(crate) fn restore(&mut self, area: Area, from: &Self) {
        for y in area.y.0..area.y.1.min(self.height) {
            self.span_mut(y, area.x)
                .copy_from_slice(from.span(y, area.x));
        }
    }
}

/// Moves a sample towards a colour: not at all at 0, all the way at 1.
pub(crate) fn blend(sample: &mut Sample, color: Sample, share: f32) {
    for (old, new) in sample.iter_mut().zip(color) {
        let from = f32::from(*old);
        *old = (from + (f32::from(new) - from) * share + 0.5) as u8;
    }
}
