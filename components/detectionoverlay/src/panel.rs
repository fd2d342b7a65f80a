//! What classifiers say of the whole frame: a list in the upper left.

use millstream_sdk::buffer::Classification;

use crate::canvas::{Area, Canvas};
use crate::draw::{Stack, Tools};

/// Most lines of the list.
const MOST_LINES: usize = 10;
/// How far its ground hides what is under it, of 256.
const GROUND: u32 = 160;

/// Draws the list, as far as it fits into the frame.
pub(crate) fn draw(canvas: &mut Canvas<'_>, tools: &mut Tools<'_>, classes: &[Classification]) {
    let line = tools.letters.tag_height() as i32;
    let place = line / 2;
    let room = ((canvas.height() - place) / line.max(1)).max(0) as usize;
    let count = classes.len().min(MOST_LINES).min(room);
    let shown = classes.get(..count).unwrap_or_default();
    let widest = (canvas.width() - place).max(0) as usize;
    let mut width = 0;
    for answer in shown {
        width = width.max(tools.letters.width(tools.label.of_answer(answer), widest));
    }
    let [ground, ink] = tools.neutral;
    canvas.set_opacity(tools.pen.opacity * GROUND / 256);
    let area = Area {
        left: place,
        top: place,
        right: place + width as i32,
        bottom: place + line * count as i32,
    };
    canvas.fill(area, ground);
    canvas.set_opacity(tools.pen.opacity);
    let mut stack = Stack {
        left: place,
        top: place,
    };
    for answer in shown {
        let text = tools.label.of_answer(answer);
        stack.text(canvas, tools.rows, tools.letters, text, ink);
    }
}
