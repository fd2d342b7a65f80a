//! Where elements come from: inside the binary, folders, or files named directly.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crossbeam::sync::Parker;
use millstream_core::builtin;
use millstream_core::element::Descriptor;
use millstream_core::graph::Registry;
use millstream_core::privilege::Privileges;
use wasmtime::component::Component;
use wasmtime_wasi::WasiCtx;

use super::engine::Compiler;
use super::failure::Failure;
use super::found::{Found, Origin};
use super::instance::{Grants, Instance};
use super::link;
use super::state::{Limits, Surroundings};
use crate::Sources;
use crate::buffer::MetaBudget;
use crate::bus::Bus;
use crate::clock::{ClockKind, PipelineClock};
use crate::device::Devices;
use crate::error::Error;
use crate::memory::frame::FrameBudget;
use crate::nn::{self, InferenceOptions, ModelRegistry};

/// Memory of an instance that only describes itself.
const DESCRIBE_MEMORY_BYTES: usize = 16 << 20;
/// Time to describe itself.
const DESCRIBE_TIME: Duration = Duration::from_secs(2);

/// An element that is ready to be made.
#[derive(Clone)]
pub struct Loaded {
    /// What it says of itself.
    pub descriptor: Arc<Descriptor>,
    /// SHA-256 of the component, in hexadecimal; empty for the host's own.
    pub digest: String,
    /// Bytes of the component.
    pub size: usize,
    /// Where it came from.
    pub origin: Origin,
    /// Names of the interfaces that it imports.
    pub imports: Vec<String>,
    pub(crate) component: Option<Component>,
}

impl Loaded {
    /// Whether it came out of the same bytes.
    fn is(&self, found: &Found<'_>) -> bool {
        self.component.is_some() && self.digest == found.digest
    }

    /// What it wants from outside its own memory.
    pub fn privileges(&self) -> Privileges {
        Privileges {
            capabilities: self.descriptor.capabilities.clone(),
            imports: self.imports.clone(),
        }
    }
}

/// All elements that can be named.
pub struct ElementRegistry {
    pub(super) compiler: Compiler,
    sources: Sources,
    loaded: Mutex<BTreeMap<String, Arc<Loaded>>>,
    /// What took over from others, as long as it runs.
    swapped: Mutex<Vec<Weak<Loaded>>>,
}

impl ElementRegistry {
    pub(crate) fn new(compiler: Compiler, sources: Sources) -> Self {
        Self {
            compiler,
            sources,
            loaded: Mutex::default(),
            swapped: Mutex::default(),
        }
    }

    pub(crate) fn compiler(&self) -> &Compiler {
        &self.compiler
    }

    /// The element of that name or file; none if there is no such name.
    pub fn load(&self, factory: &str) -> Result<Option<Arc<Loaded>>, Error> {
        if let Some(loaded) = self.cache().get(factory) {
            return Ok(Some(loaded.clone()));
        }
        let loaded = match host_element(factory) {
            Some(loaded) => Arc::new(loaded),
            None => match self.find(factory)? {
                Some(found) => Arc::new(self.read(factory, &found)?),
                None => return Ok(None),
            },
        };
        self.cache().insert(factory.to_owned(), loaded.clone());
        Ok(Some(loaded))
    }

    /// The element in a file as it is now, whatever was loaded before from there. One with
    /// the same bytes as another that is in use shares its code and what is known of it: the
    /// names for its backtraces alone take a megabyte.
    pub(crate) fn load_file(&self, path: &Path) -> Result<Arc<Loaded>, Error> {
        let found = Found::file(path)?;
        let loaded = match self.in_use(&found) {
            Some(same) => Loaded {
                origin: found.origin.clone(),
                ..(*same).clone()
            },
            None => self.read(&path.display().to_string(), &found)?,
        };
        let loaded = Arc::new(loaded);
        self.swapped().push(Arc::downgrade(&loaded));
        Ok(loaded)
    }

    /// An element that came out of the same bytes.
    fn in_use(&self, found: &Found<'_>) -> Option<Arc<Loaded>> {
        let same = self.cache().values().find(|it| it.is(found)).cloned();
        let mut swapped = self.swapped();
        swapped.retain(|it| it.strong_count() > 0);
        let mut swapped = swapped.iter().filter_map(Weak::upgrade);
        same.or_else(|| swapped.find(|it| it.is(found)))
    }

