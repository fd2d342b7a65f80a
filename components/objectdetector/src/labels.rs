//! Names of classes: from the host, from the model's metadata, or those that the
//! model's family was trained on.

use millstream_sdk::nn::Model;

/// Most bytes of a label, as the contract has it.
const MAX_LABEL_BYTES: usize = 256;

/// Most classes that metadata may name.
const MAX_CLASSES: usize = 65_536;

/// Classes that a family was trained on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelSet {
    /// COCO's 80, numbered without gaps.
    Coco,
    /// COCO's 80 after the background.
    CocoAfterBackground,
    /// COCO's own numbers up to 90, of which ten stand for nothing.
    Coco91,
    /// Faces.
    Face,
}

impl LabelSet {
    /// The labels by class index; empty where a number stands for nothing.
    ///
    /// # Source
    /// <https://cocodataset.org/#download>: `categories` of the annotations of 2017.
    pub fn names(self) -> Vec<String> {
        /// Numbers that no annotation has.
        const UNUSED: [usize; 10] = [12, 26, 29, 30, 45, 66, 68, 69, 71, 83];
        let mut coco = COCO.iter().map(|label| (*label).to_owned());
        let background = || "background".to_owned();
        match self {
            Self::Coco => coco.collect(),
            Self::CocoAfterBackground => core::iter::once(background()).chain(coco).collect(),
            Self::Coco91 => (0..=90)
                .map(|number| match number {
                    0 => background(),
                    number if UNUSED.contains(&number) => String::new(),
                    _ => coco.next().unwrap_or_default(),
                })
                .collect(),
            Self::Face => vec!["face".to_owned()],
        }
    }

    /// The same for a model of so many classes: none if that is another number.
    pub fn of_classes(self, classes: Option<usize>) -> Vec<String> {
        let names = self.names();
        let fits = classes.is_none_or(|classes| classes == names.len());
        if fits { names } else { Vec::new() }
    }
}

/// The labels that come with a model, by class index: the host's, else those in its
/// metadata.
pub fn labels_of(model: &Model) -> Vec<String> {
    let mut labels = model.labels.clone();
    if labels.is_empty() {
        let names = model.metadata.iter().find(|(key, _)| key == "names");
        labels = names
            .map(|(_, text)| labels_from_text(text))
            .unwrap_or_default();
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
    fn families_have_labels() {
        let at = |set: LabelSet, class: usize| set.names()[class].clone();
        assert_eq!(at(LabelSet::Coco, 16), "dog");
        assert_eq!(at(LabelSet::CocoAfterBackground, 17), "dog");
        assert_eq!(at(LabelSet::Coco91, 18), "dog");
        assert_eq!(at(LabelSet::Coco91, 90), "toothbrush");
        assert_eq!(at(LabelSet::Coco91, 12), "");
        let length = |set: LabelSet, classes| set.of_classes(classes).len();
        assert_eq!(length(LabelSet::Coco, Some(80)), 80);
        assert_eq!(length(LabelSet::Coco, None), 80);
        assert_eq!(length(LabelSet::Coco, Some(3)), 0);
        assert_eq!(length(LabelSet::Coco91, Some(91)), 91);
    }

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
