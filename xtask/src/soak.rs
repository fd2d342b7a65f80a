//! `cargo xtask soak`: a live pipeline whose elements trap, hang, hoard, are swapped and
//! starved at random for a long time; then its books are checked.
//!
//! ```text
//!                       ┌► queue ► understudy (restart) ► fakesink
//! videotestsrc ► tee ───┼► queue ► understudy (drop) ► videoconvert ► fakesink
//!                       └► valve ► queue (leaky) ► understudy (restart) ► fakesink
//!          ctl: swap, pause, valve … ┘
//! ```
//!
//! The first two queues are short, so that frames in flight, and with them memory, do not
//! follow what else the machine does. Faults come out of the frames' times and a seed, in the guest; what is done from outside
//! comes out of the seed too. The process is the real one, started as users start it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::args::Args;
use crate::bench::table::{markdown, quantile};
use crate::workspace::Workspace;
use crate::{components, demo, setup};

/// How long it runs where the command line does not say, in minutes.
const DEFAULT_MINUTES: u64 = 2;
/// Frames a second.
const RATE: u32 = 60;
/// Of a thousand buffers, so many fail in each of the three elements.
const ODDS: u32 = 45;
/// When memory, descriptors and threads are taken as settled.
const SETTLED: Duration = Duration::from_mins(1);
/// Samples, one a second, that are one look at memory.
const WINDOW: usize = 60;
/// Of a window's anonymous memory, the sample that counts: an element that hoards is up to its limit for some
/// seconds, in one window more than in the next, while what leaks stays and raises them all.
const FLOOR: f64 = 0.1;
/// Most growth of memory after it has settled, in percent.
const MOST_GROWTH: f64 = 5.0;
/// How long the end may take.
const END: Duration = Duration::from_mins(1);

pub(crate) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let minutes = args.number("--minutes", DEFAULT_MINUTES)?.max(2);
    let seed = args.number("--seed", 1)?;
    args.finish()?;
    setup::setup(workspace)?;
    components::components(workspace)?;
    components::fixtures(workspace)?;
    demo::build_binary(workspace)?;
    let folder = workspace.root.join("target/soak");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("soak.toml"), manifest(workspace, seed))?;
    // Another component by its digest: a section of names more, which does nothing.
    let guest = fs::read(understudy(workspace))?;
    fs::write(
        folder.join("other.wasm"),
        [&guest[..], b"\0\x06\x05other"].concat(),
    )?;
    eprintln!("soak: {minutes} minutes with seed {seed}");
    let mut soak = Soak::start(workspace, &folder, seed)?;
    soak.run(Duration::from_secs(60 * minutes))?;
    soak.end()
}

fn understudy(workspace: &Workspace) -> PathBuf {
    workspace.root.join("target/fixtures/understudy.wasm")
}

fn manifest(workspace: &Workspace, seed: u64) -> String {
    let guest = understudy(workspace);
    let element = |name: &str, seed: u64, policy: &str| {
        format!(
            "[elements.{name}]\ncomponent = \"{}\"\n\
             properties = {{ odds = {ODDS}, seed = {seed} }}\n\
             limits = {{ memory = '16MiB', call-time = '50ms' }}\n\
             on-failure = \"{policy}\"\n\
             restart = {{ max = 100000, within = '10s', backoff = '1ns' }}\n",
            guest.display()
        )
    };
    let sinks =
        ["a", "b", "c"].map(|name| format!("[elements.sink-{name}]\ncomponent = \"fakesink\"\n"));
    format!(
        "[pipeline]\nchains = [\n\
         \"source ! video/x-raw,format=I420,width=320,height=240,framerate={RATE}/1 ! tee name=t\",\n\
         \"t. ! queue name=queue-a max-size-buffers=8 ! a ! sink-a\",\n\
         \"t. ! queue name=queue-b max-size-buffers=8 ! b ! convert ! video/x-raw,format=RGB ! sink-b\",\n\
         \"t. ! valve name=valve ! queue name=queue-c leaky=downstream max-size-buffers=5 ! c ! sink-c\",\n]\n\
         [elements.source]\ncomponent = \"videotestsrc\"\nproperties = {{ is-live = true, pattern = \"ball\" }}\n\
         [elements.convert]\ncomponent = \"videoconvert\"\n{}{}{}{}",
        element("a", seed, "restart"),
        element("b", seed + 1, "drop"),
        element("c", seed + 2, "restart"),
        sinks.concat()
    )
}

