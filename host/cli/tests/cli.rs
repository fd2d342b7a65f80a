//! The `millstream` binary as its users meet it: exit codes, stdout and stderr.
//!
//! Tests that need elements are skipped, with the reason, if the binary was built without
//! them; where `CI=true` that fails instead.
#![allow(clippy::expect_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "says why a test is skipped")]

use std::path::Path;
use std::process::{Command, Output};

/// What a command answered.
struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn run_in(folder: &Path, args: &[&str]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millstream"));
    command
        .args(args)
        .current_dir(folder)
        .env_remove("MILLSTREAM_ELEMENT_PATH");
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Answer {
        code: status.code(),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

fn run(args: &[&str]) -> Answer {
    run_in(Path::new("."), args)
}

/// False, with the reason said, if the binary has no elements.
fn has_elements() -> bool {
    let answer = run(&["inspect"]);
    let is_empty = answer.stderr.contains("built without elements");
    if is_empty {
        println!("skipped: {}", answer.stderr);
        assert_ne!(
            std::env::var("CI").as_deref(),
            Ok("true"),
            "CI needs elements"
        );
    }
    !is_empty
}

#[test]
fn caps_are_calculated() {
    let check = |args: &[&str], expected: &str| {
        let answer = run(&[&["caps"], args].concat());
        assert_eq!(
            (answer.code, answer.stdout.trim_end()),
            (Some(0), expected),
            "{args:?}"
        );
    };
    let (small, large) = (
        "video/x-raw, width=[1, 640]",
        "video/x-raw, width=[320, 1920]",
    );
    check(
        &["intersect", small, large],
        "video/x-raw, width=(int)[ 320, 640 ]",
    );
    check(&["intersect", "a/b", "c/d"], "EMPTY");
    check(&["intersect-first", "a/b; c/d", "c/d; a/b"], "a/b; c/d");
    check(&["can-intersect", small, large], "true");
    check(&["can-intersect", "a/b", "c/d"], "false");
    check(&["subset", small, "video/x-raw"], "true");
    check(&["subset", "video/x-raw", small], "false");
    check(&["equal", "a/b, x={1, 2}", "a/b, x=[1, 2]"], "true");
    check(&["equal", "ANY", "EMPTY"], "false");
    check(&["union", "a/b", "c/d"], "a/b; c/d");
    check(&["simplify", "a/b; a/b, x=1"], "a/b");
    check(
        &["fixate", "video/x-raw, format={I420, NV12}"],
        "video/x-raw, format=(string)I420",
    );
}

#[test]
fn what_the_user_wrote_is_wrong() {
    let check = |args: &[&str], expected: &str| {
        let answer = run(args);
        assert_eq!(answer.code, Some(2), "{args:?}: {}", answer.stderr);
        assert!(
            answer.stderr.contains(expected),
            "{args:?}: {}",
            answer.stderr
        );
        assert_eq!(answer.stdout, "", "{args:?}");
    };
    check(&[], "Usage: millstream");
    check(&["lauch", "x"], "launch");
    check(&["launch"], "<LINE>");
    check(&["launch", ""], "the pipeline is empty");
    check(&["launch", "a !"], "error[M0002]");
    check(&["launch", "fakesink", "--grant", "x"], "NAME=CAPABILITY");
    check(&["launch", "fakesink", "--backend", "abacus"], "`embedded`");
    check(
        &["launch", "tee", "--elements", "no-such-folder"],
        "no such folder",
    );
    check(&["run", "no-such.toml"], "cannot read `no-such.toml`");
    check(&["check"], "Usage: millstream check");
    check(&["ctl"], "Usage: millstream ctl");
    check(&["inspect", "no-such-element"], "error[M0007]");
    check(&["inspect", "Cargo.toml.wasm"], "error[M0103]");
    check(&["inspect", "./Cargo.toml"], "not a WebAssembly file");
    check(&["caps", "fixate", "ANY"], "cannot be fixated");
    check(&["caps", "subset", "a/b"], "takes two caps");
    check(&["caps", "simplify", "a/b", "a/b"], "takes one caps");
    check(&["caps", "equal", "a/b, x=[", "a/b"], "error[M0001]");
}

#[test]
fn manifests_are_explained() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |text: &str, expected: &str| {
        std::fs::write(folder.path().join("m.toml"), text).expect("written");
        let answer = run_in(folder.path(), &["check", "m.toml"]);
        assert_eq!(answer.code, Some(2), "{text}: {}", answer.stderr);
        assert!(
            answer.stderr.contains(expected),
            "{text}: {}",
            answer.stderr
        );
    };
    check("[pipeline", "error[M0004]");
    check("[pipelin]\nchains = []", "did you mean `pipeline`?");
    check("[pipeline]\nchains = [\"tee ! nothing\"]", "m.toml:2:");
    check(
        "[pipeline]\nchains = [\"tee ! tee\"]\n[models.x]\nfile = \"x.onnx\"",
        "model `x`: no file `x.onnx`",
    );
    std::fs::write(folder.path().join("b.toml"), [0xff, 0xfe]).expect("written");
    let answer = run_in(folder.path(), &["check", "b.toml"]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.stderr.contains("not UTF-8"), "{}", answer.stderr);
}

#[test]
fn the_schema_is_json() {
    let answer = run(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&answer.stdout).expect("JSON");
    assert_eq!(schema["type"], "object");
}

#[test]
fn backends_are_listed() {
    let answer = run(&["backends", "--json"]);
    assert_eq!(answer.code, Some(0));
    let first = answer.stdout.lines().next().expect("a line");
    let first: serde_json::Value = serde_json::from_str(first).expect("JSON");
    assert_eq!(first["name"], "embedded");
    assert_eq!(first["devices"][0]["kind"], "cpu");
    assert_eq!(first["devices"][0]["device"], 0);
}

#[test]
fn help_says_what_the_exit_codes_mean() {
    let answer = run(&["--help"]);
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""));
    assert!(answer.stdout.contains("Exit codes:"));
    for command in ["launch", "run", "check", "inspect", "caps", "graph", "ctl"] {
        let answer = run(&[command, "--help"]);
        assert!(answer.stdout.contains("Examples:"), "{command}");
        assert!(!answer.stdout.contains('\u{1b}'), "{command}: no colour");
    }
}

