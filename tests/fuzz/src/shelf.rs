//! [`Shelf`]: elements by name without any component, so that a graph can be built.

use std::sync::Arc;

use millstream_core::Error;
use millstream_core::element::{
    Descriptor, Direction, Mutability, PadTemplate, Presence, Property, PropertyKind, Value,
};
use millstream_core::graph::Registry;

/// Knows `src`, `pass`, `mix` and `sink`, with a property of each type.
pub struct Shelf;

impl Registry for Shelf {
    fn descriptor(&self, factory: &str) -> Result<Option<Arc<Descriptor>>, Error> {
        let pads: &[(&str, &str)] = match factory {
            "src" => &[("src", "video/x-raw, width=[ 1, 64 ]; image/jpeg")],
            "pass" => &[("sink", "ANY"), ("src", "ANY")],
            "mix" => &[("sink_%u", "video/x-raw"), ("src", "video/x-raw")],
            "sink" => &[("sink", "ANY")],
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Descriptor {
            name: factory.to_owned(),
            class: "Test".to_owned(),
            description: "For the fuzzer".to_owned(),
            author: "Millstream".to_owned(),
            pads: pads.iter().map(|(name, caps)| pad(name, caps)).collect(),
            properties: properties(),
            capabilities: Vec::new(),
            live: false,
            sync: false,
            stateless: factory == "pass",
        })))
    }

    fn names(&self) -> Vec<String> {
        ["src", "pass", "mix", "sink"].map(str::to_owned).into()
    }
}

fn pad(name: &str, caps: &str) -> PadTemplate {
    PadTemplate {
        name: name.to_owned(),
        direction: if name.starts_with("sink") {
            Direction::Sink
        } else {
            Direction::Src
        },
        presence: if name.contains("%u") {
            Presence::Request
        } else {
            Presence::Always
        },
        caps: caps.parse().expect("caps of the target"),
        caps_from_data: false,
    }
}

fn properties() -> Vec<Property> {
    let words = ["smpte", "ball"].map(str::to_owned);
    let float = PropertyKind::Float { min: 0.0, max: 1.0 };
    let time = PropertyKind::Integer {
        min: 0,
        max: i64::MAX,
    };
    [
        ("b", PropertyKind::Boolean, None),
        ("i", PropertyKind::Integer { min: -9, max: 9 }, None),
        ("f", float, Some(Value::Float(0.5))),
        ("t", PropertyKind::Text, None),
        ("w", PropertyKind::Choice(words.into()), None),
        ("r", PropertyKind::Ratio, None),
        ("c", PropertyKind::Caps, None),
        ("n", time, None),
    ]
    .map(|(name, kind, default)| Property {
        name: name.to_owned(),
        description: "for the fuzzer".to_owned(),
        unit: (name == "n").then(|| "ns".to_owned()),
        kind,
        default,
        required: false,
        mutability: Mutability::Construct,
    })
    .into()
}
