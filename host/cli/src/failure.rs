//! Why a command did not do what it was asked, and the exit code for it.

use std::io;
use std::process::ExitCode;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What the user wrote is wrong, and nothing was run: exit code 2.
    Usage(String),
    /// It went wrong while running: exit code 1.
    Run(String),
    /// It went wrong while running, and the user has been told: exit code 1.
    Told,
    /// Whoever read stdout has gone (`| head -1`), which is their right: exit code 0.
    NobodyListens,
}

impl Failure {
    /// A mistake of the user's, with what to do about it.
    pub(crate) fn usage(message: impl std::fmt::Display, hint: &str) -> Self {
        Self::Usage(format!("error: {message}\nhint: {hint}"))
    }

    /// A runtime error after the pipeline began to play.
    pub(crate) fn playing(error: &millstream_runtime::Error) -> Self {
        Self::Run(error.render())
    }

    /// A device that cannot be asked.
    #[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
    pub(crate) fn device(error: millstream_runtime::DeviceError) -> Self {
        let hint = error
            .hint
            .as_ref()
            .map_or_else(String::new, |hint| format!("\nhint: {hint}"));
        Self::Run(format!("error: {error}{hint}"))
    }

    /// The whole text for stderr, if there is something to say.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Usage(text) | Self::Run(text) => Some(text),
            Self::Told | Self::NobodyListens => None,
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Run(_) | Self::Told => ExitCode::from(1),
            Self::NobodyListens => ExitCode::SUCCESS,
        }
    }
}

impl From<millstream_core::Error> for Failure {
    fn from(error: millstream_core::Error) -> Self {
        Self::Usage(error.render())
    }
}

impl From<millstream_runtime::Error> for Failure {
    /// An error before anything ran: the user's, unless the machine is to blame.
    fn from(error: millstream_runtime::Error) -> Self {
        use millstream_runtime::Error;
        match error {
            Error::Engine { .. } | Error::Thread(_) => Self::Run(error.render()),
            error => Self::Usage(error.render()),
        }
    }
}

impl From<io::Error> for Failure {
    /// An error of writing to stdout.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyListens,
            _ => Self::Run(format!("error: cannot write to stdout: {error}")),
        }
    }
}
