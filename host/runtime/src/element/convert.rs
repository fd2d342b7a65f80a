//! Between the contract's generated types and ours. What comes from a guest is checked here.

use std::collections::BTreeSet;

use millstream_core::caps::{Caps, Fraction};
use millstream_core::element as core;

use super::bindings::{buffers, guest, types};
use crate::buffer::{Classification, Detection, Flags, Keypoint, MAX_NAME_BYTES, Mask, Timing};

/// Pads, properties or capabilities in one descriptor.
const MAX_ITEMS: usize = 256;
/// Points of one object: whole-body poses have 133, dense faces fewer than 256 in
/// the models that detectors give.
const MAX_KEYPOINTS: usize = 256;
/// Cells of a side of a mask.
const MAX_MASK_SIDE: u32 = 256;
/// What classifiers can say of one object.
const MAX_OBJECT_CLASSIFICATIONS: usize = 16;
/// Bytes of any text in a descriptor or a setting.
pub(crate) const MAX_TEXT_BYTES: usize = 65_536;

/// A value from a guest.
pub(crate) fn value_from_guest(value: types::Value) -> Result<core::Value, String> {
    Ok(match value {
        types::Value::Boolean(value) => core::Value::Boolean(value),
        types::Value::Integer(value) => core::Value::Integer(value),
        types::Value::Float(value) if value.is_finite() => core::Value::Float(value),
        types::Value::Float(value) => return Err(format!("a value of {value}")),
        types::Value::Text(value) => core::Value::Text(checked_text("a value", value)?),
        types::Value::Ratio(value) if value.denominator != 0 => core::Value::Ratio(Fraction {
            numerator: value.numerator,
            denominator: value.denominator,
        }),
        types::Value::Ratio(_) => return Err("a ratio over 0".to_owned()),
    })
}

/// A value for a guest.
pub(crate) fn value_to_guest(value: &core::Value) -> types::Value {
    match value {
        core::Value::Boolean(value) => types::Value::Boolean(*value),
        core::Value::Integer(value) => types::Value::Integer(*value),
        core::Value::Float(value) => types::Value::Float(*value),
        core::Value::Text(value) => types::Value::Text(value.clone()),
        core::Value::Ratio(value) => types::Value::Ratio(types::Fraction {
            numerator: value.numerator,
            denominator: value.denominator,
        }),
    }
}

/// Named values from a guest.
pub(crate) fn settings_from_guest(
    settings: Vec<types::Setting>,
) -> Result<Vec<(String, core::Value)>, String> {
    if settings.len() > MAX_ITEMS {
        return Err(format!("{} fields, of {MAX_ITEMS} at most", settings.len()));
    }
    let text = |value: &types::Value| match value {
        types::Value::Text(text) => text.len(),
        _ => 0,
    };
    let bytes: usize = settings
        .iter()
        .map(|setting| setting.name.len() + text(&setting.value))
        .sum();
    if bytes > MAX_TEXT_BYTES {
        return Err(format!(
            "fields of {bytes} bytes together, of {MAX_TEXT_BYTES} at most"
        ));
    }
    settings
        .into_iter()
        .map(|setting| {
            Ok((
                checked_text("a field's name", setting.name)?,
                value_from_guest(setting.value)?,
            ))
        })
        .collect()
}

/// A text that is what its type says. Wasmtime looks at a guest's bytes where they lie and
/// copies them then; if they lie in a view of a frame that another element writes into
/// meanwhile, what was copied was never looked at.
pub(crate) fn sound_text(text: String) -> Result<String, String> {
    String::from_utf8(text.into_bytes())
        .map_err(|_changed| "a text that changed while it was read".to_owned())
}

fn checked_text(what: &str, text: String) -> Result<String, String> {
    let text = sound_text(text)?;
    if text.len() > MAX_TEXT_BYTES {
        return Err(format!(
            "{what} of {} bytes, of {MAX_TEXT_BYTES} at most",
            text.len()
        ));
    }
    Ok(text)
}

