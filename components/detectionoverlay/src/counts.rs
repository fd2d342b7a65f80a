//! Lines and zones of an analysing element, and what it counted at them.

use core::ops::Range;

use millstream_sdk::analytics::{Analytics, Line, Zone};

use crate::canvas::{Area, Canvas, Paint};
use crate::draw::{Budget, Stack, Tools};
use crate::palette;
use crate::stroke::Stroke;

/// The first colour of the palette that lines and zones have: amber, which few
/// objects have.
const FIRST_COLOUR: u32 = 3;
/// How far the ground of a zone hides what is under it, of 256.
const GROUND: u32 = 48;
/// The length of the arrow that shows which way is in, by the thickness of lines.
const ARROW: f32 = 7.0;

/// Draws all of it, scaled to the frame.
pub(crate) fn draw(canvas: &mut Canvas<'_>, tools: &mut Tools<'_>, analytics: &Analytics) {
    let scale = [
        canvas.width() as f32 / analytics.width.max(1) as f32,
        canvas.height() as f32 / analytics.height.max(1) as f32,
    ];
    let mut sheet = Sheet {
        budget: Budget::new(canvas),
        canvas,
        tools,
        scale,
    };
    let mut colours = FIRST_COLOUR..;
    for (zone, colour) in analytics.zones.iter().zip(&mut colours) {
        let paints = palette::pick(sheet.tools.paints, colour);
        sheet.zone(zone, paints);
    }
    for (line, colour) in analytics.lines.iter().zip(colours) {
        let paints = palette::pick(sheet.tools.paints, colour);
        sheet.line(line, paints);
    }
}

/// A frame to draw onto, with what may still be drawn.
struct Sheet<'a, 'b, 'c> {
    canvas: &'a mut Canvas<'b>,
    tools: &'a mut Tools<'c>,
    budget: Budget,
    /// Pixels of the frame for one of the analytics', across and down.
    scale: [f32; 2],
}

