//! How guests are compiled here: rustup's wasm32 target if it is there or can be had, else Debian's compiler.
//!
//! Guests need `wasm32-unknown-unknown` only. Where no Rust target can be downloaded, Debian's
//! `rustc-web` and `rust-web-src` build the standard library too (about 40 s, once).

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::setup;
use crate::step::Step;
use crate::workspace::{Workspace, capture, rustc};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// Overrides the search: `target` or `debian`.
const CHOICE: &str = "MILLSTREAM_GUEST_TOOLCHAIN";
/// A slow line gets its 20 MB through in this time; a filtered one does not hold up setup for ever.
const DOWNLOAD_LIMIT: Duration = Duration::from_mins(3);
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "rust-web-src"];

/// A way to compile guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The active toolchain has the target.
    Target,
    /// Debian's compiler and its sources of the standard library.
    Debian,
}

impl Way {
    const ALL: [Self; 2] = [Self::Target, Self::Debian];

    fn key(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Debian => "debian",
        }
    }

    fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.key() == key.trim())
    }

    /// Cheap: is what this way needs in place?
    fn is_ready(self, workspace: &Workspace) -> bool {
        match self {
            Self::Target => has_target(workspace),
            Self::Debian => debian_problem(workspace).is_none(),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => write!(f, "the installed target {TARGET}"),
            Self::Debian => write!(f, "Debian's rustc-web and rust-web-src"),
        }
    }
}

/// Finds a way and makes it ready; what a search found is remembered in `target/xtask/guest-toolchain`.
pub(crate) fn find(workspace: &Workspace) -> Result<Way> {
    let memory = workspace.state_dir().join("guest-toolchain");
    let remembered = fs::read_to_string(&memory)
        .ok()
        .and_then(|key| Way::from_key(&key));
    if let Ok(key) = env::var(CHOICE) {
        return chosen(workspace, &key);
    }
    if let Some(way) = remembered.filter(|way| way.is_ready(workspace)) {
        return Ok(way);
    }
    let way = search(workspace)?;
    fs::create_dir_all(workspace.state_dir())?;
    fs::write(memory, way.key())?;
    Ok(way)
}

/// `cargo <subcommand>` for guests: target, flags, and a target folder of their own.
pub(crate) fn cargo(workspace: &Workspace, way: Way, subcommand: &str) -> Result<Command> {
    let mut command = workspace.cargo(subcommand);
    command.args(["--target", TARGET]);
    command.env("CARGO_TARGET_DIR", workspace.root.join("target/guest"));
    command.env(
        "CARGO_ENCODED_RUSTFLAGS",
        flags(workspace, way)?.join("\u{1f}"),
    );
    if way == Way::Debian {
        command.args(["-Z", "build-std=std,panic_abort"]);
        command
            .env("RUSTC", DEBIAN_RUSTC)
            .env("RUSTC_BOOTSTRAP", "1");
        command.env("PATH", path_with_linker(workspace)?);
    }
    Ok(command)
}

/// Paths of this machine that must not be found in a guest.
pub(crate) fn machine_paths(workspace: &Workspace) -> Vec<PathBuf> {
    let mut paths = vec![workspace.root.clone()];
    paths.extend(cargo_home());
    paths
}

fn chosen(workspace: &Workspace, key: &str) -> Result<Way> {
    let way = Way::from_key(key)
        .with_context(|| format!("`{CHOICE}={key}`: expected `target` or `debian`"))?;
    if way == Way::Debian && !way.is_ready(workspace) {
        install_debian(workspace)?;
    }
    if !way.is_ready(workspace) {
        bail!("`{CHOICE}={key}`: {way} not ready on this machine");
    }
    Ok(way)
}

fn search(workspace: &Workspace) -> Result<Way> {
    if has_target(workspace) {
        return Ok(Way::Target);
    }
    eprintln!("setup: target {TARGET} is missing, trying `rustup target add`");
    if let Some(time) = add_target(workspace) {
        eprintln!(
            "setup: rustup installed it in {}",
            crate::step::seconds(time)
        );
        return Ok(Way::Target);
    }
    eprintln!("setup: rustup cannot get it, looking at Debian's packages");
    if debian_problem(workspace).is_some() {
        install_debian(workspace)?;
    }
    match debian_problem(workspace) {
        None => Ok(Way::Debian),
        Some(problem) => bail!(
            "no way to build guests: rustup cannot add the target (log: target/xtask/rustup.log), and {problem}\n\
             hint: where there is a network, `rustup target add {TARGET}` is enough"
        ),
    }
}

fn has_target(workspace: &Workspace) -> bool {
    let mut command = workspace.command(rustc());
    command.args(["--print", "target-libdir", "--target", TARGET]);
    let Ok(folder) = capture(&mut command) else {
        return false;
    };
    let Ok(mut files) = fs::read_dir(folder) else {
        return false;
    };
    files.any(|file| file.is_ok_and(|file| is_core(&file.file_name())))
}

fn is_core(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    name.starts_with("libcore-") && name.ends_with(".rlib")
}

