//! `cargo xtask fuzz`: targets of `tests/fuzz` and `tests/fuzz-host` under libFuzzer, with the
//! pinned toolchain.
//!
//! ```text
//! seeds/T, target/fuzz/corpus/T ─▶ instrumented target T ─▶ runs, coverage, found inputs
//! ```
//!
//! No cargo-fuzz and no nightly: instrumentation is a pass of LLVM that stable has too. The
//! corpus is kept from run to run. Address sanitizer is `cargo xtask asan`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::args::{Args, Usage};
use crate::components;
use crate::instrument::{self, WRAPPER};
use crate::step::{Step, seconds};
use crate::workspace::{Workspace, read, succeeds};

/// How long a target runs where the command line does not say, in seconds.
const DEFAULT_SECONDS: u32 = 60;
/// Longest time for one input, in seconds: they are small, so more is an endless loop.
const INPUT_SECONDS: u32 = 10;
/// The same for a whole pipeline: its threads may have to wait for others' processes.
const PIPELINE_SECONDS: u32 = 180;
/// Most memory of a target, in MiB: a frame has 256 at most.
const MEMORY_MIB: u32 = 2_048;

/// How long a target runs in CI, in seconds: replays its seeds and looks around.
const CI_SECONDS: u32 = 3;
/// Wasm's traps are signals, and the runtime's own handlers see to them.
const OWN_SIGNALS: [&str; 4] = [
    "-handle_segv=0",
    "-handle_bus=0",
    "-handle_ill=0",
    "-handle_fpe=0",
];
/// Ticks of the times in `/proc/PID/stat`, a second, on every kernel that there is.
///
/// # Source
/// `USER_HZ` in <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>
const TICKS: f64 = 100.0;

/// What cargo-fuzz passes, without the sanitizers.
///
/// # Source
/// <https://clang.llvm.org/docs/SanitizerCoverage.html>: counters, a table of program counters,
/// operands of comparisons.
const RUSTFLAGS: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// A folder of targets, and what is built for them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    /// Parsers and elements, instrumented with all that they depend on.
    Parsers,
    /// What needs the runtime: only crates of ours are instrumented, and the compiled
    /// engines are those of the tests.
    Host,
}

impl Home {
    const fn folder(self) -> &'static str {
        match self {
            Self::Parsers => "tests/fuzz",
            Self::Host => "tests/fuzz-host",
        }
    }
}

/// A file in a folder of targets.
struct Target {
    name: String,
    home: Home,
}

pub(crate) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let time =
        match args.value("--seconds")? {
            None => DEFAULT_SECONDS,
            Some(text) => text.parse().ok().filter(|time| *time > 0).ok_or_else(|| {
                Usage::new(format!("`--seconds` got `{text}`, expected 1 or more"))
            })?,
        };
    let mut targets = targets(workspace)?;
    let chosen = args.names()?;
    let is_known = |name: &&String| targets.iter().any(|target| target.name == **name);
    if let Some(name) = chosen.iter().find(|name| !is_known(name)) {
        let known: Vec<&str> = targets.iter().map(|target| &*target.name).collect();
        let known = known.join(", ");
        return Err(Usage::new(format!("no target `{name}`, there are {known}")).into());
    }
    targets.retain(|target| chosen.is_empty() || chosen.contains(&target.name));
    all(workspace, &targets, time).map(drop)
}

/// A few seconds of each target; the text says how many there are.
pub(crate) fn short(workspace: &Workspace) -> Result<String> {
    all(workspace, &targets(workspace)?, CI_SECONDS)
}

