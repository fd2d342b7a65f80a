//! Broken, truncated, huge and hostile input: an explanation and an exit code, and what
//! was written before stays readable. Exact texts of mistakes in launch lines, manifests
//! and caps stand in `millstream-core`; here is what only the whole program can show.

use crate::media::{Y4m, avi, jpeg, png, y4m};
use crate::scene::{Scene, guest, lacks_guests};

/// A file that a case needs: its name and bytes.
type File = (&'static str, Vec<u8>);

/// What is run: a launch line, with the elements that it needs.
struct Case {
    line: &'static str,
    needs: &'static [&'static str],
    files: Vec<File>,
    code: i32,
    says: &'static [&'static str],
}

fn check(cases: Vec<Case>) {
    for case in cases {
        if lacks_guests(case.needs, &[]) {
            continue;
        }
        let scene = Scene::new();
        for (name, bytes) in &case.files {
            scene.write(name, bytes);
        }
        scene.launch(case.line).exits(case.code).says(case.says);
    }
}

fn cut(mut bytes: Vec<u8>, left: usize) -> Vec<u8> {
    bytes.truncate(left);
    bytes
}

/// With other bytes at a place.
fn with(mut bytes: Vec<u8>, at: usize, other: &[u8]) -> Vec<u8> {
    bytes[at..at + other.len()].copy_from_slice(other);
    bytes
}

/// Where a stretch of bytes begins.
fn find(bytes: &[u8], what: &[u8]) -> usize {
    bytes
        .windows(what.len())
        .position(|window| window == what)
        .expect("bytes")
}

const Y4M: &str = "filesrc location=in.y4m ! y4mdec ! fakesink";
const Y4M_NEEDS: &[&str] = &["filesrc", "y4mdec", "fakesink"];

#[test]
fn broken_y4m_clips() {
    let case = |bytes: Vec<u8>, code, says| Case {
        line: Y4M,
        needs: Y4M_NEEDS,
        files: vec![("in.y4m", bytes)],
        code,
        says,
    };
    check(vec![
        // The frames before the cut are good; that one is missing is a warning.
        case(cut(y4m(64, 48, 3), 10_000), 0, &["warning: y4mdec0"]),
        case(
            b"not a clip at all\n".to_vec(),
            1,
            &["y4mdec0", "YUV4MPEG2"],
        ),
        case(vec![0; 100_000], 1, &["y4mdec0"]),
        case(
            b"YUV4MPEG2 W99999999 H99999999 F25:1\nFRAME\n".to_vec(),
            1,
            &["y4mdec0", "99999999"],
        ),
        case(b"YUV4MPEG2 W0 H48 F25:1\nFRAME\n".to_vec(), 1, &["y4mdec0"]),
        case(
            b"YUV4MPEG2 W64 H48 F25:1 C444p16\nFRAME\n".to_vec(),
            1,
            &["y4mdec0", "444p16"],
        ),
        case(
            b"YUV4MPEG2 W64 H48 F25:0 C420\nFRAME\n".to_vec(),
            1,
            &["y4mdec0"],
        ),
        case(
            [y4m(64, 48, 1), b"FRAMX\n".repeat(900)].concat(),
            1,
            &["y4mdec0"],
        ),
    ]);
}

/// A folder of pictures; the first is good.
fn pictures(ending: &str, good: &[u8], bad: Vec<u8>, is_only_one: bool) -> Scene {
    let scene = Scene::new();
    let files = if is_only_one {
        vec![bad]
    } else {
        vec![good.to_vec(), bad, good.to_vec()]
    };
    for (number, bytes) in files.iter().enumerate() {
        scene.write(&format!("{number}.{ending}"), bytes);
    }
    scene
}

