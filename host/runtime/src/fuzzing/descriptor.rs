//! Descriptors as a guest could return them.

use std::sync::Arc;

use millstream_core::element::Descriptor;
use millstream_core::graph::{Graph, Registry};
use millstream_core::{Error, builtin, launch};

use super::reader::Reader;
use crate::element::bindings::{guest, types};
use crate::element::convert;
use crate::element::found::Origin;
use crate::element::registry::Loaded;

const NAMES: [&str; 12] = [
    "a", "sink", "src", "sink_%u", "src_%u", "pattern", "sync", "", "%u%u", "a b", "-", "name",
];
const TEXTS: [&str; 8] = [
    "Filter/Effect/Video",
    "",
    "Inverts colours",
    "a\nb\n\n",
    "\u{1b}[31mred\u{7}",
    "\u{202e}\u{0}",
    "ns",
    "| a | b |",
];
const CAPS: [&str; 8] = [
    "ANY",
    "EMPTY",
    "video/x-raw, format={ RGB, I420 }, width=[ 1, 64 ]",
    "video/x-raw, framerate=[ 0/1, max ]",
    "image/jpeg; video/x-raw",
    "video/x-raw, width=[ 5, 1 ]",
    "video/x-raw, format=\"",
    "",
];
/// What an operator could write of it.
const LINES: [&str; 4] = [
    "x name=one ! x name=two",
    "x a=1 pattern=a sync=true",
    "x name=x ! video/x-raw ! tee ! queue ! x.",
    "videotestsrc ! x a=\"\" ! fakesink",
];

/// What `inspect` would have of an element that answers so; none if it is refused.
///
/// # Panics
/// When something is refused without words.
pub fn descriptor(bytes: &[u8]) -> Option<Loaded> {
    let mut reader = Reader(bytes);
    let line = reader.choose(&LINES);
    let descriptor = match convert::descriptor_from_guest(from_bytes(&mut reader)) {
        Ok(descriptor) => Arc::new(descriptor),
        Err(why) => {
            assert!(!why.trim().is_empty());
            return None;
        }
    };
    let graph = launch::parse(line).and_then(|line| Graph::build(&line, &Shelf(&descriptor)));
    if let Err(error) = graph {
        assert!(!error.render().trim().is_empty());
        assert!(error.hint().is_none_or(|hint| !hint.trim().is_empty()));
    }
    Some(Loaded {
        descriptor,
        digest: String::new(),
        size: bytes.len(),
        origin: Origin::Carried,
        imports: Vec::new(),
        component: None,
    })
}

/// Any name is that element, but for the host's own.
struct Shelf<'a>(&'a Arc<Descriptor>);

impl Registry for Shelf<'_> {
    fn descriptor(&self, factory: &str) -> Result<Option<Arc<Descriptor>>, Error> {
        let own = builtin::all().into_iter().find(|it| it.name == factory);
        Ok(Some(own.unwrap_or_else(|| self.0.clone())))
    }

    fn names(&self) -> Vec<String> {
        vec![self.0.name.clone()]
    }
}

fn from_bytes(reader: &mut Reader<'_>) -> guest::Descriptor {
    guest::Descriptor {
        name: reader.text(&NAMES),
        class: reader.text(&TEXTS),
        description: reader.text(&TEXTS),
        author: reader.text(&TEXTS),
        pads: reader.list(pad),
        properties: reader.list(property),
        capabilities: reader.list(capability),
        live: reader.flag(),
        sync: reader.flag(),
        stateless: reader.flag(),
    }
}

fn pad(reader: &mut Reader<'_>) -> guest::PadTemplate {
    guest::PadTemplate {
        name: reader.text(&NAMES),
        direction: if reader.flag() {
            types::Direction::Src
        } else {
            types::Direction::Sink
        },
        presence: if reader.flag() {
            guest::Presence::Request
        } else {
            guest::Presence::Always
        },
        caps: reader.text(&CAPS),
        caps_from_data: reader.flag(),
    }
}

fn property(reader: &mut Reader<'_>) -> guest::Property {
    let range = |reader: &mut Reader<'_>| (reader.long().cast_signed(), reader.long() as i64);
    let kind = match reader.byte() % 10 {
        0 => guest::PropertyKind::Boolean,
        1 => {
            let (min, max) = range(reader);
            guest::PropertyKind::Integer(guest::IntegerRange { min, max })
        }
        2 => guest::PropertyKind::Float(guest::FloatRange {
            min: reader.float(),
            max: reader.float(),
        }),
        3 => guest::PropertyKind::Text,
        4 => guest::PropertyKind::Choice(reader.list(|reader| reader.text(&NAMES))),
        5 => guest::PropertyKind::Ratio,
        6 => guest::PropertyKind::Caps,
        7 => guest::PropertyKind::FileToRead,
        8 => guest::PropertyKind::FileToWrite,
        _ => guest::PropertyKind::Model,
    };
    guest::Property {
        name: reader.text(&NAMES),
        description: reader.text(&TEXTS),
        kind,
        default: reader.flag().then(|| value(reader)),
        required: reader.flag(),
        unit: reader.flag().then(|| reader.text(&TEXTS)),
        mutability: if reader.flag() {
            guest::Mutability::Playing
        } else {
            guest::Mutability::Construct
        },
    }
}

fn value(reader: &mut Reader<'_>) -> types::Value {
    match reader.byte() % 5 {
        0 => types::Value::Boolean(reader.flag()),
        1 => types::Value::Integer(reader.long() as i64),
        2 => types::Value::Float(reader.float()),
        3 => types::Value::Text(reader.text(&CAPS)),
        _ => types::Value::Ratio(types::Fraction {
            numerator: reader.long() as i32,
            denominator: reader.long() as i32,
        }),
    }
}

fn capability(reader: &mut Reader<'_>) -> guest::Capability {
    match reader.byte() % 5 {
        0 => guest::Capability::Camera,
        1 => guest::Capability::Display,
        2 => guest::Capability::Inference,
        3 => guest::Capability::FilesRead,
        _ => guest::Capability::FilesWrite,
    }
}