/// What `/proc` says of the process. Memory is what it has written to: pages of files, such
/// as compiled code, come and go with what else the machine does.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Of its heap and of the guests' memories, KiB.
    anonymous: f64,
    /// Of frames, KiB.
    shared: f64,
    descriptors: usize,
    threads: usize,
}

struct Soak {
    child: Child,
    binary: PathBuf,
    socket: PathBuf,
    folder: PathBuf,
    /// Counts messages by their type, and keeps the last: the summary.
    reader: JoinHandle<(BTreeMap<String, u64>, String)>,
    random: u64,
    samples: Vec<Sample>,
    /// What was done from outside, and what came of it.
    done: BTreeMap<String, u64>,
}

impl Soak {
    fn start(workspace: &Workspace, folder: &Path, seed: u64) -> Result<Self> {
        let socket = folder.join("soak.sock");
        let binary = workspace.binary();
        let mut child = Command::new(&binary)
            .args(["run", "--json", "--quiet"])
            .arg(format!("--control={}", socket.display()))
            .arg(folder.join("soak.toml"))
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("a run without stdout")?;
        let reader = std::thread::spawn(move || count(BufReader::new(stdout)));
        Ok(Self {
            child,
            binary,
            socket,
            folder: folder.to_owned(),
            reader,
            random: seed | 1,
            samples: Vec::new(),
            done: BTreeMap::new(),
        })
    }

    /// Disturbs it until the time is up.
    fn run(&mut self, time: Duration) -> Result<()> {
        let began = Instant::now();
        let mut told = 0;
        while began.elapsed() < time {
            if let Some(status) = self.child.try_wait()? {
                bail!("the process ended by itself ({status})");
            }
            let second = Instant::now();
            self.disturb();
            let sample = sample(self.child.id())?;
            self.samples.push(sample);
            let minute = began.elapsed().as_secs() / 60;
            if minute > told {
                told = minute;
                let Sample {
                    anonymous,
                    shared,
                    descriptors,
                    threads,
                } = sample;
                eprintln!(
                    "soak: {minute} min, {anonymous} KiB of heaps, {shared} KiB of frames, \
                     {descriptors} descriptors, {threads} threads"
                );
            }
            std::thread::sleep(Duration::from_secs(1).saturating_sub(second.elapsed()));
        }
        Ok(())
    }

