//! `openvino`: Intel's engine for its CPUs, GPUs and NPUs, and good on others'
//! CPUs; a library that is loaded at run time if it is there.
//!
//! By itself it computes in bf16 where the CPU has that, which moves the outputs of
//! detectors by whole pixels; here it computes in f32 unless `precision` says
//! otherwise.

mod request;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use openvino::{CompiledModel, Core, DeviceType, PropertyKey, RwPropertyKey};

use super::super::NnError;
use super::find::{self, Candidates, Wanted};
use super::{Backend, Device, DeviceKind, LoadOptions, Model, Precision, Unavailable, device};
use request::OpenvinoModel;

const NAME: &str = "openvino";

const HINT: &str = "`cargo xtask setup --backend openvino`, or name the library: \
                    `MILLSTREAM_OPENVINO=/path/to/libopenvino_c.so`";

const WANTED: Wanted = Wanted {
    stem: "openvino_c",
    variables: &["MILLSTREAM_OPENVINO"],
    folders: &["openvino"],
};

/// Most inferences of one model at the same time; they share its weights.
const MAX_STREAMS: usize = 4;

/// The library of this process, once it was looked for.
static LIBRARY: OnceLock<Result<Library, Unavailable>> = OnceLock::new();

/// A library that is loaded.
struct Library {
    path: PathBuf,
    version: String,
    /// Settings are the core's, so it is held from the first of them until the
    /// model is compiled.
    core: Mutex<Core>,
}

/// The backend; all of its state belongs to the process.
pub(in super::super) struct Openvino;

impl Backend for Openvino {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<Vec<Device>, Unavailable> {
        let devices = devices(&library()?.core())?;
        Ok(devices.into_iter().map(|(_, device)| device).collect())
    }

    fn version(&self) -> Option<String> {
        Some(library().ok()?.version.clone())
    }

    fn library(&self) -> Option<PathBuf> {
        Some(library().ok()?.path.clone())
    }

    fn load(&self, model: &Arc<[u8]>, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
        let missing = |missing| super::unavailable(NAME, missing);
        let mut core = library().map_err(missing)?.core();
        let (names, devices): (Vec<_>, Vec<_>) =
            devices(&core).map_err(missing)?.into_iter().unzip();
        let header = super::header_of(model, options)?;
        request::check_types(&header)?;
        let (index, device) = device::select(NAME, &devices, options.device)?;
        let name = names.get(index).map_or("CPU", |name| name);
        let failed = |why| NnError::Load {
            name: options.name.clone(),
            backend: NAME,
            why,
        };
        let streams = streams(device.kind, options.threads);
        let wanted = options.precision.unwrap_or(Precision::F32);
        let compiled = compile(
            &mut core,
            model,
            name,
            device.kind,
            options.threads,
            streams,
            wanted,
        );
        let compiled = compiled.map_err(failed)?;
        let mut info = super::info_from_header(header, NAME, device, options);
        let runs_in = precision(&compiled).unwrap_or_else(|| wanted.name().to_owned());
        if options.precision.is_some_and(|it| it.name() != runs_in) {
            return Err(NnError::Precision {
                model: options.name.clone(),
                backend: NAME,
                wanted: wanted.name(),
                why: format!("{device} computes in {runs_in}"),
            });
        }
        if info.precision != "int8" {
            info.precision = runs_in;
        }
        let model = OpenvinoModel::new(compiled, streams, info).map_err(failed)?;
        Ok(Arc::new(model))
    }
}

