//! `compile`: a pipeline with all that it is made from in one file.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

use millstream_runtime::{PipelineText, Trust, Written};

use crate::args::{CompileArgs, InferenceArgs, SetupArgs};
use crate::failure::Failure;
use crate::setup::Text;
use crate::{human, output};

pub(crate) fn compile(args: &CompileArgs) -> Result<(), Failure> {
    let text = match (&args.manifest, &args.line) {
        (Some(manifest), _) => Text::from_file(manifest, &Trust::Nothing)?,
        (None, line) => Text::from_line(line.as_slice())?,
    };
    let source = text.description().source.text.to_string();
    let pipeline = match &text {
        Text::Line(_) => PipelineText::Line(source),
        Text::Manifest(..) => PipelineText::Manifest(source),
        Text::Bundle(_) => {
            return Err(Failure::usage(
                "this is a bundle already",
                "name the manifest that it was made from",
            ));
        }
    };
    let setup = SetupArgs {
        grants: Vec::new(),
        inference: InferenceArgs::default(),
        elements: args.elements.clone(),
    };
    let runtime = text.runtime(&setup)?;
    let graph = text.graph(&runtime, &setup)?;
    let written = whole(&args.output, |file| {
        let out = BufWriter::new(file);
        Ok(runtime.write_bundle(&graph, &pipeline, args.cpu, out)?)
    })?;
    tell(&args.output, &written);
    Ok(output::data(&format!("sha256:{}\n", written.digest))?)
}

/// Writes a file as a whole or not at all.
fn whole<T>(path: &Path, fill: impl FnOnce(&File) -> Result<T, Failure>) -> Result<T, Failure> {
    let failed = |error: io::Error| {
        Failure::Run(format!("error: cannot write `{}`: {error}", path.display()))
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let file = File::create_new(&temporary).map_err(failed)?;
    let filled = fill(&file).and_then(|value| {
        // Its bytes are on the disk before its name is.
        file.sync_all().map_err(failed)?;
        fs::rename(&temporary, path).map_err(failed)?;
        Ok(value)
    });
    if filled.is_err() {
        drop(fs::remove_file(&temporary));
    }
    filled
}

fn tell(path: &Path, written: &Written) {
    output::talk(format_args!(
        "`{}`: {} and {}, {}; to run its machine code: `--trust-compiled=` and this",
        path.display(),
        human::count(written.components, "component"),
        human::count(written.models, "model"),
        human::bytes(written.bytes),
    ));
}
