//! `cargo xtask miri` and `cargo xtask asan`: the modules with `unsafe`, watched.
//!
//! ```text
//! tests/memory (memory/, buffer.rs, tensor.rs without engines) ─▶ Miri, address sanitizer
//! runtime's unit tests, hostile guests of tests/e2e            ─▶ address sanitizer
//! ```
//!
//! Miri has no `mremap`, no pages without access and no signals, so that windows are for the
//! sanitizer. Of the second line only our own crates are instrumented; engines are shared
//! with the tests, and what they allocate is watched all the same.

use std::process::Command;

use anyhow::Result;

use crate::args::Args;
use crate::instrument::{self, WRAPPER};
use crate::step::{Done, Step, seconds};
use crate::workspace::{Workspace, succeeds};
use crate::{components, demo};

const MEMORY: &str = "tests/memory/Cargo.toml";
/// Frames are addresses that the kernel gave, kept as numbers.
const MIRI_FLAGS: &str = "-Zmiri-permissive-provenance";
const SANITIZER: &str = "-Zsanitizer=address";
/// Flags of the pinned compiler that only nightly takes without it.
const BOOTSTRAP: &str = "RUSTC_BOOTSTRAP";
/// Faults belong to wasmtime and to `memory/fault.rs`. A guest's stack is another one than
/// the sanitizer's. What is given back is kept from reuse for 64 MiB, so that limits on
/// memory still hold. Leaks: libraries keep what they allocate once, and a ptrace is needed.
const ASAN_OPTIONS: &str = "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:\
    allow_user_segv_handler=1:use_sigaltstack=0:detect_stack_use_after_return=0:\
    quarantine_size_mb=64:detect_leaks=0";
/// Tests that reach `unsafe`: of the runtime, scripts of the contract and models among
/// them, and of `tests/e2e` those with guests that break the contract.
const TESTS: [&str; 7] = [
    "memory::",
    "buffer::",
    "element::",
    "fuzzing::",
    "nn::",
    "hostile::",
    "isolation::",
];

pub(crate) fn miri(workspace: &Workspace, args: Args) -> Result<()> {
    args.finish()?;
    if let Err(missing) = install_miri(workspace) {
        println!("miri: skipped: {missing}");
        return Ok(());
    }
    let mut command = workspace.command("rustup");
    command
        .args(["run", "nightly", "cargo", "miri", "test"])
        .args(["--locked", "--lib", "--manifest-path", MEMORY])
        .args(["--target-dir", "target/miri"])
        .env("MIRIFLAGS", MIRI_FLAGS);
    for variable in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(variable);
    }
    let done = Step::new(workspace, "miri").live().run(&mut command)?;
    println!("miri: passed in {}", seconds(done.time));
    Ok(())
}

/// Installs Miri if it is missing; otherwise why it cannot be had.
fn install_miri(workspace: &Workspace) -> Result<(), String> {
    let mut check = workspace.command("rustup");
    check.args(["run", "nightly", "cargo", "miri", "--version"]);
    if succeeds(check.env_remove("RUSTUP_TOOLCHAIN")) {
        return Ok(());
    }
    let mut install = workspace.command("rustup");
    install.args(["toolchain", "install", "nightly", "--profile", "minimal"]);
    install.args(["--component", "miri", "--component", "rust-src"]);
    let done = Step::new(workspace, "miri-install").run(&mut install);
    done.map(drop).map_err(|error| format!("{error:#}"))
}

pub(crate) fn asan(workspace: &Workspace, args: Args) -> Result<()> {
    args.finish()?;
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        println!("asan: skipped: set up for Linux on x86-64 only");
        return Ok(());
    }
    components::components(workspace)?;
    components::fixtures(workspace)?;
    demo::build_binary(workspace)?;
    for (name, done) in [("memory", alone(workspace)?), ("host", host(workspace)?)] {
        println!("asan: {name} passed in {}", seconds(done.time));
    }
    Ok(())
}

/// The memory modules, instrumented with all that they use.
fn alone(workspace: &Workspace) -> Result<Done> {
    let mut cargo = workspace.cargo("test");
    cargo
        .args(["--locked", "--lib", "--manifest-path", MEMORY])
        .args(["--target-dir", "target/asan"])
        // With `--target` the flags are not for build scripts and macros.
        .args(["--target", &workspace.host_triple()?])
        .env(BOOTSTRAP, "1")
        .env("CARGO_ENCODED_RUSTFLAGS", SANITIZER);
    run(workspace, "asan-memory", &mut cargo)
}

/// [`TESTS`], with our own crates instrumented.
fn host(workspace: &Workspace) -> Result<Done> {
    // In the wrapper: dependencies' build scripts would look at the variable.
    let compiler = instrument::compiler(workspace, "asan", &[(BOOTSTRAP, "1")], &[SANITIZER])?;
    let mut cargo = workspace.cargo("test");
    // In one call, so that features are those of a plain test run.
    cargo
        .args(["--locked", "-p", "millstream", "-p", "millstream-runtime"])
        .args(["--lib", "--test", "e2e", "--"])
        .args(TESTS)
        .env(WRAPPER, compiler);
    // Its libraries load others with RTLD_DEEPBIND, at which the sanitizer gives up.
    cargo.env("MILLSTREAM_OPENVINO", "/none");
    run(workspace, "asan-host", &mut cargo)
}

fn run(workspace: &Workspace, name: &str, cargo: &mut Command) -> Result<Done> {
    cargo.env("ASAN_OPTIONS", ASAN_OPTIONS);
    Step::new(workspace, name).live().run(cargo)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    fn collect(folder: &Path, found: &mut BTreeSet<PathBuf>, root: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found, root);
            } else if path.extension().is_some_and(|end| end == "rs")
                && fs::read_to_string(&path).unwrap().contains("unsafe_code")
            {
                found.insert(path.strip_prefix(root).unwrap().to_owned());
            }
        }
    }

    /// The compiler denies `unsafe` but where a file says otherwise: such files are those
    /// that `ARCHITECTURE.md` names.
    #[test]
    fn unsafe_stands_where_the_architecture_says() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
        let named = text
            .lines()
            .find(|line| line.starts_with("- `unsafe` in the host"));
        let named = named.unwrap().split(". ").next().unwrap();
        let host = root.join("host");
        let mut found = BTreeSet::new();
        collect(&host, &mut found, &host);
        assert!(found.len() >= 6, "{found:?}");
        for file in found {
            let file = file.strip_prefix("runtime/src").unwrap().to_str().unwrap();
            let folder = file.split_inclusive('/').next().unwrap();
            let is_named = |name: &str| named.contains(&format!("`{name}`"));
            assert!(is_named(file) || is_named(folder), "`unsafe` in {file}");
        }
    }
}
