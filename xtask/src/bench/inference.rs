//! `bench inference`: every backend that is here against ONNX Runtime called from Python, on the
//! same input in turn; then the whole detector against the same in Python with `OpenCV`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::peers::{self, Peer};
use super::table::{markdown, median};
use crate::args::Args;
use crate::components;
use crate::step::Step;
use crate::workspace::{Workspace, capture};

/// Rounds in which both sides have their turn.
const ROUNDS: usize = 15;
/// How long a turn is, in nanoseconds, and how many runs it has at least and at most.
const TURN_NANOS: f64 = 1.5e8;
const RUNS: (f64, f64) = (3.0, 50.0);
/// Frames of the short and the long run whose difference is the cost of a frame.
const FRAMES: (usize, usize) = (20, 120);

/// A model that both sides run.
pub(super) struct Model {
    pub(super) path: PathBuf,
    pub(super) name: String,
    /// The largest value of its input.
    pub(super) scale: &'static str,
    family: &'static str,
}

pub(super) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let threads = args.value("--threads")?.unwrap_or_else(|| "1".into());
    args.finish()?;
    let python = peers::python(workspace)?;
    build(workspace)?;

    let models = models(workspace)?;
    let backends = backends(workspace)?;
    let mut rows = Vec::new();
    for model in &models {
        for backend in &backends {
            eprintln!("bench: {} on {backend}", model.name);
            let bench = Pair {
                workspace,
                python: &python,
                model,
                threads: &threads,
            };
            rows.push(bench.row(backend)?);
        }
    }
    let plural = if threads == "1" { "" } else { "s" };
    println!(
        "\nONNX Runtime {} from Python is 1; {threads} thread{plural}; medians of {ROUNDS} rounds in turn.\n",
        python_version(workspace, &python)?
    );
    let header = [
        "model, backend",
        "ms",
        "Python ms",
        "ratio",
        "largest difference",
        "load ms",
        "first run ms",
        "peak MiB",
        "Python MiB",
    ];
    println!("{}", markdown(&header, &rows));
    detectors(workspace, &python, &models, &backends, &threads)
}

/// Elements, binary and worker.
pub(super) fn build(workspace: &Workspace) -> Result<()> {
    components::components(workspace)?;
    let mut build = workspace.cargo("build");
    build.args(["--quiet", "-p", "millstream", "-p", "millstream-runtime"]);
    build.args(["--bins", "--example", "inference_worker"]);
    Step::new(workspace, "build").run(&mut build)?;
    Ok(())
}

/// The program that runs a model as elements do.
pub(super) fn worker(workspace: &Workspace) -> PathBuf {
    workspace
        .cargo_target
        .join("debug/examples/inference_worker")
}

/// The shipped model, and those beside the checkout.
pub(super) fn models(workspace: &Workspace) -> Result<Vec<Model>> {
    let mut models = vec![Model {
        path: workspace.root.join("models/shapes.onnx"),
        name: "shapes".into(),
        scale: "1",
        family: "yolov8",
    }];
    let beside = workspace.root.join("../shared/models");
    let Ok(entries) = fs::read_dir(&beside) else {
        eprintln!(
            "bench: no other models: there is no folder `{}`",
            beside.display()
        );
        return Ok(models);
    };
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
        else {
            continue;
        };
        if path.extension().is_none_or(|extension| extension != "onnx") {
            continue;
        }
        let (scale, family) = match name.to_lowercase() {
            lower if lower.contains("yolox") => ("255", "yolox"),
            lower if lower.contains("fastestdet") => ("1", "fastestdet"),
            _ => ("1", ""),
        };
        models.push(Model {
            path,
            name,
            scale,
            family,
        });
    }
    models.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(models)
}

/// The backends that are here; says why the others are not.
fn backends(workspace: &Workspace) -> Result<Vec<String>> {
    let lines = capture(
        workspace
            .command(workspace.binary())
            .args(["backends", "--json"]),
    )?;
    let mut names = Vec::new();
    for line in lines.lines() {
        let report: Value = serde_json::from_str(line)?;
        let text = |key: &str| report.get(key).and_then(Value::as_str);
        let name = text("name").context("a backend without a name")?;
        match text("unavailable") {
            Some(why) => eprintln!("bench: {name} is left out: {why}"),
            None => names.push(name.to_owned()),
        }
    }
    Ok(names)
}

fn python_version(workspace: &Workspace, python: &Path) -> Result<String> {
    let code = "import onnxruntime; print(onnxruntime.__version__)";
    capture(workspace.command(python).args(["-c", code]))
}

/// One model on one backend, and its peer.
struct Pair<'a> {
    workspace: &'a Workspace,
    python: &'a Path,
    model: &'a Model,
    threads: &'a str,
}

