//! Lists of boxes that the model has suppressed itself: what is common to all who
//! give boxes, scores and classes apart.

use crate::decode::{Candidate, Found, Wrong};
use crate::geometry::Size;
use crate::outputs::Tensor;

/// Boxes with a score and a class each.
pub(super) struct List<'a> {
    /// Four numbers each.
    pub(super) boxes: &'a [[f32; 4]],
    /// One number each.
    pub(super) scores: &'a [f32],
    /// One number each; none if all are of class 0.
    pub(super) classes: Option<&'a [f32]>,
    /// How many of them count; the rest is padding and may hold anything.
    pub(super) count: usize,
}

impl<'a> List<'a> {
    /// From three outputs; none if their shapes don't fit each other.
    pub(super) fn of_tensors(
        boxes: &'a Tensor<'_>,
        scores: &'a Tensor<'_>,
        classes: &'a Tensor<'_>,
    ) -> Option<Self> {
        let (boxes, scores) = (boxes.rows::<4>()?, scores.list()?);
        let classes = classes.list()?;
        let fits = boxes.len() == scores.len() && boxes.len() == classes.len();
        fits.then_some(Self {
            boxes,
            scores,
            classes: Some(classes),
            count: boxes.len(),
        })
    }

    /// The same with an output that says how many count.
    pub(super) fn counted(self, count: &Tensor<'_>) -> Result<Self, Wrong> {
        let [count] = *count.values else {
            return Err(Wrong::Shape);
        };
        if !count.is_finite() {
            return Err(Wrong::NotFinite);
        }
        // Negative is 0, more than there are is all.
        let count = (count as usize).min(self.count);
        Ok(Self { count, ..self })
    }

    /// Keeps what reaches the threshold; `edges` makes pixels of the input of four
    /// numbers.
    pub(super) fn decode(
        &self,
        found: &mut Found,
        edges: impl Fn([f32; 4]) -> [f32; 4],
    ) -> Result<(), Wrong> {
        let all = self.boxes.iter().zip(self.scores).enumerate();
        for (place, (numbers, score)) in all.take(self.count) {
            let class = self.classes.and_then(|classes| classes.get(place).copied());
            let class = class.unwrap_or(0.0);
            if score.is_nan() || class.is_nan() {
                return Err(Wrong::NotFinite);
            }
            // Unused rows have a negative class or score, or one of -infinity.
            if *score >= found.threshold && class >= 0.0 {
                found.push(Candidate {
                    edges: ordered(edges(*numbers)),
                    class: class as u32,
                    confidence: *score,
                    place,
                })?;
            }
        }
        Ok(())
    }
}

/// `[ymin, xmin, ymax, xmax]` from 0 to 1 as edges in pixels of the input.
pub(super) fn from_yx([top, left, bottom, right]: [f32; 4], input: Size) -> [f32; 4] {
    crate::decode::in_pixels([left, top, right, bottom], input)
}

/// A box that ends before it begins is empty.
pub(super) fn ordered([left, top, right, bottom]: [f32; 4]) -> [f32; 4] {
    // `max` would hide a NaN, which `push` shall see.
    let after = |from: f32, to: f32| if to < from { from } else { to };
    [left, top, after(left, right), after(top, bottom)]
}
