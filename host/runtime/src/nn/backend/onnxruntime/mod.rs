//! `onnxruntime`: the fast engine for the CPU, a library that is loaded at run
//! time if it is there.
//!
//! One library for each process: the first registry that asks decides, and what
//! was found (or not) stays so until the process ends.
//!
//! # Telemetry
//! Libraries from Microsoft from 1.29.0 on look up a host on the Internet and
//! keep a database below `~/.cache` unless `ORT_DISABLE_TELEMETRY=1` is in the
//! environment before they are loaded (seen in 1.29.0, 1.31.1 and 1.32.0; not in
//! 1.24.4 to 1.28.0). Setting a variable of a process with threads is unsound,
//! so this file sets none: a library that knows the variable is refused, with
//! what to do, unless the user has set it.

mod find;
mod session;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use ort::environment::Environment;

use super::super::NnError;
use super::super::onnx::read_header;
use super::{Backend, Device, LoadOptions, Model, Unavailable};
use find::{Candidates, Places};

const NAME: &str = "onnxruntime";

/// What installs a library that has no telemetry.
const HINT: &str = "`cargo xtask setup --backend onnxruntime`, or name a library: \
                    `MILLSTREAM_ONNXRUNTIME=/path/to/libonnxruntime.so`";

/// The library of this process, once it was looked for.
static LIBRARY: OnceLock<Result<Library, Unavailable>> = OnceLock::new();

/// A library that is loaded. Never unloaded: its threads do not end with it.
struct Library {
    path: PathBuf,
    version: Option<String>,
    environment: Environment,
}

/// The backend; all of its state belongs to the process.
pub(in super::super) struct Onnxruntime;

impl Onnxruntime {
    pub(in super::super) fn new() -> Self {
        Self
    }
}

impl Backend for Onnxruntime {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<Vec<Device>, Unavailable> {
        library().map(|library| {
            let mut device = super::cpu();
            device.description = format!("{}, {}", device.description, library.path.display());
            vec![device]
        })
    }

    fn version(&self) -> Option<String> {
        library().ok()?.version.clone()
    }

    fn load(&self, model: &Arc<[u8]>, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
        let library = library().map_err(|missing| NnError::BackendUnavailable {
            backend: NAME,
            why: missing.why,
            hint: missing.hint,
        })?;
        let header = read_header(model).map_err(|why| NnError::NotOnnx {
            name: options.name.clone(),
            why,
        })?;
        session::check_types(&header)?;
        let info = super::info_from_header(header, NAME, options);
        let pool = session::SessionPool::new(&library.environment, Arc::clone(model), info)?;
        Ok(Arc::new(pool))
    }
}

fn library() -> Result<&'static Library, Unavailable> {
    LIBRARY
        .get_or_init(|| open(&Places::of_this_process()))
        .as_ref()
        .map_err(Clone::clone)
}

/// Loads the first library that works; one that the user named must be it.
fn open(places: &Places) -> Result<Library, Unavailable> {
    let Candidates {
        libraries,
        searched,
    } = places.candidates();
    if libraries.is_empty() {
        return Err(Unavailable {
            why: format!("no library was found in {}", joined(&searched)),
            hint: HINT.into(),
        });
    }
    let mut refused = Vec::new();
    for path in libraries {
        match open_library(&path, places.telemetry_disabled) {
            Ok(library) => return Ok(library),
            Err(why) => refused.push(format!("`{}`: {why}", path.display())),
        }
    }
    let hint = if refused
        .iter()
        .any(|why| why.contains(find::TELEMETRY_SWITCH))
    {
        format!(
            "run with `{}=1`, or take one without: {HINT}",
            find::TELEMETRY_SWITCH
        )
    } else {
        HINT.into()
    };
    Err(Unavailable {
        why: refused.join("; "),
        hint,
    })
}

fn open_library(path: &PathBuf, telemetry_disabled: bool) -> Result<Library, String> {
    if !telemetry_disabled && find::has_telemetry(path).map_err(|error| error.to_string())? {
        return Err(format!(
            "it contains telemetry, which only `{}=1` turns off",
            find::TELEMETRY_SWITCH
        ));
    }
    let builder = ort::init_from(path).map_err(|error| error.to_string())?;
    let environment = builder
        .with_name("millstream")
        .with_telemetry(false)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Library {
        path: path.clone(),
        version: version(),
        environment,
    })
}

/// `1.28.0` out of `ORT Build Info: git-branch=rel-1.28.0, git-commit-id=…`.
fn version() -> Option<String> {
    let (_, branch) = ort::info().split_once("git-branch=")?;
    let branch = branch.split(',').next()?.trim();
    branch.strip_prefix("rel-").map(str::to_owned)
}

fn joined(paths: &[PathBuf]) -> String {
    let quoted: Vec<String> = paths
        .iter()
        .map(|path| format!("`{}`", path.display()))
        .collect();
    quoted.join(", ")
}
