//! Files only below granted folders: an element that tries every way out, and more than
//! it was granted inside.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use crate::scene::{Run, Scene, lacks_guests};

const ELEMENTS: &[&str] = &["videotestsrc", "fakesink"];

/// `in` is granted to read, `out` to write; `secret` beside them is not granted.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.write("secret/file", "secret");
    scene.write("in/file", "mine");
    scene.write("in/sub/file", "below");
    scene.write("out/file", "old");
    scene.write("out/sub/file", "old");
    for folder in ["in", "out"] {
        let link = |to: &str, from: &str| {
            symlink(to, scene.path(&format!("{folder}/{from}"))).expect("a link");
        };
        link("../secret/file", "to-file");
        link("../secret", "to-folder");
        link("sub/../../secret/file", "by-sub");
        link("to-file", "to-link");
        link("/proc/self/root/etc/passwd", "to-root");
        link("../secret/new", "to-nothing");
        link("file", "inside");
        let absolute = scene.path("secret/file");
        symlink(absolute, scene.path(&format!("{folder}/absolute"))).expect("a link");
    }
    scene
}

fn prowl(scene: &Scene, folder: &str, tries: &[String]) -> Run {
    let tries = tries.join("; ");
    scene.manifest(&format!(
        "[pipeline]\nclock = 'virtual'\nchains = ['videotestsrc num-buffers=1 ! prowler ! fakesink']\n\
         [elements.prowler]\ngrants = ['files:in', 'files:out:rw']\n\
         properties = {{ folder = '{folder}', tries = '{tries}' }}\n"
    ))
}

/// How each try ended, in order.
fn ends(run: &Run, tries: &[String]) -> Vec<String> {
    let end = |text: &String| {
        let start = format!("warning: prowler: {text}: ");
        let line = run
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("`{text}` was not tried:\n{}", run.stderr))
            .trim()
            .to_owned()
    };
    tries.iter().map(end).collect()
}

const WAYS_OUT: &[&str] = &[
    "../secret/file",
    "sub/../../secret/file",
    "./../secret/file",
    "..//secret/file",
    "/etc/passwd",
    "//etc/passwd",
    "to-file",
    "to-link",
    "to-folder/file",
    "by-sub",
    "to-root",
    "to-nothing",
    "absolute",
    "sub/../to-folder/./file",
    "../in/../secret/file",
];

#[test]
fn no_way_leads_out() {
    if lacks_guests(ELEMENTS, &["prowler"]) {
        return;
    }
    let scene = scene();
    let file = fs::metadata(scene.path("secret/file")).expect("the secret");
    for folder in ["in", "out"] {
        let mut tries = Vec::new();
        for way in WAYS_OUT {
            for what in [
                "read", "stat", "list", "create", "write", "truncate", "touch", "times", "make",
            ] {
                tries.push(format!("{what} {way}"));
            }
            tries.push(format!("climb sub {way}"));
            tries.push(format!("climb sub ../{way}"));
            // A link itself is a thing inside of the folder, and may be moved there.
            if way.contains('/') {
                tries.push(format!("rename {way} taken"));
                tries.push(format!("link {way} taken"));
            }
        }
        for way in ["../secret/new", "to-folder/new", "/tmp/prowler-was-here"] {
            for what in ["create", "make", "mkdir", "unlink", "rmdir"] {
                tries.push(format!("{what} {way}"));
            }
            tries.push(format!("rename sub/file {way}"));
            tries.push(format!("link sub/file {way}"));
            tries.push(format!("symlink file {way}"));
        }
        for way in ["..", "../secret", "to-folder", "/"] {
            tries.push(format!("list {way}"));
            tries.push(format!("mutate {way} new"));
            tries.push(format!("climb {way} file"));
            tries.push(format!("rmdir {way}"));
        }
        let run = prowl(&scene, folder, &tries).exits(0);
        for (text, end) in tries.iter().zip(ends(&run, &tries)) {
            assert!(!end.starts_with("done"), "{folder}: {text}: {end}");
        }
        assert!(!run.stderr.contains("done secret"), "{}", run.stderr);
        assert_eq!(scene.read("secret/file"), b"secret");
        let names = fs::read_dir(scene.path("secret"))
            .expect("a folder")
            .count();
        assert_eq!(names, 1, "nothing new beside the secret");
        let now = fs::metadata(scene.path("secret/file")).expect("the secret");
        assert_eq!(
            (now.mtime_nsec(), now.nlink()),
            (file.mtime_nsec(), file.nlink())
        );
    }
    assert!(!std::path::Path::new("/tmp/prowler-was-here").exists());
}

