//! The six shapes on a circle of radius 1, and what remains of them inside a line.

use core::f32::consts::TAU;

/// Labels by class number. A detector that is trained on these shapes has the
/// same order.
pub(crate) const CLASSES: [&str; 6] = ["circle", "square", "triangle", "star", "cross", "ring"];

/// Corners that stand for a circle: at a radius of 200 pixels it is off by 0.2.
const CIRCLE_CORNERS: usize = 72;
/// Inner radius of a star by its outer.
const STAR_INNER: f32 = 0.45;
/// Inner radius of a ring by its outer.
const RING_INNER: f32 = 0.55;
/// Thickness of the line around a shape: a share of its radius, in pixels at
/// least and at most.
const LINE: (f32, f32, f32) = (0.05, 1.0, 6.0);
/// The thickest line as a share of the radius, so that tiny shapes keep a filling.
const MOST_LINE: f32 = 0.2;

/// The corners of a closed line, against the clock if y grew upwards.
pub(crate) type Contour = Vec<(f32, f32)>;

/// A shape: contours of all of it, and of what is inside of its line.
#[derive(Debug)]
pub(crate) struct Outline {
    pub(crate) class: usize,
    pub(crate) whole: Vec<Contour>,
    pub(crate) inside: Vec<Contour>,
}

impl Outline {
    /// A shape that will be drawn at this radius in pixels.
    pub(crate) fn new(class: usize, radius: f32) -> Self {
        let (share, least, most) = LINE;
        let line = ((radius * share).clamp(least, most) / radius).min(MOST_LINE);
        let whole = contours(class);
        // The first contour shrinks; a hole grows.
        let inset =
            |(i, contour): (usize, &Contour)| shift(contour, if i == 0 { line } else { -line });
        let inside = whole.iter().enumerate().map(inset).collect();
        Self {
            class,
            whole,
            inside,
        }
    }
}

fn contours(class: usize) -> Vec<Contour> {
    match class {
        0 => vec![polygon(CIRCLE_CORNERS, &[1.0])],
        1 => vec![polygon(4, &[1.0])],
        2 => vec![polygon(3, &[1.0])],
        3 => vec![polygon(10, &[1.0, STAR_INNER])],
        4 => vec![cross()],
        _ => vec![
            polygon(CIRCLE_CORNERS, &[1.0]),
            polygon(CIRCLE_CORNERS, &[RING_INNER]),
        ],
    }
}

/// Corners at equal angles, at these radii in turn.
fn polygon(corners: usize, radii: &[f32]) -> Contour {
    let radii = radii.iter().cycle();
    let angles = (0..corners).map(|i| TAU * i as f32 / corners as f32);
    angles
        .zip(radii)
        .map(|(angle, radius)| (radius * angle.cos(), radius * angle.sin()))
        .collect()
}

/// A plus sign whose arms are as wide as a third of it.
fn cross() -> Contour {
    let full = 1.0 / 1.0_f32.hypot(1.0 / 3.0);
    let arm = full / 3.0;
    let quarter = [(full, -arm), (full, arm), (arm, arm)];
    let turned = |turns: usize| {
        quarter.map(|(x, y)| match turns {
            0 => (x, y),
            1 => (-y, x),
            2 => (-x, -y),
            _ => (y, -x),
        })
    };
    (0..4).flat_map(turned).collect()
}

/// Moves every edge inwards by `distance`; outwards if it is negative.
fn shift(contour: &Contour, distance: f32) -> Contour {
    let next = contour.iter().cycle().skip(1);
    let previous = contour.iter().cycle().skip(contour.len().saturating_sub(1));
    let inward = |(ax, ay): (f32, f32), (bx, by): (f32, f32)| {
        let length = (bx - ax).hypot(by - ay).max(f32::EPSILON);
        ((ay - by) / length, (bx - ax) / length)
    };
    let corners = contour.iter().zip(previous).zip(next);
    corners
        .map(|((&corner, &previous), &next)| {
            let (before, after) = (inward(previous, corner), inward(corner, next));
            // Where the two moved edges meet.
            let cosine = before.0 * after.0 + before.1 * after.1;
            let reach = distance / (1.0 + cosine).max(0.1);
            (
                corner.0 + (before.0 + after.0) * reach,
                corner.1 + (before.1 + after.1) * reach,
            )
        })
        .collect()
}
