//! Reads a bundle, which anybody may have made.

use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use millstream_core::lock;
use sha2::{Digest as _, Sha256};

use super::name::Name;
use super::{Bundle, Component, FIRST_NAME, FORM, MAX_BUNDLE_BYTES, Parts, PipelineText, Trust};
use crate::element::engine::{digest, hexadecimal};
use crate::error::Error;

/// Most parts: a lock's longest list of components and models, with code and labels.
const MAX_PARTS: usize = 1 << 14;

/// Whether a file begins as a bundle does.
pub fn is_bundle(path: &Path) -> bool {
    // A name of tar ends with a zero.
    let mut start = [0; FIRST_NAME.len() + 1];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start.strip_suffix(b"\0") == Some(FIRST_NAME.as_bytes())
}

/// Why a file is no bundle that can be used.
enum Problem {
    /// What the system says.
    Io(io::Error),
    /// What is wrong with it.
    Broken(String),
    /// It is a sound one, but another than was asked for.
    Other(String),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What the reader of tar files says is mostly about the file.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn damaged(error: io::Error) -> Problem {
    Problem::Broken(format!("it is cut off or damaged: {error}"))
}

fn broken<T>(why: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Broken(why.into()))
}

pub(super) fn read(path: &Path, trust: &Trust) -> Result<Bundle, Error> {
    let failed = |problem| {
        let (message, hint) = match problem {
            Problem::Io(error) => (format!("it cannot be read: {error}"), None),
            Problem::Broken(why) => (
                why,
                Some("copy it again, or make it anew with `millstream compile`"),
            ),
            Problem::Other(why) => (
                why,
                Some("look at it with `millstream audit` before you trust it"),
            ),
        };
        Error::Bundle {
            path: path.to_owned(),
            message,
            hint: hint.map(str::to_owned),
        }
    };
    let raw = read_parts(path, trust).map_err(failed)?;
    let origin = format!("{}: pipeline.lock", path.display());
    let lock = lock::parse(&raw.lock, &origin)?;
    let bundle = Bundle {
        path: path.to_owned(),
        made_by: raw.made_by,
        pipeline: raw.pipeline,
        lock,
        is_trusted: *trust != Trust::Nothing,
        parts: raw.parts,
    };
    match missing(&bundle) {
        Some(what) => {
            let why = format!("it is cut off or damaged: {what} is missing");
            Err(failed(Problem::Broken(why)))
        }
        None => Ok(bundle),
    }
}

/// What the lock names and the bundle has not.
fn missing(bundle: &Bundle) -> Option<String> {
    let parts = &bundle.parts;
    for (name, component) in &bundle.lock.components {
        if !parts.components.contains_key(component.digest()) {
            return Some(format!("component `{name}`"));
        }
    }
    for (name, model) in &bundle.lock.models {
        if !parts.models.contains_key(&model.digest) {
            return Some(format!("model `{name}`"));
        }
        let labels = model.labels.as_ref();
        if labels.is_some_and(|labels| !parts.labels.contains_key(labels)) {
            return Some(format!("the file of labels of model `{name}`"));
        }
    }
    None
}

/// A reader that hashes what passes, if somebody wants to know.
struct Hashing<R> {
    inner: R,
    hasher: Option<Sha256>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        if let (Some(hasher), Some(bytes)) = (&mut self.hasher, into.get(..read)) {
            hasher.update(bytes);
        }
        Ok(read)
    }
}

/// A bundle whose parts have not been compared with each other.
struct Raw {
    made_by: String,
    pipeline: PipelineText,
    lock: String,
    parts: Parts,
}

fn read_parts(path: &Path, trust: &Trust) -> Result<Raw, Problem> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > MAX_BUNDLE_BYTES {
        let limit = MAX_BUNDLE_BYTES >> 30;
        return broken(format!(
            "{length} bytes, over the limit of {limit} GiB for a bundle"
        ));
    }
    let hasher = matches!(trust, Trust::Digest(_)).then(Sha256::new);
    let mut reader = Hashing {
        inner: BufReader::new(file).take(length),
        hasher,
    };
    let mut reading = Reading::default();
    {
        let mut archive = tar::Archive::new(&mut reader);
        // Raw: long names and other extensions, which bundles do not have, are not read.
        for (count, entry) in archive.entries().map_err(damaged)?.raw(true).enumerate() {
            if count >= MAX_PARTS {
                return broken(format!("it has more than {MAX_PARTS} parts"));
            }
            reading.add(&mut entry.map_err(damaged)?, length)?;
        }
    }
    if let Trust::Digest(wanted) = trust {
        io::copy(&mut reader, &mut io::sink())?;
        let found = reader.hasher.map(|it| hexadecimal(&it.finalize()));
        if found.as_ref() != Some(wanted) {
            let found = found.unwrap_or_default();
            return Err(Problem::Other(format!(
                "it is another than was asked for\n  wanted sha256:{wanted}\n  found  sha256:{found}"
            )));
        }
    }
    reading.finish()
}

