//! The table and the JSON.

use serde_json::{Value, json};

use super::cost::Cost;
use super::line::Who;
use super::measure::{Measured, MeasuredSide, ratio};
use crate::bench::table::markdown;

const HEADER: [&str; 9] = [
    "work",
    "ours CPU",
    "peer",
    "its CPU",
    "CPU ratio",
    "wall ratio",
    "page faults",
    "switches",
    "copied bytes",
];

const START: [&str; 9] = [
    "start",
    "side",
    "wall",
    "ours over it",
    "CPU",
    "ours over it",
    "peak MiB",
    "page faults",
    "switches",
];

/// One line for each pair, and a table of its own for starts, where memory counts; all Markdown.
pub(super) fn table(measured: &[Measured]) -> String {
    let (starts, rows): (Vec<_>, Vec<_>) = measured.iter().partition(|row| row.is_start);
    let mut tables = Vec::new();
    if !rows.is_empty() {
        let rows: Vec<_> = rows.into_iter().flat_map(lines).collect();
        tables.push(markdown(&HEADER, &rows));
    }
    if !starts.is_empty() {
        let rows: Vec<_> = starts.into_iter().flat_map(start).collect();
        tables.push(markdown(&START, &rows));
    }
    tables.join("\n")
}

/// One line for each side.
fn start(row: &Measured) -> Vec<Vec<String>> {
    let ours = row.sides.iter().find(|side| side.who == Who::Millstream);
    let line = |side: &MeasuredSide| {
        let over = |figure: fn(&Cost) -> f64| {
            let ratio = ours.and_then(|ours| ratio(&ours.costs, &side.costs, figure));
            ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"))
        };
        vec![
            format!("{} (`{}`)", row.what, row.name),
            side.who.name().to_owned(),
            time(side.median(|cost| cost.wall_nanos)),
            over(|cost| cost.wall_nanos),
            time(side.median(|cost| cost.cpu_nanos)),
            over(|cost| cost.cpu_nanos),
            format!("{:.1}", side.median(|cost| cost.peak_kib) / 1024.0),
            count(side.median(|cost| cost.faults)),
            count(side.median(|cost| cost.switches)),
        ]
    };
    row.sides.iter().map(line).collect()
}

fn lines(row: &Measured) -> Vec<Vec<String>> {
    let (ours, theirs): (Vec<_>, Vec<_>) = row
        .sides
        .iter()
        .partition(|side| side.who == Who::Millstream);
    let ours = ours.first().copied();
    let mut lines: Vec<_> = theirs
        .iter()
        .map(|side| line(row, ours, Some(side)))
        .collect();
    if lines.is_empty() && ours.is_some() {
        lines.push(line(row, ours, None));
    }
    lines
}

fn line(row: &Measured, ours: Option<&MeasuredSide>, theirs: Option<&MeasuredSide>) -> Vec<String> {
    let none = || "–".to_owned();
    let time = |side: Option<&MeasuredSide>| {
        side.map_or_else(none, |side| time(side.median(|cost| cost.cpu_nanos)))
    };
    let over = |figure: fn(&Cost) -> f64| {
        let ratio = ours
            .zip(theirs)
            .and_then(|(ours, theirs)| ratio(&ours.costs, &theirs.costs, figure));
        ratio.map_or_else(none, |ratio| format!("{ratio:.2}"))
    };
    let counts = |figure: fn(&Cost) -> f64| {
        let count =
            |side: Option<&MeasuredSide>| side.map_or_else(none, |side| count(side.median(figure)));
        format!("{} : {}", count(ours), count(theirs))
    };
    vec![
        format!("{} (`{}`)", row.what, row.name),
        time(ours),
        theirs.map_or_else(none, |side| side.who.name().to_owned()),
        time(theirs),
        over(|cost| cost.cpu_nanos),
        over(|cost| cost.wall_nanos),
        counts(|cost| cost.faults),
        counts(|cost| cost.switches),
        ours.and_then(|side| side.copied).map_or_else(none, count),
    ]
}

/// A time in the unit that reads best.
fn time(nanos: f64) -> String {
    match nanos.abs() {
        0.0..1e4 => format!("{nanos:.0} ns"),
        1e4..1e6 => format!("{:.1} µs", nanos / 1e3),
        _ => format!("{:.2} ms", nanos / 1e6),
    }
}

/// A number of events for each frame; what is less than a hundredth is noise.
fn count(number: f64) -> String {
    match number.abs() {
        0.0..0.005 => "0".to_owned(),
        0.005..10.0 => format!("{number:.2}"),
        _ => format!("{number:.0}"),
    }
}

pub(super) fn json(measured: &[Measured], rounds: usize) -> Value {
    let rows: Vec<Value> = measured.iter().map(Measured::to_json).collect();
    json!({ "rounds": rounds, "rows": rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(time(160.4), "160 ns");
        assert_eq!(time(12_340.0), "12.3 µs");
        assert_eq!(time(1_740_000.0), "1.74 ms");
        assert_eq!(time(-3.0), "-3 ns");
        assert_eq!(count(0.001), "0");
        assert_eq!(count(112.5), "112");
        assert_eq!(count(0.25), "0.25");
    }

    #[test]
    fn a_row_has_a_line_for_each_peer() {
        let side = |who, nanos| MeasuredSide {
            who,
            line: String::new(),
            frames: 1,
            costs: vec![Cost {
                cpu_nanos: nanos,
                wall_nanos: nanos,
                ..Cost::default()
            }],
            copied: (who == Who::Millstream).then_some(0.0),
        };
        let row = Measured {
            name: "row".into(),
            what: "work".into(),
            is_start: false,
            sides: vec![
                side(Who::Millstream, 50.0),
                side(Who::GStreamer, 100.0),
                side(Who::OpenCv, 25.0),
            ],
            skipped: Vec::new(),
        };
        let table = table(&[row]);
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| work (`row`) | 50 ns | GStreamer | 100 ns | 0.50 | 0.50 | 0 : 0 | 0 : 0 | 0 |",
                "| work (`row`) | 50 ns | OpenCV | 25 ns | 2.00 | 2.00 | 0 : 0 | 0 : 0 | 0 |",
            ]
        );
    }
}
