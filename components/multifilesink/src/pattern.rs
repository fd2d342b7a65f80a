//! [`Pattern`]: a path with a place for a number, as `printf` writes it.

use millstream_sdk::Failure;

/// The most digits that a number is padded to; file names end at 255 bytes.
const MAX_WIDTH: usize = 64;

/// A path with at most one place for a number: `frames/%05d.jpg`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    before: String,
    after: String,
    number: Option<Number>,
}

/// How the number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Number {
    zeros: bool,
    width: usize,
}

impl Pattern {
    /// Reads `%d`, `%5d`, `%05d` (once) and `%%`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let mut pattern = Self {
            before: String::new(),
            after: String::new(),
            number: None,
        };
        let mut rest = text;
        while let Some((plain, tail)) = rest.split_once('%') {
            pattern.add(plain);
            if let Some(tail) = tail.strip_prefix('%') {
                pattern.add("%");
                rest = tail;
                continue;
            }
            let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, tail) = tail.split_at(digits);
            let number =
                number(digits, tail).ok_or_else(|| wrong(text, "no `%d` that is known"))?;
            if pattern.number.replace(number).is_some() {
                return Err(wrong(text, "more than one place for a number"));
            }
            rest = tail.get(1..).unwrap_or_default();
        }
        pattern.add(rest);
        Ok(pattern)
    }

    /// There is a place for a number.
    pub(crate) fn is_numbered(&self) -> bool {
        self.number.is_some()
    }

    /// The path with this number in its place.
    pub(crate) fn path(&self, index: u64) -> String {
        let Self {
            before,
            after,
            number,
        } = self;
        match number {
            None => before.clone(),
            Some(Number { zeros: true, width }) => format!("{before}{index:0width$}{after}"),
            Some(Number {
                zeros: false,
                width,
            }) => format!("{before}{index:width$}{after}"),
        }
    }

    fn add(&mut self, text: &str) {
        let side = if self.number.is_some() {
            &mut self.after
        } else {
            &mut self.before
        };
        side.push_str(text);
    }
}

/// What stands between `%` and `d`.
fn number(digits: &str, tail: &str) -> Option<Number> {
    let width = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    let known = tail.starts_with(['d', 'i', 'u']) && width <= MAX_WIDTH;
    known.then_some(Number {
        zeros: digits.starts_with('0'),
        width,
    })
}

fn wrong(text: &str, what: &str) -> Failure {
    Failure::settings(format!("location `{text}` has {what}"))
        .hint("write `frames/%05d.jpg`; `%%` is a percent sign")
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn numbers_are_written_as_printf_writes_them() {
        for (text, expected) in [
            ("frames/%05d.jpg", "frames/00012.jpg"),
            ("%d", "12"),
            ("a%4dz", "a  12z"),
            ("%01i", "12"),
            ("100%%-%u", "100%-12"),
            ("still.png", "still.png"),
        ] {
            assert_eq!(Pattern::parse(text).unwrap().path(12), expected, "{text}");
        }
    }

    #[test]
    fn other_patterns_are_refused() {
        for text in [
            "%s",
            "%",
            "a%",
            "%d-%d",
            "%99999999999999999999d",
            "%05",
            "%65d",
            "%ä",
        ] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }
}
