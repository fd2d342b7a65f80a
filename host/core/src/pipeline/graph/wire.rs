//! Gives each link its two pads.
//!
//! Pads that links name are taken first, so that a link without names does not
//! get one of them. A link without names gets the first pair of free pads whose
//! templates have caps in common; request pads are made as they are needed.

use super::super::{Description, EndText};
use super::{Element, End, Graph, Link, Pad};
use crate::Error;
use crate::element::{Direction, Presence};
use crate::negotiate::explain;

/// Makes all links.
pub(super) fn links(graph: &mut Graph, description: &Description) -> Result<(), Error> {
    let mut named = Vec::with_capacity(description.links.len());
    for (index, link) in description.links.iter().enumerate() {
        let src = name_end(graph, &link.src, Direction::Src, index)?;
        let sink = name_end(graph, &link.sink, Direction::Sink, index)?;
        named.push((src, sink));
    }
    for (index, (link, (src, sink))) in description.links.iter().zip(named).enumerate() {
        let (src, sink) = choose(graph, (&link.src, src), (&link.sink, sink))?;
        let ends = [(link.src.element, src), (link.sink.element, sink)];
        let [src, sink] = ends.map(|(element, slot)| End {
            element,
            pad: graph.fill(element, slot, index),
        });
        graph.links.push(Link {
            src,
            sink,
            span: link.span,
        });
    }
    Ok(())
}

/// A pad that is there, or one to be made from a template.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    Pad(usize),
    Template(usize),
}

/// The pad that a link names, taken for it.
fn name_end(
    graph: &mut Graph,
    end: &EndText,
    wanted: Direction,
    link: usize,
) -> Result<Option<usize>, Error> {
    let Some(name) = end.pad.as_deref() else {
        return Ok(None);
    };
    let place = graph.place(end.span);
    let Some(element) = graph.elements.get_mut(end.element) else {
        return Ok(None);
    };
    let direction = match element.pads.iter().position(|pad| pad.name == name) {
        Some(index) => {
            let (element_name, pad) = (element.name.clone(), element.pads.get_mut(index));
            match pad {
                Some(pad) if pad.direction == wanted && pad.link.is_none() => {
                    pad.link = Some(link);
                    return Ok(Some(index));
                }
                Some(pad) if pad.direction == wanted => {
                    let (pad, direction) = (name.to_owned(), wanted);
                    return Err(Error::PadTaken {
                        element: element_name,
                        pad,
                        direction,
                        place,
                    });
                }
                pad => pad.map(|pad| pad.direction),
            }
        }
        None => match requested(element, name) {
            Some((template, direction)) if direction == wanted => {
                if name.contains("%u") {
                    return Ok(None);
                }
                let pad = element.request(template, Some(name), link);
                return Ok(Some(pad));
            }
            found => found.map(|(_, direction)| direction),
        },
    };
    let (factory, known) = (element.factory.clone(), element.pad_names());
    let (element, pad) = (element.name.clone(), name.to_owned());
    Err(match direction {
        Some(_) => Error::WrongDirection {
            element,
            pad,
            wanted,
            place,
        },
        None => Error::UnknownPad {
            element,
            factory,
            pad,
            known,
            place,
        },
    })
}

/// The request template that a name such as `src_3` (or `src_%u`) belongs to.
fn requested(element: &Element, name: &str) -> Option<(usize, Direction)> {
    element
        .descriptor
        .pads
        .iter()
        .enumerate()
        .find_map(|(index, template)| {
            let prefix = template.name.strip_suffix("%u")?;
            let number = name.strip_prefix(prefix)?;
            let digits = number.len() <= 6 && number.bytes().all(|b| b.is_ascii_digit());
            let fits = number == "%u" || (digits && number.parse::<u32>().is_ok());
            (template.presence == Presence::Request && fits).then_some((index, template.direction))
        })
}