impl Pair<'_> {
    fn row(&self, backend: &str) -> Result<Vec<String>> {
        let folder = self.workspace.root.join("target/bench");
        let (our_file, their_file) = (folder.join("ours.bin"), folder.join("theirs.bin"));
        let name = format!("{}, {backend}", self.model.name);
        let mut our_command = Command::new(worker(self.workspace));
        let (mut ours, first) = Peer::start(self.complete(&mut our_command, backend, &our_file))?;
        if let Some(error) = first.get("error").and_then(Value::as_str) {
            eprintln!("bench: {name}: {error}");
            return Ok(vec![
                name,
                "–".into(),
                error.lines().next().unwrap_or_default().into(),
            ]);
        }
        let mut python = Command::new(self.python);
        python.arg(peers::script(self.workspace)).arg("worker");
        let (mut theirs, _) = Peer::start(self.complete(&mut python, "-", &their_file))?;

        let fastest = median(&ours.times(3)?).max(1.0);
        let runs = (TURN_NANOS / fastest).clamp(RUNS.0, RUNS.1) as usize;
        theirs.times(3)?;
        let (mut our_times, mut their_times, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (our, their) = (median(&ours.times(runs)?), median(&theirs.times(runs)?));
            our_times.push(our);
            their_times.push(their);
            ratios.push(our / their);
        }
        ours.ask("write")?;
        theirs.ask("write")?;
        let difference = largest_difference(&our_file, &their_file)?;
        let peak = |peer: &mut Peer| -> Result<f64> {
            let kib = peer.ask("end")?.get("peak-kib").and_then(Value::as_f64);
            Ok(kib.unwrap_or(0.0) / 1024.0)
        };
        let figure = |key: &str| {
            let number = first.get(key).and_then(Value::as_f64);
            number.map_or_else(|| "–".to_owned(), |number| format!("{number:.1}"))
        };
        Ok(vec![
            name,
            format!("{:.2}", median(&our_times) / 1e6),
            format!("{:.2}", median(&their_times) / 1e6),
            format!("{:.2}", median(&ratios)),
            format!("{difference:.1e}"),
            figure("load-ms"),
            figure("first-run-ms"),
            format!("{:.0}", peak(&mut ours)?),
            format!("{:.0}", peak(&mut theirs)?),
        ])
    }

    /// The arguments that both sides take.
    fn complete<'c>(
        &self,
        command: &'c mut Command,
        backend: &str,
        outputs: &Path,
    ) -> &'c mut Command {
        command
            .arg(&self.model.path)
            .args([backend, self.threads, self.model.scale])
            .arg(outputs)
    }
}

/// The largest absolute difference of two files of `f32`.
pub(super) fn largest_difference(ours: &Path, theirs: &Path) -> Result<f32> {
    let (ours, theirs) = (fs::read(ours)?, fs::read(theirs)?);
    if ours.len() != theirs.len() {
        bail!("outputs of {} and {} bytes", ours.len(), theirs.len());
    }
    let numbers = |bytes: &[u8]| -> Vec<f32> {
        let (numbers, _) = bytes.as_chunks::<4>();
        numbers
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect()
    };
    let pairs = numbers(&ours).into_iter().zip(numbers(&theirs));
    Ok(pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max))
}

/// CPU time of the whole detector, decoding of the clip not counted, against Python's.
fn detectors(
    workspace: &Workspace,
    python: &Path,
    models: &[Model],
    backends: &[String],
    threads: &str,
) -> Result<()> {
    let clips = clips(workspace, python)?;
    let mut rows = Vec::new();
    for model in models.iter().filter(|model| !model.family.is_empty()) {
        let theirs = python_detector(workspace, python, model, threads, &clips.1)?;
        rows.push(vec![
            format!("{}, Python and OpenCV", model.name),
            format!("{:.2}", theirs.0),
            "1".into(),
            theirs.1,
        ]);
        for backend in backends.iter().filter(|name| is_on_cpu(name)) {
            eprintln!("bench: detector with {} on {backend}", model.name);
            let detector = format!("objectdetector model={}", model.path.display());
            let setup = ["--backend", backend, "--threads", threads];
            let whole = cost(workspace, &clips, &detector, &setup)?;
            let rest = cost(workspace, &clips, "identity", &setup)?;
            rows.push(vec![
                format!("{}, objectdetector on {backend}", model.name),
                format!("{:.2}", whole - rest),
                format!("{:.2}", (whole - rest) / theirs.0),
                boxes(workspace, &clips.1, &detector, &setup)?,
            ]);
        }
    }
    println!(
        "CPU time of a frame of 640x480 I420: convert, scale, normalise, run, decode, suppress.\n"
    );
    println!(
        "{}",
        markdown(&["detector", "CPU ms", "ratio", "boxes"], &rows)
    );
    Ok(())
}

