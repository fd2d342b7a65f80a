//! From a model's numbers to boxes in pixels of its input.
//!
//! Whatever the numbers are, decoding ends with boxes of finite numbers or with a
//! failure that says what is wrong with them.

use millstream_sdk::prelude::*;

use crate::family::{Family, cells, grid};
use crate::geometry::Size;

/// Boxes of one frame that are looked at: ultralytics' `max_nms`. A model with
/// more above the threshold is broken, or the threshold is 0.
const MAX_CANDIDATES: usize = 30_000;

/// A box before overlapping ones are removed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Left, top, right, bottom in pixels of the input.
    pub edges: [f32; 4],
    /// Index of the class.
    pub class: u32,
    /// 0 to 1.
    pub confidence: f32,
}

/// Decodes one family's output. Keeps its memory from frame to frame.
#[derive(Debug)]
pub struct Decoder {
    family: Family,
    input: Size,
    best: Vec<f32>,
    classes: Vec<u32>,
}

impl Decoder {
    /// A decoder for a model of this family and input.
    pub fn new(family: Family, input: Size) -> Self {
        Self {
            family,
            input,
            best: Vec::new(),
            classes: Vec::new(),
        }
    }

    /// Fills `found` with all boxes of at least `threshold`, best first.
    pub fn run(
        &mut self,
        dimensions: &[u32],
        values: &[f32],
        threshold: f32,
        found: &mut Vec<Candidate>,
    ) -> Result<(), Failure> {
        found.clear();
        if !values
            .iter()
            .fold(true, |all, value| all & value.is_finite())
        {
            return Err(
                Failure::inference("the model's output holds NaN or infinite numbers")
                    .hint("check `scale` and `color-order`, or the model's file"),
            );
        }
        let sizes: Vec<usize> = dimensions.iter().map(|size| *size as usize).collect();
        let done = match (self.family, sizes.as_slice()) {
            (Family::FastestDet, &[1, channels @ (6..), rows, columns]) => {
                self.fastestdet(values, channels, (columns, rows), threshold, found)
            }
            (Family::Yolox, &[1, count, channels @ (6..)]) if count == cells(self.input) => {
                self.yolox(values, channels, threshold, found)
            }
            (Family::Yolov5, &[1, _, channels @ (6..)]) => {
                yolov5(values, channels, threshold, found)
            }
            (Family::Yolov8, &[1, channels @ (5..), count]) => {
                self.yolov8(values, channels, count, threshold, found)
            }
            _ => None,
        };
        done.ok_or_else(|| self.misshaped(dimensions, values.len()))?;
        if found
            .iter()
            .any(|candidate| !candidate.edges.iter().all(|edge| edge.is_finite()))
        {
            return Err(
                Failure::inference("the model's output holds boxes without an end")
                    .hint("check that `family` fits the model"),
            );
        }
        found.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        found.truncate(MAX_CANDIDATES);
        Ok(())
    }

    fn misshaped(&self, dimensions: &[u32], values: usize) -> Failure {
        let (family, Size { width, height }) = (self.family.as_str(), self.input);
        let expected = match self.family {
            Family::FastestDet => "[1, 5 + classes, rows, columns]".to_owned(),
            Family::Yolox => format!("[1, {}, 5 + classes]", cells(self.input)),
            Family::Yolov5 => "[1, boxes, 5 + classes]".to_owned(),
            Family::Auto | Family::Yolov8 => "[1, 4 + classes, boxes]".to_owned(),
        };
        let message = format!(
            "the model's output is {dimensions:?} of {values} values, expected {expected} for \
             family `{family}` and an input of {width}x{height}"
        );
        Failure::inference(message).hint("set `family` to the model's own")
    }

    /// # Source
    /// `handle_preds` in `utils/tool.py` of `FastestDet`.
    fn fastestdet(
        &mut self,
        values: &[f32],
        channels: usize,
        (columns, rows): (usize, usize),
        threshold: f32,
        found: &mut Vec<Candidate>,
    ) -> Option<()> {
        let count = columns.checked_mul(rows).filter(|count| *count > 0)?;
        let (head, scores) = planes::<5>(values, channels, count)?;
        self.best_classes(scores, count);
        let [objectness, tx, ty, tw, th] = head;
        let boxes = tx.iter().zip(ty).zip(tw.iter().zip(th));
        let scored = objectness.iter().zip(self.best.iter().zip(&self.classes));
        let (width, height) = (self.input.width as f32, self.input.height as f32);
        for (cell, ((objectness, (best, class)), ((tx, ty), (tw, th)))) in
            scored.zip(boxes).enumerate()
        {
            let confidence = objectness.max(0.0).powf(0.6) * best.max(0.0).powf(0.4);
            if confidence < threshold {
                continue;
            }
            let (x, y) = ((cell % columns) as f32, (cell / columns) as f32);
            let center_x = (x + tx.tanh()) / columns as f32 * width;
            let center_y = (y + ty.tanh()) / rows as f32 * height;
            let edges = around(
                center_x,
                center_y,
                sigmoid(*tw) * width,
                sigmoid(*th) * height,
            );
            push(found, edges, *class, confidence)?;
        }
        Some(())
    }

