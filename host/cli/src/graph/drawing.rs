//! The texts of a picture: boxes with pads, and links with labels.

use millstream_core::caps::{Caps, Fraction, Structure};
use millstream_core::element::{Direction, Role, Value};
use millstream_core::graph::{Element, End, Graph, Kind};
use millstream_core::{LinkPlan, Plan};

/// Most properties that a box shows.
const MAX_PROPERTIES: usize = 5;
/// Longest property that a box shows, in characters.
const MAX_TEXT: usize = 32;

/// What a picture shows.
pub(super) struct Drawing {
    pub(super) name: String,
    pub(super) boxes: Vec<Block>,
    pub(super) links: Vec<Link>,
}

/// An element as a box.
pub(super) struct Block {
    pub(super) name: String,
    pub(super) factory: String,
    /// What the user set: `pattern=ball`.
    pub(super) properties: Vec<String>,
    pub(super) sinks: Vec<String>,
    pub(super) srcs: Vec<String>,
    pub(super) look: Look,
}

/// What tells boxes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Source,
    Filter,
    Sink,
    /// The host's own.
    Host,
}

/// One end of a link: a box and one of its sinks or srcs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) element: usize,
    pub(super) pad: usize,
}

/// A link with what it carries.
pub(super) struct Link {
    pub(super) src: Place,
    pub(super) sink: Place,
    /// `I420 640x480` and `30 fps`; either may be empty.
    pub(super) label: [String; 2],
    /// The caps in full, a media type or field each.
    pub(super) caps: Vec<String>,
}

impl Drawing {
    pub(super) fn new(graph: &Graph, plan: &Plan) -> Self {
        let links = graph
            .links
            .iter()
            .zip(&plan.links)
            .map(|(link, plan)| Link {
                src: place(graph, link.src),
                sink: place(graph, link.sink),
                label: label(plan),
                caps: full(plan),
            });
        Self {
            name: graph.name.clone(),
            links: links.collect(),
            boxes: graph.elements.iter().map(element).collect(),
        }
    }
}

/// The pad's number among those of its direction.
fn place(graph: &Graph, end: End) -> Place {
    let pads = graph
        .elements
        .get(end.element)
        .map_or(&[][..], |element| &element.pads);
    let direction = pads.get(end.pad).map(|pad| pad.direction);
    let before = pads.iter().take(end.pad);
    let pad = before
        .filter(|pad| Some(pad.direction) == direction)
        .count();
    Place {
        element: end.element,
        pad,
    }
}

fn element(element: &Element) -> Block {
    let pads = |direction| {
        let pads = element
            .pads
            .iter()
            .filter(move |pad| pad.direction == direction);
        pads.map(|pad| pad.name.clone()).collect()
    };
    let look = match (&element.kind, element.descriptor.role()) {
        (Kind::Component, Role::Source) => Look::Source,
        (Kind::Component, Role::Filter) => Look::Filter,
        (Kind::Component, Role::Sink) => Look::Sink,
        _ => Look::Host,
    };
    let set: Vec<&String> = element
        .user_set
        .iter()
        .filter(|name| element.property(name).is_some())
        .collect();
    let shown = set.iter().take(MAX_PROPERTIES);
    let mut properties: Vec<String> = shown
        .filter_map(|name| Some(format!("{name}={}", value(element.property(name)?))))
        .map(|text| shorten(&text))
        .collect();
    if set.len() > MAX_PROPERTIES {
        properties.push(format!("… {} more", set.len() - MAX_PROPERTIES));
    }
    Block {
        name: element.name.clone(),
        factory: shorten(&element.factory),
        properties,
        sinks: pads(Direction::Sink),
        srcs: pads(Direction::Src),
        look,
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(value) => value
            .parse()
            .map_or_else(|_| value.clone(), |caps: Caps| caps.brief()),
        Value::Ratio(value) => value.to_string(),
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= MAX_TEXT {
        return text.to_owned();
    }
    text.chars().take(MAX_TEXT - 1).chain(['…']).collect()
}

fn label(link: &LinkPlan) -> [String; 2] {
    let Some(caps) = &link.caps else {
        return ["decided".to_owned(), "by the data".to_owned()];
    };
    let Some(first) = caps.first() else {
        return ["bytes".to_owned(), String::new()];
    };
    let size = match (first.int("width"), first.int("height")) {
        (Some(width), Some(height)) => format!("{width}x{height}"),
        _ => String::new(),
    };
    let fps = first.fraction("framerate").map_or_else(String::new, rate);
    let join = |a: &str, b: &str| format!("{a} {b}").trim().to_owned();
    match first.string("format") {
        Some(format) if first.name == "video/x-raw" => [join(format, &size), fps],
        _ => [shorten(&first.name), join(&size, &fps)],
    }
}

fn rate(rate: Fraction) -> String {
    match (rate.numerator, rate.denominator) {
        (0, _) => "variable rate".to_owned(),
        (fps, 1) => format!("{fps} fps"),
        _ => format!("{rate} fps"),
    }
}

fn full(link: &LinkPlan) -> Vec<String> {
    match &link.caps {
        None => vec![format!(
            "decided by the data, within {}",
            link.accepts.brief()
        )],
        Some(caps) => match caps.first() {
            None => vec!["bytes without a format".to_owned()],
            Some(first) => fields(first),
        },
    }
}

fn fields(structure: &Structure) -> Vec<String> {
    let mut lines = vec![structure.name.clone()];
    if !structure.features.is_system_memory() {
        lines.push(format!("({})", structure.features));
    }
    lines.extend(
        structure
            .fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    lines
}
