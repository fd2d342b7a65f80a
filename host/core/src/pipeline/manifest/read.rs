//! Takes the values out of a manifest that has been checked.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::assemble::{Assembler, Table, is_name};
use super::super::{
    Description, OnFailure, Policy, PropertyText, Resort, Restarts, TextValue, launch,
};
use super::check::{grant, integer, size};
use super::{Backend, ClockKind, InferenceSettings, Manifest, Model, Precision};
use crate::Error;
use crate::clock::{SECOND, parse_time};
use crate::error::LaunchProblem;
use crate::source::{Source, Span};

/// Defaults of `restart`.
const RESTART: (u32, u64, u64) = (5, 60 * SECOND, SECOND / 10);

pub(super) fn manifest(source: &Source, root: &DeTable<'_>) -> Result<Manifest, Error> {
    let root = View(Some(root));
    let pipeline = root.table("pipeline");
    let inference = root.table("inference");
    Ok(Manifest {
        origin: source.origin.clone(),
        description: description(source, &root)?,
        clock: match pipeline.text("clock") {
            Some("virtual") => ClockKind::Virtual,
            _ => ClockKind::System,
        },
        inference: InferenceSettings {
            backend: backend(&inference).unwrap_or_default(),
            threads: inference.integer("threads"),
            max_batch: inference.integer("max-batch"),
            max_delay: inference.time("max-delay"),
            device: inference.integer("device"),
            precision: precision(&inference),
        },
        models: root
            .table("models")
            .tables()
            .map(|(name, _, table)| (name.to_owned(), model(&table)))
            .collect(),
    })
}

/// A table of the manifest, or none where it is left out.
struct View<'a>(Option<&'a DeTable<'a>>);

impl<'a> View<'a> {
    fn get(&self, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.0?.get(name)
    }

    fn table(&self, name: &str) -> View<'a> {
        View(self.get(name).and_then(|value| value.get_ref().as_table()))
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name)?.get_ref().as_str()
    }

    fn integer(&self, name: &str) -> Option<u32> {
        u32::try_from(integer(self.get(name)?.get_ref())?).ok()
    }

    fn time(&self, name: &str) -> Option<u64> {
        parse_time(self.text(name)?)
    }

    fn items(&self, name: &str) -> impl Iterator<Item = &'a Spanned<DeValue<'a>>> + use<'a> {
        self.get(name)
            .and_then(|value| value.get_ref().as_array())
            .into_iter()
            .flatten()
    }

    /// The tables in this one, with name and span of the name.
    fn tables(&self) -> impl Iterator<Item = (&'a str, Span, View<'a>)> + use<'a> {
        self.0.into_iter().flatten().map(|(name, value)| {
            let span = Span::new(name.span().start, name.span().end);
            (
                name.get_ref().as_ref(),
                span,
                View(value.get_ref().as_table()),
            )
        })
    }
}

fn backend(table: &View<'_>) -> Option<Backend> {
    Some(match table.text("backend")? {
        "embedded" => Backend::Embedded,
        "onnxruntime" => Backend::OnnxRuntime,
        "webgpu" => Backend::WebGpu,
        "cuda" => Backend::Cuda,
        "tensorrt" => Backend::TensorRt,
        "openvino" => Backend::OpenVino,
        _ => Backend::Auto,
    })
}

fn precision(table: &View<'_>) -> Option<Precision> {
    match table.text("precision")? {
        "f32" => Some(Precision::F32),
        "f16" => Some(Precision::F16),
        "bf16" => Some(Precision::Bf16),
        _ => None,
    }
}

fn model(table: &View<'_>) -> Model {
    Model {
        file: table.text("file").unwrap_or_default().to_owned(),
        labels: table.text("labels").map(str::to_owned),
        backend: backend(table),
        threads: table.integer("threads"),
        max_batch: table.integer("max-batch"),
        max_delay: table.time("max-delay"),
        device: table.integer("device"),
        precision: precision(table),
    }
}

/// Elements and links: tables first, then the chains that name them.
fn description(source: &Source, root: &View<'_>) -> Result<Description, Error> {
    let mut tables = BTreeMap::new();
    for (name, span, table) in root.table("elements").tables() {
        if !is_name(name) {
            let place = Some(Box::new(source.place(span)));
            let problem = LaunchProblem::BadName(name.to_owned());
            return Err(Error::Launch { problem, place });
        }
        tables.insert(name.to_owned(), element(source, (name, span), &table)?);
    }
    let mut assembler = Assembler::new(source, tables);
    let pipeline = root.table("pipeline");
    for chain in pipeline.items("chains") {
        let text = chain.get_ref().as_str().unwrap_or_default();
        let span = Span::new(chain.span().start, chain.span().end);
        launch::read(&mut assembler, text, inside(source, span, text), span)?;
    }
    assembler.finish(pipeline.text("name").unwrap_or("pipeline0"))
}

