//! `cargo xtask test`: everything that tests need, then nextest (or `cargo test`), then doctests.

use std::process::Command;

use anyhow::Result;

use crate::args::Args;
use crate::step::Step;
use crate::workspace::{ALL_BUT_XTASK, Workspace, XTASK, read, succeeds};
use crate::{components, demo, setup};

pub(crate) fn task(workspace: &Workspace, args: Args) -> Result<()> {
    setup::setup(workspace)?;
    components::components(workspace)?;
    components::fixtures(workspace)?;
    demo::build_binary(workspace)?;
    let args = args.rest();
    let mut counts = Vec::new();
    if args.is_empty() {
        counts.extend(xtask(workspace)?);
        counts.extend(doctests(workspace)?);
    }
    // Last, so that the runner's summary is what stays on the screen.
    counts.extend(run(workspace, &args)?);
    println!("{}", counts.join("\n"));
    Ok(())
}

/// All tests but doctests; returns what the runner counted, in its own words.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<Vec<String>> {
    let mut cargo = runner(workspace);
    counted(workspace, "tests", cargo.args(ALL_BUT_XTASK).args(args))
}

/// The tests of xtask itself.
pub(crate) fn xtask(workspace: &Workspace) -> Result<Vec<String>> {
    counted(workspace, "xtask-tests", runner(workspace).args(XTASK))
}

/// The examples in the documentation.
pub(crate) fn doctests(workspace: &Workspace) -> Result<Vec<String>> {
    let mut cargo = workspace.cargo("test");
    cargo.args(["--doc", "--no-fail-fast"]).args(ALL_BUT_XTASK);
    counted(workspace, "doctests", &mut cargo)
}

/// nextest if it is installed, else the test runner of cargo.
fn runner(workspace: &Workspace) -> Command {
    if succeeds(workspace.cargo("nextest").arg("--version")) {
        let mut cargo = workspace.cargo("nextest");
        cargo.args(["run", "--no-fail-fast"]);
        return cargo;
    }
    let mut cargo = workspace.cargo("test");
    cargo.args(["--all-targets", "--no-fail-fast"]);
    cargo
}

fn counted(workspace: &Workspace, name: &str, command: &mut Command) -> Result<Vec<String>> {
    let done = Step::new(workspace, name).live().run(command)?;
    Ok(counts(name, &read(&done.log)?))
}

/// nextest's summary line, or the sum of the lines of the standard harness.
fn counts(name: &str, log: &str) -> Vec<String> {
    if let Some(line) = log
        .lines()
        .rfind(|line| line.trim_start().starts_with("Summary ["))
    {
        return vec![line.trim().to_owned()];
    }
    let results: Vec<&str> = log
        .lines()
        .filter_map(|line| line.trim().strip_prefix("test result: ok. "))
        .collect();
    let [passed, failed, ignored] = ["passed", "failed", "ignored"].map(|what| sum(&results, what));
    let run = passed + failed;
    vec![format!(
        "{name}: {run} tests run: {passed} passed, {failed} failed, {ignored} skipped"
    )]
}

fn sum(results: &[&str], what: &str) -> u64 {
    let of_line = |line: &&str| -> Option<u64> {
        let part = line.split("; ").find(|part| part.ends_with(what))?;
        part.split(' ').next()?.parse().ok()
    };
    results.iter().filter_map(of_line).sum()
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn counts_of_both_runners_are_found() {
        let nextest = "PASS a\n     Summary [   0.005s] 3 tests run: 3 passed, 0 skipped\n";
        assert_eq!(
            counts("tests", nextest),
            ["Summary [   0.005s] 3 tests run: 3 passed, 0 skipped"]
        );
        let plain = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out\n\
                     test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let expected = "doctests: 7 tests run: 7 passed, 0 failed, 1 skipped";
        assert_eq!(counts("doctests", plain), [expected]);
    }
}
