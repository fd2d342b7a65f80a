//! One element for people.

use millstream_core::caps::Caps;
use millstream_core::element::{
    Descriptor, Direction, Mutability, PadTemplate, Presence, Property, PropertyKind, Value,
};
use millstream_runtime::{Loaded, Origin};

use super::{base_properties, role};
use crate::human::{self, Align};

pub(super) fn element(loaded: &Loaded) -> String {
    let descriptor = &loaded.descriptor;
    let mut out = section("Factory Details", &facts(loaded));
    out += &section("Pad Templates", &pads(&descriptor.pads));
    out += &section("Element Properties", &properties(&descriptor.properties));
    out += &section(
        "Properties of the host",
        &properties(&base_properties(loaded)),
    );
    out += &section("Capabilities", &capabilities(descriptor));
    if loaded.origin != Origin::Host {
        out += &section("Imports", &indent(&loaded.imports.join("\n")));
    }
    out.trim_end().to_owned() + "\n"
}

/// A heading and what stands under it; nothing if there is nothing.
fn section(title: &str, text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("{title}:\n{text}\n")
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

fn facts(loaded: &Loaded) -> String {
    let descriptor = &loaded.descriptor;
    let mut facts = vec![
        ("Name", descriptor.name.clone()),
        ("Role", role(descriptor.role()).to_owned()),
        ("Class", descriptor.class.clone()),
        ("Description", descriptor.description.clone()),
        ("Author", descriptor.author.clone()),
        ("Origin", loaded.origin.to_string()),
    ];
    if loaded.origin != Origin::Host {
        facts.push(("Digest", format!("sha256:{}", loaded.digest)));
        facts.push(("Size", format!("{} bytes", loaded.size)));
    }
    if descriptor.live {
        facts.push(("Live", "yes, its data comes in real time".to_owned()));
    }
    let rows: Vec<_> = facts
        .into_iter()
        .map(|(name, text)| vec![name.to_owned(), text])
        .collect();
    indent(&human::table(&rows, &[Align::Left]))
}

fn pads(pads: &[PadTemplate]) -> String {
    pads.iter().map(pad).collect()
}

fn pad(pad: &PadTemplate) -> String {
    let direction = match pad.direction {
        Direction::Sink => "SINK",
        Direction::Src => "SRC",
    };
    let availability = match pad.presence {
        Presence::Always => "Always",
        Presence::Request => "On request",
    };
    let from_data = if pad.caps_from_data {
        "    Decided by the data, within\n"
    } else {
        ""
    };
    format!(
        "  {direction} template: '{}'\n    Availability: {availability}\n    Capabilities:\n{from_data}{}",
        pad.name,
        caps(&pad.caps)
    )
}

/// A media type a line, and a field a line below it.
fn caps(caps: &Caps) -> String {
    if caps.is_any() || caps.is_empty() {
        return format!("      {caps}\n");
    }
    let mut out = String::new();
    for structure in caps.structures() {
        out += &format!("      {}", structure.name);
        if !structure.features.is_system_memory() {
            out += &format!("({})", structure.features);
        }
        out.push('\n');
        for (name, value) in &structure.fields {
            out += &format!("{name:>22}: {value}\n");
        }
    }
    out
}

fn properties(properties: &[Property]) -> String {
    properties.iter().map(property).collect()
}

fn property(property: &Property) -> String {
    const BELOW: &str = "                        ";
    let mut kind = kind(&property.kind);
    if let Some(unit) = &property.unit {
        kind += &format!(" Unit: {unit}.");
    }
    kind += &match (&property.default, property.required) {
        (Some(default), _) => format!(" Default: {}", value(default)),
        (None, true) => " Required".to_owned(),
        (None, false) => " Default: unset".to_owned(),
    };
    let when = match property.mutability {
        Mutability::Construct => "set before the start",
        Mutability::Playing => "set at any time",
    };
    format!(
        "  {:<20}: {}\n{BELOW}{kind}\n{BELOW}{when}\n",
        property.name, property.description
    )
}

fn kind(kind: &PropertyKind) -> String {
    match kind {
        PropertyKind::Boolean => "Boolean.".to_owned(),
        PropertyKind::Integer { min, max } => format!("Integer. Range: {min} - {max}."),
        PropertyKind::Float { min, max } => format!("Float. Range: {min} - {max}."),
        PropertyKind::Text => "Text.".to_owned(),
        PropertyKind::Choice(words) => format!("Choice: {}.", words.join(", ")),
        PropertyKind::Ratio => "Fraction.".to_owned(),
        PropertyKind::Caps => "Caps.".to_owned(),
        PropertyKind::FileToRead => "File to read.".to_owned(),
        PropertyKind::FileToWrite => "File to write.".to_owned(),
        PropertyKind::Model => "Model.".to_owned(),
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::Text(value) => format!("\"{value}\""),
        Value::Ratio(value) => value.to_string(),
    }
}

fn capabilities(descriptor: &Descriptor) -> String {
    if descriptor.capabilities.is_empty() {
        return "  none\n".to_owned();
    }
    descriptor
        .capabilities
        .iter()
        .map(|it| format!("  {}\n", it.as_str()))
        .collect()
}
