//! Values of the runtime as JSON.

use millstream_core::element::Value;
use millstream_runtime::{Level, Message, ModelInfo};
use serde_json::{Value as Json, json};

/// A property's or message's value; a ratio is text such as `30/1`.
pub(crate) fn value(value: &Value) -> Json {
    match value {
        Value::Boolean(value) => json!(value),
        Value::Integer(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::Text(value) => json!(value),
        Value::Ratio(value) => json!(value.to_string()),
    }
}

/// A message of the bus.
pub(crate) fn message(message: &Message) -> Json {
    match message {
        Message::StateChanged(state) => json!({"type": "state-changed", "state": state.as_str()}),
        Message::Error {
            element,
            kind,
            message,
            hint,
        } => json!({
            "type": "error", "element": element, "kind": kind.as_str(), "message": message,
            "hint": hint,
        }),
        Message::Log {
            element,
            level,
            message,
        } => json!({
            "type": "log", "element": element, "level": level_word(*level),
            "message": message,
        }),
        Message::Element {
            element,
            name,
            fields,
        } => {
            let fields: serde_json::Map<String, Json> = fields
                .iter()
                .map(|(name, field)| (name.clone(), value(field)))
                .collect();
            json!({"type": "element", "element": element, "name": name, "fields": fields})
        }
        Message::Qos {
            element,
            late_nanos,
            dropped,
        } => json!({
            "type": "qos", "element": element, "late-nanos": late_nanos, "dropped": dropped,
        }),
        Message::Inference {
            element,
            model: info,
        } => {
            let mut json = json!({"type": "inference"});
            if let (Some(all), Json::Object(fields)) = (json.as_object_mut(), model(element, info))
            {
                all.extend(fields);
            }
            json
        }
        Message::Eos => json!({"type": "eos"}),
        other => change(other),
    }
}

/// A message of an element that was made anew, replaced or given up.
fn change(message: &Message) -> Json {
    match message {
        Message::Recovered {
            element,
            recovery,
            kind,
            message,
            failures,
            buffers,
            lost_nanos,
            untold,
        } => json!({
            "type": recovery.as_str(), "element": element, "kind": kind.as_str(),
            "message": message, "failures": failures, "buffers": buffers,
            "lost-nanos": lost_nanos, "untold": untold,
        }),
        Message::Swapped {
            element,
            digest_before,
            digest,
        } => json!({
            "type": "swapped", "element": element, "digest-before": digest_before,
            "digest": digest,
        }),
        Message::RolledBack {
            element,
            digest,
            kind,
            message,
        } => json!({
            "type": "rolled-back", "element": element, "digest": digest,
            "kind": kind.as_str(), "message": message,
        }),
        other => json!({"type": "other", "message": format!("{other:?}")}),
    }
}

/// A failure before anything ran.
pub(crate) fn error(error: &millstream_runtime::Error) -> Json {
    json!({"type": "error", "code": error.code(), "message": error.to_string(), "hint": error.hint()})
}

/// What inference ran on.
pub(crate) fn model(element: &str, info: &ModelInfo) -> Json {
    json!({
        "element": element,
        "model": info.name,
        "backend": info.backend,
        "device": info.device,
        "precision": info.precision,
        "threads": info.threads,
        "load-nanos": info.load_nanos,
        "first-run-nanos": info.first_run_nanos,
        "labels": info.labels.len(),
        "note": info.note,
    })
}

/// `error`, `warning` …
pub(crate) fn level_word(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}
