//! The library: one for each process. The first registry that asks decides, and
//! what was found (or not) stays so until the process ends.
//!
//! # Telemetry
//! Libraries from Microsoft from 1.29.0 on look up a host on the Internet and
//! keep a database below `~/.cache` unless `ORT_DISABLE_TELEMETRY=1` is in the
//! environment before they are loaded (seen in 1.29.0, 1.31.1 and 1.32.0; not in
//! 1.24.4 to 1.28.0; in the WebGPU plug-in from 0.3.0 on). Setting a variable of
//! a process with threads is unsound, so this file sets none: a library that
//! knows the variable is refused, with what to do, unless the user has set it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use ort::environment::Environment;

use super::super::Unavailable;
use super::super::find::{self, Candidates, Wanted};

/// What installs a library that has no telemetry.
const HINT: &str = "`cargo xtask setup --backend onnxruntime`, or name a library: \
                    `MILLSTREAM_ONNXRUNTIME=/path/to/libonnxruntime.so`";

const WANTED: Wanted = Wanted {
    stem: "onnxruntime",
    variables: &["MILLSTREAM_ONNXRUNTIME", "ORT_DYLIB_PATH"],
    folders: &["cuda", "onnxruntime"],
};

/// The library of this process, once it was looked for.
static LIBRARY: OnceLock<Result<Library, Unavailable>> = OnceLock::new();

/// A library that is loaded. Never unloaded: its threads do not end with it.
pub(in super::super) struct Library {
    pub(super) path: PathBuf,
    pub(super) version: Option<String>,
    pub(super) environment: Environment,
    /// Held while providers are added and while their devices are looked at: the
    /// engine's list of devices moves when it grows.
    providers: Mutex<()>,
}

impl Library {
    /// Keeps others from adding providers.
    pub(super) fn lock_providers(&self) -> MutexGuard<'_, ()> {
        self.providers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder in which it lies, and with it the libraries of its providers.
    pub(super) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

pub(super) fn library() -> Result<&'static Library, Unavailable> {
    LIBRARY
        .get_or_init(|| open(WANTED.candidates()))
        .as_ref()
        .map_err(Clone::clone)
}

/// Loads the first library that works; one that the user named must be it.
fn open(candidates: Candidates) -> Result<Library, Unavailable> {
    if candidates.libraries.is_empty() {
        return Err(Unavailable {
            why: format!(
                "no library was found in {}",
                find::joined(&candidates.searched)
            ),
            hint: HINT.into(),
        });
    }
    let mut refused = Vec::new();
    for path in candidates.libraries {
        match open_library(&path) {
            Ok(library) => return Ok(library),
            Err(why) => refused.push(format!("`{}`: {why}", path.display())),
        }
    }
    let why = refused.join("; ");
    Err(Unavailable {
        hint: find::hint(&why, HINT),
        why,
    })
}

fn open_library(path: &Path) -> Result<Library, String> {
    find::check_telemetry(path)?;
    let builder = ort::init_from(path).map_err(|error| error.to_string())?;
    let environment = builder
        .with_name("millstream")
        .with_telemetry(false)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Library {
        path: path.to_owned(),
        version: version(path),
        environment,
        providers: Mutex::default(),
    })
}

/// `1.28.0` out of the file's name or out of
/// `ORT Build Info: git-branch=rel-1.28.0, git-commit-id=…`.
fn version(path: &Path) -> Option<String> {
    let file = path.file_name().and_then(|name| name.to_str());
    let from_name = file.and_then(|name| name.split_once(".so."));
    if let Some((_, version)) = from_name {
        return Some(version.to_owned());
    }
    let (_, branch) = ort::info().split_once("git-branch=")?;
    let branch = branch.split(',').next()?.trim();
    branch.strip_prefix("rel-").map(str::to_owned)
}