fn all(workspace: &Workspace, targets: &[Target], time: u32) -> Result<String> {
    let before = cpu_of_children();
    let mut folders = Vec::new();
    for home in [Home::Parsers, Home::Host] {
        let names: Vec<&str> = targets
            .iter()
            .filter(|target| target.home == home)
            .map(|target| &*target.name)
            .collect();
        if !names.is_empty() {
            folders.push((home, build(workspace, home, &names)?));
        }
    }
    println!("built in {} of CPU", minutes(before, cpu_of_children()));
    let mut found = 0;
    println!(
        "{:<10} {:>11} {:>9} {:>9} {:>6}",
        "target", "runs", "coverage", "CPU", "found"
    );
    for target in targets {
        let folder = folders.iter().find(|(home, _)| *home == target.home);
        let (_, folder) = folder.context("a target that was not built")?;
        found += usize::from(!run(workspace, folder, target, time)?);
    }
    if found > 0 {
        bail!(
            "{found} of {} targets found an input that breaks them",
            targets.len()
        );
    }
    Ok(format!("{} targets, {time} s each", targets.len()))
}

/// The files in both folders of targets, sorted by name.
fn targets(workspace: &Workspace) -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for home in [Home::Parsers, Home::Host] {
        let folder = workspace.root.join(home.folder()).join("fuzz_targets");
        for entry in fs::read_dir(&folder).with_context(|| format!("no `{}`", folder.display()))? {
            let path = entry?.path();
            targets.extend(path.file_stem().map(|stem| Target {
                name: stem.to_string_lossy().into_owned(),
                home,
            }));
        }
    }
    targets.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(targets)
}

/// Builds targets of one folder; returns the folder that holds them.
fn build(workspace: &Workspace, home: Home, names: &[&str]) -> Result<PathBuf> {
    if cfg!(windows) {
        bail!("libFuzzer does not run here\nhint: take Linux, macOS or WSL");
    }
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    if !succeeds(workspace.command(compiler).arg("--version")) {
        bail!("libFuzzer needs a C++ compiler\nhint: `sudo apt-get install g++`, or set `CXX`");
    }
    let mut cargo = workspace.cargo("build");
    cargo.arg("--locked");
    for name in names {
        cargo.args(["--bin", name]);
    }
    match home {
        Home::Parsers => {
            let host = workspace.host_triple()?;
            let target = workspace.root.join("target/fuzz");
            // With `--target` the flags are not for build scripts and macros.
            cargo
                .args(["--release", "--target", &host])
                .arg("--manifest-path")
                .arg(workspace.root.join(home.folder()).join("Cargo.toml"))
                .arg("--target-dir")
                .arg(&target)
                .env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS.join("\x1f"));
            Step::new(workspace, "fuzz-build").run(&mut cargo)?;
            Ok(target.join(host).join("release"))
        }
        Home::Host => {
            if !workspace.root.join("target/fixtures/puppet.wasm").exists() {
                components::components(workspace)?;
                components::fixtures(workspace)?;
            }
            cargo
                .args(["-p", "millstream-fuzz-host", "--features", "libfuzzer"])
                .env(
                    WRAPPER,
                    instrument::compiler(workspace, "fuzz", &[], &RUSTFLAGS)?,
                );
            Step::new(workspace, "fuzz-host-build").run(&mut cargo)?;
            Ok(workspace.cargo_target.join("debug"))
        }
    }
}