/// What has been read so far.
#[derive(Default)]
struct Reading {
    made_by: Option<String>,
    pipeline: Option<PipelineText>,
    lock: Option<String>,
    parts: Parts,
}

impl Reading {
    fn add(&mut self, entry: &mut tar::Entry<'_, impl Read>, length: u64) -> Result<(), Problem> {
        let path = entry.path_bytes().into_owned();
        let text = String::from_utf8_lossy(&path);
        let shown = text.escape_debug();
        let is_file = entry.header().entry_type() == tar::EntryType::Regular;
        let Some(name) = Name::from_text(&text).filter(|_| is_file) else {
            return broken(format!("no part of a bundle is called `{shown}`"));
        };
        if self.made_by.is_none() && name != Name::First {
            return broken(format!("`{shown}` stands before `{FIRST_NAME}`"));
        }
        let size = entry.header().entry_size().map_err(damaged)?;
        // No more is there, whatever the header says.
        if size > name.limit().min(length) {
            return broken(format!("`{shown}` of {size} bytes is too large"));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        entry.take(size).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != size {
            return broken(format!("it is cut off in `{shown}`"));
        }
        if name.digest().is_some_and(|wanted| wanted != digest(&bytes)) {
            return broken(format!("`{shown}` is damaged: its SHA-256 is not its name"));
        }
        if self.put(name, bytes)? {
            return broken(format!("`{shown}` is there twice"));
        }
        Ok(())
    }

    /// Takes a part; true if there is such a one already.
    fn put(&mut self, name: Name<'_>, bytes: Vec<u8>) -> Result<bool, Problem> {
        let parts = &mut self.parts;
        match name {
            Name::First => {
                let text = text(name, bytes)?;
                let mut lines = text.lines();
                let form = lines.next().unwrap_or_default();
                if form != FORM {
                    let form = form.escape_debug();
                    return broken(format!(
                        "it has form {form}, and this version of Millstream reads form {FORM}"
                    ));
                }
                let made_by = lines.next().unwrap_or_default().escape_debug();
                Ok(self.made_by.replace(made_by.to_string()).is_some())
            }
            Name::Manifest => {
                let text = PipelineText::Manifest(text(name, bytes)?);
                Ok(self.pipeline.replace(text).is_some())
            }
            Name::Line => {
                let text = PipelineText::Line(text(name, bytes)?);
                Ok(self.pipeline.replace(text).is_some())
            }
            Name::Lock => Ok(self.lock.replace(text(name, bytes)?).is_some()),
            Name::Compiled { component, .. } => {
                let code = bytes.into();
                Ok(insert(parts.compiled.entry(component.to_owned()), code))
            }
            Name::Standard(digest) | Name::Component(digest) => {
                let component = Component {
                    bytes: bytes.into(),
                    is_standard: matches!(name, Name::Standard(_)),
                };
                Ok(insert(parts.components.entry(digest.to_owned()), component))
            }
            Name::Model(digest) => {
                let model = bytes.into();
                Ok(insert(parts.models.entry(digest.to_owned()), model))
            }
            Name::Labels(digest) => {
                let labels = text(name, bytes)?;
                Ok(insert(parts.labels.entry(digest.to_owned()), labels))
            }
        }
    }

    fn finish(self) -> Result<Raw, Problem> {
        let missing = |what: &str| format!("it is cut off or damaged: `{what}` is missing");
        let Some(made_by) = self.made_by else {
            return broken(missing(FIRST_NAME));
        };
        let Some(pipeline) = self.pipeline else {
            return broken(missing("pipeline.toml"));
        };
        let Some(lock) = self.lock else {
            return broken(missing("pipeline.lock"));
        };
        Ok(Raw {
            made_by,
            pipeline,
            lock,
            parts: self.parts,
        })
    }
}

fn text(name: Name<'_>, bytes: Vec<u8>) -> Result<String, Problem> {
    let not_text = |_| Problem::Broken(format!("`{name}` is not UTF-8 text"));
    String::from_utf8(bytes).map_err(not_text)
}

/// Fills a free place; true if it was taken.
fn insert<V>(entry: Entry<'_, String, V>, value: V) -> bool {
    match entry {
        Entry::Occupied(_) => true,
        Entry::Vacant(place) => {
            place.insert(value);
            false
        }
    }
}
