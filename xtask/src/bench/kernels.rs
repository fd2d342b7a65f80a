//! `bench kernels`: what the sandbox costs pixels. Each row is a component in a pipeline, and
//! its native twin, the same code compiled for this machine with vectors of 128 bits as the
//! component has, and with those of 256 bits that it has not. Both get one and the same frame
//! again and again, so that caches hold the same. What a frame costs before any pixel is
//! written, by an element that writes none, is told apart.
//!
//! ```text
//! frame ► flooder ═► element ► fakesink    p50 of the element's time for a frame
//! frame ► flooder ═► blank ► fakesink      the same without pixels
//! components/videoscale/benches/kernels    median of the same, pixels only
//! ```

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::table::markdown;
use crate::args::Args;
use crate::workspace::{Workspace, capture};
use crate::{components, demo};

/// Each side runs so often, in turn.
const ROUNDS: u64 = 15;
const FRAMES: usize = 200;
/// Element, format and size that enter, and that leave.
const ROWS: [(&str, &str, &str); 14] = [
    ("videoconvert", "I420 640x480", "RGB 640x480"),
    ("videoconvert", "I420 1280x720", "RGB 1280x720"),
    ("videoconvert", "I420 1920x1080", "RGB 1920x1080"),
    ("videoconvert", "YUY2 1280x720", "RGB 1280x720"),
    ("videoconvert", "NV12 1280x720", "RGB 1280x720"),
    ("videoconvert", "I420 1280x720", "BGRx 1280x720"),
    ("videoconvert", "RGB 1280x720", "I420 1280x720"),
    ("videoconvert", "RGB 1280x720", "BGR 1280x720"),
    ("videoconvert", "RGB 1280x720", "RGBx 1280x720"),
    ("videoscale", "I420 1280x720", "I420 320x320"),
    ("videoscale", "RGB 1280x720", "RGB 320x320"),
    ("videoscale", "RGB 1280x720", "RGB 640x360"),
    ("videoscale", "YUY2 1280x720", "YUY2 320x320"),
    ("videoscale", "I420 640x480", "I420 1280x720"),
];

/// A native build, and the flags that make it.
struct Twin {
    name: &'static str,
    flags: &'static str,
}

/// On x86-64: SSE4.2 and AVX2. Elsewhere one, with what the target has.
const TWINS: &[Twin] = if cfg!(target_arch = "x86_64") {
    &[
        Twin {
            name: "128",
            flags: "-Ctarget-cpu=x86-64-v2",
        },
        Twin {
            name: "256",
            flags: "-Ctarget-cpu=x86-64-v3",
        },
    ]
} else {
    &[Twin {
        name: "128",
        flags: "",
    }]
};

pub(super) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let rounds = args.number("--rounds", ROUNDS)?.max(1);
    args.finish()?;
    components::components(workspace)?;
    components::fixtures(workspace)?;
    demo::build_binary(workspace)?;
    let programs: Result<Vec<PathBuf>> = TWINS.iter().map(|it| build(workspace, it)).collect();
    let programs = programs?;
    let mut table = Vec::new();
    for row in ROWS {
        let (element, from, to) = row;
        eprintln!("bench: {element}: {from} → {to}");
        table.push(measured(workspace, &programs, row, rounds)?);
    }
    let mut header = vec![
        "element".to_owned(),
        "frames".to_owned(),
        "component ms".to_owned(),
        "without pixels, ms".to_owned(),
    ];
    for Twin { name, .. } in TWINS {
        header.push(format!("native, {name} bits, ms"));
        header.push("pixels / native".to_owned());
        header.push("component / native".to_owned());
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    println!("\n{}", markdown(&header, &table));
    Ok(())
}

