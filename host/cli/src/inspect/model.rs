//! A model: what it takes and gives, and what runs it here.

use std::path::Path;

use millstream_runtime::{ModelInfo, ModelOptions, ModelRegistry, NnError, TensorInfo};
use serde_json::json;

use crate::failure::Failure;
use crate::{human, json, output};

/// The characters of metadata that are shown in a line.
const MAX_METADATA_CHARS: usize = 100;

/// Whether the name is that of a model's file, rather than of an element.
pub(super) fn is_model(name: &str) -> bool {
    let extension = Path::new(name).extension();
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// Loads a model and runs it once, which is what an element would wait for.
pub(super) fn inspect(models: &ModelRegistry, file: &str, as_json: bool) -> Result<(), Failure> {
    // `shapes.onnx` is the model that the binary carries unless there is such a file.
    let carried = file.rsplit_once('.').map_or("", |(stem, _)| stem);
    let is_file = Path::new(file).is_file();
    let name = if !is_file && models.names().iter().any(|name| name == carried) {
        carried
    } else {
        models.add_file(file, file, ModelOptions::default());
        file
    };
    let model = models.get(name).map_err(|error| failure(&error))?;
    let info = model.info();
    Ok(output::data(&if as_json {
        line(info)
    } else {
        text(info)
    })?)
}

fn failure(error: &NnError) -> Failure {
    let other = || "`millstream backends` lists what else could run it".to_owned();
    Failure::usage(error.to_string(), &error.hint().unwrap_or_else(other))
}

fn text(info: &ModelInfo) -> String {
    let mut facts = vec![
        ("Model", info.name.clone()),
        ("Backend", info.backend.to_owned()),
        ("Device", info.device.clone()),
        ("Precision", info.precision.clone()),
        ("Threads", info.threads.to_string()),
        ("Loaded in", human::time(info.load_nanos)),
    ];
    if let Some(nanos) = info.first_run_nanos {
        facts.push(("First run", human::time(nanos)));
    }
    if let Some(note) = &info.note {
        facts.push(("Note", note.clone()));
    }
    let rows: Vec<_> = facts
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    let mut out = human::table(&rows, &[]);
    for (title, tensors) in [("Inputs", &info.inputs), ("Outputs", &info.outputs)] {
        out += &section(title, &tensors.iter().map(tensor).collect::<Vec<_>>());
    }
    let metadata = info.metadata.iter().map(|(key, value)| {
        let value = value.replace('\n', " ");
        let mut shown: String = value.chars().take(MAX_METADATA_CHARS).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        vec![key.clone(), shown]
    });
    out += &section("Metadata", &metadata.collect::<Vec<_>>());
    if !info.labels.is_empty() {
        out += &format!("\nLabels: {}\n", info.labels.join(", "));
    }
    out
}

fn section(title: &str, rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let lines: String = human::table(rows, &[])
        .lines()
        .map(|line| format!("  {line}\n"))
        .collect();
    format!("\n{title}:\n{lines}")
}

fn tensor(info: &TensorInfo) -> Vec<String> {
    vec![info.name.clone(), info.to_string()]
}

fn line(info: &ModelInfo) -> String {
    let tensors = |list: &[TensorInfo]| -> Vec<_> {
        list.iter()
            .map(|it| {
                json!({
                    "name": it.name, "type": it.element_type.name(), "dimensions": it.dimensions,
                })
            })
            .collect()
    };
    let mut json = json::model("", info);
    if let Some(fields) = json.as_object_mut() {
        fields.remove("element");
        fields.insert("inputs".into(), tensors(&info.inputs).into());
        fields.insert("outputs".into(), tensors(&info.outputs).into());
        fields.insert("metadata".into(), json!(info.metadata));
        fields.insert("labels".into(), json!(info.labels));
    }
    format!("{json}\n")
}
