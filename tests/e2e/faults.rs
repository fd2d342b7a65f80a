//! Elements that fail: what their policy says happens, the other branches lose nothing,
//! and files stay readable. The same for a pipeline that a signal ends.

use crate::media::Y4m;
use crate::scene::{Run, Scene, lacks_guests, root};

const CLIP_ELEMENTS: &[&str] = &["videotestsrc", "y4menc", "filesink", "fakesink"];

/// A clip is written in one branch; in the other `victim` does what `lines` say.
fn beside_a_clip(scene: &Scene, frames: u32, lines: &str) -> Run {
    scene.manifest(&format!(
        r#"
        [pipeline]
        clock = "virtual"
        chains = [
          "source ! tee name=t",
          "t. ! queue ! y4menc ! clip",
          "t. ! queue ! victim ! after",
        ]
        [elements.source]
        component = "videotestsrc"
        properties = {{ num-buffers = {frames} }}
        [elements.clip]
        component = "filesink"
        properties = {{ location = "clip.y4m" }}
        grants = ["files:.:rw"]
        [elements.after]
        component = "fakesink"
        [elements.victim]
        {lines}
        "#
    ))
}

/// The clip has every frame that the source sent.
#[track_caller]
fn clip_is_whole(scene: &Scene, run: &Run) {
    let sent = run.count("source", "buffers-out");
    assert_eq!(run.count("clip", "buffers-in"), sent);
    assert_eq!(run.count("queue0", "dropped"), 0);
    assert_eq!(
        Y4m::parse(&scene.read("clip.y4m")).frames.len() as u64,
        sent
    );
}

#[test]
fn a_trap_is_restarted_and_loses_one_buffer() {
    if lacks_guests(CLIP_ELEMENTS, &["trapper"]) {
        return;
    }
    let scene = Scene::new();
    let lines = "component = 'trapper'\n properties = { at = 5 }\n on-failure = 'restart'";
    let run = beside_a_clip(&scene, 20, lines)
        .exits(0)
        .says(&["victim: restarted in", "frame 5, as `at` or `every` asks"]);
    assert_eq!(run.count("source", "buffers-out"), 20);
    clip_is_whole(&scene, &run);
    let counts = [
        "buffers-in",
        "buffers-out",
        "failures",
        "restarts",
        "dropped",
    ]
    .map(|counter| run.count("victim", counter));
    assert_eq!(counts, [20, 19, 1, 1, 1]);
    assert_eq!(run.count("after", "buffers-in"), 19);
}

#[test]
fn a_branch_that_stops_leaves_the_others_alone() {
    if lacks_guests(CLIP_ELEMENTS, &["trapper"]) {
        return;
    }
    let scene = Scene::new();
    for policy in [
        "on-failure = 'stop-branch'",
        "on-failure = 'restart'\n restart = { max = 1, then = 'stop-branch' }",
    ] {
        let lines = format!("component = 'trapper'\n properties = {{ every = 5 }}\n {policy}");
        let run = beside_a_clip(&scene, 30, &lines)
            .exits(1)
            .says(&["victim: given up, its branch has ended, the rest goes on"]);
        assert_eq!(run.summary()["ended"], "failed");
        assert_eq!(run.count("source", "buffers-out"), 30);
        clip_is_whole(&scene, &run);
        assert!(run.count("after", "buffers-in") < 10);
    }
}

#[test]
fn what_fails_can_be_passed_by() {
    if lacks_guests(CLIP_ELEMENTS, &["trapper"]) {
        return;
    }
    let scene = Scene::new();
    let lines = "component = 'trapper'\n properties = { every = 5 }\n on-failure = 'pass-through'";
    let run = beside_a_clip(&scene, 30, lines)
        .exits(0)
        .says(&["victim: given up, buffers pass by it from now on"]);
    clip_is_whole(&scene, &run);
    let counts = ["buffers-in", "buffers-out", "failures", "dropped"]
        .map(|counter| run.count("victim", counter));
    assert_eq!(counts, [30, 29, 1, 1]);
    assert_eq!(run.count("after", "buffers-in"), 29);
}

