//! Locks: what changed is told or refused, before any element is made.

use std::fs;

use crate::scene::{Run, Scene, guest, lacks_guests};

const ELEMENTS: &[&str] = &["videotestsrc", "identity", "fakesink", "filesink"];

/// A source, an element of the folder `own`, and a sink.
const MANIFEST: &str = "[pipeline]\nclock = 'virtual'\n\
    chains = ['videotestsrc num-buffers=2 ! filter ! fakesink']\n\
    [elements.filter]\ncomponent = 'filter'\n";

/// A folder with a manifest, and a component in `own` that stands for `filter`.
fn scene(component: &str) -> Scene {
    let scene = Scene::new();
    scene.write("p.toml", MANIFEST);
    install(
        &scene,
        &fs::read(guest("components", component)).expect("a component"),
    );
    scene
}

fn install(scene: &Scene, bytes: &[u8]) {
    scene.write("own/filter.wasm", bytes);
}

/// The same component with one custom section more: it does the same, by other bytes.
fn rebuilt(component: &str) -> Vec<u8> {
    let mut bytes = fs::read(guest("components", component)).expect("a component");
    // Section 0, five bytes: a name of four.
    bytes.extend(b"\0\x05\x04note");
    bytes
}

fn run(scene: &Scene, args: &[&str]) -> Run {
    let mut args = args.to_vec();
    args.extend(["--elements", "own"]);
    scene.start(&args).wait()
}

fn text(scene: &Scene) -> String {
    String::from_utf8(scene.read("p.lock")).expect("UTF-8")
}

/// What of a lock's text stands in the table of that name.
fn digest_of(scene: &Scene, table: &str) -> String {
    let text = text(scene);
    let (_, rest) = text.split_once(table).expect("the table");
    let digest = rest.split('"').nth(1).expect("a digest");
    assert_eq!(digest.len(), 64, "{digest}");
    digest.to_owned()
}

#[test]
fn what_was_locked_runs() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = scene("identity");
    run(&scene, &["run", "p.toml", "--locked"]).exits(2).says(&[
        "error[M0030]: there is no lock `p.lock`",
        "hint: write it: `millstream lock p.toml`",
    ]);
    run(&scene, &["audit", "p.toml"])
        .exits(0)
        .says(&["lock        not locked"]);
    run(&scene, &["lock", "p.toml"])
        .exits(0)
        .says(&["`p.lock` locks 3 components and 0 models"]);
    let first = text(&scene);
    assert!(first.starts_with("# The components"), "{first}");
    let digest = digest_of(&scene, "[components.\"filter\"]");
    for command in ["run", "check"] {
        let run = run(&scene, &[command, "p.toml", "--locked"]).exits(0);
        assert!(!run.stderr.contains("note"), "{}", run.stderr);
    }
    let audit = run(&scene, &["audit", "p.toml"]).exits(0);
    audit.says(&["lock        locked", &format!("sha256:{digest}")]);
    run(&scene, &["lock", "p.toml"])
        .exits(0)
        .says(&["`p.lock` is as it should be"]);
    assert_eq!(text(&scene), first);
    let files = fs::read_dir(scene.path("")).expect("the folder");
    let mut names: Vec<_> = files
        .map(|file| file.expect("a file").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["own", "p.lock", "p.toml"], "nothing else is left");
}

#[test]
fn a_component_that_changed() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = scene("identity");
    run(&scene, &["lock", "p.toml"]).exits(0);
    let (before, old) = (text(&scene), digest_of(&scene, "[components.\"filter\"]"));
    install(&scene, &rebuilt("identity"));
    for command in ["run", "check"] {
        let refused = run(&scene, &[command, "p.toml", "--locked"]).exits(2).says(&[
            "error[M0031]: `p.toml` does not run what `p.lock` says\n  component `filter` has changed\n",
            &format!("    locked sha256:{old}\n    now    sha256:"),
            "hint: look at `millstream audit p.toml`, then `millstream lock p.toml`",
        ]);
        assert!(!refused.stderr.contains("wants more"));
    }
    run(&scene, &["run", "p.toml"]).exits(0).says(&[
        "note: not as `p.lock` says:\n  component `filter` has changed\n",
        "  `millstream lock p.toml` writes it anew",
    ]);
    assert_eq!(
        run(&scene, &["run", "p.toml", "--quiet"]).exits(0).stderr,
        ""
    );
    run(&scene, &["audit", "p.toml"])
        .exits(0)
        .says(&["lock        changed", "lock        locked"]);
    assert_eq!(text(&scene), before, "only `lock` writes");
    // Nothing new is wanted: nobody has to be named.
    run(&scene, &["lock", "p.toml"])
        .exits(0)
        .says(&["component `filter` has changed"]);
    assert_ne!(digest_of(&scene, "[components.\"filter\"]"), old);
    run(&scene, &["run", "p.toml", "--locked"]).exits(0);
}

