//! Checks on the whole graph: a source, no circle, no pad left alone.

use super::{Element, Graph};
use crate::Error;
use crate::element::{Direction, Role};

/// All checks, in the order in which a user would want to hear of them.
pub(super) fn all(graph: &Graph) -> Result<(), Error> {
    let ordered = order(graph);
    if ordered.len() < graph.elements.len() {
        return Err(cycle(graph, &ordered));
    }
    if !graph
        .elements
        .iter()
        .any(|element| element.descriptor.role() == Role::Source)
    {
        let place = graph.place(graph.elements.first().and_then(|first| first.span));
        return Err(Error::NoSource { place });
    }
    match graph
        .elements
        .iter()
        .find_map(|element| unlinked(graph, element))
    {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn unlinked(graph: &Graph, element: &Element) -> Option<Error> {
    let place = graph.place(element.span);
    if let Some(pad) = element.pads.iter().find(|pad| pad.link.is_none()) {
        let (element, pad, direction) = (element.name.clone(), pad.name.clone(), pad.direction);
        return Some(Error::Unlinked {
            element,
            pad,
            direction,
            place,
        });
    }
    // A tee without a branch, or a funnel without an input.
    let lacks = |direction| {
        let mut templates = element.descriptor.pads.iter();
        let template = templates.find(|template| template.direction == direction)?;
        let none = !element.pads.iter().any(|pad| pad.direction == direction);
        none.then(|| template.name.clone())
    };
    [Direction::Sink, Direction::Src]
        .into_iter()
        .find_map(|direction| {
            let (name, pad) = (element.name.clone(), lacks(direction)?);
            Some(Error::Unlinked {
                element: name,
                pad,
                direction,
                place: place.clone(),
            })
        })
}

/// The elements in an order in which each stands behind all that feed it. Elements
/// on a circle, and behind one, are missing.
pub(super) fn order(graph: &Graph) -> Vec<usize> {
    let mut waiting = vec![0usize; graph.elements.len()];
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); graph.elements.len()];
    for link in &graph.links {
        if let Some(count) = waiting.get_mut(link.sink.element) {
            *count += 1;
        }
        if let Some(list) = feeds.get_mut(link.src.element) {
            list.push(link.sink.element);
        }
    }
    let free = waiting.iter().enumerate().filter(|(_, count)| **count == 0);
    let mut out: Vec<usize> = free.map(|(index, _)| index).collect();
    let mut next = 0;
    while let Some(&element) = out.get(next) {
        next += 1;
        for &fed in feeds.get(element).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(fed) {
                *count -= 1;
                if *count == 0 {
                    out.push(fed);
                }
            }
        }
    }
    out
}

/// Walks against the links from an element that `order` could not place: it must
/// come to one a second time.
fn cycle(graph: &Graph, ordered: &[usize]) -> Error {
    let mut placed = vec![false; graph.elements.len()];
    for &element in ordered {
        if let Some(placed) = placed.get_mut(element) {
            *placed = true;
        }
    }
    let is_placed = |element: usize| placed.get(element).copied().unwrap_or(true);
    let feeder = |element: usize| {
        graph
            .links
            .iter()
            .find(|link| link.sink.element == element && !is_placed(link.src.element))
    };
    let mut path = Vec::new();
    let mut span = None;
    let mut at = placed.iter().position(|placed| !placed).unwrap_or(0);
    while !path.contains(&at) {
        path.push(at);
        let Some(link) = feeder(at) else { break };
        span = link.span;
        at = link.src.element;
    }
    let start = path.iter().position(|&element| element == at).unwrap_or(0);
    let mut circle: Vec<usize> = path.into_iter().skip(start).collect();
    circle.push(at);
    circle.reverse();
    let name = |index: &usize| {
        graph
            .elements
            .get(*index)
            .map(|element| element.name.clone())
    };
    Error::Cycle {
        elements: circle.iter().filter_map(name).collect(),
        place: graph.place(span),
    }
}
