//! Numbers and texts as JSON: as much as one line of detections needs.

use std::fmt::Write as _;

use millstream_sdk::buffer::{Classification, Keypoint, Mask};
use millstream_sdk::bus::{Setting, Value};
use millstream_sdk::prelude::*;

/// Cells of this value and above are covered, as the contract has it.
const COVERED: u8 = 128;

/// A line that keeps its memory from frame to frame.
#[derive(Debug, Default)]
pub struct Line {
    text: String,
}

/// What a frame's line tells.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Counts from 0.
    pub number: u64,
    /// In nanoseconds.
    pub pts: Option<u64>,
    /// Width and height in pixels.
    pub size: (usize, usize),
    /// Objects of one layer.
    pub detections: &'a [Detection],
    /// What classifiers say of the frame.
    pub classifications: &'a [Classification],
    /// Lines and zones with their counts, as JSON.
    pub analytics: Option<&'a str>,
}

impl Line {
    /// A frame as one line, with its line feed.
    pub fn write(&mut self, frame: &Frame<'_>) -> &[u8] {
        self.text.clear();
        self.push(format_args!("{{\"frame\":{},\"pts\":", frame.number));
        self.or_null(frame.pts);
        let (width, height) = frame.size;
        self.push(format_args!(",\"width\":{width},\"height\":{height}"));
        self.list(",\"detections\":", frame.detections, Self::detection);
        if !frame.classifications.is_empty() {
            self.list(
                ",\"classifications\":",
                frame.classifications,
                Self::classification,
            );
        }
        if let Some(analytics) = frame.analytics {
            self.push(format_args!(",\"analytics\":{analytics}"));
        }
        self.text.push_str("}\n");
        self.text.as_bytes()
    }

    /// What ran, as the custom event `inference` tells it: one line, with its line
    /// feed. What it does not tell, or tells as another type, is `null`.
    pub fn inference(&mut self, fields: &[Setting]) -> &[u8] {
        let value = |name: &str| {
            let field = fields.iter().find(|field| field.name == name);
            field.map(|field| &field.value)
        };
        let integer = |name: &str| match value(name) {
            Some(Value::Integer(number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        self.text.clear();
        self.text.push_str("{\"inference\":{");
        for (place, name) in ["model", "family", "backend", "device", "precision"]
            .into_iter()
            .enumerate()
        {
            let comma = if place == 0 { "" } else { "," };
            self.push(format_args!("{comma}\"{name}\":"));
            match value(name) {
                Some(Value::Text(text)) => self.quoted(text),
                _ => self.text.push_str("null"),
            }
        }
        self.text.push_str(",\"threads\":");
        self.or_null(integer("threads"));
        for (name, nanos) in [
            ("load-ms", "load-time-ns"),
            ("first-run-ms", "first-run-time-ns"),
        ] {
            self.push(format_args!(",\"{name}\":"));
            match integer(nanos) {
                Some(nanos) => self.number(nanos as f64 / 1e6, 3),
                None => self.text.push_str("null"),
            }
        }
        self.text.push_str("}}\n");
        self.text.as_bytes()
    }

    fn detection(&mut self, detection: &Detection) {
        self.push(format_args!("{{\"class\":{}", detection.class_id));
        self.named(&detection.label, detection.confidence);
        let Rect {
            x,
            y,
            width,
            height,
        } = detection.rect;
        self.text.push_str(",\"box\":{");
        for (name, value) in [("x", x), ("y", y), ("width", width), ("height", height)] {
            let comma = if name == "x" { "" } else { "," };
            self.push(format_args!("{comma}\"{name}\":"));
            self.number(value.into(), 2);
        }
        self.text.push('}');
        if let Some(track) = detection.track_id {
            self.push(format_args!(",\"track\":{track}"));
        }
        if !detection.keypoints.is_empty() {
            self.list(",\"keypoints\":", &detection.keypoints, Self::keypoint);
        }
        if let Some(mask) = &detection.mask {
            self.mask(mask);
        }
        if !detection.classifications.is_empty() {
            let all = &detection.classifications;
            self.list(",\"classifications\":", all, Self::classification);
        }
        self.text.push('}');
    }

    fn classification(&mut self, answer: &Classification) {
        self.push(format_args!("{{\"class\":{}", answer.class_id));
        self.named(&answer.label, answer.confidence);
        self.text.push('}');
    }

    fn named(&mut self, label: &str, confidence: f32) {
        self.text.push_str(",\"label\":");
        self.quoted(label);
        self.text.push_str(",\"confidence\":");
        self.number(confidence.into(), 4);
    }

    fn keypoint(&mut self, point: &Keypoint) {
        self.text.push('[');
        self.number(point.x.into(), 2);
        self.text.push(',');
        self.number(point.y.into(), 2);
        self.text.push(',');
        self.number(point.confidence.into(), 4);
        self.text.push(']');
    }

    /// Lengths of runs, row by row, of cells that are not covered and covered in turn:
    /// the first is 0 where the first cell is covered.
    fn mask(&mut self, mask: &Mask) {
        let Mask { width, height, .. } = mask;
        self.push(format_args!(
            ",\"mask\":{{\"width\":{width},\"height\":{height},\"rle\":["
        ));
        let (mut covered, mut length) = (false, 0_usize);
        for cell in &mask.cells {
            if (*cell >= COVERED) != covered {
                self.push(format_args!("{length},"));
                (covered, length) = (!covered, 0);
            }
            length += 1;
        }
        self.push(format_args!("{length}]}}"));
    }

    /// A name with its colon, and a list.
    fn list<T>(&mut self, name: &str, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.text.push_str(name);
        self.text.push('[');
        for (place, item) in items.iter().enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            write(self, item);
        }
        self.text.push(']');
    }

    fn or_null(&mut self, number: Option<u64>) {
        match number {
            Some(number) => self.push(format_args!("{number}")),
            None => self.text.push_str("null"),
        }
    }

    /// A number with at most `decimals` of them: `0.5`, `12`; `null` if JSON has
    /// no such number.
    fn number(&mut self, value: f64, decimals: usize) {
        if !value.is_finite() {
            self.text.push_str("null");
            return;
        }
        let start = self.text.len();
        self.push(format_args!("{value:.decimals$}"));
        let kept = self
            .text
            .trim_end_matches('0')
            .trim_end_matches('.')
            .len()
            .max(start + 1);
        self.text.truncate(kept);
        if self.text.get(start..) == Some("-0") {
            self.text.truncate(start);
            self.text.push('0');
        }
    }

    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            match character {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                // Control characters, and two line ends that JavaScript trips over.
                '\0'..='\x1f' | '\x7f' | '\u{2028}' | '\u{2029}' => {
                    self.push(format_args!("\\u{:04x}", u32::from(character)));
                }
                other => self.text.push(other),
            }
        }
        self.text.push('"');
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ok = self.text.write_fmt(text);
    }
}
