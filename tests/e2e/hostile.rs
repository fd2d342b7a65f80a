//! Guests that break the contract or try to get at what is not theirs: the element ends,
//! the process never does, and what other elements hold is untouched.

use crate::media::Y4m;
use crate::scene::{Run, Scene, lacks_guests};

const ELEMENTS: &[&str] = &["videotestsrc", "y4menc", "filesink", "fakesink"];

/// The liar gets a frame of its own; a branch beside it writes the source's frames.
fn lie(scene: &Scene, how: &str, options: &[&str]) -> Run {
    let line = format!(
        "videotestsrc pattern=white num-buffers=4 ! video/x-raw,format=I420 ! tee name=t  \
         t. ! queue ! y4menc ! filesink location=clip.y4m  \
         t. ! queue ! liar how={how} ! fakesink name=after"
    );
    scene.launch_with(&line, options)
}

/// Every byte of every frame is what the source made.
#[track_caller]
fn frames_are_white(scene: &Scene) {
    let clip = Y4m::parse(&scene.read("clip.y4m"));
    let luma = clip.width * clip.height;
    for frame in &clip.frames {
        assert!(
            frame[..luma].iter().all(|byte| *byte == frame[0]),
            "a frame was written to"
        );
        assert_ne!(frame[0], 0x55);
    }
}

#[test]
fn a_lie_ends_the_liar_and_nothing_else() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    let lies = [
        ("pads", "pad 7 is not a src pad"),
        ("sink-pad", "pad 0 is not a src pad"),
        ("meta-nan", "a detection with rectangle (NaN, 0, inf, -1)"),
        ("size", "a size of 4294967295 bytes"),
        ("slice", "outside of a buffer"),
        ("read", "reading 2 bytes"),
        ("write", "writing 1 bytes at 4294967295"),
        ("write-shared", "writing to a buffer that is shared"),
        (
            "address-shared",
            "an address to write to a buffer that is shared",
        ),
    ];
    for (how, expected) in lies {
        for options in [&[][..], &["--no-views"]] {
            let scene = Scene::new();
            let run = lie(&scene, how, options)
                .exits(1)
                .says(&["error: element `liar0`", expected]);
            assert_eq!(run.count("after", "buffers-in"), 0, "{how}");
            frames_are_white(&scene);
        }
    }
}

#[test]
fn views_give_no_more_than_was_granted() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    for how in [
        "shared-view",
        "view-read-only",
        "view-shared",
        "view-after-give-away",
        "window-unmapped",
    ] {
        let scene = Scene::new();
        lie(&scene, how, &[])
            .exits(1)
            .says(&["error: element `liar0`", "memory access"]);
        frames_are_white(&scene);
        let scene = Scene::new();
        lie(&scene, how, &["--no-views"])
            .exits(1)
            .says(&["the host has no views"]);
        frames_are_white(&scene);
    }
}

#[test]
fn the_window_is_not_the_elements_memory() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    for how in ["window-as-text", "window-as-list", "window-as-result"] {
        let scene = Scene::new();
        lie(&scene, how, &[])
            .exits(1)
            .says(&["error: element `liar0`"]);
        frames_are_white(&scene);
    }
}

/// As above, from tens of thousands of places at once: a host that repairs its own
/// faults one page at a time would run out of mappings and die.
#[test]
fn a_scattered_list_in_the_window_ends_the_element_only() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    let scene = Scene::new();
    lie(&scene, "window-scattered", &[])
        .exits(1)
        .says(&["error: element `liar0`"]);
    frames_are_white(&scene);
}

#[test]
fn a_liar_that_is_restarted_lies_again_and_harms_nobody() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    for how in ["view-after-give-away", "window-as-list", "meta-nan"] {
        let scene = Scene::new();
        let run = scene
            .manifest(&format!(
                r#"
                [pipeline]
                clock = "virtual"
                chains = [
                  "source ! video/x-raw,format=I420 ! tee name=t",
                  "t. ! queue ! y4menc ! clip",
                  "t. ! queue ! liar ! fakesink",
                ]
                [elements.source]
                component = "videotestsrc"
                properties = {{ pattern = "white", num-buffers = 20 }}
                [elements.clip]
                component = "filesink"
                properties = {{ location = "clip.y4m" }}
                grants = ["files:.:rw"]
                [elements.liar]
                properties = {{ how = "{how}" }}
                on-failure = "restart"
                restart = {{ max = 100, backoff = "1ns" }}
                "#
            ))
            .exits(0);
        assert_eq!(run.count("liar", "restarts"), 20, "{how}");
        assert_eq!(run.count("clip", "buffers-in"), 20, "{how}");
        frames_are_white(&scene);
    }
}

#[test]
fn an_element_does_not_command_the_terminal() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    let scene = Scene::new();
    let run = lie(&scene, "\"\u{1b}[2Jgone\"", &[])
        .exits(1)
        .says(&["no lie named `\u{fffd}[2Jgone`"]);
    assert!(!run.stderr.contains('\u{1b}'), "{:?}", run.stderr);
}

#[test]
fn caps_that_do_not_parse_are_the_elements_error() {
    if lacks_guests(ELEMENTS, &["liar"]) {
        return;
    }
    let scene = Scene::new();
    lie(&scene, "caps", &[])
        .exits(2)
        .says(&["liar0", "caps that do not parse"]);
}

#[test]
fn an_undeclared_capability_is_refused_at_load() {
    if lacks_guests(ELEMENTS, &["snoop"]) {
        return;
    }
    let scene = Scene::new();
    scene
        .launch("videotestsrc num-buffers=1 ! snoop ! fakesink")
        .exits(2)
        .says(&["snoop", "does not declare the capability `files`"]);
    // Nor does a grant help: what it is not declared to do, nobody has agreed to.
    scene
        .launch_with(
            "videotestsrc num-buffers=1 ! snoop ! fakesink",
            &["--grant", "snoop0=files:."],
        )
        .exits(2);
}
