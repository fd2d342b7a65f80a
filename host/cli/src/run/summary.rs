//! What a run did, element by element.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millstream_core::element::{Direction, Role};
use millstream_core::graph::{Element, Kind};
use millstream_runtime::{CompileCounts, ElementStats, Ended, ModelInfo, ModelStats, SharedModel};
use serde_json::{Value as Json, json};

use crate::human::{self, Align};
use crate::json;
use crate::setup::Prepared;

/// What a run did.
pub(crate) struct Summary<'a> {
    prepared: &'a Prepared,
    ended: Ended,
    wall: Duration,
    stats: Vec<ElementStats>,
    /// Element, and what the model that it was given runs on.
    models: Vec<(String, Arc<SharedModel>)>,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(prepared: &'a Prepared, ended: Ended, wall: Duration) -> Self {
        let stats = prepared.pipeline.stats();
        // After a failure a model may not be loaded yet, and asking would load it.
        let models = if ended == Ended::Failed {
            Vec::new()
        } else {
            models(prepared)
        };
        Self {
            prepared,
            ended,
            wall,
            stats,
            models,
        }
    }

    /// For stderr.
    pub(crate) fn text(&self) -> String {
        let mut out = self.table();
        for (stats, element) in self.elements() {
            if element.descriptor.role() == Role::Sink {
                let rate = human::digits(stats.rate);
                let buffers = buffers(stats.buffers_in);
                let latency = latency(stats).unwrap_or_default();
                out += &format!("{}: {buffers}, {rate} buffers/s{latency}\n", stats.name);
            }
            if matches!(element.kind, Kind::Queue(_)) {
                let most = buffers(stats.most_queued);
                out += &format!("{}: at most {most} waited\n", stats.name);
            }
        }
        for (element, model) in &self.models {
            out += &format!("{element}: {}\n", model_line(model.info()));
        }
        for (name, stats) in self.model_stats() {
            out += &format!("model `{name}`: {}\n", stats_line(&stats));
        }
        let CompileCounts {
            compiled,
            cached,
            bundled,
        } = self.prepared.runtime.compile_counts();
        out += &format!("components: {compiled} compiled, {cached} loaded from the cache");
        if bundled > 0 {
            out += &format!(", {bundled} compiled ahead of time");
        }
        out.push('\n');
        let lost = self.prepared.pipeline.lost_messages();
        if lost > 0 {
            out += &format!("messages lost: {lost}\n");
        }
        out + &format!("{} after {}\n", self.word(), human::time(self.nanos()))
    }

    /// For machines.
    pub(crate) fn json(&self) -> Json {
        let counts = self.prepared.runtime.compile_counts();
        let models: Vec<Json> = self
            .models
            .iter()
            .map(|(element, model)| json::model(element, model.info()))
            .collect();
        let model_stats: serde_json::Map<String, Json> = self
            .model_stats()
            .map(|(name, stats)| (name.to_owned(), json!(stats)))
            .collect();
        json!({
            "type": "summary",
            "ended": self.word(),
            "wall-nanos": self.nanos(),
            "elements": self.stats,
            "models": models,
            "model-stats": model_stats,
            "components-compiled": counts.compiled,
            "components-loaded": counts.cached,
            "components-bundled": counts.bundled,
            "lost-messages": self.prepared.pipeline.lost_messages(),
        })
    }

    /// Each model once, by name.
    fn model_stats(&self) -> impl Iterator<Item = (&str, ModelStats)> {
        let models: BTreeMap<&str, &SharedModel> = self
            .models
            .iter()
            .map(|(_, model)| (&*model.info().name, &**model))
            .collect();
        models
            .into_iter()
            .map(|(name, model)| (name, model.stats()))
    }

    fn word(&self) -> &'static str {
        match self.ended {
            Ended::Eos => "eos",
            Ended::Failed => "failed",
            Ended::Stopped => "stopped",
        }
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.wall.as_nanos()).unwrap_or(u64::MAX)
    }

    fn elements(&self) -> impl Iterator<Item = (&ElementStats, &Element)> {
        self.stats
            .iter()
            .zip(&self.prepared.pipeline.graph().elements)
    }

    fn table(&self) -> String {
        let header = [
            "element",
            "in",
            "out",
            "per buffer",
            "share",
            "p99",
            "longest",
            "latency p99",
            "copied",
            "dropped",
            "late",
            "restarts",
        ];
        let mut rows = vec![header.map(str::to_owned).to_vec()];
        // A caps filter does nothing once the caps are there.
        let shown = self.elements().filter(|(_, it)| {
            let is_wiring = matches!(it.kind, Kind::CapsFilter(_) | Kind::Scatter | Kind::Gather);
            !is_wiring
        });
        rows.extend(shown.map(|(stats, element)| self.row(stats, element)));
        let align: Vec<Align> = (0..header.len())
            .map(|at| if at == 0 { Align::Left } else { Align::Right })
            .collect();
        human::table(&rows, &align)
    }

    fn row(&self, stats: &ElementStats, element: &Element) -> Vec<String> {
        let has = |direction| element.pads.iter().any(|pad| pad.direction == direction);
        let or_none = |is: bool, text: String| if is { text } else { "-".to_owned() };
        let (is_sink, is_component) = (
            element.descriptor.role() == Role::Sink,
            element.kind == Kind::Component,
        );
        let buffers = stats.buffers_in.max(stats.buffers_out).max(1);
        let share = stats.nanos as f64 * 100.0 / self.nanos().max(1) as f64;
        vec![
            stats.name.clone(),
            or_none(has(Direction::Sink), stats.buffers_in.to_string()),
            or_none(has(Direction::Src), stats.buffers_out.to_string()),
            or_none(is_component, human::time(stats.nanos / buffers)),
            or_none(is_component, format!("{share:.1} %")),
            or_none(is_component, human::time(stats.p99_nanos)),
            or_none(is_component, human::time(stats.longest_nanos)),
            stats
                .latency_p99_nanos
                .map_or_else(|| "-".to_owned(), human::time),
            or_none(is_component, human::bytes(stats.copied_bytes)),
            stats.dropped.to_string(),
            or_none(is_sink, stats.late.to_string()),
            or_none(is_component, stats.restarts.to_string()),
        ]
    }
}