/// Runs a target and prints its row; false if it found an input that breaks it.
fn run(workspace: &Workspace, folder: &Path, target: &Target, time: u32) -> Result<bool> {
    let Target { name, home } = target;
    let state = workspace.root.join("target/fuzz");
    let corpus = state.join("corpus").join(name);
    let artifacts = state.join("artifacts").join(name);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder)?;
    }
    let longest = match home {
        Home::Parsers => INPUT_SECONDS,
        Home::Host => PIPELINE_SECONDS,
    };
    let mut command: Command = workspace.command(folder.join(name));
    command
        .arg(&corpus)
        .arg(workspace.root.join(home.folder()).join("seeds").join(name))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={time}"))
        .arg(format!("-timeout={longest}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
        .arg("-print_final_stats=1");
    if *home == Home::Host {
        command
            .args(OWN_SIGNALS)
            .env("MILLSTREAM_CACHE", state.join("cache"));
    }
    let log_name = format!("fuzz-{name}");
    let before = cpu_of_children();
    let (done, status) = Step::new(workspace, &log_name).run_to_status(&mut command)?;
    let cpu = minutes(before, cpu_of_children());
    let log = read(&done.log)?;
    let (runs, coverage) = figures(&log);
    let is_clean = status.success();
    let count = if is_clean { "0" } else { "1" };
    println!(
        "{name:<10} {runs:>11} {coverage:>9} {cpu:>9} {count:>6}  {}",
        seconds(done.time)
    );
    if !is_clean {
        let (log_file, binary) = (done.log.display(), folder.join(name));
        eprintln!(
            "fuzz: {name}: {}, log: {log_file}\n  hint: to see it again: {} {}",
            reason(&log),
            binary.display(),
            input(&log)
        );
    }
    Ok(is_clean)
}

/// CPU seconds of all children that have ended, where the system tells.
fn cpu_of_children() -> Option<f64> {
    cpu_from_stat(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// `cutime` and `cstime`: the 16th and 17th field; the second may hold spaces.
fn cpu_from_stat(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(13).map(str::parse::<f64>);
    Some((times.next()?.ok()? + times.next()?.ok()?) / TICKS)
}

fn minutes(before: Option<f64>, after: Option<f64>) -> String {
    match (before, after) {
        (Some(before), Some(after)) => format!("{:.2} min", (after - before) / 60.0),
        _ => "?".to_owned(),
    }
}

/// Runs and covered edges, as libFuzzer's last lines have them; `?` where they are missing.
fn figures(log: &str) -> (&str, &str) {
    let runs = log
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    let coverage = log.lines().rev().find_map(|line| line.split_once(" cov: "));
    let first = |text| str::split_whitespace(text).next();
    (
        runs.and_then(first).unwrap_or("?"),
        coverage.and_then(|(_, rest)| first(rest)).unwrap_or("?"),
    )
}

/// The file that holds what was found.
fn input(log: &str) -> &str {
    let mut lines = log.lines().rev();
    let written = lines.find_map(|line| line.split_once("Test unit written to "));
    written.map_or("(no input was written)", |(_, path)| path)
}

/// The panic's message, or what libFuzzer says of time and memory.
fn reason(log: &str) -> &str {
    let mut lines = log.lines();
    let panicked = lines.find(|line| line.contains("panicked at"));
    let message = panicked.and_then(|_| lines.next());
    let libfuzzer = || {
        log.lines()
            .find_map(|line| line.split_once("ERROR: libFuzzer: "))
    };
    message.unwrap_or_else(|| libfuzzer().map_or("it ended by itself", |(_, text)| text))
}

#[cfg(test)]
mod tests {
    use super::{cpu_from_stat, figures, reason};

    #[test]
    fn the_time_of_children_is_read() {
        let stat = "7 (a) b) S 1 7 7 0 -1 0 1 2 3 4 50 60 700 800 20 0 1 0 9";
        assert_eq!(cpu_from_stat(stat), Some(15.0));
        assert_eq!(cpu_from_stat(""), None);
    }

    #[test]
    fn the_log_of_libfuzzer_is_read() {
        let log = "#2\tINITED cov: 6 ft: 6 corp: 1/4b\n\
                   #128\tDONE   cov: 61 ft: 80 corp: 9/44b lim: 4096 exec/s: 2 rss: 36Mb\n\
                   stat::number_of_executed_units: 128\n";
        assert_eq!(figures(log), ("128", "61"));
        assert_eq!(figures("nothing"), ("?", "?"));
        let panicked = "thread '<unnamed>' panicked at src/lib.rs:1:1:\nbad law\nmore\n\
                        ==1== ERROR: libFuzzer: deadly signal\n";
        assert_eq!(reason(panicked), "bad law");
        let slow = "==1== ERROR: libFuzzer: timeout after 10 seconds\n";
        assert_eq!(reason(slow), "timeout after 10 seconds");
        assert_eq!(reason(""), "it ended by itself");
    }
}
