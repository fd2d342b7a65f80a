//! Elements for machines.

use std::sync::Arc;

use millstream_core::element::{
    Direction, Mutability, PadTemplate, Presence, Property, PropertyKind,
};
use millstream_runtime::{Loaded, Origin};
use serde_json::{Value as Json, json};

use super::{base_properties, role};
use crate::json::value;

/// All that is known of one element.
pub(super) fn element(loaded: &Loaded) -> String {
    let descriptor = &loaded.descriptor;
    let mut json = brief(loaded);
    if let Some(object) = json.as_object_mut() {
        let pads: Vec<Json> = descriptor.pads.iter().map(pad).collect();
        let own: Vec<Json> = descriptor.properties.iter().map(property).collect();
        let base: Vec<Json> = base_properties(loaded).iter().map(property).collect();
        object.insert("author".to_owned(), json!(descriptor.author));
        object.insert("live".to_owned(), json!(descriptor.live));
        object.insert("pads".to_owned(), Json::Array(pads));
        object.insert("properties".to_owned(), Json::Array(own));
        object.insert("host-properties".to_owned(), Json::Array(base));
        object.insert("imports".to_owned(), json!(loaded.imports));
        object.insert("size".to_owned(), json!(loaded.size));
    }
    format!("{json:#}\n")
}

/// One element of a list.
pub(super) fn line(loaded: &Arc<Loaded>) -> String {
    format!("{}\n", brief(loaded))
}

fn brief(loaded: &Loaded) -> Json {
    let descriptor = &loaded.descriptor;
    let capabilities: Vec<&str> = descriptor
        .capabilities
        .iter()
        .map(|it| it.as_str())
        .collect();
    let digest = (loaded.origin != Origin::Host).then(|| format!("sha256:{}", loaded.digest));
    json!({
        "name": descriptor.name,
        "role": role(descriptor.role()),
        "class": descriptor.class,
        "description": descriptor.description,
        "capabilities": capabilities,
        "origin": loaded.origin.to_string(),
        "digest": digest,
    })
}

fn pad(pad: &PadTemplate) -> Json {
    json!({
        "name": pad.name,
        "direction": match pad.direction {
            Direction::Sink => "sink",
            Direction::Src => "src",
        },
        "presence": match pad.presence {
            Presence::Always => "always",
            Presence::Request => "request",
        },
        "caps": pad.caps.to_string(),
        "caps-from-data": pad.caps_from_data,
    })
}

fn property(property: &Property) -> Json {
    let mut json = json!({
        "name": property.name,
        "description": property.description,
        "default": property.default.as_ref().map(value),
        "required": property.required,
        "unit": property.unit,
        "mutable": match property.mutability {
            Mutability::Construct => "construct",
            Mutability::Playing => "playing",
        },
    });
    if let Some(object) = json.as_object_mut() {
        let (word, limits) = kind(&property.kind);
        object.insert("type".to_owned(), json!(word));
        for (name, limit) in limits {
            object.insert(name.to_owned(), limit);
        }
    }
    json
}

/// A type's word, and what its values may be.
fn kind(kind: &PropertyKind) -> (&'static str, Vec<(&'static str, Json)>) {
    match kind {
        PropertyKind::Boolean => ("boolean", Vec::new()),
        PropertyKind::Integer { min, max } => {
            ("integer", vec![("min", json!(min)), ("max", json!(max))])
        }
        PropertyKind::Float { min, max } => {
            ("float", vec![("min", json!(min)), ("max", json!(max))])
        }
        PropertyKind::Text => ("text", Vec::new()),
        PropertyKind::Choice(words) => ("choice", vec![("choices", json!(words))]),
        PropertyKind::Ratio => ("fraction", Vec::new()),
        PropertyKind::Caps => ("caps", Vec::new()),
        PropertyKind::FileToRead => ("file-to-read", Vec::new()),
        PropertyKind::FileToWrite => ("file-to-write", Vec::new()),
        PropertyKind::Model => ("model", Vec::new()),
    }
}
