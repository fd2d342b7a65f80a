//! `bench streams`: several streams on one model, with and without the batcher.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::inference;
use super::table::markdown;
use crate::args::Args;
use crate::workspace::Workspace;

/// Frames of each stream.
const FRAMES: usize = 120;
/// How often the memory of a run is looked at.
const LOOK: Duration = Duration::from_millis(20);

pub(super) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let backend = args.value("--backend")?.unwrap_or_else(|| "auto".into());
    let count = args.value("--streams")?.unwrap_or_else(|| "8".into());
    let count: usize = count.parse().context("`--streams` wants a number")?;
    args.finish()?;
    inference::build(workspace)?;

    let clip = inference::drawn_clip(workspace, FRAMES)?;
    let one = run(workspace, &clip, 1, &["--backend", &backend])?;
    let mut rows = vec![one.row("1 stream", None)];
    let many: [(&str, &[&str]); 5] = [
        ("one by one, 1 thread", &["--threads", "1"]),
        ("one by one", &[]),
        ("joined up to 4", &["--max-batch", "4"]),
        ("joined up to 8", &["--max-batch", "8"]),
        (
            "joined up to 8, within 2 ms",
            &["--max-batch", "8", "--max-delay", "2ms"],
        ),
    ];
    for (name, options) in many {
        eprintln!("bench: {count} streams, {name}");
        let options = [&["--backend", &backend], options].concat();
        let ran = run(workspace, &clip, count, &options)?;
        rows.push(ran.row(&format!("{count} streams, {name}"), Some((&one, count))));
    }
    println!(
        "\nThe shipped model on {}; each stream reads a clip of 640x480 as fast as it can.\n",
        one.backend
    );
    let header = [
        "streams",
        "frames/s",
        "p50 ms",
        "p99 ms",
        "peak MiB",
        "MiB a stream more",
        "runs by size",
    ];
    println!("{}", markdown(&header, &rows));
    Ok(())
}

pub(super) struct Ran {
    backend: String,
    pub(super) device: String,
    pub(super) rate: f64,
    p50: f64,
    p99: f64,
    peak_mib: f64,
    batches: String,
}

impl Ran {
    fn row(&self, name: &str, one: Option<(&Self, usize)>) -> Vec<String> {
        let more = one.map_or_else(
            || "–".to_owned(),
            |(one, count)| {
                format!(
                    "{:.1}",
                    (self.peak_mib - one.peak_mib) / (count - 1).max(1) as f64
                )
            },
        );
        vec![
            name.to_owned(),
            format!("{:.0}", self.rate),
            format!("{:.1}", self.p50),
            format!("{:.1}", self.p99),
            format!("{:.0}", self.peak_mib),
            more,
            self.batches.clone(),
        ]
    }
}

/// Runs so many streams of a clip.
fn run(workspace: &Workspace, clip: &Path, count: usize, options: &[&str]) -> Result<Ran> {
    run_with(workspace, clip, count, options, &[])
}

/// The same with variables of the environment.
pub(super) fn run_with(
    workspace: &Workspace,
    clip: &Path,
    count: usize,
    options: &[&str],
    variables: &[(&str, String)],
) -> Result<Ran> {
    let chain = format!(
        "filesrc location={} ! y4mdec ! objectdetector ! fakesink ",
        clip.display()
    );
    let mut command = workspace.command(workspace.binary());
    command
        .args(["launch", "--json", "--clock", "virtual"])
        .args(options)
        .arg(chain.repeat(count));
    command.envs(variables.iter().map(|(name, value)| (*name, value)));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let stdout = child.stdout.take().context("a run without stdout")?;
    let reader = std::thread::spawn(move || std::io::read_to_string(stdout));
    let mut peak = 0.0_f64;
    while child.try_wait()?.is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        peak = peak.max(kib.unwrap_or(0.0) / 1024.0);
        std::thread::sleep(LOOK);
    }
    let said = reader.join().ok().context("the reader of stdout ended")??;
    let summary = said.lines().last().unwrap_or_default();
    let summary: Value = serde_json::from_str(summary).context("the run failed: run it by hand")?;
    let list = |key: &str| {
        summary
            .get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let elements = list("elements");
    let detectors: Vec<&Value> = elements
        .iter()
        .filter(|element| element.get("factory").and_then(Value::as_str) == Some("objectdetector"))
        .collect();
    if detectors.len() != count {
        bail!(
            "the run has {} detectors, expected {count}",
            detectors.len()
        );
    }
    let number = |value: &Value, key: &str| value.get(key).and_then(Value::as_f64).unwrap_or(0.0);
    let largest = |key: &str| {
        detectors
            .iter()
            .map(|it| number(it, key))
            .fold(0.0, f64::max)
            / 1e6
    };
    let frames: f64 = detectors.iter().map(|it| number(it, "buffers-out")).sum();
    let stats = summary
        .get("model-stats")
        .and_then(|stats| stats.get("shapes"));
    let batches = stats
        .and_then(|stats| stats.get("batches"))
        .map(ToString::to_string);
    let models = list("models");
    let said = |key: &str| -> String {
        let text = models.first().and_then(|model| model.get(key)?.as_str());
        text.unwrap_or_default().to_owned()
    };
    Ok(Ran {
        backend: said("backend"),
        device: said("device"),
        rate: frames / (number(&summary, "wall-nanos") / 1e9),
        p50: largest("p50-nanos"),
        p99: largest("p99-nanos"),
        peak_mib: peak,
        batches: batches.unwrap_or_default(),
    })
}
