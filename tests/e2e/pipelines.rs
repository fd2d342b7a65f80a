//! Pipelines as a user of `GStreamer` expects them.

use crate::media::Y4m;
use crate::scene::{Scene, lacks_guests};

const CLIP: &str = "videotestsrc pattern=ball num-buffers=12 \
    ! video/x-raw,format=I420,width=160,height=120,framerate=30/1";

#[test]
fn a_launch_line_writes_a_clip() {
    if lacks_guests(&["videotestsrc", "y4menc", "filesink"], &[]) {
        return;
    }
    let scene = Scene::new();
    let run = scene
        .launch(&format!("{CLIP} ! y4menc ! filesink location=out.y4m"))
        .exits(0);
    let clip = Y4m::parse(&scene.read("out.y4m"));
    assert_eq!((clip.width, clip.height, clip.frames.len()), (160, 120, 12));
    assert!(clip.header.contains(" F30:1"), "{}", clip.header);
    assert_ne!(clip.frames[0], clip.frames[11], "the ball moves");
    assert_eq!(run.count("y4menc0", "buffers-in"), 12);
}

#[test]
fn views_change_speed_and_nothing_else() {
    let elements = [
        "videotestsrc",
        "identity",
        "videoconvert",
        "videonegate",
        "y4menc",
        "filesink",
    ];
    if lacks_guests(&elements, &[]) {
        return;
    }
    let scene = Scene::new();
    let line = |file| {
        format!(
            "videotestsrc pattern=shapes num-buffers=8 seed=3 \
             ! video/x-raw,format=I420,width=162,height=122 ! identity ! videoconvert \
             ! video/x-raw,format=RGB ! tee name=t  t. ! videonegate ! videoconvert \
             ! video/x-raw,format=I420 ! y4menc ! filesink location={file}  t. ! fakesink"
        )
    };
    let with = scene.launch(&line("with.y4m")).exits(0);
    let without = scene
        .launch_with(&line("without.y4m"), &["--no-views"])
        .exits(0);
    assert_eq!(Y4m::parse(&scene.read("with.y4m")).frames.len(), 8);
    assert!(
        scene.read("with.y4m") == scene.read("without.y4m"),
        "the clips differ"
    );
    assert_eq!(with.count("videoconvert0", "copied-bytes"), 0);
    assert!(without.count("videoconvert0", "copied-bytes") > 0);
}

#[test]
fn a_chain_of_identities_copies_nothing() {
    if lacks_guests(&["videotestsrc", "identity", "fakesink"], &[]) {
        return;
    }
    let line = "videotestsrc num-buffers=300 ! video/x-raw,format=I420,width=1280,height=720 \
                ! identity ! identity ! fakesink";
    let run = Scene::new().launch(line).exits(0);
    for element in ["videotestsrc0", "identity0", "identity1", "fakesink0"] {
        assert_eq!(run.count(element, "copied-bytes"), 0, "{element}");
    }
    assert_eq!(run.count("identity1", "buffers-in"), 300);
    assert_eq!(run.count("identity1", "bytes-in"), 300 * 1280 * 720 * 3 / 2);
}

/// Elements that have nothing to do are not called, and still count what passes; with a
/// property that gives them work they are, and so are those that change something.
#[test]
fn an_element_without_work_is_passed_by() {
    let elements = ["videotestsrc", "identity", "videoconvert", "fakesink"];
    if lacks_guests(&elements, &[]) {
        return;
    }
    let line = "videotestsrc num-buffers=30 ! video/x-raw,format=RGB ! identity \
        ! identity eos-after=20 ! videoconvert ! video/x-raw,format=RGB \
        ! videoconvert ! video/x-raw,format=BGR ! fakesink";
    let run = Scene::new().launch(line).exits(0);
    for (element, buffers, works) in [
        ("identity0", 21, false),
        ("identity1", 21, true),
        ("videoconvert0", 20, false),
        ("videoconvert1", 20, true),
    ] {
        assert_eq!(run.count(element, "buffers-in"), buffers, "{element}");
        assert_eq!(run.count(element, "nanos") > 0, works, "{element}");
    }
}