#[test]
fn an_element_is_inspected() {
    if !has_elements() {
        return;
    }
    let answer = run(&["inspect", "identity"]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    for part in [
        "Factory Details:",
        "SINK template: 'sink'",
        "Capabilities:\n  none",
        "sha256:",
    ] {
        assert!(answer.stdout.contains(part), "{part}\n{}", answer.stdout);
    }
    let answer = run(&["inspect", "fakesink", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&answer.stdout).expect("JSON");
    assert_eq!(
        (&json["name"], &json["role"]),
        (&"fakesink".into(), &"sink".into())
    );
    assert_eq!(json["host-properties"][0]["name"], "sync");
    let list = run(&["inspect", "--markdown"]);
    assert!(list.stdout.contains("\n| `identity` | "), "{}", list.stdout);
}

#[test]
fn a_pipeline_runs() {
    if !has_elements() {
        return;
    }
    let line = "videotestsrc num-buffers=5 ! identity ! fakesink";
    let answer = run(&["launch", line, "--stats"]);
    assert_eq!(
        (answer.code, answer.stdout.as_str()),
        (Some(0), ""),
        "{}",
        answer.stderr
    );
    assert!(
        answer.stderr.contains("fakesink0: 5 buffers"),
        "{}",
        answer.stderr
    );

    let words: Vec<&str> = ["launch", "--json"]
        .into_iter()
        .chain(line.split(' '))
        .collect();
    let answer = run(&words);
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(0), ""));
    let last = answer.stdout.lines().last().expect("a line");
    let summary: serde_json::Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(
        (&summary["type"], &summary["ended"]),
        (&"summary".into(), &"eos".into())
    );
    assert_eq!(summary["elements"][1]["copied-bytes"], 0);
    assert_eq!(summary["elements"][2]["buffers-in"], 5);
}

