//! Guests that fail in any call or want more than their limits: the process ends as the
//! policy says, with the reason, and the branch beside loses nothing.

use crate::media::Y4m;
use crate::scene::{Run, Scene, lacks_guests};

const ELEMENTS: &[&str] = &["videotestsrc", "y4menc", "filesink", "fakesink", "identity"];
const MIB: u64 = 1 << 20;

/// A clip is written in one branch; in the other a liar does what `how` says.
fn beside_a_clip(scene: &Scene, how: &str, lines: &str) -> Run {
    scene.manifest(&format!(
        r#"
        [pipeline]
        clock = "virtual"
        chains = [
          "source ! video/x-raw,format=I420 ! tee name=t",
          "t. ! queue ! y4menc ! clip",
          "t. ! queue ! liar ! queue ! after",
        ]
        [elements.source]
        component = "videotestsrc"
        properties = {{ num-buffers = 10 }}
        [elements.clip]
        component = "filesink"
        properties = {{ location = "clip.y4m" }}
        grants = ["files:.:rw"]
        [elements.after]
        component = "fakesink"
        [elements.liar]
        properties = {{ how = "{how}" }}
        {lines}
        "#
    ))
}

/// The clip has every frame that the source sent.
#[track_caller]
fn clip_is_whole(scene: &Scene, run: &Run, how: &str) {
    let sent = run.count("source", "buffers-out");
    assert_eq!(run.count("clip", "buffers-in"), sent, "{how}");
    if sent == 0 {
        // It failed before the source's first turn.
        return;
    }
    let frames = Y4m::parse(&scene.read("clip.y4m")).frames.len() as u64;
    assert_eq!(frames, sent, "{how}");
}

/// A liar that fails in `chain` stops the pipeline in good order; made anew each time, it
/// loses its own ten buffers and nobody else's.
#[track_caller]
fn fails_alone(how: &str, expected: &str, most_bytes: u64) {
    for restart in [false, true] {
        let scene = Scene::new();
        let lines = if restart {
            "on-failure = 'restart'\n restart = { max = 100, backoff = '1ns' }"
        } else {
            ""
        };
        let limits = "limits = { call-time = '20s' }\n";
        let run = beside_a_clip(&scene, how, &format!("{limits}{lines}"))
            .exits(i32::from(!restart))
            .says(&["liar", expected]);
        clip_is_whole(&scene, &run, how);
        assert_eq!(run.count("after", "buffers-in"), 0, "{how}");
        if restart {
            assert_eq!(run.count("liar", "restarts"), 10, "{how}");
            assert_eq!(run.count("source", "buffers-out"), 10, "{how}");
        }
        let longest = run.stderr.lines().map(str::len).max().unwrap_or(0);
        assert!(longest < 5_000, "{how}: a line of {longest} bytes");
        let peak = run.peak_bytes / MIB;
        assert!(run.peak_bytes < most_bytes, "{how}: {peak} MiB");
    }
}

#[test]
fn a_failure_in_any_call_is_explained_and_stays_alone() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    let faults = [
        ("trap", "wasm `unreachable` instruction executed"),
        ("loop", "a call took longer than its limit of 100ms"),
        ("deep", "call stack exhausted"),
    ];
    // Calls, what the process exits with, and whether data flows.
    let calls = [
        ("create", 2, false),
        ("pad-caps", 2, false),
        ("transform-caps", 2, false),
        ("start", 1, false),
        ("set-caps", 1, true),
        ("chain", 1, true),
        ("handle-event", 1, true),
        // All data has gone through: a warning.
        ("stop", 0, true),
    ];
    for (fault, expected) in faults {
        for (call, code, flows) in calls {
            let (scene, how) = (Scene::new(), format!("{fault}-{call}"));
            let run = beside_a_clip(&scene, &how, "limits = { call-time = '100ms' }")
                .exits(code)
                .says(&["liar", expected]);
            if flows {
                clip_is_whole(&scene, &run, &how);
            }
        }
    }
}

