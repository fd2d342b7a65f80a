//! A white ball that moves over black.

use core::f64::consts::{PI, SQRT_2};

use crate::canvas::{Area, Canvas, blend};
use crate::color::Sample;

const RADIUS: f64 = 20.0;
/// Frames in which it goes once from side to side and back.
const PERIOD: f64 = 200.0;

/// Draws the ball of frame `n` and says where it is.
///
/// # Source
/// `gst_video_test_src_ball` in GStreamer's `videotestsrc.c`.
pub(crate) fn draw(canvas: &mut Canvas, n: u64, color: Sample) -> Area {
    let along = |turns: f64, size: usize| {
        let free = (size as f64 - 2.0 * RADIUS).max(0.0);
        RADIUS + (0.5 + 0.5 * (2.0 * PI * turns).sin()) * free
    };
    let turns = n as f64 / PERIOD;
    let (x, y) = (
        along(turns, canvas.width).floor(),
        along(turns * SQRT_2, canvas.height).floor(),
    );
    let reach = |middle: f64, size: usize| {
        let low = (middle - RADIUS).max(0.0) as usize;
        (low.min(size), ((middle + RADIUS) as usize + 1).min(size))
    };
    let area = Area {
        x: reach(x, canvas.width),
        y: reach(y, canvas.height),
    };
    for row in area.y.0..area.y.1 {
        let dy = row as f64 - y;
        for (column, pixel) in (area.x.0..).zip(canvas.span_mut(row, area.x)) {
            let inside = RADIUS - (column as f64 - x).hypot(dy);
            blend(pixel, color, (0.5 * inside).clamp(0.0, 1.0) as f32);
        }
    }
    area
}
