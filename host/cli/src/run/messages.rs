//! Messages of the bus as lines on stderr.

use millstream_runtime::{Level, Message, Recovery};

use super::summary;
use crate::args::PlayArgs;
use crate::{human, json};

/// What was done about a failure.
fn recovered(recovery: Recovery, failures: u64, lost_nanos: u64) -> String {
    let times = human::count(usize::try_from(failures).unwrap_or(usize::MAX), "failure");
    match recovery {
        Recovery::Restarted => {
            format!("restarted in {} ({times} so far)", human::time(lost_nanos))
        }
        Recovery::Dropped => format!("a buffer was dropped ({times} so far)"),
        Recovery::PassedBy => "given up, buffers pass by it from now on".to_owned(),
        Recovery::BranchStopped => "given up, its branch has ended, the rest goes on".to_owned(),
    }
}

/// A message as a line on stderr; none if it is not asked for.
pub(super) fn line(message: &Message, args: &PlayArgs) -> Option<String> {
    let least = match (args.quiet, args.verbose) {
        (true, _) => Level::Error,
        (false, 0) => Level::Warning,
        (false, 1) => Level::Info,
        (false, 2) => Level::Debug,
        (false, _) => Level::Trace,
    };
    let shown = |level: Level| (level <= least).then_some(());
    Some(match message {
        Message::Error {
            element,
            message,
            hint,
            ..
        } => {
            let hint = hint
                .as_ref()
                .map_or_else(String::new, |hint| format!("\nhint: {hint}"));
            format!("error: element `{element}`: {message}{hint}")
        }
        Message::Log {
            element,
            level,
            message,
        } => {
            shown(*level)?;
            // A second line must not look like one of ours.
            let message = message.replace('\n', "\n  ");
            format!("{}: {element}: {message}", json::level_word(*level))
        }
        Message::Element {
            element,
            name,
            fields,
        } => {
            // Who sets `stats=true` on a sink wants to see them.
            if name != "statistics" {
                shown(Level::Info)?;
            }
            let fields: String = fields
                .iter()
                .map(|(name, value)| format!(" {name}={}", json::value(value)))
                .collect();
            format!("info: {element}: {name}{fields}")
        }
        Message::Qos {
            element,
            late_nanos,
            dropped,
        } => {
            shown(Level::Info)?;
            format!(
                "info: {element}: late by {}, {dropped} dropped",
                human::time(*late_nanos)
            )
        }
        Message::Inference { element, model } => {
            shown(Level::Info)?;
            format!("info: {element}: {}", summary::model_line(model))
        }
        Message::StateChanged(state) => {
            shown(Level::Debug)?;
            format!("debug: pipeline: {}", state.as_str())
        }
        Message::Eos => {
            shown(Level::Debug)?;
            "debug: pipeline: end of stream".to_owned()
        }
        other => return change(other, least),
    })
}

/// A message of an element that was made anew, replaced or given up.
fn change(message: &Message, least: Level) -> Option<String> {
    let shown = |level: Level| (level <= least).then_some(());
    Some(match message {
        Message::Recovered {
            element,
            recovery,
            message,
            failures,
            lost_nanos,
            ..
        } => {
            shown(Level::Warning)?;
            let done = recovered(*recovery, *failures, *lost_nanos);
            format!("warning: {element}: {done}: {message}")
        }
        Message::Swapped {
            element, digest, ..
        } => {
            shown(Level::Info)?;
            format!("info: {element}: another component has taken over, sha256:{digest}")
        }
        Message::RolledBack {
            element, message, ..
        } => {
            shown(Level::Warning)?;
            format!(
                "warning: {element}: the component on trial failed, the old one is back: {message}"
            )
        }
        _ => return None,
    })
}
