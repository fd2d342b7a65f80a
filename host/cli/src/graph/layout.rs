//! Where boxes and links go: elements stand in layers from left to right, each behind
//! all that feed it.
//!
//! A link that passes layers gets a place of its own in each of them, so that no link
//! runs through a box. Within a layer, places are ordered by the mean of their
//! neighbours (Sugiyama's method), then moved towards them as far as there is room.

use super::drawing::{Block, Drawing};

/// Letters are this wide, as a part of the font's size (of monospaced fonts).
const LETTER: f64 = 0.61;
pub(super) const NAME_SIZE: f64 = 13.0;
pub(super) const TEXT_SIZE: f64 = 11.0;
/// Line to line.
pub(super) const LINE: f64 = 15.0;
/// Pad to pad: room for two lines of label.
const PITCH: f64 = 40.0;
pub(super) const PADDING: f64 = 10.0;
const MARGIN: f64 = 20.0;
/// Between boxes of a layer.
const GAP: f64 = 24.0;
/// Where a link bends between two layers.
const BEND: f64 = 46.0;
/// Room of a link that passes a layer.
const PASSING: f64 = 12.0;
/// More sweeps move nothing in pipelines of a size that people draw.
const SWEEPS: usize = 12;

/// A box's place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Where everything goes.
pub(super) struct Layout {
    pub(super) boxes: Vec<Rect>,
    /// For each link the points that it passes; between the first and second of each
    /// pair it is straight, between pairs it bends.
    pub(super) links: Vec<Vec<[(f64, f64); 2]>>,
    /// For each link where its sink pad is.
    pub(super) ends: Vec<(f64, f64)>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A box, or a link on its way past a layer.
struct Slot {
    layer: usize,
    width: f64,
    height: f64,
    y: f64,
}

/// A piece of a link from one layer to the next; heights are within the slots.
struct Piece {
    from: usize,
    from_y: f64,
    to: usize,
    to_y: f64,
}

/// The width of a text.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * LETTER
}

/// Where a box's first pad is, below its top.
fn first_pad(block: &Block) -> f64 {
    PADDING + NAME_SIZE + LINE * (block.properties.len() as f64 + 1.0) + 16.0
}

/// Where a pad is, below its box's top.
pub(super) fn pad_y(block: &Block, pad: usize) -> f64 {
    first_pad(block) + pad as f64 * PITCH
}

fn size(block: &Block) -> (f64, f64) {
    let texts = block.properties.iter().chain([&block.factory]);
    let widest = texts
        .map(|text| text_width(text, TEXT_SIZE))
        .fold(0.0, f64::max);
    let longest = |pads: &[String]| {
        pads.iter()
            .map(|name| text_width(name, TEXT_SIZE))
            .fold(0.0, f64::max)
    };
    let pads = longest(&block.sinks) + longest(&block.srcs) + PADDING;
    let name = text_width(&block.name, NAME_SIZE);
    let rows = block.sinks.len().max(block.srcs.len()).max(1);
    let height = pad_y(block, rows - 1) + PADDING + 6.0;
    (widest.max(pads).max(name) + 2.0 * PADDING, height)
}

/// The layer of each element: one behind the last that feeds it.
fn layers(drawing: &Drawing) -> Vec<usize> {
    let mut layers = vec![0_usize; drawing.boxes.len()];
    // The graph has no cycle, so that this ends after at most as many rounds as boxes.
    for _ in 0..drawing.boxes.len() {
        for link in &drawing.links {
            let before = layers.get(link.src.element).copied().unwrap_or(0);
            if let Some(layer) = layers.get_mut(link.sink.element) {
                *layer = (*layer).max(before + 1);
            }
        }
    }
    layers
}

impl Layout {
    pub(super) fn new(drawing: &Drawing) -> Self {
        let mut arranger = Arranger::new(drawing);
        arranger.order();
        arranger.settle();
        arranger.finish(drawing)
    }
}

struct Arranger {
    slots: Vec<Slot>,
    /// Slots of each layer, from top to bottom.
    layers: Vec<Vec<usize>>,
    /// Pieces of each link, from its src pad to its sink pad.
    links: Vec<Vec<Piece>>,
}

