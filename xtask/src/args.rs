//! Command lines of tasks, read by hand: five flags do not earn a parser that everybody compiles.

use std::fmt;

use anyhow::Result;

/// A mistake in the command line: the help is shown and the exit status is 2.
#[derive(Debug)]
pub(crate) struct Usage(String);

impl Usage {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// What stands behind `cargo xtask`, taken apart piece by piece.
pub(crate) struct Args(Vec<String>);

impl Args {
    pub(crate) fn from_env() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    /// True if help was asked for, as the task or as its first argument.
    pub(crate) fn wants_help(&self) -> bool {
        let is_help = |text: &String| matches!(text.as_str(), "help" | "-h" | "--help");
        self.0.first().is_some_and(is_help)
            || self
                .0
                .get(1)
                .is_some_and(|text| text == "-h" || text == "--help")
    }

    /// Takes the name of the task.
    pub(crate) fn task(&mut self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Takes `--verbose` (or `-v`), wherever it stands before a `--`.
    pub(crate) fn verbose(&mut self) -> bool {
        let long = self.flag("--verbose");
        self.flag("-v") || long
    }

    /// Takes a flag; true if it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let end = self.end_of_options();
        let found = self.0.iter().take(end).position(|arg| arg == name);
        found.map(|at| self.0.remove(at)).is_some()
    }

    /// Takes `name VALUE` or `name=VALUE`.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>> {
        let end = self.end_of_options();
        let joined = format!("{name}=");
        let is_it = |arg: &String| arg == name || arg.starts_with(&joined);
        let Some(at) = self.0.iter().take(end).position(is_it) else {
            return Ok(None);
        };
        let option = self.0.remove(at);
        if let Some(value) = option.strip_prefix(&joined) {
            return Ok(Some(value.to_owned()));
        }
        if at < self.0.len() {
            return Ok(Some(self.0.remove(at)));
        }
        Err(Usage::new(format!("`{name}` needs a value")).into())
    }

    /// Takes an option's number, or else what it is without.
    pub(crate) fn number(&mut self, name: &str, default: u64) -> Result<u64> {
        let Some(text) = self.value(name)? else {
            return Ok(default);
        };
        let number = text.parse().ok();
        number.ok_or_else(|| {
            Usage::new(format!("`{name}` got `{text}`, expected a whole number")).into()
        })
    }

    /// What is left, as names; an option among them is a mistake.
    pub(crate) fn names(self) -> Result<Vec<String>> {
        match self.0.iter().find(|arg| arg.starts_with('-')) {
            Some(option) => Err(Usage::new(format!("unknown option `{option}`")).into()),
            None => Ok(self.0),
        }
    }

    /// What is left, whatever it is: arguments of another program.
    pub(crate) fn rest(self) -> Vec<String> {
        self.0
    }

    /// Nothing may be left.
    pub(crate) fn finish(self) -> Result<()> {
        match self.0.first() {
            Some(extra) => Err(Usage::new(format!("unexpected argument `{extra}`")).into()),
            None => Ok(()),
        }
    }

    fn end_of_options(&self) -> usize {
        let end = self.0.iter().position(|arg| arg == "--");
        end.unwrap_or(self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Args;

    fn args(line: &str) -> Args {
        Args(line.split_whitespace().map(String::from).collect())
    }

    #[test]
    fn options_are_taken_wherever_they_stand() {
        let mut args = args("demo --camera 2 --out=there --window -- --window");
        assert_eq!(args.task().as_deref(), Some("demo"));
        assert_eq!(args.value("--camera").unwrap().as_deref(), Some("2"));
        assert_eq!(args.value("--out").unwrap().as_deref(), Some("there"));
        assert!(args.flag("--window"));
        assert!(
            !args.flag("--window"),
            "what stands behind `--` is not ours"
        );
        assert_eq!(args.rest(), ["--", "--window"]);
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(
            args("--out").value("--out").unwrap_err().to_string(),
            "`--out` needs a value"
        );
        assert_eq!(
            args("--seed x")
                .number("--seed", 1)
                .unwrap_err()
                .to_string(),
            "`--seed` got `x`, expected a whole number"
        );
        assert_eq!(
            args("--quick").names().unwrap_err().to_string(),
            "unknown option `--quick`"
        );
        assert_eq!(
            args("more").finish().unwrap_err().to_string(),
            "unexpected argument `more`"
        );
    }
}
