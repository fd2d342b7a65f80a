//! The `millstream` command: arguments in, text out; the work is done by
//! `millstream-core` and `millstream-runtime`.
//!
//! ```text
//! args ─► text (launch line, manifest) ─► setup (Runtime, Graph, Pipeline) ─► a command
//! ```
//!
//! stdout is data and stderr is talk. Exit code 0: done, 1: a pipeline failed, 2: what
//! the user wrote is wrong.
#![allow(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "texts of a few lines, written once: what they look like should be seen, allocations do not count"
)]

mod args;
mod carried;
mod output;
mod failure;
mod human;
mod json;
mod inference;
mod setup;
mod bundle;
#[cfg(unix)]
mod sockets;
mod run;
#[cfg_attr(not(unix), path = "ctl_none.rs")]
mod ctl;
#[cfg(feature = "compiler")]
mod compile;
mod check;
mod inspect;
mod caps;
mod graph;
mod audit;
mod lock;
mod backends;
mod devices;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};
use crate::failure::Failure;
use crate::setup::Text;

fn main() -> ExitCode {
    match dispatch(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(text) = failure.text() {
                output::talk(text);
            }
            failure.exit_code()
        }
    }
}

fn dispatch(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Launch(args) => run::run(
            &Text::from_line(&args.line)?,
            &args.setup,
            &args.play,
            false,
        ),
        Command::Run(args) => run::run(
            &Text::from_file(&args.manifest, &args.trust.trust())?,
            &args.setup,
            &args.play,
            args.locked,
        ),
        #[cfg(feature = "compiler")]
        Command::Compile(args) => compile::compile(&args),
        Command::Check(args) => check::check(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Caps(args) => caps::caps(&args),
        Command::Graph(args) => graph::graph(&args),
        Command::Ctl(args) => ctl::ctl(&args),
        Command::Audit(args) => audit::audit(&args),
        Command::Lock(args) => lock::lock(&args),
        Command::Backends(args) => backends::backends(&args),
        Command::Devices(args) => devices::devices(&args),
        Command::Schema => Ok(output::data(&millstream_core::manifest::schema())?),
    }
}
