//! Where in a text something stands, so that an error can point at it.

use std::sync::Arc;

/// A stretch of a source text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// From `start` up to but not including `end`.
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
}

/// A launch line or a manifest, with the name it goes by in errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file's name, or `launch line`.
    pub origin: String,
    /// The whole text.
    pub text: Arc<str>,
}

/// Longest piece of a line that an error shows, in characters.
const MAX_EXCERPT: usize = 100;

impl Source {
    /// A text with its name.
    pub fn new(origin: &str, text: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            text: Arc::from(text),
        }
    }

    /// What an error shows about a stretch of the text.
    pub fn place(&self, span: Span) -> Place {
        let text: &str = &self.text;
        let start = floor_char(text, span.start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(line_start..).unwrap_or_default();
        let line_text = rest.split(['\n', '\r']).next().unwrap_or_default();
        let line_end = line_start + line_text.len();
        let end = floor_char(text, span.end).clamp(start, line_end.max(start));
        let count = |from: usize, to: usize| text.get(from..to).unwrap_or_default().chars().count();
        let column = count(line_start, start);
        let (excerpt, skipped) = cut(line_text, column);
        Place {
            origin: self.origin.clone(),
            line: before.matches('\n').count() + 1,
            column: column + 1,
            width: count(start, end).max(1),
            caret: column - skipped,
            excerpt,
        }
    }
}

/// The part of a long line around a column, and how many characters the column
/// moves to the left.
fn cut(line: &str, column: usize) -> (String, usize) {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    if line.chars().count() <= MAX_EXCERPT {
        return (line.chars().map(clean).collect(), 0);
    }
    let skip = column.saturating_sub(MAX_EXCERPT / 2);
    let mut piece: String = line
        .chars()
        .skip(skip)
        .take(MAX_EXCERPT)
        .map(clean)
        .collect();
    if line.chars().count() > skip + MAX_EXCERPT {
        piece.push('…');
    }
    if skip > 0 {
        (format!("…{piece}"), skip - 1)
    } else {
        (piece, 0)
    }
}

/// The nearest start of a character at or before a byte.
fn floor_char(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A place in a text, as an error shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's name, or `launch line`.
    pub origin: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// How many characters are meant, at least 1.
    pub width: usize,
    /// Where the meant characters begin in `excerpt`, from 0.
    pub caret: usize,
    /// The line, or the part of it around the place.
    pub excerpt: String,
}

impl Place {
    /// The two or three lines under an error's first line: file, text, caret.
    pub fn render(&self) -> String {
        let number = self.line.to_string();
        let room = self
            .excerpt
            .chars()
            .count()
            .saturating_sub(self.caret)
            .max(1);
        format!(
            "  --> {}:{}:{}\n  {number} | {}\n  {} | {}{}",
            self.origin,
            self.line,
            self.column,
            self.excerpt,
            " ".repeat(number.len()),
            " ".repeat(self.caret),
            "^".repeat(self.width.min(room)),
        )
    }
}
