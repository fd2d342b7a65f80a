//! `bench peers [ROW…] [--install] [--rounds N] [--binary PATH]`: what a frame costs here and with
//! GStreamer, `FFmpeg` and `OpenCV`.
//!
//! ```text
//! rows ─► measure ─┬─► line ─► cost     a process for each run: long minus short, with minus without
//!                  └─► process          OpenCV: a process that is asked
//!                          └─► report   Markdown and JSON
//! ```

mod cost;
mod frames;
mod line;
mod measure;
mod process;
mod report;
mod rows;

use std::cell::RefCell;
use std::path::PathBuf;

use anyhow::{Result, bail};

pub(super) use cost::task as cost;
pub(super) use process::{Peer, python, script};

use self::line::Who;
use self::measure::{Bench, Measured};
use self::rows::Row;
use crate::args::{Args, Usage};
use crate::step::Step;
use crate::workspace::{Workspace, succeeds, write_atomically};
use crate::{components, setup};

/// What Debian calls the other sides.
const PACKAGES: &[&str] = &[
    "ffmpeg",
    "gstreamer1.0-tools",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "python3-gi",
    "python3-gi-cairo",
    "gir1.2-gstreamer-1.0",
    "fonts-dejavu-core",
];

pub(super) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let rounds = args.number("--rounds", 5)?.max(1) as usize;
    let installs = args.flag("--install");
    let binary = args.value("--binary")?;
    let rows = chosen(rows::all(), &args.names()?)?;
    let binary = match binary {
        Some(path) => path.into(),
        None => build(workspace)?,
    };
    if installs {
        setup::install(workspace, PACKAGES)?;
        process::python(workspace)?;
    }
    let here = here(workspace);
    frames::make(workspace)?;
    let python = process::ready(workspace);
    if let Some(python) = &python {
        frames::pictures(workspace, python)?;
    }
    let bench = Bench {
        workspace,
        binary,
        rounds,
        python,
        opencv: RefCell::default(),
    };
    let (mut measured, mut failed) = (Vec::new(), Vec::new());
    for row in &rows {
        eprintln!("bench: {}", row.name);
        match bench.row(row, |who| who == Who::Millstream || here.contains(&who)) {
            Ok(row) => {
                for (who, why) in &row.skipped {
                    eprintln!("bench: {} is left out of {}: {why}", who.name(), row.name);
                }
                measured.push(row);
            }
            Err(error) => {
                eprintln!("bench: {}: {error:#}", row.name);
                failed.push(row.name.as_str());
            }
        }
    }
    write(workspace, &measured, rounds)?;
    if !failed.is_empty() {
        bail!("rows that broke off: {}", failed.join(", "));
    }
    Ok(())
}

/// The table on stdout and below `target/bench`, and all rounds as JSON.
fn write(workspace: &Workspace, measured: &[Measured], rounds: usize) -> Result<()> {
    let table = report::table(measured);
    let folder = workspace.root.join("target/bench");
    write_atomically(&folder.join("peers.md"), table.as_bytes())?;
    let json = report::json(measured, rounds).to_string();
    write_atomically(&folder.join("peers.json"), json.as_bytes())?;
    println!("{table}");
    Ok(())
}

/// Elements and the binary that tests use.
pub(super) fn build(workspace: &Workspace) -> Result<PathBuf> {
    components::components(workspace)?;
    let mut build = workspace.cargo("build");
    Step::new(workspace, "build").run(build.args(["--quiet", "-p", "millstream"]))?;
    Ok(workspace.binary())
}

/// The rows whose names begin with one of those given; all if none is.
fn chosen(rows: Vec<Row>, names: &[String]) -> Result<Vec<Row>> {
    for name in names {
        if !rows.iter().any(|row| row.name.starts_with(name)) {
            let all: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
            let all = all.join(", ");
            return Err(Usage::new(format!("no row `{name}`: {all}")).into());
        }
    }
    let is_chosen =
        |row: &Row| names.is_empty() || names.iter().any(|name| row.name.starts_with(name));
    Ok(rows.into_iter().filter(is_chosen).collect())
}

/// The peers that can be started; says why the others are left out.
fn here(workspace: &Workspace) -> Vec<Who> {
    let is_here = |who: &Who| {
        let starts = |program: &str, args: &[&str]| succeeds(workspace.command(program).args(args));
        let is_here = match who {
            Who::Millstream => true,
            Who::GStreamer => starts("gst-launch-1.0", &["--version"]),
            Who::Ffmpeg => starts("ffmpeg", &["-version"]),
            Who::OpenCv | Who::Python => process::ready(workspace).is_some(),
            Who::Cairo => starts("/usr/bin/python3", &["-c", "import gi, cairo"]),
        };
        if !is_here {
            eprintln!(
                "bench: {} is left out: it is not installed\nhint: `cargo xtask bench peers --install`",
                who.name()
            );
        }
        is_here
    };
    Who::PEERS.into_iter().filter(is_here).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_how_their_names_begin() {
        let names = |asked: &[&str]| -> Result<Vec<String>> {
            let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
            let rows = chosen(rows::all(), &asked)?;
            Ok(rows.into_iter().map(|row| row.name).collect())
        };
        assert_eq!(names(&[]).unwrap().len(), rows::all().len());
        assert_eq!(
            names(&["identity"]).unwrap(),
            ["identity-small", "identity-large"]
        );
        let error = names(&["identity", "nothing"]).unwrap_err().to_string();
        assert!(error.starts_with("no row `nothing`: "), "{error}");
    }

    #[test]
    fn every_row_begins_with_our_side_and_has_a_name_of_its_own() {
        let rows = rows::all();
        let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), rows.len());
        for row in &rows {
            let first = row.sides.first().map(|side| side.who);
            assert_eq!(first, Some(Who::Millstream), "{}", row.name);
        }
    }
}
