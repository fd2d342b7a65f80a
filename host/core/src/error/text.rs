//! Codes, hints and the longer texts of errors.

use super::{At, Clash, Error, NoCommonCaps, suggest};
use crate::caps::Caps;
use crate::element::Direction;

/// Most names that a list in an error shows.
const MAX_LISTED: usize = 24;

/// `a`, `b` and so on, with the rest counted.
pub(super) fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    let shown: Vec<_> = names
        .iter()
        .take(MAX_LISTED)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = names.len().saturating_sub(MAX_LISTED);
    let tail = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    shown.join(", ") + &tail
}

/// `a -> b -> a`.
pub(super) fn arrows(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    shown.join(" -> ")
}

pub(super) fn unit(unit: Option<&str>) -> String {
    unit.map_or_else(String::new, |unit| format!(" {unit}"))
}

pub(super) fn manifest_value(table: &str, key: &str, expected: &str, got: Option<&str>) -> String {
    match got {
        Some(got) => format!("key `{key}` in {table}: expected {expected}, got {got}"),
        None => format!("{table} needs the key `{key}` ({expected})"),
    }
}

pub(super) fn unknown_property(
    factory: &str,
    element: &str,
    property: &str,
    known: &[String],
) -> String {
    format!(
        "`{element}` ({factory}) has no property `{property}`\n  its properties: {}",
        list(known)
    )
}

pub(super) const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Sink => "sink",
        Direction::Src => "src",
    }
}

pub(super) fn wrong_direction(element: &str, pad: &str, wanted: Direction) -> String {
    match wanted {
        Direction::Src => format!("data cannot leave at `{element}.{pad}`: it is a sink pad"),
        Direction::Sink => format!("data cannot enter at `{element}.{pad}`: it is a src pad"),
    }
}

pub(super) fn no_free_pad(
    element: &str,
    factory: &str,
    direction: Direction,
    taken: &[String],
) -> String {
    let word = word(direction);
    if taken.is_empty() {
        return format!("`{element}` ({factory}) has no {word} pad");
    }
    format!(
        "`{element}` has no free {word} pad\n  linked already: {}",
        list(taken)
    )
}

pub(super) fn element_caps(
    element: &str,
    call: &str,
    answered: &Caps,
    allowed: Option<&Caps>,
) -> String {
    let Some(allowed) = allowed else {
        return format!("`{element}` answered `{call}` with caps over the limits");
    };
    let answered = if answered.is_empty() {
        "EMPTY".to_owned()
    } else {
        answered.brief()
    };
    format!(
        "`{element}` answered `{call}` with caps that it was not given\n  answered {answered}\n  given    {}",
        allowed.brief()
    )
}

pub(super) fn no_common_caps(it: &NoCommonCaps) -> String {
    let width = (it.src.len() + "offers".len()).max(it.sink.len() + "accepts".len());
    let pad = |name: &str, verb: &str| {
        let gap = width.saturating_sub(name.len() + verb.len());
        format!("`{name}` {verb}{}", " ".repeat(gap))
    };
    let mut lines = vec![
        format!("cannot link `{}` to `{}`: no common caps", it.src, it.sink),
        format!("  {} {}", pad(&it.src, "offers"), it.offers.brief()),
        format!("  {} {}", pad(&it.sink, "accepts"), it.accepts.brief()),
    ];
    lines.extend(it.clashes.first().map(|clash| match clash {
        Clash::MediaType { offered, accepted } => {
            format!("  clash: media type ({offered} against {accepted})")
        }
        Clash::Features { offered, accepted } => {
            format!("  clash: memory ({offered} against {accepted})")
        }
        Clash::Field {
            name,
            offered,
            accepted,
        } => {
            format!(
                "  clash: field `{name}` ({} against {})",
                offered.brief(),
                accepted.brief()
            )
        }
    }));
    let filter = it.filter.as_ref();
    lines.extend(filter.map(|(name, text)| format!("  `{name}` is the caps filter `{text}`")));
    lines.join("\n")
}

fn did_you_mean(word: &str, known: &[String]) -> Option<String> {
    suggest(word, known.iter().map(String::as_str)).map(|it| format!("did you mean `{it}`?"))
}

