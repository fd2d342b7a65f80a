//! The same pictures as a Y4M clip, an MJPEG file and a folder of JPEGs give the same
//! detections, by launch line and by manifest.

use crate::media::{Y4m, avi};
use crate::scene::{Scene, lacks_guests};

const FRAMES: usize = 6;
/// After each reader the same chain. What the detector sees is I420 of the full range
/// in each case, so that it has to find exactly the same.
const REST: &str = "videoconvert ! video/x-raw,format=I420 ! objectdetector";

#[test]
fn a_clip_an_avi_and_a_folder_give_equal_detections() {
    let elements = [
        "videotestsrc",
        "jpegenc",
        "multifilesink",
        "multifilesrc",
        "jpegdec",
        "filesrc",
        "avidemux",
        "y4mdec",
        "y4menc",
        "filesink",
        "videoconvert",
        "objectdetector",
        "detectionsink",
    ];
    if lacks_guests(&elements, &[]) {
        return;
    }
    let scene = Scene::new();
    make_pictures(&scene);
    let readers = [
        (
            "folder",
            "multifilesrc location=pictures/%03d.jpg framerate=25/1 ! jpegdec",
            "pictures",
        ),
        ("avi", "filesrc location=clip.avi ! avidemux ! jpegdec", "."),
        ("y4m", "filesrc location=clip.y4m ! y4mdec", "."),
    ];
    let mut found = Vec::new();
    for (name, reader, folder) in readers {
        let file = format!("line-{name}.jsonl");
        scene
            .launch(&format!(
                "{reader} ! {REST} ! detectionsink location={file}"
            ))
            .exits(0);
        found.push((name, file));
        let file = format!("manifest-{name}.jsonl");
        scene.manifest(&manifest(reader, folder, &file)).exits(0);
        found.push((name, file));
    }
    let first = scene.json_lines(&found[0].1);
    assert_eq!(first.len(), FRAMES);
    assert!(
        first
            .iter()
            .any(|line| line["detections"].as_array().is_some_and(|d| !d.is_empty()))
    );
    for (name, file) in &found {
        let lines = scene.json_lines(file);
        assert_eq!(lines.len(), FRAMES, "{name}: {file}");
        for (got, expected) in lines.iter().zip(&first) {
            assert_eq!(got, expected, "{name}: {file}");
        }
    }
}

/// Planes of the full range, which caps say, and RGB show the same colours.
#[test]
fn planes_and_rgb_of_a_jpeg_have_the_same_colours() {
    let elements = [
        "videotestsrc",
        "jpegenc",
        "multifilesink",
        "multifilesrc",
        "jpegdec",
        "filesink",
        "filesrc",
        "avidemux",
        "videoconvert",
        "y4menc",
    ];
    if lacks_guests(&elements, &[]) {
        return;
    }
    let scene = Scene::new();
    make_pictures(&scene);
    let ways = [
        "video/x-raw,format=RGB",
        "video/x-raw,format=I420,colorimetry=1:4:0:0 ! videoconvert ! video/x-raw,format=RGB",
    ];
    let [direct, converted] = ways.map(|way| {
        let source = "multifilesrc location=pictures/000.jpg num-buffers=1 framerate=25/1";
        let line = format!("{source} ! jpegdec ! {way} ! filesink location=frame.rgb");
        scene.launch(&line).exits(0);
        scene.read("frame.rgb")
    });
    assert_eq!(
        (direct.len(), converted.len()),
        (320 * 240 * 3, 320 * 240 * 3)
    );
    let differences = direct.iter().zip(&converted).map(|(a, b)| a.abs_diff(*b));
    let mean = differences.map(f64::from).sum::<f64>() / direct.len() as f64;
    // A limited range in place of the full one would be off by ten levels and more.
    assert!(mean < 2.0, "{mean} levels");
}

fn make_pictures(scene: &Scene) {
    scene.write("pictures/readme", "");
    let line = format!(
        "videotestsrc pattern=shapes num-buffers={FRAMES} seed=5 \
         ! video/x-raw,width=320,height=240,framerate=25/1 ! videoconvert ! jpegenc \
         ! multifilesink location=pictures/%03d.jpg"
    );
    scene.launch(&line).exits(0);
    let jpegs: Vec<_> = (0..FRAMES)
        .map(|n| scene.read(&format!("pictures/{n:03}.jpg")))
        .collect();
    scene.write("clip.avi", avi(320, 240, 25, &jpegs));
    // From the JPEGs, so that all three hold the same pixels.
    scene
        .launch(
            "multifilesrc location=pictures/%03d.jpg framerate=25/1 ! jpegdec ! videoconvert \
             ! y4menc ! filesink location=clip.y4m",
        )
        .exits(0);
    assert_eq!(Y4m::parse(&scene.read("clip.y4m")).frames.len(), FRAMES);
}

/// The launch line's words as elements of a manifest.
fn manifest(reader: &str, folder: &str, file: &str) -> String {
    let (source, rest) = reader.split_once(" ! ").expect("a source and a decoder");
    let mut words = source.split(' ');
    let component = words.next().expect("a source");
    let properties: Vec<String> = words
        .filter_map(|word| word.split_once('='))
        .map(|(name, value)| format!("{name} = \"{value}\""))
        .collect();
    format!(
        r#"
        [pipeline]
        clock = "virtual"
        chains = ["source ! {rest} ! {REST} ! sink"]
        [elements.source]
        component = "{component}"
        properties = {{ {} }}
        grants = ["files:{folder}"]
        [elements.objectdetector]
        grants = ["inference"]
        [elements.sink]
        component = "detectionsink"
        properties = {{ location = "{file}" }}
        grants = ["files:.:rw"]
        "#,
        properties.join(", ")
    )
}