    fn pick<'a>(&mut self, things: &[&'a str]) -> &'a str {
        let at = self.chance(things.len() as u64) as usize;
        things.get(at).copied().unwrap_or_default()
    }

    fn chance(&mut self, below: u64) -> u64 {
        // Xorshift64, Marsaglia (2003).
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    /// One thing from outside, most seconds.
    fn disturb(&mut self) {
        let element = self.pick(&["a", "b", "c"]);
        match self.chance(10) {
            0..=2 => {
                let file = self.pick(&["../fixtures/understudy.wasm", "other.wasm"]);
                let file = self.folder.join(file).display().to_string();
                self.ctl("swap", &["swap", element, &file, "--trial", "300ms"]);
            }
            3 => {
                let file = self.folder.join("../components/videoconvert.wasm");
                let file = file.display().to_string();
                self.ctl("swap", &["swap", "convert", &file, "--trial", "100ms"]);
            }
            4 => {
                self.ctl("set-property", &["set-property", "valve", "drop", "true"]);
                std::thread::sleep(Duration::from_millis(300));
                self.ctl("set-property", &["set-property", "valve", "drop", "false"]);
            }
            5 => {
                self.ctl("pause", &["pause"]);
                std::thread::sleep(Duration::from_millis(100));
                self.ctl("resume", &["resume"]);
            }
            6 => {
                let how = self.pick(&["trap-in-save", "much", "nothing"]);
                self.ctl("set-property", &["set-property", element, "now", how]);
                std::thread::sleep(Duration::from_millis(200));
                self.ctl("set-property", &["set-property", element, "now", "fine"]);
            }
            7 => self.ctl("swap of a stranger", &["swap", element, "Cargo.toml"]),
            _ => self.ctl("stats", &["stats"]),
        }
    }

    fn ctl(&mut self, what: &str, args: &[&str]) {
        let run = Command::new(&self.binary)
            .arg("ctl")
            .arg("--socket")
            .arg(&self.socket)
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let came = match run {
            Ok(status) if status.success() => "done",
            Ok(_) => "refused",
            Err(_) => "not started",
        };
        *self.done.entry(format!("{what}, {came}")).or_default() += 1;
    }

    /// Ends it in good order and checks what it says of itself.
    fn end(mut self) -> Result<()> {
        self.ctl("set-property", &["set-property", "valve", "drop", "false"]);
        self.ctl("resume", &["resume"]);
        self.ctl("eos", &["eos"]);
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait()? {
                Some(status) => break status,
                None if began.elapsed() > END => {
                    self.child.kill()?;
                    bail!("it did not end within {END:?} of its end of stream");
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let (messages, summary) = self.reader.join().ok().context("the reader ended")?;
        let summary: Value = serde_json::from_str(&summary).context("no summary at the end")?;
        let mut wrong = Vec::new();
        if !status.success() {
            wrong.push(format!("it ended with {status}"));
        }
        if self.socket.exists() {
            wrong.push("its socket is still there".to_owned());
        }
        print_counts("message", &messages);
        print_counts("from outside", &self.done);
        wrong.extend(Books::new(&summary)?.check()?);
        wrong.extend(check_samples(&self.samples));
        if wrong.is_empty() {
            println!("all buffers are accounted for, nothing has grown");
            return Ok(());
        }
        bail!("the books are wrong:\n  {}", wrong.join("\n  "))
    }
}

/// Counts messages by type until the end; the last line is the summary.
fn count(lines: impl BufRead) -> (BTreeMap<String, u64>, String) {
    let (mut counts, mut last) = (BTreeMap::new(), String::new());
    for line in lines.lines().map_while(Result::ok) {
        let kind = serde_json::from_str::<Value>(&line).ok().and_then(|json| {
            let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
            let kind = text("kind").map_or_else(String::new, |kind| format!(", {kind}"));
            Some(text("type")? + &kind)
        });
        *counts.entry(kind.unwrap_or_default()).or_default() += 1;
        last = line;
    }
    (counts, last)
}

fn sample(process: u32) -> Result<Sample> {
    let folder = PathBuf::from(format!("/proc/{process}"));
    let status = fs::read_to_string(folder.join("status"))?;
    let number = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok())
            .with_context(|| format!("no {key} in /proc"))
    };
    Ok(Sample {
        anonymous: number("RssAnon:")?,
        shared: number("RssShmem:")?,
        descriptors: fs::read_dir(folder.join("fd"))?.count(),
        threads: number("Threads:")? as usize,
    })
}

/// A number out of a window of samples.
type Measure<'a> = &'a dyn Fn(&[Sample]) -> f64;