    fn swapped(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Loaded>>> {
        self.swapped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Loaded>>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn find(&self, factory: &str) -> Result<Option<Found<'_>>, Error> {
        if let Some(bundle) = &self.sources.bundle {
            let part = bundle.component(factory);
            return Ok(part.map(|part| Found::part(bundle, &part)));
        }
        let is_file = Path::new(factory)
            .extension()
            .is_some_and(|extension| extension == "wasm");
        if is_file || factory.contains('/') {
            return Found::file(&self.sources.base.join(factory)).map(Some);
        }
        for folder in &self.sources.folders {
            let path = folder.join(format!("{factory}.wasm"));
            if path.is_file() {
                return Found::file(&path).map(Some);
            }
        }
        let carried = self.sources.carried.iter();
        let carried = carried.into_iter().find(|it| it.name == factory);
        Ok(carried.map(Found::carried))
    }

    fn read(&self, factory: &str, found: &Found<'_>) -> Result<Loaded, Error> {
        let not_an_element = |message| found.not_an_element(factory, message);
        let component = self.component(factory, found)?;
        let imports = link::imports(&component, self.compiler.engine());
        link::check_known(&imports).map_err(not_an_element)?;
        let descriptor = self
            .describe(&component)
            .map_err(|failure| not_an_element(failure.message))?;
        link::check_declared(&descriptor, &imports).map_err(not_an_element)?;
        Ok(Loaded {
            descriptor: Arc::new(descriptor),
            digest: found.digest.to_string(),
            size: found.bytes.len(),
            origin: found.origin.clone(),
            imports,
            component: Some(component),
        })
    }

    /// Asks an instance with no capability what it is.
    fn describe(&self, component: &Component) -> Result<Descriptor, Failure> {
        let broken = |error: wasmtime::Error| Failure::contract(format!("{error:#}"));
        // Every interface is there, so that it links, and none of them leads anywhere.
        let pre = link::link_all(self.compiler.engine(), component).map_err(broken)?;
        let (around, grants) = nowhere()?;
        Instance::new(&pre, Arc::new(around), &[], grants)?.describe()
    }

    /// Names of all elements, sorted: the host's own, carried ones and those in folders.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = builtin::all()
            .iter()
            .map(|descriptor| descriptor.name.clone())
            .collect();
        if let Some(bundle) = &self.sources.bundle {
            names.extend(bundle.names().cloned());
            names.sort();
            return names;
        }
        names.extend(self.sources.carried.iter().map(|it| it.name.to_owned()));
        for folder in &self.sources.folders {
            let Ok(entries) = fs::read_dir(folder) else {
                continue;
            };
            names.extend(entries.flatten().filter_map(|entry| {
                let path = entry.path();
                let is_component = path
                    .extension()
                    .is_some_and(|extension| extension == "wasm");
                is_component
                    .then(|| path.file_stem()?.to_str().map(str::to_owned))
                    .flatten()
            }));
        }
        names.sort();
        names.dedup();
        names
    }
}

/// What an instance is given that only describes itself: no folder, no model, no device.
fn nowhere() -> Result<(Surroundings, Grants), Failure> {
    let models = ModelRegistry::new(InferenceOptions::default());
    let report = nn::Report::new(|_| ());
    let nn = nn::wasi_nn_ctx(&models, &[], &report)
        .map_err(|error| Failure::contract(error.to_string()))?;
    let around = Surroundings {
        name: "describe".to_owned(),
        bus: Bus::unread(),
        clock: Arc::new(PipelineClock::new(ClockKind::Virtual)),
        devices: Devices::none(),
        models,
        model_names: Vec::new(),
        waker: Parker::new().unparker().clone(),
        decide: Box::new(|_, _| Err(Failure::contract("negotiation in `describe`"))),
        request_eos: Box::new(|| ()),
        views: false,
        memory_bytes: DESCRIBE_MEMORY_BYTES,
        call_time: DESCRIBE_TIME,
        limits: Limits::default(),
        metas: MetaBudget::default(),
        frames: FrameBudget::default(),
    };
    let grants = Grants {
        wasi: WasiCtx::builder().build(),
        nn,
        reads_elsewhere: false,
        inference_nanos: Arc::default(),
    };
    Ok((around, grants))
}

fn host_element(factory: &str) -> Option<Loaded> {
    let descriptor = builtin::all()
        .into_iter()
        .find(|descriptor| descriptor.name == factory)?;
    Some(Loaded {
        descriptor,
        digest: String::new(),
        size: 0,
        origin: Origin::Host,
        imports: Vec::new(),
        component: None,
    })
}

impl Registry for ElementRegistry {
    fn descriptor(&self, factory: &str) -> Result<Option<Arc<Descriptor>>, millstream_core::Error> {
        match self.load(factory) {
            Ok(loaded) => Ok(loaded.map(|loaded| loaded.descriptor.clone())),
            Err(Error::Core(error)) => Err(error),
            Err(error) => Err(millstream_core::Error::Element {
                element: factory.to_owned(),
                message: error.to_string(),
                hint: error.hint(),
            }),
        }
    }

    fn names(&self) -> Vec<String> {
        self.names()
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::ResourceLimiter;

    use super::super::instance::new_store;
    use super::*;

    #[test]
    fn tables_have_one_limit_together() {
        let compiler = Compiler::new(None).unwrap();
        let (around, grants) = nowhere().unwrap();
        let mut store = new_store(compiler.engine(), Arc::new(around), &[], grants);
        let state = store.data_mut();
        assert!(state.table_growing(0, 60_000, None).unwrap());
        assert!(state.table_growing(60_000, 90_000, None).unwrap());
        assert!(!state.table_growing(0, 60_000, None).unwrap());
        assert!(state.table_growing(0, 10_000, None).unwrap());
        let table = wasmtime::TableType::new(wasmtime::RefType::FUNCREF, 60_000, None);
        let bomb = wasmtime::Table::new(&mut store, table, wasmtime::Ref::Func(None));
        assert!(bomb.is_err());
    }

    #[test]
    fn a_component_has_few_memories() {
        let compiler = Compiler::new(None).unwrap();
        let (around, grants) = nowhere().unwrap();
        let mut store = new_store(compiler.engine(), Arc::new(around), &[], grants);
        let engine = compiler.engine();
        let mut instantiate = |memories: u8| {
            // The header, then a section of memories with no page each.
            let mut bytes = b"\0asm\x01\0\0\0\x05".to_vec();
            bytes.extend([2 * memories + 1, memories]);
            bytes.extend([0, 0].repeat(usize::from(memories)));
            let module = wasmtime::Module::from_binary(engine, &bytes).unwrap();
            wasmtime::Instance::new(&mut store, &module, &[]).is_ok()
        };
        assert!(instantiate(3));
        assert!(!instantiate(2));
        assert!(instantiate(1));
        assert!(!instantiate(1));
    }
}