impl Sheet<'_, '_, '_> {
    /// The edges, the ground, and how many are inside.
    fn zone(&mut self, zone: &Zone, paints: [Paint; 2]) {
        let scale = self.scale;
        let corners = || zone.polygon.iter().map(|point| scaled(*point, scale));
        let edges = || corners().zip(corners().cycle().skip(1));
        self.ground(corners, edges, paints[0]);
        let radius = self.tools.pen.thickness as f32 / 2.0;
        for (from, to) in edges() {
            self.stroke(Stroke { from, to, radius }, paints[0]);
        }
        // At the highest corner.
        let highest = corners().min_by(|a, b| a[1].total_cmp(&b[1]));
        let text = format!("{}: {}", zone.name, zone.count);
        self.tag(&text, highest.unwrap_or_default(), paints);
    }

    fn ground<C, E>(&mut self, corners: impl Fn() -> C, edges: impl Fn() -> E, paint: Paint)
    where
        C: Iterator<Item = [f32; 2]>,
        E: Iterator<Item = ([f32; 2], [f32; 2])>,
    {
        let Some(area) = around(corners()) else {
            return;
        };
        let area = area.clip(self.canvas.width(), self.canvas.height());
        if !self.budget.take(area.pixels()) {
            return;
        }
        let opacity = self.tools.pen.opacity;
        self.canvas.set_opacity(opacity * GROUND / 256);
        let mut crossings = Vec::new();
        self.canvas
            .shape(self.tools.rows, area, paint, |y, left, row| {
                let y = y as f32 + 0.5;
                crossings.clear();
                crossings.extend(edges().filter_map(|edge| crossing(edge, y)));
                crossings.sort_by(f32::total_cmp);
                cover(&crossings, left, row)
            });
        self.canvas.set_opacity(opacity);
    }

    /// The line, an arrow across it that shows which way is in, and its counts.
    fn line(&mut self, line: &Line, paints: [Paint; 2]) {
        let (from, to) = (scaled(line.from, self.scale), scaled(line.to, self.scale));
        let thickness = self.tools.pen.thickness as f32;
        let radius = thickness * 0.75;
        self.stroke(Stroke { from, to, radius }, paints[0]);
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let length = dx.hypot(dy);
        if length > 0.0 {
            // In is to the left of who walks along the line; y points down.
            let along = [dx / length, dy / length];
            let inward = [along[1], -along[0]];
            let middle = [f32::midpoint(from[0], to[0]), f32::midpoint(from[1], to[1])];
            let place = |left: f32, forward: f32| {
                [0, 1].map(|axis: usize| {
                    let part = |point: [f32; 2]| point.get(axis).copied().unwrap_or_default();
                    let step = part(inward) * left + part(along) * forward;
                    part(middle) + step * thickness * ARROW
                })
            };
            let to = place(1.0, 0.0);
            for from in [middle, place(0.55, 0.4), place(0.55, -0.4)] {
                self.stroke(Stroke { from, to, radius }, paints[0]);
            }
        }
        let text = format!("{}: in {}, out {}", line.name, line.entered, line.left);
        self.tag(&text, from, paints);
    }

    fn stroke(&mut self, stroke: Stroke, paint: Paint) {
        let cost = stroke.cost(self.canvas.width(), self.canvas.height());
        if self.budget.take(cost) {
            stroke.draw(self.canvas, self.tools.rows, paint);
        }
    }

    /// A tag above a point, moved into the frame.
    fn tag(&mut self, text: &str, [x, y]: [f32; 2], paints: [Paint; 2]) {
        let height = self.tools.letters.tag_height() as i32;
        let above = y as i32 - height - self.tools.pen.thickness;
        let mut stack = Stack {
            left: x as i32,
            top: above.min(self.canvas.height() - height).max(0),
        };
        stack.tag(
            self.canvas,
            self.tools.rows,
            self.tools.letters,
            text,
            paints,
        );
    }
}

/// Sets what of a row lies between crossings: the first and the second, the third
/// and the fourth …
fn cover(crossings: &[f32], left: i32, row: &mut [u8]) -> Range<usize> {
    let count = row.len();
    let column = |at: f32| ((at - 0.5).ceil() as i32).saturating_sub(left).max(0) as usize;
    let mut all: Option<Range<usize>> = None;
    let (pairs, _) = crossings.as_chunks::<2>();
    for pair in pairs {
        let [start, end] = pair.map(|at| column(at).min(count));
        row.get_mut(start..end).unwrap_or_default().fill(255);
        let first = all.as_ref().map_or(start, |all| all.start);
        all = Some(first..end);
    }
    all.unwrap_or_default()
}

/// Where an edge crosses the middle of a row. An end that lies on it belongs to the
/// edge below.
fn crossing((from, to): ([f32; 2], [f32; 2]), y: f32) -> Option<f32> {
    let ([from_x, from_y], [to_x, to_y]) = (from, to);
    let crosses = (from_y <= y) != (to_y <= y);
    crosses.then(|| from_x + (y - from_y) / (to_y - from_y) * (to_x - from_x))
}

fn scaled([x, y]: [f32; 2], [across, down]: [f32; 2]) -> [f32; 2] {
    [x * across, y * down]
}

/// The smallest area around points.
fn around(points: impl Iterator<Item = [f32; 2]>) -> Option<Area> {
    points.fold(None, |area: Option<Area>, [x, y]| {
        let (left, top) = (x.floor() as i32, y.floor() as i32);
        let (right, bottom) = (x.ceil() as i32, y.ceil() as i32);
        Some(area.map_or(
            Area {
                left,
                top,
                right,
                bottom,
            },
            |area| Area {
                left: area.left.min(left),
                top: area.top.min(top),
                right: area.right.max(right),
                bottom: area.bottom.max(bottom),
            },
        ))
    })
}
