//! Several instances in the place of one element.
//!
//! ```text
//! ─► x ─►   becomes   ─► x-scatter ─┬─► x   ─┬─► x-gather ─►
//!                                   ├─► x-1 ─┤
//!                                   └─► x-2 ─┘
//! ```

use std::sync::Arc;

use super::super::builtin;
use super::build::always_pads;
use super::wire::Slot;
use super::{Base, Element, End, Graph, Kind, Policy};
use crate::element::{Descriptor, Direction};

/// Puts `parallel` instances in the place of each element that shall have more than one.
pub(super) fn expand(graph: &mut Graph) {
    for index in 0..graph.elements.len() {
        let element = graph.elements.get(index);
        if let Some(element) = element.filter(|it| it.base.parallel > 1).cloned() {
            one(graph, index, &element);
        }
    }
}

fn one(graph: &mut Graph, index: usize, element: &Element) {
    let pad = |direction| element.linked(direction).next();
    let (Some(sink), Some(src)) = (pad(Direction::Sink), pad(Direction::Src)) else {
        return;
    };
    let link = |pad: usize| element.pads.get(pad).and_then(|pad| pad.link);
    let scatter = graph.add(host(graph, element, Kind::Scatter, builtin::scatter()));
    let gather = graph.add(host(graph, element, Kind::Gather, builtin::gather()));
    // Both have one pad that is always there.
    for (pad, host) in [(sink, scatter), (src, gather)] {
        let Some(link) = link(pad) else { continue };
        graph.fill(host, Slot::Pad(0), link);
        if let Some(link) = graph.links.get_mut(link) {
            let end = End {
                element: host,
                pad: 0,
            };
            *(if pad == sink {
                &mut link.sink
            } else {
                &mut link.src
            }) = end;
        }
    }
    for number in 0..element.base.parallel {
        let instance = if number == 0 {
            index
        } else {
            let name = graph.fresh(&element.name, &number.to_string());
            let twin_of = Some(element.name.clone());
            graph.add(Element {
                name,
                twin_of,
                ..element.clone()
            })
        };
        graph.join((scatter, Slot::Template(1)), (instance, Slot::Pad(sink)));
        graph.join((instance, Slot::Pad(src)), (gather, Slot::Template(0)));
    }
}

/// One of the two that stand around the instances.
fn host(graph: &Graph, element: &Element, kind: Kind, descriptor: Descriptor) -> Element {
    Element {
        name: graph.fresh(&element.name, &descriptor.name),
        factory: descriptor.name.clone(),
        kind,
        properties: Vec::new(),
        user_set: Vec::new(),
        base: Base::default(),
        pads: always_pads(&descriptor),
        policy: Policy::default(),
        twin_of: None,
        span: element.span,
        descriptor: Arc::new(descriptor),
    }
}

impl Graph {
    fn add(&mut self, element: Element) -> usize {
        self.elements.push(element);
        self.elements.len() - 1
    }

    /// A name that no element has.
    fn fresh(&self, name: &str, suffix: &str) -> String {
        let mut fresh = format!("{name}-{suffix}");
        while self.find(&fresh).is_some() {
            fresh.push('-');
        }
        fresh
    }

    fn join(&mut self, src: (usize, Slot), sink: (usize, Slot)) {
        let link = self.links.len();
        let [src, sink] = [src, sink].map(|(element, slot)| End {
            element,
            pad: self.fill(element, slot, link),
        });
        let span = self.elements.get(src.element).and_then(|it| it.span);
        self.links.push(super::Link { src, sink, span });
    }
}