#[test]
fn a_pipeline_that_fails_is_told_apart() {
    if !has_elements() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["launch", "videotestsrc ! identity error-after=2 ! fakesink"];
    let answer = run_in(folder.path(), &args);
    assert_eq!(answer.code, Some(1), "{}", answer.stderr);
    assert!(
        answer.stderr.starts_with("error: element `identity0`: "),
        "{}",
        answer.stderr
    );

    let args = ["launch", "filesrc location=nothing.y4m ! fakesink"];
    let answer = run_in(folder.path(), &args);
    assert_eq!(answer.code, Some(1), "{}", answer.stderr);
    assert!(answer.stderr.contains("nothing.y4m"), "{}", answer.stderr);
}

#[test]
fn a_missing_grant_is_an_error_and_audited() {
    if !has_elements() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = "[pipeline]\nchains = [\"videotestsrc num-buffers=2 ! y4menc ! out\"]\n\
                    [elements.out]\ncomponent = \"filesink\"\n\
                    properties = { location = \"o.y4m\" }\n";
    std::fs::write(folder.path().join("m.toml"), manifest).expect("written");
    let answer = run_in(folder.path(), &["run", "m.toml"]);
    assert_eq!(answer.code, Some(2), "{}", answer.stderr);
    assert!(answer.stderr.contains("error[M0105]"), "{}", answer.stderr);
    let audit = run_in(folder.path(), &["audit", "m.toml"]);
    assert!(
        audit.stdout.contains("files:rw MISSING"),
        "{}",
        audit.stdout
    );

    // From elsewhere: the manifest's folder counts.
    let path = folder.path().join("m.toml");
    let args = [
        "run",
        path.to_str().expect("UTF-8"),
        "--grant",
        "out=files:.:rw",
    ];
    let answer = run(&args);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    let clip = std::fs::read(folder.path().join("o.y4m")).expect("a file");
    assert!(clip.starts_with(b"YUV4MPEG2 "));
}

#[test]
fn links_are_checked_and_drawn() {
    if !has_elements() {
        return;
    }
    let line = "videotestsrc ! video/x-raw,format=I420,width=64,height=48,framerate=10/1 \
                ! tee name=t t. ! queue ! fakesink name=\"a\" t. ! identity ! fakesink";
    let answer = run(&["check", "--line", line]);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    assert_eq!(answer.stdout.lines().count(), 6);
    assert!(
        answer
            .stdout
            .lines()
            .all(|link| link.contains("width=(int)64")),
        "{}",
        answer.stdout
    );

    let svg = run(&["graph", "--svg", "--line", line]);
    assert_eq!(svg.code, Some(0), "{}", svg.stderr);
    assert_well_formed(&svg.stdout);
    assert_eq!(svg.stdout.matches("I420 64x48").count(), 6);
    assert_eq!(svg.stdout.matches("10 fps").count(), 6);

    let dot = run(&["graph", "--line", line]);
    assert!(dot.stdout.starts_with("digraph \"pipeline0\" {\n"));
    assert_eq!(dot.stdout.matches("subgraph cluster_").count(), 7);
    assert_eq!(dot.stdout.matches("width: 64").count(), 6);
}

/// Every element is closed, in order, and no text has markup in it.
fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some((text, tag)) = rest.split_once('<') {
        assert!(!text.contains('>'), "{text}");
        let (tag, after) = tag.split_once('>').expect("a tag's end");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') {
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            open.push(tag.split(' ').next().expect("a name"));
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[cfg(unix)]
#[test]
fn nobody_has_to_read_to_the_end() {
    use std::process::Stdio;
    let mut command = Command::new(env!("CARGO_BIN_EXE_millstream"));
    command
        .arg("schema")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
}