impl Library {
    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Inferences at the same time: as many as there are cores for them.
fn streams(kind: DeviceKind, threads: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match kind {
        DeviceKind::Cpu => (cores / threads).clamp(1, MAX_STREAMS),
        _ => 1,
    }
}

fn compile(
    core: &mut Core,
    model: &[u8],
    name: &str,
    kind: DeviceKind,
    threads: usize,
    streams: usize,
    precision: Precision,
) -> Result<CompiledModel, String> {
    let device = || DeviceType::Other(Cow::Borrowed(name));
    let mut settings = vec![(
        RwPropertyKey::HintInferencePrecision,
        precision.name().to_owned(),
    )];
    if kind == DeviceKind::Cpu {
        settings.extend([
            (RwPropertyKey::NumStreams, streams.to_string()),
            (
                RwPropertyKey::InferenceNumThreads,
                (threads * streams).to_string(),
            ),
            // Pinned threads would keep elements from the cores that they are pinned to.
            (RwPropertyKey::HintEnableCpuPinning, "NO".to_owned()),
        ]);
    }
    for (key, value) in settings {
        core.set_property(&device(), &key, &value)
            .map_err(|error| format!("{key:?} = {value}: {error}"))?;
    }
    let read = core.read_model_from_buffer(model, None);
    let read = read.map_err(|error| error.to_string())?;
    core.compile_model(&read, device())
        .map_err(|error| error.to_string())
}

/// What the compiled model computes in: `f32`, `f16`, `bf16`.
fn precision(compiled: &CompiledModel) -> Option<String> {
    let key = PropertyKey::Rw(RwPropertyKey::HintInferencePrecision);
    let text = compiled.get_property(&key).ok()?;
    // 2023's versions write `f32`, later ones too; the type's own name is longer.
    Some(text.trim().to_lowercase()).filter(|text| text != "dynamic" && !text.is_empty())
}

/// The devices that the library's plug-ins find, by the name that it gives them.
fn devices(core: &Core) -> Result<Vec<(String, Device)>, Unavailable> {
    let unavailable = |why| Unavailable {
        why,
        hint: HINT.into(),
    };
    let found = core.available_devices();
    let found = found.map_err(|error| unavailable(error.to_string()))?;
    let devices: Vec<_> = found.iter().map(|device| described(core, device)).collect();
    if devices.is_empty() {
        return Err(unavailable(
            "its library loads, but none of its plug-ins finds a device".into(),
        ));
    }
    Ok(devices)
}

fn described(core: &Core, device: &DeviceType<'_>) -> (String, Device) {
    let name: &str = device.as_ref();
    let ask = |key| core.get_property(device, &key).ok();
    let is_integrated = || {
        let kind = ask(PropertyKey::Other(Cow::Borrowed("DEVICE_TYPE")));
        kind.is_some_and(|text| text.contains("integrated"))
    };
    let kind = match name.split('.').next() {
        Some("GPU") if is_integrated() => DeviceKind::IntegratedGpu,
        Some("GPU") => DeviceKind::DiscreteGpu,
        Some("NPU") => DeviceKind::Npu,
        _ => DeviceKind::Cpu,
    };
    let full = ask(PropertyKey::DeviceFullName).unwrap_or_else(|| name.to_owned());
    let description = full.trim().to_owned();
    (name.to_owned(), Device { kind, description })
}

fn library() -> Result<&'static Library, Unavailable> {
    LIBRARY
        .get_or_init(|| open(&WANTED.candidates()))
        .as_ref()
        .map_err(Clone::clone)
}

/// Loads the first library that works; one that the user named must be it.
fn open(candidates: &Candidates) -> Result<Library, Unavailable> {
    let mut refused = Vec::new();
    for path in &candidates.libraries {
        match open_library(path) {
            Ok(library) => return Ok(library),
            Err(why) => refused.push(format!("`{}`: {why}", path.display())),
        }
    }
    let why = if refused.is_empty() {
        let searched = find::joined(&candidates.searched);
        format!("no library was found in {searched}")
    } else {
        refused.join("; ")
    };
    Err(Unavailable {
        hint: HINT.into(),
        why,
    })
}

fn open_library(path: &Path) -> Result<Library, String> {
    openvino_sys::library::load_from(path)?;
    let core = Core::new().map_err(|error| error.to_string())?;
    let version = openvino::version().build_number;
    Ok(Library {
        path: path.to_owned(),
        version: version.split('-').next().unwrap_or_default().to_owned(),
        core: Mutex::new(core),
    })
}
