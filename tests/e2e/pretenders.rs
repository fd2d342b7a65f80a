//! Guests that lie about themselves, do harm before their first call, or look for ways
//! out of what they were given: an error at load, or an answer that is always no.

use std::fs;

use crate::scene::{Scene, guest, lacks_guests};

const ELEMENTS: &[&str] = &["videotestsrc", "fakesink"];
const LINE: &str = "videotestsrc num-buffers=3 ! ./guest.wasm ! fakesink";

/// Writes a fixture into the scene as `guest.wasm`, with `from` become `to` wherever it is.
fn patched(scene: &Scene, fixture: &str, from: &str, to: &str) {
    assert_eq!(from.len(), to.len(), "sizes are part of the format");
    let mut bytes = fs::read(guest("fixtures", fixture)).expect("the fixture");
    let found: Vec<usize> = (0..bytes.len())
        .filter(|at| bytes[*at..].starts_with(from.as_bytes()))
        .collect();
    assert!(!found.is_empty(), "no `{from}` in {fixture}");
    for at in found {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    scene.write("guest.wasm", bytes);
}

fn pretender(how: &str) -> Scene {
    let scene = Scene::new();
    let to = format!("{:<24}", format!("how={how}"));
    patched(&scene, "pretender", &format!("{:<24}", "how=nothing"), &to);
    scene
}

#[test]
fn harm_before_the_first_call_is_an_error_at_load() {
    if lacks_guests(ELEMENTS, &["pretender"]) {
        return;
    }
    for (how, expected) in [
        ("start-trap", "wasm `unreachable` instruction executed"),
        ("start-loop", "a call took longer than its limit of 2s"),
        ("start-deep", "call stack exhausted"),
        // The same in `describe`.
        ("trap", "wasm `unreachable` instruction executed"),
        ("loop", "a call took longer than its limit of 2s"),
        ("deep", "call stack exhausted"),
        ("memory", "it wanted more memory than its limit of 16 MiB"),
        ("allocate", "pad 0 is not a src pad of this element"),
        ("negotiate", "pad 0 is not a src pad of this element"),
        ("passthrough", "without one sink pad and one src pad"),
        ("push", "pad 0 is not a src pad of this element"),
    ] {
        let run = pretender(how).launch(LINE).exits(2);
        let run = run.says(&["guest.wasm", expected]);
        assert!(run.peak_bytes < 400 << 20, "{how}: {}", run.peak_bytes);
    }
}

#[test]
fn a_descriptor_that_makes_no_sense_is_an_error_at_load() {
    if lacks_guests(ELEMENTS, &["pretender"]) {
        return;
    }
    for (how, expected) in [
        ("name-odd", "an element named \"../filesink\""),
        ("pads-none", "no pads"),
        ("pads-many", "1000 pads, of 256 at most"),
        ("pads-same", "two pads named `sink`"),
        ("properties-many", "1000 properties, of 256 at most"),
        ("needs-many", "1000 capabilities, of 256 at most"),
        (
            "default-range",
            "property `p` whose default it would not accept",
        ),
        (
            "default-float",
            "property `p` whose default it would not accept",
        ),
        (
            "default-type",
            "property `p` whose default it would not accept",
        ),
        (
            "default-choice",
            "property `p` whose default it would not accept",
        ),
        (
            "default-caps",
            "property `p` whose default it would not accept",
        ),
        ("range-empty", "property `p` whose range is empty"),
        ("range-nan", "property `p` whose range is empty"),
        (
            "text-long",
            "a description of 1310720 bytes, of 65536 at most",
        ),
        (
            "text-escape",
            "a description with the control character '\\u{1b}'",
        ),
        ("caps-many", "caps of 3999999 bytes, of 65536 at most"),
    ] {
        let scene = pretender(how);
        let run = scene.launch(LINE).exits(2).says(&["guest.wasm", expected]);
        assert!(run.stderr.len() < 5_000, "{how}");
        assert!(!run.stderr.contains('\x1b'), "{how}");
        scene
            .run(&["inspect", "./guest.wasm"])
            .exits(2)
            .says(&[expected]);
    }
}

/// What it is called is up to who names its file, and it is asked what it is only once.
#[test]
fn another_name_or_answer_gains_nothing() {
    if lacks_guests(&["videotestsrc", "fakesink", "filesink"], &["pretender"]) {
        return;
    }
    for how in ["nothing", "name", "changes"] {
        let scene = pretender(how);
        let run = scene.launch(LINE).exits(0);
        assert_eq!(run.count("fakesink0", "buffers-in"), 3, "{how}");
        let scene = pretender(how);
        let options = ["--elements", "."];
        let line = "videotestsrc num-buffers=3 ! filesink location=out.raw";
        scene.launch_with(line, &options).exits(0);
        assert_eq!(scene.read("out.raw").len(), 3 * 320 * 240 * 3 / 2, "{how}");
    }
}

#[test]
fn a_table_without_end_is_an_error_at_load() {
    if lacks_guests(ELEMENTS, &["bomb"]) {
        return;
    }
    let run = Scene::new()
        .launch("videotestsrc num-buffers=1 ! bomb ! fakesink")
        .exits(2)
        .says(&["bomb", "table"]);
    assert!(run.peak_bytes < 400 << 20, "{}", run.peak_bytes);
}

#[test]
fn interfaces_that_nobody_is_given_are_an_error_at_load() {
    if lacks_guests(ELEMENTS, &["prowler"]) {
        return;
    }
    for interface in [
        "wasi:sockets/tcp-connect",
        "wasi:cli/environment-get",
        "wasi:random/random-bytes",
        "wasi:clocks/clock-millis",
    ] {
        let scene = Scene::new();
        patched(&scene, "prowler", "wasi:filesystem/preopens", interface);
        scene.launch(LINE).exits(2).says(&[
            &format!("it imports `{interface}@"),
            "which no element is ever given",
        ]);
    }
}
