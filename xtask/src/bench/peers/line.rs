//! What each side runs: launch lines, arguments of ffmpeg, functions of `OpenCV`.

use std::path::Path;
use std::process::Command;

use crate::workspace::Workspace;

/// Below the checkout; all lines run in its root.
pub(super) const FRAMES: &str = "target/bench/frames";

/// `OpenCV`'s side.
pub(super) const KERNELS: &str = "xtask/src/bench/peers/kernels.py";

/// The Python that has it.
pub(super) const PYTHON: &str = "target/bench/python/bin/python";

/// Who runs a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Millstream,
    /// `gst-launch-1.0`.
    GStreamer,
    Ffmpeg,
    /// A function of `kernels.py`, on frames in memory.
    OpenCv,
    /// `kernels.py`, as a process for each run.
    Python,
    /// A script in the system's Python, which has the bindings.
    Cairo,
}

impl Who {
    pub(super) const PEERS: [Self; 5] = [
        Self::GStreamer,
        Self::Ffmpeg,
        Self::OpenCv,
        Self::Python,
        Self::Cairo,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Millstream => "Millstream",
            Self::GStreamer => "GStreamer",
            Self::Ffmpeg => "FFmpeg",
            Self::OpenCv => "OpenCV",
            Self::Python => "Python and OpenCV",
            Self::Cairo => "GStreamer and cairo",
        }
    }
}

/// What a side does for one row. `{n}` in a text stands for the frames of a run.
#[derive(Clone, Debug)]
pub(super) struct Side {
    pub(super) who: Who,
    /// What is measured. The first that runs is taken: elements learn formats.
    pub(super) with: Vec<String>,
    /// The same without it; its cost is taken off.
    pub(super) without: Option<String>,
    /// How often it is in the line.
    pub(super) times: f64,
    /// Of `millstream launch`.
    pub(super) options: &'static [&'static str],
}

impl Side {
    pub(super) fn new(who: Who, with: impl Into<String>) -> Self {
        Self {
            who,
            with: vec![with.into()],
            without: None,
            times: 1.0,
            options: &[],
        }
    }

    pub(super) fn or(mut self, with: impl Into<String>) -> Self {
        self.with.push(with.into());
        self
    }

    pub(super) fn without(mut self, line: impl Into<String>) -> Self {
        self.without = Some(line.into());
        self
    }

    pub(super) fn times(mut self, times: usize) -> Self {
        self.times = times as f64;
        self
    }

    pub(super) fn options(mut self, options: &'static [&'static str]) -> Self {
        self.options = options;
        self
    }
}

/// The command that runs a line over so many frames.
pub(super) fn command(
    workspace: &Workspace,
    binary: &Path,
    side: &Side,
    line: &str,
    frames: u64,
    output: &str,
) -> Command {
    let line = line.replace("{n}", &frames.to_string());
    let mut command = match side.who {
        Who::Millstream => {
            let mut command = workspace.command(binary);
            command.args(["launch", output]).args(side.options);
            // What waits for times needs a clock that tells them.
            if !line.contains("is-live=true") && !line.contains("sync=true") {
                command.args(["--clock", "virtual"]);
            }
            command.arg(&line);
            return command;
        }
        Who::GStreamer => {
            let mut command = workspace.command("gst-launch-1.0");
            command.arg("-q");
            command
        }
        Who::Ffmpeg => {
            let mut command = workspace.command("ffmpeg");
            command.args(["-hide_banner", "-loglevel", "error", "-nostdin"]);
            command
        }
        Who::Python | Who::OpenCv => {
            let mut command = workspace.command(workspace.root.join(PYTHON));
            command.arg(KERNELS);
            command
        }
        Who::Cairo => {
            let mut command = workspace.command("/usr/bin/python3");
            command.arg("xtask/src/bench/peers/overlay.py");
            command
        }
    };
    command.args(line.split_whitespace());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_commands() {
        let workspace = Workspace::find(false).unwrap();
        let words = |who, line: &str| -> Vec<String> {
            let command = command(
                &workspace,
                Path::new("millstream"),
                &Side::new(who, line),
                line,
                7,
                "--quiet",
            );
            let words = command.get_args();
            words
                .map(|word| word.to_string_lossy().into_owned())
                .collect()
        };
        let line = "a num-buffers={n} ! b";
        assert_eq!(
            words(Who::GStreamer, line),
            ["-q", "a", "num-buffers=7", "!", "b"]
        );
        assert_eq!(
            words(Who::Millstream, line),
            [
                "launch",
                "--quiet",
                "--clock",
                "virtual",
                "a num-buffers=7 ! b"
            ]
        );
        for line in ["a is-live=true", "a ! b sync=true"] {
            assert_eq!(words(Who::Millstream, line), ["launch", "--quiet", line]);
        }
    }
}
