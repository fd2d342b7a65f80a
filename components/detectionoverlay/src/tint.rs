//! Masks of objects as a translucent tint.

use millstream_sdk::buffer::Mask;
use millstream_sdk::prelude::*;

use crate::canvas::{Area, Canvas, Paint, Rows};
use crate::draw::FAR;

/// Cells of this value and above are covered, as the contract has it.
const COVERED: f32 = 128.0;

/// Draws masks. Keeps its memory from mask to mask.
#[derive(Debug, Default)]
pub(crate) struct Tint {
    /// Values of the cells of one pixel row.
    line: Vec<f32>,
}

/// Pixels and cells that a mask makes a frame of this size look at.
pub(crate) fn cost(rect: Rect, mask: &Mask, width: i32, height: i32) -> u64 {
    let area = area(rect).clip(width, height);
    let rows = u64::try_from(area.bottom - area.top).unwrap_or(0);
    1 + area.pixels() + u64::from(mask.width) * rows
}

impl Tint {
    /// Tints what a mask covers of a rectangle. Between the centres of cells their
    /// values are interpolated, so that the outline does not show the cells.
    pub(crate) fn draw(
        &mut self,
        canvas: &mut Canvas<'_>,
        rows: &mut Rows,
        rect: Rect,
        mask: &Mask,
        paint: Paint,
    ) {
        let (across, down) = (mask.width as usize, mask.height as usize);
        let whole = across > 0 && across.checked_mul(down) == Some(mask.cells.len());
        if !whole || rect.width <= 0.0 || rect.height <= 0.0 {
            return;
        }
        let cell = (rect.width / across as f32, rect.height / down as f32);
        self.line.resize(across, 0.0);
        canvas.shape(rows, area(rect), paint, |y, left, row| {
            let place = (y as f32 + 0.5 - rect.y) / cell.1 - 0.5;
            self.read(&mask.cells, across, place.clamp(0.0, (down - 1) as f32));
            runs(&self.line, rect.x, cell.0, |start, end| {
                let column = |place: f32| {
                    let column = (place - 0.5).ceil().clamp(-FAR, FAR) as i32 - left;
                    (column.max(0) as usize).min(row.len())
                };
                let (start, end) = (column(start), column(end));
                row.get_mut(start..end).unwrap_or_default().fill(255);
                start..end
            })
        });
    }

    /// Interpolates a row of cells; `place` is that of a cell, 0 the first one's
    /// centre.
    fn read(&mut self, cells: &[u8], across: usize, place: f32) {
        let (first, weight) = (place.floor() as usize, place.fract());
        let row = |y: usize| cells.get(y * across..(y + 1) * across).unwrap_or_default();
        let (above, below) = (row(first), row(first + usize::from(weight > 0.0)));
        for (value, (above, below)) in self.line.iter_mut().zip(above.iter().zip(below)) {
            let (above, below) = (f32::from(*above), f32::from(*below));
            *value = above + (below - above) * weight;
        }
    }
}

/// Gives each stretch of covered places to `fill`, from `left`, cells being `cell`
/// wide; returns from the first to the last of what `fill` has set.
fn runs(
    line: &[f32],
    left: f32,
    cell: f32,
    mut fill: impl FnMut(f32, f32) -> core::ops::Range<usize>,
) -> core::ops::Range<usize> {
    let mut all: Option<core::ops::Range<usize>> = None;
    let mut add = |start: f32, end: f32| {
        let set = fill(start, end);
        if !set.is_empty() {
            let first = all.as_ref().map_or(set.start, |all| all.start);
            all = Some(first..set.end);
        }
    };
    let mut before = line.first().copied().unwrap_or_default();
    let mut start = (before >= COVERED).then_some(left);
    for (place, value) in line.iter().enumerate().skip(1) {
        if (*value >= COVERED) != start.is_some() {
            // Where the value passes the threshold, between two centres.
            let share = (COVERED - before) / (value - before);
            let at = left + (place as f32 - 0.5 + share) * cell;
            match start.take() {
                Some(start) => add(start, at),
                None => start = Some(at),
            }
        }
        before = *value;
    }
    if let Some(start) = start {
        add(start, left + line.len() as f32 * cell);
    }
    all.unwrap_or_default()
}

fn area(rect: Rect) -> Area {
    let near = |place: f32| place.clamp(-FAR, FAR);
    Area {
        left: near(rect.x).floor() as i32,
        top: near(rect.y).floor() as i32,
        right: near(rect.x + rect.width).ceil() as i32,
        bottom: near(rect.y + rect.height).ceil() as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_begin_and_end_where_the_value_passes_the_threshold() {
        let check = |line: &[f32], expected: &[(f32, f32)]| {
            let mut got = Vec::new();
            runs(line, 10.0, 4.0, |start, end| {
                got.push((start, end));
                0..1
            });
            assert_eq!(got, expected, "{line:?}");
        };
        check(&[], &[]);
        check(&[0.0, 127.9], &[]);
        check(&[128.0], &[(10.0, 14.0)]);
        check(&[0.0, 256.0, 0.0], &[(14.0, 18.0)]);
        check(
            &[255.0, 0.0, 128.0],
            &[(10.0, 10.0 + (0.5 + 127.0 / 255.0) * 4.0), (20.0, 22.0)],
        );
    }
}
