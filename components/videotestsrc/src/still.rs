//! Patterns without motion, and what lies behind those with.

use crate::Pattern;
use crate::canvas::{Area, Canvas};
use crate::color::{Colors, Rgb, Sample};

const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];
const RED: Rgb = [255, 0, 0];
const GREEN: Rgb = [0, 255, 0];
const BLUE: Rgb = [0, 0, 255];

/// The seven bars, and black.
const BARS: [Rgb; 8] = [
    WHITE,
    [255, 255, 0],
    [0, 255, 255],
    GREEN,
    [255, 0, 255],
    RED,
    BLUE,
    BLACK,
];

/// Draws a pattern, but for what moves in it. `shapes` draws its own background.
pub(crate) fn draw(pattern: Pattern, canvas: &mut Canvas, colors: &Colors) {
    match pattern {
        Pattern::Smpte => smpte(canvas, colors),
        Pattern::Snow | Pattern::Black | Pattern::Ball | Pattern::Shapes => {
            canvas.fill(canvas.area(), colors.of(BLACK));
        }
        Pattern::White => canvas.fill(canvas.area(), colors.of(WHITE)),
        Pattern::Red => canvas.fill(canvas.area(), colors.of(RED)),
        Pattern::Green => canvas.fill(canvas.area(), colors.of(GREEN)),
        Pattern::Blue => canvas.fill(canvas.area(), colors.of(BLUE)),
        Pattern::Checkers1 => checkers(canvas, colors, 1),
        Pattern::Checkers2 => checkers(canvas, colors, 2),
        Pattern::Checkers4 => checkers(canvas, colors, 4),
        Pattern::Checkers8 => checkers(canvas, colors, 8),
        Pattern::Gradient => gradient(canvas, colors),
    }
}

/// The part of `smpte` that is noise: the right quarter of the bottom quarter.
pub(crate) fn smpte_noise(width: usize, height: usize) -> Area {
    Area {
        x: (width * 3 / 4, width),
        y: (3 * height / 4, height),
    }
}

/// # Source
/// `gst_video_test_src_smpte` in GStreamer's `videotestsrc.c`: bars of 100 %,
/// the blue bars, -I, white, +Q, and three blacks.
fn smpte(canvas: &mut Canvas, colors: &Colors) {
    let Canvas { width, height, .. } = *canvas;
    let (bars_end, blue_end) = (2 * height / 3, 3 * height / 4);
    let bars = BARS.map(|rgb| colors.of(rgb));
    let [white, yellow, cyan, green, magenta, red, blue, black] = bars;
    let upper = [white, yellow, cyan, green, magenta, red, blue];
    let middle = [blue, black, magenta, black, cyan, black, white];
    for (row, y) in [(upper, (0, bars_end)), (middle, (bars_end, blue_end))] {
        for (i, color) in row.into_iter().enumerate() {
            canvas.fill(
                Area {
                    x: (i * width / 7, (i + 1) * width / 7),
                    y,
                },
                color,
            );
        }
    }
    let y = (blue_end, height);
    let minus_i = colors.special([16, 198, 21], [0, 0, 128]);
    let plus_q = colors.special([16, 235, 198], [0, 128, 255]);
    for (i, color) in [minus_i, white, plus_q].into_iter().enumerate() {
        canvas.fill(
            Area {
                x: (i * width / 6, (i + 1) * width / 6),
                y,
            },
            color,
        );
    }
    let below = colors.special([0, 128, 128], BLACK);
    let above = colors.special([32, 128, 128], [19; 3]);
    for (i, color) in [below, black, above].into_iter().enumerate() {
        let x = (width / 2 + i * width / 12, width / 2 + (i + 1) * width / 12);
        canvas.fill(Area { x, y }, color);
    }
}

fn checkers(canvas: &mut Canvas, colors: &Colors, size: usize) {
    let (green, red): (Sample, Sample) = (colors.of(GREEN), colors.of(RED));
    let left = canvas.area().x.0;
    for (y, row) in canvas.rows_mut() {
        for (x, pixel) in (left..).zip(row) {
            *pixel = if (x ^ y) & size == 0 { red } else { green };
        }
    }
}

fn gradient(canvas: &mut Canvas, colors: &Colors) {
    let last = (canvas.height - 1).max(1);
    for (y, row) in canvas.rows_mut() {
        row.fill(colors.of([(y * 255 / last) as u8; 3]));
    }
}
