//! Thick lines with round ends, and dots.

use crate::canvas::{Area, Canvas, Paint, Rows};
use crate::draw::FAR;

/// A line between two points, in pixels; a dot where both are one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stroke {
    pub(crate) from: [f32; 2],
    pub(crate) to: [f32; 2],
    /// Half of its thickness.
    pub(crate) radius: f32,
}

impl Stroke {
    pub(crate) const fn dot(at: [f32; 2], radius: f32) -> Self {
        Self {
            from: at,
            to: at,
            radius,
        }
    }

    /// Pixels that it touches in a frame of this size, about.
    pub(crate) fn cost(&self, width: i32, height: i32) -> u64 {
        let Some([from, to]) = self.clipped(width, height) else {
            return 1;
        };
        let length = (to[0] - from[0]).abs() + (to[1] - from[1]).abs();
        let across = f64::from(self.radius) * 2.0 + 2.0;
        ((length + across) * across) as u64
    }

    /// Draws what lies in the frame.
    pub(crate) fn draw(&self, canvas: &mut Canvas<'_>, rows: &mut Rows, paint: Paint) {
        let Some([from, to]) = self.clipped(canvas.width(), canvas.height()) else {
            return;
        };
        let reach = f64::from(self.radius) + 1.0;
        let area = Area {
            left: (from[0].min(to[0]) - reach).floor() as i32,
            top: (from[1].min(to[1]) - reach).floor() as i32,
            right: (from[0].max(to[0]) + reach).ceil() as i32,
            bottom: (from[1].max(to[1]) + reach).ceil() as i32,
        };
        let segment = Segment::new(from, to, f64::from(self.radius));
        canvas.shape(rows, area, paint, |y, left, row| {
            segment.cover(y, left, row)
        });
    }

    /// What of the line could be seen; ends that are cut lie outside of the frame
    /// with all of their thickness.
    ///
    /// # Source
    /// Liang and Barsky, "A new concept and method for line clipping", ACM
    /// Transactions on Graphics 3 (1), 1984.
    fn clipped(&self, width: i32, height: i32) -> Option<[[f64; 2]; 2]> {
        if !self
            .from
            .iter()
            .chain(&self.to)
            .all(|place| place.is_finite())
        {
            return None;
        }
        let near = |place: f32| f64::from(place.clamp(-FAR, FAR));
        let [from, to] = [self.from, self.to].map(|point| point.map(near));
        let reach = f64::from(self.radius) + 2.0;
        let (mut start, mut end) = (0.0_f64, 1.0_f64);
        let sizes = [width, height].map(f64::from);
        for ((from, to), size) in from.iter().zip(&to).zip(sizes) {
            let (low, high, step) = (-reach - from, size + reach - from, to - from);
            if step == 0.0 {
                if low > 0.0 || high < 0.0 {
                    return None;
                }
                continue;
            }
            let (a, b) = (low / step, high / step);
            start = start.max(a.min(b));
            end = end.min(a.max(b));
        }
        let at = |share: f64| {
            let [x, y] = from;
            [x + (to[0] - x) * share, y + (to[1] - y) * share]
        };
        (start <= end).then(|| [at(start), at(end)])
    }
}

/// A line inside of the frame, ready to be drawn.
struct Segment {
    from: [f32; 2],
    step: [f32; 2],
    /// One by the square of the length; 0 for a dot.
    inverse: f32,
    radius: f32,
}

impl Segment {
    fn new(from: [f64; 2], to: [f64; 2], radius: f64) -> Self {
        let step = [to[0] - from[0], to[1] - from[1]];
        let square = step[0] * step[0] + step[1] * step[1];
        Self {
            from: from.map(|place| place as f32),
            step: step.map(|length| length as f32),
            inverse: if square > 1e-6 {
                (1.0 / square) as f32
            } else {
                0.0
            },
            radius: radius as f32,
        }
    }

    /// Sets the coverage of a row: by the distance of each pixel's centre to the
    /// line, soft over one pixel at the edge.
    fn cover(&self, y: i32, left: i32, row: &mut [u8]) -> core::ops::Range<usize> {
        let ([from_x, from_y], [step_x, step_y]) = (self.from, self.step);
        let reach = self.radius + 0.5;
        let down = y as f32 + 0.5 - from_y;
        // The part of the line that is near to this row, as shares of its length.
        let (mut first, mut last) = (0.0, 1.0);
        if step_y != 0.0 {
            let (a, b) = ((down - reach) / step_y, (down + reach) / step_y);
            first = a.min(b).clamp(0.0, 1.0);
            last = a.max(b).clamp(0.0, 1.0);
        }
        let (a, b) = (from_x + step_x * first, from_x + step_x * last);
        let column = |place: f32| ((place as i32 - left).max(0) as usize).min(row.len());
        let start = column((a.min(b) - reach).floor());
        let end = column((a.max(b) + reach).ceil()).max(start);
        let pixels = row.get_mut(start..end).unwrap_or_default();
        for (cover, x) in pixels.iter_mut().zip(left + start as i32..) {
            let across = x as f32 + 0.5 - from_x;
            let share = ((across * step_x + down * step_y) * self.inverse).clamp(0.0, 1.0);
            let (dx, dy) = (across - step_x * share, down - step_y * share);
            let distance = (dx * dx + dy * dy).sqrt();
            *cover = ((reach - distance).clamp(0.0, 1.0) * 255.0) as u8;
        }
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_cut() {
        let check = |from, to, expected: Option<[f64; 4]>| {
            let stroke = Stroke {
                from,
                to,
                radius: 1.0,
            };
            let got = stroke.clipped(100, 50).map(|[[a, b], [c, d]]| [a, b, c, d]);
            let near = |(a, b): (f64, f64)| (a - b).abs() < 1e-6;
            let same = match (got, expected) {
                (Some(got), Some(expected)) => got.into_iter().zip(expected).all(near),
                (got, expected) => got.is_none() && expected.is_none(),
            };
            assert!(same, "{from:?} to {to:?}: {got:?}, expected {expected:?}");
        };
        check([1.0, 2.0], [30.0, 40.0], Some([1.0, 2.0, 30.0, 40.0]));
        check([-1e30, 25.0], [1e30, 25.0], Some([-3.0, 25.0, 103.0, 25.0]));
        check([-50.0, -9.0], [150.0, -9.0], None);
        check([0.0, -90.0], [190.0, 0.0], None);
        check([f32::NAN, 0.0], [0.0, 0.0], None);
        check([0.0, 0.0], [f32::INFINITY, 0.0], None);
    }

    #[test]
    fn costs_follow_what_is_seen() {
        let cost = |from, to| {
            Stroke {
                from,
                to,
                radius: 1.0,
            }
            .cost(100, 50)
        };
        assert_eq!(cost([9.0; 2], [9.0; 2]), 16);
        assert_eq!(cost([-1e30, 25.0], [1e30, 25.0]), 440);
        assert_eq!(cost([1e9; 2], [2e9; 2]), 1);
    }
}