impl Arranger {
    fn new(drawing: &Drawing) -> Self {
        let layers = layers(drawing);
        let slots = drawing.boxes.iter().zip(&layers).map(|(block, layer)| {
            let (width, height) = size(block);
            Slot {
                layer: *layer,
                width,
                height,
                y: 0.0,
            }
        });
        let mut arranger = Self {
            slots: slots.collect(),
            layers: Vec::new(),
            links: Vec::new(),
        };
        for link in &drawing.links {
            let y = |element: usize, pad| {
                drawing
                    .boxes
                    .get(element)
                    .map_or(0.0, |block| pad_y(block, pad))
            };
            let layer = |element: usize| layers.get(element).copied().unwrap_or(0);
            let (mut from, mut from_y) = (link.src.element, y(link.src.element, link.src.pad));
            let mut pieces = Vec::new();
            for passed in layer(link.src.element) + 1..layer(link.sink.element) {
                let to = arranger.slots.len();
                arranger.slots.push(Slot {
                    layer: passed,
                    width: 0.0,
                    height: PASSING,
                    y: 0.0,
                });
                pieces.push(Piece {
                    from,
                    from_y,
                    to,
                    to_y: PASSING / 2.0,
                });
                (from, from_y) = (to, PASSING / 2.0);
            }
            let (to, to_y) = (link.sink.element, y(link.sink.element, link.sink.pad));
            pieces.push(Piece {
                from,
                from_y,
                to,
                to_y,
            });
            arranger.links.push(pieces);
        }
        let count = layers.iter().max().map_or(0, |last| last + 1);
        arranger.layers = vec![Vec::new(); count];
        for (index, slot) in arranger.slots.iter().enumerate() {
            if let Some(layer) = arranger.layers.get_mut(slot.layer) {
                layer.push(index);
            }
        }
        arranger.stack();
        arranger
    }

    /// Puts the slots of each layer below each other.
    fn stack(&mut self) {
        for layer in &self.layers {
            let mut y = 0.0;
            for index in layer {
                if let Some(slot) = self.slots.get_mut(*index) {
                    slot.y = y;
                    y += slot.height + GAP;
                }
            }
        }
    }

    /// Where a slot would like to be, for straight links to the layer before it or
    /// behind it; none if it has no link there.
    fn wish(&self, index: usize, before: bool) -> Option<f64> {
        let y = |slot: usize| self.slots.get(slot).map_or(0.0, |slot| slot.y);
        let wishes = self.links.iter().flatten().filter_map(|piece| {
            let forward = before && piece.to == index;
            let backward = !before && piece.from == index;
            if forward {
                Some(y(piece.from) + piece.from_y - piece.to_y)
            } else {
                backward.then(|| y(piece.to) + piece.to_y - piece.from_y)
            }
        });
        let (sum, count) = wishes.fold((0.0, 0.0), |(sum, count), wish| (sum + wish, count + 1.0));
        (count > 0.0).then(|| sum / count)
    }

    fn sweep(&mut self, round: usize, mut place: impl FnMut(&mut Self, usize, bool)) {
        let count = self.layers.len();
        let before = round.is_multiple_of(2);
        for step in 0..count {
            place(self, if before { step } else { count - 1 - step }, before);
        }
    }

    /// Orders each layer so that links cross little.
    fn order(&mut self) {
        for round in 0..SWEEPS {
            self.sweep(round, |this, layer, before| {
                let slots = this.layers.get(layer).cloned().unwrap_or_default();
                let mut wishes: Vec<(f64, usize)> = slots
                    .iter()
                    .map(|index| {
                        let own = this.slots.get(*index).map_or(0.0, |slot| slot.y);
                        (this.wish(*index, before).unwrap_or(own), *index)
                    })
                    .collect();
                wishes.sort_by(|a, b| a.0.total_cmp(&b.0));
                if let Some(layer) = this.layers.get_mut(layer) {
                    *layer = wishes.into_iter().map(|(_, index)| index).collect();
                }
                this.stack();
            });
        }
    }