#[test]
fn a_tee_gives_each_branch_everything() {
    if lacks_guests(&["videotestsrc", "videonegate", "fakesink"], &[]) {
        return;
    }
    let run = Scene::new()
        .launch(
            "videotestsrc num-buffers=50 ! video/x-raw,format=RGB ! tee name=t \
             t. ! queue ! fakesink name=a  t. ! queue ! videonegate ! fakesink name=b  \
             t. ! queue max-size-buffers=2 ! fakesink name=c",
        )
        .exits(0);
    for sink in ["a", "b", "c"] {
        assert_eq!(run.count(sink, "buffers-in"), 50, "{sink}");
    }
    for queue in ["queue0", "queue1", "queue2"] {
        assert_eq!(run.count(queue, "dropped"), 0, "{queue}");
    }
    assert!(run.count("queue2", "most-queued") <= 2);
    // Only the branch that writes pays for a copy of its own.
    assert!(run.count("videonegate0", "copied-bytes") <= 50 * 320 * 240 * 3);
}

/// Two streams of a second, through an element that takes a tenth of one for each frame.
#[test]
fn a_queue_drops_what_is_too_late() {
    if lacks_guests(&["videotestsrc", "fakesink"], &["slow"]) {
        return;
    }
    let run = |queue: &str| {
        let run = Scene::new()
            .manifest(&format!(
                r#"
                [pipeline]
                clock = "system"
                chains = ["source ! video/x-raw,framerate=50/1 ! queue ! slow ! sink"]
                [elements.source]
                component = "videotestsrc"
                properties = {{ is-live = true, num-buffers = 50 }}
                [elements.queue]
                component = "queue"
                properties = {{ {queue} }}
                [elements.slow]
                component = "slow"
                properties = {{ work = 0, call-time = 100_000_000 }}
                [elements.sink]
                component = "fakesink"
                "#
            ))
            .exits(0);
        let shown = run.count("sink", "buffers-in");
        let dropped = run.count("queue", "dropped");
        assert_eq!(dropped + shown, 50, "{queue}");
        assert_eq!(run.count("queue", "buffers-out"), shown, "{queue}");
        (dropped, run.count("sink", "latency-max-nanos"))
    };
    let (dropped, late) = run("");
    assert_eq!(dropped, 0);
    assert!(late > 3_000_000_000, "{late} ns");
    let (dropped, late) = run("max-lateness = '60ms'");
    assert!((20..50).contains(&dropped), "{dropped} dropped");
    assert!(late < 2_000_000_000, "{late} ns");
}

#[test]
fn a_leaky_queue_loses_and_counts() {
    if lacks_guests(&["videotestsrc", "fakesink"], &["slow"]) {
        return;
    }
    for leaky in ["upstream", "downstream"] {
        let line = format!(
            "videotestsrc num-buffers=60 ! queue leaky={leaky} max-size-buffers=3 \
             ! slow ! fakesink"
        );
        let run = Scene::new().launch(&line).exits(0);
        let (dropped, shown) = (
            run.count("queue0", "dropped"),
            run.count("fakesink0", "buffers-in"),
        );
        assert_eq!(dropped + shown, 60, "{leaky}");
        assert!(
            dropped > 0 && shown > 0,
            "{leaky}: {dropped} dropped, {shown} shown"
        );
        assert!(run.count("queue0", "most-queued") <= 3, "{leaky}");
    }
}

#[test]
fn a_funnel_joins_streams_and_ends_with_the_last() {
    if lacks_guests(&["videotestsrc", "fakesink"], &[]) {
        return;
    }
    let line = "funnel name=f ! fakesink \
                videotestsrc num-buffers=20 ! f. videotestsrc num-buffers=30 ! queue ! f.";
    let run = Scene::new().launch(line).exits(0);
    assert_eq!(run.count("fakesink0", "buffers-in"), 50);
}

#[test]
fn a_valve_drops_and_counts() {
    if lacks_guests(&["videotestsrc", "fakesink"], &[]) {
        return;
    }
    for (drop, passed) in [(true, 0), (false, 20)] {
        let line = format!("videotestsrc num-buffers=20 ! valve drop={drop} ! fakesink");
        let run = Scene::new().launch(&line).exits(0);
        assert_eq!(run.count("fakesink0", "buffers-in"), passed);
        assert_eq!(run.count("valve0", "dropped"), 20 - passed);
    }
}

#[test]
fn the_same_run_twice_gives_the_same_bytes() {
    if lacks_guests(&["videotestsrc", "identity", "y4menc", "filesink"], &[]) {
        return;
    }
    let scene = Scene::new();
    for file in ["first.y4m", "second.y4m"] {
        let line = format!(
            "videotestsrc pattern=snow num-buffers=10 ! identity drop-probability=0.4 seed=7 \
             ! queue ! y4menc ! filesink location={file}"
        );
        scene.launch(&line).exits(0);
    }
    assert!(
        scene.read("first.y4m") == scene.read("second.y4m"),
        "the clips differ"
    );
    let frames = Y4m::parse(&scene.read("first.y4m")).frames.len();
    assert!(
        (1..10).contains(&frames),
        "{frames} of 10 frames came through"
    );
}