/// Quiet and quick: on a machine without a network this is expected to fail.
fn add_target(workspace: &Workspace) -> Option<Duration> {
    let mut command = workspace.command("rustup");
    command
        .args(["target", "add", TARGET])
        .env("RUSTUP_MAX_RETRIES", "1");
    command.env("RUSTUP_AUTO_INSTALL", "0");
    let step = Step::new(workspace, "rustup").within(DOWNLOAD_LIMIT);
    let (done, status) = step.run_to_status(&mut command).ok()?;
    (status.success() && has_target(workspace)).then_some(done.time)
}

fn install_debian(workspace: &Workspace) -> Result<()> {
    if !setup::has_apt() {
        bail!(
            "no way to build guests: rustup cannot add `{TARGET}`, and this is not a Debian\n\
             hint: install the target with your system's package manager (Fedora: `rust-std-static-wasm32-unknown-unknown`, Arch: `rust-wasm`)"
        );
    }
    setup::install(workspace, DEBIAN_PACKAGES)
}

/// What is wrong with Debian's compiler; `None` if it can build guests.
fn debian_problem(workspace: &Workspace) -> Option<String> {
    let Ok(version) = capture(workspace.command(DEBIAN_RUSTC).arg("-V")) else {
        return Some(format!("there is no `{DEBIAN_RUSTC}`"));
    };
    if minor(&version) < minor(env!("CARGO_PKG_RUST_VERSION")) {
        let needed = env!("CARGO_PKG_RUST_VERSION");
        return Some(format!(
            "`{DEBIAN_RUSTC}` is {version}, {needed} or later is needed"
        ));
    }
    let sysroot = capture(workspace.command(DEBIAN_RUSTC).args(["--print", "sysroot"])).ok()?;
    let library = Path::new(&sysroot).join("lib/rustlib/src/rust/library/Cargo.lock");
    (!library.exists()).then(|| "`rust-web-src` is not installed".to_owned())
}

/// `95` of `rustc 1.95.0 (…)` or `1.95`.
fn minor(version: &str) -> u32 {
    let digits = version.split_once("1.").map_or("", |(_, rest)| rest);
    digits
        .split('.')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

/// PATH, with the folder of rustup's `rust-lld` behind it: Debian keeps its own in another package.
fn path_with_linker(workspace: &Workspace) -> Result<OsString> {
    let sysroot = capture(workspace.command(rustc()).args(["--print", "sysroot"]))?;
    let host = workspace.host_triple()?;
    let folder = Path::new(&sysroot)
        .join("lib/rustlib")
        .join(host)
        .join("bin");
    let path = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(env::split_paths(&path).chain([folder]))?)
}

/// At each turn of a loop the host looks whether the call takes too long, which costs as much
/// as some vector instructions: loops over pixels do four turns in one. And places in memory
/// stay what they are in the source, a base and a distance, which loads and stores of wasm
/// can add by themselves: what LLVM makes of them instead suits other machines.
const LOOPS: &str = "-Cllvm-args=-unroll-partial-threshold=1200 -disable-lsr";

/// `simd128` for all guests, and no path of this machine in them: the same sources and compiler
/// give the same bytes everywhere.
fn flags(workspace: &Workspace, way: Way) -> Result<Vec<String>> {
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    let mut flags = vec![
        "-Ctarget-feature=+simd128".to_owned(),
        LOOPS.to_owned(),
        remap(&workspace.root, "/millstream"),
    ];
    if let Some(home) = cargo_home() {
        flags.push(remap(&home, "/cargo"));
        // Below it a folder is named after the registry's address. The last match wins.
        flags.extend(
            registries(&home)
                .iter()
                .map(|folder| remap(folder, "/crates")),
        );
    }
    let compiler = if way == Way::Debian {
        DEBIAN_RUSTC.into()
    } else {
        rustc()
    };
    let sysroot = capture(workspace.command(compiler).args(["--print", "sysroot"]))?;
    flags.push(remap(
        &Path::new(&sysroot).join("lib/rustlib/src/rust"),
        "/rust",
    ));
    Ok(flags)
}

fn cargo_home() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    home.or_else(|| env::home_dir().map(|home| home.join(".cargo")))
}

fn registries(cargo_home: &Path) -> Vec<PathBuf> {
    let Ok(folders) = fs::read_dir(cargo_home.join("registry/src")) else {
        return Vec::new();
    };
    let mut folders: Vec<PathBuf> = folders.flatten().map(|folder| folder.path()).collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::{Way, minor};

    #[test]
    fn versions_are_compared_by_their_minor() {
        let check = |version, expected| assert_eq!(minor(version), expected, "{version}");
        check(
            "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)",
            96,
        );
        check("1.95", 95);
        check("nonsense", 0);
    }

    #[test]
    fn what_is_remembered_is_found_again() {
        for way in Way::ALL {
            assert_eq!(Way::from_key(way.key()), Some(way));
        }
        assert_eq!(Way::from_key("gcc"), None);
    }
}
