//! `cargo xtask wit`: `wit/deps` is vendored, never edited.
//!
//! Its hashes are in `wit/deps.sha256`; where cargo has the crates that the files come from, bytes are compared too.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::args::Args;
use crate::workspace::{Workspace, read, write_atomically};

/// File in `wit/deps`, the crate that it comes from, and its path there.
const VENDORED: &[(&str, &str, &str)] = &[
    ("clocks.wit", "wasmtime-wasi", "src/p2/wit/deps/clocks.wit"),
    (
        "filesystem.wit",
        "wasmtime-wasi",
        "src/p2/wit/deps/filesystem.wit",
    ),
    ("io.wit", "wasmtime-wasi", "src/p2/wit/deps/io.wit"),
    ("nn.wit", "wasmtime-wasi-nn", "wit/wasi-nn.wit"),
];
const VERSION: &str = "48.0.8";
const SUMS: &str = "wit/deps.sha256";
const DEPS: &str = "wit/deps";

pub(crate) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let is_update = args.flag("--update");
    args.finish()?;
    if is_update {
        update(workspace)?;
    }
    eprintln!("wit: {}", check(workspace)?);
    Ok(())
}

/// Compares files, hashes and sources; the text says what was compared.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let sums = read(&workspace.root.join(SUMS))?;
    let mut problems = strangers(workspace)?;
    for (file, _, _) in VENDORED {
        let path = workspace.root.join(DEPS).join(file);
        let bytes = fs::read(&path).with_context(|| format!("no `{}`", path.display()))?;
        if !sums.lines().any(|line| line == sum_line(file, &bytes)) {
            problems.push(format!(
                "`{DEPS}/{file}` does not have the hash in `{SUMS}`"
            ));
        }
    }
    let sources = sources(workspace)?;
    for (file, origin) in &sources {
        if fs::read(workspace.root.join(DEPS).join(file))? != fs::read(origin)? {
            problems.push(format!(
                "`{DEPS}/{file}` differs from `{}`",
                origin.display()
            ));
        }
    }
    if !problems.is_empty() {
        bail!(
            "{}\nhint: `cargo xtask wit --update` vendors them again",
            problems.join("\n")
        );
    }
    Ok(match sources.len() {
        0 => format!("{} hashes; their crates are not used yet", VENDORED.len()),
        count => format!("{} hashes, {count} sources", VENDORED.len()),
    })
}

fn update(workspace: &Workspace) -> Result<()> {
    let sources = sources(workspace)?;
    let mut sums = String::new();
    for (file, name, _) in VENDORED {
        let origin = sources.get(file).with_context(|| {
            format!("`{file}` comes from {name} {VERSION}, which the workspace does not use")
        })?;
        let bytes = fs::read(origin)?;
        write_atomically(&workspace.root.join(DEPS).join(file), &bytes)?;
        sums += &sum_line(file, &bytes);
        sums.push('\n');
    }
    write_atomically(&workspace.root.join(SUMS), sums.as_bytes())
}

/// As `sha256sum` prints it, so that `sha256sum -c deps.sha256` in `wit/` checks it as well.
fn sum_line(file: &str, bytes: &[u8]) -> String {
    format!("{:x}  deps/{file}", Sha256::digest(bytes))
}

/// Files that nobody vendored.
fn strangers(workspace: &Workspace) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for entry in fs::read_dir(workspace.root.join(DEPS))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !VENDORED.iter().any(|(file, _, _)| *file == name) {
            problems.push(format!("`{DEPS}/{name}` is not vendored by xtask"));
        }
    }
    Ok(problems)
}

/// The originals, as far as the workspace uses their crates.
fn sources(workspace: &Workspace) -> Result<BTreeMap<&'static str, PathBuf>> {
    let packages = workspace.packages()?;
    let mut found = BTreeMap::new();
    for (file, name, path) in VENDORED {
        let is_it = |package: &&crate::workspace::Package| package.name == *name;
        let Some(package) = packages.iter().find(is_it) else {
            continue;
        };
        if package.version != VERSION {
            bail!(
                "{name} is {}, `xtask/src/wit.rs` expects {VERSION}",
                package.version
            );
        }
        let folder = package
            .manifest
            .parent()
            .context("a manifest without a folder")?;
        found.insert(*file, folder.join(path));
    }
    Ok(found)
}
