//! `cargo xtask bench`: our figures beside those of what a user would take instead, measured in
//! turn in one go. Never part of the tests: ratios are for people to read.

mod gpu;
mod inference;
mod kernels;
mod many;
mod peers;
mod streams;
mod swap;
pub(crate) mod table;

use anyhow::Result;

use crate::args::{Args, Usage};
use crate::workspace::Workspace;

/// A benchmark by its name.
struct Bench {
    name: &'static str,
    run: fn(&Workspace, Args) -> Result<()>,
}

const BENCHES: &[Bench] = &[
    Bench {
        name: "peers",
        run: peers::task,
    },
    Bench {
        name: "cost",
        run: peers::cost,
    },
    Bench {
        name: "inference",
        run: inference::task,
    },
    Bench {
        name: "streams",
        run: streams::task,
    },
    Bench {
        name: "many",
        run: many::task,
    },
    Bench {
        name: "kernels",
        run: kernels::task,
    },
    Bench {
        name: "swap",
        run: swap::task,
    },
    Bench {
        name: "gpu",
        run: gpu::task,
    },
    Bench {
        name: "tracking",
        run: tracking,
    },
    Bench {
        name: "small",
        run: small,
    },
];

pub(crate) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let names: Vec<&str> = BENCHES.iter().map(|bench| bench.name).collect();
    let names = names.join(", ");
    let name = args
        .task()
        .ok_or_else(|| Usage::new(format!("`bench` needs a name: {names}")))?;
    let bench = BENCHES.iter().find(|bench| bench.name == name);
    let bench = bench.ok_or_else(|| Usage::new(format!("no benchmark `{name}`: {names}")))?;
    (bench.run)(workspace, args)
}

/// The tracker's quality on scenes of known truth.
fn tracking(workspace: &Workspace, args: Args) -> Result<()> {
    of_crate(workspace, args, "objecttracker", "tracking")
}

/// What a start is made of: caps, launch lines, manifests.
fn small(workspace: &Workspace, args: Args) -> Result<()> {
    of_crate(workspace, args, "millstream-core", "small")
}

/// A benchmark of a crate.
fn of_crate(workspace: &Workspace, args: Args, name: &str, bench: &str) -> Result<()> {
    args.finish()?;
    let mut cargo = workspace.cargo("bench");
    cargo.args(["--quiet", "-p", name, "--bench", bench]);
    let log = format!("bench-{bench}");
    crate::step::Step::new(workspace, &log)
        .live()
        .run(&mut cargo)?;
    Ok(())
}
