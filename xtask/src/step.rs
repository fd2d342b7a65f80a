//! Running a child process that may take long: log to a file, progress on the terminal, all of the output on failure.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::workspace::Workspace;

/// How much of the log of a failed step is shown; the file has all of it.
const SHOWN_LINES: usize = 200;
/// Without a terminal, a sign of life this often: some CI systems end a silent job.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);
/// What is left in the pipes after a child has ended is waited for this long. A daemon that it
/// started (a compiler cache) may keep them open for ever.
const DRAIN: Duration = Duration::from_secs(1);

/// One child process with a name.
pub(crate) struct Step<'a> {
    workspace: &'a Workspace,
    name: &'a str,
    is_live: bool,
    limit: Option<Duration>,
}

/// What is left of a step that succeeded.
pub(crate) struct Done {
    pub(crate) log: PathBuf,
    pub(crate) time: Duration,
}

impl<'a> Step<'a> {
    /// `name` is shown and names the log: `target/xtask/<name>.log`.
    pub(crate) fn new(workspace: &'a Workspace, name: &'a str) -> Self {
        Self {
            workspace,
            name,
            is_live: workspace.verbose,
            limit: None,
        }
    }

    /// Shows the output as it comes.
    pub(crate) fn live(mut self) -> Self {
        self.is_live = true;
        self
    }

    /// Ends the process when it has taken this long.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Runs the command to its end.
    ///
    /// # Errors
    /// The command cannot be started, fails, or takes too long; its output has been shown then.
    pub(crate) fn run(self, command: &mut Command) -> Result<Done> {
        let (done, status) = self.run_to_status(command)?;
        if status.success() {
            return Ok(done);
        }
        if !self.is_live {
            show_end(&fs::read_to_string(&done.log)?);
        }
        bail!(
            "{}: `{}` failed ({status}), log: {}",
            self.name,
            line(command),
            done.log.display()
        )
    }

    /// As `run`, but a failure is for the caller to judge and nothing is shown.
    pub(crate) fn run_to_status(&self, command: &mut Command) -> Result<(Done, ExitStatus)> {
        let log = self
            .workspace
            .state_dir()
            .join(format!("{}.log", self.name));
        fs::create_dir_all(self.workspace.state_dir())?;
        let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.env("CARGO_TERM_COLOR", "never");
        if !self.is_live {
            // Gives us cargo's counts; `Progress` takes the lines out again.
            command
                .env("CARGO_TERM_PROGRESS_WHEN", "always")
                .env("CARGO_TERM_PROGRESS_WIDTH", "80");
        }
        let start = Instant::now();
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot start `{}`", line(command)))?;
        let lines = pump_both(&mut child);
        let status = self.follow(child, &lines, file, start)?;
        Ok((
            Done {
                log,
                time: start.elapsed(),
            },
            status,
        ))
    }

