//! Front to back: what leaves each src pad.

use super::{Oracle, Plan, checked, explain, is_from_data, misbehaved, pad_caps, transform};
use crate::Error;
use crate::caps::Caps;
use crate::element::Direction;
use crate::graph::{Element, End, Graph, Kind};

/// The caps of a source's pads.
pub(super) fn source(
    graph: &Graph,
    plan: &Plan,
    index: usize,
    oracle: &mut dyn Oracle,
) -> Result<Vec<(usize, Caps)>, Error> {
    let Some(element) = graph.elements.get(index) else {
        return Ok(Vec::new());
    };
    let mut out = Vec::new();
    for pad in element
        .linked(Direction::Src)
        .filter(|&pad| !is_from_data(element, pad))
    {
        let offers = pad_caps(graph, oracle, index, pad)?;
        if offers.is_empty() {
            let end = End {
                element: index,
                pad,
            };
            let (pad, place) = (graph.pad_name(end), graph.place(element.span));
            return Err(Error::NothingOffered { pad, place });
        }
        let step = Step {
            graph,
            plan,
            end: End {
                element: index,
                pad,
            },
            sink: None,
        };
        out.push((pad, step.settle(&offers, oracle)?));
    }
    Ok(out)
}

pub(super) fn propagate(
    graph: &Graph,
    plan: &Plan,
    (index, sink): (usize, usize),
    caps: &Caps,
    oracle: &mut dyn Oracle,
) -> Result<Vec<(usize, Caps)>, Error> {
    let link = graph.pad(index, sink).and_then(|pad| pad.link);
    let (Some(element), Some(link)) = (graph.elements.get(index), link) else {
        return Ok(Vec::new());
    };
    if !caps.is_any() && !caps.is_subset(&plan.accepts(link)) {
        return Err(explain::link(graph, plan, link, caps, oracle)?);
    }
    let linked = element.linked(Direction::Src);
    match &element.kind {
        Kind::Queue(_)
        | Kind::Valve { .. }
        | Kind::Funnel
        | Kind::Tee
        | Kind::Scatter
        | Kind::Gather => Ok(linked.map(|pad| (pad, caps.clone())).collect()),
        Kind::CapsFilter(filter) => linked
            .map(|pad| {
                let step = Step {
                    graph,
                    plan,
                    end: End {
                        element: index,
                        pad,
                    },
                    sink: Some(caps),
                };
                let passed = if caps.is_any() {
                    step.untyped(filter.clone())?
                } else {
                    caps.clone()
                };
                Ok((pad, passed))
            })
            .collect(),
        Kind::Component if element.linked(Direction::Sink).next() != Some(sink) => Ok(Vec::new()),
        Kind::Component => {
            let mut out = Vec::new();
            for pad in linked.filter(|&pad| !is_from_data(element, pad)) {
                let offers = transform(graph, oracle, (index, sink, pad), caps)?;
                let offers = within_template(element, pad, &offers);
                let step = Step {
                    graph,
                    plan,
                    end: End {
                        element: index,
                        pad,
                    },
                    sink: Some(caps),
                };
                out.push((pad, step.settle(&offers, oracle)?));
            }
            Ok(out)
        }
    }
}

pub(super) fn decide(
    graph: &Graph,
    plan: &Plan,
    (index, pad): (usize, usize),
    (offered, sink): (&Caps, Option<&Caps>),
    oracle: &mut dyn Oracle,
) -> Result<Caps, Error> {
    let Some(element) = graph.elements.get(index) else {
        return Ok(offered.clone());
    };
    let offered = checked(graph, index, "negotiate", offered.clone())?;
    let offers = within_template(element, pad, &offered);
    let step = Step {
        graph,
        plan,
        end: End {
            element: index,
            pad,
        },
        sink,
    };
    step.settle(&offers, oracle)
}

fn within_template(element: &Element, pad: usize, caps: &Caps) -> Caps {
    match element.template(pad) {
        Some(template) => caps.intersect_first(&template.caps),
        None => caps.clone(),
    }
}

/// One src pad, about to get its caps.
struct Step<'a> {
    graph: &'a Graph,
    plan: &'a Plan,
    end: End,
    /// What the element's sink pad has.
    sink: Option<&'a Caps>,
}

impl Step<'_> {
    /// One of what the pad offers that downstream accepts.
    fn settle(&self, offers: &Caps, oracle: &mut dyn Oracle) -> Result<Caps, Error> {
        let End { element, pad } = self.end;
        let Some(link) = self.graph.pad(element, pad).and_then(|pad| pad.link) else {
            return Ok(offers.fixate());
        };
        let accepts = self.plan.accepts(link);
        let possible = offers.intersect(&accepts);
        if possible.is_empty() {
            return Err(explain::link(self.graph, self.plan, link, offers, oracle)?);
        }
        if offers.is_any() {
            return self.untyped(possible);
        }
        // Pass-through is preferred, as in GstBaseTransform.
        match self.sink {
            Some(sink) if sink.is_fixed() && sink.is_subset(&possible) => Ok(sink.clone()),
            _ if possible.is_fixed() => Ok(possible),
            _ => self.choose(&possible, oracle),
        }
    }

    /// Bytes that could be anything: they take the one format that is wanted, if
    /// there is one, and go without caps where several are.
    fn untyped(&self, accepts: Caps) -> Result<Caps, Error> {
        if accepts.is_any() || accepts.is_fixed() {
            return Ok(accepts);
        }
        let raw = accepts
            .structures()
            .iter()
            .all(|one| one.name.ends_with("/x-raw"));
        if !raw {
            return Ok(Caps::any());
        }
        let End { element, pad } = self.end;
        let link = self.graph.pad(element, pad).and_then(|pad| pad.link);
        let link = link.and_then(|link| self.graph.links.get(link));
        let known = |name: &&str| self.graph.known.iter().any(|known| known == name);
        Err(Error::BytesToRaw {
            src: self.graph.pad_name(self.end),
            sink: link.map_or_else(String::new, |link| self.graph.pad_name(link.sink)),
            accepts,
            decoder: ["jpegdec", "y4mdec", "pngdec"]
                .iter()
                .find(|name| known(name))
                .map(|name| (*name).to_owned()),
            place: self.graph.place(link.and_then(|link| link.span)),
        })
    }

    /// Asks the element, then takes the first and smallest of what is left.
    fn choose(&self, possible: &Caps, oracle: &mut dyn Oracle) -> Result<Caps, Error> {
        let End { element, pad } = self.end;
        let answer = oracle.fixate_caps(element, pad, possible, self.sink)?;
        let answer = checked(self.graph, element, "fixate-caps", answer)?;
        if answer.is_empty() || !answer.is_subset(possible) {
            let caps = (answer, Some(possible.clone()));
            return Err(misbehaved(self.graph, element, "fixate-caps", caps));
        }
        let fixed = answer.fixate();
        if fixed.is_fixed() {
            return Ok(fixed);
        }
        let place = self
            .graph
            .place(self.graph.elements.get(element).and_then(|it| it.span));
        Err(Error::NotFixed {
            pad: self.graph.pad_name(self.end),
            caps: answer,
            place,
        })
    }
}
