//! Capabilities: which imports need which, and what an element is really given.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Component as PathPart, Path, PathBuf};
use std::sync::Arc;

use millstream_core::element::{Capability, Descriptor};
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiView};

use super::bindings::millstream::media;
use super::state::State;
use crate::nn;

/// A folder that an element may use.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Its name as the operator wrote it, and as the element sees it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Whether files may be written and made.
    pub write: bool,
    /// The folder itself, opened before any element runs: who may write around it could
    /// put a link in its place before an element that has it is made anew.
    pub(crate) opened: Option<Arc<File>>,
}

impl Folder {
    /// A way to the folder itself, whatever its path leads to by now.
    fn way(&self) -> PathBuf {
        match &self.opened {
            Some(opened) => format!("/proc/self/fd/{}", opened.as_raw_fd()).into(),
            None => self.path.clone(),
        }
    }
}

/// Everything that one element of a pipeline was granted.
#[derive(Debug, Clone, Default)]
pub struct Granted {
    /// Cameras.
    pub camera: bool,
    /// Windows.
    pub display: bool,
    /// Running models, and which.
    pub inference: bool,
    /// Names of the models that it may load.
    pub models: Vec<String>,
    /// Folders.
    pub folders: Vec<Folder>,
}

impl Granted {
    /// Whether a capability that an element declares is granted.
    pub(crate) fn allows(&self, capability: Capability) -> bool {
        match capability {
            Capability::Camera => self.camera,
            Capability::Display => self.display,
            Capability::Inference => self.inference,
            Capability::FilesRead => !self.folders.is_empty(),
            Capability::FilesWrite => self.folders.iter().any(|folder| folder.write),
        }
    }

    /// The WASI context: folders and nothing else.
    pub(crate) fn wasi(&self) -> Result<WasiCtx, String> {
        let mut builder = WasiCtx::builder();
        builder.allow_blocking_current_thread(true);
        for folder in &self.folders {
            let access = if folder.write {
                FsPerms::ReadWrite
            } else {
                FsPerms::ReadOnly
            };
            builder
                .preopened_dir(folder.way(), &folder.name, access)
                .map_err(|error| format!("folder `{}`: {}", folder.name, error.root_cause()))?;
        }
        Ok(builder.build())
    }
}

/// What an imported interface needs.
enum Need {
    Nothing,
    Capability(Capability),
    Files,
    Unknown,
}

fn need(import: &str) -> Need {
    let (interface, _version) = import.split_once('@').unwrap_or((import, ""));
    match interface {
        "millstream:media/types"
        | "millstream:media/buffers"
        | "millstream:media/pads"
        | "millstream:media/clock"
        | "millstream:media/bus"
        | "millstream:media/element" => Need::Nothing,
        "millstream:media/camera" => Need::Capability(Capability::Camera),
        "millstream:media/display" => Need::Capability(Capability::Display),
        "millstream:media/models" => Need::Capability(Capability::Inference),
        _ if interface.starts_with("wasi:nn/") => Need::Capability(Capability::Inference),
        "wasi:filesystem/types"
        | "wasi:filesystem/preopens"
        | "wasi:io/streams"
        | "wasi:io/error"
        | "wasi:io/poll"
        // Only the type of a file's times; its functions are never linked.
        | "wasi:clocks/wall-clock" => Need::Files,
        _ => Need::Unknown,
    }
}

