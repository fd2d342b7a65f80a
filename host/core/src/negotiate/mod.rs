//! Which caps each link gets.
//!
//! Back to front, each link learns what its sink end and everything behind it
//! accepts; front to back, sources offer, and each element picks among what is
//! left. Elements are asked through an [`Oracle`]; what they answer is checked.
//!
//! ```text
//!   videotestsrc ──────> videoconvert ──────> detector
//!   pad-caps ∩ accepts   accepts = transform   accepts = pad-caps
//!   then fixate          back, then forward    ∩ template
//! ```

mod back;
pub(crate) mod explain;
mod forward;

#[cfg(test)]
mod tests;

use crate::Error;
use crate::caps::Caps;
use crate::element::Direction;
use crate::graph::{Element, Graph, Kind};

/// What only an element itself can say about its caps. Asked for components only;
/// the host's own elements follow fixed rules.
pub trait Oracle {
    /// What a pad could carry now: a subset of its template's caps.
    fn pad_caps(&mut self, element: usize, pad: usize) -> Result<Caps, Error>;

    /// What the pad `to` could carry if the pad `given` carried `caps`, without
    /// regard to templates, the preferred first.
    fn transform_caps(
        &mut self,
        element: usize,
        given: usize,
        caps: &Caps,
        to: usize,
    ) -> Result<Caps, Error>;

    /// Picks among the caps that a src pad could still get; may leave fields open.
    /// `sink` is what the sink pad has, if there is one. Who cannot ask the
    /// element (it is in a call) answers with `caps`.
    fn fixate_caps(
        &mut self,
        element: usize,
        pad: usize,
        caps: &Caps,
        sink: Option<&Caps>,
    ) -> Result<Caps, Error>;
}

/// What is known of all links before the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One for each of the graph's links, in the same order.
    pub links: Vec<LinkPlan>,
}

/// What is known of one link before the start.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkPlan {
    /// What the sink end and everything behind it can take.
    pub accepts: Caps,
    /// Fixed caps; or `ANY` for bytes without a format (a file's), whose buffers
    /// flow without `set-caps`; or none where the data decides.
    pub caps: Option<Caps>,
}

impl Plan {
    fn accepts(&self, link: usize) -> Caps {
        self.links
            .get(link)
            .map_or_else(Caps::any, |link| link.accepts.clone())
    }

    fn settle(&mut self, link: Option<usize>, caps: Caps) {
        if let Some(plan) = link.and_then(|link| self.links.get_mut(link)) {
            plan.caps = Some(caps);
        }
    }
}

/// Decides the caps of all links that do not depend on data.
pub fn negotiate(graph: &Graph, oracle: &mut dyn Oracle) -> Result<Plan, Error> {
    let accepts = back::accepts(graph, oracle)?;
    let links = accepts.into_iter().map(|accepts| LinkPlan {
        accepts,
        caps: None,
    });
    let mut plan = Plan {
        links: links.collect(),
    };
    for index in graph.topological() {
        let Some(element) = graph.elements.get(index) else {
            continue;
        };
        for (pad, caps) in settled(graph, &plan, (index, element), oracle)? {
            plan.settle(graph.pad(index, pad).and_then(|pad| pad.link), caps);
        }
    }
    Ok(plan)
}

/// The caps of an element's src pads, as far as its sink pads tell before the
/// start.
fn settled(
    graph: &Graph,
    plan: &Plan,
    (index, element): (usize, &Element),
    oracle: &mut dyn Oracle,
) -> Result<Vec<(usize, Caps)>, Error> {
    let arrived = |pad: usize| {
        let link = graph.pad(index, pad)?.link?;
        plan.links.get(link)?.caps.as_ref()
    };
    let mut sinks = element.linked(Direction::Sink).peekable();
    if sinks.peek().is_none() {
        return forward::source(graph, plan, index, oracle);
    }
    let mut out: Vec<(usize, Caps)> = Vec::new();
    let mut same = true;
    for pad in sinks {
        let Some(caps) = arrived(pad) else {
            same = false;
            continue;
        };
        let settled = propagate(graph, plan, index, pad, caps, oracle)?;
        if out.is_empty() {
            out = settled;
        } else if out != settled {
            same = false;
        }
    }
    // What leaves a funnel changes with the stream that arrived last.
    if matches!(element.kind, Kind::Funnel | Kind::Gather) && !same {
        out.clear();
    }
    Ok(out)
}

/// What leaves an element when fixed caps arrive at one of its sink pads: pad and
/// caps for each linked src pad whose caps the data do not decide. Of an element
/// with several sink pads, the first decides; the others only have to fit.
pub fn propagate(
    graph: &Graph,
    plan: &Plan,
    element: usize,
    sink_pad: usize,
    caps: &Caps,
    oracle: &mut dyn Oracle,
) -> Result<Vec<(usize, Caps)>, Error> {
    forward::propagate(graph, plan, (element, sink_pad), caps, oracle)
}

/// Fixed caps for a src pad whose element has seen the data and offers `offered`.
/// `sink` is what its sink pad has.
pub fn decide(
    graph: &Graph,
    plan: &Plan,
    element: usize,
    src_pad: usize,
    offered: &Caps,
    sink: Option<&Caps>,
    oracle: &mut dyn Oracle,
) -> Result<Caps, Error> {
    forward::decide(graph, plan, (element, src_pad), (offered, sink), oracle)
}

/// An element's answer, refused if it is over the limits.
fn checked(graph: &Graph, element: usize, call: &'static str, answer: Caps) -> Result<Caps, Error> {
    if answer.is_within_limits() {
        return Ok(answer);
    }
    Err(misbehaved(graph, element, call, (Caps::empty(), None)))
}

/// An element answered with caps that it may not answer with.
fn misbehaved(
    graph: &Graph,
    element: usize,
    call: &'static str,
    (answered, allowed): (Caps, Option<Caps>),
) -> Error {
    let known = graph.elements.get(element);
    let place = graph.place(known.and_then(|element| element.span));
    let element = known.map_or_else(String::new, |element| element.name.clone());
    Error::ElementCaps {
        element,
        call,
        answered,
        allowed,
        place,
    }
}

/// What a component's pad could carry: its own word, within its template.
fn pad_caps(
    graph: &Graph,
    oracle: &mut dyn Oracle,
    element: usize,
    pad: usize,
) -> Result<Caps, Error> {
    let own = checked(graph, element, "pad-caps", oracle.pad_caps(element, pad)?)?;
    Ok(graph
        .pad(element, pad)
        .map_or(own.clone(), |pad| own.intersect_first(&pad.caps)))
}

/// What a component's pad `to` could carry if `given` carried `caps`.
fn transform(
    graph: &Graph,
    oracle: &mut dyn Oracle,
    (element, given, to): (usize, usize, usize),
    caps: &Caps,
) -> Result<Caps, Error> {
    if caps.is_empty() {
        return Ok(Caps::empty());
    }
    let answer = oracle.transform_caps(element, given, caps, to)?;
    checked(graph, element, "transform-caps", answer)
}

/// Whether the data decides a src pad's caps.
fn is_from_data(element: &Element, pad: usize) -> bool {
    element
        .template(pad)
        .is_some_and(|template| template.caps_from_data)
}
