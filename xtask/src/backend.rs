//! `cargo xtask setup --backend onnxruntime`: the library out of a pinned `PyPI` wheel, into `target/backends/onnxruntime/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::step::Step;
use crate::workspace::{Workspace, succeeds};

/// 1.28.0 is pinned on purpose: the Linux wheel of 1.29.0 and those after it contain telemetry.
const VERSION: &str = "1.28.0";

/// A wheel that was looked at. The tag is fixed, so that it does not depend on this machine's Python.
struct Wheel {
    arch: &'static str,
    file: &'static str,
    sha256: &'static str,
}

const WHEELS: &[Wheel] = &[
    Wheel {
        arch: "x86_64",
        file: "onnxruntime-1.28.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        sha256: "0a83bdb70d143cede762b677789bf2a7acca54b3fb82565601d5c30695aa933c",
    },
    Wheel {
        arch: "aarch64",
        file: "onnxruntime-1.28.0-cp312-cp312-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
        sha256: "4e81a23df16e7acb9d51b06d30cc098e49315ef9180f97bc2221d167b4b04d9c",
    },
];

/// What is taken out of the wheel.
const TAKEN: &[&str] = &["capi/libonnxruntime", "LICENSE", "ThirdPartyNotices.txt"];

/// Downloads, checks and unpacks; does nothing if that was done before.
pub(crate) fn fetch_onnxruntime(workspace: &Workspace) -> Result<()> {
    let wheel = wheel_for_this_machine()?;
    let folder = workspace.root.join("target/backends/onnxruntime");
    let stamp = folder.join("wheel.sha256");
    let library = folder.join(format!("libonnxruntime.so.{VERSION}"));
    let is_there = fs::read_to_string(&stamp).is_ok_and(|sum| sum == wheel.sha256);
    if is_there && library.exists() {
        eprintln!("setup: onnxruntime {VERSION} is already there");
    } else {
        let file = download(workspace, wheel)?;
        unpack(workspace, &file, &folder)?;
        if !library.exists() {
            bail!("`{}` holds no `{}`", wheel.file, library.display());
        }
        fs::write(stamp, wheel.sha256)?;
    }
    println!("{}", library.display());
    eprintln!("setup: to use it from elsewhere, give its path to the program that loads it:");
    eprintln!(
        "  export MILLSTREAM_ONNXRUNTIME={path} ORT_DYLIB_PATH={path}",
        path = library.display()
    );
    Ok(())
}

fn wheel_for_this_machine() -> Result<&'static Wheel> {
    let arch = std::env::consts::ARCH;
    let found = WHEELS
        .iter()
        .find(|wheel| cfg!(target_os = "linux") && wheel.arch == arch);
    found.with_context(|| {
        format!(
            "no onnxruntime wheel is pinned for {arch} on {os}\n\
             hint: install onnxruntime {VERSION} and set MILLSTREAM_ONNXRUNTIME to its library",
            os = std::env::consts::OS
        )
    })
}

/// `pip download` into `target/backends/wheels/`: pip knows the mirrors and proxies of this machine.
fn download(workspace: &Workspace, wheel: &Wheel) -> Result<PathBuf> {
    if !succeeds(
        workspace
            .command("python3")
            .args(["-m", "pip", "--version"]),
    ) {
        bail!(
            "`python3` with `pip` is needed to fetch onnxruntime\n\
             hint: on Debian, `apt-get install python3-pip`"
        );
    }
    let folder = workspace.root.join("target/backends/wheels");
    let platform = format!("manylinux_2_28_{}", wheel.arch);
    let requirement = format!("onnxruntime=={VERSION}");
    let mut pip = workspace.command("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--no-input",
    ]);
    pip.args([
        "--implementation",
        "cp",
        "--python-version",
        "3.12",
        "--abi",
        "cp312",
    ]);
    pip.args(["--platform", &platform, &requirement, "--dest"])
        .arg(&folder);
    eprintln!("setup: pip download {requirement}");
    Step::new(workspace, "pip").run(&mut pip)?;
    let file = folder.join(wheel.file);
    let bytes = fs::read(&file).with_context(|| format!("pip did not bring `{}`", wheel.file))?;
    let sum = format!("{:x}", Sha256::digest(&bytes));
    if sum != wheel.sha256 {
        bail!(
            "`{}`: sha256 {sum}, expected {}",
            file.display(),
            wheel.sha256
        );
    }
    Ok(file)
}

/// A wheel is a zip file.
fn unpack(workspace: &Workspace, wheel: &Path, folder: &Path) -> Result<()> {
    let temporary = workspace.root.join("target/backends/unpacked");
    let mut unzip = workspace.command("python3");
    unzip
        .args(["-m", "zipfile", "-e"])
        .arg(wheel)
        .arg(&temporary);
    Step::new(workspace, "unzip").run(&mut unzip)?;
    fs::create_dir_all(folder)?;
    for taken in TAKEN {
        let pattern = temporary.join("onnxruntime").join(taken);
        for file in files_that_start_with(&pattern)? {
            let name = file.file_name().context("a file without a name")?;
            fs::rename(&file, folder.join(name))?;
        }
    }
    fs::remove_dir_all(temporary)?;
    Ok(())
}

fn files_that_start_with(pattern: &Path) -> Result<Vec<PathBuf>> {
    let folder = pattern.parent().context("a pattern without a folder")?;
    let start = pattern
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(&start) {
            found.push(path);
        }
    }
    Ok(found)
}