/// Names of the interfaces that a component imports.
pub(crate) fn imports(component: &Component, engine: &Engine) -> Vec<String> {
    component
        .component_type()
        .imports(engine)
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// Checks that a component imports nothing that no element can ever have.
pub(crate) fn check_known(imports: &[String]) -> Result<(), String> {
    match imports
        .iter()
        .find(|import| matches!(need(import), Need::Unknown))
    {
        Some(import) => Err(format!(
            "it imports `{import}`, which no element is ever given"
        )),
        None => Ok(()),
    }
}

/// Checks that a component imports nothing but what its descriptor declares.
pub(crate) fn check_declared(descriptor: &Descriptor, imports: &[String]) -> Result<(), String> {
    let declares = |capability| descriptor.capabilities.contains(&capability);
    for import in imports {
        let missing = match need(import) {
            Need::Nothing | Need::Unknown => continue,
            Need::Capability(capability) if declares(capability) => continue,
            Need::Files if declares(Capability::FilesRead) || declares(Capability::FilesWrite) => {
                continue;
            }
            Need::Capability(capability) => capability.as_str(),
            Need::Files => Capability::FilesRead.as_str(),
        };
        return Err(format!(
            "it imports `{import}` but its descriptor does not declare the capability `{missing}`"
        ));
    }
    Ok(())
}

/// Links a component to the interfaces that it was granted, and to no others.
pub(crate) fn link(
    engine: &Engine,
    component: &Component,
    granted: &Granted,
) -> wasmtime::Result<InstancePre<State>> {
    linker(engine, granted)?.instantiate_pre(component)
}

/// Links a component to all that there is; what it can do then is up to the store.
pub(crate) fn link_all(
    engine: &Engine,
    component: &Component,
) -> wasmtime::Result<InstancePre<State>> {
    let all = Granted {
        camera: true,
        display: true,
        inference: true,
        ..Granted::default()
    };
    let mut linker = linker(engine, &all)?;
    link_files(&mut linker)?;
    linker.instantiate_pre(component)
}

/// The interfaces that every element has, and those that were granted.
pub(crate) fn linker(engine: &Engine, granted: &Granted) -> wasmtime::Result<Linker<State>> {
    type Own = HasSelf<State>;
    let mut linker: Linker<State> = Linker::new(engine);
    media::types::add_to_linker::<State, Own>(&mut linker, |state| state)?;
    media::buffers::add_to_linker::<State, Own>(&mut linker, |state| state)?;
    media::pads::add_to_linker::<State, Own>(&mut linker, |state| state)?;
    media::clock::add_to_linker::<State, Own>(&mut linker, |state| state)?;
    media::bus::add_to_linker::<State, Own>(&mut linker, |state| state)?;
    if granted.camera {
        media::camera::add_to_linker::<State, Own>(&mut linker, |state| state)?;
    }
    if granted.display {
        media::display::add_to_linker::<State, Own>(&mut linker, |state| state)?;
    }
    if granted.inference {
        media::models::add_to_linker::<State, Own>(&mut linker, |state| state)?;
        nn::add_to_linker(&mut linker, State::nn_view)?;
    }
    if !granted.folders.is_empty() {
        link_files(&mut linker)?;
    }
    Ok(linker)
}

/// Files below the preopened folders; no clocks, sockets, environment or random numbers.
fn link_files(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
    use wasmtime_wasi::p2::bindings::sync;

    struct Table;
    impl wasmtime::component::HasData for Table {
        type Data<'a> = &'a mut wasmtime::component::ResourceTable;
    }
    sync::filesystem::types::add_to_linker::<State, WasiFilesystem>(linker, |state| {
        state.filesystem()
    })?;
    sync::filesystem::preopens::add_to_linker::<State, WasiFilesystem>(linker, |state| {
        state.filesystem()
    })?;
    sync::io::error::add_to_linker::<State, Table>(linker, |state| state.ctx().table)?;
    sync::io::poll::add_to_linker::<State, Table>(linker, |state| state.ctx().table)?;
    sync::io::streams::add_to_linker::<State, Table>(linker, |state| state.ctx().table)
}

/// A path without `.`, doubled slashes and inner `..`, so that a granted folder and
/// a file below it begin alike.
pub(crate) fn tidy_path(path: &str) -> String {
    let mut parts: Vec<&std::ffi::OsStr> = Vec::new();
    let mut root = false;
    for part in Path::new(path).components() {
        match part {
            PathPart::RootDir => root = true,
            PathPart::CurDir | PathPart::Prefix(_) => {}
            PathPart::ParentDir => match parts.last() {
                Some(last) if *last != ".." => drop(parts.pop()),
                _ => parts.push(part.as_os_str()),
            },
            PathPart::Normal(name) => parts.push(name),
        }
    }
    let joined = parts
        .iter()
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join("/");
    match (root, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

/// The folder that holds a file, as [`tidy_path`] writes it.
pub(crate) fn folder_of(path: &str) -> String {
    match tidy_path(path).rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
        None => ".".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_tidied() {
        for (path, tidy, folder) in [
            ("a.png", "a.png", "."),
            ("./out//a.png", "out/a.png", "out"),
            ("/a.png", "/a.png", "/"),
            ("/x/y/../a.png", "/x/a.png", "/x"),
            ("../x/a.png", "../x/a.png", "../x"),
            ("../../a.png", "../../a.png", "../.."),
            ("a/..", ".", "."),
            (".", ".", "."),
        ] {
            assert_eq!(tidy_path(path), tidy, "{path}");
            assert_eq!(folder_of(path), folder, "{path}");
        }
    }

    #[test]
    fn imports_that_nobody_is_given_are_refused() {
        assert!(matches!(need("wasi:sockets/tcp@0.2.12"), Need::Unknown));
        assert!(matches!(need("wasi:random/random@0.2.12"), Need::Unknown));
        assert!(matches!(
            need("wasi:nn/graph@0.2.0-rc-2024-10-28"),
            Need::Capability(_)
        ));
        assert!(matches!(
            need("millstream:media/buffers@0.1.0"),
            Need::Nothing
        ));
    }
}
