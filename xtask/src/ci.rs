//! `cargo xtask ci`: all of CI, in order, with a table at the end.
//!
//! Cheap steps come first. A step that others build on ends the run when it fails; after any other failure the
//! rest still runs, so that one round shows everything that is wrong.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::args::Args;
use crate::step::{Step, seconds};
use crate::workspace::{ALL_BUT_XTASK, Workspace, XTASK};
use crate::{
    components, counts, demo, fuzz, generated, guest, licences, readme, setup, testing, wit,
};

/// What a step does; it returns lines to show, and the first of them stands in the table.
type Run = fn(&Workspace) -> Result<Vec<String>>;

/// One step of CI.
struct Stage {
    name: &'static str,
    run: Run,
    /// Later steps make no sense without it.
    is_base: bool,
}

const STAGES: &[Stage] = &[
    base("setup", |ws| setup::setup(ws).map(|()| Vec::new())),
    check("fmt", fmt),
    check("wit/deps", |ws| wit::check(ws).map(one)),
    check("licences", |ws| licences::check(ws).map(one)),
    base("components", |ws| components::components(ws).map(one)),
    base("fixtures", |ws| components::fixtures(ws).map(one)),
    check("clippy", clippy),
    check("core on wasm32", core_on_wasm),
    base("build", |ws| demo::build_binary(ws).map(one)),
    check("generated files", |ws| generated::check(ws).map(one)),
    check("xtask tests", testing::xtask),
    check("doctests", testing::doctests),
    check("tests", |ws| testing::run(ws, &[])),
    check("instructions", |ws| counts::check(ws).map(one)),
    check("fuzz", |ws| fuzz::short(ws).map(one)),
    check("rustdoc", rustdoc),
    check("smallest element", |ws| {
        readme::smallest_element(ws).map(one)
    }),
    check("README commands", |ws| readme::commands(ws).map(one)),
];

const fn base(name: &'static str, run: Run) -> Stage {
    Stage {
        name,
        run,
        is_base: true,
    }
}

const fn check(name: &'static str, run: Run) -> Stage {
    Stage {
        name,
        run,
        is_base: false,
    }
}

/// One row of the table.
struct Row {
    name: &'static str,
    time: Duration,
    /// `None`: not run, since a base failed.
    result: Option<Result<Vec<String>>>,
}

pub(crate) fn task(workspace: &Workspace, args: Args) -> Result<()> {
    args.finish()?;
    let workspace = &Workspace {
        is_ci: true,
        ..workspace.clone()
    };
    let start = Instant::now();
    let mut rows = Vec::new();
    let mut is_over = false;
    for (at, stage) in STAGES.iter().enumerate() {
        let began = Instant::now();
        let result = (!is_over).then(|| {
            eprintln!("\n== {} ({}/{})", stage.name, at + 1, STAGES.len());
            (stage.run)(workspace)
        });
        if let Some(Err(error)) = &result {
            eprintln!("error: {error:#}");
            is_over = stage.is_base;
        }
        rows.push(Row {
            name: stage.name,
            time: began.elapsed(),
            result,
        });
    }
    report(&rows, start.elapsed())
}

fn report(rows: &[Row], time: Duration) -> Result<()> {
    println!();
    for row in rows {
        let (result, note) = match &row.result {
            None => ("not run", ""),
            Some(Ok(lines)) => ("ok", lines.first().map_or("", String::as_str)),
            Some(Err(_)) => ("FAILED", ""),
        };
        println!(
            "{:<17} {result:<8} {:>11}  {note}",
            row.name,
            seconds(row.time)
        );
    }
    let bad = rows
        .iter()
        .filter(|row| !matches!(row.result, Some(Ok(_))))
        .count();
    if bad > 0 {
        bail!(
            "{bad} of {} steps did not pass, {}",
            rows.len(),
            seconds(time)
        );
    }
    println!("\nall {} steps passed in {}", rows.len(), seconds(time));
    // The runners' own counts last, where people and machines look for them.
    for row in rows.iter().filter(|row| row.name.ends_with("tests")) {
        if let Some(Ok(lines)) = &row.result {
            println!("{}", lines.join("\n"));
        }
    }
    Ok(())
}

fn one(line: String) -> Vec<String> {
    vec![line]
}

fn quiet(workspace: &Workspace, name: &str, command: &mut Command) -> Result<Vec<String>> {
    Step::new(workspace, name).run(command).map(|_| Vec::new())
}

fn fmt(workspace: &Workspace) -> Result<Vec<String>> {
    quiet(
        workspace,
        "fmt",
        workspace.cargo("fmt").args(["--all", "--check"]),
    )?;
    // Workspaces of their own.
    for (log, folder) in [
        ("fmt-fixtures", "tests/fixtures"),
        ("fmt-fuzz", "tests/fuzz"),
        ("fmt-memory", "tests/memory"),
    ] {
        let manifest = workspace.root.join(folder).join("Cargo.toml");
        let mut cargo = workspace.cargo("fmt");
        cargo
            .arg("--manifest-path")
            .arg(manifest)
            .args(["--all", "--check"]);
        quiet(workspace, log, &mut cargo)?;
    }
    Ok(Vec::new())
}

/// In the profile of the tests: build scripts and macros are compiled once for both.
fn clippy(workspace: &Workspace) -> Result<Vec<String>> {
    for (log, crates) in [("clippy", &ALL_BUT_XTASK[..]), ("clippy-xtask", &XTASK)] {
        let mut cargo = workspace.cargo("clippy");
        cargo
            .args(crates)
            .args(["--all-targets", "--", "-D", "warnings"]);
        quiet(workspace, log, &mut cargo)?;
    }
    Ok(Vec::new())
}

/// A browser and an editor use the same rules: `millstream-core` builds without an operating system.
fn core_on_wasm(workspace: &Workspace) -> Result<Vec<String>> {
    let way = guest::find(workspace)?;
    let mut cargo = guest::cargo(workspace, way, "build")?;
    cargo.args([
        "--profile",
        "guest",
        "-p",
        "millstream-core",
        "--features",
        "pipeline",
    ]);
    quiet(workspace, "core-wasm32", &mut cargo)
}

fn rustdoc(workspace: &Workspace) -> Result<Vec<String>> {
    for (log, crates) in [("rustdoc", &ALL_BUT_XTASK[..]), ("rustdoc-xtask", &XTASK)] {
        let mut cargo = workspace.cargo("doc");
        cargo
            .args(crates)
            .arg("--no-deps")
            .env("RUSTDOCFLAGS", "-D warnings");
        quiet(workspace, log, &mut cargo)?;
    }
    Ok(Vec::new())
}
