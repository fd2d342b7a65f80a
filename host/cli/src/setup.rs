//! From texts to a prepared pipeline: what `launch`, `run`, `check`, `graph` and
//! `audit` have in common.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use millstream_core::graph::Graph;
use millstream_core::manifest::{self, MAX_MANIFEST_BYTES, Manifest};
use millstream_core::{Description, Error as CoreError, launch};
use millstream_runtime::{ClockKind, InferenceOptions, Options, Pipeline, Runtime, Sources, Trust};

use crate::args::{ElementArgs, SetupArgs, TextArgs};
use crate::bundle::Bundled;
use crate::carried::{self, CARRIED, SHAPES, SHAPES_NAME};
use crate::failure::Failure;
use crate::inference;
use crate::lock::{self, Locking};

/// Folders of elements, divided as `PATH` is.
const ELEMENT_PATH: &str = "MILLSTREAM_ELEMENT_PATH";

/// A pipeline as its user wrote it.
pub(crate) enum Text {
    /// A launch line.
    Line(Description),
    /// A manifest, and its file.
    Manifest(Box<Manifest>, PathBuf),
    /// One of these, out of a bundle.
    Bundle(Box<Bundled>),
}

/// A pipeline that could play now, and what it was made from.
pub(crate) struct Prepared {
    pub(crate) runtime: Runtime,
    pub(crate) pipeline: Pipeline,
}

impl Text {
    /// Reads a launch line; several words are joined as `gst-launch-1.0` does.
    pub(crate) fn from_line<T: AsRef<str>>(words: &[T]) -> Result<Self, Failure> {
        let line = match words {
            [line] => line.as_ref().to_owned(),
            words => launch::from_args(words),
        };
        Ok(Self::Line(launch::parse(&line)?))
    }

    /// Reads a manifest or a bundle.
    pub(crate) fn from_file(path: &Path, trust: &Trust) -> Result<Self, Failure> {
        if millstream_runtime::is_bundle(path) {
            return Ok(Self::Bundle(Box::new(Bundled::read(path, trust)?)));
        }
        if *trust != Trust::Nothing {
            return Err(Failure::usage(
                format!("`--trust-compiled`: `{}` is no bundle", path.display()),
                "leave it out; a manifest's components are compiled here",
            ));
        }
        Self::from_manifest(path)
    }

    /// Reads a manifest.
    pub(crate) fn from_manifest(path: &Path) -> Result<Self, Failure> {
        let text = read_text(path, MAX_MANIFEST_BYTES).map_err(|error| {
            Failure::usage(
                format!("cannot read `{}`: {error}", path.display()),
                "name a manifest (`*.toml`), or use `millstream launch` for a launch line",
            )
        })?;
        let manifest = manifest::parse(&text, &path.display().to_string())?;
        Ok(Self::Manifest(Box::new(manifest), path.to_owned()))
    }

    /// Reads whichever the user gave.
    pub(crate) fn from_args(args: &TextArgs) -> Result<Self, Failure> {
        match (&args.manifest, &args.line) {
            (Some(manifest), _) => Self::from_file(manifest, &args.trust.trust()),
            (None, Some(line)) => Self::from_line(&[line]),
            (None, None) => Self::from_line::<&str>(&[]),
        }
    }

    pub(crate) fn description(&self) -> &Description {
        match self {
            Self::Line(description) => description,
            Self::Manifest(manifest, _) => &manifest.description,
            Self::Bundle(bundled) => bundled.text.description(),
        }
    }

    /// The text as such, wherever it lay.
    fn written(&self) -> &Self {
        match self {
            Self::Bundle(bundled) => bundled.text.written(),
            text => text,
        }
    }

    /// How to run it, as far as the text says.
    pub(crate) fn options(&self, setup: &SetupArgs) -> Options {
        let clock = match self.written() {
            Self::Manifest(manifest, _) if manifest.clock == manifest::ClockKind::Virtual => {
                ClockKind::Virtual
            }
            _ => ClockKind::System,
        };
        let implied_grants = matches!(self.written(), Self::Line(_));
        Options {
            clock,
            implied_grants,
            grants: setup.grants.clone(),
            ..Options::default()
        }
    }

    /// Elements and models that the text can name.
    pub(crate) fn runtime(&self, setup: &SetupArgs) -> Result<Runtime, Failure> {
        let (settings, base) = match self.written() {
            Self::Manifest(manifest, path) => (Some(&manifest.inference), folder(path)),
            _ => (None, PathBuf::new()),
        };
        let inference = inference::options(&setup.inference, settings);
        if let Self::Bundle(bundled) = self {
            return bundled.runtime(setup, base, inference);
        }
        let runtime = runtime(&setup.elements, base, inference)?;
        if let Self::Manifest(manifest, path) = self {
            add_models(&runtime, manifest, &folder(path), setup)?;
        }
        Ok(runtime)
    }

