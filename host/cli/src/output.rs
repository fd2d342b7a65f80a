//! The two ways out: data on stdout, talk on stderr. Nothing else prints.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Writes data to stdout, as it is.
///
/// # Errors
/// If nobody reads stdout any more (`| head -1`), among others.
pub(crate) fn data(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
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

/// Without what would move the cursor of a terminal: texts come from elements and files.
fn plain(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(shown).collect()
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