fn is_on_cpu(backend: &str) -> bool {
    matches!(backend, "embedded" | "onnxruntime" | "openvino")
}

/// A short and a long clip of a photograph, or of what the test source draws.
fn clips(workspace: &Workspace, python: &Path) -> Result<(PathBuf, PathBuf)> {
    let photograph = workspace.root.join("../shared/images/dog.jpg");
    let clip = |frames: usize| -> Result<PathBuf> {
        if !photograph.is_file() {
            return drawn_clip(workspace, frames);
        }
        let path = workspace
            .root
            .join(format!("target/bench/photograph-{frames}.y4m"));
        let mut command = workspace.command(python);
        command
            .arg(peers::script(workspace))
            .arg("clip")
            .arg(&photograph);
        capture(command.arg(&path).arg(frames.to_string()))?;
        Ok(path)
    };
    fs::create_dir_all(workspace.root.join("target/bench"))?;
    Ok((clip(FRAMES.0)?, clip(FRAMES.1)?))
}

/// A clip of 640x480 that the test source draws.
pub(super) fn drawn_clip(workspace: &Workspace, frames: usize) -> Result<PathBuf> {
    let folder = workspace.root.join("target/bench");
    fs::create_dir_all(&folder)?;
    let path = folder.join(format!("shapes-{frames}.y4m"));
    let line = format!(
        "videotestsrc pattern=shapes num-buffers={frames} \
         ! video/x-raw,format=I420,width=640,height=480 ! y4menc ! filesink location={}",
        path.display()
    );
    capture(
        workspace
            .command(workspace.binary())
            .args(["launch", "--quiet", "--clock", "virtual", &line]),
    )?;
    Ok(path)
}

fn python_detector(
    workspace: &Workspace,
    python: &Path,
    model: &Model,
    threads: &str,
    clip: &Path,
) -> Result<(f64, String)> {
    let mut least = (f64::INFINITY, String::new());
    for _ in 0..3 {
        let mut command = workspace.command(python);
        command
            .arg(peers::script(workspace))
            .arg("detect")
            .arg(&model.path);
        let said = capture(command.args([model.family, threads]).arg(clip))?;
        let said: Value = serde_json::from_str(&said)?;
        let cpu = said.get("cpu-ms").and_then(Value::as_f64).unwrap_or(0.0);
        let boxes = said.get("boxes").map(ToString::to_string);
        if cpu < least.0 {
            least = (cpu, boxes.unwrap_or_default());
        }
    }
    Ok(least)
}

/// CPU milliseconds that one more frame costs.
fn cost(
    workspace: &Workspace,
    clips: &(PathBuf, PathBuf),
    element: &str,
    setup: &[&str],
) -> Result<f64> {
    let run = |clip: &Path| -> Result<f64> {
        let line = format!(
            "filesrc location={} ! y4mdec ! {element} ! fakesink",
            clip.display()
        );
        let mut least = f64::INFINITY;
        for _ in 0..3 {
            let mut command = workspace.command("bash");
            command.args([
                "-c",
                "TIMEFORMAT='%U %S'; time \"$0\" \"$@\" > /dev/null 2> /dev/null",
            ]);
            command
                .arg(workspace.binary())
                .args(["launch", "--quiet"])
                .args(setup);
            let output = command.args(["--clock", "virtual", &line]).output()?;
            let said = String::from_utf8_lossy(&output.stderr);
            let seconds: Vec<f64> = said
                .split_whitespace()
                .filter_map(|n| n.parse().ok())
                .collect();
            if !output.status.success() || seconds.len() != 2 {
                bail!("`{line}` failed: run it by hand");
            }
            least = least.min(seconds.iter().sum());
        }
        Ok(least)
    };
    let (short, long) = (run(&clips.0)?, run(&clips.1)?);
    Ok((long - short) * 1e3 / (FRAMES.1 - FRAMES.0) as f64)
}

/// How many boxes are found in the whole clip.
fn boxes(workspace: &Workspace, clip: &Path, detector: &str, setup: &[&str]) -> Result<String> {
    let lines = workspace.root.join("target/bench/boxes.jsonl");
    let line = format!(
        "filesrc location={} ! y4mdec ! {detector} ! detectionsink location={}",
        clip.display(),
        lines.display()
    );
    let mut command = workspace.command(workspace.binary());
    command.args(["launch", "--quiet"]).args(setup);
    capture(command.args(["--clock", "virtual", &line]))?;
    let count = fs::read_to_string(&lines)?.matches("\"box\":").count();
    Ok(count.to_string())
}
