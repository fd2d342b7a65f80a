//! Caps: any size can become any other; which one keeps the shape.

use millstream_sdk::caps::{Fraction, MAX_STRUCTURES, Structure, Value};
use millstream_sdk::prelude::*;
use millstream_sdk::video::{Colorimetry, MAX_DIMENSION};

use crate::geometry::Shape;

const PAR: &str = "pixel-aspect-ratio";

/// The same caps, and after them the same in any size: what needs no scaling is
/// preferred.
pub(crate) fn transform_caps(caps: &Caps) -> Caps {
    if caps.is_any() {
        return Caps::any();
    }
    let mut opened: Vec<Structure> = Vec::new();
    for structure in caps.structures() {
        let mut structure = structure.clone();
        structure.set("width", Value::int_range(1, MAX_DIMENSION as i32));
        structure.set("height", Value::int_range(1, MAX_DIMENSION as i32));
        if structure.get(PAR).is_some() {
            let (min, max) = (Fraction::new(1, i32::MAX), Fraction::new(i32::MAX, 1));
            structure.set(PAR, Value::FractionRange { min, max });
        }
        if !opened.contains(&structure) {
            opened.push(structure);
        }
    }
    let mut structures = caps.structures().to_vec();
    if structures.len() + opened.len() > MAX_STRUCTURES {
        return Caps::new(opened);
    }
    opened.retain(|structure| !structures.contains(structure));
    structures.extend(opened);
    Caps::new(structures)
}

/// The caps with a size that keeps the picture's shape on the screen: the input's
/// own where that is possible, else what fits the width or height that is given.
///
/// GStreamer would sooner change `pixel-aspect-ratio` than the second dimension.
/// Here pixels stay as they are unless downstream names another ratio, since
/// detectors and windows count pixels.
pub(crate) fn fixate(caps: Caps, sink_caps: &Caps) -> Caps {
    let Some(sink) = sink_caps.first() else {
        return caps;
    };
    let Some(from) = Source::of(sink) else {
        return caps;
    };
    let Some(first) = caps.first() else {
        return caps;
    };
    let untouched =
        |s: &&Structure| holds(s, "width", from.width) && holds(s, "height", from.height);
    let mut picked = caps
        .structures()
        .iter()
        .find(untouched)
        .unwrap_or(first)
        .clone();
    picked.fixate_nearest_fraction(PAR, from.par);
    let par = picked.fraction(PAR).unwrap_or(Fraction::new(1, 1));
    let Some(shape) = from.shape() else {
        return caps;
    };
    fixate_size(&mut picked, &from, shape, par);
    keep_colours(&mut picked, sink, from.height);
    picked.into()
}

/// What the fixed caps of the input say about its size.
struct Source {
    width: i32,
    height: i32,
    par: Fraction,
}

impl Source {
    fn of(sink: &Structure) -> Option<Self> {
        let par = sink.fraction(PAR).unwrap_or(Fraction::new(1, 1));
        Some(Self {
            width: sink.int("width")?,
            height: sink.int("height")?,
            par,
        })
    }

    fn shape(&self) -> Option<Shape> {
        let (width, height) = (self.width as usize, self.height as usize);
        let mut info = VideoInfo::new(VideoFormat::GRAY8, width, height).ok()?;
        info.par = self.par;
        Some(Shape::of(&info))
    }
}

/// Whether a field can have this value.
fn holds(structure: &Structure, field: &str, value: i32) -> bool {
    let mut structure = structure.clone();
    structure.get(field).is_none() || structure.fixate_to(field, value)
}

/// Decides width and height, as far as they are open.
fn fixate_size(picked: &mut Structure, from: &Source, shape: Shape, par: Fraction) {
    let wide = |height: i32| shape.width_for(height.max(1) as usize, par) as i32;
    let high = |width: i32| shape.height_for(width.max(1) as usize, par) as i32;
    match (picked.int("width"), picked.int("height")) {
        (Some(_), Some(_)) => {}
        (Some(width), None) => {
            picked.fixate_nearest_int("height", high(width));
        }
        (None, Some(height)) => {
            picked.fixate_nearest_int("width", wide(height));
        }
        (None, None) => {
            // As GStreamer: keep the height if a width fits it, else the width if a
            // height fits it, else the height.
            let mut by_height = picked.clone();
            by_height.fixate_nearest_int("height", from.height);
            let width = by_height.int("height").map(wide);
            width.map(|width| by_height.fixate_nearest_int("width", width));
            if by_height.int("width") == width {
                *picked = by_height;
                return;
            }
            let mut by_width = picked.clone();
            by_width.fixate_nearest_int("width", from.width);
            let height = by_width.int("width").map(high);
            height.map(|height| by_width.fixate_nearest_int("height", height));
            let fits = by_width.int("height") == height;
            *picked = if fits { by_width } else { by_height };
        }
    }
}

/// Caps without `colorimetry` mean another one above and below HD's height. Scaling
/// changes no colours, so that it has to be written down then.
fn keep_colours(picked: &mut Structure, sink: &Structure, from_height: i32) {
    let Some(format) = sink.string("format").and_then(VideoFormat::from_name) else {
        return;
    };
    let Some(height) = picked.int("height") else {
        return;
    };
    if sink.get("colorimetry").is_some() || picked.get("colorimetry").is_some() {
        return;
    }
    let usual = |height: i32| Colorimetry::default_for(format, height.max(0) as usize);
    if usual(from_height) != usual(height) {
        picked.set("colorimetry", usual(from_height).to_string());
    }
}
