//! Text to caps, in GStreamer's syntax.
//!
//! ```text
//! caps      = "ANY" | "EMPTY" | "NONE" | structure { ";" structure }
//! structure = name [ "(" feature { "," feature } ")" ] { "," field "=" value }
//! value     = [ "(" type ")" ] ( word | string | list | array | range )
//! list      = "{" value { "," value } "}"        array = "<" … ">"
//! range     = "[" word "," word [ "," step ] "]"
//! ```

use std::str::FromStr;

use super::scalar::{Type, guess};
use super::{
    Caps, Features, MAX_FIELDS, MAX_LIST, MAX_NESTING, MAX_STRUCTURES, MAX_TEXT_BYTES, MAX_VALUES,
    ParseError, Problem, Structure, Value,
};

impl FromStr for Caps {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(ParseError {
                at: MAX_TEXT_BYTES,
                len: 1,
                problem: Problem::TEXT,
            });
        }
        match text.trim() {
            "" => {
                return Err(ParseError {
                    at: 0,
                    len: text.len(),
                    problem: Problem::Blank,
                });
            }
            "ANY" => return Ok(Self::any()),
            "EMPTY" | "NONE" => return Ok(Self::empty()),
            _ => {}
        }
        let mut parser = Parser {
            text,
            at: 0,
            values: 0,
        };
        let mut structures = Vec::new();
        loop {
            if structures.len() == MAX_STRUCTURES {
                return Err(parser.error(1, Problem::STRUCTURES));
            }
            structures.push(parser.structure()?);
            if !parser.eat(';') && !parser.at_end() {
                return Err(parser.expected("`,` or `;`"));
            }
            if parser.at_end() {
                return Ok(Self::new(structures));
            }
        }
    }
}

