//! `cargo xtask hostile`: what a hostile guest in one branch costs the two branches beside it.
//!
//! ```text
//! videotestsrc, 640x480 at 60 fps ─► tee ─┬─► queue ─► videoconvert ─► fakesink
//!                                         ├─► queue ─► videoconvert ─► fakesink
//!                                         └─► leaky queue, thread-priority=background
//!                                                           ─► guest ─► fakesink
//! ```
//!
//! Each run with a hostile guest stands between two with `identity` in its place, several
//! times, so that a machine that drifts shows; what is printed is the median of the rounds.
//! What is over the limit is run again, [`MORE`] times as often, and only that counts:
//! of many rows some are over by chance. What chance does is printed too: well-behaved
//! runs against the next such run.
//! A buffer lost in a good branch fails the task; latencies are printed, since what else
//! the machine does is in them.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::args::{Args, Usage};
use crate::bench::table::{markdown, median, quantile};
use crate::workspace::Workspace;
use crate::{components, demo};

/// How long a run takes where the command line does not say, in seconds: the 18th-worst of
/// 1,800 frames says more than three times the sixth-worst of 600.
const DEFAULT_SECONDS: u64 = 30;
/// Runs with each guest where the command line does not say how many.
const DEFAULT_ROUNDS: u64 = 1;
const FRAMES_A_SECOND: u64 = 60;
/// So many times the rounds for rows that were over the limit.
const MORE: u64 = 3;
/// What is allowed at most: rise of the 99th percentile of latency, in per cent.
const MOST_RISE: f64 = 20.0;

/// `{frames}`, `{guest}`, `{properties}` and `{policy}` are filled in.
const MANIFEST: &str = r#"
[pipeline]
chains = [
  "source ! video/x-raw,format=I420,width=640,height=480,framerate=60/1 ! tee name=t",
  "t. ! queue ! first ! video/x-raw,format=RGB ! good-1",
  "t. ! queue ! second ! video/x-raw,format=BGRx ! good-2",
  "t. ! queue leaky=downstream max-size-buffers=4 thread-priority=background ! victim ! after",
]
[elements]
first = { component = "videoconvert" }
second = { component = "videoconvert" }
good-1 = { component = "fakesink" }
good-2 = { component = "fakesink" }
after = { component = "fakesink" }
[elements.source]
component = "videotestsrc"
properties = { is-live = true, num-buffers = {frames} }
[elements.victim]
component = "{guest}"
properties = { {properties} }
limits = { memory = "64MiB", call-time = "100ms" }
{policy}
"#;

/// Restarts at once and without end: a trap costs next to nothing.
const RESTART: &str =
    "on-failure = \"restart\"\nrestart = { max = 1000000, within = \"100ms\", backoff = \"1us\" }";
/// For guests whose failure takes a core or much memory for long: waits that double keep
/// them from doing little else.
const RESTART_SLOWLY: &str =
    "on-failure = \"restart\"\nrestart = { max = 1000000, within = \"10s\", backoff = \"100ms\" }";
const DROP: &str =
    "on-failure = \"drop\"\nrestart = { max = 1000000, within = \"100ms\", backoff = \"1us\" }";
const STOP_BRANCH: &str = "on-failure = \"stop-branch\"";
const PASS_THROUGH: &str = "on-failure = \"pass-through\"";

/// A hostile guest, what it is told, and what is done about it.
struct Row {
    guest: &'static str,
    properties: &'static str,
    policy: &'static str,
}

const fn row(guest: &'static str, properties: &'static str, policy: &'static str) -> Row {
    Row {
        guest,
        properties,
        policy,
    }
}

