//! Caps: what the other pad could carry, and which format loses least.

use millstream_sdk::caps::{MAX_STRUCTURES, Structure, Value};
use millstream_sdk::prelude::*;

/// Fields that a conversion can change.
const CONVERTED: [&str; 3] = ["format", "colorimetry", "chroma-site"];

/// The same caps, and after them the same in any format and colorimetry: what
/// needs no conversion is preferred.
pub(crate) fn transform_caps(caps: &Caps) -> Caps {
    if caps.is_any() {
        return Caps::any();
    }
    let mut opened: Vec<Structure> = Vec::new();
    for structure in caps.structures() {
        let mut structure = structure.clone();
        for field in CONVERTED {
            structure.remove(field);
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

/// The caps with the format that loses least of what enters, and with the input's
/// colorimetry where the format can carry it.
pub(crate) fn fixate(caps: Caps, sink_caps: &Caps) -> Caps {
    let Some(sink) = sink_caps.first() else {
        return caps;
    };
    let Some(from) = sink.string("format").and_then(VideoFormat::from_name) else {
        return caps;
    };
    let mut best: Option<(u32, VideoFormat, &Structure)> = None;
    for structure in caps.structures() {
        for format in formats(structure) {
            let loss = loss(from, format);
            if best.is_none_or(|(least, ..)| loss < least) {
                best = Some((loss, format, structure));
            }
        }
    }
    let Some((_, format, structure)) = best else {
        return caps;
    };
    let mut picked = structure.clone();
    picked.set("format", format.as_str());
    carry(
        &mut picked,
        sink,
        "colorimetry",
        colours(from) == colours(format),
    );
    carry(
        &mut picked,
        sink,
        "chroma-site",
        from.subsampling() == format.subsampling(),
    );
    picked.into()
}

/// The formats that a structure leaves, in its order.
fn formats(structure: &Structure) -> Vec<VideoFormat> {
    let named = |value: &Value| match value {
        Value::Str(name) => VideoFormat::from_name(name),
        _ => None,
    };
    match structure.get("format") {
        Some(Value::List(items)) => items.iter().filter_map(named).collect(),
        Some(value) => named(value).into_iter().collect(),
        None => VideoFormat::ALL.to_vec(),
    }
}

/// Takes a field over from the input where the output leaves it open. Grey has the
/// colorimetry of its own luma, so that only equal kinds of formats share one.
fn carry(picked: &mut Structure, sink: &Structure, field: &str, fits: bool) {
    let Some(value) = sink.get(field).filter(|value| fits && value.is_fixed()) else {
        return;
    };
    match picked.get(field) {
        None => picked.set(field, value.clone()),
        Some(open) if !open.is_fixed() => {
            picked.fixate_to(field, value.clone());
        }
        Some(_) => {}
    }
}

/// What a conversion loses: the higher, the worse.
///
/// # Source
/// `score_value` and the `SCORE_*` constants of GStreamer's
/// `gstvideoconvertscale.c`.
fn loss(from: VideoFormat, to: VideoFormat) -> u32 {
    if from == to {
        return 0;
    }
    let mut loss = 1;
    if colours(from) != colours(to) {
        loss += 2;
        if to == VideoFormat::GRAY8 {
            loss += 128;
        }
    }
    if has_alpha(from) != has_alpha(to) {
        loss += if has_alpha(from) { 1 + 8 } else { 1 };
    }
    let ((from_w, from_h), (to_w, to_h)) = (from.subsampling(), to.subsampling());
    loss += subsampling_loss(from_w, to_w, 16) + subsampling_loss(from_h, to_h, 32);
    loss
}

/// Whether it holds colours as RGB or as chroma; grey holds none.
const fn colours(format: VideoFormat) -> (bool, bool) {
    (format.is_rgb(), format.is_yuv())
}

/// 1 for any change, and what it costs to have less chroma than before.
const fn subsampling_loss(from: usize, to: usize, cost: u32) -> u32 {
    if from == to {
        0
    } else if from < to {
        1 + cost
    } else {
        1
    }
}

const fn has_alpha(format: VideoFormat) -> bool {
    matches!(format, VideoFormat::RGBA | VideoFormat::BGRA)
}
