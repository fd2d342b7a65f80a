//! Instrumentation of our own crates and of nothing else.
//!
//! ```text
//! cargo ─▶ rustc for a dependency: as always, shared with the tests
//!      └─▶ target/xtask/rustc-NAME-HASH (workspace members) ─▶ rustc … FLAGS
//! ```
//!
//! Cargo keeps what a wrapper made apart by the wrapper's path, so that plain builds and
//! instrumented ones do not undo each other; the hash of the flags is part of it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

use anyhow::Result;

use crate::workspace::{Workspace, write_atomically};

/// The variable in which cargo looks for such a wrapper.
pub(crate) const WRAPPER: &str = "RUSTC_WORKSPACE_WRAPPER";

/// Writes a compiler for workspace members that sets variables and adds flags.
pub(crate) fn compiler(
    workspace: &Workspace,
    name: &str,
    variables: &[(&str, &str)],
    flags: &[&str],
) -> Result<PathBuf> {
    let mut hasher = DefaultHasher::new();
    (variables, flags).hash(&mut hasher);
    let file = format!("rustc-{name}-{:016x}", hasher.finish());
    let file = workspace.state_dir().join(file);
    if !file.exists() {
        let exports = variables.iter();
        let exports = exports.map(|(name, value)| format!("export {name}={value}\n"));
        let exports = exports.collect::<Vec<_>>().concat();
        let text = format!("#!/bin/sh\n{exports}exec \"$@\" {}\n", flags.join(" "));
        write_atomically(&file, text.as_bytes())?;
        make_executable(&file)?;
    }
    Ok(file)
}

#[cfg(unix)]
fn make_executable(file: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::Permissions::from_mode(0o755);
    Ok(std::fs::set_permissions(file, mode)?)
}

#[cfg(not(unix))]
fn make_executable(_: &std::path::Path) -> Result<()> {
    anyhow::bail!("needs a Unix shell\nhint: take Linux, macOS or WSL")
}
