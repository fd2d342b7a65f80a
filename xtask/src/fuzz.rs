//! `cargo xtask fuzz`: targets of `tests/fuzz/` under libFuzzer, with the pinned toolchain.
//!
//! ```text
//! tests/fuzz/seeds/T, target/fuzz/corpus/T ─▶ instrumented target T ─▶ runs, coverage, found inputs
//! ```
//!
//! No cargo-fuzz and no nightly: instrumentation is a pass of LLVM that stable has too. Address
//! sanitizer would need nightly, and would look for little in crates that forbid `unsafe`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::args::{Args, Usage};
use crate::step::{Step, seconds};
use crate::workspace::{Workspace, read, succeeds};

/// How long a target runs where the command line does not say, in seconds.
const DEFAULT_SECONDS: u32 = 60;
/// Longest time for one input, in seconds: they are small, so more is an endless loop.
const INPUT_SECONDS: u32 = 10;
/// Most memory of a target, in MiB: a frame has 256 at most.
const MEMORY_MIB: u32 = 2_048;

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

pub(crate) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let time =
        match args.value("--seconds")? {
            None => DEFAULT_SECONDS,
            Some(text) => text.parse().ok().filter(|time| *time > 0).ok_or_else(|| {
                Usage::new(format!("`--seconds` got `{text}`, expected 1 or more"))
            })?,
        };
    let known = targets(workspace)?;
    let mut chosen = args.names()?;
    if let Some(name) = chosen.iter().find(|name| !known.contains(name)) {
        let known = known.join(", ");
        return Err(Usage::new(format!("no target `{name}`, there are {known}")).into());
    }
    if chosen.is_empty() {
        chosen = known;
    }
    let folder = build(workspace, &chosen)?;
    let mut found = 0;
    println!(
        "{:<10} {:>11} {:>9} {:>6}",
        "target", "runs", "coverage", "found"
    );
    for name in &chosen {
        found += usize::from(!run(workspace, &folder, name, time)?);
    }
    if found > 0 {
        bail!(
            "{found} of {} targets found an input that breaks them",
            chosen.len()
        );
    }
    Ok(())
}

/// Names of the files in `tests/fuzz/fuzz_targets`, sorted.
fn targets(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.root.join("tests/fuzz/fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("no `{}`", folder.display()))? {
        let path = entry?.path();
        names.extend(
            path.file_stem()
                .map(|stem| stem.to_string_lossy().into_owned()),
        );
    }
    names.sort_unstable();
    Ok(names)
}

/// Builds the targets; returns the folder that holds them.
fn build(workspace: &Workspace, names: &[String]) -> Result<PathBuf> {
    if cfg!(windows) {
        bail!("libFuzzer does not run here\nhint: take Linux, macOS or WSL");
    }
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    if !succeeds(workspace.command(compiler).arg("--version")) {
        bail!("libFuzzer needs a C++ compiler\nhint: `sudo apt-get install g++`, or set `CXX`");
    }
    let host = workspace.host_triple()?;
    let target = workspace.root.join("target/fuzz");
    let mut cargo = workspace.cargo("build");
    // With `--target` the flags are not for build scripts and macros.
    cargo
        .args(["--locked", "--release", "--target", &host])
        .arg("--manifest-path")
        .arg(workspace.root.join("tests/fuzz/Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS.join("\x1f"));
    for name in names {
        cargo.args(["--bin", name]);
    }
    Step::new(workspace, "fuzz-build").run(&mut cargo)?;
    Ok(target.join(host).join("release"))
}

/// Runs a target and prints its row; false if it found an input that breaks it.
fn run(workspace: &Workspace, folder: &Path, name: &str, time: u32) -> Result<bool> {
    let state = workspace.root.join("target/fuzz");
    let corpus = state.join("corpus").join(name);
    let artifacts = state.join("artifacts").join(name);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder)?;
    }
    let mut command: Command = workspace.command(folder.join(name));
    command
        .arg(&corpus)
        .arg(workspace.root.join("tests/fuzz/seeds").join(name))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={time}"))
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg(format!("-rss_limit_mb={MEMORY_MIB}"))
        .arg("-print_final_stats=1");
    let log_name = format!("fuzz-{name}");
    let (done, status) = Step::new(workspace, &log_name).run_to_status(&mut command)?;
    let log = read(&done.log)?;
    let (runs, coverage) = figures(&log);
    let is_clean = status.success();
    let count = if is_clean { "0" } else { "1" };
    println!(
        "{name:<10} {runs:>11} {coverage:>9} {count:>6}  {}",
        seconds(done.time)
    );
    if !is_clean {
        let input = log
            .lines()
            .rev()
            .find_map(|line| line.split_once("Test unit written to "));
        let input = input.map_or("no input was written", |(_, path)| path);
        eprintln!(
            "fuzz: {name}: {}, log: {}\n  hint: to see it again: {} {input}",
            reason(&log),
            done.log.display(),
            folder.join(name).display(),
        );
    }
    Ok(is_clean)
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
    use super::{figures, reason};

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