/// The same for the calls of sources, with a stream of its own beside.
#[test]
fn a_source_that_fails_stays_alone() {
    if lacks_guests(ELEMENTS, &["stuck"]) {
        return;
    }
    let cases = [
        ("loop", "produce", 1, "longer than its limit of 100ms"),
        ("trap", "produce", 1, "as `how` asks"),
        ("loop", "fixate", 2, "longer than its limit of 100ms"),
        ("trap", "fixate", 2, "as `how` asks (wasm trap"),
        ("wait", "produce", 0, ""),
    ];
    for (how, at, code, expected) in cases {
        let run = Scene::new()
            .manifest(&format!(
                r#"
                [pipeline]
                clock = "virtual"
                chains = ["source ! queue ! beside", "stuck ! after"]
                [elements.source]
                component = "videotestsrc"
                properties = {{ num-buffers = 10 }}
                [elements.beside]
                component = "fakesink"
                [elements.after]
                component = "fakesink"
                [elements.stuck]
                properties = {{ how = "{how}", at = "{at}" }}
                limits = {{ call-time = "100ms" }}
                "#
            ))
            .exits(code)
            .says(&[expected]);
        if code != 2 {
            let sent = run.count("source", "buffers-out");
            assert_eq!(run.count("beside", "buffers-in"), sent, "{how}");
        }
    }
}

#[test]
fn calls_in_the_wrong_state_change_nothing() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    for what in ["push", "negotiate"] {
        for call in ["create", "pad-caps", "start", "chain", "stop"] {
            if (what, call) == ("push", "chain") {
                continue;
            }
            let (scene, how) = (Scene::new(), format!("{what}-{call}"));
            let run = beside_a_clip(&scene, &how, "").exits(0);
            clip_is_whole(&scene, &run, &how);
            assert_eq!(run.count("after", "buffers-in"), 10, "{how}");
        }
    }
}

#[test]
fn caps_without_end_are_refused_before_anything_runs() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    for (how, expected) in [
        ("caps-many", "caps of 3999999 bytes"),
        ("caps-long", "caps of 67108864 bytes"),
        ("caps-list", "more than 1024 items in a list"),
        ("caps-deep", "more than 8 nested lists"),
    ] {
        let scene = Scene::new();
        let run = beside_a_clip(&scene, how, "")
            .exits(2)
            .says(&["`liar`", expected]);
        assert!(run.stderr.len() < 5_000, "{how}");
        assert!(run.peak_bytes < 400 * MIB, "{how}");
        assert!(!scene.path("clip.y4m").exists(), "nothing ran");
    }
}

#[test]
fn metas_that_make_no_sense_end_who_set_them() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    for (how, expected) in [
        (
            "keypoint-nan",
            "a keypoint at (NaN, inf) of confidence -inf",
        ),
        ("keypoints-many", "1000000 keypoints, of 256 at most"),
        ("mask-cells", "a mask of 100x100 with 9999 cells"),
        ("mask-huge", "a mask of 4294967295x4294967295 with 1 cells"),
        ("masks-many", "4259840 bytes of masks in one layer"),
        ("detections-many", "5000 detections in one layer"),
    ] {
        fails_alone(how, expected, 400 * MIB);
    }
}

#[test]
fn handles_that_were_not_given_end_who_uses_them() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    for how in ["drop-twice", "forged", "use-after-push", "push-and-return"] {
        fails_alone(how, "unknown handle index", 400 * MIB);
    }
}

#[test]
fn buffers_before_their_caps_end_who_sends_them() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    for (call, code) in [("create", 2), ("pad-caps", 2), ("start", 1)] {
        let (scene, how) = (Scene::new(), format!("send-{call}"));
        beside_a_clip(&scene, &how, "")
            .exits(code)
            .says(&["liar", "a buffer on src pad 1 before its caps"]);
    }
}

#[test]
fn windows_that_cannot_be_are_refused() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    for how in [
        "window-none",
        "window-odd",
        "window-large",
        "window-other",
        "window-twice",
    ] {
        let scene = Scene::new();
        let run = beside_a_clip(&scene, how, "").exits(0);
        clip_is_whole(&scene, &run, how);
        assert_eq!(run.count("after", "buffers-in"), 10, "{how}");
    }
}

/// What the host holds for an element has a limit in sum, wherever it lies.
#[test]
fn what_the_host_holds_for_an_element_has_a_limit() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    for (how, expected, most_bytes) in [
        ("metas-held", "on all buffers of an element", 600 * MIB),
        ("metas-pushed", "on all buffers of an element", 600 * MIB),
        ("text-aliased", "too much data is being copied", 500 * MIB),
        ("failure-long", "no no no no", 500 * MIB),
    ] {
        fails_alone(how, expected, most_bytes);
    }
}

