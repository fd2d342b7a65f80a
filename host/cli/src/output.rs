//! The two ways out: data on stdout, talk on stderr. Nothing else prints.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Writes data to stdout, as [`plain`] text.
///
/// # Errors
/// If nobody reads stdout any more (`| head -1`), among others.
pub(crate) fn data(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(plain(text).as_bytes())?;
    out.flush()
}

/// Says a line on stderr. Who closed stderr does not want to know.
pub(crate) fn talk(text: impl Display) {
    drop(writeln!(
        io::stderr().lock(),
        "{}",
        plain(&text.to_string())
    ));
}

/// Text without what a terminal obeys: elements, files and models name things as they like,
/// and must not move the cursor, colour a line or turn its direction around.
fn plain(text: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(is_obeyed) {
        return text.replace(is_obeyed, "\u{fffd}").into();
    }
    text.into()
}

/// The line at the bottom of a terminal that is drawn again and again.
pub(crate) struct StatusLine {
    is_drawn: bool,
}

impl StatusLine {
    pub(crate) const fn new() -> Self {
        Self { is_drawn: false }
    }

    /// Whether there is a terminal to draw on.
    pub(crate) fn is_possible() -> bool {
        io::stderr().is_terminal()
    }

    /// Draws the line anew.
    pub(crate) fn draw(&mut self, text: &str) {
        let mut stderr = io::stderr().lock();
        drop(write!(stderr, "\r\x1b[K{text}").and_then(|()| stderr.flush()));
        self.is_drawn = true;
    }

    /// Takes the line away, so that other lines can be said.
    pub(crate) fn clear(&mut self) {
        if self.is_drawn {
            drop(write!(io::stderr().lock(), "\r\x1b[K"));
            self.is_drawn = false;
        }
    }

    /// Leaves the line as it is and goes on below.
    pub(crate) fn keep(&mut self) {
        if self.is_drawn {
            drop(writeln!(io::stderr().lock()));
            self.is_drawn = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_terminal_is_told_nothing() {
        assert_eq!(plain("größe\t1\n"), "größe\t1\n");
        assert_eq!(
            plain("\u{1b}[2J\r\u{202e}a\u{9b}m"),
            "\u{fffd}[2J\u{fffd}\u{fffd}a\u{fffd}m"
        );
    }
}
