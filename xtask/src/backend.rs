//! `cargo xtask setup --backend NAME`: libraries out of pinned `PyPI` wheels, into `target/backends/NAME/`, where
//! `millstream` finds them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::args::Usage;
use crate::setup;
use crate::step::Step;
use crate::wheels::{BACKENDS, Backend, ONNXRUNTIME, WEBGPU, Wheel};
use crate::workspace::{Workspace, succeeds};

/// Beginnings of the names of licences, which go with the libraries.
const NOTICES: &[&str] = &["LICENSE", "License", "ThirdPartyNotices"];

/// The file in a backend's folder that tells which wheels it came from.
const STAMP: &str = "wheels.sha256";

/// Fetches a backend, with what it needs from other backends and from the system.
pub(crate) fn fetch(workspace: &Workspace, name: &str) -> Result<()> {
    let Some(backend) = BACKENDS.iter().find(|backend| backend.name == name) else {
        let known: Vec<&str> = BACKENDS.iter().map(|backend| backend.name).collect();
        return Err(Usage::new(format!(
            "unknown backend `{name}`: `{}` are fetched here, `embedded` is always there",
            known.join("`, `")
        ))
        .into());
    };
    let folder = unpacked(workspace, backend)?;
    if backend.name == WEBGPU.name {
        unpacked(workspace, &ONNXRUNTIME)?;
        setup::vulkan(workspace)?;
    }
    for library in libraries(&folder)? {
        println!("{}", library.display());
    }
    if let Some(say) = hint(backend.name, &folder) {
        eprintln!("setup: {say}");
    }
    eprintln!("setup: `millstream backends` tells what it finds");
    Ok(())
}

/// What is left for the user to do.
fn hint(name: &str, folder: &Path) -> Option<String> {
    let elsewhere = |variable: &str| {
        format!(
            "to use it from elsewhere: `export {variable}={}`",
            folder.display()
        )
    };
    Some(match name {
        "onnxruntime" => elsewhere("MILLSTREAM_ONNXRUNTIME"),
        "openvino" => format!(
            "{}; Intel's GPUs need `intel-opencl-icd` (Debian) too",
            elsewhere("MILLSTREAM_OPENVINO")
        ),
        "webgpu" => format!(
            "{}; AMD's and Intel's GPUs need `mesa-vulkan-drivers` (Debian), NVIDIA's their own driver",
            elsewhere("MILLSTREAM_WEBGPU")
        ),
        "cuda" => format!(
            "{}; it needs NVIDIA's driver 580 or newer, and for `tensorrt` TensorRT 10",
            elsewhere("MILLSTREAM_ONNXRUNTIME")
        ),
        _ => return None,
    })
}

