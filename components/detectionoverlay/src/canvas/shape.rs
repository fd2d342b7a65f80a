//! Shapes that say row by row which pixels they cover.

use core::ops::Range;

use super::{Area, Canvas, Chroma, Paint, blend, blend_all, weight};

/// Coverage of two rows that share chroma, 0 to 255 a pixel; 0 between shapes.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    upper: Vec<u8>,
    lower: Vec<u8>,
}

impl Canvas<'_> {
    /// Blends a shape into what of `area` lies in the frame. `cover` is called for
    /// each row with `y`, the column of the first byte, and a row of zeros; it says
    /// which bytes it has set. Only those pixels, and their chroma, are touched.
    pub(crate) fn shape(
        &mut self,
        rows: &mut Rows,
        area: Area,
        paint: Paint,
        mut cover: impl FnMut(i32, i32, &mut [u8]) -> Range<usize>,
    ) {
        let area = area.clip(self.width, self.height);
        if area.is_empty() {
            return;
        }
        let left = area.left & !1;
        let count = (area.right - left) as usize;
        for row in [&mut rows.upper, &mut rows.lower] {
            if row.len() < count {
                row.resize(count, 0);
            }
        }
        let (Some(upper), Some(lower)) = (rows.upper.get_mut(..count), rows.lower.get_mut(..count))
        else {
            return;
        };
        let mut y = area.top & !1;
        while y < area.bottom {
            let mut set = [0..0, 0..0];
            let pair = [(y, &mut *upper), (y + 1, &mut *lower)];
            for ((y, row), set) in pair.into_iter().zip(&mut set) {
                if (area.top..area.bottom).contains(&y) {
                    let Range { start, end } = cover(y, left, row);
                    *set = start.min(count)..end.min(count);
                    self.cover_pixels(y, left, set.clone(), row, paint);
                }
            }
            let [first, second] = set;
            self.cover_chroma(y, left, union(&first, &second), [upper, lower], paint);
            for (row, range) in [(&mut *upper, first), (&mut *lower, second)] {
                row.get_mut(range).unwrap_or_default().fill(0);
            }
            y += 2;
        }
    }

    /// Blends the first plane of a row.
    fn cover_pixels(&mut self, y: i32, left: i32, set: Range<usize>, row: &[u8], paint: Paint) {
        let covers = row.get(set.clone()).unwrap_or_default();
        let start = (left as usize + set.start) * self.bytes;
        let [plane, ..] = &mut self.planes;
        let pixels = plane
            .row_mut(y as usize)
            .get_mut(start..)
            .unwrap_or_default();
        match self.bytes {
            1 => cover::<1>(pixels, covers, paint, self.opacity),
            3 => cover::<3>(pixels, covers, paint, self.opacity),
            _ => cover::<4>(pixels, covers, paint, self.opacity),
        }
    }

    /// Blends the chroma of two rows by the mean coverage of its pixels.
    fn cover_chroma(
        &mut self,
        y: i32,
        left: i32,
        set: Range<usize>,
        rows: [&[u8]; 2],
        paint: Paint,
    ) {
        if self.chroma == Chroma::None || set.is_empty() {
            return;
        }
        let samples = set.start / 2..set.end.div_ceil(2);
        // A row beyond the frame counts as its neighbour does; so does a column.
        let [upper, lower] = rows;
        let lower = if y + 1 < self.height { lower } else { upper };
        let (Some(upper), Some(lower)) = (
            upper.get(samples.start * 2..),
            lower.get(samples.start * 2..),
        ) else {
            return;
        };
        let lonely = left + upper.len() as i32 + samples.start as i32 * 2 == self.width;
        let of_pair = |pair: &[u8]| match pair {
            [a, b] => u32::from(*a) + u32::from(*b),
            [a] => u32::from(*a) * if lonely { 2 } else { 1 },
            _ => 0,
        };
        let opacity = self.opacity;
        let weights = upper.chunks(2).zip(lower.chunks(2));
        let weights = weights.map(|(a, b)| weight((of_pair(a) + of_pair(b)).div_ceil(4), opacity));
        let from = left as usize / 2 + samples.start;
        let [_, second, third] = &mut self.planes;
        match self.chroma {
            Chroma::None => {}
            Chroma::Planes => {
                let [first_byte, second_byte] = paint.chroma;
                for (plane, byte) in [(second, first_byte), (third, second_byte)] {
                    let row = plane.row_mut(y as usize / 2);
                    let row = row.get_mut(from..).unwrap_or_default().iter_mut();
                    for (sample, weight) in row.zip(weights.clone()).take(samples.len()) {
                        *sample = blend(*sample, byte, weight);
                    }
                }
            }
            Chroma::Pairs => {
                let row = second.row_mut(y as usize / 2);
                let row = row.get_mut(from * 2..).unwrap_or_default();
                for (pair, weight) in row.chunks_exact_mut(2).zip(weights).take(samples.len()) {
                    blend_all(pair, &paint.chroma, weight);
                }
            }
        }
    }
}

fn cover<const N: usize>(pixels: &mut [u8], covers: &[u8], paint: Paint, opacity: u32) {
    let (pixels, _) = pixels.as_chunks_mut::<N>();
    for (pixel, cover) in pixels.iter_mut().zip(covers) {
        // Where nothing is covered a pixel is blended into itself.
        blend_all(pixel, &paint.pixel, weight(u32::from(*cover), opacity));
    }
}

fn union(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => b.clone(),
        (_, true) => a.clone(),
        _ => a.start.min(b.start)..a.end.max(b.end),
    }
}
