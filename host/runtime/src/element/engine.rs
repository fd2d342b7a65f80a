//! wasmtime, set up once in a process, and compiled code kept by content.
#![allow(
    unsafe_code,
    reason = "compiled code from the cache is loaded without compiling it again"
)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use sha2::{Digest, Sha256};
#[cfg(feature = "compiler")]
use wasmtime::OptLevel;
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

#[cfg(feature = "compiler")]
use super::cache::Cache;
use crate::error::Error;
use crate::memory::{fault, guest};

/// How often calls are checked against their time limit where one is short; epochs are
/// counted in it.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// Epochs at a time while no limit is short: a process that waits is woken that seldom.
const COARSE_TICKS: u32 = 10;
/// A limit that is checked every [`TICK`]; longer ones are met to a tenth either way.
const SHORT_LIMIT: Duration = TICK.saturating_mul(10 * COARSE_TICKS);

/// Stack of a guest: deep enough for decoders, far below a thread's 16 MiB.
const MAX_STACK_BYTES: usize = 1 << 20;

/// Largest component that is read.
pub(crate) const MAX_COMPONENT_BYTES: u64 = 64 << 20;

/// The engine, as bundles name it: code is good for its major version.
#[cfg(feature = "compiler")]
pub(crate) const VERSION: &str = "wasmtime 48";

/// The engine, and where it keeps compiled code.
#[derive(Clone)]
pub(crate) struct Compiler {
    engine: Engine,
    #[cfg(feature = "compiler")]
    cache: Option<Cache>,
    counts: Arc<Counts>,
}

/// Where components came from so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompileCounts {
    /// Compiled.
    pub compiled: u64,
    /// Compiled by an earlier run.
    pub cached: u64,
    /// Machine code out of a bundle.
    pub bundled: u64,
}

#[derive(Default)]
struct Counts {
    compiled: AtomicU64,
    cached: AtomicU64,
    bundled: AtomicU64,
    /// Why code out of a bundle was not used, of the first such.
    unfit: OnceLock<String>,
}

/// SHA-256 in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// Bytes as two digits each.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
            text
        })
}

impl Compiler {
    /// The process's engine with a cache folder; none: nothing is kept.
    pub(crate) fn new(cache: Option<PathBuf>) -> Result<Self, Error> {
        static ENGINE: OnceLock<Engine> = OnceLock::new();
        let engine = if let Some(engine) = ENGINE.get() {
            engine.clone()
        } else {
            let engine = make_engine()?;
            ENGINE.get_or_init(|| engine).clone()
        };
        #[cfg(not(feature = "compiler"))]
        drop(cache);
        Ok(Self {
            #[cfg(feature = "compiler")]
            cache: cache.map(|folder| Cache::new(folder, &engine)),
            engine,
            counts: Arc::default(),
        })
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where components came from so far.
    pub(crate) fn counts(&self) -> CompileCounts {
        CompileCounts {
            compiled: self.counts.compiled.load(Ordering::Relaxed),
            cached: self.counts.cached.load(Ordering::Relaxed),
            bundled: self.counts.bundled.load(Ordering::Relaxed),
        }
    }

    /// Why machine code out of a bundle was not used, if there was such.
    pub(crate) fn unfit(&self) -> Option<&str> {
        self.counts.unfit.get().map(String::as_str)
    }

    /// Takes machine code that the user trusts.
    pub(crate) fn trusted(&self, code: &[u8]) -> wasmtime::Result<Component> {
        // SAFETY: the user has said that this code is as good as a program of theirs, its
        // SHA-256 is what its bundle says, and wasmtime checks that it was made by this
        // very version of it for a processor as this one.
        let component = unsafe { Component::deserialize(&self.engine, code) };
        match &component {
            Ok(_) => self.counts.bundled.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                self.counts.unfit.get_or_init(|| format!("{error:#}"));
                0
            }
        };
        component
    }