/// A damaged picture among good ones is dropped with a warning; where there is no good
/// one, that is an error.
fn check_pictures(ending: &str, good: &[u8], damaged: Vec<Vec<u8>>) {
    let (source, decoder) = (
        "multifilesrc location=%d",
        format!("{}dec", decoder(ending)),
    );
    if lacks_guests(&["multifilesrc", "fakesink", &decoder], &[]) {
        return;
    }
    let line = format!("{source}.{ending} ! {decoder} ! fakesink");
    let warning = format!("warning: {decoder}0: dropped");
    let error = format!("error: element `{decoder}0`: ");
    let run = pictures(ending, good, good.to_vec(), false)
        .launch(&line)
        .exits(0);
    assert_eq!(run.count("fakesink0", "buffers-in"), 3);
    for bytes in damaged {
        let run = pictures(ending, good, bytes.clone(), false)
            .launch(&line)
            .exits(0);
        assert_eq!(run.count("fakesink0", "buffers-in"), 2, "{}", run.stderr);
        run.says(&[&warning]);
        pictures(ending, good, bytes, true)
            .launch(&line)
            .exits(1)
            .says(&[&error]);
    }
}

fn decoder(ending: &str) -> &str {
    if ending == "jpg" { "jpeg" } else { ending }
}

#[test]
fn broken_jpegs() {
    let good = jpeg(64, 48);
    let size_at = find(&good, &[0xFF, 0xC0]) + 5;
    let damaged = vec![
        Vec::new(),
        cut(good.clone(), 20),
        cut(good.clone(), size_at),
        b"GIF89a and more".to_vec(),
        vec![0xFF; 10_000],
        // 65,500 x 65,500 in a kilobyte: 12 GiB if anyone believed it.
        with(good.clone(), size_at, &[0xFF, 0xDC, 0xFF, 0xDC]),
        with(good.clone(), size_at, &[0, 0, 0, 0]),
    ];
    check_pictures("jpg", &good, damaged);
}

#[test]
fn broken_pngs() {
    let good = png(64, 48);
    let damaged = vec![
        Vec::new(),
        cut(good.clone(), 30),
        b"\x89PNG\r\n\x1a\nnothing".to_vec(),
        with(good.clone(), 16, &[0x7F, 0xFF, 0xFF, 0xFF]),
        with(good.clone(), 45, &[9, 9, 9, 9]),
    ];
    check_pictures("png", &good, damaged);
}

const AVI: &str = "filesrc location=in.avi ! avidemux ! jpegdec ! fakesink";
const AVI_NEEDS: &[&str] = &["filesrc", "avidemux", "jpegdec", "fakesink"];

#[test]
fn broken_avis() {
    let good = avi(64, 48, 25, &[jpeg(64, 48), jpeg(64, 48), jpeg(64, 48)]);
    let movie = find(&good, b"movi");
    // The header of the format, not that of the stream, says what the codec is.
    let codec = find(&good, b"strf") + 24;
    // Where the second chunk says how long it is.
    let second = movie + 12 + find(&good[movie + 12..], b"00dc") + 4;
    let case = |bytes: Vec<u8>, code, says| Case {
        line: AVI,
        needs: AVI_NEEDS,
        files: vec![("in.avi", bytes)],
        code,
        says,
    };
    check(vec![
        case(good.clone(), 0, &[]),
        case(cut(good.clone(), 40), 1, &["avidemux0"]),
        case(b"RIFF\xff\xff\xff\xffWAVEfmt ".to_vec(), 1, &["avidemux0"]),
        // A second chunk of 4 GiB.
        case(
            with(good.clone(), second, &[0xFF; 4]),
            0,
            &["warning: avidemux0: dropped"],
        ),
        // A codec that is none of ours.
        case(
            with(good.clone(), codec, b"H264"),
            1,
            &["avidemux0", "`H264`"],
        ),
    ]);
    if lacks_guests(AVI_NEEDS, &[]) {
        return;
    }
    // A recording that was cut off: the frames before the cut are good.
    let scene = Scene::new();
    scene.write(
        "in.avi",
        cut(good.clone(), movie + (good.len() - movie) / 2),
    );
    let run = scene.launch(AVI);
    assert!(
        run.code == Some(0) || run.code == Some(1),
        "{:?}\n{}",
        run.code,
        run.stderr
    );
    assert!(run.count("fakesink0", "buffers-in") >= 1, "{}", run.stderr);
}

