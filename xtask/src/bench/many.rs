//! `bench many [--rounds N] [--binary PATH]`: 1 to 64 live streams in one process, here and with
//! `gst-launch-1.0`: what each costs, how late its frames are, and what memory one more takes.
//!
//! ```text
//! start ─► settle ─► look ─► a stretch of steady work ─► look ─► end ─► summary
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::peers;
use super::table::{markdown, median};
use crate::args::Args;
use crate::workspace::{Workspace, succeeds};

const COUNTS: [usize; 4] = [1, 4, 16, 64];
const FPS: u64 = 15;
/// After it all streams have begun, and what starting costs is over.
const SETTLE: Duration = Duration::from_millis(1500);
/// The stretch that is measured.
const STRETCH: Duration = Duration::from_secs(6);
/// What may come in between, so that no stream ends within the stretch.
const SPARE: Duration = Duration::from_secs(1);

pub(super) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let rounds = args.number("--rounds", 3)?.max(1);
    let binary = args.value("--binary")?;
    args.finish()?;
    let binary = match binary {
        Some(path) => path.into(),
        None => peers::build(workspace)?,
    };
    let has_peer = succeeds(workspace.command("gst-launch-1.0").arg("--version"));
    if !has_peer {
        eprintln!(
            "bench: GStreamer is left out: it is not installed\nhint: `cargo xtask bench peers --install`"
        );
    }
    let sides = [Side::Ours(binary), Side::GStreamer];
    let sides = sides.get(..1 + usize::from(has_peer)).unwrap_or_default();
    // Of each count the sides, of each side the rounds.
    let mut ran: Vec<Vec<Vec<Ran>>> = vec![vec![Vec::new(); sides.len()]; COUNTS.len()];
    for round in 1..=rounds {
        for (count, ran) in COUNTS.into_iter().zip(&mut ran) {
            eprintln!("bench: round {round} of {rounds}, streams: {count}");
            for (side, ran) in sides.iter().zip(ran) {
                ran.push(run(workspace, side, count)?);
            }
        }
    }
    println!("\n{}", table(&ran));
    Ok(())
}

enum Side {
    /// A build of ours.
    Ours(PathBuf),
    GStreamer,
}

impl Side {
    fn command(&self, workspace: &Workspace, count: usize) -> Command {
        let frames = FPS * (SETTLE + STRETCH + SPARE).as_secs();
        // An `identity` with nothing to do is not called here; GStreamer's always is.
        let identity = match self {
            Self::Ours(_) => "identity drop-probability=0.000000001",
            Self::GStreamer => "identity",
        };
        let chain = format!(
            "videotestsrc is-live=true num-buffers={frames} \
             ! video/x-raw,format=I420,width=320,height=240,framerate={FPS}/1 \
             ! {identity} ! videoconvert ! video/x-raw,format=RGB ! fakesink "
        );
        let line = chain.repeat(count);
        match self {
            Self::Ours(binary) => {
                let mut command = workspace.command(binary);
                command.args(["launch", "--json", &line]);
                command
            }
            Self::GStreamer => {
                let mut command = workspace.command("gst-launch-1.0");
                command.arg("-q").args(line.split_whitespace());
                command
            }
        }
    }
}

/// What a run of so many streams cost.
#[derive(Clone, Copy, Debug, Default)]
struct Ran {
    /// CPU time of a second of one stream.
    cpu_millis: f64,
    threads: f64,
    mib: f64,
    /// How late frames came to the sink that had it worst: 99 of 100, and all.
    p99_millis: f64,
    latest_millis: f64,
}

fn run(workspace: &Workspace, side: &Side, count: usize) -> Result<Ran> {
    let mut command = side.command(workspace, count);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = Running(command.stderr(Stdio::null()).spawn()?);
    let stdout = child.0.stdout.take().context("a run without stdout")?;
    // A summary of many streams is longer than a pipe.
    let reader = std::thread::spawn(move || std::io::read_to_string(stdout));
    sleep(SETTLE);
    let process = PathBuf::from(format!("/proc/{}", child.0.id()));
    let (start, before) = (Instant::now(), cpu_nanos(&process)?);
    sleep(STRETCH);
    let (wall, after) = (start.elapsed(), cpu_nanos(&process)?);
    let mut ran = Ran {
        cpu_millis: (after - before) / 1e6 / wall.as_secs_f64() / count as f64,
        threads: figure(&process.join("status"), &["Threads:"])?,
        mib: figure(&process.join("smaps_rollup"), &["Pss_Anon:", "Pss_Shmem:"])? / 1024.0,
        ..Ran::default()
    };
    let status = child.0.wait()?;
    let said = reader.join().ok().context("the reader of stdout ended")??;
    if !status.success() {
        bail!("a run of {count} streams failed ({status}): run it by hand");
    }
    if let Side::Ours(_) = side {
        (ran.p99_millis, ran.latest_millis) = lateness(&said, count)?;
    }
    Ok(ran)
}

/// A process that does not outlive a bench that breaks off.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

/// CPU time of all threads that a process has.
///
/// # Source
/// <https://docs.kernel.org/scheduler/sched-stats.html>, `/proc/<pid>/schedstat`: the first number.
/// The times in `stat` count in hundredths of a second, which is more than a stream takes.
fn cpu_nanos(process: &Path) -> Result<f64> {
    let mut sum = 0.0;
    for thread in fs::read_dir(process.join("task")).context("the run ended too soon")? {
        // A thread may have ended since it was listed.
        let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        let nanos = text.split_whitespace().next();
        sum += nanos.and_then(|nanos| nanos.parse().ok()).unwrap_or(0.0);
    }
    Ok(sum)
}

