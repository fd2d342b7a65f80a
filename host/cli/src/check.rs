//! `check`: everything but running it.

use millstream_core::graph::Graph;
use millstream_core::{LinkPlan, Plan};

use crate::args::CheckArgs;
use crate::failure::Failure;
use crate::lock::Locking;
use crate::setup::Text;
use crate::{human, output};

pub(crate) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let text = Text::from_args(&args.text)?;
    let locking = Locking::new(args.locked, false);
    let prepared = text.prepare(&args.setup, &text.options(&args.setup), locking)?;
    let graph = prepared.pipeline.graph();
    output::data(&links(graph, prepared.pipeline.plan()))?;
    output::talk(format_args!(
        "ok: {}, {}",
        human::count(graph.elements.len(), "element"),
        human::count(graph.links.len(), "link")
    ));
    Ok(())
}

fn links(graph: &Graph, plan: &Plan) -> String {
    let rows: Vec<Vec<String>> = graph
        .links
        .iter()
        .zip(&plan.links)
        .map(|(link, plan)| {
            let (src, sink) = (graph.pad_name(link.src), graph.pad_name(link.sink));
            vec![format!("{src} -> {sink}"), caps(plan)]
        })
        .collect();
    human::table(&rows, &[])
}

fn caps(link: &LinkPlan) -> String {
    match &link.caps {
        Some(caps) if caps.is_any() => "bytes without a format".to_owned(),
        Some(caps) => caps.to_string(),
        None => format!("decided by the data, within {}", link.accepts.brief()),
    }
}
