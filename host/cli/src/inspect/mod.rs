//! `inspect`: what elements say of themselves, as `gst-inspect-1.0` shows it.

mod common;
mod json;
mod model;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use millstream_core::Error as CoreError;
use millstream_core::error::suggest;
use millstream_runtime::{ElementRegistry, Loaded, Origin};

use crate::args::InspectArgs;
use crate::failure::Failure;
use crate::{carried, human, inference, output, setup};
use common::{base_properties, role};

pub(crate) fn inspect(args: &InspectArgs) -> Result<(), Failure> {
    let options = inference::options(&args.inference, None);
    let runtime = setup::runtime(&args.elements, PathBuf::new(), options)?;
    if let Some(name) = args.element.as_deref().filter(|name| model::is_model(name)) {
        return model::inspect(&runtime.models, name, args.json);
    }
    let registry = &runtime.elements;
    if let Some(name) = &args.element {
        let loaded = find(registry, name)?;
        let print = if args.json {
            json::element
        } else {
            text::element
        };
        return Ok(output::data(&print(&loaded))?);
    }
    if let Some(missing) = carried::missing() {
        output::talk(format_args!("note: {missing}"));
    }
    let elements = all(registry);
    Ok(output::data(&match (args.json, args.markdown) {
        (true, _) => elements.iter().map(json::line).collect(),
        (false, true) => markdown(&elements),
        (false, false) => list(&elements),
    })?)
}

fn find(registry: &ElementRegistry, name: &str) -> Result<Arc<Loaded>, Failure> {
    if let Some(loaded) = registry.load(name)? {
        return Ok(loaded);
    }
    let names = registry.names();
    let suggestion = suggest(name, names.iter().map(String::as_str));
    let error = CoreError::UnknownElement {
        factory: name.to_owned(),
        suggestion,
        place: None,
    };
    let note = carried::missing().map_or_else(String::new, |missing| format!("\nnote: {missing}"));
    Err(Failure::Usage(error.render() + &note))
}

/// Every element that can be loaded; of the others, why not, on stderr.
fn all(registry: &ElementRegistry) -> Vec<Arc<Loaded>> {
    let load = |name: String| match registry.load(&name) {
        Ok(loaded) => loaded,
        Err(error) => {
            output::talk(format_args!("warning: {}", error.render()));
            None
        }
    };
    registry.names().into_iter().filter_map(load).collect()
}

fn list(elements: &[Arc<Loaded>]) -> String {
    let row = |it: &Arc<Loaded>| {
        let descriptor = &it.descriptor;
        let role = role(descriptor.role()).to_owned();
        vec![
            descriptor.name.clone(),
            role,
            descriptor.description.clone(),
        ]
    };
    human::table(&elements.iter().map(row).collect::<Vec<_>>(), &[])
}

/// The README's table: only what every binary has.
fn markdown(elements: &[Arc<Loaded>]) -> String {
    let mut out = "| Element | What it does | Capabilities |\n|---|---|---|\n".to_owned();
    let standard = elements
        .iter()
        .filter(|it| !matches!(it.origin, Origin::File(_)));
    for element in standard {
        let descriptor = &element.descriptor;
        let capabilities: Vec<String> = descriptor
            .capabilities
            .iter()
            .map(|it| format!("`{}`", it.as_str()))
            .collect();
        let description = descriptor.description.replace('|', "\\|");
        let capabilities = capabilities.join(", ");
        out += &format!(
            "| `{}` | {description} | {capabilities} |\n",
            descriptor.name
        );
    }
    out
}
