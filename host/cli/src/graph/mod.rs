//! `graph`: a picture of a pipeline, with what each link carries.
//!
//! ```text
//! Pipeline ─► Drawing (texts) ─┬─► DOT, for graphviz
//!                              └─► Layout (places) ─► SVG
//! ```

mod dot;
mod drawing;
mod layout;
mod svg;

use std::fs;

use crate::args::GraphArgs;
use crate::failure::Failure;
use crate::lock::Locking;
use crate::output;
use crate::setup::Text;
use drawing::Drawing;

pub(crate) fn graph(args: &GraphArgs) -> Result<(), Failure> {
    let text = Text::from_args(&args.text)?;
    let prepared = text.prepare(&args.setup, &text.options(&args.setup), Locking::default())?;
    let drawing = Drawing::new(prepared.pipeline.graph(), prepared.pipeline.plan());
    let is_svg_file = |path: &std::path::PathBuf| path.extension().is_some_and(|it| it == "svg");
    let is_svg = args.svg || args.output.as_ref().is_some_and(is_svg_file);
    let picture = if is_svg {
        svg::svg(&drawing)
    } else {
        dot::dot(&drawing)
    };
    match &args.output {
        Some(path) => fs::write(path, picture).map_err(|error| {
            Failure::Run(format!("error: cannot write `{}`: {error}", path.display()))
        }),
        None => Ok(output::data(&picture)?),
    }
}