#[test]
fn num_buffers_ends_a_stream_at_either_end() {
    if lacks_guests(&["videotestsrc", "fakesink"], &[]) {
        return;
    }
    let scene = Scene::new();
    let run = scene
        .launch("videotestsrc num-buffers=5 ! fakesink")
        .exits(0);
    assert_eq!(run.count("fakesink0", "buffers-in"), 5);
    let run = scene
        .launch("videotestsrc ! fakesink num-buffers=5")
        .exits(0);
    assert!((5..=6).contains(&run.count("fakesink0", "buffers-in")));
    let run = scene
        .launch("videotestsrc num-buffers=0 ! fakesink")
        .exits(0);
    assert_eq!(run.count("fakesink0", "buffers-in"), 0);
}

#[test]
fn a_manifest_is_a_launch_line_with_more_to_say() {
    if lacks_guests(&["videotestsrc", "videoscale", "y4menc", "filesink"], &[]) {
        return;
    }
    let scene = Scene::new();
    scene
        .launch(
            "videotestsrc pattern=gradient num-buffers=4 \
             ! video/x-raw,format=I420,width=200,height=100 ! videoscale \
             ! video/x-raw,width=100,height=50 ! queue ! y4menc ! filesink location=line.y4m",
        )
        .exits(0);
    scene
        .manifest(
            r#"
            [pipeline]
            clock = "virtual"
            chains = [
              "source ! video/x-raw,format=I420,width=200,height=100 ! scaler ! small",
              "small ! queue ! y4menc ! file",
            ]
            [elements.source]
            component = "videotestsrc"
            properties = { pattern = "gradient", num-buffers = 4 }
            [elements.scaler]
            component = "videoscale"
            [elements.small]
            component = "capsfilter"
            properties = { caps = "video/x-raw,width=100,height=50" }
            [elements.file]
            component = "filesink"
            properties = { location = "manifest.y4m" }
            grants = ["files:.:rw"]
            "#,
        )
        .exits(0);
    assert!(
        scene.read("line.y4m") == scene.read("manifest.y4m"),
        "the clips differ"
    );
}

/// How long after their times buffers came; a virtual clock could only say 0.
#[test]
fn elements_tell_their_latency_under_a_real_clock() {
    if lacks_guests(&["videotestsrc", "identity", "fakesink"], &["slow"]) {
        return;
    }
    for clock in ["system", "virtual"] {
        let run = Scene::new()
            .manifest(&format!(
                r#"
                [pipeline]
                clock = "{clock}"
                chains = ["source ! slow ! sink"]
                [elements.source]
                component = "videotestsrc"
                properties = {{ is-live = true, num-buffers = 10 }}
                [elements.sink]
                component = "fakesink"
                "#
            ))
            .exits(0);
        let summary = run.summary();
        let elements = summary["elements"].as_array().unwrap();
        let mut latencies = Vec::new();
        for element in elements {
            let told = ["p50", "p99", "p999", "max"]
                .map(|field| element[format!("latency-{field}-nanos")].as_u64());
            if clock == "virtual" || element["name"] == "source" {
                assert_eq!(told, [None; 4], "{clock}: {element}");
                continue;
            }
            assert!(told.is_sorted(), "{told:?}");
            latencies.push(told[0].expect("a latency"));
        }
        if let [slow, sink] = latencies[..] {
            // What `slow` took is some milliseconds, to one in 32.
            assert!(sink > slow / 32 * 30 + 100_000, "{slow} {sink}");
        } else {
            assert_eq!(clock, "virtual");
        }
        let line = run.stderr.contains("latency p50");
        assert_eq!(line, clock == "system", "{}", run.stderr);
    }
}

#[test]
fn threads_in_the_background_are_idle_to_the_system() {
    const IDLE: u32 = 5;
    let scene = Scene::new();
    if lacks_guests(&["videotestsrc", "fakesink"], &[]) {
        return;
    }
    let line = "videotestsrc name=near is-live=true thread-priority=background \
        ! queue name=far thread-priority=background ! queue name=as-others ! fakesink";
    let running = scene.start(&["launch", line]);
    let policy = |name: &str| {
        let threads = running.threads();
        threads.into_iter().find(|it| it.0 == name).map(|it| it.1)
    };
    while [policy("near"), policy("far")] != [Some(IDLE); 2] {
        assert!(running.is_young(), "{:?}", running.threads());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(policy("as-others"), Some(0));
    running.signal("INT");
    running.wait().exits(0);
}
