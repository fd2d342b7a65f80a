//! A small registry and oracle: elements that behave as the real ones, without
//! any component.

use std::sync::Arc;

use crate::caps::{Caps, Fraction};
use crate::element::{
    Descriptor, Direction, Mutability, PadTemplate, Presence, Property, PropertyKind, Value,
};
use crate::graph::{Graph, Registry};
use crate::{Error, Oracle, Plan, launch, manifest};

pub(crate) const RAW: &str = "video/x-raw, format={ I420, NV12, YUY2, RGB, BGRx }, \
    width=[ 1, 16384 ], height=[ 1, 16384 ], framerate=[ 0/1, max ]";
const RGB: &str = "video/x-raw, format=RGB, width=[ 16, 4096 ], height=[ 16, 4096 ]";
const CAMERA: &str = "image/jpeg, width=1280, height=720, framerate=30/1; \
    video/x-raw, format=YUY2, width=[ 16, 4096 ], height=[ 16, 4096 ], framerate=30/1";

/// Knows the elements below.
pub(crate) struct Shelf;

impl Registry for Shelf {
    fn descriptor(&self, factory: &str) -> Result<Option<Arc<Descriptor>>, Error> {
        if factory.ends_with("broken.wasm") {
            let message = "not a component".to_owned();
            return Err(Error::Element {
                element: factory.to_owned(),
                message,
                hint: None,
            });
        }
        let name = if factory == "./my.wasm" {
            "identity"
        } else {
            factory
        };
        Ok(all()
            .into_iter()
            .find(|known| known.name == name)
            .map(Arc::new))
    }

    fn names(&self) -> Vec<String> {
        all().into_iter().map(|known| known.name).collect()
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
        caps: caps.parse().unwrap(),
        caps_from_data: false,
    }
}

fn property(name: &str, kind: PropertyKind, default: Option<Value>) -> Property {
    Property {
        name: name.to_owned(),
        description: format!("the {name}"),
        required: default.is_none(),
        kind,
        default,
        unit: None,
        mutability: Mutability::Construct,
    }
}

fn element(name: &str, pads: &[PadTemplate], properties: &[Property]) -> Descriptor {
    Descriptor {
        name: name.to_owned(),
        class: "Test".to_owned(),
        description: "For tests".to_owned(),
        author: "Tests".to_owned(),
        pads: pads.to_vec(),
        properties: properties.to_vec(),
        capabilities: Vec::new(),
        live: false,
        sync: name == "windowsink",
        stateless: name == "videoconvert",
    }
}

fn all() -> Vec<Descriptor> {
    [ends(), filters()].concat()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Sources and sinks.
fn ends() -> Vec<Descriptor> {
    let words = ["smpte", "snow", "black", "ball"].map(str::to_owned);
    let pattern = PropertyKind::Choice(words.into());
    let index = PropertyKind::Integer { min: 0, max: 63 };
    let live = Some(Value::Boolean(false));
    vec![
        element(
            "videotestsrc",
            &[pad("src", RAW)],
            &[
                property("pattern", pattern, Some(text("smpte"))),
                property("is-live", PropertyKind::Boolean, live),
            ],
        ),
        element(
            "filesrc",
            &[pad("src", "ANY")],
            &[property("location", PropertyKind::FileToRead, None)],
        ),
        element(
            "camerasrc",
            &[pad("src", CAMERA)],
            &[property("device", index, Some(Value::Integer(0)))],
        ),
        element("cheat", &[pad("src", RAW)], &[]),
        element("fakesink", &[pad("sink", "ANY")], &[]),
        element(
            "windowsink",
            &[pad("sink", "video/x-raw, format=BGRx")],
            &[],
        ),
    ]
}

fn filters() -> Vec<Descriptor> {
    let both = |caps| [pad("sink", caps), pad("src", caps)];
    let mut from_data = pad("src", "video/x-raw");
    from_data.caps_from_data = true;
    let float = PropertyKind::Float { min: 0.0, max: 1.0 };
    let time = PropertyKind::Integer {
        min: 0,
        max: 10_000_000_000,
    };
    let mut nanos = property("sleep-time", time, Some(Value::Integer(0)));
    nanos.unit = Some("ns".to_owned());
    let rate = Some(Value::Ratio(Fraction::new(30, 1)));
    vec![
        element("videoconvert", &both(RAW), &[]),
        element("videoscale", &both(RAW), &[]),
        element("videorate", &both(RAW), &[]),
        element("identity", &both("ANY"), &[nanos]),
        element("jpegdec", &[pad("sink", "image/jpeg"), from_data], &[]),
        element(
            "objectdetector",
            &both(RGB),
            &[
                property("model", PropertyKind::Model, None),
                property("threshold", float, Some(Value::Float(0.5))),
            ],
        ),
        element(
            "mixer",
            &[pad("sink_%u", RAW), pad("src", RAW)],
            &[
                property("rate", PropertyKind::Ratio, rate),
                property("limit", PropertyKind::Caps, Some(text("ANY"))),
            ],
        ),
    ]
}

/// Answers as the elements would.
pub(crate) struct Answers<'a>(pub(crate) &'a Graph);

impl Oracle for Answers<'_> {
    fn pad_caps(&mut self, element: usize, pad: usize) -> Result<Caps, Error> {
        Ok(self.0.pad(element, pad).unwrap().caps.clone())
    }

    fn transform_caps(
        &mut self,
        element: usize,
        _: usize,
        caps: &Caps,
        _: usize,
    ) -> Result<Caps, Error> {
        let free: &[&str] = match self.0.elements[element].factory.as_str() {
            "videoconvert" => &["format"],
            "videoscale" => &["width", "height", "pixel-aspect-ratio"],
            "videorate" => &["framerate"],
            _ => &[],
        };
        if caps.is_any() {
            return Ok(Caps::any());
        }
        let mut all = caps.structures().to_vec();
        for one in &mut all {
            for field in free {
                one.remove(field);
            }
        }
        Ok(caps.union(&Caps::new(all)))
    }

    fn fixate_caps(
        &mut self,
        element: usize,
        _: usize,
        caps: &Caps,
        sink: Option<&Caps>,
    ) -> Result<Caps, Error> {
        if self.0.elements[element].factory == "cheat" {
            return Ok("video/x-raw, format=GRAY8".parse().unwrap());
        }
        let mut one = caps.structures()[0].clone();
        let input = sink.and_then(|sink| sink.first());
        let near = |name: &str, default| input.and_then(|sink| sink.int(name)).unwrap_or(default);
        one.fixate_nearest_int("width", near("width", 320));
        one.fixate_nearest_int("height", near("height", 240));
        one.fixate_nearest_fraction("framerate", Fraction::new(30, 1));
        Ok(one.into())
    }
}

/// Text to graph: a manifest if it has a table, else a launch line.
pub(crate) fn graph(text: &str) -> Result<Graph, Error> {
    let description = if text.contains("[pipeline]") || text.contains("[[") {
        manifest::parse(text, "cam.toml")?.description
    } else {
        launch::parse(text)?
    };
    Graph::build(&description, &Shelf)
}

/// Text to plan.
pub(crate) fn plan(text: &str) -> Result<(Graph, Plan), Error> {
    let graph = graph(text)?;
    let plan = crate::negotiate::negotiate(&graph, &mut Answers(&graph))?;
    Ok((graph, plan))
}