/// A row of the table: all sides in turn, in each round. The best round of each counts: who
/// else uses the machine only makes them slower, and not all alike.
fn measured(
    workspace: &Workspace,
    programs: &[PathBuf],
    row: (&str, &str, &str),
    rounds: u64,
) -> Result<Vec<String>> {
    let (element, from, to) = row;
    let (mut whole, mut blank) = (f64::INFINITY, f64::INFINITY);
    let mut natives = vec![f64::INFINITY; programs.len()];
    for _ in 0..rounds {
        for (least, program) in natives.iter_mut().zip(programs) {
            *least = least.min(native(workspace, program, row)?);
        }
        whole = whole.min(guest(workspace, row)?);
        blank = blank.min(guest(workspace, ("blank", from, to))?);
    }
    let millis = |nanos: f64| format!("{:.3}", nanos / 1e6);
    let mut cells = vec![element.to_owned(), format!("{from} → {to}")];
    cells.extend([whole, blank].map(millis));
    for native in natives {
        cells.push(millis(native));
        cells.extend([whole - blank, whole].map(|nanos| format!("{:.2}", nanos / native)));
    }
    Ok(cells)
}

/// `video/x-raw, …` of `FORMAT WIDTHxHEIGHT`.
fn caps(frame: &str) -> Result<String> {
    let (format, size) = frame.split_once(' ').context("no size")?;
    let (width, height) = size.split_once('x').context("no height")?;
    // Equal colorimetry at both ends: only the size changes.
    let colorimetry = if format.contains("RG") || format.contains("GR") {
        "sRGB"
    } else {
        "bt601"
    };
    Ok(format!(
        "video/x-raw,format={format},width={width},height={height},framerate=30/1,colorimetry={colorimetry}"
    ))
}

/// The component's median time for a frame.
fn guest(workspace: &Workspace, (element, from, to): (&str, &str, &str)) -> Result<f64> {
    let (from, to) = (caps(from)?, caps(to)?);
    let settings = if element == "videoscale" {
        " add-borders=false"
    } else {
        ""
    };
    let line = format!(
        "videotestsrc num-buffers=1 ! {from} ! flooder what=buffers count={FRAMES} \
         ! {element}{settings} name=kernel ! {to} ! fakesink"
    );
    let mut command = workspace.command(workspace.binary());
    command.args(["launch", "--json", "--clock", "virtual"]);
    command.args(["--elements", "target/fixtures", &line]);
    let said = capture(&mut command)?;
    let summary: Value = serde_json::from_str(said.lines().last().unwrap_or_default())?;
    let elements = summary.get("elements").and_then(Value::as_array);
    let kernel = |it: &&Value| it.get("name").and_then(Value::as_str) == Some("kernel");
    let kernel = elements.and_then(|all| all.iter().find(kernel));
    let nanos = kernel.and_then(|it| it.get("p50-nanos")?.as_f64());
    nanos.with_context(|| format!("no time of `{element}`"))
}

/// Builds a twin.
fn build(workspace: &Workspace, twin: &Twin) -> Result<PathBuf> {
    let mut cargo = workspace.cargo("bench");
    cargo.args(["--quiet", "--profile", "guest", "-p", "videoscale"]);
    cargo.args(["--bench", "kernels", "--no-run", "--message-format=json"]);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", twin.flags);
    let folder = format!("target/bench/kernels-{}", twin.name);
    cargo.env("CARGO_TARGET_DIR", workspace.root.join(folder));
    let said = capture(&mut cargo)?;
    let program = said.lines().rev().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        message.get("executable")?.as_str().map(PathBuf::from)
    });
    program.context("cargo built no native twin")
}

/// A twin's median time for a frame.
fn native(workspace: &Workspace, twin: &Path, row: (&str, &str, &str)) -> Result<f64> {
    let (element, from, to) = row;
    let mut command = workspace.command(twin);
    command.arg(format!("{element};{};{}", caps(from)?, caps(to)?));
    let said = capture(&mut command)?;
    said.parse()
        .with_context(|| format!("the native twin says `{said}`, which is no number"))
}
