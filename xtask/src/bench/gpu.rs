//! `bench gpu`: the chain on every GPU that is here against the CPU: which device ran it, whether it
//! gives the same, and how fast one and many streams are. `--software` checks WebGPU without a GPU.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::inference::{self, Model};
use super::peers::Peer;
use super::streams;
use super::table::markdown;
use crate::args::Args;
use crate::workspace::{Workspace, capture};
use crate::{backend, setup, wheels};

/// What the CPU is.
const CPU: &str = "onnxruntime";
/// How far apart the outputs may be.
const TOLERANCE: f32 = 1e-3;
/// Frames of each stream on a GPU, and on one in software, which takes seconds for each.
const FRAMES: (usize, usize) = (600, 2);
/// Streams side by side, on a GPU and in software.
const STREAMS: (usize, usize) = (8, 2);

/// What children have to be told.
type Variables = Vec<(&'static str, String)>;

pub(super) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let software = args.flag("--software");
    args.finish()?;
    inference::build(workspace)?;
    let variables = if software {
        software_gpu(workspace)?
    } else {
        Variables::new()
    };
    let gpus = gpus(workspace, &variables)?;
    if gpus.is_empty() {
        bail!(
            "no backend has a GPU here\nhint: `cargo xtask bench gpu --software` checks WebGPU without one"
        );
    }
    let (frames, count) = if software {
        (FRAMES.1, STREAMS.1)
    } else {
        (FRAMES.0, STREAMS.0)
    };
    let clip = inference::drawn_clip(workspace, frames)?;
    let many = count.to_string();
    let mut rows = Vec::new();
    let rate = |backend: &str, rows: &mut Vec<Vec<String>>| -> Result<()> {
        eprintln!("bench: streams on {backend}");
        let options = ["--backend", backend];
        let joined = [
            "--backend",
            backend,
            "--max-batch",
            &many,
            "--max-delay",
            "2ms",
        ];
        let run = |count, options: &[&str]| {
            streams::run_with(workspace, &clip, count, options, &variables)
        };
        let (one, more, joined) = (
            run(1, &options)?,
            run(count, &options)?,
            run(count, &joined)?,
        );
        let rates = [one.rate, more.rate, joined.rate].map(|rate| format!("{rate:.1}"));
        rows.push(
            [backend.to_owned(), one.device]
                .into_iter()
                .chain(rates)
                .collect(),
        );
        Ok(())
    };
    rate(CPU, &mut rows)?;
    for gpu in &gpus {
        rate(gpu, &mut rows)?;
    }
    let far = agreement(workspace, &gpus, &variables)?;
    println!("\nFrames a second of the whole chain, shipped model, 640x480.\n");
    let many = format!("{count} streams");
    let joined = format!("{count} streams, joined");
    println!(
        "{}",
        markdown(&["backend", "device", "1 stream", &many, &joined], &rows)
    );
    if !far.is_empty() {
        bail!("more than {TOLERANCE} from the CPU: {}", far.join(", "));
    }
    Ok(())
}

/// A software GPU, and the plug-in that takes it.
fn software_gpu(workspace: &Workspace) -> Result<Variables> {
    let driver = setup::software_gpu(workspace)?;
    backend::unpacked(workspace, &wheels::ONNXRUNTIME)?;
    let plugin = backend::unpacked(workspace, &wheels::WEBGPU_SOFTWARE)?;
    Ok(vec![
        ("VK_DRIVER_FILES", driver.display().to_string()),
        ("MILLSTREAM_WEBGPU", plugin.display().to_string()),
        ("ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER", "1".into()),
        ("ORT_DISABLE_TELEMETRY", "1".into()),
    ])
}

/// The backends that have a GPU, or one in software if that was asked for.
fn gpus(workspace: &Workspace, variables: &Variables) -> Result<Vec<String>> {
    let mut command = workspace.command(workspace.binary());
    command
        .args(["backends", "--json"])
        .envs(variables.iter().cloned());
    let mut names = Vec::new();
    for line in capture(&mut command)?.lines() {
        let report: Value = serde_json::from_str(line)?;
        let name = report.get("name").and_then(Value::as_str);
        let name = name.context("a backend without a name")?;
        let devices = report.get("devices").and_then(Value::as_array);
        let kinds: Vec<&str> = devices
            .into_iter()
            .flatten()
            .filter_map(|device| device.get("kind")?.as_str())
            .collect();
        let is_gpu = kinds
            .iter()
            .any(|kind| kind.contains("gpu") || *kind == "software");
        match report.get("unavailable").and_then(Value::as_str) {
            None if is_gpu => names.push(name.to_owned()),
            Some(why) => eprintln!("bench: {name} is left out: {why}"),
            None => {}
        }
    }
    Ok(names)
}

/// Prints how far each GPU's outputs are from the CPU's; names what is too far.
fn agreement(workspace: &Workspace, gpus: &[String], variables: &Variables) -> Result<Vec<String>> {
    let mut rows = Vec::new();
    let mut far = Vec::new();
    for model in inference::models(workspace)? {
        let folder = workspace.root.join("target/bench");
        let (theirs, ours) = (folder.join("cpu.bin"), folder.join("gpu.bin"));
        let write = |backend: &str, file| -> Result<Value> {
            let mut command = Command::new(inference::worker(workspace));
            let Model { path, scale, .. } = &model;
            command.envs(variables.iter().cloned());
            command.arg(path).args([backend, "1", scale]).arg(file);
            let (mut peer, first) = Peer::start(&mut command)?;
            if let Some(error) = first.get("error").and_then(Value::as_str) {
                bail!("{} on {backend}: {error}", model.name);
            }
            peer.ask("write")?;
            Ok(first)
        };
        write(CPU, &theirs)?;
        for gpu in gpus {
            eprintln!("bench: {} on {gpu}", model.name);
            let said = write(gpu, &ours)?;
            let difference = inference::largest_difference(&ours, &theirs)?;
            let text = |key: &str| {
                said.get(key)
                    .and_then(Value::as_str)
                    .unwrap_or("–")
                    .to_owned()
            };
            rows.push(vec![
                format!("{}, {gpu}", model.name),
                text("device"),
                text("precision"),
                format!("{difference:.1e}"),
                text("note"),
            ]);
            if difference > TOLERANCE {
                far.push(format!("{} on {gpu}: {difference:.1e}", model.name));
            }
        }
    }
    let header = [
        "model, backend",
        "device",
        "precision",
        "largest difference to the CPU",
        "note",
    ];
    println!("\n{}", markdown(&header, &rows));
    Ok(far)
}
