//! Why two pads have no caps in common, and what to put between them.
//!
//! What a link accepts is what everything behind it accepts, so the clash may lie
//! far from the link where it shows. `link` walks downstream to the pad that
//! really refuses.

use super::{Oracle, Plan, is_from_data, pad_caps, transform};
use crate::Error;
use crate::caps::{Caps, Structure, Value};
use crate::element::Direction;
use crate::error::{At, Clash, NoCommonCaps, suggest};
use crate::graph::{End, Graph, Kind};

/// Explains why nothing of what is offered to a link is accepted.
pub(super) fn link(
    graph: &Graph,
    plan: &Plan,
    link: usize,
    offers: &Caps,
    oracle: &mut dyn Oracle,
) -> Result<Error, Error> {
    let Some(start) = graph.links.get(link) else {
        return Ok(Error::NotFixed {
            pad: String::new(),
            caps: offers.clone(),
            place: None,
        });
    };
    let mut walk = Walk {
        graph,
        plan,
        oracle,
        seen: vec![false; graph.links.len()],
    };
    if let Some(error) = walk.blame(link, start.src, offers.clone())? {
        return Ok(error);
    }
    Ok(report(
        graph,
        start.src,
        start.sink,
        offers,
        &plan.accepts(link),
        link,
    ))
}

/// Explains why the templates of two pads do not fit. Each is an element with the
/// pad's name and caps.
pub(crate) fn templates(
    graph: &Graph,
    (src_element, src, offers): (usize, String, Option<&Caps>),
    (sink_element, sink, accepts): (usize, String, Option<&Caps>),
    place: At,
) -> Error {
    let offers = offers.cloned().unwrap_or_else(Caps::any);
    let accepts = accepts.cloned().unwrap_or_else(Caps::any);
    let clashes = clashes(&offers, &accepts);
    let hint = Hint {
        graph,
        src: src_element,
        sink: sink_element,
        clashes: &clashes,
    }
    .text();
    Error::NoCommonCaps(Box::new(NoCommonCaps {
        src,
        sink,
        offers,
        accepts,
        clashes,
        filter: None,
        hint,
        place,
    }))
}

struct Walk<'a> {
    graph: &'a Graph,
    plan: &'a Plan,
    oracle: &'a mut dyn Oracle,
    /// Links that have been looked at: branches that join again are looked at once.
    seen: Vec<bool>,
}

impl Walk<'_> {
    /// The pad at or behind `link` that refuses what `src` offers.
    fn blame(&mut self, link: usize, src: End, offers: Caps) -> Result<Option<Error>, Error> {
        let graph = self.graph;
        match self.seen.get_mut(link) {
            Some(seen) if !*seen => *seen = true,
            _ => return Ok(None),
        }
        let Some(sink) = graph.links.get(link).map(|link| link.sink) else {
            return Ok(None);
        };
        let Some(element) = graph.elements.get(sink.element) else {
            return Ok(None);
        };
        let out_link = |pad: usize| graph.pad(sink.element, pad).and_then(|pad| pad.link);
        let mut offers = offers;
        let accepts = match &element.kind {
            Kind::CapsFilter(filter) => filter.clone(),
            Kind::Component => pad_caps(graph, self.oracle, sink.element, sink.pad)?,
            _ => Caps::any(),
        };
        let common = offers.intersect(&accepts);
        if common.is_empty() {
            return Ok(Some(report(graph, src, sink, &offers, &accepts, link)));
        }
        let mut narrowed = !offers.is_subset(&accepts);
        offers = common;
        for pad in element
            .linked(Direction::Src)
            .filter(|&pad| !is_from_data(element, pad))
        {
            let Some(next) = out_link(pad) else { continue };
            let here = End {
                element: sink.element,
                pad,
            };
            let (from, out) = match &element.kind {
                Kind::Component => {
                    let given = (sink.element, sink.pad, pad);
                    let out = transform(graph, self.oracle, given, &offers)?;
                    let template = graph.pad(sink.element, pad).map(|pad| &pad.caps);
                    (
                        here,
                        template.map_or(out.clone(), |template| out.intersect(template)),
                    )
                }
                Kind::CapsFilter(_) | Kind::Tee if narrowed => (here, offers.clone()),
                _ => (src, offers.clone()),
            };
            if let Some(error) = self.blame(next, from, out)? {
                return Ok(Some(error));
            }
            // Branches of a tee may each take something, but not the same.
            if matches!(element.kind, Kind::Tee) {
                let taken = offers.intersect(&self.plan.accepts(next));
                narrowed = narrowed || !offers.is_subset(&taken);
                offers = taken;
            }
        }
        Ok(None)
    }
}