/// Whether a character needs no quotes, as GStreamer has it.
pub(super) const fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '/' | ':' | '.')
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    values: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_spaces();
        self.rest().chars().next()
    }

    fn at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    /// Characters for which `keep` holds, from here.
    fn take(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        self.skip_spaces();
        let rest = self.rest();
        let end = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn error(&self, len: usize, problem: Problem) -> ParseError {
        ParseError {
            at: self.at,
            len,
            problem,
        }
    }

    /// An error at `at` over what has been read since.
    fn since<T>(&self, at: usize, problem: Problem) -> Result<T, ParseError> {
        Err(ParseError {
            at,
            len: self.at.saturating_sub(at),
            problem,
        })
    }

    fn expected(&mut self, what: &'static str) -> ParseError {
        self.skip_spaces();
        let mut got: String = self
            .rest()
            .chars()
            .take_while(|&c| is_plain(c))
            .take(40)
            .collect();
        if got.is_empty() {
            got = self.rest().chars().take(1).collect();
        }
        self.error(got.len(), Problem::Expected { what, got })
    }

    fn structure(&mut self) -> Result<Structure, ParseError> {
        if !self.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
            return Err(self.expected("a media type such as `video/x-raw`"));
        }
        let start = self.at;
        let name = self.take(is_plain);
        if self.peek() == Some('=') {
            self.at = start;
            return Err(self.expected("a media type such as `video/x-raw`"));
        }
        if matches!(name, "ANY" | "EMPTY" | "NONE") {
            // Printed, a structure of that name would read as the word for all caps.
            self.at = start;
            return Err(self.expected("a media type (`ANY` and `EMPTY` stand alone)"));
        }
        let mut structure = Structure::new(name);
        if self.eat('(') {
            structure.features = self.features()?;
        }
        while self.eat(',') {
            if matches!(self.peek(), None | Some(';')) {
                break;
            }
            if structure.fields.len() == MAX_FIELDS {
                return Err(self.error(1, Problem::FIELDS));
            }
            self.field(&mut structure)?;
        }
        Ok(structure)
    }

    fn features(&mut self) -> Result<Features, ParseError> {
        let mut names = Vec::new();
        let mut any = false;
        while !self.eat(')') {
            self.skip_spaces();
            let start = self.at;
            match self.take(is_plain) {
                "" => return Err(self.expected("a feature or `)`")),
                "ANY" => any = true,
                name if !name.contains(':') => {
                    return self.since(start, Problem::Feature(name.to_owned()));
                }
                name if names.len() < MAX_FIELDS => names.push(name.to_owned()),
                _ => return self.since(start, Problem::FIELDS),
            }
            if !self.eat(',') && self.peek() != Some(')') {
                return Err(self.expected("`,` or `)`"));
            }
        }
        Ok(if any {
            Features::any()
        } else {
            Features::new(names)
        })
    }

    fn field(&mut self, structure: &mut Structure) -> Result<(), ParseError> {
        self.skip_spaces();
        let start = self.at;
        let name = self.take(is_plain);
        if name.is_empty() {
            return Err(self.expected("the name of a field"));
        }
        if structure.get(name).is_some() {
            return self.since(start, Problem::Twice(name.to_owned()));
        }
        if !self.eat('=') {
            return Err(self.expected("`=` and a value"));
        }
        let value = self.value(None, 0)?;
        structure.fields.push((name.to_owned(), value));
        Ok(())
    }

    fn value(&mut self, inherited: Option<Type>, depth: usize) -> Result<Value, ParseError> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.error(1, Problem::VALUES));
        }
        let kind = if self.eat('(') {
            Some(self.kind()?)
        } else {
            inherited
        };
        match self.peek() {
            Some('{') => self.items('}', kind, depth).map(Value::List),
            Some('<') => self.items('>', kind, depth).map(Value::Array),
            Some('[') => self.range(kind),
            _ => {
                self.skip_spaces();
                let start = self.at;
                let (word, quoted) = self.word()?;
                match kind {
                    Some(kind) => kind.read(&word).map_or_else(
                        || {
                            self.since(
                                start,
                                Problem::NotOfType {
                                    value: shorten(&word),
                                    kind: kind.name(),
                                },
                            )
                        },
                        Ok,
                    ),
                    None if quoted => Ok(Value::Str(word)),
                    None => Ok(guess(&word)),
                }
            }
        }
    }

    fn kind(&mut self) -> Result<Type, ParseError> {
        self.skip_spaces();
        let start = self.at;
        let name = self.take(is_plain);
        let Some(kind) = Type::by_name(name) else {
            return self.since(start, Problem::UnknownType(shorten(name)));
        };
        if self.eat(')') {
            Ok(kind)
        } else {
            Err(self.expected("`)`"))
        }
    }

    fn items(
        &mut self,
        close: char,
        kind: Option<Type>,
        depth: usize,
    ) -> Result<Vec<Value>, ParseError> {
        let start = self.at;
        if depth == MAX_NESTING {
            return Err(self.error(1, Problem::NESTING));
        }
        self.at += 1;
        let mut items = Vec::new();
        while !self.eat(close) {
            if items.len() == MAX_LIST {
                return Err(self.error(1, Problem::ITEMS));
            }
            items.push(self.value(kind, depth + 1)?);
            if !self.eat(',') && self.peek() != Some(close) {
                return Err(self.expected(if close == '}' {
                    "`,` or `}`"
                } else {
                    "`,` or `>`"
                }));
            }
        }
        if items.is_empty() && close == '}' {
            return self.since(start, Problem::EmptyList);
        }
        Ok(items)
    }

    fn range(&mut self, kind: Option<Type>) -> Result<Value, ParseError> {
        let start = self.at;
        self.at += 1;
        let mut kind = kind;
        let mut words = Vec::new();
        loop {
            if self.eat('(') {
                kind = Some(self.kind()?);
            }
            words.push(self.word()?.0);
            if self.eat(']') {
                break;
            }
            if words.len() == 3 || !self.eat(',') {
                return Err(self.expected(if words.len() == 1 { "`,`" } else { "`]`" }));
            }
        }
        let (min, max, step) = match words.as_slice() {
            [min, max] => (min, max, None),
            [min, max, step] => (min, max, Some(step.as_str())),
            _ => {
                return self.since(
                    start,
                    Problem::Expected {
                        what: "two ends of a range",
                        got: shorten(&words.concat()),
                    },
                );
            }
        };
        let one = kind.map(|kind| [kind]);
        let tried = one.as_ref().map_or(
            [Type::Int, Type::Int64, Type::Double, Type::Fraction].as_slice(),
            |one| one.as_slice(),
        );
        let ends = tried
            .iter()
            .find_map(|kind| Some((kind.read(min)?, kind.read(max)?)));
        let range = ends.map_or(
            Err(Problem::NoRange {
                min: shorten(min),
                max: shorten(max),
            }),
            |(min, max)| make_range(&min, &max, step),
        );
        match range {
            Ok(range) => Ok(range),
            Err(problem) => self.since(start, problem),
        }
    }

    /// A word or a quoted string, and which of them.
    fn word(&mut self) -> Result<(String, bool), ParseError> {
        if self.peek() == Some('"') {
            return Ok((self.string()?, true));
        }
        let word =
            self.take(|c| !c.is_whitespace() && !c.is_control() && !",;(){}[]<>=\"".contains(c));
        if word.is_empty() {
            return Err(self.expected("a value"));
        }
        Ok((word.to_owned(), false))
    }

    /// A string in quotes: `\` and three octal digits is a byte, `\` and anything
    /// else is that.
    fn string(&mut self) -> Result<String, ParseError> {
        let start = self.at;
        let mut bytes = Vec::new();
        let mut rest = self.rest().as_bytes().iter().enumerate().skip(1);
        let mut end = None;
        while let Some((index, &byte)) = rest.next() {
            match byte {
                b'"' => {
                    end = Some(index + 1);
                    break;
                }
                b'\\' => {
                    let after = self.rest().as_bytes().get(index + 1..).unwrap_or_default();
                    if let Some(code) = octal(after) {
                        bytes.push(code);
                        rest.nth(2);
                    } else if let Some((_, &escaped)) = rest.next() {
                        bytes.push(escaped);
                    }
                }
                _ => bytes.push(byte),
            }
        }
        let Some(end) = end else {
            return Err(self.error(1, Problem::OpenString));
        };
        self.at += end;
        String::from_utf8(bytes).or_else(|_| {
            self.since(
                start,
                Problem::Expected {
                    what: "text in UTF-8",
                    got: "\\".to_owned(),
                },
            )
        })
    }
}