/// An update that asks for files, where the manifest would even grant them.
#[test]
fn a_component_that_wants_more() {
    if lacks_guests(&["videotestsrc", "fakesink", "filesink"], &[]) {
        return;
    }
    let scene = scene("fakesink");
    let manifest = "[pipeline]\nchains = ['videotestsrc num-buffers=2 ! filter']\n\
        [elements.filter]\ngrants = ['files:.:rw']\n";
    scene.write("p.toml", manifest);
    run(&scene, &["lock", "p.toml"]).exits(0);
    let before = text(&scene);
    let sink = fs::read(guest("components", "filesink")).expect("a component");
    install(&scene, &sink);
    scene.write(
        "p.toml",
        format!("{manifest}properties = {{ location = 'out.bin' }}\n"),
    );
    let wanted = [
        "component `filter` has changed",
        "wants more: capability files:rw",
        "wants more: import wasi:filesystem/types@",
        "wants more: import wasi:filesystem/preopens@",
        "hint: look at `millstream audit p.toml`, then `millstream lock --accept filter p.toml`",
    ];
    for (args, code) in [
        (
            &["run", "p.toml"][..],
            "error[M0032]: components want more than when `p.lock` was",
        ),
        (&["run", "p.toml", "--quiet"], "error[M0032]"),
        (&["check", "p.toml"], "error[M0032]"),
        (&["graph", "p.toml"], "error[M0032]"),
        (&["lock", "p.toml"], "error[M0032]"),
        (&["run", "p.toml", "--locked"], "error[M0031]"),
    ] {
        run(&scene, args).exits(2).says(&[code]).says(&wanted);
    }
    let audit = run(&scene, &["audit", "p.toml"])
        .exits(2)
        .says(&["error[M0032]"]);
    let line = "lock        changed, wants more: capability files:rw, wants more: import wasi:";
    assert!(audit.stdout.contains(line), "{}", audit.stdout);
    assert!(!scene.path("out.bin").exists(), "it was never made");
    assert_eq!(text(&scene), before);
    run(&scene, &["lock", "p.toml", "--accept", "videotestsrc"])
        .exits(2)
        .says(&wanted);
    run(&scene, &["lock", "p.toml", "--accept", "filler"])
        .exits(2)
        .says(&[
            "error: `--accept filler`: the manifest uses no component `filler`",
            "hint: its components are `filter`, `videotestsrc`",
        ]);
    assert_eq!(text(&scene), before);
    run(&scene, &["lock", "p.toml", "--accept", "filter"]).exits(0);
    run(&scene, &["run", "p.toml", "--locked"]).exits(0);
    assert!(scene.path("out.bin").exists());
    // Back to less: told, and no more than that.
    install(
        &scene,
        &fs::read(guest("components", "fakesink")).expect("a component"),
    );
    scene.write("p.toml", manifest);
    run(&scene, &["run", "p.toml"])
        .exits(0)
        .says(&["component `filter` has changed"]);
}

/// All differences stand in one error.
#[test]
fn a_lock_that_is_stale() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = scene("identity");
    run(&scene, &["lock", "p.toml"]).exits(0);
    install(&scene, &rebuilt("identity"));
    scene.write(
        "p.toml",
        MANIFEST.replace("! fakesink", "! identity ! last")
            + "[elements.last]\ncomponent='filesink'\nproperties={location='o'}\ngrants=['files:.:rw']\n",
    );
    run(&scene, &["run", "p.toml", "--locked"]).exits(2).says(&[
        "error[M0031]",
        "\n  component `filter` has changed\n",
        "\n  component `filesink` is not locked\n",
        "\n  component `identity` is not locked\n",
        "\n  component `fakesink` is locked, but not used\n",
    ]);
    assert!(!scene.path("o").exists());
    // What is locked too much is refused by itself.
    scene.write("p.toml", MANIFEST);
    run(&scene, &["lock", "p.toml"]).exits(0);
    scene.write(
        "p.toml",
        "[pipeline]\nchains = ['videotestsrc num-buffers=1 ! fakesink']\n",
    );
    run(&scene, &["run", "p.toml", "--locked"])
        .exits(2)
        .says(&["\n  component `filter` is locked, but not used\n"]);
    run(&scene, &["run", "p.toml"])
        .exits(0)
        .says(&["note: not as `p.lock` says"]);
}