    /// Moves boxes towards those that they are linked to.
    fn settle(&mut self) {
        for round in 0..SWEEPS {
            self.sweep(round, |this, layer, before| {
                let slots = this.layers.get(layer).cloned().unwrap_or_default();
                let own = |index: usize| this.slots.get(index).map_or(0.0, |slot| slot.y);
                let wishes: Vec<f64> = slots
                    .iter()
                    .map(|index| this.wish(*index, before).unwrap_or_else(|| own(*index)))
                    .collect();
                this.place(&slots, &wishes);
            });
        }
    }

    /// Places a layer's slots near where they wish to be, in their order and apart.
    fn place(&mut self, slots: &[usize], wishes: &[f64]) {
        let (mut least, mut shift) = (f64::NEG_INFINITY, 0.0);
        for (index, wish) in slots.iter().zip(wishes) {
            if let Some(slot) = self.slots.get_mut(*index) {
                slot.y = wish.max(least);
                least = slot.y + slot.height + GAP;
                shift += wish - slot.y;
            }
        }
        for index in slots {
            if let Some(slot) = self.slots.get_mut(*index) {
                slot.y += shift / slots.len() as f64;
            }
        }
    }

    /// Left and right of each layer; behind it is room for labels and a bend.
    fn columns(&self, drawing: &Drawing) -> Vec<(f64, f64)> {
        let mut x = MARGIN;
        let mut columns = Vec::new();
        for (number, layer) in self.layers.iter().enumerate() {
            let widths = layer.iter().filter_map(|index| self.slots.get(*index));
            let width = widths.map(|slot| slot.width).fold(0.0, f64::max);
            columns.push((x, x + width));
            let starts = |element: usize| {
                self.slots
                    .get(element)
                    .is_some_and(|slot| slot.layer == number)
            };
            let links = drawing.links.iter().filter(|link| starts(link.src.element));
            let label = links
                .map(|link| label_width(&link.label))
                .fold(0.0, f64::max);
            x += width + label + BEND;
        }
        columns
    }

    fn finish(&self, drawing: &Drawing) -> Layout {
        let columns = self.columns(drawing);
        let top = self
            .slots
            .iter()
            .map(|slot| slot.y)
            .fold(f64::INFINITY, f64::min);
        let y = |slot: &Slot| slot.y - top + MARGIN;
        let column = |slot: &Slot| columns.get(slot.layer).copied().unwrap_or_default();
        let slot = |index: usize| self.slots.get(index);
        let boxes: Vec<Rect> = self
            .slots
            .iter()
            .take(drawing.boxes.len())
            .map(|slot| {
                let (x, _) = column(slot);
                Rect {
                    x,
                    y: y(slot),
                    width: slot.width,
                    height: slot.height,
                }
            })
            .collect();
        let (mut links, mut ends) = (Vec::new(), Vec::new());
        for (link, pieces) in drawing.links.iter().zip(&self.links) {
            let mut points = Vec::new();
            for (number, piece) in pieces.iter().enumerate() {
                let Some(from) = slot(piece.from) else {
                    continue;
                };
                let (x, right) = column(from);
                let (start, label) = if number == 0 {
                    (x + from.width, label_width(&link.label))
                } else {
                    (x, 0.0)
                };
                let height = y(from) + piece.from_y;
                points.push([(start, height), (right + label, height)]);
            }
            links.push(points);
            let end = pieces
                .last()
                .and_then(|piece| Some((slot(piece.to)?, piece.to_y)));
            ends.push(end.map_or((0.0, 0.0), |(to, offset)| (column(to).0, y(to) + offset)));
        }
        let width = boxes
            .iter()
            .map(|rect| rect.x + rect.width)
            .fold(0.0, f64::max)
            + MARGIN;
        let bottom = self.slots.iter().map(|slot| y(slot) + slot.height);
        Layout {
            boxes,
            links,
            ends,
            width,
            height: bottom.fold(0.0, f64::max) + MARGIN,
        }
    }
}

fn label_width(label: &[String; 2]) -> f64 {
    let widest = label
        .iter()
        .map(|line| text_width(line, TEXT_SIZE))
        .fold(0.0, f64::max);
    widest + PADDING
}
