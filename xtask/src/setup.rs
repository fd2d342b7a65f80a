//! `cargo xtask setup`: what cargo cannot fetch by itself.
//!
//! On Debian and Ubuntu missing packages are installed (as root, or through sudo); elsewhere they are named.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::args::Args;
use crate::workspace::{Workspace, capture, succeeds};
use crate::{backend, guest, step::Step};

/// Something that the build needs from the system.
struct Need {
    what: &'static str,
    why: &'static str,
    debian: &'static str,
    elsewhere: &'static str,
    is_there: fn() -> bool,
}

const NEEDS: &[Need] = &[Need {
    what: "libclang",
    why: "the camera backend generates its V4L bindings when it is built",
    debian: "libclang1",
    elsewhere: "install LLVM's libclang (Fedora: `clang-libs`, Arch: `clang`, macOS: Xcode's command-line tools), or set LIBCLANG_PATH to its folder",
    is_there: has_libclang,
}];

pub(crate) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let backend = args.value("--backend")?;
    args.finish()?;
    match backend.as_deref() {
        None => setup(workspace),
        Some(name) => backend::fetch(workspace, name),
    }
}

/// Installs what is missing. Cheap when nothing is.
pub(crate) fn setup(workspace: &Workspace) -> Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.is_there)()).collect();
    for need in &missing {
        eprintln!("setup: {} is missing ({})", need.what, need.why);
    }
    if !missing.is_empty() {
        if !has_apt() {
            for need in &missing {
                eprintln!("hint: {}", need.elsewhere);
            }
            bail!(
                "{} of the system libraries needed are missing",
                missing.len()
            );
        }
        let packages: Vec<&str> = missing.iter().map(|need| need.debian).collect();
        install(workspace, &packages)?;
    }
    let way = guest::find(workspace)?;
    eprintln!("setup: ready; elements are built with {way}");
    Ok(())
}

/// What minifb loads when it opens a window.
const WINDOW: &[&str] = &["libx11-6", "libxcursor1"];

/// Installs what a window needs at run time, where that can be done.
pub(crate) fn window(workspace: &Workspace) -> Result<()> {
    if (has_library("libX11.so.6") && has_library("libXcursor.so.1")) || !has_apt() {
        return Ok(());
    }
    eprintln!("setup: libX11 or libXcursor is missing (the window)");
    install(workspace, WINDOW)
}

/// Installs Vulkan's loader, through which the backend `webgpu` finds GPUs; elsewhere names it.
pub(crate) fn vulkan(workspace: &Workspace) -> Result<()> {
    if has_library("libvulkan.so.1") {
        return Ok(());
    }
    eprintln!("setup: libvulkan is missing (the backend `webgpu`)");
    if !has_apt() {
        eprintln!(
            "hint: install Vulkan's loader (Fedora: `vulkan-loader`, Arch: `vulkan-icd-loader`)"
        );
        return Ok(());
    }
    install(workspace, &["libvulkan1"])
}

/// The driver of a GPU in software, for Vulkan: `SwiftShader`, which Debian's chromium brings.
pub(crate) fn software_gpu(workspace: &Workspace) -> Result<std::path::PathBuf> {
    let driver = Path::new("/usr/lib/chromium/vk_swiftshader_icd.json");
    vulkan(workspace)?;
    if !driver.exists() && has_apt() {
        eprintln!("setup: SwiftShader is missing (a GPU in software)");
        install(workspace, &["chromium"])?;
    }
    if !driver.exists() {
        anyhow::bail!(
            "no `{}`, which Debian's `chromium` brings",
            driver.display()
        );
    }
    Ok(driver.to_owned())
}

/// True if a library lies where systems put them.
fn has_library(name: &str) -> bool {
    let folders = [
        "/usr/lib",
        "/usr/lib64",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
    ];
    folders
        .iter()
        .any(|folder| Path::new(folder).join(name).exists())
}

/// True on Debian and what descends from it.
pub(crate) fn has_apt() -> bool {
    Path::new("/usr/bin/apt-get").exists()
}

/// `apt-get install`, with the lists brought up to date first.
pub(crate) fn install(workspace: &Workspace, packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    let apt = || -> Result<std::process::Command> {
        let is_root = capture(workspace.command("id").arg("-u"))? == "0";
        let mut command = workspace.command(if is_root { "apt-get" } else { "sudo" });
        if !is_root {
            if !succeeds(workspace.command("sudo").arg("--version")) {
                bail!("`{names}` missing\nhint: as root, run `apt-get install {names}`");
            }
            command.arg("apt-get");
        }
        command.env("DEBIAN_FRONTEND", "noninteractive");
        Ok(command)
    };
    eprintln!("setup: apt-get install {names}");
    Step::new(workspace, "apt-update").run(apt()?.args(["update", "-q"]))?;
    let mut command = apt()?;
    command
        .args(["install", "-q", "-y", "--no-install-recommends"])
        .args(packages);
    let done = Step::new(workspace, "apt-install").run(&mut command)?;
    eprintln!(
        "setup: installed {names} in {}",
        crate::step::seconds(done.time)
    );
    Ok(())
}

/// Looks where the `clang-sys` crate looks.
fn has_libclang() -> bool {
    if std::env::var_os("LIBCLANG_PATH").is_some() || !cfg!(target_os = "linux") {
        return true;
    }
    let mut folders: Vec<PathBuf> = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib"]
        .into_iter()
        .map(PathBuf::from)
        .collect();
    folders.push(format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH).into());
    folders.extend(
        entries(Path::new("/usr/lib"))
            .into_iter()
            .filter_map(|path| {
                let name = path.file_name()?.to_str()?;
                name.starts_with("llvm").then(|| path.join("lib"))
            }),
    );
    folders
        .iter()
        .flat_map(|folder| entries(folder))
        .any(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // `libclang-cpp` is another library, and no substitute.
            let is_library = name.starts_with("libclang.so")
                || name.starts_with("libclang-") && !name.starts_with("libclang-cpp");
            is_library && name.contains(".so")
        })
}

/// What is in a folder; nothing if it cannot be read.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.flatten().map(|entry| entry.path()).collect()
}
