//! Labelled shapes that drift, turn and bounce, with ground truth.
//!
//! `outline` knows the six shapes, `raster` fills them, `background` is what lies
//! behind. Where everything is in frame `n` follows from the seed: the scene
//! always begins at frame 0 and advances one frame at a time.

mod background;
mod outline;
mod raster;

use millstream_sdk::{Detection, Failure, Rect, VideoInfo};
use serde::{Deserialize, Serialize};

use crate::canvas::{Area, Canvas};
use crate::color::{Colors, Sample, hsv};
use crate::random::Random;
use outline::{CLASSES, Contour, Outline};
use raster::{Placement, Raster};

/// Smallest and largest radius, as shares of the frame's shorter side.
const RADII: (f32, f32) = (0.08, 0.2);
/// The most of the frame that all shapes' circles may cover.
const MOST_COVERED: f32 = 0.38;
/// Smallest and largest speed, in shorter sides a second.
const SPEEDS: (f32, f32) = (0.08, 0.25);
/// Fastest turn, in radians a second.
const MOST_TURN: f32 = 0.9;
/// How much farther than their circles shapes keep from each other.
const DISTANCE: f32 = 1.04;
/// Places tried for a shape before it gets smaller.
const TRIES: u32 = 200;
/// A shape that does not fit at this share of the wanted radius is left out.
const LEAST_SHRINK: f32 = 0.25;
/// Frames between those asked for that are still played through. Beyond, as
/// after a long pause of a live source, the scene just goes on.
const MOST_CATCH_UP: u64 = 1_000;
/// The rate at which things move if the frame rate is not known.
const DEFAULT_FPS: f32 = 30.0;
/// No shape is farther outside, or faster, in pixels; nor has one turned further.
const FARTHEST: f32 = 1.0e6;

/// One shape.
#[derive(Debug)]
struct Thing {
    outline: Outline,
    place: Placement,
    velocity: (f32, f32),
    turn: f32,
    fill: Sample,
    edge: Sample,
}

/// Where a shape is and how it moves, to hand over: middle in pixels, velocity in
/// pixels a frame, angle in radians.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Moving {
    middle: (f32, f32),
    velocity: (f32, f32),
    angle: f32,
}

/// Everything that moves.
#[derive(Debug)]
pub(crate) struct Scene {
    seed: u32,
    size: (f32, f32),
    seconds_per_frame: f32,
    at: u64,
    things: Vec<Thing>,
    truth: Vec<Detection>,
    raster: Raster,
}

impl Scene {
    /// The scene at frame 0.
    pub(crate) fn new(seed: u32, count: u32, info: &VideoInfo, colors: &Colors) -> Self {
        let fps = info.fps.to_f64() as f32;
        let seconds_per_frame = if fps > 0.0 {
            1.0 / fps
        } else {
            1.0 / DEFAULT_FPS
        };
        let mut scene = Self {
            seed,
            size: (info.width as f32, info.height as f32),
            seconds_per_frame,
            at: 0,
            things: Vec::new(),
            truth: Vec::new(),
            raster: Raster::default(),
        };
        scene.populate(count, colors);
        scene.write_truth();
        scene
    }

    /// Draws what lies behind.
    pub(crate) fn draw_background(&self, canvas: &mut Canvas, colors: &Colors) {
        background::draw(canvas, colors, self.seed);
    }

    fn populate(&mut self, count: u32, colors: &Colors) {
        let mut random = Random::new(self.seed, 0);
        let (width, height) = self.size;
        let shorter = width.min(height);
        let mut radii: Vec<f32> = (0..count)
            .map(|_| random.between(RADII.0, RADII.1))
            .collect();
        // The largest find a place most easily while there is room.
        radii.sort_by(|a, b| b.total_cmp(a));
        let covered: f32 = radii.iter().map(|r| core::f32::consts::PI * r * r).sum();
        let room = MOST_COVERED * width * height / (shorter * shorter);
        let scale = shorter * (room / covered).sqrt().min(1.0);
        let (first_class, first_hue) = (random.bits() as usize, random.between(0.0, 1.0));
        for (i, radius) in radii.into_iter().enumerate() {
            let class = first_class.wrapping_add(i) % CLASSES.len();
            let Some(place) = self.find_place(radius * scale, &mut random) else {
                continue;
            };
            let hue = first_hue + i as f32 / count as f32 + random.between(0.0, 0.05);
            let (saturation, value) = (random.between(0.6, 0.9), random.between(0.82, 1.0));
            let direction = random.between(0.0, core::f32::consts::TAU);
            let speed = random.between(SPEEDS.0, SPEEDS.1) * shorter * self.seconds_per_frame;
            self.things.push(Thing {
                outline: Outline::new(class, place.radius),
                place,
                velocity: (speed * direction.cos(), speed * direction.sin()),
                turn: random.between(-MOST_TURN, MOST_TURN) * self.seconds_per_frame,
                fill: colors.of(hsv(hue, saturation, value)),
                edge: colors.of(hsv(hue, saturation, value * 0.5)),
            });
        }
    }

