//! Models that many share: turns, batches, deadlines, what ran, and guests that ask for
//! what a model cannot give.

use serde_json::Value;

use crate::scene::{Run, Scene, lacks_guests};

const ELEMENTS: &[&str] = &[
    "videotestsrc",
    "objectdetector",
    "detectionsink",
    "fakesink",
];

fn ask(how: &str) -> Run {
    let line = format!(
        "videotestsrc num-buffers=2 ! video/x-raw,framerate=10/1 ! tee name=t  \
         t. ! queue ! fakesink name=beside sync=true  t. ! queue ! asker how={how} ! fakesink name=after sync=true"
    );
    Scene::new().launch_with(
        &line,
        &["--backend", "embedded", "--grant", "asker0=inference"],
    )
}

#[test]
fn a_session_and_wasi_nn_give_the_same() {
    if lacks_guests(ELEMENTS, &["asker"]) {
        return;
    }
    for how in ["both", "late"] {
        let run = ask(how).exits(0);
        assert_eq!(run.count("after", "buffers-in"), 2, "{how}");
    }
}

#[test]
fn what_a_model_cannot_give_is_explained() {
    if lacks_guests(ELEMENTS, &["asker"]) {
        return;
    }
    let cases = [
        ("other", "model `other` was not given to this element"),
        ("short", "f32[1, 3, 288, 384] takes 1327104 bytes, got 400"),
        (
            "dims",
            "got f32[1, 3, 384, 288], expected f32[?, 3, 288, 384]",
        ),
        ("huge", "takes more than 536870912 bytes"),
        ("type", "i8[1, 3, 288, 384] takes 331776 bytes, got 1327104"),
        (
            "name",
            "input `sound` of model `shapes`: there is no such input",
        ),
        ("many", "5000 inputs, at most 256 are taken"),
        ("sessions", "more than 64 sessions open at a time"),
        ("outputs", "buffers of"),
    ];
    for (how, expected) in cases {
        let run = ask(how)
            .exits(1)
            .says(&["error: element `asker0`", expected]);
        assert_eq!(run.count("after", "buffers-in"), 0, "{how}");
    }
}

fn summary(run: &Run) -> Value {
    let last = run.stdout.lines().last().expect("a summary");
    serde_json::from_str(last).expect("JSON")
}

/// The same two streams, joined and not.
#[test]
fn batches_change_nothing_but_the_number_of_runs() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let stream = |seed: u32| {
        format!(
            "videotestsrc pattern=shapes seed={seed} num-buffers=20 ! video/x-raw,width=384,height=288 \
             ! objectdetector ! detectionsink location={seed}.jsonl  "
        )
    };
    let run = |options: &[&str]| {
        let scene = Scene::new();
        let options = [&["--backend", "embedded", "--threads", "1"], options].concat();
        let run = scene
            .launch_with(&(stream(1) + &stream(2)), &options)
            .exits(0);
        let stats = summary(&run)["model-stats"]["shapes"].clone();
        (
            scene.json_lines("1.jsonl"),
            scene.json_lines("2.jsonl"),
            stats,
        )
    };
    let plain = run(&[]);
    assert_eq!(plain.2["requests"], 40);
    assert_eq!(plain.2["batches"], serde_json::json!([40]));
    let joined = run(&["--max-batch", "2", "--max-delay", "10s"]);
    assert_eq!((plain.0, plain.1), (joined.0, joined.1));
    assert_eq!(joined.2["requests"], 40);
    // Each waits for the other as long as that one still comes.
    let pairs = joined.2["batches"][1].as_u64().expect("pairs");
    assert!(pairs >= 15, "{pairs} pairs");
}

#[test]
fn what_ran_is_told_by_messages_summary_and_file() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let run = scene
        .launch_with(
            "videotestsrc num-buffers=1 ! objectdetector ! detectionsink location=found.jsonl",
            &["--backend", "embedded", "--threads", "3"],
        )
        .exits(0);
    let lines: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let message = lines
        .iter()
        .find(|line| line["type"] == "inference")
        .expect("a message");
    let summary = &lines.last().expect("a summary")["models"][0];
    for said in [message, summary] {
        for (key, expected) in [
            ("element", "objectdetector0"),
            ("model", "shapes"),
            ("backend", "embedded"),
            ("device", "cpu"),
            ("precision", "f32"),
        ] {
            assert_eq!(said[key], expected);
        }
        assert_eq!(said["threads"], 3);
        assert!(said["load-nanos"].as_u64() > Some(0));
        assert!(said["first-run-nanos"].as_u64() > Some(0));
    }
    let lines = scene.all_json_lines("found.jsonl");
    assert_eq!(lines.len(), 2);
    let header = &lines[0]["inference"];
    for (key, expected) in [
        ("model", "shapes"),
        ("family", "yolov8"),
        ("backend", "embedded"),
        ("device", "cpu"),
        ("precision", "f32"),
    ] {
        assert_eq!(header[key], expected);
    }
    assert_eq!(header["threads"], 3);
    assert!(header["load-ms"].as_f64() > Some(0.0));
    assert!(header["first-run-ms"].as_f64() > Some(0.0));
}