    /// # Source
    /// `demo_postprocess` in YOLOX' `utils/demo_utils.py`.
    fn yolox(
        &self,
        values: &[f32],
        channels: usize,
        threshold: f32,
        found: &mut Vec<Candidate>,
    ) -> Option<()> {
        let lines = lines(values, channels, cells(self.input))?;
        for ((x, y, stride), line) in grid(self.input).zip(lines) {
            let (&[tx, ty, tw, th, objectness], scores) = line.split_first_chunk::<5>()?;
            if objectness < threshold {
                continue;
            }
            let (class, best) = best_of(scores);
            let confidence = objectness * best;
            if confidence >= threshold {
                let (width, height) = (tw.exp() * stride, th.exp() * stride);
                let edges = around((tx + x) * stride, (ty + y) * stride, width, height);
                push(found, edges, class, confidence)?;
            }
        }
        Some(())
    }

    /// # Source
    /// `non_max_suppression` in ultralytics' `utils/ops.py`.
    fn yolov8(
        &mut self,
        values: &[f32],
        channels: usize,
        count: usize,
        threshold: f32,
        found: &mut Vec<Candidate>,
    ) -> Option<()> {
        if count == 0 {
            return Some(());
        }
        let (head, scores) = planes::<4>(values, channels, count)?;
        self.best_classes(scores, count);
        let [x, y, width, height] = head;
        let boxes = x.iter().zip(y).zip(width.iter().zip(height));
        for (((x, y), (width, height)), (best, class)) in
            boxes.zip(self.best.iter().zip(&self.classes))
        {
            if *best >= threshold {
                push(found, around(*x, *y, *width, *height), *class, *best)?;
            }
        }
        Some(())
    }

    /// The best class of each cell, from one plane of scores a class.
    fn best_classes(&mut self, scores: &[f32], count: usize) {
        self.best.clear();
        self.best.resize(count, f32::NEG_INFINITY);
        self.classes.clear();
        self.classes.resize(count, 0);
        for (class, plane) in (0_u32..).zip(scores.chunks_exact(count)) {
            let cells = self.best.iter_mut().zip(&mut self.classes);
            for ((best, best_class), score) in cells.zip(plane) {
                let better = *score > *best;
                *best = if better { *score } else { *best };
                *best_class = if better { class } else { *best_class };
            }
        }
    }
}

/// # Source
/// `non_max_suppression` in `utils/general.py` of `YOLOv5`.
fn yolov5(
    values: &[f32],
    channels: usize,
    threshold: f32,
    found: &mut Vec<Candidate>,
) -> Option<()> {
    for line in lines(values, channels, values.len() / channels)? {
        let (&[x, y, width, height, objectness], scores) = line.split_first_chunk::<5>()?;
        if objectness < threshold {
            continue;
        }
        let (class, best) = best_of(scores);
        if objectness * best >= threshold {
            push(found, around(x, y, width, height), class, objectness * best)?;
        }
    }
    Some(())
}

/// The first `N` planes of `count` values, and the rest; none if the number of
/// values is not that of all channels.
fn planes<const N: usize>(
    values: &[f32],
    channels: usize,
    count: usize,
) -> Option<([&[f32]; N], &[f32])> {
    if channels.checked_mul(count) != Some(values.len()) {
        return None;
    }
    let (head, scores) = values.split_at_checked(N * count)?;
    let mut planes = head.chunks_exact(count);
    let mut all = [&[] as &[f32]; N];
    for plane in &mut all {
        *plane = planes.next()?;
    }
    Some((all, scores))
}

fn lines(
    values: &[f32],
    channels: usize,
    count: usize,
) -> Option<core::slice::ChunksExact<'_, f32>> {
    (channels.checked_mul(count) == Some(values.len())).then(|| values.chunks_exact(channels))
}

fn best_of(scores: &[f32]) -> (u32, f32) {
    let start = (0, f32::NEG_INFINITY);
    (0_u32..).zip(scores).fold(start, |best, (class, score)| {
        if *score > best.1 {
            (class, *score)
        } else {
            best
        }
    })
}

/// Keeps a box; none once there are absurdly many, which ends decoding.
fn push(found: &mut Vec<Candidate>, edges: [f32; 4], class: u32, confidence: f32) -> Option<()> {
    // More than any model has boxes: only a wrong shape can bring them.
    const MOST: usize = 1 << 20;
    (found.len() < MOST).then(|| {
        found.push(Candidate {
            edges,
            class,
            confidence: confidence.clamp(0.0, 1.0),
        });
    })
}

fn around(x: f32, y: f32, width: f32, height: f32) -> [f32; 4] {
    let (half_width, half_height) = (width.max(0.0) / 2.0, height.max(0.0) / 2.0);
    [
        x - half_width,
        y - half_height,
        x + half_width,
        y + half_height,
    ]
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