const ROWS: &[Row] = &[
    row("trapper", "every = 10", RESTART),
    row("trapper", "every = 10", DROP),
    row("trapper", "every = 10", STOP_BRANCH),
    row("trapper", "every = 10", PASS_THROUGH),
    row("trapper", "every = 1", RESTART),
    row("trapper", "fail-every = 1", DROP),
    row("liar", "how = \"loop-chain\"", RESTART_SLOWLY),
    row("liar", "how = \"loop-chain\"", STOP_BRANCH),
    row("liar", "how = \"deep-chain\"", RESTART),
    row("slow", "work = 0, call-time = \"99ms\"", RESTART),
    row("hog", "what = \"heap\"", RESTART_SLOWLY),
    row("hog", "what = \"frames\"", RESTART_SLOWLY),
    row("hog", "what = \"handles\"", RESTART_SLOWLY),
    row("hog", "what = \"given\"", RESTART),
    row("flooder", "what = \"logs\", count = 3000", RESTART),
    row("flooder", "what = \"messages\", count = 3000", RESTART),
    row("flooder", "what = \"buffers\"", RESTART),
    row("liar", "how = \"frames-sizes\"", RESTART_SLOWLY),
    row("liar", "how = \"metas-held\"", RESTART_SLOWLY),
    row("liar", "how = \"metas-pushed\"", RESTART_SLOWLY),
    row("liar", "how = \"meta-nan\"", RESTART),
    row("liar", "how = \"text-aliased\"", RESTART_SLOWLY),
    row("liar", "how = \"failure-long\"", RESTART_SLOWLY),
    row("liar", "how = \"forged\"", RESTART),
    row("liar", "how = \"drop-twice\"", RESTART),
    row("liar", "how = \"push-and-return\"", RESTART),
    row("liar", "how = \"pads\"", RESTART),
    row("liar", "how = \"view-after-give-away\"", RESTART),
    row("liar", "how = \"view-read-only\"", RESTART),
    row("liar", "how = \"window-unmapped\"", RESTART),
    row("liar", "how = \"window-as-text\"", RESTART),
    row("liar", "how = \"window-scattered\"", RESTART_SLOWLY),
];

const HEADER: [&str; 11] = [
    "guest",
    "policy",
    "failures",
    "restarts",
    "lost in its branch",
    "recovery p50 ms",
    "recovery p99 ms",
    "lost in good branches",
    "p99 latency ms",
    "well-behaved ms",
    "rise %",
];

pub(crate) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let seconds = args.number("--seconds", DEFAULT_SECONDS)?.max(1);
    let rounds = args.number("--rounds", DEFAULT_ROUNDS)?.max(1);
    let rows = chosen(&args.names()?)?;
    components::components(workspace)?;
    components::fixtures(workspace)?;
    demo::build_binary(workspace)?;
    let bench = Bench {
        workspace,
        frames: seconds * FRAMES_A_SECOND,
    };
    // The first run compiles what is not in the cache.
    bench.run(&WELL_BEHAVED)?;
    let mut quiet = Quiet::new(bench.run(&WELL_BEHAVED)?);
    let mut sums = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let (at, of) = (at + 1, rows.len());
        eprintln!("hostile: {at} of {of}, {}", row.guest_text());
        sums.push(bench.rounds(row, rounds, &mut quiet)?);
    }
    for (row, sum) in rows.iter().zip(&mut sums) {
        if sum.rise() > MOST_RISE {
            eprintln!("hostile: again, {}", row.guest_text());
            let lost_before = sum.lost_beside;
            *sum = bench.rounds(row, rounds * MORE, &mut quiet)?;
            sum.lost_beside += lost_before;
        }
    }
    let table: Vec<_> = rows
        .iter()
        .zip(&sums)
        .map(|(row, sum)| sum.cells(row))
        .collect();
    println!("\n{}", markdown(&HEADER, &table));
    let over = sums.iter().filter(|sum| sum.rise() > MOST_RISE).count();
    println!(
        "{over} of {} rows raise the others' p99 latency by more than {MOST_RISE} %; a \
         well-behaved run is {} % off the one before it (median of {})",
        rows.len(),
        quiet.typical_change().round(),
        quiet.changes.len(),
    );
    let lost = quiet.lost + sums.iter().map(|sum| sum.lost_beside).sum::<u64>();
    if lost > 0 {
        bail!("good branches lost {lost} buffers");
    }
    Ok(())
}

