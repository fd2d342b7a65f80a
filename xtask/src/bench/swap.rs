//! `bench swap`: components of a live pipeline are swapped, again and again, for others
//! that have to be compiled first; then for ones that break.
//!
//! ```text
//! videotestsrc, 30 frames a second ► videoconvert ► understudy ► fakesink
//!                          swapped ─────┴──────────────┘
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::table::{markdown, median};
use crate::args::Args;
use crate::workspace::Workspace;
use crate::{components, demo};

const LINE: &str = "videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=480,framerate=30/1 \
    ! videoconvert name=convert ! video/x-raw,format=RGB ! UNDERSTUDY name=filter then=HOW ! fakesink name=sink";
const FRAME_MS: f64 = 1000.0 / 30.0;
/// Swaps of each element.
const SWAPS: usize = 15;
/// What the new component does once it has taken over, and whether it should stay.
const KINDS: [(&str, bool); 5] = [
    ("fine", true),
    ("trap", false),
    ("error", false),
    ("hog", false),
    ("refuse", false),
];
/// How long the control socket may take to be there.
const START: Duration = Duration::from_secs(30);

pub(super) fn task(workspace: &Workspace, args: Args) -> Result<()> {
    args.finish()?;
    components::components(workspace)?;
    components::fixtures(workspace)?;
    demo::build_binary(workspace)?;
    let folder = workspace.root.join("target/bench/swap");
    // Compiled code that is kept would hide what a new component costs.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let mut rows = Vec::new();
    let mut lost = 0;
    for (kind, (how, stays)) in KINDS.into_iter().enumerate() {
        eprintln!("bench: {} swaps, {how}", 2 * SWAPS);
        let mut run = Live::start(workspace, &folder, how)?;
        let (mut takeovers, mut refused) = (Vec::new(), 0);
        for round in 0..SWAPS {
            for (element, guest) in [
                ("convert", "components/videoconvert"),
                ("filter", "fixtures/understudy"),
            ] {
                let file = other(workspace, &folder, guest, kind * SWAPS + round)?;
                match run.swap(element, &file)? {
                    Some(nanos) => takeovers.push(nanos / 1e6),
                    None => refused += 1,
                }
            }
        }
        let ended = run.end()?;
        if refused != if stays { 0 } else { SWAPS } {
            bail!("{how}: {refused} of {} swaps were refused", 2 * SWAPS);
        }
        lost += ended.lost;
        let longest = takeovers.iter().copied().fold(0.0, f64::max);
        rows.push(vec![
            how.to_owned(),
            takeovers.len().to_string(),
            refused.to_string(),
            ended.lost.to_string(),
            format!("{:.2}", median(&takeovers)),
            format!("{longest:.2}"),
            format!("{:.1}", ended.latest_ms),
            format!("{:.2}", (FRAME_MS + ended.latest_ms) / FRAME_MS),
        ]);
    }
    let header = [
        "the new component",
        "took over",
        "refused or rolled back",
        "frames lost",
        "takeover p50 ms",
        "longest ms",
        "latest frame ms",
        "largest gap, frame times, at most",
    ];
    println!("\n{}", markdown(&header, &rows));
    if lost > 0 {
        bail!("{lost} frames were lost");
    }
    Ok(())
}

/// The same component with another digest: a section of names more, which does nothing.
fn other(workspace: &Workspace, folder: &Path, guest: &str, number: usize) -> Result<PathBuf> {
    let bytes = fs::read(workspace.root.join(format!("target/{guest}.wasm")))?;
    let name = format!("{number:015}");
    let file = folder.join("other.wasm");
    fs::write(&file, [&bytes[..], &[0, 16, 15], name.as_bytes()].concat())?;
    Ok(file)
}

struct Live {
    child: Child,
    binary: PathBuf,
    socket: PathBuf,
}

struct Ended {
    lost: u64,
    /// How long after its time the latest frame came.
    latest_ms: f64,
}

impl Live {
    fn start(workspace: &Workspace, folder: &Path, how: &str) -> Result<Self> {
        let socket = folder.join("swap.sock");
        let guest = workspace.root.join("target/fixtures/understudy.wasm");
        let line = LINE
            .replace("UNDERSTUDY", &guest.display().to_string())
            .replace("HOW", how);
        let mut command = workspace.command(workspace.binary());
        command
            .env("MILLSTREAM_CACHE", folder.join("cache"))
            .args(["launch", "--json", "--quiet"])
            .arg(format!("--control={}", socket.display()))
            .arg(line)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let child = command.spawn()?;
        let began = Instant::now();
        while !socket.exists() {
            if began.elapsed() > START {
                bail!("no control socket: run it by hand");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // Half a second of the pipeline by itself.
        std::thread::sleep(Duration::from_millis(500));
        Ok(Self {
            child,
            binary: workspace.binary(),
            socket,
        })
    }

    fn ctl(&self, args: &[&str]) -> Result<std::process::Output> {
        let mut command = std::process::Command::new(&self.binary);
        command.arg("ctl").arg("--socket").arg(&self.socket);
        Ok(command.args(args).output()?)
    }

    /// How long the stream stood still for the takeover, in nanoseconds; none: refused.
    fn swap(&mut self, element: &str, file: &Path) -> Result<Option<f64>> {
        let file = file.display().to_string();
        let output = self.ctl(&["swap", element, &file, "--trial", "300ms", "--json"])?;
        if !output.status.success() {
            return Ok(None);
        }
        let answer: Value = serde_json::from_slice(&output.stdout)?;
        let nanos = answer
            .get("takeover-nanos")
            .or_else(|| answer.pointer("/ok/takeover-nanos"));
        Ok(Some(
            nanos
                .and_then(Value::as_f64)
                .context("no time of the takeover")?,
        ))
    }

    fn end(self) -> Result<Ended> {
        self.ctl(&["eos"])?;
        let output = self.child.wait_with_output()?;
        let said = String::from_utf8(output.stdout)?;
        let summary: Value = serde_json::from_str(said.lines().last().unwrap_or_default())?;
        let elements = summary.get("elements").and_then(Value::as_array);
        let get = |name: &str, key: &str| {
            let is_it = |it: &&Value| it.get("name").and_then(Value::as_str) == Some(name);
            let element = elements.and_then(|all| all.iter().find(is_it));
            let value = element.and_then(|it| it.get(key)?.as_u64());
            value.with_context(|| format!("no `{key}` of `{name}`"))
        };
        let sent = get("videotestsrc0", "buffers-out")?;
        Ok(Ended {
            lost: sent.abs_diff(get("sink", "buffers-in")?),
            latest_ms: get("sink", "latency-max-nanos")? as f64 / 1e6,
        })
    }
}
