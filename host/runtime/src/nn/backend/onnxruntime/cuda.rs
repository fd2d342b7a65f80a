//! `cuda`: NVIDIA's GPUs, with the library onnxruntime that is built for CUDA and
//! its provider beside it.
//!
//! The provider needs libraries of CUDA 13 and cuDNN 9. Those that lie in its
//! folder are loaded first, so that no search path has to be set.

use std::path::Path;
use std::sync::OnceLock;

use ort::ep::cuda::{CUDA_DYLIBS, CUDNN_DYLIBS};
use ort::session::builder::SessionBuilder;

use super::super::find::Wanted;
use super::super::{Device, Unavailable};
use super::library::Library;
use super::plugin::Plugin;
use super::{Chosen, Provider};

const NAME: &str = "cuda";

const HINT: &str = "`cargo xtask setup --backend cuda` fetches onnxruntime for CUDA, with the libraries of \
                    CUDA 13 and cuDNN 9; the GPU's driver (580 or newer) is the system's";

/// The GPU's driver, which comes with the system.
const DRIVER: &str = "libcuda.so.1";

pub(super) static PLUGIN: Plugin = Plugin {
    name: NAME,
    provider: "CUDAExecutionProvider",
    wanted: Wanted {
        stem: "onnxruntime_providers_cuda",
        variables: &[],
        folders: &["cuda"],
    },
    hint: HINT,
    software: || "the CPU".into(),
    prepare,
    registered: OnceLock::new(),
};

/// The provider for CUDA.
#[derive(Clone)]
pub(in super::super) struct Cuda;

impl Provider for Cuda {
    const NAME: &'static str = NAME;

    fn devices(&self, library: &'static Library) -> Result<Vec<Device>, Unavailable> {
        devices(library)
    }

    fn configure(
        &self,
        builder: SessionBuilder,
        library: &'static Library,
        chosen: &Chosen,
    ) -> Result<SessionBuilder, String> {
        PLUGIN.configure(builder, library, chosen.index, &[])
    }
}

/// NVIDIA's GPUs that the provider can use.
pub(super) fn devices(library: &'static Library) -> Result<Vec<Device>, Unavailable> {
    if let Some(missing) = missing(library.folder()) {
        return Err(missing);
    }
    let devices = PLUGIN.devices(library)?;
    if devices.is_empty() {
        return Err(Unavailable {
            why: "its provider loads, but there is no GPU of NVIDIA's".into(),
            hint: "`nvidia-smi` lists the GPUs that the driver sees; `backend = \"webgpu\"` runs on others".into(),
        });
    }
    Ok(devices)
}

/// What keeps the provider from loading, where that can be told.
fn missing(folder: &Path) -> Option<Unavailable> {
    let file = super::super::find::plain_name(PLUGIN.wanted.stem);
    if !folder.join(&file).exists() {
        return Some(Unavailable {
            why: format!(
                "the library onnxruntime in `{}` is not built for CUDA: no `{file}` lies beside it",
                folder.display()
            ),
            hint: HINT.into(),
        });
    }
    if cfg!(unix) && ort::util::preload_dylib(DRIVER).is_err() {
        return Some(Unavailable {
            why: format!("NVIDIA's driver is not there: `{DRIVER}` does not load"),
            hint: "install the driver of the GPU (580 or newer); `nvidia-smi` must list it".into(),
        });
    }
    None
}

/// What libcufft needs, which the crate's list lacks.
const LINKER: &str = "libnvJitLink.so.13";

/// Loads the libraries that lie beside the provider; others are the system's.
fn prepare(folder: &Path) {
    let names = [LINKER].iter().chain(CUDA_DYLIBS).chain(CUDNN_DYLIBS);
    for path in names.map(|name| folder.join(name)).filter(|it| it.exists()) {
        // What does not load is missing again when the provider does, and that error
        // names the first of them.
        let _loaded = ort::util::preload_dylib(path);
    }
}
