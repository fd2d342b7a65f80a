//! Boxes and tags.

use millstream_sdk::prelude::*;

use crate::canvas::{Area, Canvas, Paint, Rows};
use crate::label::Label;
use crate::letters::Letters;

/// Farther out than any frame reaches, near enough for sums not to overflow.
pub(crate) const FAR: f32 = 1.0e6;

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

    /// Where tags of a box go, for `count` of them: on top of the box, or inside where
    /// there is no room above. None if the box is not in the frame.
    pub(crate) fn stack(
        self,
        canvas: &Canvas<'_>,
        letters: &Letters,
        rect: Rect,
        count: usize,
    ) -> Option<Stack> {
        let edge = self.edge(rect);
        let (width, height) = (canvas.width(), canvas.height());
        if count == 0 || edge.clip(width, height).is_empty() {
            return None;
        }
        let all = (letters.tag_height() * count) as i32;
        let above = edge.top - all;
        let top = if above >= 0 { above } else { edge.top.max(0) };
        Some(Stack {
            left: edge.left,
            top: top.min(height - all).max(0),
        })
    }
}

/// Shapes may touch the pixels of a frame so often: a crowd does it a few times, and
/// a thousand masks over all of it are not to be told apart.
const MOST_LAYERS: u64 = 16;
/// Pixels that are always allowed, for small frames.
const FREE_PIXELS: u64 = 1 << 20;

/// What shapes may still cost in a frame.
#[derive(Debug)]
pub(crate) struct Budget(u64);

impl Budget {
    pub(crate) fn new(canvas: &Canvas<'_>) -> Self {
        let side = |pixels: i32| u64::from(pixels.unsigned_abs());
        Self(FREE_PIXELS.max(side(canvas.width()) * side(canvas.height()) * MOST_LAYERS))
    }

    /// Takes what a shape costs; false once nothing is left.
    pub(crate) const fn take(&mut self, cost: u64) -> bool {
        self.0 = self.0.saturating_sub(cost);
        self.0 > 0
    }
}

/// What drawing needs.
pub(crate) struct Tools<'a> {
    pub(crate) rows: &'a mut Rows,
    pub(crate) letters: &'a mut Letters,
    pub(crate) label: &'a mut Label,
    pub(crate) paints: &'a [[Paint; 2]],
    /// Of what belongs to no class: a dark ground, and white.
    pub(crate) neutral: [Paint; 2],
    pub(crate) pen: Pen,
}

/// Where the next of several tags, one under the other, goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stack {
    pub(crate) left: i32,
    pub(crate) top: i32,
}

impl Stack {
    /// Draws a tag, and moves on.
    pub(crate) fn tag(
        &mut self,
        canvas: &mut Canvas<'_>,
        rows: &mut Rows,
        letters: &mut Letters,
        text: &str,
        [paint, ink]: [Paint; 2],
    ) {
        let width = canvas.width();
        let mask = letters.write(text, width as usize);
        let (mask_width, mask_height) = (mask.width as i32, mask.height as i32);
        let left = self.left.min(width - mask_width).max(0);
        let ground = Area {
            left,
            top: self.top,
            right: left + mask_width,
            bottom: self.top + mask_height,
        };
        canvas.fill(ground, paint);
        canvas.stamp(rows, mask, left, self.top, ink);
        self.top += mask_height;
    }

    /// Draws a text without its ground, and moves on.
    pub(crate) fn text(
        &mut self,
        canvas: &mut Canvas<'_>,
        rows: &mut Rows,
        letters: &mut Letters,
        text: &str,
        ink: Paint,
    ) {
        let width = canvas.width();
        let mask = letters.write(text, width as usize);
        let left = self.left.min(width - mask.width as i32).max(0);
        canvas.stamp(rows, mask, left, self.top, ink);
        self.top += mask.height as i32;
    }
}
