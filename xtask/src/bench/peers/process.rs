//! What we are compared with: Python with ONNX Runtime and `OpenCV`, in a folder of its own below
//! `target`, and processes that answer lines with JSON.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::line::PYTHON;
use crate::step::Step;
use crate::workspace::{Workspace, succeeds};

/// 1.28.0: later ones have telemetry.
const PACKAGES: &[&str] = &["onnxruntime==1.28.0", "numpy", "opencv-python-headless"];

/// Our side of the conversation, in Python.
pub(in crate::bench) fn script(workspace: &Workspace) -> PathBuf {
    workspace.root.join("xtask/src/bench/peer.py")
}

/// The Python that has the packages, if it was made.
pub(super) fn ready(workspace: &Workspace) -> Option<PathBuf> {
    let python = workspace.root.join(PYTHON);
    let mut imports = workspace.command(&python);
    succeeds(imports.args(["-c", "import onnxruntime, numpy, cv2"])).then_some(python)
}

/// A Python that has the packages; makes it on the first call.
pub(in crate::bench) fn python(workspace: &Workspace) -> Result<PathBuf> {
    if let Some(python) = ready(workspace) {
        return Ok(python);
    }
    let folder = workspace.root.join("target/bench/python");
    let python = folder.join("bin/python");
    eprintln!("bench: {} into target/bench/python", PACKAGES.join(", "));
    let mut venv = workspace.command("python3");
    let made = Step::new(workspace, "venv").run(venv.args(["-m", "venv"]).arg(&folder));
    made.context("hint: on Debian, `apt-get install python3-venv`")?;
    let mut pip = workspace.command(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(PACKAGES);
    Step::new(workspace, "pip").run(&mut pip)?;
    Ok(python)
}

/// A process that is asked line by line.
pub(in crate::bench) struct Peer {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it, and waits for its first answer.
    pub(in crate::bench) fn start(command: &mut Command) -> Result<(Self, Value)> {
        let program = command.get_program().to_owned();
        let started = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child =
            started.with_context(|| format!("cannot start `{}`", program.to_string_lossy()))?;
        let to = child.stdin.take().context("a process without stdin")?;
        let from = BufReader::new(child.stdout.take().context("a process without stdout")?);
        let mut peer = Self { child, to, from };
        let first = peer.answer()?;
        Ok((peer, first))
    }

    /// Says a line and gives what it answers.
    pub(in crate::bench) fn ask(&mut self, line: &str) -> Result<Value> {
        writeln!(self.to, "{line}")?;
        self.answer()
    }

    /// Asks for `count` runs; their times in nanoseconds.
    pub(in crate::bench) fn times(&mut self, count: usize) -> Result<Vec<f64>> {
        let answer = self.ask(&format!("run {count}"))?;
        let nanos = answer.get("nanos").and_then(Value::as_array);
        let nanos = nanos.context("an answer without `nanos`")?;
        Ok(nanos.iter().filter_map(Value::as_f64).collect())
    }

    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.from.read_line(&mut line)? == 0 {
            bail!("it ended ({})", self.child.wait()?);
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
