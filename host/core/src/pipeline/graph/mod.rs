//! Elements, pads and links, checked: what the runtime builds.
//!
//! `build` makes elements of their texts, `wire` gives each link its pads, `check`
//! looks at the whole, and `parallel` puts several instances in one element's place.

mod build;
mod check;
mod wire;
mod parallel;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Description, Policy};
use crate::caps::Caps;
use crate::element::{Descriptor, Direction, PadTemplate, PropertyKind, Value};
use crate::error::At;
use crate::source::{Source, Span};
use crate::{Error, queue};

/// Knows elements by name.
pub trait Registry {
    /// What is known of an element, by its factory's name or a component's path;
    /// none if there is no such factory.
    fn descriptor(&self, factory: &str) -> Result<Option<Arc<Descriptor>>, Error>;
    /// All factories, for hints.
    fn names(&self) -> Vec<String>;
}

/// A checked pipeline: every name is resolved, every pad is linked.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// The pipeline's name.
    pub name: String,
    /// In the order of the text, and behind them what `parallel` adds.
    pub elements: Vec<Element>,
    /// The same.
    pub links: Vec<Link>,
    /// The text, for errors found later.
    pub source: Source,
    /// Names that the registry knew, for hints.
    pub known: Vec<String>,
}

/// An element with its pads.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// Unique in the pipeline.
    pub name: String,
    /// As the text names it: a name, or a component's path.
    pub factory: String,
    /// Who runs it.
    pub kind: Kind,
    /// What is known of it.
    pub descriptor: Arc<Descriptor>,
    /// Each of its own properties that has a value, defaults included, of the right
    /// type and in range.
    pub properties: Vec<(String, Value)>,
    /// Names of the properties that the user set.
    pub user_set: Vec<String>,
    /// What the host does for it.
    pub base: Base,
    /// Always pads first, then requested ones.
    pub pads: Vec<Pad>,
    /// What it may do and what happens when it fails.
    pub policy: Policy,
    /// The element of the text that it is one more instance of, by name.
    pub twin_of: Option<String>,
    /// Where it stands in the text.
    pub span: Option<Span>,
}

/// Who runs an element.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A component.
    Component,
    /// The host: `queue`.
    Queue(queue::Settings),
    /// The host: `tee`.
    Tee,
    /// The host: `capsfilter` with these caps.
    CapsFilter(Caps),
    /// The host: `funnel`.
    Funnel,
    /// The host: `valve`.
    Valve {
        /// Whether it drops everything.
        drop: bool,
    },
    /// The host: buffers to instances of one element in turn.
    Scatter,
    /// The host: what they made, in order.
    Gather,
}

/// What the host does for every source and every sink, as GStreamer's base classes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Base {
    /// Sources: buffers before end of stream; none: no limit.
    pub num_buffers: Option<u64>,
    /// Sources: stamp buffers with the running time.
    pub do_timestamp: bool,
    /// Sinks: wait for each buffer's time.
    pub sync: bool,
    /// Sinks: drop buffers later than this; none: never.
    pub max_lateness_nanos: Option<u64>,
    /// Sinks: added to each buffer's time.
    pub ts_offset_nanos: i64,
    /// Post statistics on the bus at the end.
    pub stats: bool,
    /// Sources: of their thread.
    pub priority: queue::Priority,
    /// Filters: instances that take turns, at least 1.
    pub parallel: usize,
}

/// A pad of an element.
#[derive(Debug, Clone, PartialEq)]
pub struct Pad {
    /// `sink`, `src_0` …
    pub name: String,
    /// Index into the descriptor's templates.
    pub template: usize,
    /// Which way it faces.
    pub direction: Direction,
    /// Index of its link; each pad has one once the graph is built.
    pub link: Option<usize>,
    /// Its template's caps.
    pub caps: Caps,
}

/// A link between two pads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where buffers come from.
    pub src: End,
    /// Where they go.
    pub sink: End,
    /// Where it stands in the text.
    pub span: Option<Span>,
}

/// One end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct End {
    /// Index into the graph's elements.
    pub element: usize,
    /// Index into the element's pads.
    pub pad: usize,
}

impl Graph {
    /// Builds a graph of a description, and checks it: names, pads, properties,
    /// links.
    pub fn build(description: &Description, registry: &dyn Registry) -> Result<Self, Error> {
        let source = &description.source;
        if description.elements.is_empty() {
            let place = Some(Box::new(source.place(Span::new(0, 0))));
            return Err(Error::Empty { place });
        }
        let elements = build::elements(description, registry)?;
        let mut graph = Self {
            name: description.name.clone(),
            elements,
            links: Vec::with_capacity(description.links.len()),
            source: source.clone(),
            known: registry.names(),
        };
        wire::links(&mut graph, description)?;
        check::all(&graph)?;
        parallel::expand(&mut graph);
        Ok(graph)
    }

    /// The elements in an order in which each stands behind all that feed it.
    pub fn topological(&self) -> Vec<usize> {
        check::order(self)
    }

    /// The other end of a pad's link.
    pub fn peer(&self, element: usize, pad: usize) -> Option<End> {
        let pad = self.pad(element, pad)?;
        let link = self.links.get(pad.link?)?;
        Some(match pad.direction {
            Direction::Src => link.sink,
            Direction::Sink => link.src,
        })
    }

    /// A pad.
    pub fn pad(&self, element: usize, pad: usize) -> Option<&Pad> {
        self.elements.get(element)?.pads.get(pad)
    }

    /// The index of the element of that name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.elements
            .iter()
            .position(|element| element.name == name)
    }

    /// `cam.src`, for messages.
    pub fn pad_name(&self, end: End) -> String {
        match (
            self.elements.get(end.element),
            self.pad(end.element, end.pad),
        ) {
            (Some(element), Some(pad)) => format!("{}.{}", element.name, pad.name),
            _ => "?".to_owned(),
        }
    }

    /// Where a stretch of the text stands.
    pub(crate) fn place(&self, span: Option<Span>) -> At {
        span.map(|span| Box::new(self.source.place(span)))
    }
}

impl Element {
    /// The models that its properties name.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        let is_model = |name: &str| {
            let property = self.descriptor.property(name);
            property.is_some_and(|it| it.kind == PropertyKind::Model)
        };
        let properties = self.properties.iter();
        properties.filter_map(move |(name, value)| match value {
            Value::Text(text) if is_model(name) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The template of one of its pads.
    pub fn template(&self, pad: usize) -> Option<&PadTemplate> {
        self.descriptor.pads.get(self.pads.get(pad)?.template)
    }

    /// Indices of its linked pads of one direction.
    pub fn linked(&self, direction: Direction) -> impl Iterator<Item = usize> + '_ {
        let linked = move |pad: &Pad| pad.direction == direction && pad.link.is_some();
        self.pads
            .iter()
            .enumerate()
            .filter(move |(_, pad)| linked(pad))
            .map(|(index, _)| index)
    }

    /// The value of one of its properties.
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.properties
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}
