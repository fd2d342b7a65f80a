//! Pipelines out of bundles, which `compile` makes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::{launch, manifest};
use millstream_runtime::{
    Bundle, InferenceOptions, ModelOptions, PipelineText, Runtime, Sources, Trust,
};

use crate::args::SetupArgs;
use crate::failure::Failure;
use crate::setup::Text;
use crate::{inference, output};

/// A pipeline in a bundle.
pub(crate) struct Bundled {
    pub(crate) bundle: Arc<Bundle>,
    /// How it is written; files that it names start from the bundle's folder.
    pub(crate) text: Text,
}

impl Bundled {
    pub(crate) fn read(path: &Path, trust: &Trust) -> Result<Self, Failure> {
        let bundle = Bundle::read(path, trust)?;
        let text = match bundle.pipeline() {
            PipelineText::Manifest(text) => {
                let origin = format!("{}: pipeline.toml", path.display());
                let manifest = manifest::parse(text, &origin)?;
                Text::Manifest(Box::new(manifest), path.to_owned())
            }
            PipelineText::Line(text) => Text::Line(launch::parse(text)?),
        };
        let bundle = Arc::new(bundle);
        Ok(Self { bundle, text })
    }

    /// Its components and models, and no others.
    pub(crate) fn runtime(
        &self,
        setup: &SetupArgs,
        base: PathBuf,
        inference: InferenceOptions,
    ) -> Result<Runtime, Failure> {
        if !setup.elements.folders.is_empty() {
            return Err(Failure::usage(
                "`--elements`: a bundle has its components inside",
                "leave it out, or make another bundle with `millstream compile --elements DIR`",
            ));
        }
        let sources = Sources {
            base,
            bundle: Some(self.bundle.clone()),
            ..Sources::default()
        };
        let runtime = Runtime::new(sources, inference)?;
        for model in self.bundle.models() {
            let declared = match &self.text {
                Text::Manifest(manifest, _) => manifest.models.get(model.name),
                _ => None,
            };
            let options = declared.map_or_else(ModelOptions::default, |declared| {
                inference::model_options(&setup.inference, declared, None)
            });
            let bytes = model.bytes.clone();
            let models = &runtime.models;
            models.add_with_labels(model.name, bytes, model.labels, options);
        }
        Ok(runtime)
    }

    /// Says what was compiled although the bundle has machine code, and why.
    pub(crate) fn tell_of_code(&self, runtime: &Runtime) {
        let (path, made_by) = (self.bundle.path().display(), self.bundle.made_by());
        if let Some(why) = runtime.unfit_code() {
            output::talk(format_args!(
                "note: the machine code in `{path}` does not fit, so that its components are compiled here: {why}\n  \
                 made by {made_by}"
            ));
        } else if self.bundle.has_distrusted_code() {
            output::talk(format_args!(
                "note: the machine code in `{path}` is not used, its components are compiled here; \
                 if you trust it as you trust a program: `--trust-compiled`"
            ));
        }
    }
}