    /// A place where a shape touches no other, and the radius at which it fits.
    fn find_place(&self, wanted: f32, random: &mut Random) -> Option<Placement> {
        let mut radius = wanted;
        while radius >= wanted * LEAST_SHRINK {
            for _ in 0..TRIES {
                let x = random.between(radius, self.size.0 - radius);
                let y = random.between(radius, self.size.1 - radius);
                let apart = |other: &Thing| {
                    let Placement {
                        x: ox,
                        y: oy,
                        radius: other_radius,
                        ..
                    } = other.place;
                    (x - ox).hypot(y - oy) > (radius + other_radius) * DISTANCE
                };
                if self.things.iter().all(apart) {
                    let angle = random.between(0.0, core::f32::consts::TAU);
                    return Some(Placement {
                        x,
                        y,
                        radius,
                        angle,
                    });
                }
            }
            radius *= 0.85;
        }
        None
    }

    /// Where everything is in the present frame.
    pub(crate) fn moving(&self) -> Vec<Moving> {
        let moving = |Thing {
                          place, velocity, ..
                      }: &Thing| Moving {
            middle: (place.x, place.y),
            velocity: *velocity,
            angle: place.angle,
        };
        self.things.iter().map(moving).collect()
    }

    /// Makes `n` the present frame, in which everything was there.
    pub(crate) fn go_on(&mut self, n: u64, moving: &[Moving]) -> Result<(), Failure> {
        let (got, expected) = (moving.len(), self.things.len());
        if got != expected {
            let message = format!("state of {got} shapes, expected {expected}");
            return Err(Failure::failed(message));
        }
        let numbers = |moving: &Moving| {
            let Moving {
                middle: (x, y),
                velocity: (right, down),
                angle,
            } = *moving;
            [x, y, right, down, angle]
        };
        // Not `>`: a NaN must not pass.
        let near = |value: f32| value.abs() <= FARTHEST;
        if !moving.iter().flat_map(numbers).all(near) {
            return Err(Failure::failed("state of a shape that is nowhere"));
        }
        for (thing, moving) in self.things.iter_mut().zip(moving) {
            (thing.place.x, thing.place.y) = moving.middle;
            (thing.velocity, thing.place.angle) = (moving.velocity, moving.angle);
        }
        self.at = n;
        Ok(())
    }

    /// Moves everything on to frame `n`.
    pub(crate) fn advance_to(&mut self, n: u64) {
        if n.saturating_sub(self.at) > MOST_CATCH_UP {
            self.at = n - 1;
        }
        while self.at < n {
            self.at += 1;
            self.step();
        }
        self.write_truth();
    }

    fn step(&mut self) {
        let (width, height) = self.size;
        for thing in &mut self.things {
            let Placement {
                x,
                y,
                angle,
                radius,
            } = &mut thing.place;
            (*x, thing.velocity.0) =
                bounce(*x + thing.velocity.0, thing.velocity.0, *radius, width);
            (*y, thing.velocity.1) =
                bounce(*y + thing.velocity.1, thing.velocity.1, *radius, height);
            *angle += thing.turn;
        }
        let mut rest = self.things.as_mut_slice();
        while let Some((first, others)) = rest.split_first_mut() {
            for other in others.iter_mut() {
                collide(first, other);
            }
            rest = others;
        }
    }

