//! Points and masks of a box, from the numbers that follow its scores.
//!
//! A mask is a sum of prototypes, which all boxes of a frame share, weighted by the
//! box's own coefficients. Only the part below the box is summed.

use millstream_sdk::buffer::{Keypoint, Mask};

use crate::decode::{Candidate, Details, Setup, Wrong, finite, sigmoid};
use crate::geometry::Size;
use crate::outputs::Outputs;

/// The longest side of a mask, as the contract has it.
const MAX_SIDE: f32 = 256.0;

/// Prototypes of masks: f32 `[1, count, height, width]`, over the whole input.
#[derive(Debug, Clone, Copy)]
pub struct Prototypes<'a> {
    /// How many there are.
    pub count: usize,
    size: Size,
    values: &'a [f32],
}

impl<'a> Prototypes<'a> {
    /// The output of four dimensions beside the predictions.
    pub fn of(outputs: &'a Outputs<'_>) -> Option<Self> {
        let several = outputs.all().len() > 1;
        let tensor = outputs.of_rank(4).filter(|_| several)?;
        let &[1, count @ (1..), height @ (1..), width @ (1..)] = tensor.dimensions.as_slice()
        else {
            return None;
        };
        Some(Self {
            count,
            size: Size { width, height },
            values: &tensor.values,
        })
    }
}

/// What `rest` says of a box: its points, then its coefficients.
pub fn details_of(
    outputs: &Outputs<'_>,
    setup: &Setup,
    candidate: &Candidate,
    rest: &[f32],
) -> Result<Details, Wrong> {
    finite(rest)?;
    let (points, coefficients) = rest
        .split_at_checked(setup.keypoint_values())
        .ok_or(Wrong::Shape)?;
    let numbers = setup.keypoints.map_or(2, |(_, numbers)| numbers);
    let keypoints = points
        .chunks_exact(numbers)
        .filter_map(|point| match *point {
            [x, y] => Some(Keypoint {
                x,
                y,
                confidence: 1.0,
            }),
            [x, y, confidence] => Some(Keypoint { x, y, confidence }),
            _ => None,
        });
    let prototypes = Prototypes::of(outputs).filter(|one| one.count == coefficients.len());
    let mask = prototypes.map(|one| mask(&one, coefficients, candidate.edges, setup));
    Ok(Details {
        keypoints: keypoints.collect(),
        mask: mask.transpose()?,
    })
}

/// A stretch of one axis of the prototypes, and where the mask's cells lie in it.
struct Axis {
    /// First prototype cell that is needed.
    first: usize,
    /// How many are needed.
    count: usize,
    /// For each cell of the mask the two neighbours, from `first` on, and the weight
    /// of the second.
    taps: Vec<(usize, usize, f32)>,
}

impl Axis {
    /// `from` and `to` in prototype cells; the mask has `cells`.
    fn new(from: f32, to: f32, cells: usize, size: usize) -> Self {
        let last = size.saturating_sub(1) as f32;
        let step = (to - from) / cells as f32;
        // Centre on centre; beyond the border the border goes on.
        let places: Vec<f32> = (0..cells)
            .map(|cell| (from + (cell as f32 + 0.5) * step - 0.5).clamp(0.0, last))
            .collect();
        let first = places.first().map_or(0, |place| *place as usize);
        let end = places.last().map_or(0, |place| place.ceil() as usize);
        let tap = |place: &f32| {
            let (near, weight) = (*place as usize, place.fract());
            let far = (near + 1).min(end);
            (near - first, far - first, weight)
        };
        Self {
            first,
            count: end - first + 1,
            taps: places.iter().map(tap).collect(),
        }
    }
}

/// How many cells a side of the mask has: as the prototypes, within the limits.
fn sides(width: f32, height: f32, size: Size, most: usize) -> (usize, usize) {
    let side = |length: f32, size: usize| length.ceil().clamp(1.0, MAX_SIDE.min(size as f32));
    let (width, height) = (side(width, size.width), side(height, size.height));
    let shrink = (most as f32 / (width * height)).sqrt().min(1.0);
    let cells = |side: f32| ((side * shrink) as usize).max(1);
    (cells(width), cells(height))
}

/// # Source
/// `process_mask` in ultralytics' `utils/ops.py`: the sum, cut at the box; the
/// logistic function keeps what was logits above 0 above one half.
fn mask(
    prototypes: &Prototypes<'_>,
    coefficients: &[f32],
    edges: [f32; 4],
    setup: &Setup,
) -> Result<Mask, Wrong> {
    let Size { width, height } = prototypes.size;
    let across = width as f32 / setup.input.width as f32;
    let down = height as f32 / setup.input.height as f32;
    let [left, top, right, bottom] = edges;
    let (left, right) = (left * across, right * across);
    let (top, bottom) = (top * down, bottom * down);
    let (columns, rows) = sides(
        right - left,
        bottom - top,
        prototypes.size,
        setup.mask_cells,
    );
    let horizontal = Axis::new(left, right, columns, width);
    let vertical = Axis::new(top, bottom, rows, height);

    let mut sums = vec![0.0_f32; horizontal.count * vertical.count];
    let planes = prototypes.values.chunks_exact(width * height);
    for (plane, coefficient) in planes.zip(coefficients) {
        let lines = plane.chunks_exact(width).skip(vertical.first);
        for (line, sums) in lines.zip(sums.chunks_exact_mut(horizontal.count)) {
            let line = line.get(horizontal.first..).unwrap_or_default();
            for (sum, value) in sums.iter_mut().zip(line) {
                *sum += coefficient * value;
            }
        }
    }
    finite(&sums)?;

    let at = |row: &[f32], place: usize| row.get(place).copied().unwrap_or(0.0);
    let row = |place: usize| {
        let start = place * horizontal.count;
        sums.get(start..start + horizontal.count)
            .unwrap_or_default()
    };
    let mut cells = Vec::with_capacity(columns * rows);
    for &(above, below, down) in &vertical.taps {
        let (above, below) = (row(above), row(below));
        for &(near, far, across) in &horizontal.taps {
            let upper = between(at(above, near), at(above, far), across);
            let lower = between(at(below, near), at(below, far), across);
            cells.push((sigmoid(between(upper, lower, down)) * 255.0).round() as u8);
        }
    }
    Ok(Mask {
        width: columns as u32,
        height: rows as u32,
        cells,
    })
}

fn between(a: f32, b: f32, weight: f32) -> f32 {
    a + (b - a) * weight
}
