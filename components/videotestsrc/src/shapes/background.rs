//! What lies behind the shapes: smooth noise in a dark colour.

use crate::canvas::Canvas;
use crate::color::{Colors, hsv};
use crate::random::Random;

/// Octaves of noise: size of a cell as a share of the frame's height, and how
/// many levels it brightens or darkens at most.
const OCTAVES: [(f32, f32); 4] = [(0.55, 26.0), (0.22, 14.0), (0.07, 7.0), (0.015, 4.0)];
/// Purpose of the random numbers, apart from those of the scene.
const PURPOSE: u64 = 0x6261_636B;

/// Draws it.
pub(crate) fn draw(canvas: &mut Canvas, colors: &Colors, seed: u32) {
    let mut random = Random::new(seed, PURPOSE);
    let hue = random.between(0.0, 1.0);
    let base = hsv(hue, random.between(0.25, 0.5), random.between(0.3, 0.42)).map(f32::from);
    // Bright parts lean towards a neighbouring hue.
    let lean =
        hsv(hue + random.between(-0.15, 0.15), 0.45, 1.0).map(|value| f32::from(value) / 255.0);
    let layers = OCTAVES.map(|(cell, levels)| {
        let cell = (cell * canvas.height as f32).max(2.0);
        (
            Noise {
                cell,
                seed: random.bits(),
            },
            levels,
        )
    });
    let (width, height) = (canvas.width, canvas.height as f32);
    let mut light = vec![0.0_f32; width];
    for (y, row) in canvas.rows_mut() {
        // A little lighter at the top, as rooms are.
        light.fill(10.0 - 20.0 * y as f32 / height);
        for (noise, levels) in &layers {
            noise.add_row(&mut light, y as f32, *levels);
        }
        for (pixel, light) in row.iter_mut().zip(&light) {
            let channel = |base: f32, lean: f32| (base + light * lean).clamp(0.0, 255.0) as u8;
            let ([r, g, b], [lr, lg, lb]) = (base, lean);
            *pixel = colors.of([channel(r, lr), channel(g, lg), channel(b, lb)]);
        }
    }
}

/// Random values at the corners of cells, smooth in between.
#[derive(Debug)]
struct Noise {
    cell: f32,
    seed: u64,
}

impl Noise {
    /// Adds a row of noise from `-levels` to `levels`.
    fn add_row(&self, row: &mut [f32], y: f32, levels: f32) {
        let (cell_y, share_y) = split(y / self.cell);
        let mut corners = None;
        for (x, light) in row.iter_mut().enumerate() {
            let (cell_x, share_x) = split(x as f32 / self.cell);
            let (left, right) = match corners {
                Some((at, left, right)) if at == cell_x => (left, right),
                _ => {
                    let (left, right) = (
                        self.edge(cell_x, cell_y, share_y),
                        self.edge(cell_x + 1, cell_y, share_y),
                    );
                    corners = Some((cell_x, left, right));
                    (left, right)
                }
            };
            *light += levels * (left + (right - left) * share_x);
        }
    }

    /// The value on the vertical edge of a cell.
    fn edge(&self, x: u32, y: u32, share: f32) -> f32 {
        let (upper, lower) = (self.corner(x, y), self.corner(x, y + 1));
        upper + (lower - upper) * share
    }

    fn corner(&self, x: u32, y: u32) -> f32 {
        let place = u64::from(x) << 32 | u64::from(y);
        Random::new(0, self.seed ^ place.wrapping_mul(0x9E37_79B9_7F4A_7C15)).between(-1.0, 1.0)
    }
}

/// The cell, and how far into it, eased so that no edges show.
fn split(position: f32) -> (u32, f32) {
    let t = position.fract();
    (position as u32, t * t * (3.0 - 2.0 * t))
}
