//! Detectors against what is known: the shipped model against the test source's ground
//! truth, real models on real photographs against ONNX Runtime's own results.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::scene::{Scene, lacks, lacks_guests, root};

/// A box with its label.
#[derive(Debug, Clone, PartialEq)]
struct Found {
    label: String,
    confidence: f64,
    /// Left, top, right, bottom.
    edges: [f64; 4],
}

impl Found {
    /// From a line of `detectionsink`.
    fn from_line(detection: &Value) -> Self {
        let number = |key: &str| detection["box"][key].as_f64().expect("a number");
        let (x, y) = (number("x"), number("y"));
        Self {
            label: detection["label"].as_str().expect("a label").to_owned(),
            confidence: detection["confidence"].as_f64().expect("a number"),
            edges: [x, y, x + number("width"), y + number("height")],
        }
    }

    fn from_reference(detection: &Value) -> Self {
        let edge = |index: usize| detection["box"][index].as_f64().expect("a number");
        Self {
            label: detection["label"].as_str().expect("a label").to_owned(),
            confidence: detection["confidence"].as_f64().expect("a number"),
            edges: [edge(0), edge(1), edge(2), edge(3)],
        }
    }

    fn iou(&self, other: &Self) -> f64 {
        let area = |[x1, y1, x2, y2]: [f64; 4]| (x2 - x1).max(0.0) * (y2 - y1).max(0.0);
        let ([a, b, c, d], [e, f, g, h]) = (self.edges, other.edges);
        let common = area([a.max(e), b.max(f), c.min(g), d.min(h)]);
        common / (area(self.edges) + area(other.edges) - common)
    }

    /// Cut at the picture's borders, as the reference may or may not be.
    fn inside(mut self, width: f64, height: f64) -> Self {
        for (edge, limit) in self.edges.iter_mut().zip([width, height, width, height]) {
            *edge = edge.clamp(0.0, limit);
        }
        self
    }
}

fn detections(line: &Value) -> Vec<Found> {
    let list = line["detections"].as_array().expect("detections");
    list.iter().map(Found::from_line).collect()
}

/// How many of `found` are one of `truth`, each at most once.
fn matches(found: &[Found], truth: &[Found], least: f64) -> usize {
    let mut left: Vec<&Found> = truth.iter().collect();
    let mut count = 0;
    for one in found {
        let fits = |it: &&Found| it.label == one.label && it.iou(one) >= least;
        if let Some(index) = left.iter().position(fits) {
            left.remove(index);
            count += 1;
        }
    }
    count
}

#[test]
fn the_shipped_model_finds_the_shapes() {
    let elements = ["videotestsrc", "objectdetector", "detectionsink"];
    if lacks_guests(&elements, &[])
        || lacks(
            "models/shapes.onnx",
            root().join("models/shapes.onnx").is_file(),
        )
    {
        return;
    }
    let scene = Scene::new();
    scene
        .launch(
            "videotestsrc pattern=shapes num-buffers=60 seed=21 \
             ! video/x-raw,format=I420,width=640,height=480,framerate=10/1 ! objectdetector \
             ! tee name=t  t. ! queue ! detectionsink location=found.jsonl  \
             t. ! queue ! detectionsink layer=ground-truth location=truth.jsonl",
        )
        .exits(0);
    let (found, truth) = (
        scene.json_lines("found.jsonl"),
        scene.json_lines("truth.jsonl"),
    );
    assert_eq!((found.len(), truth.len()), (60, 60));
    let (mut right, mut all_found, mut all_true) = (0, 0, 0);
    for (found, truth) in found.iter().zip(&truth) {
        let (found, truth) = (detections(found), detections(truth));
        right += matches(&found, &truth, 0.5);
        all_found += found.len();
        all_true += truth.len();
    }
    let (recall, precision) = (
        right as f64 / all_true as f64,
        right as f64 / all_found.max(1) as f64,
    );
    eprintln!("shapes: recall {recall:.3}, precision {precision:.3} of {all_true} objects");
    assert!(all_true >= 300, "{all_true} objects");
    assert!(
        recall >= 0.9 && precision >= 0.9,
        "recall {recall:.3}, precision {precision:.3}"
    );
}

#[test]
fn fastestdet_finds_what_onnx_runtime_finds() {
    check_model("FastestDet");
}

#[test]
fn yolox_finds_what_onnx_runtime_finds() {
    check_model("yolox_nano_416");
}

fn check_model(model: &str) {
    let elements = [
        "multifilesrc",
        "jpegdec",
        "pngdec",
        "objectdetector",
        "detectionsink",
    ];
    let Some(shared) = shared() else { return };
    if lacks_guests(&elements, &[]) {
        return;
    }
    let text = std::fs::read_to_string(shared.join("images/reference.json")).expect("reference");
    let reference: Value = serde_json::from_str(&text).expect("JSON");
    for (picture, entry) in reference.as_object().expect("pictures by name") {
        for backend in ["embedded", "auto"] {
            check_picture(&shared, model, picture, entry, backend);
        }
    }
}

fn check_picture(shared: &Path, model: &str, picture: &str, entry: &Value, backend: &str) {
    let scene = Scene::new();
    let is_png = picture.rsplit('.').next() == Some("png");
    let decoder = if is_png { "pngdec" } else { "jpegdec" };
    let path = |folder: &str, name: &str| shared.join(folder).join(name).display().to_string();
    // The reference's suppression knows no classes.
    let line = format!(
        "multifilesrc location={} num-buffers=1 ! {decoder} \
         ! objectdetector model={} class-agnostic=true ! detectionsink location=found.jsonl",
        path("images", picture),
        path("models", &format!("{model}.onnx"))
    );
    scene.launch_with(&line, &["--backend", backend]).exits(0);
    let lines = scene.json_lines("found.jsonl");
    assert_eq!(lines.len(), 1, "{picture}");
    let list = entry[model].as_array().expect("the model's detections");
    let side = |index: usize| entry["size"][index].as_f64().expect("a size");
    let inside = |found: Found| found.inside(side(0), side(1));
    let expected: Vec<_> = list.iter().map(Found::from_reference).map(inside).collect();
    let found: Vec<_> = detections(&lines[0]).into_iter().map(inside).collect();
    for one in &expected {
        let same = found.iter().filter(|it| it.label == one.label);
        let best = same.map(|it| it.iou(one)).fold(0.0, f64::max);
        eprintln!(
            "{model} on {picture}, {backend}: {} {:.3}: IoU {best:.3}",
            one.label, one.confidence
        );
    }
    let right = matches(&found, &expected, 0.95);
    assert_eq!(
        (right, found.len()),
        (expected.len(), expected.len()),
        "{model} on {picture}, {backend}: {found:#?} is not {expected:#?}"
    );
}

/// Models and pictures beside the repository; they are no part of it.
fn shared() -> Option<PathBuf> {
    let shared = root().join("../shared");
    let there = shared.join("models").is_dir() && shared.join("images/reference.json").is_file();
    if !there {
        // Not ours to have, so not an error in CI either.
        eprintln!("skipped: no `../shared/models` beside the repository");
    }
    there.then(|| shared.canonicalize().expect("a folder"))
}