/// Pads for a link: those that it names, else the first two that fit.
fn choose(
    graph: &Graph,
    src: (&EndText, Option<usize>),
    sink: (&EndText, Option<usize>),
) -> Result<(Slot, Slot), Error> {
    let sources = candidates(graph, src, Direction::Src)?;
    let sinks = candidates(graph, sink, Direction::Sink)?;
    let caps = |end: &EndText, slot| graph.elements.get(end.element)?.slot_caps(slot);
    for &from in &sources {
        for &to in &sinks {
            let both = caps(src.0, from).zip(caps(sink.0, to));
            if both.is_some_and(|(offers, accepts)| offers.can_intersect(accepts)) {
                return Ok((from, to));
            }
        }
    }
    // Both lists have an entry; name the first pair that does not fit.
    let slot = |slots: &[Slot]| slots.first().copied().unwrap_or(Slot::Pad(0));
    let (from, to) = (slot(&sources), slot(&sinks));
    let name = |end: &EndText, slot| {
        let element = graph.elements.get(end.element);
        element.map_or_else(String::new, |it| {
            format!("{}.{}", it.name, it.slot_name(slot))
        })
    };
    let (offers, accepts) = (caps(src.0, from), caps(sink.0, to));
    Err(explain::templates(
        graph,
        (src.0.element, name(src.0, from), offers),
        (sink.0.element, name(sink.0, to), accepts),
        graph.place(sink.0.span),
    ))
}

/// Pads that an end of a link could use.
fn candidates(
    graph: &Graph,
    (end, named): (&EndText, Option<usize>),
    direction: Direction,
) -> Result<Vec<Slot>, Error> {
    if let Some(pad) = named {
        return Ok(vec![Slot::Pad(pad)]);
    }
    let Some(element) = graph.elements.get(end.element) else {
        return Ok(Vec::new());
    };
    let facing = || {
        element
            .pads
            .iter()
            .enumerate()
            .filter(|(_, pad)| pad.direction == direction)
    };
    let mut slots: Vec<Slot> = facing()
        .filter(|(_, pad)| pad.link.is_none())
        .map(|(index, _)| Slot::Pad(index))
        .collect();
    let templates = element.descriptor.pads.iter().enumerate();
    slots.extend(
        templates
            .filter(|(_, it)| it.presence == Presence::Request && it.direction == direction)
            .map(|(index, _)| Slot::Template(index)),
    );
    if slots.is_empty() {
        return Err(Error::NoFreePad {
            element: element.name.clone(),
            factory: element.factory.clone(),
            direction,
            taken: facing().map(|(_, pad)| pad.name.clone()).collect(),
            place: graph.place(end.span),
        });
    }
    Ok(slots)
}

impl Graph {
    /// Takes a pad for a link, or makes one.
    pub(super) fn fill(&mut self, element: usize, slot: Slot, link: usize) -> usize {
        let Some(element) = self.elements.get_mut(element) else {
            return 0;
        };
        match slot {
            Slot::Pad(index) => {
                if let Some(pad) = element.pads.get_mut(index) {
                    pad.link = Some(link);
                }
                index
            }
            Slot::Template(template) => element.request(template, None, link),
        }
    }
}

impl Element {
    /// Makes a pad from a request template.
    fn request(&mut self, template: usize, name: Option<&str>, link: usize) -> usize {
        let Some(known) = self.descriptor.pads.get(template) else {
            return 0;
        };
        let (direction, caps) = (known.direction, known.caps.clone());
        let mut numbers = 0u32..;
        let mut fresh = || {
            let number = numbers.next().unwrap_or_default().to_string();
            known.name.replacen("%u", &number, 1)
        };
        let mut name = name.map_or_else(&mut fresh, str::to_owned);
        while self.pads.iter().any(|pad| pad.name == name) {
            name = fresh();
        }
        self.pads.push(Pad {
            name,
            template,
            direction,
            link: Some(link),
            caps,
        });
        self.pads.len() - 1
    }

    fn slot_caps(&self, slot: Slot) -> Option<&crate::caps::Caps> {
        match slot {
            Slot::Pad(index) => self.pads.get(index).map(|pad| &pad.caps),
            Slot::Template(index) => self.descriptor.pads.get(index).map(|it| &it.caps),
        }
    }

    fn slot_name(&self, slot: Slot) -> &str {
        match slot {
            Slot::Pad(index) => self.pads.get(index).map_or("?", |pad| &pad.name),
            Slot::Template(index) => self.descriptor.pads.get(index).map_or("?", |it| &it.name),
        }
    }

    /// Names of its pads and patterns.
    fn pad_names(&self) -> Vec<String> {
        self.descriptor
            .pads
            .iter()
            .map(|template| template.name.clone())
            .collect()
    }
}