    /// Whether a component can be had without compiling it.
    #[cfg(feature = "compiler")]
    pub(crate) fn is_cached(&self, digest: &str) -> bool {
        let cache = self.cache.as_ref();
        cache.is_some_and(|cache| cache.file(digest).is_file())
    }

    /// Compiles a component, or loads what an earlier run compiled.
    #[cfg(feature = "compiler")]
    pub(crate) fn component(&self, bytes: &[u8], digest: &str) -> wasmtime::Result<Component> {
        if let Some(component) = self.cached(digest) {
            self.counts.cached.fetch_add(1, Ordering::Relaxed);
            return Ok(component);
        }
        let component = Component::from_binary(&self.engine, bytes)?;
        self.counts.compiled.fetch_add(1, Ordering::Relaxed);
        if let Some(cache) = &self.cache {
            // A cache that cannot be written costs time, nothing else.
            let _kept = component
                .serialize()
                .is_ok_and(|code| cache.keep(digest, &code).is_ok());
        }
        crate::memory::heap::give_back();
        Ok(component)
    }

    #[cfg(feature = "compiler")]
    fn cached(&self, digest: &str) -> Option<Component> {
        let file = self.cache.as_ref()?.whole(digest)?;
        // SAFETY: the file lies in the user's own cache folder (mode 0700), was written
        // by this program for this very engine (its name says so), and is undamaged; it
        // is never written again, only replaced by another of its name.
        unsafe { Component::deserialize_file(&self.engine, file).ok() }
    }
}

/// An engine that makes code for all processors of a level, and runs nothing.
#[cfg(feature = "compiler")]
pub(crate) fn for_level(level: &str) -> Result<Engine, Error> {
    let mut config = config();
    // A target that is named has only the instructions that are named.
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    config.target(&target).map_err(Error::engine)?;
    // SAFETY: code for instructions that a machine lacks is refused there when it is
    // loaded; apart from that the level changes nothing.
    unsafe {
        config.cranelift_flag_enable(level);
    }
    Engine::new(&config).map_err(Error::engine)
}

/// What all engines have in common; code is good only where all of this is the same.
fn config() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.concurrency_support(false);
    config.with_host_memory(Arc::new(guest::Creator));
    config.memory_init_cow(false);
    config.memory_reservation(1 << 32);
    config.memory_may_move(false);
    config.epoch_interruption(true);
    config.max_wasm_stack(MAX_STACK_BYTES);
    config.wasm_relaxed_simd(false);
    config.wasm_memory64(false);
    #[cfg(feature = "compiler")]
    config
        .cranelift_nan_canonicalization(true)
        .cranelift_opt_level(OptLevel::Speed);
    config
}

fn make_engine() -> Result<Engine, Error> {
    // Before wasmtime's own handler, which passes on what is not wasm's.
    fault::install();
    let engine = Engine::new(&config()).map_err(Error::engine)?;
    let ticking = engine.weak();
    let ticker = std::thread::Builder::new()
        .name("epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = ticking.upgrade() {
                let ticks = if IS_FINE.load(Ordering::Acquire) {
                    1
                } else {
                    COARSE_TICKS
                };
                // Too early is no harm: a call looks at the time before it ends.
                (0..ticks).for_each(|_| engine.increment_epoch());
                drop(engine);
                std::thread::park_timeout(TICK * ticks);
            }
        })
        .map_err(Error::thread)?;
    TICKER.get_or_init(|| ticker.thread().clone());
    Ok(engine)
}

/// Whether there has been a short limit.
static IS_FINE: AtomicBool = AtomicBool::new(false);
static TICKER: OnceLock<Thread> = OnceLock::new();

/// A call begins that may take so long at most.
pub(crate) fn watch(limit: Duration) {
    if limit < SHORT_LIMIT
        && !IS_FINE.load(Ordering::Relaxed)
        && !IS_FINE.swap(true, Ordering::Release)
        && let Some(ticker) = TICKER.get()
    {
        ticker.unpark();
    }
}
