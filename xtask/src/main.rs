//! `cargo xtask <task>`: every task of Millstream that is not plain cargo.
//!
//! ```text
//! setup -> components, fixtures -> build -> demo | test
//!                                        \-> ci = all of it, with a table at the end
//! ```
//!
//! Each task says what it does on stderr; results (tables, paths) go to stdout.
//! The output of child processes is kept in `target/xtask/*.log` and shown when a step fails, or with `--verbose`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool: talking is what it is for"
)]

mod args;
mod bench;
mod workspace;
mod step;
mod setup;
mod guest;
mod backend;
mod wheels;
mod components;
mod demo;
mod testing;
mod wit;
mod generated;
mod licences;
mod spdx;
mod instrument;
mod fuzz;
mod counts;
mod hostile;
mod soak;
mod sanitize;
mod readme;
mod ci;

use std::process::ExitCode;

use anyhow::Result;
use args::{Args, Usage};
use workspace::Workspace;

/// One task: what the user types, what it takes, what it does in a line, and the function.
struct Task {
    name: &'static str,
    takes: &'static str,
    summary: &'static str,
    run: fn(&Workspace, Args) -> Result<()>,
}

const TASKS: &[Task] = &[
    Task {
        name: "setup",
        takes: "[--backend NAME]",
        summary: "install what is missing to build Millstream, or fetch a backend: onnxruntime, webgpu, cuda, openvino",
        run: setup::task,
    },
    Task {
        name: "components",
        takes: "[NAME…]",
        summary: "build components/* into target/components/*.wasm",
        run: components::task,
    },
    Task {
        name: "fixtures",
        takes: "[NAME…]",
        summary: "build the guests that tests use into target/fixtures/*.wasm",
        run: components::fixtures_task,
    },
    Task {
        name: "demo",
        takes: "[--camera N] [--window] [--out DIR]",
        summary: "build everything and run a detector; needs no camera, screen or download",
        run: demo::task,
    },
    Task {
        name: "test",
        takes: "[ARGS…]",
        summary: "components, fixtures, then all tests; ARGS go to the test runner",
        run: testing::task,
    },
    Task {
        name: "bench",
        takes: "peers [ROW…] [--install] | inference | streams | many | swap | tracking | kernels | cost | small | gpu [--software]",
        summary: "measure us beside what a user would take instead; prints tables",
        run: bench::task,
    },
    Task {
        name: "counts",
        takes: "[--update]",
        summary: "how many instructions a buffer costs, beside what was written down",
        run: counts::task,
    },
    Task {
        name: "fuzz",
        takes: "[TARGET…] [--seconds N]",
        summary: "hostile input for parsers, decoders, models and the contract, one or all targets, 60 s each",
        run: fuzz::task,
    },
    Task {
        name: "hostile",
        takes: "[--seconds N] [--rounds N] [GUEST…]",
        summary: "each hostile guest beside two good branches: what is lost, and how long recovery takes",
        run: hostile::task,
    },
    Task {
        name: "soak",
        takes: "[--minutes N] [--seed N]",
        summary: "faults, swaps and starvation at random in a live pipeline for minutes, then its books",
        run: soak::task,
    },
    Task {
        name: "miri",
        takes: "",
        summary: "the memory modules under Miri, which it installs where it can",
        run: sanitize::miri,
    },
    Task {
        name: "asan",
        takes: "",
        summary: "the memory modules and hostile guests under address sanitizer",
        run: sanitize::asan,
    },
    Task {
        name: "ci",
        takes: "",
        summary: "everything that must pass before a change is merged",
        run: ci::task,
    },
    Task {
        name: "generate",
        takes: "[--check]",
        summary: "rewrite the generated files and README sections",
        run: generated::task,
    },
    Task {
        name: "licences",
        takes: "",
        summary: "check the licence and origin of every dependency against deny.toml",
        run: licences::task,
    },
    Task {
        name: "wit",
        takes: "[--update]",
        summary: "compare wit/deps with the crates that it is vendored from",
        run: wit::task,
    },
];

fn main() -> ExitCode {
    match dispatch() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Usage>() => {
            eprintln!("error: {error}\nhint: `cargo xtask help` shows what there is");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Result<()> {
    let mut args = Args::from_env();
    if args.wants_help() {
        println!("{}", help());
        return Ok(());
    }
    let name = args
        .task()
        .ok_or_else(|| Usage::new(format!("no task given\n\n{}\n", help())))?;
    let task = TASKS
        .iter()
        .find(|task| task.name == name)
        .ok_or_else(|| Usage::new(format!("unknown task `{name}`\n\n{}\n", help())))?;
    let workspace = Workspace::find(args.verbose())?;
    (task.run)(&workspace, args)
}

fn help() -> String {
    let line = |task: &Task| {
        let call = format!("{} {}", task.name, task.takes);
        format!("  {call:<41} {}", task.summary)
    };
    let lines: Vec<String> = TASKS.iter().map(line).collect();
    format!(
        "usage: cargo xtask <task> [--verbose]\n\n{}",
        lines.join("\n")
    )
}
