//! Names of a model's classes: from the host, or from the model's metadata.
//!
//! ```
//! use millstream_sdk::{labels, nn::Model};
//!
//! let metadata = vec![("names".into(), "{0: 'cat', 1: 'dog'}".into())];
//! let names = labels::of_model(&Model { metadata, ..Model::named("pets") });
//! assert_eq!(labels::label(&names, 1), "dog");
//! assert_eq!(labels::label(&names, 2), "class 2");
//! ```

use crate::nn::Model;

/// Most bytes of a label, as the contract has it.
const MAX_LABEL_BYTES: usize = 256;

/// Most classes that metadata may name.
const MAX_CLASSES: usize = 65_536;

/// The labels of a model by class index: those that the host has, else those of the
/// metadata `names`; empty if nothing names them.
pub fn of_model(model: &Model) -> Vec<String> {
    let mut labels = model.labels.clone();
    if labels.is_empty() {
        let names = model.metadata.iter().find(|(key, _)| key == "names");
        labels = names.map(|(_, text)| from_names(text)).unwrap_or_default();
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
pub fn from_names(text: &str) -> Vec<String> {
    let mut labels: Vec<String> = Vec::new();
    let mut rest = text.trim().trim_start_matches(['{', '[']).trim_start();
    while let Some((index, label, after)) = entry(rest, labels.len()) {
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

/// An entry's index (its key, or else its place in the list), its label, and what
/// follows.
fn entry(text: &str, place: usize) -> Option<(usize, String, &str)> {
    let (key, value) = match quoted(text) {
        Some((text, after)) => match after.trim_start().strip_prefix(':') {
            Some(value) => (text, value),
            None => return Some((place, text, after)),
        },
        None => text
            .split_once(':')
            .map(|(key, value)| (key.to_owned(), value))?,
    };
    let (label, after) = quoted(value.trim_start())?;
    Some((key.trim().parse().ok()?, label, after))
}

/// A quoted text with backslash escapes, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut characters = text.chars();
    let quote = characters
        .next()
        .filter(|first| matches!(first, '\'' | '"'))?;
    let mut label = String::new();
    loop {
        match characters.next()? {
            '\\' => label.push(characters.next()?),
            character if character == quote => return Some((label, characters.as_str())),
            character => label.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_name_classes() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(from_names(text), expected, "{text}");
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
        check("{0: 'cut\\", &[]);
        check("nonsense", &[]);
        check("", &[]);
    }

    #[test]
    fn the_hosts_labels_come_first_and_none_is_longer_than_the_contract_allows() {
        let model = Model {
            labels: vec!["é".repeat(200)],
            metadata: vec![("names".into(), "['other']".into())],
            ..Model::named("test")
        };
        assert_eq!(of_model(&model), ["é".repeat(128)]);
        assert_eq!(label(&["a".into(), String::new()], 0), "a");
        assert_eq!(label(&["a".into(), String::new()], 1), "class 1");
        assert_eq!(label(&[], 7), "class 7");
    }
}