/// Downloads, checks and unpacks; does nothing if that was done before.
pub(crate) fn unpacked(workspace: &Workspace, backend: &Backend) -> Result<PathBuf> {
    let wheels = wheels_for_this_machine(backend)?;
    let folder = workspace.root.join("target/backends").join(backend.name);
    let sums: Vec<&str> = wheels.iter().map(|wheel| wheel.sha256).collect();
    let sums = sums.join("\n");
    if fs::read_to_string(folder.join(STAMP)).is_ok_and(|text| text == sums) {
        eprintln!("setup: {} is already there", backend.name);
        return Ok(folder);
    }
    if !backend.remark.is_empty() {
        eprintln!("setup: {}", backend.remark);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for wheel in wheels {
        let file = download(workspace, wheel)?;
        unpack(workspace, wheel, &file, &folder)?;
    }
    fs::write(folder.join(STAMP), sums)?;
    Ok(folder)
}

fn wheels_for_this_machine(backend: &Backend) -> Result<Vec<&Wheel>> {
    let arch = std::env::consts::ARCH;
    let fits = |wheel: &&Wheel| cfg!(target_os = "linux") && wheel.arch == arch;
    let wheels: Vec<&Wheel> = backend.wheels.iter().filter(fits).collect();
    if wheels.is_empty() {
        bail!(
            "no wheel of `{}` is pinned for {arch} on {os}\n\
             hint: install the library yourself; `millstream backends` tells the variable that names it",
            backend.name,
            os = std::env::consts::OS
        );
    }
    Ok(wheels)
}

/// `pip download` into `target/backends/wheels/`: pip knows the mirrors and proxies of this machine.
fn download(workspace: &Workspace, wheel: &Wheel) -> Result<PathBuf> {
    let folder = workspace.root.join("target/backends/wheels");
    let file = folder.join(wheel.file);
    if file.exists() && check(&file, wheel).is_ok() {
        return Ok(file);
    }
    let mut version = workspace.command("python3");
    if !succeeds(version.args(["-m", "pip", "--version"])) {
        bail!(
            "`python3` with `pip` is needed to fetch backends\n\
             hint: on Debian, `apt-get install python3-pip`"
        );
    }
    let requirement = format!("{}=={}", wheel.package, wheel.version);
    let mut pip = workspace.command("python3");
    pip.args(["-m", "pip", "download", "--no-deps", "--no-input"]);
    pip.args(["--only-binary=:all:", "--implementation", "cp"]);
    pip.args(["--python-version", "3.12", "--abi", "cp312"]);
    for platform in platforms(wheel.file) {
        pip.args(["--platform", platform]);
    }
    pip.args([&requirement, "--dest"]).arg(&folder);
    eprintln!("setup: pip download {requirement}");
    Step::new(workspace, "pip").run(&mut pip)?;
    check(&file, wheel)?;
    Ok(file)
}

/// The platforms that a wheel's name ends with: `…-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl`.
fn platforms(file: &str) -> impl Iterator<Item = &str> {
    let stem = file.strip_suffix(".whl").unwrap_or(file);
    stem.rsplit('-').next().unwrap_or_default().split('.')
}

fn check(file: &Path, wheel: &Wheel) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("pip did not bring `{}`", wheel.file))?;
    let sum = format!("{:x}", Sha256::digest(&bytes));
    if sum != wheel.sha256 {
        bail!(
            "`{}`: sha256 {sum}, expected {}",
            file.display(),
            wheel.sha256
        );
    }
    Ok(())
}

/// A wheel is a zip file. Libraries keep their names, licences get the package's before theirs.
fn unpack(workspace: &Workspace, wheel: &Wheel, file: &Path, folder: &Path) -> Result<()> {
    let temporary = workspace.root.join("target/backends/unpacked");
    if temporary.exists() {
        fs::remove_dir_all(&temporary)?;
    }
    let mut unzip = workspace.command("python3");
    unzip
        .args(["-m", "zipfile", "-e"])
        .arg(file)
        .arg(&temporary);
    Step::new(workspace, "unzip").run(&mut unzip)?;
    let mut taken = 0;
    for path in files_below(&temporary)? {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let starts = |beginnings: &[&str]| beginnings.iter().any(|it| name.starts_with(it));
        if starts(wheel.taken) {
            fs::rename(&path, folder.join(&name))?;
            taken += 1;
        } else if starts(NOTICES) {
            fs::rename(&path, folder.join(format!("{}.{name}", wheel.package)))?;
        }
    }
    fs::remove_dir_all(temporary)?;
    if taken == 0 {
        bail!(
            "`{}` holds none of `{}`",
            wheel.file,
            wheel.taken.join("`, `")
        );
    }
    Ok(())
}

fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What was unpacked, for the user to see.
fn libraries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = files_below(folder)?;
    files.retain(|path| path.to_string_lossy().contains(".so"));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_come_from_the_wheels_name() {
        let check = |file: &str, expected: &[&str]| {
            assert_eq!(platforms(file).collect::<Vec<_>>(), expected);
        };
        check(
            "a-1.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
            &["manylinux_2_27_x86_64", "manylinux_2_28_x86_64"],
        );
        check("a-1.0-py3-none-any.whl", &["any"]);
    }

    #[test]
    fn every_wheel_is_pinned() {
        for backend in BACKENDS {
            for wheel in backend.wheels {
                assert_eq!(wheel.sha256.len(), 64, "{}", wheel.file);
                let name = wheel.package.replace('-', "_");
                let start = format!("{name}-{}-", wheel.version);
                assert!(wheel.file.starts_with(&start), "{}", wheel.file);
                assert!(wheel.file.contains(wheel.arch), "{}", wheel.file);
            }
        }
    }
}
