//! Numbers and texts as JSON: as much as one line of detections needs.

use std::fmt::Write as _;

use millstream_sdk::prelude::*;

/// A line that keeps its memory from frame to frame.
#[derive(Debug, Default)]
pub struct Line {
    text: String,
}

impl Line {
    /// A frame as one line, with its line feed.
    pub fn write(
        &mut self,
        frame: u64,
        pts: Option<u64>,
        (width, height): (usize, usize),
        detections: &[Detection],
    ) -> &[u8] {
        self.text.clear();
        self.push(format_args!("{{\"frame\":{frame},\"pts\":"));
        match pts {
            Some(pts) => self.push(format_args!("{pts}")),
            None => self.text.push_str("null"),
        }
        self.push(format_args!(
            ",\"width\":{width},\"height\":{height},\"detections\":["
        ));
        for (place, detection) in detections.iter().enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            self.detection(detection);
        }
        self.text.push_str("]}\n");
        self.text.as_bytes()
    }

    fn detection(&mut self, detection: &Detection) {
        self.push(format_args!(
            "{{\"class\":{},\"label\":",
            detection.class_id
        ));
        self.quoted(&detection.label);
        self.text.push_str(",\"confidence\":");
        self.number(detection.confidence, 4);
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
            self.number(value, 2);
        }
        self.text.push('}');
        if let Some(track) = detection.track_id {
            self.push(format_args!(",\"track\":{track}"));
        }
        self.text.push('}');
    }

    /// A number with at most `decimals` of them: `0.5`, `12`; `null` if JSON has
    /// no such number.
    fn number(&mut self, value: f32, decimals: usize) {
        if !value.is_finite() {
            self.text.push_str("null");
            return;
        }
        let start = self.text.len();
        self.push(format_args!("{:.decimals$}", f64::from(value)));
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