#[test]
fn read_only_is_read_only() {
    if lacks_guests(ELEMENTS, &["prowler"]) {
        return;
    }
    let scene = scene();
    let before = fs::metadata(scene.path("in/file")).expect("a file");
    let allowed = [
        "read file",
        "read sub/file",
        "read inside",
        "read sub/../file",
        "list .",
        "list sub",
        "stat file",
        "climb sub file",
    ];
    let forbidden = [
        "create new",
        "create file",
        "write file",
        "misuse file",
        "resize file",
        "touch file",
        "truncate file",
        "empty file",
        "make new",
        "times file",
        "unlink file",
        "unlink inside",
        "mkdir new",
        "rmdir sub",
        "rename file new",
        "rename sub new",
        "link file new",
        "symlink file new",
        "mutate . new",
        "mutate sub new",
    ];
    let tries: Vec<String> = allowed
        .iter()
        .chain(&forbidden)
        .map(|it| (*it).to_owned())
        .collect();
    let run = prowl(&scene, "in", &tries).exits(0);
    for (at, (text, end)) in tries.iter().zip(ends(&run, &tries)).enumerate() {
        assert_eq!(end.starts_with("done"), at < allowed.len(), "{text}: {end}");
    }
    let after = fs::metadata(scene.path("in/file")).expect("a file");
    let stamp = |it: &fs::Metadata| (it.mtime(), it.mtime_nsec(), it.nlink(), it.len());
    assert_eq!(stamp(&after), stamp(&before));
    assert_eq!(scene.read("in/file"), b"mine");
    // The same tries where writing is granted, so that it is not the tries that fail.
    let writes = [
        "create new",
        "write file",
        "truncate file",
        "times file",
        "mkdir folder",
        "mutate sub folder",
        "rmdir folder",
        "rename new newer",
        "link file other",
        "symlink file third",
        "unlink third",
    ];
    let tries: Vec<String> = writes.iter().map(|it| (*it).to_owned()).collect();
    let run = prowl(&scene, "out", &tries).exits(0);
    for (text, end) in tries.iter().zip(ends(&run, &tries)) {
        assert!(end.starts_with("done"), "{text}: {end}");
    }
    assert_eq!(scene.read("out/newer"), b"prowler");
}

/// Who declares reading only is granted no more, whatever the manifest says.
#[test]
fn what_is_not_declared_is_not_given() {
    if lacks_guests(&["filesrc", "fakesink"], &[]) {
        return;
    }
    let scene = scene();
    scene.write(
        "p.toml",
        "[pipeline]\nchains = ['file ! fakesink']\n[elements.file]\ncomponent = 'filesrc'\n\
        properties = { location = 'in/file' }\ngrants = ['files:in:rw']\n",
    );
    let audit = scene.run(&["audit", "p.toml"]).exits(0);
    assert!(
        audit.stdout.contains("in (ro, as `in`)"),
        "{}",
        audit.stdout
    );
    scene.run(&["run", "p.toml"]).exits(0);
}

