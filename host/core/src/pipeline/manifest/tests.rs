//! What manifests mean; their mistakes are in `error/cases.txt`.

use super::{Backend, ClockKind, InferenceSettings, Model, Precision, parse, schema};
use crate::pipeline::{Grant, OnFailure, Policy, Resort, Restarts, TextValue};
use crate::testing::graph;

const FULL: &str = r#"
[pipeline]
name = "door"
clock = "virtual"
chains = [
  "cam ! queue leaky=downstream ! detect ! tee name=t",
  "t. ! fakesink",
  "t. ! detect2. ",
]

[elements.cam]
component = "camerasrc"
grants = ["camera", "files:clips", "files:out/x:rw"]
[elements.cam.properties]
device = 1
label = "x"
live = true
gain = 0.5

[elements.detect]
component = "./detect.wasm"
properties = { model = "coco" }
on-failure = "restart"
restart = { max = 3, within = "10s", then = "stop-branch" }
limits = { memory = "64MiB", call-time = "2s", start-time = "1m", held-buffers = 9, held-memory = "1MiB", log-lines = 0 }

[elements.detect2]

[models.coco]
file = "coco.onnx"
backend = "webgpu"
threads = 2
max-batch = 8
device = 0
precision = "f16"

[inference]
backend = "openvino"
max-delay = "2ms"
device = 1
precision = "bf16"
"#;

#[test]
fn reads_everything() {
    let manifest = parse(FULL, "door.toml").unwrap();
    assert_eq!(manifest.clock, ClockKind::Virtual);
    assert_eq!(
        manifest.inference,
        InferenceSettings {
            backend: Backend::OpenVino,
            threads: None,
            max_batch: None,
            max_delay: Some(2_000_000),
            device: Some(1),
            precision: Some(Precision::Bf16),
        }
    );
    let model = Model {
        file: "coco.onnx".into(),
        labels: None,
        backend: Some(Backend::WebGpu),
        threads: Some(2),
        max_batch: Some(8),
        max_delay: None,
        device: Some(0),
        precision: Some(Precision::F16),
    };
    assert_eq!(manifest.models.get("coco"), Some(&model));
    let description = manifest.description;
    assert_eq!(description.name, "door");
    let names: Vec<_> = description
        .elements
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["cam", "queue0", "detect", "t", "fakesink0", "detect2"]
    );
    assert_eq!(description.elements[5].factory, "detect2");
    let cam = &description.elements[0];
    let values: Vec<_> = cam
        .properties
        .iter()
        .map(|it| (it.name.as_str(), it.value.clone()))
        .collect();
    assert_eq!(
        values,
        [
            ("device", TextValue::Integer(1)),
            ("label", TextValue::Text("x".into())),
            ("live", TextValue::Boolean(true)),
            ("gain", TextValue::Float(0.5)),
        ]
    );
    let files = |dir: &str, write| Grant::Files {
        dir: dir.into(),
        write,
    };
    assert_eq!(
        cam.policy.grants,
        [Grant::Camera, files("clips", false), files("out/x", true)]
    );
    assert_eq!(cam.policy.grants[2].to_string(), "files:out/x:rw");
    let second = 1_000_000_000;
    assert_eq!(
        description.elements[2].policy,
        Policy {
            grants: Vec::new(),
            memory_bytes: Some(64 << 20),
            call_nanos: Some(2 * second),
            start_nanos: Some(60 * second),
            held_buffers: Some(9),
            held_bytes: Some(1 << 20),
            lines_a_second: Some(0),
            on_failure: OnFailure::Restart(Restarts {
                max: 3,
                within_nanos: 10 * second,
                backoff_nanos: second / 10,
                then: Resort::StopBranch,
            }),
        }
    );
}

#[test]
fn spans_point_into_chains() {
    let check = |chain: &str, expected: &str| {
        let text = format!("[pipeline]\nchains = [{chain}]");
        let place = graph(&text).unwrap_err().place().cloned().unwrap();
        assert_eq!(
            format!("{}:{}+{}", place.line, place.column, place.width),
            expected,
            "{chain}"
        );
    };
    check("\"nope ! fakesink\"", "2:12+4");
    check("'nope ! fakesink'", "2:12+4");
    check("\"\"\"nope ! fakesink\"\"\"", "2:14+4");
    check("\"\"\"\nnope ! fakesink\"\"\"", "3:1+4");
    // With an escape only the string as a whole can be shown.
    check("\"\\u006eope ! fakesink\"", "2:11+22");
}

#[test]
fn one_name_is_one_element() {
    let text = "[pipeline]\nchains = [\"videotestsrc ! split\", \"split ! fakesink\", \"split ! fakesink\"]\n\
                [elements.split]\ncomponent = \"tee\"";
    let graph = graph(text).unwrap();
    assert_eq!(graph.elements.len(), 4);
    assert_eq!(graph.links.len(), 3);
}

/// The schema and the parser come from one table; here it is also valid JSON and
/// names all keys of the manifest above.
#[test]
fn schema_is_json() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let element = &schema["properties"]["elements"]["additionalProperties"];
    assert_eq!(element["properties"]["on-failure"]["enum"][1], "restart");
    assert_eq!(element["additionalProperties"], false);
    assert_eq!(schema["required"][0], "pipeline");
    assert_eq!(
        schema["properties"]["inference"]["properties"]["threads"]["minimum"],
        1
    );
}
