//! What GPUs are called. The engines know vendor and device as numbers; the name
//! comes from the system: NVIDIA's driver, or the list of PCI devices that most
//! systems have.

use std::fs;
use std::path::Path;

use super::{Device, DeviceKind};

/// Lists of PCI devices, where systems put them.
const PCI_IDS: &[&str] = &["usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids"];

/// Largest list of PCI devices that is read; they have 1.5 MB.
const MAX_PCI_IDS_BYTES: u64 = 16 << 20;

/// Vendors whose number says enough.
const VENDORS: &[(u32, &str)] = &[
    (0x1002, "AMD"),
    (0x10de, "NVIDIA"),
    (0x8086, "Intel"),
    (0x13b5, "Arm"),
    (0x5143, "Qualcomm"),
    (0x106b, "Apple"),
];

/// What an engine knows of a GPU.
#[derive(Clone, Debug, Default)]
pub(super) struct Gpu {
    pub(super) vendor_id: u32,
    pub(super) device_id: u32,
    /// The vendor's name, if the engine knows it.
    pub(super) vendor: String,
    /// Its number below `/sys/class/drm`.
    pub(super) card: Option<u32>,
    /// Whether it has memory of its own.
    pub(super) discrete: Option<bool>,
    /// Its name, where the system gives one (Windows).
    pub(super) description: Option<String>,
}

impl Gpu {
    /// The GPU as a device of a backend.
    pub(super) fn device(&self) -> Device {
        Device {
            kind: match self.discrete {
                Some(false) => DeviceKind::IntegratedGpu,
                _ => DeviceKind::DiscreteGpu,
            },
            description: self.name(Path::new("/")),
        }
    }

    /// Its name, as far as the system below `root` tells.
    fn name(&self, root: &Path) -> String {
        let known = self.description.clone().filter(|it| !it.is_empty());
        known
            .or_else(|| self.name_from_driver(root))
            .or_else(|| self.name_from_list(root))
            .unwrap_or_else(|| {
                let vendor = VENDORS.iter().find(|(id, _)| *id == self.vendor_id);
                let vendor = vendor.map_or(&*self.vendor, |(_, name)| name);
                let ids = format!("GPU {:04x}:{:04x}", self.vendor_id, self.device_id);
                format!("{vendor} {ids}").trim().to_owned()
            })
    }

    /// `Model: NVIDIA GeForce RTX 4090` below `/proc/driver/nvidia`.
    fn name_from_driver(&self, root: &Path) -> Option<String> {
        let device = root.join(format!("sys/class/drm/card{}/device", self.card?));
        let address = fs::canonicalize(device).ok()?;
        let gpus = root.join("proc/driver/nvidia/gpus");
        let information = gpus.join(address.file_name()?).join("information");
        let text = fs::read_to_string(information).ok()?;
        let model = text.lines().find_map(|line| line.strip_prefix("Model:"))?;
        Some(model.trim().to_owned()).filter(|it| !it.is_empty())
    }

    fn name_from_list(&self, root: &Path) -> Option<String> {
        let list = PCI_IDS.iter().map(|path| root.join(path));
        let list = list.filter(|path| {
            fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() <= MAX_PCI_IDS_BYTES)
        });
        // The list has vendors' names in whatever encoding they were sent in.
        let bytes = list.map(fs::read).find_map(Result::ok)?;
        let text = String::from_utf8_lossy(&bytes);
        let vendor = format!("{:04x}  ", self.vendor_id);
        let device = format!("\t{:04x}  ", self.device_id);
        let mut lines = text.lines();
        let vendor = lines.find_map(|line| line.strip_prefix(&*vendor))?;
        let name = lines
            .take_while(|line| line.starts_with('\t') || line.starts_with('#'))
            .find_map(|line| line.strip_prefix(&*device))?;
        let known = VENDORS.iter().find(|(id, _)| *id == self.vendor_id);
        let vendor = known.map_or(vendor.trim(), |(_, name)| name);
        Some(format!("{vendor} {}", name.trim()))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_driver_the_list_or_the_numbers() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let gpu = |vendor_id, device_id, card| Gpu {
            vendor_id,
            device_id,
            card,
            ..Gpu::default()
        };
        let check = |gpu: &Gpu, expected: &str| assert_eq!(gpu.name(root.path()), expected);

        check(&gpu(0x1002, 0x15bf, None), "AMD GPU 1002:15bf");
        write(
            "usr/share/misc/pci.ids",
            "# list\n1002  Advanced Micro Devices, Inc. [AMD/ATI]\n\t15be  Other\n\t15bf  Phoenix1\n\t\t1002 15bf  Board\n\
             10de  NVIDIA Corporation\n\t2684  AD102 [GeForce RTX 4090]\n",
        );
        check(&gpu(0x1002, 0x15bf, Some(1)), "AMD Phoenix1");
        check(
            &gpu(0x10de, 0x2684, Some(0)),
            "NVIDIA AD102 [GeForce RTX 4090]",
        );
        check(&gpu(0x1002, 0x2684, None), "AMD GPU 1002:2684");

        write("sys/devices/0000:01:00.0/vendor", "0x10de\n");
        write("sys/class/drm/card0/dev", "226:0\n");
        std::os::unix::fs::symlink(
            root.path().join("sys/devices/0000:01:00.0"),
            root.path().join("sys/class/drm/card0/device"),
        )
        .unwrap();
        write(
            "proc/driver/nvidia/gpus/0000:01:00.0/information",
            "Model: \t\t NVIDIA GeForce RTX 4090\nIRQ: 1\n",
        );
        check(&gpu(0x10de, 0x2684, Some(0)), "NVIDIA GeForce RTX 4090");
    }
}
