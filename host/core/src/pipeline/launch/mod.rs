//! GStreamer's launch syntax: `videotestsrc num-buffers=10 ! video/x-raw,width=64 !
//! tee name=t ! queue ! fakesink  t. ! queue ! fakesink`.
//!
//! Words are divided by spaces. A word is an element, a property (`name=value`),
//! a link (`!`), caps (anything that begins with a media type), or a reference to
//! a named element (`t.`, `t.src_0`). Two words that are elements, with no `!`
//! between them, begin a new chain. A component's file can stand for an element
//! if the word has a `/` in it or ends in `.wasm`.

use std::collections::BTreeMap;

use super::assemble::{Assembler, DraftEnd, Node};
use super::{Description, PropertyText, TextValue};
use crate::Error;
use crate::error::LaunchProblem;
use crate::source::{Source, Span};

/// Longest launch line in bytes, as the contract says for any text.
pub const MAX_LAUNCH_BYTES: usize = 65_536;

/// Reads a launch line.
pub fn parse(text: &str) -> Result<Description, Error> {
    let source = Source::new("launch line", text);
    let mut assembler = Assembler::new(&source, BTreeMap::new());
    let whole = Span::new(0, text.len());
    read(&mut assembler, text, Some(0), whole)?;
    assembler.finish("pipeline0")
}

/// A launch line from separate arguments, as a shell hands them over: spaces in
/// an argument are escaped unless they stand in quotes.
pub fn from_args<T: AsRef<str>>(args: &[T]) -> String {
    let escape = |arg: &T| {
        let (mut out, mut quoted, mut before) = (String::new(), false, ' ');
        for c in arg.as_ref().chars() {
            if c == '"' && (!quoted || before != '\\') {
                quoted = !quoted;
            }
            if c == ' ' && !quoted {
                out.push('\\');
            }
            out.push(c);
            before = c;
        }
        out
    };
    args.iter().map(escape).collect::<Vec<_>>().join(" ")
}

/// Reads one chain or several into `assembler`. `offset` is where `text` begins in
/// the source; none if it was escaped there, so that all of `whole` is meant.
pub(super) fn read(
    assembler: &mut Assembler<'_>,
    text: &str,
    offset: Option<usize>,
    whole: Span,
) -> Result<(), Error> {
    if text.len() > MAX_LAUNCH_BYTES {
        let place = Some(Box::new(assembler.source.place(whole)));
        let (got, max) = (text.len(), MAX_LAUNCH_BYTES);
        return Err(Error::Limit {
            what: "bytes in a launch line",
            got,
            max,
            place,
        });
    }
    let reader = Reader {
        assembler,
        text,
        offset,
        whole,
        at: 0,
        last: None,
        pending: None,
        sink_pad: None,
        current: None,
    };
    reader.read()
}

const fn is_identifier(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '%' | ':')
}

struct Reader<'a, 'b> {
    assembler: &'a mut Assembler<'b>,
    text: &'a str,
    offset: Option<usize>,
    whole: Span,
    at: usize,
    /// What a following `!` links from.
    last: Option<DraftEnd>,
    /// A `!` that has no right side yet.
    pending: Option<Span>,
    /// `.sink` after a `!`.
    sink_pad: Option<String>,
    /// What a following property belongs to.
    current: Option<usize>,
}

