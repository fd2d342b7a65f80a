//! One row: finds how many frames make a turn, then gives each side its turn, round after round.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::cost::{self, Cost};
use super::line::{self, KERNELS, Side, Who};
use super::process::Peer;
use super::rows::Row;
use crate::bench::table::median;
use crate::workspace::{Workspace, capture};

/// Frames of the first trial, and most of a run.
const FEWEST: u64 = 8;
const MOST: u64 = 8_000_000;
/// The long run has so many times the frames of the short one.
const LONG: u64 = 5;

/// What measures.
pub(super) struct Bench<'a> {
    pub(super) workspace: &'a Workspace,
    /// Ours.
    pub(super) binary: PathBuf,
    pub(super) rounds: usize,
    /// The Python that has `OpenCV`.
    pub(super) python: Option<PathBuf>,
    /// A new process for each row: what its heap has learnt in one row would help it in the next.
    pub(super) opencv: RefCell<Option<Peer>>,
}

/// A side that can run, with the line and the frames that it runs.
struct Ready<'a> {
    side: &'a Side,
    line: &'a str,
    long: u64,
    costs: Vec<Cost>,
}

/// What is known of a row.
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) what: String,
    pub(super) is_start: bool,
    pub(super) sides: Vec<MeasuredSide>,
    /// Who could not take part, and why.
    pub(super) skipped: Vec<(Who, String)>,
}

pub(super) struct MeasuredSide {
    pub(super) who: Who,
    pub(super) line: String,
    pub(super) frames: u64,
    pub(super) costs: Vec<Cost>,
    /// Bytes that were copied for one frame, where the side tells.
    pub(super) copied: Option<f64>,
}

impl MeasuredSide {
    /// The median of a figure over all rounds.
    pub(super) fn median(&self, figure: fn(&Cost) -> f64) -> f64 {
        median(&self.costs.iter().map(figure).collect::<Vec<_>>())
    }
}

/// The median of ours over theirs, round by round; none where a side is lost in noise.
pub(super) fn ratio(ours: &[Cost], theirs: &[Cost], figure: fn(&Cost) -> f64) -> Option<f64> {
    let is_noise = |side: &[Cost]| median(&side.iter().map(figure).collect::<Vec<_>>()) <= 0.0;
    if is_noise(ours) || is_noise(theirs) {
        return None;
    }
    let pairs = ours.iter().zip(theirs);
    let ratios: Vec<f64> = pairs
        .map(|(ours, theirs)| figure(ours) / figure(theirs))
        .filter(|ratio| ratio.is_finite())
        .collect();
    (!ratios.is_empty()).then(|| median(&ratios))
}

