//! Faults of the world outside: a disk that fills, files and folders that go away. The
//! element concerned fails and says what happened; the branch beside loses nothing.

use std::fs;

use crate::scene::{Run, Scene, lacks, lacks_guests, root};

const BESIDE: &str = "t. ! queue ! fakesink name=beside  t. ! queue";

/// What the source sent got through beside.
#[track_caller]
fn beside_is_whole(run: &Run) {
    let sent = run.count("source", "buffers-out");
    assert_eq!(run.count("beside", "buffers-in"), sent);
}

#[test]
fn a_full_disk_is_an_error_of_the_sink() {
    if lacks_guests(
        &[
            "videotestsrc",
            "fakesink",
            "filesink",
            "multifilesink",
            "y4menc",
            "pngenc",
        ],
        &[],
    ) {
        return;
    }
    if lacks("/dev/full", fs::metadata("/dev/full").is_ok()) {
        return;
    }
    for sink in [
        "filesink name=sink location=/dev/full",
        "y4menc ! filesink name=sink location=/dev/full",
        "pngenc ! multifilesink name=sink location=/dev/full",
    ] {
        let line =
            format!("videotestsrc name=source num-buffers=20 ! tee name=t  {BESIDE} ! {sink}");
        let run = Scene::new().launch(&line).exits(1).says(&[
            "error: element `sink`: cannot write file `/dev/full`: the disk is full (in chain)",
        ]);
        beside_is_whole(&run);
    }
}

/// As on a disk that fills: the branch ends, the rest goes on to its end.
#[test]
fn a_branch_whose_disk_is_full_can_end_alone() {
    if lacks_guests(&["videotestsrc", "fakesink", "filesink"], &[]) {
        return;
    }
    let run = Scene::new()
        .manifest(&format!(
            r#"
            [pipeline]
            clock = "virtual"
            chains = ["source ! tee name=t {BESIDE} ! disk"]
            [elements.source]
            component = "videotestsrc"
            properties = {{ num-buffers = 20 }}
            [elements.disk]
            component = "filesink"
            properties = {{ location = "/dev/full" }}
            grants = ["files:/dev:rw"]
            on-failure = "stop-branch"
            "#
        ))
        .exits(1)
        .says(&["disk: given up, its branch has ended", "the disk is full"]);
    assert_eq!(run.count("beside", "buffers-in"), 20);
}

/// Where the system limits the size of files (`ulimit -f`), the signal that says so does
/// not end the process.
#[test]
fn a_file_over_the_systems_limit_is_an_error_of_the_sink() {
    if lacks_guests(&["videotestsrc", "fakesink", "filesink"], &[]) {
        return;
    }
    let line = format!(
        "videotestsrc name=source num-buffers=20 ! tee name=t  {BESIDE} ! filesink location=big.raw"
    );
    let scene = Scene::new();
    // The cache of compiled code must be there before: it is made of files, too.
    scene.launch(&line).exits(0);
    let run = scene
        .start_limited(
            &["launch", &line, "--stats", "--json", "--clock", "virtual"],
            200,
        )
        .wait()
        .exits(1)
        .says(&["error: element `filesink0`: cannot write file `big.raw`"]);
    beside_is_whole(&run);
}

#[test]
fn a_folder_that_vanishes_is_an_error_of_the_sink() {
    if lacks_guests(
        &["videotestsrc", "fakesink", "jpegenc", "multifilesink"],
        &[],
    ) {
        return;
    }
    let scene = Scene::new();
    scene.write("pictures/kept.txt", "");
    let line = format!(
        "videotestsrc name=source is-live=true ! video/x-raw,framerate=50/1 ! tee name=t  \
         {BESIDE} ! jpegenc ! multifilesink location=pictures/%05d.jpg"
    );
    let mut running = scene.start(&["launch", &line, "--stats", "--json"]);
    running.wait_for_file(&scene.path("pictures/00003.jpg"), 1);
    // A file that is written meanwhile keeps the folder for a moment.
    while fs::remove_dir_all(scene.path("pictures")).is_err() {}
    let run = running.wait().exits(1).says(&[
        "error: element `multifilesink0`: cannot open file `pictures/",
        "no such file",
    ]);
    beside_is_whole(&run);
}

#[test]
fn a_file_that_becomes_shorter_while_it_is_read_is_an_error() {
    if lacks_guests(&["filesrc", "filesink"], &["slow"]) {
        return;
    }
    let scene = Scene::new();
    scene.write("clip.raw", vec![0; 8 << 20]);
    scene.write("pipeline.toml", SLOW_READER);
    let fixtures = root().join("target/fixtures");
    let elements = fixtures.to_str().expect("UTF-8");
    let args = [
        "run",
        "pipeline.toml",
        "--stats",
        "--json",
        "--elements",
        elements,
    ];
    let mut running = scene.start(&args);
    running.wait_for_file(&scene.path("copy.raw"), 4096);
    let file = fs::OpenOptions::new()
        .write(true)
        .open(scene.path("clip.raw"));
    file.and_then(|file| file.set_len(5000))
        .expect("cutting the file");
    running
        .wait()
        .exits(1)
        .says(&["error: element `clip`: file `clip.raw` became shorter while it was read"]);
}

/// The name is gone, what was opened is not: reading goes on to the end.
#[test]
fn a_file_that_is_removed_while_it_is_read_is_read_to_its_end() {
    if lacks_guests(&["filesrc", "filesink"], &["slow"]) {
        return;
    }
    let scene = Scene::new();
    scene.write("clip.raw", vec![7; 64 * 4096]);
    scene.write("pipeline.toml", SLOW_READER);
    let fixtures = root().join("target/fixtures");
    let elements = fixtures.to_str().expect("UTF-8");
    let args = [
        "run",
        "pipeline.toml",
        "--stats",
        "--json",
        "--elements",
        elements,
    ];
    let mut running = scene.start(&args);
    running.wait_for_file(&scene.path("copy.raw"), 4096);
    fs::remove_file(scene.path("clip.raw")).expect("removing the file");
    running.wait().exits(0);
    assert_eq!(scene.read("copy.raw"), vec![7; 64 * 4096]);
}

/// So slow that the file can be changed meanwhile: 2,048 blocks of 5 ms.
const SLOW_READER: &str = r#"
    [pipeline]
    chains = ["clip ! slow ! copy"]
    [elements.clip]
    component = "filesrc"
    properties = { location = "clip.raw", blocksize = 4096 }
    grants = ["files:."]
    [elements.slow]
    properties = { work = 0, call-time = "5ms" }
    [elements.copy]
    component = "filesink"
    properties = { location = "copy.raw" }
    grants = ["files:.:rw"]
"#;