#[test]
fn a_policy_that_cannot_be_followed_is_refused_before_the_start() {
    if lacks_guests(CLIP_ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let lines = "component = 'y4menc'\n on-failure = 'pass-through'";
    beside_a_clip(&scene, 3, lines).exits(2).says(&[
        "victim",
        "buffers cannot pass by it: it turns `video/x-raw",
        "hint: use `stop-branch`",
    ]);
}

#[test]
fn what_an_element_cannot_do_is_dropped() {
    if lacks_guests(CLIP_ELEMENTS, &["trapper"]) {
        return;
    }
    let scene = Scene::new();
    // It says that it cannot, and goes on; a trap makes it anew.
    for (how, restarts) in [("fail-every", 0), ("every", 5)] {
        let lines = format!(
            "component = 'trapper'\n properties = {{ {how} = 5 }}\n on-failure = 'drop'\n \
             restart = {{ max = 100, backoff = '1ns' }}"
        );
        let run = beside_a_clip(&scene, 25, &lines).exits(0);
        clip_is_whole(&scene, &run);
        let counts = [
            "buffers-in",
            "buffers-out",
            "failures",
            "dropped",
            "restarts",
        ]
        .map(|counter| run.count("victim", counter));
        assert_eq!(counts, [25, 20, 5, 5, restarts], "{how}");
    }
}

/// One that fails on every frame does not write a line a frame; none is lost count of.
#[test]
fn drops_are_told_some_times_a_second_and_counted() {
    if lacks_guests(CLIP_ELEMENTS, &["trapper"]) {
        return;
    }
    let scene = Scene::new();
    let lines = "component = 'trapper'\n properties = { fail-every = 1 }\n on-failure = 'drop'";
    let run = beside_a_clip(&scene, 200, lines).exits(0);
    clip_is_whole(&scene, &run);
    assert_eq!(run.count("victim", "dropped"), 200);
    let said: Vec<serde_json::Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<u64> = said
        .iter()
        .filter(|line| line["type"] == "dropped")
        .map(|line| line["untold"].as_u64().unwrap())
        .collect();
    let rest = said.iter().find_map(|line| {
        let text = line["message"].as_str()?;
        let (count, _) = text.split_once(" more buffers were dropped")?;
        count.parse::<u64>().ok()
    });
    let untold = told.iter().sum::<u64>() + rest.unwrap_or(0);
    assert_eq!(told.len() as u64 + untold, 200);
    assert!(untold > 100, "{} of 200 were told", told.len());
}

#[test]
fn limits_are_the_manifests() {
    if lacks_guests(CLIP_ELEMENTS, &["flooder", "hog", "liar"]) {
        return;
    }
    let scene = Scene::new();
    let run = |lines: &str| beside_a_clip(&scene, 40, lines);
    run("component = 'flooder'\n properties = { count = 10 }\n limits = { log-lines = 5 }")
        .exits(0)
        .says(&["lines of log and messages over its limit were not told"]);
    run("component = 'hog'\n properties = { what = 'given' }\n limits = { held-buffers = 10 }")
        .exits(1)
        .says(&["it keeps 10 buffers", "of 10 buffers and 268435456 bytes"]);
    run("component = 'hog'\n properties = { what = 'given' }\n limits = { held-memory = '1MiB' }")
        .exits(1)
        .says(&["of 1024 buffers and 1048576 bytes at most"]);
    run(
        "component = 'liar'\n properties = { how = 'loop-start' }\n \
         limits = { start-time = '100ms' }",
    )
    .exits(1)
    .says(&[
        "a call took longer than its limit of 100ms",
        "hint: raise `limits.start-time`",
    ]);
    let fixtures = root().join("target/fixtures");
    let fixtures = fixtures.to_str().expect("UTF-8");
    scene
        .run(&["audit", "pipeline.toml", "--elements", fixtures])
        .says(&["its start 100ms", "1024 buffers of 256 MiB kept"]);
}

#[test]
fn an_element_that_never_recovers_stops_the_pipeline_at_its_limit() {
    if lacks_guests(CLIP_ELEMENTS, &["trapper"]) {
        return;
    }
    let scene = Scene::new();
    let lines = "component = 'trapper'\n properties = { every = 2 }\n on-failure = 'restart'\n \
                 restart = { max = 3, within = '60s', backoff = '1ms' }";
    let run = beside_a_clip(&scene, 40, lines)
        .exits(1)
        .says(&["error: element `victim`"]);
    assert_eq!(run.summary()["ended"], "failed");
    assert_eq!(run.count("victim", "restarts"), 3);
    assert_eq!(run.count("victim", "failures"), 4);
    clip_is_whole(&scene, &run);
}

#[test]
fn a_trap_stops_the_pipeline_in_good_order() {
    if lacks_guests(CLIP_ELEMENTS, &["trapper"]) {
        return;
    }
    let scene = Scene::new();
    let run = beside_a_clip(
        &scene,
        30,
        "component = 'trapper'\n properties = { at = 5 }",
    )
    .exits(1)
    .says(&["error: element `victim`", "(in chain)"]);
    assert_eq!(run.summary()["ended"], "failed");
    assert_eq!(run.count("after", "buffers-in"), 5);
    clip_is_whole(&scene, &run);
}

#[test]
fn a_trap_before_the_first_frame_says_where() {
    if lacks_guests(CLIP_ELEMENTS, &["trapper"]) {
        return;
    }
    let line = "videotestsrc num-buffers=3 ! trapper on-start=true ! fakesink";
    Scene::new()
        .launch(line)
        .exits(1)
        .says(&["trapper0", "in start", "as `on-start` asks"]);
}

#[test]
fn an_endless_loop_ends_at_its_deadline() {
    if lacks_guests(CLIP_ELEMENTS, &["looper"]) {
        return;
    }
    let scene = Scene::new();
    let lines = "component = 'looper'\n properties = { at = 3 }\n limits = { call-time = '200ms' }";
    let run = beside_a_clip(&scene, 10, lines).exits(1).says(&[
        "a call took longer than its limit of 200ms",
        "hint: raise `limits.call-time`",
    ]);
    clip_is_whole(&scene, &run);

    let restarted = format!("{lines}\n on-failure = 'restart'");
    let run = beside_a_clip(&scene, 10, &restarted)
        .exits(0)
        .says(&["victim: restarted"]);
    assert_eq!(run.count("after", "buffers-in"), 9);
    clip_is_whole(&scene, &run);
}

#[test]
fn an_endless_loop_in_negotiation_is_an_error_before_anything_runs() {
    if lacks_guests(CLIP_ELEMENTS, &["looper"]) {
        return;
    }
    let scene = Scene::new();
    let lines = "component = 'looper'\n properties = { in-caps = true }\n \
                 limits = { call-time = '100ms' }";
    beside_a_clip(&scene, 10, lines)
        .exits(2)
        .says(&["victim", "a call took longer than its limit of 100ms"]);
    assert!(!scene.path("clip.y4m").exists(), "nothing ran");
}

#[test]
fn memory_has_a_limit() {
    if lacks_guests(CLIP_ELEMENTS, &["hog"]) {
        return;
    }
    for (what, expected) in [
        ("heap", "it wanted more memory than its limit of 32 MiB"),
        (
            "frames",
            "bytes together, of 1024 buffers and 268435456 bytes at most",
        ),
        ("handles", ""),
    ] {
        let scene = Scene::new();
        let lines = format!(
            "component = 'hog'\n properties = {{ what = '{what}', at = 4 }}\n \
             limits = {{ memory = '32MiB' }}"
        );
        let run = beside_a_clip(&scene, 10, &lines)
            .exits(1)
            .says(&["`victim`", expected]);
        assert_eq!(run.count("after", "buffers-in"), 4, "{what}");
        clip_is_whole(&scene, &run);
    }
}

#[test]
fn a_flood_is_cut_off() {
    if lacks_guests(CLIP_ELEMENTS, &["flooder"]) {
        return;
    }
    for what in ["logs", "long-logs", "messages"] {
        let scene = Scene::new();
        let lines =
            format!("component = 'flooder'\n properties = {{ what = '{what}', count = 3000 }}");
        let run = beside_a_clip(&scene, 10, &lines).exits(0);
        clip_is_whole(&scene, &run);
        let lines = run
            .stdout
            .lines()
            .filter(|line| line.contains("\"victim\""))
            .count();
        // 1,000 a second of the pipeline's clock, which moves by a third of a second.
        assert!(
            (500..=2_100).contains(&lines),
            "{what}: {lines} lines of 30,000 came through"
        );
        let longest = run.stderr.lines().map(str::len).max().unwrap_or(0);
        assert!(longest < 4_300, "{what}: a line of {longest} bytes");
    }
    for what in ["buffers", "events"] {
        let scene = Scene::new();
        let lines =
            format!("component = 'flooder'\n properties = {{ what = '{what}', count = 3000 }}");
        let run = beside_a_clip(&scene, 10, &lines)
            .exits(1)
            .says(&["more than 1024 buffers and events pushed in one call"]);
        assert_eq!(run.count("after", "buffers-in"), 0, "{what}");
        clip_is_whole(&scene, &run);
    }
}

#[test]
fn a_signal_leaves_whole_frames() {
    if lacks_guests(CLIP_ELEMENTS, &[]) {
        return;
    }
    for signal in ["INT", "TERM"] {
        let scene = Scene::new();
        let line = "videotestsrc is-live=true ! video/x-raw,framerate=100/1 ! tee name=t  \
                    t. ! queue ! y4menc ! filesink location=clip.y4m  t. ! queue ! fakesink";
        let mut running = scene.start(&["launch", line, "--stats", "--json"]);
        running.wait_for_file(&scene.path("clip.y4m"), 5 * 320 * 240 * 3 / 2);
        running.signal(signal);
        let run = running.wait().exits(0);
        assert_eq!(run.summary()["ended"], "eos", "{signal}");
        let frames = Y4m::parse(&scene.read("clip.y4m")).frames.len() as u64;
        assert_eq!(
            frames,
            run.count("videotestsrc0", "buffers-out"),
            "{signal}"
        );
        assert!(frames >= 5, "{signal}: {frames} frames");
    }
}

#[test]
fn a_pipeline_that_is_killed_leaves_what_was_written() {
    if lacks_guests(CLIP_ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let line = "videotestsrc is-live=true ! video/x-raw,framerate=100/1 ! y4menc \
                ! filesink location=clip.y4m";
    let mut running = scene.start(&["launch", line]);
    running.wait_for_file(&scene.path("clip.y4m"), 3 * 320 * 240 * 3 / 2);
    running.signal("KILL");
    assert_eq!(running.wait().code, None);
    // A last frame may be cut off; whoever reads the clip gets the others.
    let run = scene
        .launch("filesrc location=clip.y4m ! y4mdec ! fakesink")
        .exits(0);
    assert!(run.count("fakesink0", "buffers-in") >= 2);
}
