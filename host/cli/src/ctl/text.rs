//! Answers for people.

use std::time::Duration;

use millstream_core::clock::format_time;
use serde_json::Value as Json;

use super::plain;
use crate::human::{self, Align};

/// As much of a digest as tells two apart.
const DIGEST_CHARS: usize = 12;

/// `shapes: playing, 0:00:01.500000000`, and a row for each element.
pub(super) fn list(pipeline: &str, answer: &Json) -> String {
    let header = [
        "element",
        "factory",
        "state",
        "digest",
        "links",
        "properties",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(elements(answer).map(|element| {
        let digest: String = text(element, "digest").chars().take(DIGEST_CHARS).collect();
        vec![
            text(element, "name"),
            text(element, "factory"),
            text(element, "state"),
            digest,
            links(element),
            properties(element),
        ]
    }));
    head(pipeline, answer) + &human::table(&rows, &[Align::Left; 6])
}

/// The same with a row of counters for each element.
pub(super) fn stats(pipeline: &str, answer: &Json) -> String {
    let header = [
        "element",
        "in",
        "out",
        "per buffer",
        "p99",
        "longest",
        "latency p99",
        "copied",
        "dropped",
        "late",
        "failures",
        "restarts",
    ];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(elements(answer).map(|element| {
        let count = |field: &str| element.get(field).and_then(Json::as_u64).unwrap_or(0);
        let buffers = count("buffers-in").max(count("buffers-out")).max(1);
        vec![
            text(element, "name"),
            count("buffers-in").to_string(),
            count("buffers-out").to_string(),
            time(count("nanos") / buffers),
            time(count("p99-nanos")),
            time(count("longest-nanos")),
            time(count("latency-p99-nanos")),
            human::bytes(count("copied-bytes")),
            count("dropped").to_string(),
            count("late").to_string(),
            count("failures").to_string(),
            count("restarts").to_string(),
        ]
    }));
    let mut align = [Align::Right; 12];
    if let Some(first) = align.first_mut() {
        *first = Align::Left;
    }
    head(pipeline, answer) + &human::table(&rows, &align)
}

/// A time that was measured; the host's own elements have none.
fn time(nanos: u64) -> String {
    if nanos == 0 {
        return "-".to_owned();
    }
    human::time(nanos)
}

/// `negate: 1f2e3d4c5b6a took over from 0a1b2c3d4e5f in 1.2 ms, 30 buffers on trial`.
pub(super) fn swapped(answer: &Json, trial: Duration) -> String {
    let digest = |field| -> String { text(answer, field).chars().take(DIGEST_CHARS).collect() };
    let count = |field| answer.get(field).and_then(Json::as_u64);
    let buffers = human::count(
        count("buffers")
            .and_then(|it| usize::try_from(it).ok())
            .unwrap_or(0),
        "buffer",
    );
    let state = count("state-bytes").map_or_else(
        || "without state".to_owned(),
        |bytes| format!("with {} of state", human::bytes(bytes)),
    );
    format!(
        "{}: {} took over from {} in {}, {state}; {buffers} in a trial of {}",
        text(answer, "element"),
        digest("digest"),
        digest("digest-before"),
        human::time(count("takeover-nanos").unwrap_or(0)),
        human::time(u64::try_from(trial.as_nanos()).unwrap_or(u64::MAX)),
    )
}

fn head(pipeline: &str, answer: &Json) -> String {
    let time = answer.get("running-time-nanos").and_then(Json::as_u64);
    format!(
        "{}: {}, {}\n",
        plain(pipeline),
        text(answer, "state"),
        format_time(time.unwrap_or(0))
    )
}

fn elements(answer: &Json) -> impl Iterator<Item = &Json> {
    let elements = answer.get("elements").and_then(Json::as_array);
    elements.into_iter().flatten()
}

fn text(json: &Json, field: &str) -> String {
    plain(json.get(field).and_then(Json::as_str).unwrap_or_default())
}

/// Where the src pads lead: `src -> queue0.sink`.
fn links(element: &Json) -> String {
    let pads = element.get("pads").and_then(Json::as_array);
    let links: Vec<String> = pads
        .into_iter()
        .flatten()
        .filter(|pad| text(pad, "name").starts_with("src"))
        .map(|pad| format!("{} -> {}", text(pad, "name"), text(pad, "peer")))
        .collect();
    if links.is_empty() {
        "-".to_owned()
    } else {
        links.join(", ")
    }
}

/// `pattern=ball num-buffers=30`.
fn properties(element: &Json) -> String {
    let properties = element.get("properties").and_then(Json::as_array);
    let pair = |property: &Json| {
        let part = |at| plain(property.get(at).and_then(Json::as_str).unwrap_or_default());
        format!("{}={}", part(0), part(1))
    };
    let properties: Vec<String> = properties.into_iter().flatten().map(pair).collect();
    properties.join(" ")
}