/// One frame of each size kept must not keep the memory of the others, nor a file open.
#[test]
fn frames_of_changing_sizes_have_a_limit() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    let scene = Scene::new();
    let run = beside_a_clip(&scene, "frames-sizes", "limits = { call-time = '20s' }")
        .exits(1)
        .says(&["it keeps", "of 1024 buffers and 268435456 bytes at most"]);
    clip_is_whole(&scene, &run, "frames-sizes");
    let peak = run.peak_bytes / MIB;
    assert!(peak < 900, "{peak} MiB");
}

/// Who keeps every frame that it is given meets its own limit before the source meets its.
#[test]
fn a_hoarder_starves_itself_only() {
    if lacks_guests(&["videotestsrc", "fakesink"], &["hog"]) {
        return;
    }
    let run = Scene::new()
        .manifest(
            r#"
            [pipeline]
            clock = "virtual"
            chains = [
              "source ! video/x-raw,format=I420,width=1920,height=1080 ! tee name=t",
              "t. ! queue ! beside",
              "t. ! queue max-size-bytes=0 ! hog ! fakesink",
            ]
            [elements.source]
            component = "videotestsrc"
            properties = { pattern = "white", num-buffers = 400 }
            [elements.beside]
            component = "fakesink"
            [elements.hog]
            properties = { what = "given" }
            on-failure = "restart"
            restart = { max = 100, backoff = "1ns" }
            "#,
        )
        .exits(0)
        .says(&["hog", "it cannot be given more: it keeps"]);
    assert_eq!(run.count("source", "buffers-out"), 400);
    assert_eq!(run.count("source", "failures"), 0);
    assert_eq!(run.count("beside", "buffers-in"), 400);
    assert!(run.count("hog", "restarts") >= 4);
}

/// A frame that is too short for its caps fails the element that needs the rest.
#[test]
fn a_frame_of_the_wrong_size_is_an_error_of_who_reads_it() {
    if lacks_guests(&["videotestsrc", "videoconvert", "fakesink"], &["liar"]) {
        return;
    }
    for how in ["short", "empty"] {
        let line = format!(
            "videotestsrc num-buffers=4 ! video/x-raw,format=I420 ! tee name=t  \
             t. ! queue ! fakesink name=beside  \
             t. ! queue ! liar how={how} ! videoconvert ! video/x-raw,format=RGB ! fakesink"
        );
        let run = Scene::new()
            .launch(&line)
            .exits(1)
            .says(&["error: element `videoconvert0`"]);
        let sent = run.count("videotestsrc0", "buffers-out");
        assert_eq!(run.count("beside", "buffers-in"), sent, "{how}");
    }
}

/// The last of 900 elements that no queue parts still has the whole of its stack, and the
/// thread's does not end before it.
#[test]
fn a_stack_that_ends_behind_many_elements_ends_the_element_only() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    let many = "identity ! ".repeat(900);
    let line = format!("videotestsrc num-buffers=2 ! {many} liar how=deep-chain ! fakesink");
    Scene::new()
        .launch(&line)
        .exits(1)
        .says(&["error: element `liar0`", "call stack exhausted"]);
}

/// An element that takes long, but less than it may, holds nobody up but its own branch;
/// be it by work or by a millisecond less than its limit.
#[test]
fn slow_is_not_a_failure() {
    if lacks_guests(ELEMENTS, &["slow"]) {
        return;
    }
    for (properties, limit) in [
        ("work = 200000", "10s"),
        // A busy machine may take the millisecond away, which is a failure then.
        ("work = 0, call-time = '199ms'", "200ms"),
    ] {
        let run = Scene::new()
            .manifest(&format!(
                r#"
            [pipeline]
            clock = "system"
            chains = [
              "source ! video/x-raw,framerate=50/1 ! tee name=t",
              "t. ! queue ! beside",
              "t. ! queue leaky=downstream max-size-buffers=1 ! slow ! fakesink",
            ]
            [elements.source]
            component = "videotestsrc"
            properties = {{ is-live = true, num-buffers = 30 }}
            [elements.beside]
            component = "fakesink"
            [elements.slow]
            properties = {{ {properties} }}
            limits = {{ call-time = "{limit}" }}
            on-failure = "restart"
            restart = {{ max = 100, backoff = "1ns" }}
            "#
            ))
            .exits(0);
        assert_eq!(run.count("beside", "buffers-in"), 30);
        let failures = run.count("slow", "failures");
        assert!(limit == "200ms" || failures == 0, "{failures} failures");
        assert!(run.count("slow", "buffers-in") < 30, "it was not slow");
    }
}
