//! Compiled code, kept in files by the SHA-256 of its component.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use wasmtime::Engine;

/// CRC-32 of anything with its own CRC-32 behind it, low byte first; 0 of nothing.
///
/// # Source
/// The "residue" of CRC-32/ISO-HDLC, inverted as the checksum is:
/// <https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-32-iso-hdlc>
const CRC_RESIDUE: u32 = 0x2144_df1c;

/// So much of a file is looked at in one go: stays in the processor's cache.
const PIECE_BYTES: usize = 64 << 10;

/// A folder of compiled code.
#[derive(Clone)]
pub(super) struct Cache {
    folder: PathBuf,
    /// Compiled code is good for one build of the engine and one kind of machine.
    compatibility: String,
}

impl Cache {
    pub(super) fn new(folder: PathBuf, engine: &Engine) -> Self {
        let compatibility = compatibility(engine);
        Self {
            folder,
            compatibility,
        }
    }

    /// Where a component's code is, or would be.
    pub(super) fn file(&self, digest: &str) -> PathBuf {
        let name = format!("{digest}-{}.cwasm", self.compatibility);
        self.folder.join(name)
    }

    /// The file of a component's code, if it is there and undamaged.
    pub(super) fn whole(&self, digest: &str) -> Option<PathBuf> {
        let file = self.file(digest);
        is_whole(&file).ok()?.then_some(file)
    }

    /// Writes a component's code.
    pub(super) fn keep(&self, digest: &str, code: &[u8]) -> io::Result<()> {
        make_private_folder(&self.folder)?;
        let file = self.file(digest);
        let unfinished = file.with_extension(format!("{}.part", std::process::id()));
        let mut out = fs::File::create(&unfinished)?;
        // The checksum stands behind the code, so that the file can be mapped as it is.
        out.write_all(code)?;
        out.write_all(&crc32fast::hash(code).to_le_bytes())?;
        drop(out);
        fs::rename(&unfinished, &file)
    }
}

/// Code as the compiler made it, whether it comes out of the cache or not.
pub(crate) fn without_checksum(mut code: Vec<u8>) -> Vec<u8> {
    if crc32fast::hash(&code) == CRC_RESIDUE {
        code.truncate(code.len().saturating_sub(4));
    }
    code
}

/// Where compiled code is kept unless told otherwise: below the user's cache folder.
pub(crate) fn default_folder() -> Option<PathBuf> {
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

fn compatibility(engine: &Engine) -> String {
    use std::hash::{Hash, Hasher};
    let mut hasher = std::hash::DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Whether a file of the cache is as it was written: one that was cut off by a full disk
/// or damaged since must not be run. No protection against who may write there.
fn is_whole(file: &Path) -> io::Result<bool> {
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

#[cfg(unix)]
fn make_private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn make_private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}
