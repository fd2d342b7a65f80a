//! `ctl`: asks a running pipeline over its control socket.
//!
//! ```text
//! find (the only one that runs, or --socket) ─► connection ─► text
//! ```

mod connection;
mod find;
mod text;

use std::path::Path;
use std::time::Duration;

use millstream_core::control::{Command, DEFAULT_TRIAL, Swap};

use crate::args::{CtlArgs, CtlCommand, SwapArgs};
use crate::failure::Failure;
use crate::output;

/// Has one command done.
pub(crate) fn ctl(args: &CtlArgs) -> Result<(), Failure> {
    let command = command(&args.command)?;
    let mut connection = find::connect(args.socket.as_deref())?;
    let answer = connection.ask(command)?;
    if args.json {
        return Ok(output::data(&format!("{answer}\n"))?);
    }
    let pipeline = &connection.greeting.pipeline;
    match &args.command {
        CtlCommand::List => output::data(&text::list(pipeline, &answer))?,
        CtlCommand::Stats => output::data(&text::stats(pipeline, &answer))?,
        CtlCommand::Swap(swap) => output::talk(text::swapped(&answer, trial(swap))),
        CtlCommand::SetProperty { element, .. } if answer.get("done") == Some(&false.into()) => {
            output::talk(format_args!(
                "`{element}` is busy: it is set with its next buffer"
            ));
        }
        // What was asked for has been done: there is nothing to say.
        _ => {}
    }
    Ok(())
}

fn command(command: &CtlCommand) -> Result<Command, Failure> {
    Ok(match command {
        CtlCommand::List => Command::List,
        CtlCommand::Stats => Command::Stats,
        CtlCommand::Pause => Command::Pause,
        CtlCommand::Resume => Command::Resume,
        CtlCommand::Eos => Command::Eos,
        CtlCommand::SetProperty {
            element,
            name,
            value,
        } => Command::SetProperty {
            element: element.clone(),
            name: name.clone(),
            value: value.clone(),
        },
        CtlCommand::Swap(swap) => Command::Swap(Swap {
            element: swap.element.clone(),
            file: absolute(&swap.file)?.into(),
            trial: trial(swap),
            fresh: swap.fresh,
        }),
    })
}

fn trial(swap: &SwapArgs) -> Duration {
    swap.trial.unwrap_or(DEFAULT_TRIAL)
}

/// The pipeline may run in another folder.
fn absolute(file: &Path) -> Result<String, Failure> {
    let failed = |message: &str| {
        Failure::usage(
            format!("`{}`: {message}", file.display()),
            "name a component: `millstream ctl swap ELEMENT FILE.wasm`",
        )
    };
    if !file.is_file() {
        return Err(failed("no such file"));
    }
    let path = std::path::absolute(file).map_err(|error| failed(&error.to_string()))?;
    let path = path.to_str();
    path.map(str::to_owned)
        .ok_or_else(|| failed("the name is not UTF-8"))
}

/// Text from elsewhere without what would move a terminal's cursor or change its colours.
fn plain(text: &str) -> String {
    let escape = |c: char| -> String {
        if c.is_control() && c != '\n' {
            c.escape_default().collect()
        } else {
            c.into()
        }
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn terminals_are_safe() {
        for (text, expected) in [
            ("pädding\n", "pädding\n"),
            ("\u{1b}[31m", "\\u{1b}[31m"),
            ("a\rb\u{9b}2J", "a\\rb\\u{9b}2J"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}
