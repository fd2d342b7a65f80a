//! `cargo xtask components` and `fixtures`: crates -> core modules (one cargo call) -> components.
//!
//! A component is written only when its bytes changed, so that what embeds it is not rebuilt for nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use wit_component::ComponentEncoder;

use crate::args::{Args, Usage};
use crate::guest::{self, Way};
use crate::step::{Step, seconds};
use crate::workspace::{Workspace, read, write_atomically};

/// A workspace of guests and where its components go.
struct Guests {
    name: &'static str,
    manifest: &'static str,
    /// Crates below this folder are guests; the folder of a crate names its component.
    folder: &'static str,
    out: &'static str,
}

const COMPONENTS: Guests = Guests {
    name: "components",
    manifest: "Cargo.toml",
    folder: "components",
    out: "target/components",
};

const FIXTURES: Guests = Guests {
    name: "fixtures",
    manifest: "tests/fixtures/Cargo.toml",
    folder: "tests/fixtures",
    out: "target/fixtures",
};

/// One crate that becomes one component.
struct Guest {
    name: String,
    package: String,
    cdylib: String,
}

pub(crate) fn task(workspace: &Workspace, args: Args) -> Result<()> {
    build(workspace, &COMPONENTS, &args.names()?).map(drop)
}

pub(crate) fn fixtures_task(workspace: &Workspace, args: Args) -> Result<()> {
    build(workspace, &FIXTURES, &args.names()?).map(drop)
}

/// Builds all elements; the text says how many there are.
pub(crate) fn components(workspace: &Workspace) -> Result<String> {
    build(workspace, &COMPONENTS, &[])
}

/// Builds all fixtures; the text says how many there are.
pub(crate) fn fixtures(workspace: &Workspace) -> Result<String> {
    build(workspace, &FIXTURES, &[])
}

fn build(workspace: &Workspace, guests: &Guests, names: &[String]) -> Result<String> {
    if !workspace.root.join(guests.manifest).exists() {
        eprintln!("{}: there is no {}", guests.name, guests.manifest);
        return Ok("none".to_owned());
    }
    let start = Instant::now();
    let crates = select(workspace, guests, names)?;
    if crates.is_empty() {
        eprintln!("{}: none yet", guests.name);
        return Ok("none".to_owned());
    }
    let way = guest::find(workspace)?;
    eprintln!("{}: {} with {way}", guests.name, crates.len());
    compile(workspace, guests, way, &crates)?;
    let changed = encode_all(workspace, guests, &crates)?;
    if names.is_empty() {
        remove_stale(&workspace.root.join(guests.out), &crates)?;
    }
    let text = format!("{} built, {changed} changed", crates.len());
    eprintln!("{}: {text} in {}", guests.name, seconds(start.elapsed()));
    Ok(text)
}

fn select(workspace: &Workspace, guests: &Guests, names: &[String]) -> Result<Vec<Guest>> {
    let folder = workspace.root.join(guests.folder);
    let mut found = BTreeMap::new();
    for package in workspace.members(&workspace.root.join(guests.manifest))? {
        let home = package
            .manifest
            .parent()
            .context("a manifest without a folder")?;
        let (true, Some(cdylib)) = (home.starts_with(&folder), package.cdylib) else {
            continue;
        };
        let name = home
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        found.insert(
            name.clone(),
            Guest {
                name,
                package: package.name,
                cdylib,
            },
        );
    }
    if names.is_empty() {
        return Ok(found.into_values().collect());
    }
    let known: Vec<String> = found.keys().cloned().collect();
    let pick = |name: &String| {
        let text = || {
            format!(
                "no `{name}` in {}: there is {}",
                guests.folder,
                known.join(", ")
            )
        };
        found.remove(name).ok_or_else(|| Usage::new(text()).into())
    };
    names.iter().map(pick).collect()
}

/// All crates in one call: cargo sees the whole graph and uses all cores.
fn compile(workspace: &Workspace, guests: &Guests, way: Way, crates: &[Guest]) -> Result<()> {
    let mut cargo = guest::cargo(workspace, way, "build")?;
    cargo.args(["--profile", "guest", "--lib", "--manifest-path"]);
    cargo.arg(workspace.root.join(guests.manifest));
    if guests.manifest != COMPONENTS.manifest {
        // Profiles belong to a workspace; with ours, the standard library is shared as well.
        for setting in guest_profile(workspace)? {
            cargo.args(["--config", &setting]);
        }
    }
    for guest in crates {
        cargo.args(["-p", &guest.package]);
    }
    Step::new(workspace, guests.name).run(&mut cargo).map(drop)
}

/// `[profile.guest]` of the root manifest as `--config` settings.
fn guest_profile(workspace: &Workspace) -> Result<Vec<String>> {
    let manifest: toml::Table = read(&workspace.root.join(COMPONENTS.manifest))?.parse()?;
    let profile = manifest
        .get("profile")
        .and_then(|profiles| profiles.get("guest"));
    let profile = profile
        .and_then(toml::Value::as_table)
        .context("no `[profile.guest]`")?;
    let text = |value: &toml::Value| match value {
        toml::Value::String(text) => format!("\"{text}\""),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Boolean(flag) => flag.to_string(),
        other => format!("{other:?}"),
    };
    let setting = |(key, value)| format!("profile.guest.{key}={}", text(value));
    Ok(profile.iter().map(setting).collect())
}

fn encode_all(workspace: &Workspace, guests: &Guests, crates: &[Guest]) -> Result<usize> {
    let modules = workspace
        .root
        .join("target/guest")
        .join(guest::TARGET)
        .join("guest");
    let out = workspace.root.join(guests.out);
    let secrets = guest::machine_paths(workspace);
    let mut changed = 0;
    for guest in crates {
        let module = modules.join(format!("{}.wasm", guest.cdylib));
        let core = fs::read(&module).with_context(|| format!("no `{}`", module.display()))?;
        let component =
            encode(&core).with_context(|| format!("`{}` does not make a component", guest.name))?;
        no_paths(&guest.name, &component, &secrets)?;
        let file = out.join(format!("{}.wasm", guest.name));
        let is_new = fs::read(&file).ok().as_deref() != Some(component.as_slice());
        if is_new {
            write_atomically(&file, &component)?;
            changed += 1;
        }
        let note = if is_new { "  written" } else { "" };
        println!(
            "{:>9.1} KiB  {}{note}",
            component.len() as f64 / 1024.0,
            guest.name
        );
    }
    Ok(changed)
}

fn encode(core: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(core)?
        .encode()
}

/// A path of this machine in a guest would make builds differ and tell who built it.
fn no_paths(name: &str, component: &[u8], secrets: &[PathBuf]) -> Result<()> {
    for path in secrets {
        let needle = path.as_os_str().as_encoded_bytes();
        if component
            .windows(needle.len().max(1))
            .any(|window| window == needle)
        {
            bail!(
                "component `{name}` contains the path `{}` of this machine",
                path.display()
            );
        }
    }
    Ok(())
}

fn remove_stale(out: &Path, crates: &[Guest]) -> Result<()> {
    for entry in fs::read_dir(out)? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let is_ours = path
            .extension()
            .is_some_and(|extension| extension == "wasm");
        if is_ours && !crates.iter().any(|guest| guest.name == stem) {
            fs::remove_file(&path)?;
            println!("{:>13}  {stem}  removed", "");
        }
    }
    Ok(())
}