impl Error {
    /// Its stable code: `M0001` …
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Caps { .. } => "M0001",
            Self::Launch { .. } => "M0002",
            Self::NoCommonCaps(_) => "M0003",
            Self::Toml { .. } => "M0004",
            Self::UnknownKey { .. } => "M0005",
            Self::ManifestValue { .. } => "M0006",
            Self::UnknownElement { .. } => "M0007",
            Self::UnknownProperty { .. } => "M0008",
            Self::PropertyType { .. } => "M0009",
            Self::PropertyRange { .. } => "M0010",
            Self::PropertyChoice { .. } => "M0011",
            Self::MissingProperty { .. } => "M0012",
            Self::UnknownPad { .. } => "M0013",
            Self::WrongDirection { .. } => "M0014",
            Self::PadTaken { .. } => "M0015",
            Self::NoFreePad { .. } => "M0016",
            Self::Unlinked { .. } => "M0017",
            Self::DuplicateName { .. } => "M0018",
            Self::UnknownName { .. } => "M0019",
            Self::Cycle { .. } => "M0020",
            Self::Empty { .. } => "M0021",
            Self::NoSource { .. } => "M0022",
            Self::NotFixed { .. } => "M0023",
            Self::ElementCaps { .. } => "M0024",
            Self::NothingOffered { .. } => "M0025",
            Self::Limit { .. } => "M0026",
            Self::Element { .. } => "M0027",
            Self::BytesToRaw { .. } => "M0028",
            Self::Component { .. } => "M0029",
            Self::Lock(problem) => problem.code(),
        }
    }

    /// What to do about it, without the word `hint:`.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Caps { source, .. } => source.hint(),
            Self::Launch { problem, .. } => problem.hint(),
            Self::NoCommonCaps(it) => it.hint.clone(),
            Self::UnknownKey { key, known, .. } => did_you_mean(key, known),
            Self::ManifestValue {
                got: Some(got),
                choices,
                ..
            } => did_you_mean(got.trim_matches('`'), choices),
            Self::ManifestValue { got: None, key, .. } => Some(match key.as_str() {
                "chains" => "write `chains = [\"videotestsrc ! fakesink\"]`".to_owned(),
                "pipeline" => "begin with `[pipeline]`".to_owned(),
                _ => format!("write `{key} = \"…\"`"),
            }),
            Self::UnknownElement { suggestion, .. } => Some(suggestion.as_ref().map_or_else(
                || "`millstream inspect` lists the elements there are".to_owned(),
                |it| format!("did you mean `{it}`?"),
            )),
            Self::UnknownProperty { property, .. } if property == "parallel" => Some(
                "`parallel` is for filters of one sink pad and one src pad that say they are \
                 `stateless`: what leaves depends on one buffer alone"
                    .to_owned(),
            ),
            Self::UnknownProperty {
                factory,
                property,
                known,
                ..
            } => Some(did_you_mean(property, known).unwrap_or_else(|| {
                format!("`millstream inspect {factory}` explains its properties")
            })),
            Self::PropertyChoice { got, choices, .. } => did_you_mean(got, choices),
            Self::MissingProperty {
                factory, property, ..
            } => Some(format!("write `{factory} {property}=…`")),
            Self::UnknownPad { pad, known, .. } => did_you_mean(pad, known),
            Self::WrongDirection { .. } => {
                Some("links run from a src pad to a sink pad: `a.src ! b.sink`".to_owned())
            }
            Self::PadTaken { direction, .. } => Some(one_pad_hint(*direction)),
            Self::NoFreePad {
                direction, taken, ..
            } => Some(no_free_pad_hint(*direction, taken)),
            Self::Unlinked {
                element,
                pad,
                direction,
                ..
            } => Some(match direction {
                Direction::Src => format!("link it to a sink: `{element}.{pad} ! fakesink`"),
                Direction::Sink => {
                    format!("put a source before it: `videotestsrc ! {element}.{pad}`")
                }
            }),
            Self::DuplicateName { name, .. } => {
                Some(format!("write `name={name}2` at one of them"))
            }
            Self::UnknownName { name, known, .. } => Some(
                did_you_mean(name, known)
                    .unwrap_or_else(|| format!("give an element that name: `name={name}`")),
            ),
            Self::Cycle { .. } => Some("take one of these links away".to_owned()),
            Self::Empty { .. } => Some("try `videotestsrc num-buffers=100 ! fakesink`".to_owned()),
            Self::NoSource { .. } => {
                Some("begin with a source: `videotestsrc ! …`, `filesrc location=… ! …`".to_owned())
            }
            Self::NotFixed { .. } => Some("put a caps filter behind it that leaves one".to_owned()),
            Self::ElementCaps { element, .. } => {
                Some(format!("this is a mistake in the component of `{element}`"))
            }
            Self::Lock(problem) => Some(problem.hint()),
            Self::Element { hint, .. } | Self::Component { hint, .. } => hint.clone(),
            Self::BytesToRaw { decoder, .. } => Some(decoder.as_ref().map_or_else(
                || "put a decoder between them".to_owned(),
                |it| format!("put a decoder such as `{it}` between them"),
            )),
            _ => None,
        }
    }

    pub(super) fn at(&self) -> &At {
        match self {
            Self::Caps { place, .. }
            | Self::Launch { place, .. }
            | Self::Toml { place, .. }
            | Self::UnknownKey { place, .. }
            | Self::ManifestValue { place, .. }
            | Self::UnknownElement { place, .. }
            | Self::UnknownProperty { place, .. }
            | Self::PropertyType { place, .. }
            | Self::PropertyRange { place, .. }
            | Self::PropertyChoice { place, .. }
            | Self::MissingProperty { place, .. }
            | Self::UnknownPad { place, .. }
            | Self::WrongDirection { place, .. }
            | Self::PadTaken { place, .. }
            | Self::NoFreePad { place, .. }
            | Self::Unlinked { place, .. }
            | Self::DuplicateName { place, .. }
            | Self::UnknownName { place, .. }
            | Self::Cycle { place, .. }
            | Self::Empty { place }
            | Self::NoSource { place }
            | Self::NothingOffered { place, .. }
            | Self::Limit { place, .. }
            | Self::NotFixed { place, .. }
            | Self::ElementCaps { place, .. }
            | Self::Component { place, .. }
            | Self::BytesToRaw { place, .. } => place,
            Self::NoCommonCaps(it) => &it.place,
            Self::Element { .. } | Self::Lock(_) => &None,
        }
    }

    pub(super) fn at_mut(&mut self) -> Option<&mut At> {
        match self {
            Self::Caps { place, .. }
            | Self::Launch { place, .. }
            | Self::Toml { place, .. }
            | Self::UnknownKey { place, .. }
            | Self::ManifestValue { place, .. }
            | Self::UnknownElement { place, .. }
            | Self::UnknownProperty { place, .. }
            | Self::PropertyType { place, .. }
            | Self::PropertyRange { place, .. }
            | Self::PropertyChoice { place, .. }
            | Self::MissingProperty { place, .. }
            | Self::UnknownPad { place, .. }
            | Self::WrongDirection { place, .. }
            | Self::PadTaken { place, .. }
            | Self::NoFreePad { place, .. }
            | Self::Unlinked { place, .. }
            | Self::DuplicateName { place, .. }
            | Self::UnknownName { place, .. }
            | Self::Cycle { place, .. }
            | Self::Empty { place }
            | Self::NoSource { place }
            | Self::NothingOffered { place, .. }
            | Self::Limit { place, .. }
            | Self::NotFixed { place, .. }
            | Self::ElementCaps { place, .. }
            | Self::Component { place, .. }
            | Self::BytesToRaw { place, .. } => Some(place),
            Self::NoCommonCaps(it) => Some(&mut it.place),
            Self::Element { .. } | Self::Lock(_) => None,
        }
    }
}

fn one_pad_hint(direction: Direction) -> String {
    match direction {
        Direction::Src => "one pad feeds one link: put `tee name=t` there and write `t. ! queue ! …` for each branch",
        Direction::Sink => "one pad takes one link: put `funnel name=f` before it and link both to `f.`",
    }
    .to_owned()
}

fn no_free_pad_hint(direction: Direction, taken: &[String]) -> String {
    match (direction, taken.is_empty()) {
        (_, false) => one_pad_hint(direction),
        (Direction::Src, true) => "it is a sink: it can only stand at the end".to_owned(),
        (Direction::Sink, true) => "it is a source: it can only stand at the start".to_owned(),
    }
}
