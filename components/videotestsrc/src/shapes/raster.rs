//! Fills contours with smooth edges, row by row.

use crate::canvas::{Canvas, blend};
use crate::color::Sample;
use crate::shapes::outline::Contour;

/// Lines a row of pixels is cut into; across, coverage is exact.
const LINES: u32 = 4;
/// Coverage above which a pixel is all of the colour.
const FULL: f32 = 0.999;

/// Where a shape is: its middle in pixels, and its angle in radians.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) radius: f32,
    pub(crate) angle: f32,
}

impl Placement {
    /// From the circle of radius 1 to pixels.
    pub(crate) fn apply(&self, (x, y): (f32, f32)) -> (f32, f32) {
        let (sine, cosine) = self.angle.sin_cos();
        let (x, y) = (x * self.radius, y * self.radius);
        (
            self.x + x * cosine - y * sine,
            self.y + x * sine + y * cosine,
        )
    }
}

/// An edge between two corners, the upper first.
#[derive(Debug, Clone, Copy)]
struct Edge {
    top: f32,
    bottom: f32,
    x: f32,
    /// Change of x for each unit of y.
    slope: f32,
}

/// Memory to fill with, kept from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Raster {
    edges: Vec<Edge>,
    crossings: Vec<f32>,
    /// By how much coverage changes from pixel to pixel.
    change: Vec<f32>,
}

impl Raster {
    /// Fills a shape: what an odd number of its contours surround.
    pub(crate) fn fill(
        &mut self,
        canvas: &mut Canvas,
        contours: &[Contour],
        place: &Placement,
        color: Sample,
    ) {
        self.edges.clear();
        for contour in contours {
            let mut last = contour.last().map(|point| place.apply(*point));
            for corner in contour.iter().map(|point| place.apply(*point)) {
                if let Some(last) = last.replace(corner) {
                    self.edges.extend(edge(last, corner));
                }
            }
        }
        let clamp = |value: f32, most: usize| (value.max(0.0) as usize).min(most);
        let left = clamp(place.x - place.radius - 1.0, canvas.width);
        let right = clamp(place.x + place.radius + 2.0, canvas.width);
        let top = clamp(place.y - place.radius - 1.0, canvas.height);
        let bottom = clamp(place.y + place.radius + 2.0, canvas.height);
        for y in top..bottom {
            self.change.clear();
            self.change.resize(right - left + 2, 0.0);
            for line in 0..LINES {
                self.cover(y as f32 + (line as f32 + 0.5) / LINES as f32, left, right);
            }
            let mut coverage = 0.0;
            for (pixel, change) in canvas
                .span_mut(y, (left, right))
                .iter_mut()
                .zip(&self.change)
            {
                coverage += change;
                if coverage >= FULL {
                    *pixel = color;
                } else if coverage > 1.0 - FULL {
                    blend(pixel, color, coverage);
                }
            }
        }
    }

    /// Adds what one line through the shape covers.
    fn cover(&mut self, y: f32, left: usize, right: usize) {
        self.crossings.clear();
        let crossed = self
            .edges
            .iter()
            .filter(|edge| edge.top <= y && y < edge.bottom);
        self.crossings
            .extend(crossed.map(|edge| edge.x + (y - edge.top) * edge.slope));
        self.crossings.sort_unstable_by(f32::total_cmp);
        let (pairs, _) = self.crossings.as_chunks::<2>();
        let within = |x: f32| (x - left as f32).clamp(0.0, (right - left) as f32);
        for &[from, to] in pairs {
            for (x, weight) in [(within(from), 1.0), (within(to), -1.0)] {
                let (index, share) = (x as usize, x.fract());
                let weight = weight / LINES as f32;
                if let Some([at, after]) = self.change.get_mut(index..index + 2) {
                    *at += weight * (1.0 - share);
                    *after += weight * share;
                }
            }
        }
    }
}

fn edge(a: (f32, f32), b: (f32, f32)) -> Option<Edge> {
    let (upper, lower) = if a.1 <= b.1 { (a, b) } else { (b, a) };
    let height = lower.1 - upper.1;
    (height > 0.0).then(|| Edge {
        top: upper.1,
        bottom: lower.1,
        x: upper.0,
        slope: (lower.0 - upper.0) / height,
    })
}