#[test]
fn a_model_that_changed() {
    if lacks_guests(&["videotestsrc", "objectdetector", "fakesink"], &[]) {
        return;
    }
    let scene = Scene::new();
    let model = fs::read(crate::scene::root().join("models/shapes.onnx")).expect("the model");
    scene.write("m/own.onnx", &model);
    scene.write("m/own.names", "a\nb\n");
    let manifest = |model: &str| {
        format!(
            "[pipeline]\nclock = 'virtual'\nchains = ['videotestsrc pattern=shapes num-buffers=1 ! \
             video/x-raw,format=RGB,width=64,height=64 ! d ! fakesink']\n\
             [elements.d]\ncomponent = 'objectdetector'\nproperties = {{ model = '{model}' }}\n\
             grants = ['inference']\n[models.named]\nfile = 'm/own.onnx'\n"
        )
    };
    // By name, and as a file that only the property names.
    for name in ["named", "m/own.onnx"] {
        scene.write("m/own.onnx", &model);
        scene.write("m/own.names", "a\nb\n");
        scene.write("p.toml", manifest(name));
        if scene.path("p.lock").exists() {
            fs::remove_file(scene.path("p.lock")).expect("removing");
        }
        scene
            .run(&["lock", "p.toml"])
            .exits(0)
            .says(&["3 components and 1 model"]);
        scene.run(&["run", "p.toml", "--locked"]).exits(0);
        scene.write("m/own.names", "a\nc\n");
        let labels = format!("the labels of model `{name}` have changed");
        scene
            .run(&["run", "p.toml", "--locked"])
            .exits(2)
            .says(&["error[M0031]", &labels]);
        scene
            .run(&["run", "p.toml"])
            .exits(0)
            .says(&["note", &labels]);
        fs::remove_file(scene.path("m/own.names")).expect("removing");
        scene
            .run(&["check", "p.toml", "--locked"])
            .exits(2)
            .says(&[&labels, "now    none"]);
        let mut other = model.clone();
        // A field that no engine reads, as far as it goes: the name of who made it.
        other.extend(b"\x12\x01x");
        scene.write("m/own.onnx", other);
        let changed = format!("model `{name}` has changed");
        scene.run(&["run", "p.toml", "--locked"]).exits(2).says(&[
            "error[M0031]",
            &labels,
            &changed,
        ]);
        let line = format!("lock        model `{name}` changed, labels of model `{name}` changed");
        scene.run(&["audit", "p.toml"]).exits(0).says(&[&line]);
    }
    // The one inside the binary is locked as well.
    scene.write("p.toml", manifest("shapes"));
    scene.run(&["lock", "p.toml"]).exits(0);
    assert!(text(&scene).contains("[models.\"shapes\"]"));
    scene.run(&["run", "p.toml", "--locked"]).exits(0);
}

#[test]
fn locks_that_are_none() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = scene("identity");
    run(&scene, &["lock", "p.toml"]).exits(0);
    let good = text(&scene);
    let cut = &good[..good.len() / 2];
    let digit = good.replacen("sha256 = \"", "sha256 = \"X", 1);
    for (bad, says) in [
        (&b""[..], "needs the key `version`"),
        (b"\xff\xfe", "not UTF-8 text (byte 0)"),
        (
            b"version = 9\ncontract = 'x'",
            "expected a whole number from 1 to 1, got `9`",
        ),
        (cut.as_bytes(), "error[M00"),
        (digit.as_bytes(), "expected 64 hexadecimal digits"),
        (
            &vec![b'#'; (4 << 20) + 1],
            "over the limit of 4194304 bytes",
        ),
    ] {
        scene.write("p.lock", bad);
        for args in [
            &["run", "p.toml"][..],
            &["run", "p.toml", "--locked"],
            &["lock", "p.toml"],
            &["audit", "p.toml"],
        ] {
            run(&scene, args).exits(2).says(&["p.lock", says]);
        }
        assert_eq!(scene.read("p.lock"), bad, "nothing was written");
    }
    // Somebody has edited it: what stands there is not what the component declares.
    let edited = good.replacen("capabilities = []", "capabilities = [\"camera\"]", 1);
    scene.write("p.lock", edited);
    run(&scene, &["run", "p.toml", "--locked"])
        .exits(2)
        .says(&["wants other things than its lock says"]);
    fs::remove_file(scene.path("p.lock")).expect("removing");
    fs::create_dir(scene.path("p.lock")).expect("a folder");
    run(&scene, &["run", "p.toml"])
        .exits(2)
        .says(&["cannot read the lock `p.lock`"]);
    scene.write("x.lock", MANIFEST);
    run(&scene, &["lock", "x.lock"])
        .exits(2)
        .says(&["is a lock's name"]);
    assert_eq!(scene.read("x.lock"), MANIFEST.as_bytes());
    scene
        .run(&["check", "--line", "videotestsrc ! fakesink", "--locked"])
        .exits(2);
}