/// With nothing to do it would not be called.
const WELL_BEHAVED: Row = row("identity", "eos-after = 1000000000", RESTART);

/// The rows of these guests; all without names.
fn chosen(names: &[String]) -> Result<Vec<&'static Row>> {
    let is_known = |name: &String| ROWS.iter().any(|row| row.guest == name);
    if let Some(name) = names.iter().find(|name| !is_known(name)) {
        let mut known: Vec<&str> = ROWS.iter().map(|row| row.guest).collect();
        known.sort_unstable();
        known.dedup();
        let known = known.join(", ");
        return Err(Usage::new(format!("no hostile guest `{name}`, there are {known}")).into());
    }
    let is_chosen = |row: &&Row| names.is_empty() || names.iter().any(|name| name == row.guest);
    Ok(ROWS.iter().filter(is_chosen).collect())
}

/// The runs with a well-behaved guest.
struct Quiet {
    last: Ran,
    lost: u64,
    /// From each to the next, in percent.
    changes: Vec<f64>,
}

impl Quiet {
    fn new(first: Ran) -> Self {
        Self {
            lost: first.lost_beside,
            last: first,
            changes: Vec::new(),
        }
    }

    /// The 99th percentile around what came between the last and this one.
    fn add(&mut self, ran: Ran) -> f64 {
        self.lost += ran.lost_beside;
        self.changes
            .push((ran.p99_ms / self.last.p99_ms - 1.0).abs() * 100.0);
        let before = std::mem::replace(&mut self.last, ran);
        f64::midpoint(before.p99_ms, self.last.p99_ms)
    }

    fn typical_change(&self) -> f64 {
        median(&self.changes)
    }
}

/// All runs with one guest.
#[derive(Default)]
struct Rounds {
    failures: u64,
    restarts: u64,
    lost_own: u64,
    lost_beside: u64,
    recoveries_ms: Vec<f64>,
    /// 99th percentiles of latency with the guest and with a well-behaved one, and their
    /// ratio, of each round.
    p99_ms: Vec<f64>,
    quiet_ms: Vec<f64>,
    ratios: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, ran: Ran, quiet_ms: f64) {
        self.failures += ran.failures;
        self.restarts += ran.restarts;
        self.lost_own += ran.lost_own;
        self.lost_beside += ran.lost_beside;
        self.recoveries_ms.extend(ran.recoveries_ms);
        self.p99_ms.push(ran.p99_ms);
        self.quiet_ms.push(quiet_ms);
        self.ratios.push(ran.p99_ms / quiet_ms);
    }

    /// In percent.
    fn rise(&self) -> f64 {
        (median(&self.ratios) - 1.0) * 100.0
    }

    fn cells(&self, row: &Row) -> Vec<String> {
        let recovery = |part| match quantile(&self.recoveries_ms, part) {
            Some(millis) => format!("{millis:.2}"),
            None => "–".to_owned(),
        };
        vec![
            row.guest_text(),
            row.policy_word().to_owned(),
            self.failures.to_string(),
            self.restarts.to_string(),
            self.lost_own.to_string(),
            recovery(0.5),
            recovery(0.99),
            self.lost_beside.to_string(),
            format!("{:.2}", median(&self.p99_ms)),
            format!("{:.2}", median(&self.quiet_ms)),
            format!("{:+.0}", self.rise()),
        ]
    }
}

impl Row {
    fn guest_text(&self) -> String {
        let plain = self.properties.replace([' ', '"'], "");
        format!("{} {}", self.guest, plain.replace(',', " "))
    }

    fn policy_word(&self) -> &str {
        self.policy.split('"').nth(1).unwrap_or_default()
    }