    /// Draws everything over the background.
    pub(crate) fn draw(&mut self, canvas: &mut Canvas) {
        for Thing {
            outline,
            place,
            fill,
            edge,
            ..
        } in &self.things
        {
            self.raster.fill(canvas, &outline.whole, place, *edge);
            self.raster.fill(canvas, &outline.inside, place, *fill);
        }
    }

    /// Where the frame differs from the background.
    pub(crate) fn areas(&self) -> impl Iterator<Item = Area> {
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        let reach = |middle: f32, radius: f32, most: usize| {
            let low = (middle - radius - 1.0).max(0.0) as usize;
            (low.min(most), ((middle + radius) as usize + 2).min(most))
        };
        self.things.iter().map(move |Thing { place, .. }| {
            let (x, y) = (
                reach(place.x, place.radius, width),
                reach(place.y, place.radius, height),
            );
            Area { x, y }.even(width, height)
        })
    }

    /// What is in the frame: rectangles inside of it, classes, labels.
    pub(crate) fn truth(&self) -> &[Detection] {
        &self.truth
    }

    fn write_truth(&mut self) {
        let size = self.size;
        let old = core::mem::take(&mut self.truth);
        // Labels are made once; only rectangles change.
        let mut old = old.into_iter();
        for (track, Thing { outline, place, .. }) in (0_u64..).zip(&self.things) {
            let rect = rect(&outline.whole, place, size);
            let known = old.next().unwrap_or_else(|| {
                let label = CLASSES.get(outline.class).copied().unwrap_or_default();
                Detection {
                    track_id: Some(track),
                    ..Detection::new(rect, outline.class as u32, label, 1.0)
                }
            });
            self.truth.push(Detection { rect, ..known });
        }
    }
}

/// Reflects at the borders. A shape wider than the frame stays in its middle.
fn bounce(position: f32, velocity: f32, radius: f32, size: f32) -> (f32, f32) {
    let (low, high) = (radius, size - radius);
    if low >= high {
        (size / 2.0, velocity)
    } else if position < low {
        ((2.0 * low - position).min(high), velocity.abs())
    } else if position > high {
        ((2.0 * high - position).max(low), -velocity.abs())
    } else {
        (position, velocity)
    }
}

/// Two discs that hit each other part without loss; the larger is the heavier.
fn collide(a: &mut Thing, b: &mut Thing) {
    let (dx, dy) = (b.place.x - a.place.x, b.place.y - a.place.y);
    let distance = dx.hypot(dy).max(f32::EPSILON);
    let overlap = (a.place.radius + b.place.radius) * DISTANCE - distance;
    if overlap <= 0.0 {
        return;
    }
    let (nx, ny) = (dx / distance, dy / distance);
    let (mass_a, mass_b) = (a.place.radius.powi(2), b.place.radius.powi(2));
    let (share_a, share_b) = (mass_b / (mass_a + mass_b), mass_a / (mass_a + mass_b));
    a.place.x -= nx * overlap * share_a;
    a.place.y -= ny * overlap * share_a;
    b.place.x += nx * overlap * share_b;
    b.place.y += ny * overlap * share_b;
    let closing = (a.velocity.0 - b.velocity.0) * nx + (a.velocity.1 - b.velocity.1) * ny;
    if closing > 0.0 {
        a.velocity.0 -= 2.0 * closing * share_a * nx;
        a.velocity.1 -= 2.0 * closing * share_a * ny;
        b.velocity.0 += 2.0 * closing * share_b * nx;
        b.velocity.1 += 2.0 * closing * share_b * ny;
    }
}

/// The smallest rectangle around a shape, cut at the frame's borders.
fn rect(contours: &[Contour], place: &Placement, (width, height): (f32, f32)) -> Rect {
    let (mut low, mut high) = ((width, height), (0.0_f32, 0.0_f32));
    for (x, y) in contours.iter().flatten().map(|point| place.apply(*point)) {
        low = (low.0.min(x), low.1.min(y));
        high = (high.0.max(x), high.1.max(y));
    }
    let (x, y) = (low.0.clamp(0.0, width), low.1.clamp(0.0, height));
    let (right, bottom) = (high.0.clamp(x, width), high.1.clamp(y, height));
    Rect {
        x,
        y,
        width: right - x,
        height: bottom - y,
    }
}
