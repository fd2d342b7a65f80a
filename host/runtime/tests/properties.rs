//! Elements that fail when a property is changed while they run.
//!
//! Needs the elements of `cargo xtask components` and the guests of `cargo xtask fixtures`.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::path::PathBuf;
use std::time::Duration;

use millstream_core::graph::Graph;
use millstream_core::manifest;
use millstream_runtime::{
    ElementStats, Ended, InferenceOptions, Options, Pipeline, Runtime, Sources,
};

const LIMIT: Duration = Duration::from_mins(1);

/// The folders of elements and hostile guests; none, with the reason printed, where they
/// were not built.
fn folders() -> Option<Vec<PathBuf>> {
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let (components, fixtures) = (target.join("components"), target.join("fixtures"));
    if components.join("fakesink.wasm").is_file() && fixtures.join("liar.wasm").is_file() {
        return Some(vec![components, fixtures]);
    }
    assert!(std::env::var_os("CI").is_none(), "guests were not built");
    #[expect(clippy::print_stderr, reason = "says why a test was skipped")]
    {
        eprintln!("skipped: run `cargo xtask components` and `cargo xtask fixtures`");
    }
    None
}

fn stats<'a>(stats: &'a [ElementStats], name: &str) -> &'a ElementStats {
    stats.iter().find(|stats| stats.name == name).unwrap()
}

/// Sets a liar's property in the middle of a live stream.
fn set_property(folders: &[PathBuf], how: &str, policy: &str) -> (Ended, Vec<ElementStats>) {
    let text = format!(
        r#"
        [pipeline]
        chains = [
          "source ! video/x-raw,framerate=100/1 ! tee name=t",
          "t. ! queue ! beside",
          "t. ! queue ! liar ! after",
        ]
        [elements.source]
        component = "videotestsrc"
        properties = {{ is-live = true, num-buffers = 60 }}
        [elements.beside]
        component = "fakesink"
        [elements.after]
        component = "fakesink"
        [elements.liar]
        properties = {{ how = "{how}-set-property" }}
        limits = {{ call-time = "200ms" }}
        on-failure = "{policy}"
        "#
    );
    let sources = Sources {
        folders: folders.to_vec(),
        ..Sources::default()
    };
    let runtime = Runtime::new(sources, InferenceOptions::default()).unwrap();
    let manifest = manifest::parse(&text, "liar.toml").unwrap();
    let graph = Graph::build(&manifest.description, &*runtime.elements).unwrap();
    let mut pipeline = Pipeline::prepare(graph, &runtime, &Options::default()).unwrap();
    pipeline.play().unwrap();
    let set = pipeline.controller().set_property("liar", "then", "true");
    let expected = match how {
        "trap" => "unreachable",
        "loop" => "longer than its limit of 200ms",
        _ => "call stack exhausted",
    };
    let said = set.unwrap_err().to_string();
    assert!(
        said.contains("in set-property") && said.contains(expected),
        "{said}"
    );
    let ended = pipeline.wait(LIMIT).unwrap();
    pipeline.stop();
    (ended, pipeline.stats())
}

#[test]
fn an_element_that_breaks_in_set_property_is_dealt_with_by_its_policy() {
    let Some(folders) = folders() else {
        return;
    };
    for how in ["trap", "loop", "deep"] {
        let (ended, all) = set_property(&folders, how, "restart");
        assert_eq!(ended, Ended::Eos, "{how}");
        let liar = stats(&all, "liar");
        assert_eq!((liar.failures, liar.restarts), (1, 1), "{how}");
        let count = |name| stats(&all, name).buffers_in;
        assert_eq!((count("beside"), count("after")), (60, 60), "{how}");
    }
    let (ended, all) = set_property(&folders, "trap", "stop-branch");
    assert_eq!(ended, Ended::Failed);
    assert_eq!(stats(&all, "beside").buffers_in, 60);
    assert!(stats(&all, "after").buffers_in < 60);
}