/// Where the text of a TOML string begins, if nothing in it is escaped.
fn inside(source: &Source, span: Span, text: &str) -> Option<usize> {
    let raw = source.text.get(span.start..span.end)?;
    let quotes = if raw.starts_with("\"\"\"") || raw.starts_with("'''") {
        3
    } else {
        1
    };
    let body = raw.get(quotes..)?;
    let newline = if quotes == 1 {
        0
    } else {
        body.len() - body.trim_start_matches(['\r', '\n']).len()
    };
    [0, 1, 2]
        .into_iter()
        .filter(|&skip| skip <= newline)
        .map(|skip| (quotes + skip, body.get(skip..).unwrap_or_default()))
        .find(|(_, body)| body.len() == text.len() + quotes && body.starts_with(text))
        .map(|(skip, _)| span.start + skip)
}

fn element(source: &Source, (name, span): (&str, Span), table: &View<'_>) -> Result<Table, Error> {
    Ok(Table {
        factory: table.text("component").unwrap_or(name).to_owned(),
        properties: properties(table),
        policy: policy(source, name, table)?,
        span,
    })
}

fn properties(table: &View<'_>) -> Vec<PropertyText> {
    let table = table
        .get("properties")
        .and_then(|value| value.get_ref().as_table());
    let mut entries: Vec<_> = table.into_iter().flatten().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    let span = |range: std::ops::Range<usize>| Some(Span::new(range.start, range.end));
    let property = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let name: &Spanned<std::borrow::Cow<'_, str>> = name;
        Some(PropertyText {
            name: name.get_ref().to_string(),
            value: match value.get_ref() {
                DeValue::String(text) => TextValue::Text(text.to_string()),
                DeValue::Boolean(value) => TextValue::Boolean(*value),
                DeValue::Float(number) => TextValue::Float(number.as_str().parse().ok()?),
                other => TextValue::Integer(integer(other)?),
            },
            span: span(name.span()),
            value_span: span(value.span()),
        })
    };
    entries.into_iter().filter_map(property).collect()
}

fn policy(source: &Source, name: &str, table: &View<'_>) -> Result<Policy, Error> {
    let limits = table.table("limits");
    let restart = table.table("restart");
    let on_failure = table.text("on-failure");
    let restarts = matches!(on_failure, Some("restart" | "drop"));
    if let (Some(value), false) = (table.get("restart"), restarts) {
        return Err(Error::ManifestValue {
            key: "restart".to_owned(),
            table: format!("[elements.{name}]"),
            expected: "`on-failure = \"restart\"` or `\"drop\"` beside it".to_owned(),
            got: Some("none".to_owned()),
            choices: Box::default(),
            place: Some(Box::new(
                source.place(Span::new(value.span().start, value.span().end)),
            )),
        });
    }
    let grants = table
        .items("grants")
        .filter_map(|item| grant(item.get_ref().as_str()?));
    Ok(Policy {
        grants: grants.collect(),
        memory_bytes: limits.get("memory").and_then(|value| size(value.get_ref())),
        call_nanos: limits.time("call-time"),
        start_nanos: limits.time("start-time"),
        held_buffers: limits.integer("held-buffers"),
        held_bytes: limits
            .get("held-memory")
            .and_then(|value| size(value.get_ref())),
        lines_a_second: limits.integer("log-lines"),
        on_failure: match on_failure {
            Some("restart") => OnFailure::Restart(read_restarts(&restart)),
            Some("drop") => OnFailure::Drop(read_restarts(&restart)),
            word => OnFailure::GiveUp(resort(word)),
        },
    })
}

fn read_restarts(table: &View<'_>) -> Restarts {
    Restarts {
        max: table.integer("max").unwrap_or(RESTART.0),
        within_nanos: table.time("within").unwrap_or(RESTART.1),
        backoff_nanos: table.time("backoff").unwrap_or(RESTART.2),
        then: resort(table.text("then")),
    }
}

fn resort(word: Option<&str>) -> Resort {
    match word {
        Some("stop-branch") => Resort::StopBranch,
        Some("pass-through") => Resort::PassThrough,
        _ => Resort::Stop,
    }
}
