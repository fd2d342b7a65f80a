//! `NanoDet` and `NanoDet-Plus`: `[1, cells, classes + 4 · bins]`, scores, then for
//! each side a distribution over distances in strides.

use super::recognize::Signature;
use super::{Defaults, Family, Kind};
use crate::decode::{Candidate, Found, Predictions, Setup, Wrong};
use crate::geometry::{Resize, Size};
use crate::outputs::Outputs;

/// # Source
/// `get_bboxes` in `nanodet/model/head/nanodet_plus_head.py` and `gfl_head.py`,
/// `Integral` in the latter, `config/nanodet-plus-m_416.yml`, of `RangiLyu`'s `nanodet`;
/// the threshold is its `demo.py`'s.
pub(super) static KIND: Kind = Kind {
    family: Family::Nanodet,
    aliases: &["nanodet-plus"],
    layout: "[1, cells of strides 8, 16, 32, 64, classes + 4 · bins]",
    defaults: Defaults {
        confidence: 0.35,
        iou: Some(0.6),
        resize: Resize::Stretch,
        pad: 0.0,
        rgb: false,
        white: 255.0,
        mean: [123.675, 116.28, 103.53],
        std: [58.395, 57.12, 57.375],
        ..Defaults::YOLO
    },
    recognize,
    classes,
    decode,
    details: None,
};

/// `NanoDet-Plus`; `NanoDet` has no stride of 64.
const STRIDES: [usize; 4] = [8, 16, 32, 64];

/// Bins of a side where the number of labels does not tell: `reg_max` of 7 and 0.
const BINS: usize = 8;

/// Most bins of a side: far more than any configuration has.
const MAX_BINS: usize = 64;

/// Columns and rows of a stride; a border that is no whole cell is one.
fn size_of(input: Size, stride: usize) -> (usize, usize) {
    (input.width.div_ceil(stride), input.height.div_ceil(stride))
}

fn cells(input: Size, strides: &[usize]) -> usize {
    let sizes = strides.iter().map(|stride| size_of(input, *stride));
    sizes.map(|(columns, rows)| columns * rows).sum()
}

/// Classes and bins of that many channels.
fn split(channels: usize, labels: usize) -> Option<(usize, usize)> {
    let by_labels = channels.checked_sub(labels).filter(|_| labels > 0);
    let bins = by_labels
        .filter(|rest| rest % 4 == 0)
        .map(|rest| rest / 4)
        .filter(|bins| (2..=MAX_BINS).contains(bins));
    let bins = bins.unwrap_or(BINS);
    let classes = channels.checked_sub(4 * bins)?;
    (classes > 0).then_some((classes, bins))
}

fn recognize(signature: &Signature<'_>) -> bool {
    let rows = cells(signature.input.size, &STRIDES);
    match signature.predictions().as_deref() {
        Some([_, Some(count), Some(channels)]) => {
            *count == rows && !signature.is_ultralytics() && *channels > 4 * BINS
        }
        _ => false,
    }
}

fn classes(signature: &Signature<'_>) -> Option<usize> {
    match *signature.predictions()?.as_slice() {
        [_, _, Some(channels)] => split(channels, signature.labels).map(|(classes, _)| classes),
        _ => None,
    }
}

fn decode(outputs: &Outputs<'_>, setup: &Setup, found: &mut Found) -> Result<(), Wrong> {
    let tensor = outputs.of_rank(3).ok_or(Wrong::Shape)?;
    let &[1, rows, channels] = tensor.dimensions.as_slice() else {
        return Err(Wrong::Shape);
    };
    // `NanoDet` looks from the middle of a cell, `NanoDet-Plus` from its corner.
    let (strides, offset) = if rows == cells(setup.input, &STRIDES) {
        (STRIDES.as_slice(), 0.0)
    } else if rows == cells(setup.input, &super::STRIDES) {
        (super::STRIDES.as_slice(), 0.5)
    } else {
        return Err(Wrong::Shape);
    };
    let (classes, bins) = split(channels, setup.labels).ok_or(Wrong::Shape)?;
    let all = Predictions::rows(&tensor.values, rows, channels).ok_or(Wrong::Shape)?;
    let mut levels = Levels::new(setup.input, strides);
    all.each_best(0..classes, found.threshold, found, |found, cell, best| {
        let (column, row, stride) = levels.at(cell);
        let side = |side: usize| {
            let first = classes + side * bins;
            expectation((first..first + bins).map(|channel| all.at(cell, channel))) * stride
        };
        let (x, y) = ((column + offset) * stride, (row + offset) * stride);
        let (width, height) = (setup.input.width as f32, setup.input.height as f32);
        found.push(Candidate {
            edges: [
                (x - side(0)).max(0.0),
                (y - side(1)).max(0.0),
                (x + side(2)).min(width),
                (y + side(3)).min(height),
            ],
            class: all.class_of(cell, 0..classes, best),
            confidence: best,
            place: cell,
        })
    })
}

/// The mean of a distribution over 0, 1, 2 … given as logits.
fn expectation(logits: impl Iterator<Item = f32> + Clone) -> f32 {
    let most = logits.clone().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut weighted) = (0.0, 0.0);
    for (place, logit) in logits.enumerate() {
        let part = (logit - most).exp();
        sum += part;
        weighted += part * place as f32;
    }
    weighted / sum
}

/// Finds a cell's column, row and stride; cells are asked for in their order.
struct Levels<'a> {
    input: Size,
    strides: &'a [usize],
    /// Cells of the strides before the first of `strides`.
    before: usize,
}

impl<'a> Levels<'a> {
    fn new(input: Size, strides: &'a [usize]) -> Self {
        Self {
            input,
            strides,
            before: 0,
        }
    }

    fn at(&mut self, cell: usize) -> (f32, f32, f32) {
        while let [stride, rest @ ..] = self.strides {
            let (columns, rows) = size_of(self.input, *stride);
            let place = cell - self.before;
            if place < columns * rows || rest.is_empty() {
                let (column, row) = (place % columns, place / columns);
                return (column as f32, row as f32, *stride as f32);
            }
            self.before += columns * rows;
            self.strides = rest;
        }
        (0.0, 0.0, 1.0)
    }
}
