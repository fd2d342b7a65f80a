//! The devices of a backend: what they are, and which one is taken.

use std::fmt;

use super::super::NnError;

/// A device that a backend can run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// What it is.
    pub kind: DeviceKind,
    /// For people: `16 cores`, `NVIDIA GeForce RTX 4090` …
    pub description: String,
}

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// The processor.
    Cpu,
    /// A GPU with memory of its own.
    DiscreteGpu,
    /// A GPU that shares the processor's memory.
    IntegratedGpu,
    /// A processor made for neural networks.
    Npu,
    /// The processor, playing a GPU: right, and slow.
    Software,
}

impl DeviceKind {
    /// In a word, for reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::DiscreteGpu => "gpu",
            Self::IntegratedGpu => "integrated gpu",
            Self::Npu => "npu",
            Self::Software => "software",
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `cpu`, `NVIDIA GeForce RTX 4090`, `SwiftShader (software)`.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DeviceKind::Cpu => f.write_str("cpu"),
            DeviceKind::DiscreteGpu => f.write_str(&self.description),
            kind => write!(f, "{} ({kind})", self.description),
        }
    }
}

impl Device {
    /// The processor as a device.
    pub(super) fn cpu() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let plural = if cores == 1 { "" } else { "s" };
        Self {
            kind: DeviceKind::Cpu,
            description: format!("{cores} core{plural}"),
        }
    }
}

/// The device with the number that was asked for; otherwise the first GPU with
/// memory of its own, or the first of all.
pub(super) fn select<'a>(
    backend: &'static str,
    devices: &'a [Device],
    wanted: Option<usize>,
) -> Result<(usize, &'a Device), NnError> {
    let is_best = |device: &Device| device.kind == DeviceKind::DiscreteGpu;
    let index = wanted.unwrap_or_else(|| devices.iter().position(is_best).unwrap_or(0));
    devices
        .get(index)
        .map(|device| (index, device))
        .ok_or_else(|| NnError::UnknownDevice {
            backend,
            wanted: index,
            known: devices.iter().map(ToString::to_string).collect(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_gpu_with_its_own_memory_is_taken() {
        let device = |kind| Device {
            kind,
            description: "Radeon".into(),
        };
        let devices = [
            device(DeviceKind::IntegratedGpu),
            device(DeviceKind::DiscreteGpu),
        ];
        let check = |devices: &[Device], wanted, expected: Result<usize, &str>| {
            let found = select("webgpu", devices, wanted);
            let found = found.map(|(index, _)| index).map_err(|e| e.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        };
        check(&devices, None, Ok(1));
        check(&devices, Some(0), Ok(0));
        check(&devices[..1], None, Ok(0));
        check(
            &devices,
            Some(2),
            Err("`webgpu` has no device 2; there is 0: Radeon (integrated gpu), 1: Radeon"),
        );
    }
}