fn buffers(number: u64) -> String {
    human::count(usize::try_from(number).unwrap_or(usize::MAX), "buffer")
}

/// How long after their times a sink's buffers came.
fn latency(stats: &ElementStats) -> Option<String> {
    Some(format!(
        ", latency p50 {}, p99 {}, p99.9 {}, at most {}",
        human::time(stats.latency_p50_nanos?),
        human::time(stats.latency_p99_nanos?),
        human::time(stats.latency_p999_nanos?),
        human::time(stats.latency_max_nanos?),
    ))
}

fn models(prepared: &Prepared) -> Vec<(String, Arc<SharedModel>)> {
    let graph = prepared.pipeline.graph();
    let mut models = Vec::new();
    for (element, granted) in graph.elements.iter().zip(prepared.pipeline.granted()) {
        for name in &granted.models {
            if let Ok(model) = prepared.runtime.models.get(name) {
                models.push((element.name.clone(), model));
            }
        }
    }
    models
}

/// What a model did: `300 requests in 120 runs (1: 20, 2: 60, 4: 40) of 3.2 ms, …`.
fn stats_line(stats: &ModelStats) -> String {
    let each = |nanos: u64, count: u64| human::time(nanos / count.max(1));
    let mut line = format!(
        "{} of {}, waited {} (at most {})",
        human::count(usize::try_from(stats.runs).unwrap_or(usize::MAX), "run"),
        each(stats.run_nanos, stats.runs),
        each(stats.wait_nanos, stats.requests),
        human::time(stats.longest_wait_nanos),
    );
    if stats.batches.len() > 1 {
        let sizes = (1..).zip(&stats.batches).filter(|(_, runs)| **runs > 0);
        let sizes: Vec<String> = sizes
            .map(|(size, runs)| format!("{runs} of {size}"))
            .collect();
        line += &format!(", batches: {}", sizes.join(", "));
    }
    if stats.late > 0 {
        line += &format!(", {} dropped as late", stats.late);
    }
    if stats.failed > 0 {
        line += &format!(", {} failed", stats.failed);
    }
    line
}

/// What a model is and runs on.
pub(crate) fn model_line(info: &ModelInfo) -> String {
    let threads = human::count(info.threads, "thread");
    let loaded = human::time(info.load_nanos);
    let mut line = format!(
        "model `{}` on {}, {}, {}, {threads}, loaded in {loaded}",
        info.name, info.backend, info.device, info.precision
    );
    if let Some(nanos) = info.first_run_nanos {
        line += &format!(", first run {}", human::time(nanos));
    }
    if let Some(note) = &info.note {
        line += &format!(" ({note})");
    }
    line
}
