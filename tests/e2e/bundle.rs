//! Bundles: what `compile` puts into one file runs elsewhere, and nothing else of it does.

use std::fs;
use std::ops::Range;

use sha2::{Digest as _, Sha256};

use crate::scene::{Run, Scene, lacks_guests};

const ELEMENTS: &[&str] = &[
    "videotestsrc",
    "identity",
    "fakesink",
    "filesink",
    "filesrc",
];
const LINE: &str = "videotestsrc num-buffers=2 ! identity ! fakesink";
const COMPONENTS: u64 = 3;

/// Compiles a launch line to `x.bundle`, and gives its SHA-256.
fn compile(scene: &Scene, line: &str, options: &[&str]) -> String {
    let mut args = vec!["compile", "--line", line, "-o", "x.bundle"];
    args.extend(options);
    let run = scene.run(&args).exits(0);
    let digest = run.stdout.trim().strip_prefix("sha256:");
    digest.expect("a digest").to_owned()
}

fn play(scene: &Scene, options: &[&str]) -> Run {
    let mut args = vec!["run", "x.bundle", "--json", "--clock", "virtual"];
    args.extend(options);
    scene.run(&args)
}

/// Components compiled, out of the cache, and out of the bundle.
fn counts(run: Run) -> [u64; 3] {
    let summary = run.exits(0).summary();
    ["compiled", "loaded", "bundled"].map(|it| {
        let count = summary[format!("components-{it}")].as_u64();
        count.expect("a count of components")
    })
}

/// A scene with a bundle, whose cache is empty again.
fn compiled(line: &str, options: &[&str]) -> (Scene, String) {
    let scene = Scene::with_own_cache();
    let digest = compile(&scene, line, options);
    fs::remove_dir_all(scene.path("cache")).expect("a cache");
    (scene, digest)
}

#[test]
fn machine_code_that_is_trusted_runs_and_nothing_is_compiled() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let (scene, digest) = compiled(LINE, &[]);
    let named = format!("--trust-compiled={digest}");
    for trust in ["--trust-compiled", &named] {
        let run = play(&scene, &[trust]);
        assert_eq!(run.stderr, "");
        assert_eq!(counts(run), [0, 0, COMPONENTS]);
    }
    assert!(!scene.path("cache").exists());
}

#[test]
fn machine_code_that_nobody_trusts_does_not_run() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let (scene, _) = compiled(LINE, &[]);
    let run = play(&scene, &[]).says(&["is not used", "--trust-compiled"]);
    assert_eq!(counts(run), [COMPONENTS, 0, 0]);
    assert_eq!(counts(play(&scene, &[])), [0, COMPONENTS, 0]);
}

#[test]
fn another_file_than_the_one_that_is_trusted_does_not_run() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let (scene, _) = compiled(LINE, &[]);
    let other = format!("--trust-compiled={}", "0".repeat(64));
    play(&scene, &[&other]).exits(2).says(&[
        "M0110",
        "it is another than was asked for",
        "wanted sha256:0000",
    ]);
    play(&scene, &["--trust-compiled=12"])
        .exits(2)
        .says(&["64 hexadecimal digits"]);
    scene.write(
        "p.toml",
        "[pipeline]\nchains = ['videotestsrc ! fakesink']\n",
    );
    scene
        .run(&["run", "p.toml", "--trust-compiled"])
        .exits(2)
        .says(&["is no bundle"]);
}

#[test]
fn the_same_pipeline_is_the_same_file() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let first = compile(&scene, LINE, &[]);
    let bytes = scene.read("x.bundle");
    assert_eq!(compile(&scene, LINE, &[]), first);
    assert!(bytes == scene.read("x.bundle"));
}