/// The sum of some lines of a file in `/proc`. Memory is counted by `Pss`: in `Rss` a frame counts
/// once for each element that sees it.
fn figure(file: &Path, keys: &[&str]) -> Result<f64> {
    let text = fs::read_to_string(file).context("the run ended too soon")?;
    let number = |key: &&str| -> Result<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(*key));
        let word = line.and_then(|line| line.split_whitespace().next());
        let word = word.with_context(|| format!("no `{key}` in `{}`", file.display()))?;
        Ok(word.parse()?)
    };
    keys.iter().map(number).sum()
}

/// 99 of 100 frames, and all, in milliseconds at the sink that had it worst.
fn lateness(said: &str, count: usize) -> Result<(f64, f64)> {
    let summary: Value = serde_json::from_str(said.lines().last().unwrap_or_default())?;
    let elements = summary.get("elements").and_then(Value::as_array);
    let elements = elements.context("a summary without elements")?;
    let of = |factory: &str| -> Vec<&Value> {
        let is = |element: &&Value| element.get("factory").and_then(Value::as_str) == Some(factory);
        elements.iter().filter(is).collect()
    };
    let number = |element: &&Value, key: &str| element.get(key).and_then(Value::as_f64);
    let called = |element: &&&Value| number(element, "nanos").is_some_and(|nanos| nanos > 0.0);
    let sinks = of("fakesink");
    if sinks.len() != count || of("identity").iter().filter(called).count() != count {
        bail!("expected {count} sinks, and as many `identity` that are called");
    }
    let worst = |key: &str| {
        let numbers = sinks.iter().map(|sink| number(sink, key));
        let numbers: Option<Vec<f64>> = numbers.collect();
        let numbers = numbers.with_context(|| format!("a sink without `{key}`"))?;
        anyhow::Ok(numbers.into_iter().fold(0.0, f64::max) / 1e6)
    };
    Ok((worst("latency-p99-nanos")?, worst("latency-max-nanos")?))
}

/// Medians of the rounds; ratios are medians of the rounds' pairs.
fn table(ran: &[Vec<Vec<Ran>>]) -> String {
    let header = [
        "streams",
        "CPU ms a second and stream",
        "of one stream's",
        "GStreamer's",
        "ours over it",
        "p99 late ms",
        "latest ms",
        "threads",
        "GStreamer's",
        "MiB",
        "KiB a stream more",
        "GStreamer's",
    ];
    let one = ran.first().map(Vec::as_slice).unwrap_or_default();
    let rows = COUNTS.iter().zip(ran);
    let rows: Vec<Vec<String>> = rows.map(|(count, sides)| row(*count, sides, one)).collect();
    markdown(&header, &rows)
}

fn row(count: usize, sides: &[Vec<Ran>], one: &[Vec<Ran>]) -> Vec<String> {
    let rounds = |sides: &[Vec<Ran>], side: usize, figure: fn(&Ran) -> f64| -> Vec<f64> {
        let rounds = sides.get(side).map(Vec::as_slice).unwrap_or_default();
        rounds.iter().map(figure).collect()
    };
    let shown = |values: &[f64], digits: usize| match values {
        [] => "–".to_owned(),
        values => format!("{:.digits$}", median(values)),
    };
    let ratio = |ours: &[f64], theirs: &[f64]| {
        let pairs = ours.iter().zip(theirs);
        let ratios: Vec<f64> = pairs.map(|(ours, theirs)| ours / theirs).collect();
        shown(&ratios, 2)
    };
    let more = |side: usize| {
        let (many, one) = (
            rounds(sides, side, |ran| ran.mib),
            rounds(one, side, |ran| ran.mib),
        );
        let pairs = many.iter().zip(&one).filter(|_| count > 1);
        let more = pairs.map(|(many, one)| (many - one) * 1024.0 / (count - 1) as f64);
        shown(&more.collect::<Vec<_>>(), 0)
    };
    let cpu: fn(&Ran) -> f64 = |ran| ran.cpu_millis;
    let (ours, theirs) = (rounds(sides, 0, cpu), rounds(sides, 1, cpu));
    vec![
        count.to_string(),
        shown(&ours, 2),
        ratio(&ours, &rounds(one, 0, cpu)),
        shown(&theirs, 2),
        ratio(&ours, &theirs),
        shown(&rounds(sides, 0, |ran| ran.p99_millis), 1),
        shown(&rounds(sides, 0, |ran| ran.latest_millis), 1),
        shown(&rounds(sides, 0, |ran| ran.threads), 0),
        shown(&rounds(sides, 1, |ran| ran.threads), 0),
        shown(&rounds(sides, 0, |ran| ran.mib), 1),
        more(0),
        more(1),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_stream_more_is_a_difference_of_pairs() {
        let ran = |cpu_millis, mib| Ran {
            cpu_millis,
            mib,
            ..Ran::default()
        };
        let one = [vec![ran(4.0, 2.0)], vec![ran(8.0, 3.0)]];
        let four = [vec![ran(3.0, 5.0)], vec![ran(6.0, 4.5)]];
        let cells = row(4, &four, &one);
        let cell = |at: usize| cells.get(at).map(String::as_str).unwrap_or_default();
        assert_eq!([cell(2), cell(4)], ["0.75", "0.50"]);
        assert_eq!([cell(10), cell(11)], ["1024", "512"]);
        let alone = row(1, &one[..1], &one[..1]);
        assert_eq!(alone[3..5], ["–", "–"]);
        assert_eq!(alone[10..], ["–", "–"]);
    }
}
