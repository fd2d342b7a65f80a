//! The socket's file: where it lies, what it replaces, and when it goes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use super::{ELEMENTS, LIVE, Live, mode, wait_until};
use crate::scene::{Scene, lacks_guests};

#[test]
fn files_are_not_mistaken_for_stale_sockets() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let launch = |control: &str| {
        let control = format!("--control={control}");
        let line = "videotestsrc num-buffers=1 ! fakesink";
        scene.run(&["launch", line, &control])
    };
    scene.write("file.sock", "mine");
    launch("file.sock")
        .exits(2)
        .says(&["a file of another kind"]);
    assert_eq!(scene.read("file.sock"), b"mine");
    let target = scene.path("file.sock");
    std::os::unix::fs::symlink(target, scene.path("link.sock")).expect("a link");
    launch("link.sock")
        .exits(2)
        .says(&["a file of another kind"]);
    assert_eq!(scene.read("link.sock"), b"mine");
    launch("no-such-folder/c.sock")
        .exits(2)
        .says(&["no-such-folder/c.sock"]);
    launch(&"x".repeat(200)).exits(2).says(&["control socket"]);

    // A living one is refused, whoever it belongs to.
    let other = UnixListener::bind(scene.path("other.sock")).expect("a socket");
    launch("other.sock")
        .exits(2)
        .says(&["a running process uses it"]);
    drop(other);
    // Now its process does not listen any more: a stale one.
    launch("other.sock").exits(0);
    assert!(!scene.path("other.sock").exists());
    let left: Vec<_> = fs::read_dir(scene.path(".")).expect("a folder").collect();
    assert_eq!(left.len(), 2, "nothing else is left: {left:?}");
}

#[test]
fn the_socket_of_a_killed_pipeline_is_replaced() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let first = Live::start(&scene, "c.sock");
    first.running.signal("KILL");
    assert_eq!(first.running.wait().code, None);
    assert!(first.socket.exists(), "nobody could take it away");
    scene
        .run(&["ctl", "--socket", "c.sock", "stats"])
        .exits(2)
        .says(&["is gone"]);
    Live::start(&scene, "c.sock").end();
}

#[test]
fn the_socket_goes_with_the_pipeline() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let control = "--control=c.sock";
    for (line, code) in [
        ("videotestsrc num-buffers=3 ! fakesink", 0),
        ("videotestsrc ! identity error-after=2 ! fakesink", 1),
    ] {
        scene.run(&["launch", line, control]).exits(code);
        assert!(!scene.path("c.sock").exists(), "{line}");
    }
    for signal in ["INT", "TERM"] {
        let live = Live::start(&scene, "c.sock");
        live.running.signal(signal);
        live.running.wait().exits(0);
        assert!(!live.socket.exists(), "{signal}");
    }
}

#[test]
fn the_only_pipeline_is_found() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let folder = scene.path("millstream");
    let sockets = || -> Vec<PathBuf> {
        let entries = fs::read_dir(&folder).into_iter().flatten();
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.extension().is_some()).collect()
    };
    scene
        .run(&["ctl", "list"])
        .exits(2)
        .says(&["no pipeline with a control socket is running"]);
    let first = scene.start(&["launch", LIVE, "--control"]);
    wait_until("there is a socket", || sockets().len() == 1);
    assert_eq!((mode(&folder), mode(&sockets()[0])), (0o700, 0o600));
    scene
        .run(&["ctl", "list"])
        .exits(0)
        .says(&["pipeline0: playing"]);

    let second = scene.start(&["launch", LIVE, "--control"]);
    wait_until("there are two", || sockets().len() == 2);
    let mut all = sockets();
    all.sort();
    let names: Vec<&str> = all.iter().map(|it| it.to_str().expect("UTF-8")).collect();
    scene.run(&["ctl", "list"]).exits(2).says(&[
        "several pipelines are running",
        names[0],
        names[1],
    ]);
    // The first is killed: what it left counts no more, and goes with the next start.
    first.signal("KILL");
    assert_eq!(first.wait().code, None);
    scene.run(&["ctl", "eos"]).exits(0);
    second.wait().exits(0);
    assert_eq!(sockets().len(), 1);
    let line = "videotestsrc num-buffers=1 ! fakesink";
    scene.run(&["launch", line, "--control"]).exits(0);
    assert_eq!(sockets(), Vec::<PathBuf>::new());

    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("a mode");
    scene
        .run(&["launch", line, "--control"])
        .exits(2)
        .says(&["its mode is 0755, expected 0700"]);
}
