//! What a process cost the machine, as the kernel counts it.

use std::ffi::OsStr;
use std::ops::{Div, Sub};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};
use nix::sys::time::TimeValLike as _;
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::args::{Args, Usage};
use crate::workspace::Workspace;

/// A run takes some seconds; after this it hangs.
const LIMIT: Duration = Duration::from_mins(1);
/// How often a run is looked at; its time is taken elsewhere.
const LOOK: Duration = Duration::from_millis(5);

/// The figures of one run, or of one frame: a difference of runs divided by their frames.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// User and system time of all threads.
    pub(super) cpu_nanos: f64,
    pub(super) wall_nanos: f64,
    /// Page faults, minor and major.
    pub(super) faults: f64,
    /// Context switches, voluntary and not.
    pub(super) switches: f64,
    /// The most memory that was resident; means nothing in a difference.
    pub(super) peak_kib: f64,
}

impl Cost {
    pub(super) fn to_json(self) -> Value {
        json!({
            "cpu-nanos": self.cpu_nanos,
            "wall-nanos": self.wall_nanos,
            "faults": self.faults,
            "switches": self.switches,
            "peak-kib": self.peak_kib,
        })
    }

    /// Reads what `to_json` wrote; a peer may leave out the memory.
    pub(super) fn from_json(json: &Value) -> Result<Self> {
        let number = |key: &str| json.get(key).and_then(Value::as_f64);
        let required = |key: &str| number(key).with_context(|| format!("a cost without `{key}`"));
        Ok(Self {
            cpu_nanos: required("cpu-nanos")?,
            wall_nanos: required("wall-nanos")?,
            faults: required("faults")?,
            switches: required("switches")?,
            peak_kib: number("peak-kib").unwrap_or(0.0),
        })
    }

    fn zip(self, other: Self, op: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            cpu_nanos: op(self.cpu_nanos, other.cpu_nanos),
            wall_nanos: op(self.wall_nanos, other.wall_nanos),
            faults: op(self.faults, other.faults),
            switches: op(self.switches, other.switches),
            peak_kib: op(self.peak_kib, other.peak_kib),
        }
    }
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
}

impl Div<f64> for Cost {
    type Output = Self;

    fn div(self, by: f64) -> Self {
        self.zip(self, |a, _| a / by)
    }
}

/// `bench cost -- COMMAND…`: what one run of a command costs, as JSON on stdout.
///
/// It is a process of its own since the kernel gives the largest memory of all children that a
/// process ever had, never of one of them.
pub(crate) fn task(workspace: &Workspace, args: Args) -> Result<()> {
    let words = args.rest();
    let words: Vec<&String> = words.iter().skip_while(|word| *word == "--").collect();
    let (program, rest) = words
        .split_first()
        .ok_or_else(|| Usage::new("`bench cost` needs a command"))?;
    // What a shell that became this process had run before counts as a child's, too.
    let before = children(0.0)?;
    let start = Instant::now();
    let mut command = workspace.command(program);
    let status = command.args(rest).stdout(Stdio::null()).status();
    let wall = start.elapsed();
    let status = status.with_context(|| format!("cannot start `{program}`"))?;
    if !status.success() {
        bail!("`{program}` failed ({status})");
    }
    let after = children(wall.as_secs_f64() * 1e9)?;
    let cost = Cost {
        peak_kib: after.peak_kib,
        ..after - before
    };
    println!("{}", cost.to_json());
    Ok(())
}

/// All that children of this process cost until now.
fn children(wall_nanos: f64) -> Result<Cost> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    let faults = usage.minor_page_faults() + usage.major_page_faults();
    let switches = usage.voluntary_context_switches() + usage.involuntary_context_switches();
    Ok(Cost {
        cpu_nanos: cpu as f64 * 1e3,
        wall_nanos,
        faults: faults as f64,
        switches: switches as f64,
        peak_kib: usage.max_rss() as f64,
    })
}

/// Runs a command by way of `bench cost`; one that hangs is killed.
pub(super) fn of(command: &Command) -> Result<Cost> {
    let mut wrapped = Command::new(std::env::current_exe()?);
    wrapped
        .args(["bench", "cost", "--"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // What it starts has to go with it.
        .process_group(0);
    let mut child = wrapped.spawn()?;
    let start = Instant::now();
    while child.try_wait()?.is_none() {
        if start.elapsed() > LIMIT {
            killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL)?;
            child.wait()?;
            bail!("it hung for {} s: `{}`", LIMIT.as_secs(), spelt(command));
        }
        std::thread::sleep(LOOK);
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}", said.trim_end());
    }
    Cost::from_json(&serde_json::from_slice(&output.stdout)?)
}

fn spelt(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Cost = Cost {
        cpu_nanos: 500.0,
        wall_nanos: 900.0,
        faults: 20.0,
        switches: 5.0,
        peak_kib: 4096.0,
    };

    #[test]
    fn a_cost_is_read_as_it_was_written() {
        assert_eq!(Cost::from_json(&LONG.to_json()).unwrap(), LONG);
        let error = Cost::from_json(&json!({ "cpu-nanos": 1 })).unwrap_err();
        assert_eq!(error.to_string(), "a cost without `wall-nanos`");
    }

    #[test]
    fn a_command_is_spelt_as_it_is_typed() {
        let mut command = Command::new("gst-launch-1.0");
        assert_eq!(
            spelt(command.args(["-q", "a", "!"])),
            "gst-launch-1.0 -q a !"
        );
    }

    #[test]
    fn the_cost_of_a_frame_is_a_difference() {
        let short = LONG / 2.0;
        let frame = (LONG - short) / 10.0;
        assert_eq!(frame.cpu_nanos.to_bits(), 25.0_f64.to_bits());
        assert_eq!(frame.faults.to_bits(), 1.0_f64.to_bits());
    }
}