#[test]
fn an_empty_file_is_no_clip() {
    let case = |line, needs, says| Case {
        line,
        needs,
        files: vec![("in.y4m", Vec::new()), ("in.avi", Vec::new())],
        code: 1,
        says,
    };
    check(vec![
        case(Y4M, Y4M_NEEDS, &["error: element `y4mdec0`"]),
        case(AVI, AVI_NEEDS, &["error: element `avidemux0`"]),
    ]);
}

#[test]
fn a_file_without_a_single_frame_is_no_clip() {
    let one = avi(64, 48, 25, &[jpeg(64, 48)]);
    let size_at = find(&one, b"movi") + 8;
    let case = |bytes| Case {
        line: AVI,
        needs: AVI_NEEDS,
        files: vec![("in.avi", bytes)],
        code: 1,
        says: &["error: element `avidemux0`"],
    };
    check(vec![
        case(vec![0; 50_000]),
        case(with(one, size_at, &[0xFF; 4])),
    ]);
}

#[test]
fn files_and_folders_that_are_not_there() {
    let case = |line, code, says| Case {
        line,
        needs: &["filesrc", "filesink"],
        files: vec![],
        code,
        says,
    };
    check(vec![
        case(
            "filesrc location=nowhere.y4m ! fakesink",
            1,
            &["filesrc0", "nowhere.y4m"],
        ),
        case(
            "filesrc location=no/where.y4m ! fakesink",
            2,
            &["filesrc0", "no", "does not exist"],
        ),
        case("filesrc location=. ! fakesink", 1, &["filesrc0"]),
        case("filesrc location=\"\" ! fakesink", 1, &["filesrc0"]),
        case(
            "videotestsrc num-buffers=1 ! y4menc ! filesink location=no/folder/out.y4m",
            2,
            &[
                "filesink0",
                "does not exist",
                "hint: make it: `mkdir -p no/folder`",
            ],
        ),
        case(
            "multifilesrc location=%d.jpg ! fakesink",
            1,
            &["multifilesrc0", "0.jpg"],
        ),
        case(
            "multifilesrc location=%d%d.jpg ! fakesink",
            2,
            &["multifilesrc0"],
        ),
        case("filesrc ! fakesink", 2, &["location"]),
    ]);
}

#[test]
fn components_that_are_none() {
    if lacks_guests(&["videotestsrc", "identity", "fakesink"], &[]) {
        return;
    }
    let whole = std::fs::read(guest("components", "identity")).expect("a component");
    let cases: [(&str, Vec<u8>, &[&str]); 6] = [
        (
            "garbage",
            b"#!/bin/sh\necho hello\n".to_vec(),
            &["not a WebAssembly file"],
        ),
        ("empty", Vec::new(), &["not a WebAssembly file"]),
        (
            "module",
            b"\0asm\x01\0\0\0".to_vec(),
            &["a core module, not a component"],
        ),
        (
            "half",
            cut(whole.clone(), whole.len() / 2),
            &["a damaged component"],
        ),
        ("bare", b"\0asm\x0d\0\x01\0".to_vec(), &["bare.wasm"]),
        (
            "scrambled",
            with(whole.clone(), whole.len() / 2, &[0xFF; 64]),
            &["a damaged component"],
        ),
    ];
    for (name, bytes, says) in cases {
        let scene = Scene::new();
        scene.write(&format!("{name}.wasm"), bytes);
        let line = format!("videotestsrc num-buffers=1 ! ./{name}.wasm ! fakesink");
        scene
            .launch(&line)
            .exits(2)
            .says(&["error[", name])
            .says(says);
        scene
            .run(&["inspect", &format!("./{name}.wasm")])
            .exits(2)
            .says(&[name])
            .says(says);
    }
    Scene::new()
        .launch("videotestsrc ! ./missing.wasm ! fakesink")
        .exits(2)
        .says(&["missing.wasm"]);
}

