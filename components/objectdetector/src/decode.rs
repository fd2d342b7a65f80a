//! What the families' decoders share: boxes before suppression, and the best class
//! of each cell.
//!
//! Whatever a model's numbers are, decoding ends with boxes of finite numbers or with
//! a reason why not.

use core::ops::Range;

use millstream_sdk::buffer::{Keypoint, Mask};

use crate::geometry::Size;

/// Boxes of one frame that are looked at: ultralytics' `max_nms`. A model with
/// more above the threshold is broken, or the threshold is 0.
const MAX_CANDIDATES: usize = 30_000;

/// Boxes of one frame that are collected before the best of them are taken: more
/// than any model has cells.
const MAX_COLLECTED: usize = 1 << 20;

/// No edge of a box lies further out, in pixels of the input: whole numbers up to
/// here are exact, and differences stay finite.
const MAX_EDGE: f32 = 16_777_216.0;

/// A box before overlapping ones are removed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Left, top, right, bottom in pixels of the input.
    pub edges: [f32; 4],
    /// Index of the class.
    pub class: u32,
    /// 0 to 1.
    pub confidence: f32,
    /// The cell or row of the output that it comes from.
    pub place: usize,
}

/// What a family finds besides a box, worked out for boxes that stay.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Details {
    /// In pixels of the input.
    pub keypoints: Vec<Keypoint>,
    /// What of the box is covered.
    pub mask: Option<Mask>,
}

/// What is known before the first frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// The model's input.
    pub input: Size,
    /// Labels that the model has; 0 if it has none.
    pub labels: usize,
    /// Points of an object and numbers of a point (2 or 3), for a model of poses.
    pub keypoints: Option<(usize, usize)>,
    /// Most cells of a mask.
    pub mask_cells: usize,
}

impl Setup {
    /// Values a box that stand for its points.
    pub fn keypoint_values(&self) -> usize {
        self.keypoints
            .map_or(0, |(points, numbers)| points * numbers)
    }
}

/// Why an output could not be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It does not have the family's shape.
    Shape,
    /// It holds NaN or infinite numbers.
    NotFinite,
    /// A box has edges at no finite place.
    Endless,
}

/// The boxes of a frame. Keeps its memory from frame to frame.
#[derive(Debug, Default)]
pub struct Found {
    /// Least confidence.
    pub threshold: f32,
    candidates: Vec<Candidate>,
    best: Vec<f32>,
}

impl Found {
    /// Forgets the last frame.
    pub fn begin(&mut self, threshold: f32) {
        self.threshold = threshold;
        self.candidates.clear();
    }

    /// Keeps a box.
    pub fn push(&mut self, candidate: Candidate) -> Result<(), Wrong> {
        let edges = candidate.edges;
        if !edges.iter().all(|edge| edge.abs() <= MAX_EDGE) {
            return Err(Wrong::Endless);
        }
        if self.candidates.len() >= MAX_COLLECTED {
            return Err(Wrong::Shape);
        }
        let confidence = candidate.confidence.clamp(0.0, 1.0);
        self.candidates.push(Candidate {
            confidence,
            ..candidate
        });
        Ok(())
    }

    /// Sorts what was found, the best first.
    pub fn finish(&mut self) -> &[Candidate] {
        self.candidates
            .sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        self.candidates.truncate(MAX_CANDIDATES);
        &self.candidates
    }
}

/// One value of each channel for each cell, channels or cells outermost.
#[derive(Debug, Clone, Copy)]
pub struct Predictions<'a> {
    values: &'a [f32],
    /// Boxes that the model has room for.
    pub cells: usize,
    /// Values of a box.
    pub channels: usize,
    /// All cells of a channel lie together; else all channels of a cell.
    planar: bool,
}

impl<'a> Predictions<'a> {
    /// `[channels, cells]`; none if that is not the number of values.
    pub fn planar(values: &'a [f32], channels: usize, cells: usize) -> Option<Self> {
        Self::new(values, channels, cells, true)
    }

    /// `[cells, channels]`; none if that is not the number of values.
    pub fn rows(values: &'a [f32], cells: usize, channels: usize) -> Option<Self> {
        Self::new(values, channels, cells, false)
    }

    fn new(values: &'a [f32], channels: usize, cells: usize, planar: bool) -> Option<Self> {
        let fits = channels.checked_mul(cells) == Some(values.len());
        (fits && channels > 0).then_some(Self {
            values,
            cells,
            channels,
            planar,
        })
    }

    /// One value; 0 outside.
    pub fn at(&self, cell: usize, channel: usize) -> f32 {
        let place = if self.planar {
            channel * self.cells + cell
        } else {
            cell * self.channels + channel
        };
        self.values.get(place).copied().unwrap_or(0.0)
    }

    /// The first values of a cell.
    pub fn head<const N: usize>(&self, cell: usize) -> [f32; N] {
        core::array::from_fn(|channel| self.at(cell, channel))
    }

