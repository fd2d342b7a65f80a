//! [`Letters`]: text as masks, in the font that the element carries.
//!
//! Each glyph is drawn once and kept, at four places between pixels, so that
//! letters stand as evenly as the font means them to.

use core::fmt;
use std::collections::BTreeMap;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use millstream_sdk::prelude::*;

use crate::canvas::Mask;

/// `DejaVu` Sans Bold, Latin-1 only; see `font/README.md`.
const FONT: &[u8] = include_bytes!("../font/DejaVuSans-Bold.ttf");

/// Places between two pixels at which a glyph can begin.
const PLACES: usize = 4;

/// Shown for characters that the font lacks.
const UNKNOWN: char = '?';

/// The font at one size, and the mask of the text written last.
pub(crate) struct Letters {
    font: FontRef<'static>,
    scale: PxScale,
    /// Pixels of an em.
    size: f32,
    /// Those of ASCII by their number, each at its places between pixels.
    ascii: Vec<[Option<Glyph>; PLACES]>,
    others: BTreeMap<(char, usize), Glyph>,
    mask: Mask,
}

impl fmt::Debug for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ascii = self.ascii.iter().flatten().flatten().count();
        let glyphs = ascii + self.others.len();
        f.debug_struct("Letters")
            .field("size", &self.size)
            .field("glyphs", &glyphs)
            .finish_non_exhaustive()
    }
}

/// A glyph as a mask, from the point on the baseline where it starts.
struct Glyph {
    advance: f32,
    left: i32,
    top: i32,
    width: usize,
    bytes: Vec<u8>,
}

impl Letters {
    /// `size` is that of an em, in pixels.
    pub(crate) fn new(size: f32) -> Result<Self, Failure> {
        let font = FontRef::try_from_slice(FONT)
            .map_err(|error| Failure::failed(format!("the font cannot be read: {error}")))?;
        let em = font.units_per_em().unwrap_or(1.0).max(1.0);
        let scale = PxScale::from(size * font.height_unscaled() / em);
        Ok(Self {
            font,
            scale,
            size,
            ascii: (0..128).map(|_| Default::default()).collect(),
            others: BTreeMap::new(),
            mask: Mask::default(),
        })
    }

    /// Rows of a tag.
    pub(crate) fn tag_height(&self) -> usize {
        (self.size * 1.26).round() as usize
    }

    /// Columns of a tag with this text, its margins included, at most `widest`.
    pub(crate) fn width(&mut self, text: &str, widest: usize) -> usize {
        self.fit(text, widest).1
    }

    /// How many characters of a text fit, and the columns of their tag.
    fn fit(&mut self, text: &str, widest: usize) -> (usize, usize) {
        let margin = self.margin();
        let end = (widest as f32 - margin).max(0.0);
        let mut pen = margin;
        let mut shown = 0;
        for character in text.chars() {
            let next = pen + self.glyph(character, pen).advance;
            if next > end {
                break;
            }
            pen = next;
            shown += 1;
        }
        (shown, ((pen + margin).round() as usize).min(widest))
    }

    /// Columns beside the text of a tag.
    fn margin(&self) -> f32 {
        (self.size * 0.34).round()
    }

    /// A tag's text with a margin around it, at most `widest` pixels wide. Good
    /// until the next text.
    pub(crate) fn write(&mut self, text: &str, widest: usize) -> &Mask {
        let (shown, width) = self.fit(text, widest);
        let baseline = (self.size * 0.99).round() as i32;
        let mut mask = core::mem::take(&mut self.mask);
        mask.reset(width, self.tag_height());
        let mut pen = self.margin();
        for character in text.chars().take(shown) {
            let glyph = self.glyph(character, pen);
            glyph.stamp(&mut mask, pen.floor() as i32, baseline);
            pen += glyph.advance;
        }
        self.mask = mask;
        &self.mask
    }

    /// A glyph for a pen that stands between two pixels.
    fn glyph(&mut self, character: char, pen: f32) -> &Glyph {
        let place = (pen.fract() * PLACES as f32) as usize;
        let (font, scale) = (&self.font, self.scale);
        let draw = |character| Glyph::draw(font, scale, character, place as f32 / PLACES as f32);
        // What the font lacks is one glyph, not one of each.
        let shown = |character| {
            let known = font.glyph_id(character).0 != 0;
            if known { character } else { UNKNOWN }
        };
        let ascii = self.ascii.get_mut(character as usize);
        if let Some(glyph) = ascii.and_then(|places| places.get_mut(place)) {
            return glyph.get_or_insert_with(|| draw(shown(character)));
        }
        let character = shown(character);
        let entry = self.others.entry((character, place));
        entry.or_insert_with(|| draw(character))
    }
}

impl Glyph {
    fn draw(font: &FontRef<'_>, scale: PxScale, character: char, offset: f32) -> Self {
        let id = font.glyph_id(character);
        let advance = font.as_scaled(scale).h_advance(id);
        let glyph = id.with_scale_and_position(scale, point(offset, 0.0));
        let Some(outline) = font.outline_glyph(glyph) else {
            return Self {
                advance,
                left: 0,
                top: 0,
                width: 0,
                bytes: Vec::new(),
            };
        };
        let bounds = outline.px_bounds();
        let (width, height) = (bounds.width() as usize, bounds.height() as usize);
        let mut bytes = vec![0; width * height];
        outline.draw(|x, y, cover| {
            if let Some(byte) = bytes.get_mut(y as usize * width + x as usize) {
                *byte = (cover * 255.0).round().clamp(0.0, 255.0) as u8;
            }
        });
        Self {
            advance,
            left: bounds.min.x as i32,
            top: bounds.min.y as i32,
            width,
            bytes,
        }
    }

    /// Adds it to a mask, its start at `x` on the row `baseline`.
    fn stamp(&self, mask: &mut Mask, x: i32, baseline: i32) {
        let (x, y) = (x + self.left, baseline + self.top);
        // What lies to the left or above is cut away.
        let (left, above) = ((-x).max(0) as usize, (-y).max(0) as usize);
        let (x, y) = (x.max(0) as usize, y.max(0) as usize);
        let rows = mask.bytes.chunks_exact_mut(mask.width.max(1)).skip(y);
        let glyph = self.bytes.chunks_exact(self.width.max(1)).skip(above);
        for (row, covers) in rows.zip(glyph) {
            let row = row.get_mut(x..).unwrap_or_default();
            let covers = covers.get(left..).unwrap_or_default();
            for (byte, cover) in row.iter_mut().zip(covers) {
                *byte = byte.saturating_add(*cover);
            }
        }
    }
}
