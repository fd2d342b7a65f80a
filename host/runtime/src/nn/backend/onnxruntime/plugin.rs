//! Providers that lie in libraries of their own: registered once for each process,
//! then asked for their devices.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ort::device::Device as OrtDevice;
use ort::memory::DeviceType;
use ort::session::builder::SessionBuilder;

use super::super::find::{self, Wanted};
use super::super::{Device, DeviceKind, Unavailable};
use super::library::Library;
use super::raw;

/// A provider in a library of its own.
pub(super) struct Plugin {
    /// The backend's name, under which it is registered.
    pub(super) name: &'static str,
    /// What the provider calls itself.
    pub(super) provider: &'static str,
    pub(super) wanted: Wanted,
    /// What installs it.
    pub(super) hint: &'static str,
    /// What it says of the processor, where it takes that for a GPU.
    pub(super) software: fn() -> String,
    /// Loads what it needs first, from its folder.
    pub(super) prepare: fn(&Path),
    pub(super) registered: OnceLock<Result<PathBuf, Unavailable>>,
}

impl Plugin {
    /// Loads the provider's library, the first time.
    pub(super) fn register(&self, library: &'static Library) -> Result<&Path, Unavailable> {
        let registered = self.registered.get_or_init(|| {
            let _lock = library.lock_providers();
            self.find_and_register(library)
        });
        registered.as_deref().map_err(Clone::clone)
    }

    fn find_and_register(&self, library: &Library) -> Result<PathBuf, Unavailable> {
        let mut found = self.wanted.candidates();
        // Beside the engine it is of the engine's version.
        let beside = find::libraries_in(library.folder(), self.wanted.stem);
        found.libraries.splice(0..0, beside);
        let unavailable = |why: String| Unavailable {
            hint: find::hint(&why, self.hint),
            why,
        };
        let Some(path) = found.libraries.into_iter().next() else {
            found.searched.insert(0, library.folder().to_owned());
            return Err(unavailable(format!(
                "no `{}` was found in {}",
                find::plain_name(self.wanted.stem),
                find::joined(&found.searched)
            )));
        };
        let refused = |why: String| unavailable(format!("`{}`: {why}", path.display()));
        find::check_telemetry(&path).map_err(refused)?;
        (self.prepare)(path.parent().unwrap_or(Path::new("")));
        library
            .environment
            .register_ep_library(self.name, &path)
            .map_err(|error| refused(error.to_string()))?;
        Ok(path)
    }

    /// The devices that it can use; an empty list if there is none.
    pub(super) fn devices(&self, library: &'static Library) -> Result<Vec<Device>, Unavailable> {
        self.register(library)?;
        let _lock = library.lock_providers();
        let devices = self.own_devices(library);
        Ok(devices.map(|device| self.described(&device)).collect())
    }

    fn own_devices(&self, library: &'static Library) -> impl Iterator<Item = OrtDevice<'static>> {
        let devices = library.environment.devices();
        devices.filter(|device| device.ep().is_ok_and(|name| name == self.provider))
    }

    fn described(&self, device: &OrtDevice<'_>) -> Device {
        match device.hardware_device().ty() {
            DeviceType::GPU => raw::gpu(device).device(),
            DeviceType::NPU => Device {
                kind: DeviceKind::Npu,
                ..raw::gpu(device).device()
            },
            _ => Device {
                kind: DeviceKind::Software,
                description: (self.software)(),
            },
        }
    }

    /// Tells a session to use a device, which must be there: an empty list would
    /// run everything on the CPU without a word.
    pub(super) fn configure(
        &self,
        builder: SessionBuilder,
        library: &'static Library,
        index: usize,
        settings: &[(String, String)],
    ) -> Result<SessionBuilder, String> {
        let _lock = library.lock_providers();
        let device = self.own_devices(library).nth(index);
        let device = device.ok_or_else(|| format!("device {index} has gone"))?;
        let settings: Vec<(String, String)> = settings
            .iter()
            .map(|(key, value)| (format!("{}.{key}", self.provider), value.clone()))
            .collect();
        builder
            .with_devices([device], Some(&settings))
            .map_err(|error| error.to_string())
    }
}