    fn follow(
        &self,
        mut child: Child,
        lines: &Receiver<String>,
        mut file: File,
        start: Instant,
    ) -> Result<ExitStatus> {
        let mut progress = Progress::new(self.name, !self.is_live, start);
        let mut ended: Option<Instant> = None;
        loop {
            match lines.recv_timeout(Duration::from_millis(200)) {
                Ok(line) if progress.takes(&line) => {}
                Ok(line) => {
                    writeln!(file, "{line}")?;
                    if self.is_live {
                        eprintln!("{line}");
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            progress.show();
            if ended.is_none() && child.try_wait()?.is_some() {
                ended = Some(Instant::now());
            }
            if ended.is_some_and(|at| at.elapsed() > DRAIN) {
                break;
            }
            if self.limit.is_some_and(|limit| start.elapsed() > limit) && ended.is_none() {
                child.kill()?;
                writeln!(file, "ended by xtask after {} s", start.elapsed().as_secs())?;
            }
        }
        progress.clear();
        Ok(child.wait()?)
    }
}

/// Seconds as people read them: `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        whole @ 10..120 => format!("{whole} s"),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

/// Cargo's counts and the time, on one line that is written again and again.
struct Progress<'a> {
    name: &'a str,
    is_on: bool,
    is_terminal: bool,
    start: Instant,
    shown: Instant,
    /// What cargo is at, e.g. `45/120 crates`.
    counts: Option<String>,
}

impl<'a> Progress<'a> {
    fn new(name: &'a str, is_on: bool, start: Instant) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self {
            name,
            is_on,
            is_terminal,
            start,
            shown: start,
            counts: None,
        }
    }

    /// True if the line is cargo's progress bar; its counts are kept.
    fn takes(&mut self, line: &str) -> bool {
        let line = line.trim_start_matches("\u{1b}[K").trim();
        if line.is_empty() {
            return self.is_on && self.counts.is_some();
        }
        if line.starts_with("Blocking waiting for file lock") {
            self.counts = Some("waiting for another cargo".to_owned());
            return false;
        }
        let Some(bar) = line.strip_prefix("Building [") else {
            return false;
        };
        if let Some((_, rest)) = bar.split_once(']') {
            let counts = rest.split(':').next().unwrap_or_default().trim();
            self.counts = Some(format!("{counts} crates"));
        }
        true
    }

    fn show(&mut self) {
        let every = if self.is_terminal {
            Duration::from_millis(200)
        } else {
            SIGN_OF_LIFE
        };
        if !self.is_on || self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let time = seconds(self.start.elapsed());
        let text = match &self.counts {
            Some(counts) => format!("  {}: {counts}, {time}", self.name),
            None => format!("  {}: {time}", self.name),
        };
        if self.is_terminal {
            eprint!("\r\u{1b}[2K{text}");
        } else {
            eprintln!("{text}");
        }
    }

    fn clear(&self) {
        if self.is_on && self.is_terminal {
            eprint!("\r\u{1b}[2K");
        }
    }
}

fn show_end(log: &str) {
    let lines: Vec<&str> = log.lines().collect();
    let hidden = lines.len().saturating_sub(SHOWN_LINES);
    if hidden > 0 {
        eprintln!("… {hidden} lines above");
    }
    for line in lines.iter().skip(hidden) {
        eprintln!("{line}");
    }
}

/// Both outputs of the child, line by line, in the order in which they arrive.
fn pump_both(child: &mut Child) -> Receiver<String> {
    let (to, lines) = sync_channel(1024);
    if let Some(stdout) = child.stdout.take() {
        pump(stdout, to.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        pump(stderr, to);
    }
    lines
}

fn pump(mut from: impl Read + Send + 'static, to: SyncSender<String>) {
    thread::spawn(move || {
        let mut line = Vec::new();
        let mut chunk = [0; 8192];
        while let Ok(count @ 1..) = from.read(&mut chunk) {
            for byte in chunk.iter().take(count) {
                // A progress bar ends in `\r`: it must not wait for the next `\n`.
                if !matches!(byte, b'\n' | b'\r') {
                    line.push(*byte);
                    continue;
                }
                let text = String::from_utf8_lossy(&line).into_owned();
                line.clear();
                if to.send(text).is_err() {
                    return;
                }
            }
        }
        if !line.is_empty() {
            // The receiver may have gone: then nobody wants the last line.
            drop(to.send(String::from_utf8_lossy(&line).into_owned()));
        }
    });
}

/// The command as one would type it, without quoting.
fn line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let mut text = program
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    for arg in command.get_args() {
        text.push(' ');
        text += &arg.to_string_lossy();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Progress, seconds};

    #[test]
    fn times_are_short() {
        let check = |millis, expected: &str| {
            assert_eq!(seconds(Duration::from_millis(millis)), expected);
        };
        check(420, "0.4 s");
        check(12_345, "12 s");
        check(185_000, "3 min 05 s");
    }

    #[test]
    fn the_bar_of_cargo_is_taken_out_and_read() {
        let mut progress = Progress::new("build", true, Instant::now());
        assert!(!progress.takes("   Compiling serde v1.0.0"));
        assert!(!progress.takes(""), "an empty line of the child's own");
        assert!(progress.takes("    Building [====>      ] 45/120: wasmtime, rten"));
        assert_eq!(progress.counts.as_deref(), Some("45/120 crates"));
    }
}
