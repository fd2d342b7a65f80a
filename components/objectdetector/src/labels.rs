//! Names of classes: from the host, from the model's metadata, or COCO's.

use millstream_sdk::nn::Model;

/// Most bytes of a label, as the contract has it.
const MAX_LABEL_BYTES: usize = 256;

/// Most classes that metadata may name.
const MAX_CLASSES: usize = 65_536;

/// The labels of a model by class index; empty if nothing names them.
pub fn labels_of(model: &Model, classes: usize) -> Vec<String> {
    let mut labels = model.labels.clone();
    if labels.is_empty() {
        let names = model.metadata.iter().find(|(key, _)| key == "names");
        labels = names
            .map(|(_, text)| labels_from_text(text))
            .unwrap_or_default();
    }
    if labels.is_empty() && classes == COCO.len() {
        labels = COCO.iter().map(|label| (*label).to_owned()).collect();
    }
    for label in &mut labels {
        label.truncate(label.floor_char_boundary(MAX_LABEL_BYTES));
    }
    labels
}

/// A class's label, or `class 7` where it has none.
pub fn label(labels: &[String], class: u32) -> String {
    let label = labels.get(class as usize).filter(|label| !label.is_empty());
    label.cloned().unwrap_or_else(|| format!("class {class}"))
}

/// Reads `{0: 'circle', 1: "it's"}` and `["circle", "square"]`: ultralytics writes
/// a Python dictionary, others a list. What is not understood ends the list.
fn labels_from_text(text: &str) -> Vec<String> {
    let mut labels = Vec::new();
    let mut rest = text.trim().trim_start_matches(['{', '[']);
    while let Some((index, after)) = next_key(rest, labels.len()) {
        let Some((label, after)) = quoted(after.trim_start()) else {
            break;
        };
        if index >= MAX_CLASSES {
            break;
        }
        if labels.len() <= index {
            labels.resize(index + 1, String::new());
        }
        if let Some(place) = labels.get_mut(index) {
            *place = label;
        }
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    labels
}

/// An entry's index: before a colon, or its place in the list.
fn next_key(text: &str, place: usize) -> Option<(usize, &str)> {
    if text.starts_with(['\'', '"']) {
        // JSON's keys are quoted: `{"0": "circle"}`.
        if let Some((key, after)) = quoted(text)
            && let Some(value) = after.trim_start().strip_prefix(':')
        {
            return Some((key.parse().ok()?, value));
        }
        return Some((place, text));
    }
    let (key, value) = text.split_once(':')?;
    Some((key.trim().parse().ok()?, value))
}

/// A quoted text with backslash escapes, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text
        .chars()
        .next()
        .filter(|first| matches!(first, '\'' | '"'))?;
    let mut label = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Some((label, text.get(at + 1..)?));
        }
        let escaped = character == '\\';
        label.push(if escaped {
            characters.next()?.1
        } else {
            character
        });
    }
    None
}

/// The 80 classes of COCO, as detectors number them.
const COCO: [&str; 80] = [
    "person",
    "bicycle",
    "car",
    "motorbike",
    "aeroplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "sofa",
    "pottedplant",
    "bed",
    "diningtable",
    "toilet",
    "tvmonitor",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_name_classes() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(labels_from_text(text), expected, "{text}");
        };
        check(
            "{0: 'circle', 1: \"it's\", 2: 'a\\'b'}",
            &["circle", "it's", "a'b"],
        );
        check("['circle', 'square']", &["circle", "square"]);
        check(
            "{\"0\": \"circle\", \"1\": \"square\"}",
            &["circle", "square"],
        );
        check("[\"a: b\", \"c\"]", &["a: b", "c"]);
        check("{2: 'c', 0: 'a'}", &["a", "", "c"]);
        check("{99999999999: 'x'}", &[]);
        check("{0: 'cut", &[]);
        check("nonsense", &[]);
        check("", &[]);
        assert_eq!(label(&["a".into(), String::new()], 0), "a");
        assert_eq!(label(&["a".into(), String::new()], 1), "class 1");
        assert_eq!(label(&[], 7), "class 7");
    }
}
