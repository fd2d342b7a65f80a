//! What is written on tags.

use core::fmt::Write as _;

use millstream_sdk::buffer::Classification;
use millstream_sdk::prelude::*;

/// Writes the texts of tags. Keeps its memory from text to text.
#[derive(Debug)]
pub(crate) struct Label {
    name: bool,
    confidence: bool,
    track: bool,
    text: String,
}

impl Label {
    pub(crate) const fn new(name: bool, confidence: bool, track: bool) -> Self {
        Self {
            name,
            confidence,
            track,
            text: String::new(),
        }
    }

    /// The text for a detection, such as `star #7 0.93`. Good until the next.
    pub(crate) fn of_object(&mut self, detection: &Detection) -> &str {
        self.text.clear();
        if self.name {
            self.class(&detection.label, detection.class_id);
        }
        if let Some(track) = detection.track_id.filter(|_| self.track) {
            self.word(format_args!("#{track}"));
        }
        if self.confidence {
            self.word(format_args!("{:.2}", detection.confidence));
        }
        &self.text
    }

    /// The text for a classifier's answer, such as `tabby 0.72`. Good until the next.
    pub(crate) fn of_answer(&mut self, answer: &Classification) -> &str {
        self.text.clear();
        self.class(&answer.label, answer.class_id);
        if self.confidence {
            self.word(format_args!("{:.2}", answer.confidence));
        }
        &self.text
    }

    fn class(&mut self, label: &str, class_id: u32) {
        if label.is_empty() {
            self.word(format_args!("class {class_id}"));
        } else {
            self.word(format_args!("{label}"));
        }
    }

    fn word(&mut self, word: core::fmt::Arguments<'_>) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        // Writing to a text cannot fail.
        self.text.write_fmt(word).unwrap_or_default();
    }
}