#[test]
fn texts_that_make_no_pipeline() {
    let case = |line, says| Case {
        line,
        needs: &["videotestsrc", "fakesink"],
        files: vec![],
        code: 2,
        says,
    };
    check(vec![
        case("", &["the pipeline is empty"]),
        case(
            "videotestsrk ! fakesink",
            &["hint: did you mean `videotestsrc`?"],
        ),
        case(
            "videotestsrc patern=snow ! fakesink",
            &["hint: did you mean `pattern`?"],
        ),
        case(
            "videotestsrc num-buffers=many ! fakesink",
            &["expected a whole number, got `many`"],
        ),
        case("videotestsrc !", &["nothing stands behind this `!`"]),
        case("videotestsrc", &["error["]),
        case("fakesink", &["the pipeline has no source"]),
        case(
            "videotestsrc ! video/x-raw,width=100000 ! fakesink",
            &["`videotestsrc0.src`", "width"],
        ),
        case(
            "videotestsrc ! video/x-raw,format=I420 ! video/x-raw,format=RGB ! fakesink",
            &["format", "hint: "],
        ),
        case(
            "identity name=a ! identity name=b  a. ! b.  b. ! a.",
            &["error["],
        ),
    ]);
    let scene = Scene::new();
    let formats = "I420,".repeat(20_000);
    let line = format!("videotestsrc ! video/x-raw,format={{{formats}I420}} ! fakesink");
    scene.launch(&line).exits(2).says(&["65"]);
    let deep = format!(
        "videotestsrc ! video/x-raw,format={}I420 ! fakesink",
        "{".repeat(20_000)
    );
    scene.launch(&deep).exits(2).says(&["error["]);
    let long = format!("videotestsrc {} ! fakesink", "! identity ".repeat(4_000));
    scene.launch(&long).exits(2).says(&["error["]);
}

#[test]
fn frames_that_nobody_has_memory_for() {
    if lacks_guests(&["videotestsrc", "videoconvert", "fakesink"], &[]) {
        return;
    }
    let scene = Scene::new();
    let line = "videotestsrc num-buffers=1 \
                ! video/x-raw,format=RGBA,width=16384,height=16384 ! fakesink";
    scene.launch(line).exits(1).says(&["videotestsrc0"]);
}

#[test]
fn manifests_that_are_none() {
    let scene = Scene::new();
    scene
        .run(&["run", "nowhere.toml"])
        .exits(2)
        .says(&["nowhere.toml"]);
    scene.run(&["run", "."]).exits(2);
    let cases: [(&[u8], &[&str]); 10] = [
        (b"", &["pipeline.toml", "[pipeline]"]),
        (b"\xff\xfe\x00binary", &["pipeline.toml"]),
        (b"[pipeline\nchains = []", &["pipeline.toml:1:"]),
        (b"[pipeline]\nchains = []\n", &["pipeline"]),
        (
            b"[pipeline]\nchains = ['a ! b']\ncolour = 1\n",
            &["pipeline.toml:3:1", "colour"],
        ),
        (
            b"[pipeline]\nchains = ['videotestsrc ! fakesink']\n[elements.x]\ncomponent = 5\n",
            &["pipeline.toml:4:", "expected text, got `5`"],
        ),
        (
            b"[pipeline]\nchains = ['a ! fakesink']\n[elements.a]\ngrants = ['everything']\n",
            &["pipeline.toml:4:", "everything", "files:DIR"],
        ),
        (
            b"[pipeline]\nchains = ['videotestsrk ! fakesink']\n",
            &["videotestsrc"],
        ),
        (
            b"[pipeline]\nclock = 'atomic'\nchains = ['a ! b']\n",
            &["pipeline.toml:2:", "atomic"],
        ),
        (
            b"[pipeline]\nchains = ['a ! b']\n[models.m]\nfile = 'nowhere.onnx'\n",
            &["nowhere.onnx"],
        ),
    ];
    for (text, says) in cases {
        scene.write("pipeline.toml", text);
        scene.run(&["run", "pipeline.toml"]).exits(2).says(says);
    }
    let huge = format!(
        "[pipeline]\nchains = ['{}']\n",
        "identity ! ".repeat(200_000)
    );
    scene.write("pipeline.toml", huge);
    scene
        .run(&["run", "pipeline.toml"])
        .exits(2)
        .says(&["1048576"]);
}