fn report(graph: &Graph, src: End, sink: End, offers: &Caps, accepts: &Caps, link: usize) -> Error {
    let offers = &offers.simplify();
    let clashes = clashes(offers, accepts);
    let filter = filter_text(graph, sink.element).or_else(|| filter_text(graph, src.element));
    let hint = Hint {
        graph,
        src: src.element,
        sink: sink.element,
        clashes: &clashes,
    }
    .text();
    Error::NoCommonCaps(Box::new(NoCommonCaps {
        src: graph.pad_name(src),
        sink: graph.pad_name(sink),
        offers: offers.clone(),
        accepts: accepts.clone(),
        clashes,
        filter,
        hint,
        place: graph.place(graph.links.get(link).and_then(|link| link.span)),
    }))
}

/// Name and text of an element that is a caps filter.
fn filter_text(graph: &Graph, element: usize) -> Option<(String, String)> {
    let element = graph.elements.get(element)?;
    let Kind::CapsFilter(caps) = &element.kind else {
        return None;
    };
    let text = match element.property("caps") {
        Some(crate::element::Value::Text(text)) => text.chars().take(120).collect(),
        _ => caps.to_string(),
    };
    Some((element.name.clone(), text))
}

/// What keeps caps apart, in the pair of structures that clash least.
fn clashes(offers: &Caps, accepts: &Caps) -> Vec<Clash> {
    let pairs = || {
        offers
            .structures()
            .iter()
            .flat_map(|a| accepts.structures().iter().map(move |b| (a, b)))
    };
    let kin = pairs().filter(|(a, b)| a.name == b.name && a.features.can_intersect(&b.features));
    let fields = kin.map(|(a, b)| clashing_fields(a, b)).min_by_key(Vec::len);
    if let Some(fields) = fields {
        return fields;
    }
    if let Some((a, b)) = pairs().find(|(a, b)| a.name == b.name) {
        let (offered, accepted) = (a.features.to_string(), b.features.to_string());
        return vec![Clash::Features { offered, accepted }];
    }
    let names = |caps: &Caps| {
        let mut names: Vec<&str> = Vec::new();
        for structure in caps.structures() {
            if !names.contains(&structure.name.as_str()) && names.len() < 4 {
                names.push(&structure.name);
            }
        }
        names.join(", ")
    };
    let (offered, accepted) = (names(offers), names(accepts));
    if offered.is_empty() || accepted.is_empty() {
        return Vec::new();
    }
    vec![Clash::MediaType { offered, accepted }]
}

fn clashing_fields(a: &Structure, b: &Structure) -> Vec<Clash> {
    let clash = |(name, offered): &(String, Value)| {
        let accepted = b.get(name)?;
        let alone = |value: &Value| Structure::new("x").field("x", value.clone());
        (!alone(offered).can_intersect(&alone(accepted))).then(|| Clash::Field {
            name: name.clone(),
            offered: offered.clone(),
            accepted: accepted.clone(),
        })
    };
    a.fields.iter().filter_map(clash).collect()
}

/// Says what to put between two elements.
struct Hint<'a> {
    graph: &'a Graph,
    src: usize,
    sink: usize,
    clashes: &'a [Clash],
}

