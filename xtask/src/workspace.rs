//! Where things are: the checkout, its build folders, and what `cargo metadata` says about its crates.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The checkout that this task works on.
#[derive(Clone)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Cargo's own target folder; artefacts of ours are always below `root/target`.
    pub(crate) cargo_target: PathBuf,
    /// Show the output of child processes as it comes.
    pub(crate) verbose: bool,
    /// Children see `CI=true`: what may be skipped on a desk fails there.
    pub(crate) is_ci: bool,
}

/// All crates but this one. Cargo unites the features of what it builds together, and those of
/// `wit-component` reach into wasmtime: with xtask in the same call, wasmtime would be compiled once
/// for the binary and again for the tests.
pub(crate) const ALL_BUT_XTASK: [&str; 3] = ["--workspace", "--exclude", "xtask"];
/// This crate.
pub(crate) const XTASK: [&str; 2] = ["-p", "xtask"];

/// A crate, as far as tasks care.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest: PathBuf,
    /// SPDX expression, as the manifest gives it.
    pub(crate) licence: Option<String>,
    /// `None`: a crate of this checkout.
    pub(crate) source: Option<String>,
    /// File stem of the library if it is a `cdylib`.
    pub(crate) cdylib: Option<String>,
}

impl Workspace {
    pub(crate) fn find(verbose: bool) -> Result<Self> {
        // `cargo run` sets it; the other one is for an xtask that is started by its path.
        let manifest = env::var_os("CARGO_MANIFEST_DIR");
        let manifest = manifest.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = manifest
            .parent()
            .context("xtask has no folder above it")?
            .to_owned();
        let cargo_target = match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => env::current_dir()?.join(dir),
            None => root.join("target"),
        };
        Ok(Self {
            root,
            cargo_target,
            verbose,
            is_ci: false,
        })
    }

    /// Where xtask keeps logs and what it remembers.
    pub(crate) fn state_dir(&self) -> PathBuf {
        self.root.join("target/xtask")
    }

    /// The `millstream` binary that demo, tests and CI use.
    pub(crate) fn binary(&self) -> PathBuf {
        self.cargo_target
            .join("debug")
            .join(format!("millstream{}", env::consts::EXE_SUFFIX))
    }

    /// A command that runs in the root of the checkout.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        if self.is_ci {
            command.env("CI", "true");
        }
        // `cargo run` puts its own folders there; a build script that watches the variable would
        // run again each time a build is started by xtask instead of by hand.
        if let Some(paths) = env::var_os("LD_LIBRARY_PATH") {
            let is_foreign = |path: &PathBuf| {
                !path.starts_with(&self.cargo_target) && !path.ends_with("rustlib/lib")
            };
            let foreign = env::split_paths(&paths).filter(is_foreign);
            match env::join_paths(foreign) {
                Ok(left) if !left.is_empty() => command.env("LD_LIBRARY_PATH", left),
                _ => command.env_remove("LD_LIBRARY_PATH"),
            };
        }
        command
    }

    /// `cargo <subcommand>` in the root of the checkout.
    pub(crate) fn cargo(&self, subcommand: &str) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.command(cargo);
        command.arg(subcommand);
        command
    }

    /// The crates of the workspace at `manifest`, without their dependencies.
    pub(crate) fn members(&self, manifest: &Path) -> Result<Vec<Package>> {
        self.metadata(manifest, &["--no-deps"])
    }

    /// All crates that the checkout needs on this machine, as `Cargo.lock` pins them.
    pub(crate) fn packages(&self) -> Result<Vec<Package>> {
        let host = self.host_triple()?;
        let args = ["--locked", "--filter-platform", host.as_str()];
        self.metadata(&self.root.join("Cargo.toml"), &args)
    }

    /// The triple of this machine, e.g. `x86_64-unknown-linux-gnu`.
    pub(crate) fn host_triple(&self) -> Result<String> {
        let version = capture(self.command(rustc()).arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        Ok(host.context("`rustc -vV` names no host")?.to_owned())
    }

    fn metadata(&self, manifest: &Path, args: &[&str]) -> Result<Vec<Package>> {
        let mut command = self.cargo("metadata");
        command
            .args(["--format-version", "1", "--quiet", "--manifest-path"])
            .arg(manifest)
            .args(args);
        let json: Value = serde_json::from_str(&capture(&mut command)?)?;
        let packages = json.get("packages").and_then(Value::as_array);
        packages
            .context("`cargo metadata` lists no packages")?
            .iter()
            .map(package)
            .collect()
    }
}

/// The compiler that cargo uses here.
pub(crate) fn rustc() -> std::ffi::OsString {
    env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// Runs a short command and returns its stdout; its stderr is in the error if it fails.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .with_context(|| format!("cannot start `{program}`"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{program}` failed ({})\n{}",
            output.status,
            stderr.trim_end()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned())
}

/// True if the command can be started and succeeds; its output is not shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Reads a text file, with its name in the error.
pub(crate) fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

/// Writes a file in one step: a reader sees the old content or the new one.
pub(crate) fn write_atomically(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file needs a folder")?;
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}", std::process::id()));
    fs::write(&temporary, content)
        .and_then(|()| fs::rename(&temporary, path))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

fn package(json: &Value) -> Result<Package> {
    let text = |key: &str| json.get(key).and_then(Value::as_str).map(String::from);
    let required = |key: &str| text(key).with_context(|| format!("a package without `{key}`"));
    Ok(Package {
        name: required("name")?,
        version: required("version")?,
        manifest: required("manifest_path")?.into(),
        licence: text("license"),
        source: text("source"),
        cdylib: cdylib(json),
    })
}

fn cdylib(package: &Value) -> Option<String> {
    let targets = package.get("targets")?.as_array()?;
    let is_cdylib = |target: &&Value| {
        let kinds = target.get("kind").and_then(Value::as_array);
        kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "cdylib"))
    };
    let name = targets.iter().find(is_cdylib)?.get("name")?.as_str()?;
    Some(name.replace('-', "_"))
}
