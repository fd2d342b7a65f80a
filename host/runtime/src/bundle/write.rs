//! Writes a bundle: the same pipeline and the same compiler give the same bytes.

use std::io::{self, Write};
use std::str::FromStr;

use millstream_core::graph::{Graph, Kind};
use sha2::{Digest as _, Sha256};

use super::name::Name;
use super::{FORM, PipelineText};
use crate::Runtime;
use crate::element::cache::without_checksum;
use crate::element::engine::{self, digest, hexadecimal};
use crate::element::registry::Loaded;
use crate::error::Error;

/// For which processors machine code is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cpu {
    /// For this machine's.
    #[default]
    Native,
    /// For all that have at least these instructions: a level of x86-64.
    Level(&'static str),
}

/// Levels of the x86-64 psABI, by the names that the compiler has for them.
///
/// # Source
/// x86-64 psABI, section 3.1.1 "Processor Architecture":
/// <https://gitlab.com/x86-psABIs/x86-64-ABI>
const LEVELS: [&str; 4] = ["x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"];

impl FromStr for Cpu {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "native" {
            return Ok(Self::Native);
        }
        let levels: &[_] = if cfg!(target_arch = "x86_64") {
            &LEVELS
        } else {
            &[]
        };
        let level = levels.iter().find(|level| **level == text);
        level.map(|level| Self::Level(level)).ok_or_else(|| {
            let names = ["native"].iter().chain(levels).copied();
            format!("expected one of {}", names.collect::<Vec<_>>().join(", "))
        })
    }
}

impl std::fmt::Display for Cpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Level(level) => level,
        })
    }
}

/// What a bundle came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// SHA-256 of the whole file, in hexadecimal.
    pub digest: String,
    /// Its length.
    pub bytes: u64,
    /// Components, different ones.
    pub components: usize,
    /// Models, different ones.
    pub models: usize,
}

impl Runtime {
    /// Writes a graph, with all that it is made from, as a bundle.
    ///
    /// # Errors
    /// If a component or a model cannot be read or has changed meanwhile, or `out` fails.
    pub fn write_bundle(
        &self,
        graph: &Graph,
        pipeline: &PipelineText,
        cpu: Cpu,
        out: impl Write,
    ) -> Result<Written, Error> {
        let lock = self.lock(graph)?;
        let mut bundle = Writer::new(out);
        let made_by = format!(
            "millstream {}, {}, {} {}, {cpu}\n",
            env!("CARGO_PKG_VERSION"),
            engine::VERSION,
            std::env::consts::ARCH,
            std::env::consts::OS
        );
        bundle.put(Name::First, format!("{FORM}\n{made_by}").as_bytes())?;
        match pipeline {
            PipelineText::Manifest(text) => bundle.put(Name::Manifest, text.as_bytes())?,
            PipelineText::Line(text) => bundle.put(Name::Line, text.as_bytes())?,
        }
        bundle.put(Name::Lock, lock.to_string().as_bytes())?;
        let components = self.bundle_components(graph, cpu, &mut bundle)?;
        let models = self.bundle_models(graph, &mut bundle)?;
        let (digest, bytes) = bundle.finish()?;
        Ok(Written {
            digest,
            bytes,
            components,
            models,
        })
    }

    fn bundle_components(
        &self,
        graph: &Graph,
        cpu: Cpu,
        bundle: &mut Writer<impl Write>,
    ) -> Result<usize, Error> {
        let other = match cpu {
            Cpu::Native => None,
            Cpu::Level(level) => Some(engine::for_level(level)?),
        };
        let mut done = Vec::new();
        let elements = graph.elements.iter();
        for element in elements.filter(|it| it.kind == Kind::Component) {
            let Some(loaded) = self.elements.load(&element.factory)? else {
                continue;
            };
            if done.contains(&loaded.digest) {
                continue;
            }
            let bytes = self.elements.bytes(&element.factory, &loaded)?;
            let code = match (&other, &loaded.component) {
                (None, Some(component)) => component.serialize(),
                (Some(other), _) => other.precompile_component(&bytes),
                (None, None) => continue,
            };
            let code = code.map(without_checksum).map_err(Error::engine)?;
            bundle.put(
                Name::Compiled {
                    component: &loaded.digest,
                    digest: &digest(&code),
                },
                &code,
            )?;
            bundle.put(place(&loaded), &bytes)?;
            done.push(loaded.digest.clone());
        }
        Ok(done.len())
    }

    fn bundle_models(
        &self,
        graph: &Graph,
        bundle: &mut Writer<impl Write>,
    ) -> Result<usize, Error> {
        let mut models = Vec::new();
        let mut labels = Vec::new();
        for element in &graph.elements {
            for text in element.models() {
                let failed = |error: crate::NnError| Error::Model {
                    element: element.name.clone(),
                    message: error.to_string(),
                    hint: error.hint(),
                };
                let name = self.model_name(&element.name, text)?;
                let content = self.models.content(&name).map_err(failed)?;
                let model = hexadecimal(&content.digests.model);
                if !models.contains(&model) {
                    bundle.put(Name::Model(&model), &content.bytes)?;
                    models.push(model);
                }
                if let (Some(text), Some(own)) = (&content.labels, content.digests.labels) {
                    let own = hexadecimal(&own);
                    if !labels.contains(&own) {
                        bundle.put(Name::Labels(&own), text.as_bytes())?;
                        labels.push(own);
                    }
                }
            }
        }
        Ok(models.len())
    }
}

fn place(loaded: &Loaded) -> Name<'_> {
    if loaded.origin.is_standard() {
        Name::Standard(&loaded.digest)
    } else {
        Name::Component(&loaded.digest)
    }
}

/// Writes parts, and knows the whole's digest at the end.
struct Writer<W: Write> {
    tar: tar::Builder<Hashing<W>>,
}

struct Hashing<W> {
    inner: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        if let Some(bytes) = bytes.get(..written) {
            self.hasher.update(bytes);
        }
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<W: Write> Writer<W> {
    fn new(inner: W) -> Self {
        let hasher = Sha256::new();
        let bytes = 0;
        Self {
            tar: tar::Builder::new(Hashing {
                inner,
                hasher,
                bytes,
            }),
        }
    }

    fn put(&mut self, name: Name<'_>, bytes: &[u8]) -> Result<(), Error> {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // Neither times nor owners: the same content is the same file.
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header
            .set_path(name.to_string())
            .map_err(Error::WriteBundle)?;
        header.set_cksum();
        self.tar.append(&header, bytes).map_err(Error::WriteBundle)
    }

    fn finish(self) -> Result<(String, u64), Error> {
        let mut out = self.tar.into_inner().map_err(Error::WriteBundle)?;
        out.flush().map_err(Error::WriteBundle)?;
        Ok((hexadecimal(&out.hasher.finalize()), out.bytes))
    }
}
