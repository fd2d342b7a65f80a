//! Boxes, tags, and what is written on them.

use core::fmt::Write as _;

use millstream_sdk::prelude::*;

use crate::canvas::{Area, Canvas, Paint};
use crate::letters::Letters;

/// Farther out than any frame reaches, near enough for sums not to overflow.
const FAR: f32 = 1.0e6;

/// How lines are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pen {
    /// Pixels.
    pub(crate) thickness: i32,
    /// 0 to 256.
    pub(crate) opacity: u32,
}

impl Pen {
    /// The outer edge of a box: lines lie half outside and half inside of the
    /// rectangle.
    fn edge(self, rect: Rect) -> Area {
        let near = |place: f32| place.clamp(-FAR, FAR).round() as i32;
        let half = self.thickness / 2;
        let (left, top) = (near(rect.x) - half, near(rect.y) - half);
        Area {
            left,
            top,
            // A box of no size still shows as a dot.
            right: (near(rect.x + rect.width) + half).max(left + self.thickness),
            bottom: (near(rect.y + rect.height) + half).max(top + self.thickness),
        }
    }

    /// Draws the box.
    pub(crate) fn outline(self, canvas: &mut Canvas<'_>, rect: Rect, paint: Paint) {
        let Area {
            left,
            top,
            right,
            bottom,
        } = self.edge(rect);
        // Four parts that don't overlap: what shines through shall do so once.
        let upper = (top + self.thickness).min(bottom);
        let lower = (bottom - self.thickness).max(upper);
        let inner = (left + self.thickness).min(right);
        let outer = (right - self.thickness).max(inner);
        canvas.fill(
            Area {
                left,
                top,
                right,
                bottom: upper,
            },
            paint,
        );
        canvas.fill(
            Area {
                left,
                top: lower,
                right,
                bottom,
            },
            paint,
        );
        canvas.fill(
            Area {
                left,
                top: upper,
                right: inner,
                bottom: lower,
            },
            paint,
        );
        canvas.fill(
            Area {
                left: outer,
                top: upper,
                right,
                bottom: lower,
            },
            paint,
        );
    }

    /// Draws the tag: on top of the box, or inside where there is no room above.
    pub(crate) fn tag(
        self,
        canvas: &mut Canvas<'_>,
        letters: &mut Letters,
        text: &str,
        rect: Rect,
        [paint, ink]: [Paint; 2],
    ) {
        let edge = self.edge(rect);
        let (width, height) = (canvas.width(), canvas.height());
        if text.is_empty() || edge.clip(width, height).is_empty() {
            return;
        }
        let mask = letters.write(text, width as usize);
        let (mask_width, mask_height) = (mask.width as i32, mask.height as i32);
        let above = edge.top - mask_height;
        let top = if above >= 0 { above } else { edge.top.max(0) };
        let top = top.min(height - mask_height).max(0);
        let left = edge.left.min(width - mask_width).max(0);
        let (right, bottom) = (left + mask_width, top + mask_height);
        canvas.fill(
            Area {
                left,
                top,
                right,
                bottom,
            },
            paint,
        );
        canvas.stamp(mask, left, top, ink);
    }
}

/// What is written on tags.
#[derive(Debug)]
pub(crate) struct Label {
    name: bool,
    confidence: bool,
    text: String,
}

impl Label {
    pub(crate) const fn new(name: bool, confidence: bool) -> Self {
        Self {
            name,
            confidence,
            text: String::new(),
        }
    }

    /// The text for a detection, such as `star 0.93`. Good until the next.
    pub(crate) fn write(&mut self, detection: &Detection) -> &str {
        let Detection {
            class_id,
            label,
            confidence,
            ..
        } = detection;
        self.text.clear();
        // Writing to a text cannot fail.
        let written = match (self.name, label.is_empty()) {
            (true, false) => write!(self.text, "{label}"),
            (true, true) => write!(self.text, "class {class_id}"),
            (false, _) => Ok(()),
        };
        let space = if self.name { " " } else { "" };
        if self.confidence && written.is_ok() {
            write!(self.text, "{space}{confidence:.2}").unwrap_or_default();
        }
        &self.text
    }
}