fn octal(digits: &[u8]) -> Option<u8> {
    let [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] = digits else {
        return None;
    };
    Some((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'))
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

fn make_range(min: &Value, max: &Value, step: Option<&str>) -> Result<Value, Problem> {
    let step_of = |kind: Type| {
        step.map_or(Ok(None), |step| {
            kind.read(step).ok_or(Problem::BadStep).map(Some)
        })
    };
    let range = match (min, max) {
        (&Value::Int(min), &Value::Int(max)) => {
            let Value::Int(step) = step_of(Type::Int)?.unwrap_or(Value::Int(1)) else {
                return Err(Problem::BadStep);
            };
            if step < 1 || min % step != 0 || max % step != 0 {
                return Err(Problem::BadStep);
            }
            (min <= max).then_some(Value::IntRange { min, max, step })
        }
        (&Value::Int64(min), &Value::Int64(max)) => {
            let Value::Int64(step) = step_of(Type::Int64)?.unwrap_or(Value::Int64(1)) else {
                return Err(Problem::BadStep);
            };
            if step < 1 || min % step != 0 || max % step != 0 {
                return Err(Problem::BadStep);
            }
            (min <= max).then_some(Value::Int64Range { min, max, step })
        }
        (&Value::Double(min), &Value::Double(max)) if step.is_none() => {
            (min <= max).then_some(Value::DoubleRange { min, max })
        }
        (&Value::Fraction(min), &Value::Fraction(max)) if step.is_none() => {
            (min <= max).then_some(Value::FractionRange { min, max })
        }
        _ => return Err(Problem::BadStep),
    };
    match range {
        None => Err(Problem::Reversed),
        Some(_) if min == max => Ok(min.clone()),
        Some(range) => Ok(range),
    }
}