/// A link in place of a folder, again and again, while the element reads below it.
#[test]
fn a_link_swapped_while_running() {
    if lacks_guests(ELEMENTS, &["prowler"]) {
        return;
    }
    let scene = scene();
    scene.write("in/flip/file", "mine");
    scene.write("pipeline.toml", "[pipeline]\nclock = 'virtual'\nchains = ['videotestsrc num-buffers=1 ! prowler ! fakesink']\n\
        [elements.prowler]\ngrants = ['files:in', 'files:out:rw']\nlimits = { call-time = '50s' }\n\
        properties = { folder = 'in', often = 30000, tries = 'read flip/file' }\n");
    let fixtures = crate::scene::root().join("target/fixtures");
    let args = [
        "run",
        "pipeline.toml",
        "--elements",
        fixtures.to_str().expect("UTF-8"),
    ];
    let (flip, away) = (scene.path("in/flip"), scene.path("in/away"));
    let done = std::sync::atomic::AtomicBool::new(false);
    let (run, swaps) = std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let mut swaps = 0_u32;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                fs::rename(&flip, &away).expect("moving it away");
                symlink("../secret", &flip).expect("a link");
                fs::remove_file(&flip).expect("removing the link");
                fs::rename(&away, &flip).expect("moving it back");
                swaps += 1;
            }
            swaps
        });
        let run = scene.start(&args).wait();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        (run, swapper.join().expect("swaps"))
    });
    let run = run.exits(0).says(&["seen mine"]);
    assert!(swaps > 0);
    assert!(!run.stderr.contains("secret"), "{}", run.stderr);
}

/// A folder is opened once, before any element runs: who may write around it cannot put
/// a link in its place for the next start.
#[test]
fn a_folder_stays_the_one_that_was_granted() {
    if lacks_guests(ELEMENTS, &["prowler"]) {
        return;
    }
    // Before the reader is made, and before it is made anew after a trap.
    for (when, chain, trap) in [
        ("first", "reader ! writer", false),
        ("tries", "writer ! reader", true),
    ] {
        let scene = scene();
        let run = scene
            .manifest(&format!(
                "[pipeline]\nclock = 'virtual'\n\
                 chains = ['videotestsrc num-buffers=3 ! {chain} ! fakesink']\n\
                 [elements.writer]\ncomponent = 'prowler'\ngrants = ['files:out:rw']\n\
                 properties = {{ folder = 'out', {when} = 'rename sub gone; symlink ../secret sub' }}\n\
                 [elements.reader]\ncomponent = 'prowler'\ngrants = ['files:out/sub:rw']\n\
                 on-failure = 'restart'\nrestart = {{ max = 100, backoff = '1ns' }}\n\
                 properties = {{ folder = 'out/sub', tries = 'read file', trap = {trap} }}\n"
            ))
            .exits(0)
            .says(&["writer: symlink ../secret sub: done", "read file: done old"]);
        assert!(!run.stderr.contains("done secret"), "{}", run.stderr);
        assert_eq!(scene.read("out/sub/file"), b"secret", "the link is there");
        assert_eq!(run.count("reader", "restarts"), if trap { 3 } else { 0 });
    }
}

/// A link as the granted folder leads where it led when the pipeline was made.
#[test]
fn a_link_may_be_granted() {
    if lacks_guests(&["filesrc", "filesink"], &[]) {
        return;
    }
    let scene = scene();
    symlink("in", scene.path("granted")).expect("a link");
    scene.write("p.toml", "[pipeline]\nchains = ['file ! copy']\n[elements.file]\ncomponent = 'filesrc'\n\
        properties = { location = 'granted/file' }\ngrants = ['files:granted']\n[elements.copy]\n\
        component = 'filesink'\nproperties = { location = 'out/copy' }\ngrants = ['files:out:rw']\n");
    scene.run(&["run", "p.toml"]).exits(0);
    assert_eq!(scene.read("out/copy"), b"mine");
}

/// Where files are written, links lead nowhere else either.
#[test]
fn a_location_stays_below_its_folder() {
    if lacks_guests(&["videotestsrc", "filesink"], &[]) {
        return;
    }
    let scene = scene();
    for location in [
        "secret/new",
        "out/../secret/new",
        "out/to-file",
        "out/to-nothing",
        "out/to-folder/new",
        "out/absolute",
        "/tmp/prowler-was-here",
        "in/new",
    ] {
        scene.write("p.toml", format!("[pipeline]\nchains = ['videotestsrc num-buffers=1 ! sink']\n[elements.sink]\n\
            component = 'filesink'\nproperties = {{ location = '{location}' }}\ngrants = ['files:in', 'files:out:rw']\n"));
        scene
            .run(&["run", "p.toml"])
            .exits(1)
            .says(&["`sink` failed in start: ", "file `"]);
    }
    assert_eq!(scene.read("secret/file"), b"secret");
    assert!(!scene.path("secret/new").exists());
    assert!(!scene.path("in/new").exists());
}
