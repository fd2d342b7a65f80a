//! Non-maximum suppression: of boxes that overlap, the best stays.

use crate::decode::Candidate;

/// How boxes are thinned out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suppression {
    /// Boxes that overlap by more than this (intersection over union) are one.
    pub iou: f32,
    /// Boxes of different classes suppress each other too.
    pub across_classes: bool,
    /// Most boxes that stay.
    pub limit: usize,
}

impl Suppression {
    /// Moves what stays of `found`, which is sorted best first, to `kept`.
    pub fn run(&self, found: &[Candidate], kept: &mut Vec<Candidate>) {
        kept.clear();
        for candidate in found {
            if kept.len() >= self.limit {
                return;
            }
            let same = |other: &&Candidate| self.across_classes || other.class == candidate.class;
            let overlaps = |other: &Candidate| overlap(&other.edges, &candidate.edges) > self.iou;
            // Nothing overlaps by more than all of it.
            if self.iou >= 1.0 || !kept.iter().filter(same).any(overlaps) {
                kept.push(*candidate);
            }
        }
    }
}

/// Intersection over union; 0 if both are empty.
pub fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |[left, top, right, bottom]: &[f32; 4]| (right - left) * (bottom - top);
    let [a_left, a_top, a_right, a_bottom] = a;
    let [b_left, b_top, b_right, b_bottom] = b;
    let width = (a_right.min(*b_right) - a_left.max(*b_left)).max(0.0);
    let height = (a_bottom.min(*b_bottom) - a_top.max(*b_top)).max(0.0);
    let both = width * height;
    let union = area(a) + area(b) - both;
    if union > 0.0 { both / union } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Boxes from a fixed sequence of numbers, best first.
    fn some_boxes(count: usize) -> Vec<Candidate> {
        let mut state = 12_345_u32;
        let mut next = move |limit: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % limit
        };
        let mut boxes: Vec<Candidate> = (0..count)
            .map(|_| {
                let (x, y) = (next(90) as f32, next(90) as f32);
                let (width, height) = (next(40) as f32, next(40) as f32);
                Candidate {
                    edges: [x, y, x + width, y + height],
                    class: next(3),
                    confidence: next(1000) as f32 / 1000.0,
                    place: 0,
                }
            })
            .collect();
        boxes.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        boxes
    }

    #[test]
    fn what_stays_does_not_overlap_and_what_goes_did() {
        for across_classes in [false, true] {
            let boxes = some_boxes(300);
            let rule = Suppression {
                iou: 0.45,
                across_classes,
                limit: 4096,
            };
            let mut kept = Vec::new();
            rule.run(&boxes, &mut kept);
            let clash = |a: &Candidate, b: &Candidate| {
                (across_classes || a.class == b.class) && overlap(&a.edges, &b.edges) > rule.iou
            };
            assert_eq!(kept.first(), boxes.first());
            for (place, one) in kept.iter().enumerate() {
                assert!(!kept[..place].iter().any(|better| clash(better, one)));
            }
            for gone in boxes.iter().filter(|one| !kept.contains(one)) {
                let better = |kept: &&Candidate| kept.confidence >= gone.confidence;
                assert!(kept.iter().filter(better).any(|kept| clash(kept, gone)));
            }
            let mut again = Vec::new();
            rule.run(&kept, &mut again);
            assert_eq!(again, kept);
        }
    }

    #[test]
    fn the_limit_keeps_the_best() {
        let boxes = some_boxes(100);
        let rule = Suppression {
            iou: 1.0,
            across_classes: false,
            limit: 7,
        };
        let mut kept = Vec::new();
        rule.run(&boxes, &mut kept);
        assert_eq!(kept, boxes[..7]);
    }

    #[test]
    fn overlaps_are_those_of_the_definition() {
        let check = |a, b, expected: f32| {
            assert!((overlap(&a, &b) - expected).abs() < 1e-6, "{a:?} {b:?}");
            assert!((overlap(&b, &a) - expected).abs() < 1e-6, "{b:?} {a:?}");
        };
        check([0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0], 1.0);
        check([0.0, 0.0, 2.0, 2.0], [1.0, 0.0, 3.0, 2.0], 1.0 / 3.0);
        check([0.0, 0.0, 2.0, 2.0], [2.0, 0.0, 3.0, 2.0], 0.0);
        check([0.0; 4], [0.0; 4], 0.0);
    }
}