    /// Elements, pads and links, checked.
    pub(crate) fn graph(&self, runtime: &Runtime, setup: &SetupArgs) -> Result<Graph, Failure> {
        let factories = self.description().elements.iter();
        let elements = &runtime.elements;
        elements.load_all(factories.map(|element| element.factory.as_str()));
        let graph =
            Graph::build(self.description(), &*runtime.elements).map_err(|error| {
                match (&error, carried::missing()) {
                    (CoreError::UnknownElement { .. }, Some(missing)) => {
                        Failure::Usage(format!("{}\nnote: {missing}", error.render()))
                    }
                    _ => error.into(),
                }
            })?;
        for (name, _) in &setup.grants {
            if graph.find(name).is_none() {
                let names: Vec<&str> = graph.elements.iter().map(|it| it.name.as_str()).collect();
                return Err(Failure::usage(
                    format!("`--grant {name}=…`: the pipeline has no element `{name}`"),
                    &format!("its elements are `{}`", names.join("`, `")),
                ));
            }
        }
        Ok(graph)
    }

    /// Everything up to the point where data would flow.
    pub(crate) fn prepare(
        &self,
        setup: &SetupArgs,
        options: &Options,
        locking: Locking,
    ) -> Result<Prepared, Failure> {
        let runtime = self.runtime(setup)?;
        let graph = self.graph(&runtime, setup)?;
        if let (Self::Bundle(bundled), Locking::Noted) = (self, locking) {
            bundled.tell_of_code(&runtime);
        }
        // Before any element is made with what it was granted.
        lock::enforce(self, &runtime, &graph, locking)?;
        let pipeline = Pipeline::prepare(graph, &runtime, options)?;
        Ok(Prepared { runtime, pipeline })
    }
}

/// Where relative names of a manifest start from.
fn folder(manifest: &Path) -> PathBuf {
    manifest.parent().unwrap_or(Path::new("")).to_owned()
}

/// A runtime with all elements, and the model that the binary carries.
pub(crate) fn runtime(
    elements: &ElementArgs,
    base: PathBuf,
    inference: InferenceOptions,
) -> Result<Runtime, Failure> {
    for folder in &elements.folders {
        if !folder.is_dir() {
            return Err(Failure::usage(
                format!("`--elements {}`: no such folder", folder.display()),
                "name a folder of `NAME.wasm` files; `cargo xtask components` makes `target/components`",
            ));
        }
    }
    let mut folders = elements.folders.clone();
    if let Some(path) = std::env::var_os(ELEMENT_PATH) {
        folders.extend(std::env::split_paths(&path).filter(|path| !path.as_os_str().is_empty()));
    }
    let sources = Sources {
        carried: CARRIED,
        folders,
        base,
        bundle: None,
    };
    let runtime = Runtime::new(sources, inference)?;
    if let Some(shapes) = SHAPES {
        runtime.models.add_carried(SHAPES_NAME, shapes);
    }
    Ok(runtime)
}

fn add_models(
    runtime: &Runtime,
    manifest: &Manifest,
    base: &Path,
    setup: &SetupArgs,
) -> Result<(), Failure> {
    for (name, model) in &manifest.models {
        let file = base.join(&model.file);
        let labels = model.labels.as_ref().map(|labels| base.join(labels));
        for (key, file) in [("file", Some(&file)), ("labels", labels.as_ref())] {
            if let Some(file) = file.filter(|file| !file.is_file()) {
                return Err(Failure::usage(
                    format!("model `{name}`: no file `{}`", file.display()),
                    &format!(
                        "`{key}` in `[models.{name}]` of `{}` starts from the manifest's folder",
                        manifest.origin
                    ),
                ));
            }
        }
        let options = inference::model_options(&setup.inference, model, labels);
        runtime.models.add_file(name, file, options);
    }
    Ok(())
}

/// A file's text; of a file that is too long, as much as shows that.
pub(crate) fn read_text(path: &Path, most_bytes: usize) -> io::Result<String> {
    let mut bytes = Vec::new();
    let limit = most_bytes as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    if bytes.len() > most_bytes {
        let limit = format!("over the limit of {most_bytes} bytes");
        return Err(io::Error::other(limit));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::other(format!("not UTF-8 text (byte {at})"))
    })
}