#[test]
fn code_for_a_level_of_processors_runs() {
    if lacks_guests(ELEMENTS, &[]) || !cfg!(target_arch = "x86_64") {
        return;
    }
    let (scene, _) = compiled(LINE, &["--cpu", "x86-64-v2"]);
    let run = play(&scene, &["--trust-compiled"]);
    assert_eq!(counts(run), [0, 0, COMPONENTS]);
    let args = ["compile", "--line", LINE, "-o", "y", "--cpu", "i386"];
    scene.run(&args).exits(2).says(&["x86-64-v3"]);
}

/// A manifest's grants, relative names and model are those of its text, wherever the
/// bundle is made; only media are looked for beside the bundle.
#[test]
fn a_manifest_in_a_bundle_reads_media_beside_it() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let scene = Scene::new();
    let manifest = "[pipeline]\nclock = 'virtual'\n\
        chains = ['read ! write']\n\
        [elements.read]\ncomponent = 'filesrc'\ngrants = ['files:.']\n\
        properties = { location = 'in.bin' }\n\
        [elements.write]\ncomponent = 'filesink'\ngrants = ['files:out:rw']\n\
        properties = { location = 'out/out.bin' }\n";
    scene.write("made/p.toml", manifest);
    scene
        .run(&["compile", "made/p.toml", "-o", "made/p.bundle"])
        .exits(0);
    scene.write("there/p.bundle", scene.read("made/p.bundle"));
    let run = |options: &[&str]| {
        let mut args = vec!["run", "there/p.bundle", "--trust-compiled"];
        args.extend(options);
        scene.run(&args)
    };
    fs::create_dir(scene.path("there/out")).expect("a folder");
    run(&[]).exits(1).says(&["in.bin"]);
    scene.write("there/in.bin", "what is beside it");
    run(&["--locked"]).exits(0);
    assert_eq!(scene.read("there/out/out.bin"), b"what is beside it");
    for command in ["check", "audit", "graph"] {
        scene
            .run(&[command, "there/p.bundle", "--trust-compiled"])
            .exits(0)
            .says(&["read"]);
    }
    scene
        .run(&["lock", "there/p.bundle"])
        .exits(2)
        .says(&["its lock inside"]);
    scene
        .run(&["compile", "there/p.bundle", "-o", "z"])
        .exits(2)
        .says(&["a bundle already"]);
}

#[test]
fn a_bundle_has_its_model_and_labels_inside() {
    if lacks_guests(&["videotestsrc", "objectdetector", "fakesink"], &[]) {
        return;
    }
    let scene = Scene::new();
    let model = crate::scene::root().join("models/shapes.onnx");
    scene.write("made/m.onnx", fs::read(model).expect("a model"));
    scene.write("made/m.names", "a\nb\nc\nd\ne\nf\n");
    let manifest = "[pipeline]\nclock = 'virtual'\n\
        chains = ['videotestsrc num-buffers=1 ! video/x-raw,format=RGB,width=320,height=240 ! d ! fakesink']\n\
        [elements.d]\ncomponent = 'objectdetector'\ngrants = ['inference']\n\
        properties = { model = 'mine' }\n\
        [models.mine]\nfile = 'm.onnx'\nlabels = 'm.names'\n";
    scene.write("made/p.toml", manifest);
    scene
        .run(&["compile", "made/p.toml", "-o", "x.bundle"])
        .exits(0)
        .says(&["1 model"]);
    fs::remove_dir_all(scene.path("made")).expect("a folder");
    let run = play(&scene, &["--trust-compiled", "--backend", "embedded"]);
    assert_eq!(counts(run), [0, 0, 3]);
}

/// A part of a tar file: its name, and where its header and its bytes lie.
type Part = (String, Range<usize>, Range<usize>);

fn parts(bundle: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut at = 0;
    while bundle[at] != 0 {
        let header = &bundle[at..at + 512];
        let text = |range: Range<usize>| {
            let text = String::from_utf8_lossy(&header[range]);
            text.split('\0').next().unwrap_or_default().to_owned()
        };
        let size = usize::from_str_radix(text(124..136).trim(), 8).expect("a size");
        let name = format!("{}/{}", text(345..500), text(0..100));
        parts.push((name, at..at + 512, at + 512..at + 512 + size));
        at += 512 + size.div_ceil(512) * 512;
    }
    parts
}

