//! Back to front: what each link accepts.

use super::{Oracle, is_from_data, pad_caps, transform};
use crate::Error;
use crate::caps::Caps;
use crate::element::Direction;
use crate::graph::{Element, Graph, Kind};

/// For each link, what its sink end and everything behind it can take.
pub(super) fn accepts(graph: &Graph, oracle: &mut dyn Oracle) -> Result<Vec<Caps>, Error> {
    let mut links = vec![Caps::any(); graph.links.len()];
    for index in graph.topological().into_iter().rev() {
        let Some(element) = graph.elements.get(index) else {
            continue;
        };
        for pad in element.linked(Direction::Sink) {
            let accepts = sink_accepts(graph, &links, (index, element), pad, oracle)?;
            let link = graph.pad(index, pad).and_then(|pad| pad.link);
            if let Some(slot) = link.and_then(|link| links.get_mut(link)) {
                *slot = accepts;
            }
        }
    }
    Ok(links)
}

fn sink_accepts(
    graph: &Graph,
    links: &[Caps],
    (index, element): (usize, &Element),
    sink: usize,
    oracle: &mut dyn Oracle,
) -> Result<Caps, Error> {
    let behind = |pad: usize| {
        let link = graph.pad(index, pad).and_then(|pad| pad.link);
        link.and_then(|link| links.get(link))
            .cloned()
            .unwrap_or_else(Caps::any)
    };
    let all_behind = || {
        let branches = element.linked(Direction::Src).map(behind);
        branches
            .reduce(|all, branch| all.intersect(&branch))
            .unwrap_or_else(Caps::any)
    };
    match &element.kind {
        Kind::Queue(_)
        | Kind::Valve { .. }
        | Kind::Funnel
        | Kind::Tee
        | Kind::Scatter
        | Kind::Gather => Ok(all_behind()),
        Kind::CapsFilter(filter) => Ok(filter.intersect_first(&all_behind())),
        Kind::Component => {
            let mut accepts = pad_caps(graph, oracle, index, sink)?;
            for src in element
                .linked(Direction::Src)
                .filter(|&pad| !is_from_data(element, pad))
            {
                let out = behind(src);
                if out.is_any() {
                    continue;
                }
                let back = transform(graph, oracle, (index, src, sink), &out)?;
                accepts = back.intersect_first(&accepts);
                // What can pass untouched is preferred, as in GstBaseTransform.
                accepts = out.intersect_first(&accepts).union(&accepts);
            }
            Ok(accepts)
        }
    }
}
