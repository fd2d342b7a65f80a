//! wasmtime, set up once in a process, and compiled code kept by content.
#![allow(
    unsafe_code,
    reason = "compiled code from the cache is loaded without compiling it again"
)]

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sha2::{Digest, Sha256};
use wasmtime::component::Component;
use wasmtime::{Config, Engine, OptLevel};

use crate::error::Error;
use crate::memory::{fault, guest};

/// How often calls are checked against their time limit.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Stack of a guest: deep enough for decoders, far below a thread's 16 MiB.
const MAX_STACK_BYTES: usize = 1 << 20;

/// Largest component that is read.
pub(crate) const MAX_COMPONENT_BYTES: u64 = 64 << 20;

/// CRC-32 of anything with its own CRC-32 behind it, low byte first; 0 of nothing.
///
/// # Source
/// The "residue" of CRC-32/ISO-HDLC, inverted as the checksum is:
/// <https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-32-iso-hdlc>
const CRC_RESIDUE: u32 = 0x2144_df1c;

/// So much of a file is looked at in one go: stays in the processor's cache.
const PIECE_BYTES: usize = 64 << 10;

/// The engine, and where it keeps compiled code.
#[derive(Clone)]
pub(crate) struct Compiler {
    engine: Engine,
    cache: Option<PathBuf>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    compiled: AtomicU64,
    loaded: AtomicU64,
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
        Ok(Self {
            engine,
            cache,
            counts: Arc::default(),
        })
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Components compiled, and loaded from the cache, so far.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (
            self.counts.compiled.load(Ordering::Relaxed),
            self.counts.loaded.load(Ordering::Relaxed),
        )
    }

    /// Compiles a component, or loads what an earlier run compiled.
    pub(crate) fn component(&self, bytes: &[u8], digest: &str) -> wasmtime::Result<Component> {
        let file = self.cache.as_ref().map(|folder| {
            // Compiled code is good for one build of the engine and one kind of machine.
            folder.join(format!("{digest}-{}.cwasm", compatibility(&self.engine)))
        });
        if let Some(file) = &file
            && let Some(component) = self.load(file)
        {
            self.counts.loaded.fetch_add(1, Ordering::Relaxed);
            return Ok(component);
        }
        let component = Component::from_binary(&self.engine, bytes)?;
        self.counts.compiled.fetch_add(1, Ordering::Relaxed);
        if let Some(file) = &file {
            // A cache that cannot be written costs time, nothing else.
            let _kept = component
                .serialize()
                .is_ok_and(|code| keep(file, &code).is_ok());
        }
        Ok(component)
    }

    fn load(&self, file: &Path) -> Option<Component> {
        if !is_whole(file).ok()? {
            return None;
        }
        // SAFETY: the file lies in the user's own cache folder (mode 0700), was written
        // by this program for this very engine (its name says so), and is undamaged; it
        // is never written again, only replaced by another of its name.
        unsafe { Component::deserialize_file(&self.engine, file).ok() }
    }
}

fn compatibility(engine: &Engine) -> String {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Whether a file of the cache is as it was written: one that was cut off by a full disk
/// or damaged since must not be run. No protection against who may write there.
fn is_whole(file: &Path) -> std::io::Result<bool> {
    let mut file = fs::File::open(file)?;
    let mut hasher = crc32fast::Hasher::new();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let read = file.read(&mut piece)?;
        let Some(read) = piece.get(..read).filter(|read| !read.is_empty()) else {
            return Ok(hasher.finalize() == CRC_RESIDUE);
        };
        hasher.update(read);
    }
}

fn keep(file: &Path, code: &[u8]) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    make_private_folder(folder)?;
    let unfinished = file.with_extension(format!("{}.part", std::process::id()));
    let mut out = fs::File::create(&unfinished)?;
    // The checksum stands behind the code, so that the file can be mapped as it is.
    out.write_all(code)?;
    out.write_all(&crc32fast::hash(code).to_le_bytes())?;
    drop(out);
    fs::rename(&unfinished, file)
}

#[cfg(unix)]
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}

/// Where compiled code is kept unless told otherwise: below the user's cache folder.
pub(crate) fn default_cache() -> Option<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("MILLSTREAM_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|folder| folder.join("millstream")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/millstream")))
        .map(|folder| folder.join("compiled"))
}

fn make_engine() -> Result<Engine, Error> {
    // Before wasmtime's own handler, which passes on what is not wasm's.
    fault::install();
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.concurrency_support(false);
    config.with_host_memory(Arc::new(guest::Creator));
    config.memory_init_cow(false);
    config.memory_reservation(1 << 32);
    config.memory_may_move(false);
    config.epoch_interruption(true);
    config.max_wasm_stack(MAX_STACK_BYTES);
    config.cranelift_nan_canonicalization(true);
    config.cranelift_opt_level(OptLevel::Speed);
    config.wasm_relaxed_simd(false);
    config.wasm_memory64(false);
    let engine = Engine::new(&config).map_err(Error::engine)?;
    let ticking = engine.weak();
    std::thread::Builder::new()
        .name("epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = ticking.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })
        .map_err(Error::thread)?;
    Ok(engine)
}
