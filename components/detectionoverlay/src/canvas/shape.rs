//! Shapes that say row by row which pixels they cover.

use core::ops::Range;

use super::blend::{blend_all, by_cover, by_weight, chroma_weights, weight};
use super::{Area, Canvas, Chroma, Paint};

/// Coverage of two rows that share chroma, 0 to 255 a pixel; 0 between shapes.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    upper: Vec<u8>,
    lower: Vec<u8>,
    /// How far chroma of these is blended.
    weights: Vec<u16>,
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
        let Rows {
            upper,
            lower,
            weights,
        } = rows;
        let (Some(upper), Some(lower)) = (upper.get_mut(..count), lower.get_mut(..count)) else {
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
            let both = union(&first, &second);
            if self.chroma != Chroma::None && !both.is_empty() {
                let samples = both.start / 2..both.end.div_ceil(2);
                self.weigh(y, left, samples.clone(), [upper, lower], weights);
                self.cover_chroma(y, left as usize / 2 + samples.start, weights, paint);
            }
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
        by_cover(self.bytes, pixels, paint.pixel, covers, self.opacity);
    }

    /// How far samples are blended: by the mean coverage of their pixels.
    fn weigh(
        &self,
        y: i32,
        left: i32,
        samples: Range<usize>,
        [upper, lower]: [&[u8]; 2],
        weights: &mut Vec<u16>,
    ) {
        weights.clear();
        // A row beyond the frame counts as its neighbour does; so does a column.
        let lower = if y + 1 < self.height { lower } else { upper };
        let place = samples.start * 2..(samples.end * 2).min(upper.len());
        let (Some(upper), Some(lower)) = (upper.get(place.clone()), lower.get(place.clone()))
        else {
            return;
        };
        weights.extend(chroma_weights(upper, lower, self.opacity));
        if let ([.., a], [.., b], false) = (upper, lower, upper.len().is_multiple_of(2)) {
            let pixels = if left + place.end as i32 == self.width {
                2
            } else {
                1
            };
            let sum = (u32::from(*a) + u32::from(*b)) * pixels;
            weights.push(weight(sum.div_ceil(4), self.opacity) as u16);
        }
    }

    /// Blends chroma of two rows from a sample on.
    fn cover_chroma(&mut self, y: i32, from: usize, weights: &[u16], paint: Paint) {
        let ([_, second, third], y) = (&mut self.planes, y as usize / 2);
        match (self.chroma, paint.chroma) {
            (Chroma::None, _) => {}
            (Chroma::Planes, [a, b]) => {
                for (plane, new) in [(second, a), (third, b)] {
                    let row = plane.row_mut(y).get_mut(from..);
                    by_weight(row.unwrap_or_default(), new, weights);
                }
            }
            (Chroma::Pairs, both) => {
                let row = second.row_mut(y).get_mut(from * 2..).unwrap_or_default();
                for (pair, weight) in row.chunks_exact_mut(2).zip(weights) {
                    blend_all(pair, &both, u32::from(*weight));
                }
            }
        }
    }
}

fn union(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => b.clone(),
        (_, true) => a.clone(),
        _ => a.start.min(b.start)..a.end.max(b.end),
    }
}
