//! Key points of objects, and the skeleton that joins them.

use millstream_sdk::buffer::Keypoint;

use crate::canvas::{Canvas, Paint, Rows};
use crate::stroke::Stroke;

/// Points less sure than this are not drawn.
///
/// # Source
/// `kpts` in ultralytics' `utils/plotting.py`.
const LEAST_CONFIDENCE: f32 = 0.25;

/// Which of a person's 17 points are joined.
///
/// # Source
/// `skeleton` of the category `person` in COCO's `person_keypoints` annotations,
/// there counted from 1: nose, eyes, ears, shoulders, elbows, wrists, hips, knees,
/// ankles, left before right.
const PERSON: [[usize; 2]; 19] = [
    [15, 13],
    [13, 11],
    [16, 14],
    [14, 12],
    [11, 12],
    [5, 11],
    [6, 12],
    [5, 6],
    [5, 7],
    [6, 8],
    [7, 9],
    [8, 10],
    [1, 2],
    [0, 1],
    [0, 2],
    [1, 3],
    [2, 4],
    [3, 5],
    [4, 6],
];

/// How thick points and bones are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pose {
    bone: f32,
    dot: f32,
}

impl Pose {
    /// For boxes of this thickness in pixels.
    pub(crate) fn new(thickness: i32) -> Self {
        let thickness = thickness as f32;
        Self {
            bone: thickness * 0.6,
            dot: thickness * 0.9 + 0.5,
        }
    }

    /// Pixels that it makes a frame of this size look at.
    pub(crate) fn cost(self, points: &[Keypoint], width: i32, height: i32) -> u64 {
        let all = self.bones(points).chain(self.dots(points));
        all.map(|stroke| stroke.cost(width, height)).sum()
    }

    /// Draws the bones in the first paint, the points in the second.
    pub(crate) fn draw(
        self,
        canvas: &mut Canvas<'_>,
        rows: &mut Rows,
        points: &[Keypoint],
        [paint, ink]: [Paint; 2],
    ) {
        for bone in self.bones(points) {
            bone.draw(canvas, rows, paint);
        }
        for dot in self.dots(points) {
            let around = Stroke {
                radius: dot.radius + 1.0,
                ..dot
            };
            around.draw(canvas, rows, paint);
            dot.draw(canvas, rows, ink);
        }
    }

    fn bones(self, points: &[Keypoint]) -> impl Iterator<Item = Stroke> {
        let edges: &[[usize; 2]] = if points.len() == 17 { &PERSON } else { &[] };
        edges.iter().filter_map(move |[from, to]| {
            Some(Stroke {
                from: seen(points.get(*from)?)?,
                to: seen(points.get(*to)?)?,
                radius: self.bone,
            })
        })
    }

    fn dots(self, points: &[Keypoint]) -> impl Iterator<Item = Stroke> {
        let places = points.iter().filter_map(seen);
        places.map(move |place| Stroke::dot(place, self.dot))
    }
}

/// Where a point lies, if the model saw it.
fn seen(point: &Keypoint) -> Option<[f32; 2]> {
    (point.confidence >= LEAST_CONFIDENCE).then_some([point.x, point.y])
}
