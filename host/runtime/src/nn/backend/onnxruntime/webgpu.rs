//! `webgpu`: a GPU of any vendor, through onnxruntime's WebGPU plug-in and Vulkan,
//! Metal or Direct3D.
//!
//! The plug-in takes a GPU by itself; it can be told to take one with memory of
//! its own or one without, and no more. So where there are two of a kind, only the
//! first can be used.

use std::path::Path;
use std::sync::OnceLock;

use ort::session::builder::SessionBuilder;

use super::super::find::{self, Wanted};
use super::super::{Device, DeviceKind, Unavailable};
use super::library::Library;
use super::plugin::Plugin;
use super::{Chosen, Provider};

const NAME: &str = "webgpu";

const HINT: &str = "`cargo xtask setup --backend webgpu`, or name the plug-in: \
                    `MILLSTREAM_WEBGPU=/path/to/libonnxruntime_providers_webgpu.so`";

static PLUGIN: Plugin = Plugin {
    name: NAME,
    provider: "WebGpuExecutionProvider",
    wanted: Wanted {
        stem: "onnxruntime_providers_webgpu",
        variables: &["MILLSTREAM_WEBGPU"],
        folders: &["webgpu"],
    },
    hint: HINT,
    software,
    prepare: |_folder| {},
    registered: OnceLock::new(),
};

/// Variables by which Vulkan is told of drivers.
const DRIVERS: &[&str] = &["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"];

/// The plug-in.
#[derive(Clone)]
pub(in super::super) struct Webgpu;

impl Provider for Webgpu {
    const NAME: &'static str = NAME;

    fn devices(&self, library: &'static Library) -> Result<Vec<Device>, Unavailable> {
        let devices = PLUGIN.devices(library)?;
        match missing_loader() {
            Some(missing) => Err(missing),
            None if devices.is_empty() => Err(Unavailable {
                why: "its plug-in loads, but there is no GPU".into(),
                hint: "install the GPU's Vulkan driver (Debian: `apt-get install mesa-vulkan-drivers`, \
                       or NVIDIA's driver), or run on the CPU: `backend = \"onnxruntime\"`"
                    .into(),
            }),
            None => Ok(devices),
        }
    }

    fn configure(
        &self,
        builder: SessionBuilder,
        library: &'static Library,
        chosen: &Chosen,
    ) -> Result<SessionBuilder, String> {
        let devices = PLUGIN.devices(library).map_err(|missing| missing.why)?;
        let preference = preference(&devices, chosen.index)?;
        let key = "ep.webgpuexecutionprovider.powerPreference".to_owned();
        let settings = [(key, preference.to_owned())];
        PLUGIN.configure(builder, library, chosen.index, &settings)
    }
}

/// What makes the plug-in take this device.
fn preference(devices: &[Device], index: usize) -> Result<&'static str, String> {
    let kind = devices.get(index).map(|device| device.kind);
    let first = devices.iter().position(|device| Some(device.kind) == kind);
    if first != Some(index) {
        return Err(format!(
            "its plug-in can be told the kind of GPU only, and takes device {} for device {index}",
            first.unwrap_or(0)
        ));
    }
    Ok(match kind {
        Some(DeviceKind::IntegratedGpu) => "low-power",
        _ => "high-performance",
    })
}

/// Vulkan's loader, without which the plug-in sees no GPU on Linux.
fn missing_loader() -> Option<Unavailable> {
    let loader = "libvulkan.so.1";
    let folders = find::system_folders();
    if !cfg!(target_os = "linux") || folders.iter().any(|it| it.join(loader).exists()) {
        return None;
    }
    Some(Unavailable {
        why: format!("no `{loader}` was found in {}", find::joined(&folders)),
        hint: "install Vulkan's loader (Debian: `apt-get install libvulkan1`) and the GPU's Vulkan driver".into(),
    })
}

/// The driver that plays a GPU, by the files that Vulkan was told to use.
fn software() -> String {
    let named = DRIVERS.iter().filter_map(std::env::var_os);
    let files: Vec<_> = named
        .flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>())
        .collect();
    let is = |word: &str| files.iter().any(|file| describes(file, word));
    if is("swiftshader") {
        "SwiftShader on the CPU".into()
    } else if is("lvp") {
        "llvmpipe on the CPU".into()
    } else {
        "a GPU played by the CPU".into()
    }
}

/// Whether a driver's file has a word in its name.
fn describes(file: &Path, word: &str) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.to_lowercase().contains(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_of_a_kind_can_be_taken() {
        use DeviceKind::{DiscreteGpu, IntegratedGpu};
        let devices = [IntegratedGpu, DiscreteGpu, DiscreteGpu].map(|kind| Device {
            kind,
            description: "GPU".into(),
        });
        assert_eq!(preference(&devices, 0), Ok("low-power"));
        assert_eq!(preference(&devices, 1), Ok("high-performance"));
        let error = preference(&devices, 2).unwrap_err();
        assert!(error.contains("takes device 1 for device 2"), "{error}");
    }
}