#[test]
fn what_was_not_granted() {
    if lacks_guests(
        &[
            "videotestsrc",
            "filesrc",
            "filesink",
            "fakesink",
            "objectdetector",
        ],
        &[],
    ) {
        return;
    }
    let scene = Scene::new();
    scene.write("outside/secret.txt", "secret");
    std::fs::create_dir(scene.path("in")).expect("a folder");
    let secret = scene.path("outside/secret.txt");
    std::os::unix::fs::symlink(&secret, scene.path("in/link")).expect("a link");
    let manifest = |location: &str, grants: &str| {
        format!(
            "[pipeline]\nchains = ['file ! fakesink']\n[elements.file]\ncomponent = 'filesrc'\n\
             properties = {{ location = '{location}' }}\n{grants}\n"
        )
    };
    scene.manifest(&manifest("in/a", "")).exits(2).says(&[
        "error[M0105]",
        "`file`",
        "hint: add `grants = [\"files:DIR\"]` to `[elements.file]`",
    ]);
    for location in [
        "outside/secret.txt",
        "in/../outside/secret.txt",
        "in/link",
        "/etc/passwd",
    ] {
        let run = scene
            .manifest(&manifest(location, "grants = ['files:in']"))
            .exits(1);
        run.says(&["`file` failed in start"]);
    }
    let line = "[pipeline]\nchains = ['videotestsrc ! objectdetector ! fakesink']\n";
    scene
        .manifest(line)
        .exits(2)
        .says(&["objectdetector", "`inference`", "hint: add `grants"]);
}

#[test]
fn models_that_are_none() {
    if lacks_guests(&["videotestsrc", "objectdetector", "fakesink"], &[]) {
        return;
    }
    let scene = Scene::new();
    scene.write("empty.onnx", "");
    scene.write("garbage.onnx", vec![0xAB; 5_000]);
    let line = |model: &str| {
        format!("videotestsrc num-buffers=1 ! objectdetector model={model} ! fakesink")
    };
    scene
        .launch(&line("nowhere.onnx"))
        .exits(2)
        .says(&["nowhere.onnx"]);
    for model in ["empty", "garbage"] {
        scene
            .launch(&line(&format!("{model}.onnx")))
            .exits(2)
            .says(&["objectdetector0", model]);
    }
}

#[test]
fn what_was_written_before_a_failure_stays_readable() {
    if lacks_guests(&["videotestsrc", "identity", "y4menc", "filesink"], &[]) {
        return;
    }
    let scene = Scene::new();
    scene
        .launch(
            "videotestsrc num-buffers=20 ! identity error-after=5 ! queue ! y4menc \
             ! filesink location=out.y4m",
        )
        .exits(1)
        .says(&["failed after 5 buffers"]);
    assert_eq!(Y4m::parse(&scene.read("out.y4m")).frames.len(), 5);
}

#[test]
fn arguments_that_make_no_sense() {
    let scene = Scene::new();
    for args in [
        &[][..],
        &["play"],
        &["launch"],
        &["launch", "videotestsrc ! fakesink", "--clock", "sundial"],
        &["launch", "videotestsrc ! fakesink", "--grant", "everything"],
        &["launch", "videotestsrc ! fakesink", "--elements", "nowhere"],
        &["launch", "videotestsrc ! fakesink", "--backend", "abacus"],
        &["inspect", "videotestsrk"],
        &["caps", "intersect", "video/x-raw"],
        &["caps", "fixate", "video/x-raw, width=["],
    ] {
        let run = scene.run(args).exits(2);
        assert!(
            run.stdout.is_empty(),
            "{args:?} said on stdout: {}",
            run.stdout
        );
        assert!(!run.stderr.is_empty(), "{args:?} said nothing");
    }
}
