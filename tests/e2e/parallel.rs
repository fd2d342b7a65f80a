//! `parallel`: several instances take turns, and nobody could tell but by the clock.

use crate::media::Y4m;
use crate::scene::{Run, Scene, lacks_guests};

const ELEMENTS: &[&str] = &["videotestsrc", "videoscale", "y4menc", "filesink"];
const FRAMES: u64 = 20;

/// A clip of frames that all differ, by way of an element.
fn clip(scene: &Scene, through: &str, name: &str) -> Run {
    let source = format!("videotestsrc num-buffers={FRAMES} pattern=ball");
    scene.launch(&format!(
        "{source} ! {through} ! y4menc ! filesink location={name}"
    ))
}

#[test]
fn order_and_pictures_are_those_of_one_instance() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let scale = |parallel| {
        format!("videoscale name=s parallel={parallel} ! video/x-raw,width=100,height=80")
    };
    clip(&scene, &scale(1), "one.y4m").exits(0);
    let run = clip(&scene, &scale(3), "three.y4m").exits(0);
    let shares = ["s", "s-1", "s-2"].map(|name| run.count(name, "buffers-in"));
    assert_eq!(shares, [7, 7, 6]);
    assert_eq!(
        Y4m::parse(&scene.read("one.y4m")).frames.len() as u64,
        FRAMES
    );
    assert!(scene.read("one.y4m") == scene.read("three.y4m"));
}

/// What is left when the element fails at frame 7.
fn beside_a_trap(on_failure: &str, code: i32) -> (Y4m, Y4m) {
    let scene = Scene::new();
    clip(&scene, "capsfilter", "all.y4m").exits(0);
    let chain = |name: &str| {
        format!(
            r#"
            [pipeline]
            clock = "virtual"
            chains = ["source ! victim ! y4menc ! clip"]
            [elements.source]
            component = "videotestsrc"
            properties = {{ num-buffers = {FRAMES}, pattern = "ball" }}
            [elements.victim]
            component = "trapper"
            properties = {{ at = 7, parallel = 3 }}
            on-failure = "{on_failure}"
            [elements.clip]
            component = "filesink"
            properties = {{ location = "{name}" }}
            grants = ["files:.:rw"]
            "#
        )
    };
    let run = scene.manifest(&chain("rest.y4m")).exits(code);
    // Frame 7 is the third of the second instance.
    assert_eq!(run.count("victim-1", "failures"), 1);
    let read = |name| Y4m::parse(&scene.read(name));
    (read("all.y4m"), read("rest.y4m"))
}

#[test]
fn an_instance_that_is_restarted_loses_its_buffer_alone() {
    if lacks_guests(ELEMENTS, &["trapper"]) {
        return;
    }
    let (mut all, rest) = beside_a_trap("restart", 0);
    all.frames.remove(7);
    assert!(all.frames == rest.frames);
}

#[test]
fn an_instance_that_is_given_up_ends_the_stream_there() {
    if lacks_guests(ELEMENTS, &["trapper"]) {
        return;
    }
    for on_failure in ["stop-branch", "stop"] {
        let (all, rest) = beside_a_trap(on_failure, 1);
        assert!(all.frames[..7] == rest.frames, "{on_failure}");
    }
}

#[test]
fn one_that_ends_the_stream_itself_ends_it_for_all() {
    if lacks_guests(&["videotestsrc", "pngenc", "multifilesink"], &[]) {
        return;
    }
    let scene = Scene::new();
    let end = "multifilesink name=end location=%d.png";
    let run = scene
        .launch(&format!(
            "videotestsrc ! pngenc snapshot=true parallel=3 ! {end}"
        ))
        .exits(0);
    assert_eq!(run.count("end", "buffers-in"), 1);
}
