//! `backends`: what can run models on this machine.

use millstream_runtime::{BackendReport, InferenceOptions, ModelRegistry};
use serde_json::json;

use crate::args::BackendsArgs;
use crate::failure::Failure;
use crate::output;

pub(crate) fn backends(args: &BackendsArgs) -> Result<(), Failure> {
    let reports = ModelRegistry::new(InferenceOptions::default()).backends();
    let print = if args.json { line } else { text };
    Ok(output::data(
        &reports.iter().map(print).collect::<String>(),
    )?)
}

fn text(report: &BackendReport) -> String {
    let version = report
        .version
        .as_ref()
        .map_or_else(String::new, |it| format!(" {it}"));
    let auto = if report.chosen_by_auto {
        "  (what `auto` takes)"
    } else {
        ""
    };
    let mut out = format!("{}{version}{auto}\n", report.name);
    match &report.devices {
        Ok(devices) => {
            for (number, device) in devices.iter().enumerate() {
                out += &format!("  {number}: {} ({})\n", device.description, device.kind);
            }
            if let Some(library) = &report.library {
                out += &format!("  from {}\n", library.display());
            }
        }
        Err(missing) => {
            out += &format!(
                "  not available: {}\n  hint: {}\n",
                missing.why, missing.hint
            );
        }
    }
    out
}

fn line(report: &BackendReport) -> String {
    let devices = report.devices.iter().flatten();
    let devices: Vec<_> = devices
        .enumerate()
        .map(|(number, it)| json!({"device": number, "kind": it.kind.name(), "description": it.description}))
        .collect();
    let missing = report.devices.as_ref().err();
    let json = json!({
        "name": report.name,
        "version": report.version,
        "library": report.library,
        "chosen-by-auto": report.chosen_by_auto,
        "devices": devices,
        "unavailable": missing.map(|it| &it.why),
        "hint": missing.map(|it| &it.hint),
    });
    format!("{json}\n")
}