/// A text that is shown to people: nothing in it may move the cursor of their terminal.
fn plain_text(what: &str, text: String) -> Result<String, String> {
    let text = checked_text(what, text)?;
    let is_odd = |&c: &char| c.is_control() && !matches!(c, '\n' | '\t');
    match text.chars().find(is_odd) {
        Some(odd) => Err(format!("{what} with the control character {odd:?}")),
        None => Ok(text),
    }
}

/// A text that is only shown, cut off at a character's border.
pub(crate) fn shortened(text: String, max_bytes: usize) -> String {
    // What is only shown may have changed.
    let mut text = match String::from_utf8(text.into_bytes()) {
        Ok(text) => text,
        Err(changed) => String::from_utf8_lossy(changed.as_bytes()).into_owned(),
    };
    if text.len() > max_bytes {
        let end = (0..=max_bytes)
            .rev()
            .find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
        text.shrink_to_fit();
    }
    text
}

pub(crate) fn checked_name(what: &str, name: String) -> Result<String, String> {
    let name = sound_text(name)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_%.".contains(c);
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(plain) {
        return Err(format!(
            "{what} named {:?}",
            name.chars().take(40).collect::<String>()
        ));
    }
    Ok(name)
}

fn checked_count<T>(what: &str, items: Vec<T>) -> Result<Vec<T>, String> {
    if items.len() > MAX_ITEMS {
        return Err(format!("{} {what}, of {MAX_ITEMS} at most", items.len()));
    }
    Ok(items)
}

/// What `describe` answered, checked.
pub(crate) fn descriptor_from_guest(from: guest::Descriptor) -> Result<core::Descriptor, String> {
    let descriptor = core::Descriptor {
        name: checked_name("an element", from.name)?,
        class: plain_text("a class", from.class)?,
        description: plain_text("a description", from.description)?,
        author: plain_text("an author", from.author)?,
        pads: checked_count("pads", from.pads)?
            .into_iter()
            .map(pad_from_guest)
            .collect::<Result<_, _>>()?,
        properties: checked_count("properties", from.properties)?
            .into_iter()
            .map(property_from_guest)
            .collect::<Result<_, _>>()?,
        capabilities: checked_count("capabilities", from.capabilities)?
            .into_iter()
            .map(capability_from_guest)
            .collect(),
        live: from.live,
        sync: from.sync,
        stateless: from.stateless,
    };
    if descriptor.pads.is_empty() {
        return Err("no pads".to_owned());
    }
    check_once("pads", descriptor.pads.iter().map(|pad| &pad.name))?;
    let properties = descriptor.properties.iter();
    check_once("properties", properties.map(|property| &property.name))?;
    Ok(descriptor)
}

fn check_once<'a>(what: &str, names: impl Iterator<Item = &'a String>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("two {what} named `{name}`"));
        }
    }
    Ok(())
}

fn pad_from_guest(pad: guest::PadTemplate) -> Result<core::PadTemplate, String> {
    let name = checked_name("a pad", pad.name)?;
    let caps: Caps = checked_text("caps", pad.caps)?
        .parse()
        .map_err(|error| format!("caps of pad `{name}` that do not parse: {error}"))?;
    let presence = match pad.presence {
        guest::Presence::Always => core::Presence::Always,
        guest::Presence::Request => core::Presence::Request,
    };
    if (presence == core::Presence::Request) != name.contains("%u") {
        return Err(format!(
            "a pad template `{name}` whose name and presence do not fit"
        ));
    }
    let direction = direction_from_guest(pad.direction);
    Ok(core::PadTemplate {
        name,
        direction,
        presence,
        caps,
        caps_from_data: pad.caps_from_data,
    })
}

fn direction_from_guest(direction: types::Direction) -> core::Direction {
    match direction {
        types::Direction::Sink => core::Direction::Sink,
        types::Direction::Src => core::Direction::Src,
    }
}