impl<'a> Reader<'a, '_> {
    fn read(mut self) -> Result<(), Error> {
        while let Some(c) = self.peek() {
            let rest = self.rest();
            match c {
                '!' => self.bang()?,
                '"' | '\'' => self.quoted()?,
                '(' | ')' => return Err(self.problem(1, LaunchProblem::Bin)),
                ':' => return Err(self.problem(1, LaunchProblem::ColonLink)),
                _ if begins_with_media_type(rest) => self.caps()?,
                _ if is_path(rest) => {
                    let start = self.at;
                    let word = self.take(|c| !c.is_whitespace());
                    self.element(word, start)?;
                }
                '.' => self.lone_pad()?,
                c if is_identifier(c) => self.word()?,
                c => return Err(self.problem(c.len_utf8(), LaunchProblem::Unexpected(c.into()))),
            }
        }
        match self.pending {
            Some(place) => Err(self.problem_at(place, LaunchProblem::NothingBehindLink)),
            None => Ok(()),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    fn take(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Where a stretch of this text stands in the source.
    fn span(&self, start: usize, end: usize) -> Span {
        self.offset
            .map_or(self.whole, |offset| Span::new(offset + start, offset + end))
    }

    fn problem(&self, len: usize, problem: LaunchProblem) -> Error {
        self.problem_at(self.span(self.at, self.at + len), problem)
    }

    fn problem_at(&self, span: Span, problem: LaunchProblem) -> Error {
        Error::Launch {
            problem,
            place: Some(Box::new(self.assembler.source.place(span))),
        }
    }

    fn bang(&mut self) -> Result<(), Error> {
        if self.pending.is_some() {
            return Err(self.problem(1, LaunchProblem::DoubleLink));
        }
        if self.last.is_none() {
            return Err(self.problem(1, LaunchProblem::NothingBeforeLink));
        }
        self.pending = Some(self.span(self.at, self.at + 1));
        self.current = None;
        self.at += 1;
        Ok(())
    }

    /// An element or a reference has been read: links it to what stands before.
    fn node(&mut self, node: Node, pad: Option<String>, span: Span) {
        let mut out = DraftEnd {
            node: node.clone(),
            pad,
            span,
        };
        if let (Some(link), Some(src)) = (self.pending.take(), self.last.take()) {
            let pad = self.sink_pad.take().or_else(|| out.pad.take());
            self.assembler.link(src, DraftEnd { node, pad, span }, link);
        }
        self.last = Some(out);
    }

    fn element(&mut self, word: &str, start: usize) -> Result<usize, Error> {
        let span = self.span(start, self.at);
        let index = self.assembler.element(word, span)?;
        self.node(Node::Element(index), None, span);
        self.current = Some(index);
        Ok(index)
    }

    /// An element, a property, or a reference.
    fn word(&mut self) -> Result<(), Error> {
        let start = self.at;
        let word = self.take(is_identifier);
        let end = self.at;
        if self.rest().starts_with('.') {
            self.at += 1;
            if self.rest().starts_with('(') {
                return Err(self.problem(1, LaunchProblem::Bin));
            }
            let pad = self.take(is_identifier);
            let pad = (!pad.is_empty()).then(|| pad.to_owned());
            let span = self.span(start, self.at);
            self.node(Node::Named(word.to_owned()), pad, span);
            self.current = None;
            return Ok(());
        }
        if self.peek() == Some('=') {
            self.at += 1;
            return self.property(word, self.span(start, end));
        }
        self.at = end;
        self.element(word, start).map(drop)
    }

    fn property(&mut self, name: &str, span: Span) -> Result<(), Error> {
        let Some(element) = self.current else {
            return Err(self.problem_at(span, LaunchProblem::PropertyOfNothing(name.to_owned())));
        };
        let start = match self.peek() {
            Some('!') if self.rest().chars().nth(1).is_none_or(char::is_whitespace) => None,
            Some(_) => Some(self.at),
            None => None,
        };
        let Some(start) = start else {
            return Err(self.problem_at(span, LaunchProblem::NoValue(name.to_owned())));
        };
        let raw = match self.rest().chars().next() {
            Some(mark @ ('"' | '\'')) => self.in_quotes(mark)?,
            _ => self.until(char::is_whitespace),
        };
        let property = PropertyText {
            name: name.to_owned(),
            value: TextValue::Text(unescape(raw)),
            span: Some(span),
            value_span: Some(self.span(start, self.at)),
        };
        self.assembler.property(element, property)
    }

    /// Up to a character for which `stop` holds and no `\` stands before.
    fn until(&mut self, mut stop: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.find(|c| {
            let found = !escaped && stop(c);
            escaped = !escaped && c == '\\';
            found
        });
        let end = end.unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// What stands between two quotation marks.
    fn in_quotes(&mut self, mark: char) -> Result<&'a str, Error> {
        let open = self.at;
        self.at += 1;
        let inside = self.until(|c| c == mark);
        if self.rest().is_empty() {
            self.at = open;
            return Err(self.problem(1, LaunchProblem::OpenQuote(mark)));
        }
        self.at += 1;
        Ok(inside)
    }

    /// Caps or a file's name in quotes.
    fn quoted(&mut self) -> Result<(), Error> {
        let start = self.at;
        let mark = self.rest().chars().next().unwrap_or('"');
        let inside = self.in_quotes(mark)?;
        if begins_with_media_type(inside.trim_start()) {
            return self.filter(inside, start + 1);
        }
        let word = unescape(inside);
        self.element(&word, start).map(drop)
    }

    /// Caps: up to the next `!`, spaces included.
    fn caps(&mut self) -> Result<(), Error> {
        let start = self.at;
        let mut quoted = false;
        let raw = self.until(|c| {
            if c == '"' {
                quoted = !quoted;
            }
            c == '!' && !quoted
        });
        self.filter(raw.trim_end(), start)
    }

    /// Makes an element of caps whose text begins at `inside`.
    fn filter(&mut self, raw: &str, inside: usize) -> Result<(), Error> {
        let text = unescape(raw);
        let span = self.span(inside, inside + raw.len());
        if let Err(error) = text.parse::<crate::caps::Caps>() {
            return Err(match self.offset {
                Some(offset) if text == raw => {
                    Error::caps_in(error, self.assembler.source, offset + inside)
                }
                _ => Error::Caps {
                    source: error,
                    place: Some(Box::new(self.assembler.source.place(span))),
                },
            });
        }
        let index = self.assembler.filter(span)?;
        self.node(Node::Element(index), None, span);
        self.current = None;
        let property = PropertyText {
            name: "caps".to_owned(),
            value: TextValue::Text(text),
            span: Some(span),
            value_span: Some(span),
        };
        self.assembler.property(index, property)
    }

    /// `.src` behind an element, `.sink` behind a `!`.
    fn lone_pad(&mut self) -> Result<(), Error> {
        let start = self.at;
        self.at += 1;
        let pad = self.take(is_identifier).to_owned();
        let span = self.span(start, self.at);
        if pad.is_empty() {
            return Err(self.problem_at(span, LaunchProblem::Unexpected(".".to_owned())));
        }
        if self.pending.is_some() {
            self.sink_pad = Some(pad);
            return Ok(());
        }
        match &mut self.last {
            Some(last) => {
                last.pad = Some(pad);
                Ok(())
            }
            None => Err(self.problem_at(span, LaunchProblem::PadOfNothing(pad))),
        }
    }
}

/// `video/x-raw`, with something behind it that caps can have.
fn begins_with_media_type(text: &str) -> bool {
    let part = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let Some(slash) = part(text).filter(|&at| at > 0) else {
        return false;
    };
    let Some(subtype) = text.get(slash..).and_then(|rest| rest.strip_prefix('/')) else {
        return false;
    };
    let end = part(subtype).unwrap_or(subtype.len());
    let after = subtype.get(end..).unwrap_or_default().chars().next();
    end > 0 && after.is_none_or(|c| c.is_whitespace() || matches!(c, ',' | ';' | '(' | '!' | '\\'))
}

/// Whether the word at the start is a file: it has a `/` or ends in `.wasm`.
fn is_path(text: &str) -> bool {
    let word = text.split(char::is_whitespace).next().unwrap_or_default();
    let plain = !word.contains(['=', '"', '\'']);
    let name = word.split('!').next().unwrap_or_default();
    plain && (name.contains('/') || name.rsplit_once('.').is_some_and(|(_, end)| end == "wasm"))
}

/// Takes the `\` away, except in quotes.
fn unescape(raw: &str) -> String {
    let (mut out, mut quoted) = (String::with_capacity(raw.len()), false);
    let mut before = ' ';
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c == '\\' && !quoted {
            out.extend(chars.next());
        } else {
            if c == '"' && (!quoted || before != '\\') {
                quoted = !quoted;
            }
            out.push(c);
        }
        before = c;
    }
    out
}

#[cfg(test)]
mod tests;
