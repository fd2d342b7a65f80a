//! All that belongs to a detection: mask, box, key points, trail, tags.

use millstream_sdk::buffer::Classification;
use millstream_sdk::prelude::*;

use crate::Settings;
use crate::canvas::Canvas;
use crate::draw::{Budget, Pen, Tools};
use crate::palette;
use crate::pose::Pose;
use crate::tint::{self, Tint};
use crate::trail::Trails;

/// How far a mask's tint hides what is under it, of 256.
const TINT: u32 = 112;
/// Most classes that are written at an object.
const MOST_CLASSES: usize = 3;

/// Draws detections. Keeps its memory from frame to frame.
#[derive(Debug)]
pub(crate) struct Objects {
    masks: bool,
    keypoints: bool,
    classifications: bool,
    pose: Pose,
    tint: Tint,
}

impl Objects {
    pub(crate) fn new(settings: &Settings, pen: Pen) -> Self {
        Self {
            masks: settings.masks,
            keypoints: settings.keypoints,
            classifications: settings.classifications,
            pose: Pose::new(pen.thickness),
            tint: Tint::default(),
        }
    }

    /// Detectors put the surest first; what is drawn last lies on top.
    pub(crate) fn draw(
        &mut self,
        canvas: &mut Canvas<'_>,
        tools: &mut Tools<'_>,
        found: &[Detection],
        trails: &Trails,
    ) {
        let shaped = found.get(..self.affordable(canvas, tools.pen, found, trails));
        let shaped = shaped.unwrap_or_default();
        if self.masks {
            canvas.set_opacity(tools.pen.opacity * TINT / 256);
            for detection in shaped.iter().rev() {
                if let Some(mask) = &detection.mask {
                    let [paint, _] = palette::pick(tools.paints, detection.class_id);
                    self.tint
                        .draw(canvas, tools.rows, detection.rect, mask, paint);
                }
            }
            canvas.set_opacity(tools.pen.opacity);
        }
        for detection in found.iter().rev() {
            let [paint, _] = palette::pick(tools.paints, detection.class_id);
            tools.pen.outline(canvas, detection.rect, paint);
        }
        for detection in shaped.iter().rev() {
            let paints = palette::pick(tools.paints, detection.class_id);
            if let Some(track) = detection.track_id {
                let thickness = tools.pen.thickness;
                trails.draw(canvas, tools.rows, track, thickness, paints[0]);
            }
            if self.keypoints {
                let paints = [paints[0], tools.neutral[1]];
                self.pose
                    .draw(canvas, tools.rows, &detection.keypoints, paints);
            }
        }
        for detection in found.iter().rev() {
            self.tags(canvas, tools, detection);
        }
    }

    /// How many detections, from the surest, have their mask, key points and trail
    /// drawn: as many as do not hide each other many times over.
    fn affordable(
        &self,
        canvas: &Canvas<'_>,
        pen: Pen,
        found: &[Detection],
        trails: &Trails,
    ) -> usize {
        let (width, height) = (canvas.width(), canvas.height());
        let mut budget = Budget::new(canvas);
        let affordable = |detection: &&Detection| {
            let mask = detection.mask.as_ref().filter(|_| self.masks);
            let mut cost = mask.map_or(0, |mask| tint::cost(detection.rect, mask, width, height));
            if self.keypoints {
                cost += self.pose.cost(&detection.keypoints, width, height);
            }
            if let Some(track) = detection.track_id {
                cost += trails.cost(track, pen.thickness, width, height);
            }
            budget.take(cost)
        };
        found.iter().take_while(affordable).count()
    }

    fn tags(&self, canvas: &mut Canvas<'_>, tools: &mut Tools<'_>, detection: &Detection) {
        let text = tools.label.of_object(detection);
        let labelled = !text.is_empty();
        let classes: &[Classification] = if self.classifications {
            let all = &detection.classifications;
            all.get(..all.len().min(MOST_CLASSES)).unwrap_or_default()
        } else {
            &[]
        };
        let count = usize::from(labelled) + classes.len();
        let Some(mut stack) = tools
            .pen
            .stack(canvas, tools.letters, detection.rect, count)
        else {
            return;
        };
        if labelled {
            let paints = palette::pick(tools.paints, detection.class_id);
            stack.tag(canvas, tools.rows, tools.letters, text, paints);
        }
        for answer in classes {
            let text = tools.label.of_answer(answer);
            stack.tag(canvas, tools.rows, tools.letters, text, tools.neutral);
        }
    }
}