fn property_from_guest(property: guest::Property) -> Result<core::Property, String> {
    let name = checked_name("a property", property.name)?;
    let kind = match property.kind {
        guest::PropertyKind::Boolean => core::PropertyKind::Boolean,
        guest::PropertyKind::Integer(range) if range.min <= range.max => {
            core::PropertyKind::Integer {
                min: range.min,
                max: range.max,
            }
        }
        guest::PropertyKind::Float(range) if range.min <= range.max => core::PropertyKind::Float {
            min: range.min,
            max: range.max,
        },
        guest::PropertyKind::Integer(_) | guest::PropertyKind::Float(_) => {
            return Err(format!("property `{name}` whose range is empty"));
        }
        guest::PropertyKind::Text => core::PropertyKind::Text,
        guest::PropertyKind::Choice(words) => {
            let words = checked_count("choices", words)?.into_iter();
            core::PropertyKind::Choice(
                words
                    .map(|word| plain_text("a choice", word))
                    .collect::<Result<_, _>>()?,
            )
        }
        guest::PropertyKind::Ratio => core::PropertyKind::Ratio,
        guest::PropertyKind::Caps => core::PropertyKind::Caps,
        guest::PropertyKind::FileToRead => core::PropertyKind::FileToRead,
        guest::PropertyKind::FileToWrite => core::PropertyKind::FileToWrite,
        guest::PropertyKind::Model => core::PropertyKind::Model,
    };
    let default = property.default.map(value_from_guest).transpose()?;
    if default.as_ref().is_some_and(|value| !kind.accepts(value)) {
        return Err(format!(
            "property `{name}` whose default it would not accept"
        ));
    }
    Ok(core::Property {
        name,
        description: plain_text("a description", property.description)?,
        kind,
        default,
        required: property.required,
        unit: property
            .unit
            .map(|unit| plain_text("a unit", unit))
            .transpose()?,
        mutability: match property.mutability {
            guest::Mutability::Construct => core::Mutability::Construct,
            guest::Mutability::Playing => core::Mutability::Playing,
        },
    })
}

fn capability_from_guest(capability: guest::Capability) -> core::Capability {
    match capability {
        guest::Capability::Camera => core::Capability::Camera,
        guest::Capability::Display => core::Capability::Display,
        guest::Capability::Inference => core::Capability::Inference,
        guest::Capability::FilesRead => core::Capability::FilesRead,
        guest::Capability::FilesWrite => core::Capability::FilesWrite,
    }
}

/// Timing for a guest.
pub(crate) fn timing_to_guest(timing: Timing) -> buffers::Timing {
    buffers::Timing {
        pts: timing.pts,
        dts: timing.dts,
        duration: timing.duration,
        offset: timing.offset,
        offset_end: timing.offset_end,
        flags: FLAGS
            .iter()
            .filter(|(_, bit)| timing.flags.0 & bit != 0)
            .fold(buffers::BufferFlags::empty(), |flags, (flag, _)| {
                flags | *flag
            }),
    }
}

const FLAGS: [(buffers::BufferFlags, u8); 6] = [
    (buffers::BufferFlags::DISCONT, 1),
    (buffers::BufferFlags::DELTA_UNIT, 2),
    (buffers::BufferFlags::HEADER, 4),
    (buffers::BufferFlags::GAP, 8),
    (buffers::BufferFlags::CORRUPTED, 16),
    (buffers::BufferFlags::DROPPABLE, 32),
];

/// The flag for a buffer that does not continue the one before.
pub(crate) const DISCONT: u8 = 1;

/// Timing from a guest.
pub(crate) fn timing_from_guest(timing: buffers::Timing) -> Timing {
    Timing {
        pts: timing.pts,
        dts: timing.dts,
        duration: timing.duration,
        offset: timing.offset,
        offset_end: timing.offset_end,
        flags: Flags(
            FLAGS
                .iter()
                .filter(|(flag, _)| timing.flags.contains(*flag))
                .fold(0, |bits, (_, bit)| bits | bit),
        ),
    }
}

/// A detection for a guest.
pub(crate) fn detection_to_guest(detection: &Detection) -> buffers::Detection {
    buffers::Detection {
        rect: buffers::Rect {
            x: detection.x,
            y: detection.y,
            width: detection.width,
            height: detection.height,
        },
        class_id: detection.class_id,
        label: detection.label.clone(),
        confidence: detection.confidence,
        track_id: detection.track_id,
        keypoints: detection
            .keypoints
            .iter()
            .map(|&Keypoint { x, y, confidence }| buffers::Keypoint { x, y, confidence })
            .collect(),
        mask: detection.mask.as_ref().map(|mask| buffers::Mask {
            width: mask.width,
            height: mask.height,
            cells: mask.cells.to_vec(),
        }),
        classifications: classifications_to_guest(&detection.classifications),
    }
}

