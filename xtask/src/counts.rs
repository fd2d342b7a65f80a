//! `cargo xtask counts`: how many instructions a buffer costs, beside what `tests/counts.toml`
//! says it did.
//!
//! ```text
//! line ─▶ millstream compile --cpu x86-64-v2 ─▶ bundle ─▶ callgrind: run of 100 and of 300 buffers
//! ```
//!
//! Counts are the same each time, to one in a thousand, where times are not: so they can stop
//! a change that makes buffers dearer. Valgrind sees the guests' code as well, which is made
//! ahead of time, for processors that it knows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::args::Args;
use crate::bench::table::markdown;
use crate::step::Step;
use crate::workspace::{Workspace, read, succeeds, write_atomically};
use crate::{components, demo, setup};

/// What the counts were when somebody last wrote them down.
const KNOWN: &str = "tests/counts.toml";
const HEAD: &str = "\
# Instructions a buffer, written by `cargo xtask counts --update` (x86-64, profile `dev`).
";
/// What is taken for a change, in per cent.
const TOLERANCE: f64 = 10.0;
/// The same where threads meet: how often one waits for the other differs from run to run,
/// by 12 % so far.
const TOLERANCE_OF_THREADS: f64 = 30.0;
/// Buffers of the two runs; what a buffer costs is their difference.
const RUNS: [u64; 2] = [100, 300];

const SMALL: &str = "videotestsrc pattern=black num-buffers={n} \
     ! video/x-raw,format=GRAY8,width=8,height=8,framerate=30/1";
const FRAME: &str = "videotestsrc num-buffers={n} \
     ! video/x-raw,format=I420,width=160,height=120,framerate=30/1";

/// What it is, the source, and what follows, which alone is counted if there is something.
const ROWS: [(&str, &str, &str); 10] = [
    ("source", SMALL, ""),
    ("read", SMALL, "! identity drop-probability=0.000001"),
    ("pass", SMALL, "! identity ! identity ! identity ! identity"),
    ("queue", SMALL, "! queue ! queue ! queue ! queue"),
    ("branch", SMALL, "! tee name=t ! fakesink t."),
    ("frame", FRAME, ""),
    ("convert", FRAME, "! videoconvert ! video/x-raw,format=RGB"),
    (
        "scale",
        FRAME,
        "! videoscale ! video/x-raw,width=80,height=80",
    ),
    ("encode", FRAME, "! jpegenc"),
    ("encode-decode", FRAME, "! jpegenc ! jpegdec"),
];

pub(crate) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let update = args.flag("--update");
    args.finish()?;
    components::components(workspace)?;
    demo::build_binary(workspace)?;
    let Some(counts) = count(workspace)? else {
        return Ok(());
    };
    if update {
        let lines = counts
            .iter()
            .map(|(name, count)| format!("{name} = {count}\n"));
        let text = HEAD.to_owned() + &lines.collect::<String>();
        return write_atomically(&workspace.root.join(KNOWN), text.as_bytes());
    }
    println!("{}", compare(workspace, &counts)?);
    Ok(())
}

/// For CI: a line for its table.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    match count(workspace)? {
        Some(counts) => compare(workspace, &counts),
        None => Ok("skipped".to_owned()),
    }
}

/// The count of each row; none where there is nothing to count with.
fn count(workspace: &Workspace) -> Result<Option<BTreeMap<&'static str, u64>>> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        eprintln!("counts: skipped: what is written down is of Linux on x86-64");
        return Ok(None);
    }
    let is_there = || succeeds(workspace.command("valgrind").arg("--version"));
    if !is_there() && setup::has_apt() {
        eprintln!("setup: valgrind is missing (counts of instructions)");
        // Its tools need the names of the C library's functions.
        setup::install(workspace, &["valgrind", "libc6-dbg"])?;
    }
    if !is_there() {
        eprintln!("counts: skipped: there is no valgrind");
        return Ok(None);
    }
    let folder = workspace.root.join("target/counts");
    fs::create_dir_all(&folder)?;
    let mut counts = BTreeMap::new();
    let mut before = 0;
    for (name, source, rest) in ROWS {
        let mut totals = RUNS.into_iter().map(|buffers| {
            let source = source.replace("{n}", &buffers.to_string());
            total(workspace, &folder, &format!("{source} {rest} ! fakesink"))
        });
        if let (Some(short), Some(long)) = (totals.next(), totals.next()) {
            let [few, many] = RUNS;
            let mut count = long?.saturating_sub(short?) / (many - few);
            if rest.is_empty() {
                before = count;
            } else {
                count = count.saturating_sub(before);
            }
            eprintln!("counts: {name}: {count} instructions a buffer");
            counts.insert(name, count);
        }
    }
    Ok(Some(counts))
}

/// Instructions of a whole run.
fn total(workspace: &Workspace, folder: &Path, line: &str) -> Result<u64> {
    let [manifest, bundle, log] = ["line.toml", "line.bundle", "valgrind.log"];
    let text = format!("[pipeline]\nclock = \"virtual\"\nchains = [\"{line}\"]\n");
    write_atomically(&folder.join(manifest), text.as_bytes())?;
    let mut compile = workspace.command(workspace.binary());
    compile.current_dir(folder).args(["compile", manifest]);
    compile.args(["--cpu", "x86-64-v2", "-o", bundle]);
    Step::new(workspace, "counts-compile").run(&mut compile)?;
    let mut run = workspace.command("valgrind");
    run.current_dir(folder)
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--log-file={log}"))
        .arg(workspace.binary())
        .args(["run", "--quiet", "--trust-compiled", bundle]);
    Step::new(workspace, "counts-run").run(&mut run)?;
    let said = read(&folder.join(log))?;
    let count = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let count = count.context("callgrind did not say what it counted")?.1;
    Ok(count.trim().parse()?)
}

/// A table; fails if a buffer has become dearer.
fn compare(workspace: &Workspace, counts: &BTreeMap<&str, u64>) -> Result<String> {
    let known: toml::Table = read(&workspace.root.join(KNOWN))?.parse()?;
    let mut rows = Vec::new();
    let (mut dearer, mut largest) = (Vec::new(), 0.0_f64);
    for (name, count) in counts {
        let before = known.get(*name).and_then(toml::Value::as_integer);
        let before = before.with_context(|| {
            format!("`{KNOWN}` has no `{name}`\nhint: `cargo xtask counts --update` writes it")
        })?;
        let change = (*count as f64 / before as f64 - 1.0) * 100.0;
        let of_threads = ROWS
            .iter()
            .any(|(row, _, rest)| row == name && rest.contains("queue"));
        let tolerance = if of_threads {
            TOLERANCE_OF_THREADS
        } else {
            TOLERANCE
        };
        if change > tolerance {
            dearer.push(format!("{name} ({before} → {count})"));
        }
        if change.abs() > largest.abs() {
            largest = change;
        }
        rows.push(vec![
            (*name).to_owned(),
            before.to_string(),
            count.to_string(),
            format!("{change:+.1}"),
        ]);
    }
    eprint!("{}", markdown(&["row", "before", "now", "%"], &rows));
    if !dearer.is_empty() {
        bail!(
            "a buffer costs more instructions than it did: {}\n\
             hint: if it has to, `cargo xtask counts --update` writes it down",
            dearer.join(", ")
        );
    }
    if largest < -TOLERANCE {
        eprintln!("hint: `cargo xtask counts --update` writes down what was won");
    }
    Ok(format!(
        "{} rows, largest change {largest:+.1} %",
        rows.len()
    ))
}