/// Memory, descriptors and threads at the end against those after the first minute.
fn check_samples(samples: &[Sample]) -> Vec<String> {
    let part = |samples: &[Sample], share: f64, get: fn(&Sample) -> f64| {
        let values: Vec<f64> = samples.iter().map(get).collect();
        quantile(&values, share).unwrap_or(0.0)
    };
    let settled = (SETTLED.as_secs() as usize).min(samples.len() / 2);
    let window = |from: usize| {
        let samples = samples.get(from..).unwrap_or_default();
        samples.get(..WINDOW).unwrap_or(samples)
    };
    let (before, after) = (
        window(settled),
        window(samples.len().saturating_sub(WINDOW)),
    );
    let anonymous = |of: &[Sample]| part(of, FLOOR, |it| it.anonymous);
    // Fewer frames, as while a branch is shut, must not hide a heap that grows.
    let frames = |of: &[Sample]| part(of, 0.5, |it| it.shared);
    let rows: [(&str, Measure<'_>, Option<f64>); 5] = [
        (
            "memory, KiB",
            &|of| anonymous(of) + frames(of),
            Some(MOST_GROWTH),
        ),
        ("its anonymous part", &anonymous, None),
        ("its frames", &frames, None),
        (
            "descriptors",
            &|of| part(of, 0.5, |it| it.descriptors as f64),
            Some(0.0),
        ),
        (
            "threads",
            &|of| part(of, 0.5, |it| it.threads as f64),
            Some(0.0),
        ),
    ];
    let (mut table, mut wrong) = (Vec::new(), Vec::new());
    for (name, measure, most) in rows {
        let (before, after) = (measure(before), measure(after));
        let growth = 100.0 * (after / before - 1.0);
        table.push(vec![
            name.to_owned(),
            format!("{before:.0}"),
            format!("{after:.0}"),
            format!("{growth:+.1} %"),
        ]);
        if most.is_some_and(|most| growth > most) {
            wrong.push(format!(
                "{name}: {before:.0} after a minute, {after:.0} at the end"
            ));
        }
    }
    println!(
        "{}",
        markdown(&["", "after a minute", "at the end", ""], &table)
    );
    wrong
}

fn print_counts(title: &str, counts: &BTreeMap<String, u64>) {
    let rows: Vec<Vec<String>> = counts
        .iter()
        .map(|(name, count)| vec![name.clone(), count.to_string()])
        .collect();
    println!("{}", markdown(&[title, "count"], &rows));
}

/// What each element says that it got, sent and lost.
struct Books(BTreeMap<String, Value>);

impl Books {
    fn new(summary: &Value) -> Result<Self> {
        let elements = summary.get("elements").and_then(Value::as_array);
        let elements = elements.context("no elements in the summary")?;
        Ok(Self(
            elements
                .iter()
                .filter_map(|it| Some((it.get("name")?.as_str()?.to_owned(), it.clone())))
                .collect(),
        ))
    }

    fn get(&self, element: &str, key: &str) -> Result<i64> {
        let value = self.0.get(element).and_then(|it| it.get(key)?.as_i64());
        value.with_context(|| format!("no `{key}` of `{element}` in the summary"))
    }

    /// What does not add up.
    fn check(&self) -> Result<Vec<String>> {
        let keys = [
            "buffers-in",
            "buffers-out",
            "dropped",
            "failures",
            "restarts",
        ];
        let rows: Vec<Vec<String>> = self
            .0
            .keys()
            .map(|name| {
                let cells = keys.iter().map(|key| Ok(self.get(name, key)?.to_string()));
                std::iter::once(Ok(name.clone())).chain(cells).collect()
            })
            .collect::<Result<_>>()?;
        let header: Vec<&str> = std::iter::once("element").chain(keys).collect();
        println!("{}", markdown(&header, &rows));
        let mut wrong = Vec::new();
        let mut same = |what: &str, a: Result<i64>, b: Result<i64>| -> Result<()> {
            let (a, b) = (a?, b?);
            if a != b {
                wrong.push(format!("{what}: {a} against {b}"));
            }
            Ok(())
        };
        let get = |element: &str, key: &str| self.get(element, key);
        let sum = |element: &str, a: &str, b: &str| Ok(get(element, a)? + get(element, b)?);
        let (i, o, d) = ("buffers-in", "buffers-out", "dropped");
        same("source to tee", get("source", o), get("t", i))?;
        let branches = get("t", i).map(|buffers| 3 * buffers);
        same("tee to its branches", get("t", o), branches)?;
        for branch in ["queue-a", "queue-b", "valve"] {
            same(&format!("tee to {branch}"), get("t", i), get(branch, i))?;
        }
        same("valve", get("valve", i), sum("valve", o, d))?;
        same("valve to queue-c", get("valve", o), get("queue-c", i))?;
        let mut faults = 0;
        for name in ["a", "b", "c"] {
            let (queue, sink) = (format!("queue-{name}"), format!("sink-{name}"));
            same(&queue, get(&queue, i), sum(&queue, o, d))?;
            same(&format!("{queue} to {name}"), get(&queue, o), get(name, i))?;
            same(name, get(name, i), sum(name, o, d))?;
            let next = if name == "b" { "convert" } else { &sink };
            same(&format!("{name} to {next}"), get(name, o), get(next, i))?;
            faults += get(name, "failures")?;
        }
        same("convert", get("convert", i), get("convert", o))?;
        same("convert to sink-b", get("convert", o), get("sink-b", i))?;
        println!("{faults} faults\n");
        Ok(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(end: Sample) -> Vec<Sample> {
        let begin = Sample {
            anonymous: 3500.0,
            shared: 3000.0,
            descriptors: 14,
            threads: 10,
        };
        [vec![begin; 120], vec![end; 60]].concat()
    }

    #[test]
    fn growth_is_seen_and_frames_do_not_hide_it() {
        let end = Sample {
            anonymous: 3700.0,
            shared: 3000.0,
            descriptors: 14,
            threads: 10,
        };
        assert!(check_samples(&samples(end)).is_empty());
        let heap = Sample {
            anonymous: 4000.0,
            ..end
        };
        assert_eq!(check_samples(&samples(heap)).len(), 1);
        // A minute with a third of its samples from a shut branch.
        let mut shut = samples(heap);
        let few = shut.iter_mut().skip(120).step_by(3);
        few.for_each(|sample| sample.shared = 1000.0);
        assert_eq!(check_samples(&shut).len(), 1);
        let threads = Sample { threads: 11, ..end };
        assert_eq!(check_samples(&samples(threads)).len(), 1);
    }
}