    /// Calls `each(found, cell, score)` for cells whose best score is at least
    /// `least`. Fails if a value is not finite, wherever it stands.
    pub fn each_best(
        &self,
        classes: Range<usize>,
        least: f32,
        found: &mut Found,
        mut each: impl FnMut(&mut Found, usize, f32) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        let mut best = core::mem::take(&mut found.best);
        let mut done = self.maxima(classes, &mut best);
        for (cell, score) in best.iter().enumerate() {
            if *score >= least && done.is_ok() {
                done = each(found, cell, *score);
            }
        }
        found.best = best;
        done
    }

    /// The best score of each cell.
    fn maxima(&self, classes: Range<usize>, best: &mut Vec<f32>) -> Result<(), Wrong> {
        best.clear();
        best.resize(self.cells, f32::NEG_INFINITY);
        if self.cells == 0 {
            return Ok(());
        }
        if !self.planar {
            finite(self.values)?;
            for (best, row) in best.iter_mut().zip(self.values.chunks_exact(self.channels)) {
                *best = largest(row.get(classes.clone()).unwrap_or_default());
            }
            return Ok(());
        }
        let planes = classes.start * self.cells..classes.end * self.cells;
        let (head, rest) = self
            .values
            .split_at_checked(planes.start)
            .ok_or(Wrong::Shape)?;
        let (scores, tail) = rest.split_at_checked(planes.len()).ok_or(Wrong::Shape)?;
        finite(head)?;
        finite(tail)?;
        let all_finite = plane_maxima(scores, self.cells, best);
        all_finite.then_some(()).ok_or(Wrong::NotFinite)
    }

    /// The first class with that score, which is the best of the cell.
    pub fn class_of(&self, cell: usize, classes: Range<usize>, score: f32) -> u32 {
        let same = |channel: &usize| self.at(cell, *channel) >= score;
        let first = classes.start;
        let mut classes = classes;
        classes
            .find(same)
            .map_or(0, |channel| (channel - first) as u32)
    }
}

/// Cells whose scores are compared at once: their maxima stay in the first cache.
const BLOCK: usize = 1024;

/// The largest value of each cell over all planes; false if a value is not finite.
fn plane_maxima(scores: &[f32], cells: usize, best: &mut [f32]) -> bool {
    let mut odd = 0_u32;
    for (block, best) in best.chunks_mut(BLOCK).enumerate() {
        let range = block * BLOCK..block * BLOCK + best.len();
        for plane in scores.chunks_exact(cells) {
            let plane = plane.get(range.clone()).unwrap_or_default();
            for (best, score) in best.iter_mut().zip(plane) {
                odd |= not_finite(*score);
                *best = if *score > *best { *score } else { *best };
            }
        }
    }
    odd >> 31 == 0
}

/// The highest bit says whether a number is infinite or NaN: its exponent is the
/// largest one, and adding one to it carries over.
fn not_finite(value: f32) -> u32 {
    (value.to_bits() & 0x7fff_ffff).wrapping_add(0x0080_0000)
}

/// That all numbers are finite.
pub fn finite(values: &[f32]) -> Result<(), Wrong> {
    let odd = values.iter().fold(0, |odd, value| odd | not_finite(*value));
    (odd >> 31 == 0).then_some(()).ok_or(Wrong::NotFinite)
}

/// The largest number; negative infinity of none.
pub fn largest(values: &[f32]) -> f32 {
    // Eight at a time, which a comparison after the other would not allow.
    let (chunks, rest) = values.as_chunks::<8>();
    let mut most = [f32::NEG_INFINITY; 8];
    for chunk in chunks {
        for (most, value) in most.iter_mut().zip(chunk) {
            *most = if *value > *most { *value } else { *most };
        }
    }
    most.iter()
        .chain(rest)
        .fold(f32::NEG_INFINITY, |a, b| if *b > a { *b } else { a })
}

/// The first index of the largest number, and that number.
pub fn best_of(values: &[f32]) -> (u32, f32) {
    let best = largest(values);
    let place = values.iter().position(|value| *value >= best);
    (place.unwrap_or(0) as u32, best)
}

/// Edges from centre and size; a negative size is none.
pub fn around([x, y, width, height]: [f32; 4]) -> [f32; 4] {
    let (half_width, half_height) = (width.max(0.0) / 2.0, height.max(0.0) / 2.0);
    [
        x - half_width,
        y - half_height,
        x + half_width,
        y + half_height,
    ]
}

/// Edges from 0 to 1 as pixels of the input.
pub fn in_pixels([left, top, right, bottom]: [f32; 4], input: Size) -> [f32; 4] {
    let (width, height) = (input.width as f32, input.height as f32);
    [left * width, top * height, right * width, bottom * height]
}

/// The logistic function.
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Where [`sigmoid`] is `y`: a threshold for numbers that have not gone through it.
pub fn logit(y: f32) -> f32 {
    (y / (1.0 - y)).ln()
}
