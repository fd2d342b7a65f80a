//! Components to machine code, with a compiler: side by side, and each only once.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::component::Component;

use super::found::Found;
use super::registry::{ElementRegistry, Loaded};
use crate::error::Error;

impl ElementRegistry {
    /// A component, by the way that costs least.
    pub(super) fn component(&self, factory: &str, found: &Found<'_>) -> Result<Component, Error> {
        let ready = found.code.and_then(|code| self.compiler.trusted(code).ok());
        if let Some(component) = ready {
            return Ok(component);
        }
        let compiled = self.compiler.component(&found.bytes, &found.digest);
        compiled
            .map_err(|error| found.not_an_element(factory, not_a_component(&found.bytes, &error)))
    }

    /// Loads elements side by side where that means to compile several. What fails is
    /// left to who asks for it.
    pub fn load_all<'a>(&self, factories: impl Iterator<Item = &'a str>) {
        let factories: BTreeSet<&str> = factories.collect();
        let is_new = |factory: &&str| {
            let found = self.find(factory).ok().flatten();
            let found = found.filter(|found| found.code.is_none());
            found.is_some_and(|found| !self.compiler.is_cached(&found.digest))
        };
        let new: Vec<&str> = factories.into_iter().filter(is_new).collect();
        if new.len() < 2 {
            return;
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..cores.min(new.len()) {
                scope.spawn(|| {
                    while let Some(factory) = new.get(next.fetch_add(1, Ordering::Relaxed)) {
                        drop(self.load(factory));
                    }
                });
            }
        });
    }

    /// The bytes of an element that was loaded.
    pub(crate) fn bytes(&self, factory: &str, loaded: &Loaded) -> Result<Cow<'_, [u8]>, Error> {
        match self.find(factory)? {
            Some(found) if found.digest == loaded.digest => Ok(found.bytes),
            _ => Err(Error::NotAnElement {
                origin: factory.to_owned(),
                message: "it has changed since it was read".to_owned(),
            }),
        }
    }
}

/// Says what a file is that wasmtime does not take for a component.
fn not_a_component(bytes: &[u8], error: &wasmtime::Error) -> String {
    match bytes {
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            "a core module, not a component; build it with `cargo xtask components`".to_owned()
        }
        [b'\0', b'a', b's', b'm', ..] => format!("a damaged component: {}", error.root_cause()),
        _ => "not a WebAssembly file".to_owned(),
    }
}