/// What classifiers said, for a guest.
pub(crate) fn classifications_to_guest(list: &[Classification]) -> Vec<buffers::Classification> {
    list.iter()
        .map(|class| buffers::Classification {
            class_id: class.class_id,
            label: class.label.clone(),
            confidence: class.confidence,
        })
        .collect()
}

/// What a guest's classifier says; how many it may say the caller checks.
pub(crate) fn classifications_from_guest(
    list: Vec<buffers::Classification>,
) -> Result<Vec<Classification>, String> {
    let checked = |class: buffers::Classification| {
        if !class.confidence.is_finite() {
            return Err(format!(
                "a classification of confidence {}",
                class.confidence
            ));
        }
        Ok(Classification {
            class_id: class.class_id,
            label: checked_label(class.label)?,
            confidence: class.confidence.clamp(0.0, 1.0),
        })
    };
    list.into_iter().map(checked).collect()
}

fn checked_label(label: String) -> Result<String, String> {
    if label.len() > MAX_NAME_BYTES {
        return Err(format!("a label of {} bytes", label.len()));
    }
    sound_text(label)
}

fn keypoints_from_guest(list: Vec<buffers::Keypoint>) -> Result<Vec<Keypoint>, String> {
    if list.len() > MAX_KEYPOINTS {
        let count = list.len();
        return Err(format!("{count} keypoints, of {MAX_KEYPOINTS} at most"));
    }
    let checked = |point: buffers::Keypoint| {
        let buffers::Keypoint { x, y, confidence } = point;
        if ![x, y, confidence].iter().all(|value| value.is_finite()) {
            return Err(format!(
                "a keypoint at ({x}, {y}) of confidence {confidence}"
            ));
        }
        let confidence = confidence.clamp(0.0, 1.0);
        Ok(Keypoint { x, y, confidence })
    };
    list.into_iter().map(checked).collect()
}

fn mask_from_guest(mask: buffers::Mask) -> Result<Mask, String> {
    let buffers::Mask {
        width,
        height,
        cells,
    } = mask;
    let sides = 1..=MAX_MASK_SIDE;
    let fits = sides.contains(&width)
        && sides.contains(&height)
        && cells.len() == width as usize * height as usize;
    if !fits {
        let count = cells.len();
        return Err(format!(
            "a mask of {width}x{height} with {count} cells, of {MAX_MASK_SIDE}x{MAX_MASK_SIDE} at most"
        ));
    }
    let cells = cells.into();
    Ok(Mask {
        width,
        height,
        cells,
    })
}

/// A detection from a guest.
pub(crate) fn detection_from_guest(detection: buffers::Detection) -> Result<Detection, String> {
    let buffers::Rect {
        x,
        y,
        width,
        height,
    } = detection.rect;
    let finite = [x, y, width, height, detection.confidence]
        .iter()
        .all(|value| value.is_finite());
    if !finite || width < 0.0 || height < 0.0 {
        return Err(format!(
            "a detection with rectangle ({x}, {y}, {width}, {height}) and confidence {}",
            detection.confidence
        ));
    }
    if detection.classifications.len() > MAX_OBJECT_CLASSIFICATIONS {
        let count = detection.classifications.len();
        return Err(format!(
            "{count} classifications of an object, of {MAX_OBJECT_CLASSIFICATIONS} at most"
        ));
    }
    Ok(Detection {
        x,
        y,
        width,
        height,
        class_id: detection.class_id,
        label: checked_label(detection.label)?,
        confidence: detection.confidence.clamp(0.0, 1.0),
        track_id: detection.track_id,
        keypoints: keypoints_from_guest(detection.keypoints)?,
        mask: detection.mask.map(mask_from_guest).transpose()?,
        classifications: classifications_from_guest(detection.classifications)?,
    })
}