    fn manifest(&self, frames: u64) -> String {
        MANIFEST
            .replace("{frames}", &frames.to_string())
            .replace("{guest}", self.guest)
            .replace("{properties}", self.properties)
            .replace("{policy}", self.policy)
    }
}

/// What a run came to.
struct Ran {
    failures: u64,
    restarts: u64,
    lost_own: u64,
    lost_beside: u64,
    /// Of the good branch that fared worse.
    p99_ms: f64,
    recoveries_ms: Vec<f64>,
}

struct Bench<'a> {
    workspace: &'a Workspace,
    frames: u64,
}

impl Bench<'_> {
    fn rounds(&self, row: &Row, rounds: u64, quiet: &mut Quiet) -> Result<Rounds> {
        let mut sum = Rounds::default();
        for _ in 0..rounds {
            let ran = self.run(row)?;
            sum.add(ran, quiet.add(self.run(&WELL_BEHAVED)?));
        }
        Ok(sum)
    }

    fn run(&self, row: &Row) -> Result<Ran> {
        let file: PathBuf = self.workspace.state_dir().join("hostile.toml");
        fs::create_dir_all(self.workspace.state_dir())?;
        fs::write(&file, row.manifest(self.frames))?;
        let mut command = self.workspace.command(self.workspace.binary());
        command
            .args(["run", "--json", "--quiet", "--elements", "target/fixtures"])
            .arg(&file)
            .stderr(Stdio::null());
        let output = command.output().context("cannot start millstream")?;
        let said = String::from_utf8(output.stdout).context("stdout is not UTF-8")?;
        let lines: Vec<Value> = said
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let guest = row.guest_text();
        let summary = lines
            .last()
            .filter(|line| line.get("type").and_then(Value::as_str) == Some("summary"));
        let summary = summary.with_context(|| {
            let (status, file) = (output.status, file.display());
            format!("`{guest}` left no summary ({status}): run it by hand, {file}")
        })?;
        let lost_nanos = |line: &Value| line.get("lost-nanos").and_then(Value::as_f64);
        let recoveries = lines.iter().filter_map(lost_nanos);
        let recoveries_ms = recoveries.map(|nanos| nanos / 1e6).collect();
        read(summary, recoveries_ms).with_context(|| format!("the summary of `{guest}`"))
    }
}

/// The figures of a summary.
fn read(summary: &Value, recoveries_ms: Vec<f64>) -> Result<Ran> {
    let elements = summary.get("elements").and_then(Value::as_array);
    let element = |name: &str| {
        let is_it = |element: &&Value| element.get("name").and_then(Value::as_str) == Some(name);
        elements
            .and_then(|elements| elements.iter().find(is_it))
            .with_context(|| format!("no element `{name}`"))
    };
    let count = |name: &str, key: &str| {
        let value = element(name)?.get(key).and_then(Value::as_u64);
        value.with_context(|| format!("no `{key}` of `{name}`"))
    };
    let sent = count("source", "buffers-out")?;
    let (mut lost_beside, mut p99_nanos) = (0, 0);
    for sink in ["good-1", "good-2"] {
        lost_beside += sent.abs_diff(count(sink, "buffers-in")?);
        p99_nanos = p99_nanos.max(count(sink, "latency-p99-nanos")?);
    }
    Ok(Ran {
        failures: count("victim", "failures")?,
        restarts: count("victim", "restarts")?,
        lost_own: sent.saturating_sub(count("after", "buffers-in")?),
        lost_beside,
        p99_ms: p99_nanos as f64 / 1e6,
        recoveries_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_have_no_hole_left_and_parse() {
        for row in ROWS {
            let text = row.manifest(300);
            let parsed: toml::Table = text.parse().unwrap_or_else(|error| {
                panic!("{}: {error}", row.guest_text());
            });
            assert!(parsed.contains_key("elements"));
            assert!(!row.policy_word().is_empty());
        }
    }
}