impl Bench<'_> {
    pub(super) fn row(&self, row: &Row, is_here: impl Fn(Who) -> bool) -> Result<Measured> {
        if row.sides.iter().any(|side| side.who == Who::OpenCv) {
            self.opencv.replace(self.start_opencv()?);
        }
        let mut skipped = Vec::new();
        let mut ready = Vec::new();
        for side in row.sides.iter().filter(|side| is_here(side.who)) {
            match self.prepare(row, side) {
                Ok(side) => ready.push(side),
                Err(error) => skipped.push((side.who, format!("{error:#}"))),
            }
        }
        for round in 0..self.rounds {
            // Whoever is first in one round is last in the next.
            let count = ready.len();
            for turn in 0..count {
                let place = if round % 2 == 0 {
                    turn
                } else {
                    count - 1 - turn
                };
                if let Some(side) = ready.get_mut(place) {
                    let cost = self.turn(row, side)?;
                    side.costs.push(cost);
                }
            }
        }
        let sides = ready.into_iter().map(|side| MeasuredSide {
            who: side.side.who,
            line: side.line.to_owned(),
            frames: side.long,
            copied: self.copied(&side).ok(),
            costs: side.costs,
        });
        Ok(Measured {
            name: row.name.clone(),
            what: row.what.clone(),
            is_start: row.is_start,
            sides: sides.collect(),
            skipped,
        })
    }

    fn start_opencv(&self) -> Result<Option<Peer>> {
        let Some(python) = &self.python else {
            return Ok(None);
        };
        let mut command = self.workspace.command(python);
        Ok(Some(Peer::start(command.args([KERNELS, "serve"]))?.0))
    }

    /// The first line that runs, and how many frames of it fill a turn.
    fn prepare<'s>(&self, row: &Row, side: &'s Side) -> Result<Ready<'s>> {
        let mut failed = None;
        for line in &side.with {
            match self.calibrate(row, side, line) {
                Ok(long) => {
                    return Ok(Ready {
                        side,
                        line,
                        long,
                        costs: Vec::new(),
                    });
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.context("no line")?)
    }

    fn calibrate(&self, row: &Row, side: &Side, line: &str) -> Result<u64> {
        let mut frames = FEWEST;
        let start = self.run(side, line, frames)?.wall_nanos;
        if row.is_start {
            return Ok(1);
        }
        let turn = row.turn * 1e9;
        loop {
            let wall = self.run(side, line, frames * LONG)?.wall_nanos - start;
            let share = wall / turn;
            if share > 0.1 || frames * LONG >= MOST {
                let long = (frames * LONG) as f64 / share.max(1e-3);
                return Ok((long as u64).clamp(FEWEST * LONG, MOST));
            }
            frames *= LONG;
        }
    }

    fn turn(&self, row: &Row, ready: &Ready<'_>) -> Result<Cost> {
        let side = ready.side;
        if row.is_start {
            return self.run(side, ready.line, 1);
        }
        if side.who == Who::OpenCv {
            return Ok(self.run(side, ready.line, ready.long)? / ready.long as f64);
        }
        let short = ready.long / LONG;
        let frame = |line: &str| -> Result<Cost> {
            let (long, short_run) = (
                self.run(side, line, ready.long)?,
                self.run(side, line, short)?,
            );
            Ok((long - short_run) / (ready.long - short) as f64)
        };
        let mut cost = frame(ready.line)?;
        if let Some(without) = &ready.side.without {
            cost = cost - frame(without)?;
        }
        Ok(cost / ready.side.times)
    }

    fn run(&self, side: &Side, line: &str, frames: u64) -> Result<Cost> {
        if side.who == Who::OpenCv {
            let mut opencv = self.opencv.borrow_mut();
            let opencv = opencv.as_mut().context("there is no OpenCV")?;
            let answer = opencv.ask(&format!("{line} {frames}"))?;
            if let Some(error) = answer.get("error").and_then(Value::as_str) {
                bail!("{error}");
            }
            return Cost::from_json(&answer);
        }
        cost::of(&self.command(side, line, frames, "--quiet"))
    }

    fn command(&self, side: &Side, line: &str, frames: u64, output: &str) -> Command {
        line::command(self.workspace, &self.binary, side, line, frames, output)
    }

    /// What our own summary says of a frame: only it counts copies.
    fn copied(&self, ready: &Ready<'_>) -> Result<f64> {
        if ready.side.who != Who::Millstream {
            bail!("only our summary counts copies");
        }
        let of = |line: &str| -> Result<f64> {
            let frames = ready.long.min(200);
            let mut command = self.command(ready.side, line, frames, "--json");
            let said = capture(&mut command)?;
            Ok(copied_bytes(&said)? / frames as f64)
        };
        let without = ready.side.without.as_deref().map_or(Ok(0.0), of)?;
        Ok((of(ready.line)? - without) / ready.side.times)
    }
}

/// The bytes that all elements copied, of what `--json` prints.
fn copied_bytes(said: &str) -> Result<f64> {
    let summary: Value = serde_json::from_str(said.lines().last().unwrap_or_default())?;
    let elements = summary.get("elements").and_then(Value::as_array);
    let elements = elements.context("a summary without `elements`")?;
    let copied = |element: &Value| element.get("copied-bytes").and_then(Value::as_f64);
    Ok(elements.iter().filter_map(copied).sum())
}

impl Measured {
    pub(super) fn to_json(&self) -> Value {
        let sides: Vec<Value> = self
            .sides
            .iter()
            .map(|side| {
                json!({
                    "who": side.who.name(),
                    "line": side.line,
                    "frames": side.frames,
                    "copied-bytes": side.copied,
                    "rounds": side.costs.iter().map(|cost| cost.to_json()).collect::<Vec<_>>(),
                })
            })
            .collect();
        let skipped: Vec<Value> = self
            .skipped
            .iter()
            .map(|(who, why)| json!({ "who": who.name(), "why": why }))
            .collect();
        json!({ "name": self.name, "what": self.what, "sides": sides, "skipped": skipped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(nanos: &[f64]) -> Vec<Cost> {
        let cost = |cpu_nanos: &f64| Cost {
            cpu_nanos: *cpu_nanos,
            ..Cost::default()
        };
        nanos.iter().map(cost).collect()
    }

    #[test]
    fn ratios_are_of_pairs() {
        let check = |ours: &[f64], theirs: &[f64], expected: Option<f64>| {
            let ratio = ratio(&costs(ours), &costs(theirs), |cost| cost.cpu_nanos);
            assert_eq!(ratio, expected, "{ours:?} over {theirs:?}");
        };
        // Medians would say 2; pair by pair it is 1.
        check(&[1.0, 2.0, 8.0], &[1.0, 1.0, 8.0], Some(1.0));
        check(&[1.0, 1.0, 1.0], &[4.0, 0.0, 4.0], Some(0.25));
        check(&[1.0, 1.0], &[-1.0, -1.0], None);
        check(&[-1.0, -1.0], &[1.0, 1.0], None);
        check(&[], &[], None);
    }

    #[test]
    fn copies_are_summed() {
        let said = "{\"type\":\"message\"}\n\
             {\"elements\":[{\"copied-bytes\":3},{\"copied-bytes\":4},{}]}";
        assert_eq!(copied_bytes(said).unwrap().to_bits(), 7.0_f64.to_bits());
        assert!(copied_bytes("{}").is_err());
        assert!(copied_bytes("").is_err());
    }
}
