//! [`Canvas`]: a picture, or a part of one, at full resolution in the frame's samples.

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

/// A picture, three samples a pixel, of which some part is there to draw on.
#[derive(Debug, Clone)]
pub(crate) struct Canvas {
    /// Of the whole picture.
    pub(crate) width: usize,
    pub(crate) height: usize,
    part: Area,
    pixels: Vec<Sample>,
}

impl Canvas {
    /// A whole picture, all zeroes.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        let (x, y) = ((0, width), (0, height));
        Self::part(width, height, Area { x, y })
    }

    /// A part of a picture, all zeroes.
    pub(crate) fn part(width: usize, height: usize, part: Area) -> Self {
        let pixels = (part.x.1 - part.x.0) * (part.y.1 - part.y.0);
        Self {
            width,
            height,
            part,
            pixels: vec![[0; 3]; pixels],
        }
    }

    /// All of it.
    pub(crate) fn area(&self) -> Area {
        self.part
    }

    /// The rows from the top, with their numbers.
    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = (usize, &mut [Sample])> {
        let width = (self.part.x.1 - self.part.x.0).max(1);
        (self.part.y.0..).zip(self.pixels.chunks_mut(width))
    }

    /// Where a part of a row lies; the end is before the beginning outside.
    fn place(&self, y: usize, (from, to): (usize, usize)) -> core::ops::Range<usize> {
        let Area { x, y: rows } = self.part;
        if !(rows.0..rows.1).contains(&y) {
            return 0..0;
        }
        let start = (y - rows.0) * (x.1 - x.0);
        start + from.max(x.0) - x.0..(start + to.min(x.1)).saturating_sub(x.0)
    }

    /// A part of a row; empty outside.
    pub(crate) fn span(&self, y: usize, x: (usize, usize)) -> &[Sample] {
        self.pixels.get(self.place(y, x)).unwrap_or_default()
    }

    /// A part of a row to draw on; empty outside.
    pub(crate) fn span_mut(&mut self, y: usize, x: (usize, usize)) -> &mut [Sample] {
        let place = self.place(y, x);
        self.pixels.get_mut(place).unwrap_or_default()
    }

    /// Fills a rectangle.
    pub(crate) fn fill(&mut self, area: Area, color: Sample) {
        for y in area.y.0.max(self.part.y.0)..area.y.1.min(self.part.y.1) {
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