fn part(bundle: &[u8], name: &str) -> (Range<usize>, Range<usize>) {
    let mut parts = parts(bundle).into_iter();
    let (_, header, bytes) = parts
        .find(|part| part.0.contains(name))
        .expect("a part of that name");
    (header, bytes)
}

/// Gives a tar header the checksum that fits it.
fn seal(header: &mut [u8]) {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

#[test]
fn damaged_bundles_are_refused() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let (scene, _) = compiled(LINE, &[]);
    let whole = scene.read("x.bundle");
    let check = |why: &str, bytes: &[u8], says: &[&str]| {
        scene.write("x.bundle", bytes);
        let run = play(&scene, &["--trust-compiled"]).exits(2);
        assert!(run.stderr.contains("M0110"), "{why}: {}", run.stderr);
        run.says(says);
    };
    let ends = [600, 1500, whole.len() / 2, whole.len() - 100_000];
    for end in ends {
        check("cut", &whole[..end], &["hint: "]);
    }
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 4;
        bytes
    };
    for name in ["compiled/", "standard/"] {
        let (_, bytes) = part(&whole, name);
        let bytes = flipped(bytes.start + bytes.len() / 2);
        check("flipped", &bytes, &["is damaged"]);
    }
    let (header, _) = part(&whole, "compiled/");
    check("header", &flipped(header.start + 20), &["damaged"]);
    for (size, says) in [
        ("77777777777", "too large"),
        ("00004000000", "SHA-256 is not its name"),
    ] {
        let mut bytes = whole.clone();
        bytes[header.start + 124..header.start + 135].copy_from_slice(size.as_bytes());
        seal(&mut bytes[header.clone()]);
        check(size, &bytes, &[says]);
    }
    for name in ["../../x.wasm", "/etc/passwd", "millstream-bundle"] {
        let mut bytes = whole.clone();
        bytes[header.start..header.start + 100].fill(0);
        bytes[header.start + 345..header.start + 500].fill(0);
        bytes[header.start..header.start + name.len()].copy_from_slice(name.as_bytes());
        seal(&mut bytes[header.clone()]);
        check(name, &bytes, &[name]);
    }
    let mut link = whole.clone();
    link[header.start + 156] = b'2';
    seal(&mut link[header.clone()]);
    check("a link", &link, &["no part of a bundle"]);
    let mut other = whole;
    let (_, first) = part(&other, "millstream-bundle");
    other[first.start] = b'7';
    check("another form", &other, &["form 7"]);
}

/// Machine code of another version, or for another machine, is compiled again here, and
/// said so.
#[test]
fn machine_code_that_does_not_fit_is_compiled_again() {
    if lacks_guests(ELEMENTS, &[]) {
        return;
    }
    let (scene, _) = compiled(LINE, &[]);
    let mut bundle = scene.read("x.bundle");
    let parts = parts(&bundle).into_iter();
    for (_, header, code) in parts.filter(|part| part.0.starts_with("compiled/")) {
        // How the section of the engine begins: its form, a length, the major version.
        let version = b"\0\x0248";
        let own = &mut bundle[code.clone()];
        let at = own.windows(version.len()).position(|it| it == version);
        own[at.expect("a version") + 2] = b'3';
        // Its name is its SHA-256, behind the folder.
        let name = format!("{:x}.cwasm", Sha256::digest(&bundle[code]));
        let header = &mut bundle[header];
        header[..name.len()].copy_from_slice(name.as_bytes());
        seal(header);
    }
    scene.write("x.bundle", &bundle);
    let run = play(&scene, &["--trust-compiled"]).says(&[
        "does not fit",
        "incompatible version",
        "made by millstream",
    ]);
    assert_eq!(counts(run), [COMPONENTS, 0, 0]);
}