impl Hint<'_> {
    fn text(&self) -> Option<String> {
        let mut helpers: Vec<&str> = Vec::new();
        for clash in self.clashes {
            for helper in self.helpers(clash) {
                if !self.is_known(helper) {
                    return self.other_value();
                }
                if !helpers.contains(&helper) {
                    helpers.push(helper);
                }
            }
        }
        let used = |index: usize| self.graph.elements.get(index).map(|it| it.factory.as_str());
        let there = |helper: &str| {
            [self.src, self.sink]
                .into_iter()
                .any(|at| used(at) == Some(helper))
        };
        helpers.retain(|helper| !there(helper));
        if helpers.is_empty() {
            return self.other_value();
        }
        // Pasted at the caret, which stands under the link's `!`, this is the mended line.
        Some(format!(
            "insert `! {}` at the mark, {}",
            helpers.join(" ! "),
            self.between()
        ))
    }

    fn is_known(&self, factory: &str) -> bool {
        self.graph.known.iter().any(|known| known == factory)
    }

    /// Elements that undo a clash.
    fn helpers(&self, clash: &Clash) -> Vec<&'static str> {
        match clash {
            Clash::Field { name, .. } => match name.as_str() {
                "format" | "colorimetry" | "chroma-site" => vec!["videoconvert"],
                "width" | "height" | "pixel-aspect-ratio" => vec!["videoscale"],
                "framerate" => vec!["videorate"],
                _ => Vec::new(),
            },
            Clash::MediaType { offered, accepted } => {
                let has = |names: &str, name: &str| names.split(", ").any(|known| known == name);
                let raw = has(accepted, "video/x-raw");
                let decoder = match () {
                    () if raw && has(offered, "image/jpeg") => "jpegdec",
                    () if raw && has(offered, "image/png") => "pngdec",
                    () if has(offered, "video/x-raw") && has(accepted, "image/jpeg") => {
                        return vec!["jpegenc"];
                    }
                    () => return Vec::new(),
                };
                // The decoder's format is known only from the data.
                let mut helpers = vec![decoder];
                helpers.extend(Some("videoconvert").filter(|name| self.is_known(name)));
                helpers
            }
            Clash::Features { .. } => Vec::new(),
        }
    }

    fn between(&self) -> String {
        let name = |index: usize| {
            self.graph
                .elements
                .get(index)
                .map_or_else(String::new, |it| it.name.clone())
        };
        match (
            filter_text(self.graph, self.sink),
            filter_text(self.graph, self.src),
        ) {
            (Some((_, text)), _) => format!("before the caps filter `{text}`"),
            (_, Some((_, text))) => format!("behind the caps filter `{text}`"),
            _ => format!("between `{}` and `{}`", name(self.src), name(self.sink)),
        }
    }

    /// Where nothing converts: a value that would do.
    fn other_value(&self) -> Option<String> {
        let (name, offered, accepted) = match self.clashes.first()? {
            Clash::Field {
                name,
                offered,
                accepted,
            } => (name, offered, accepted),
            Clash::Features { .. } if filter_text(self.graph, self.sink).is_some() => {
                return Some(
                    "leave the features in the brackets out of the caps filter".to_owned(),
                );
            }
            _ => return None,
        };
        let filter = filter_text(self.graph, self.sink).is_some();
        if let (Value::Str(wanted), Value::List(items), true) = (accepted, offered, filter) {
            let words = items.iter().filter_map(|item| match item {
                Value::Str(word) => Some(word.as_str()),
                _ => None,
            });
            if let Some(word) = suggest(wanted, words) {
                return Some(format!("did you mean `{name}={word}`?"));
            }
        }
        let (who, value) = if filter {
            ("the caps filter can ask for", offered)
        } else if filter_text(self.graph, self.src).is_some() {
            ("the caps filter must allow", accepted)
        } else {
            return None;
        };
        let value = if matches!(value, Value::List(_)) {
            value.fixate()
        } else {
            value.clone()
        };
        Some(format!("{who} `{name}={}`", value.brief()))
    }
}
