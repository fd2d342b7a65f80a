//! `bench kernels`: what the sandbox costs pixels. Each row is a component in a pipeline, and
//! its native twin, the same code compiled for this machine with vectors of 128 bits as the
//! component has, and with those of 256 bits that it has not. What a frame costs before any
//! pixel is written, by an element that writes none, is told apart.
//!
//! ```text
//! videotestsrc ► element ► fakesink        p50 of the element's time for a frame
//! videotestsrc ► blank ► fakesink          the same without pixels
//! components/videoscale/benches/kernels    median of the same, pixels only
//! ```

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::table::{markdown, median};
use crate::args::Args;
use crate::workspace::{Workspace, capture};
use crate::{components, demo};

/// Each side runs so often, in turn.
const ROUNDS: usize = 3;
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

pub(super) fn task(workspace: &Workspace, args: Args) -> Result<()> {
    args.finish()?;
    components::components(workspace)?;
    components::fixtures(workspace)?;
    demo::build_binary(workspace)?;
    let mut rows = Vec::new();
    let mut times = vec![vec![Vec::new(); ROWS.len()]; TWINS.len() + 2];
    for round in 0..ROUNDS {
        eprintln!("bench: round {} of {ROUNDS}", round + 1);
        for (sums, twin) in times.iter_mut().zip(TWINS) {
            for (sum, nanos) in sums.iter_mut().zip(native(workspace, twin)?) {
                sum.push(nanos);
            }
        }
        let [.., guests, blanks] = times.as_mut_slice() else {
            bail!("no times");
        };
        for ((guests, blanks), (element, from, to)) in guests.iter_mut().zip(blanks).zip(ROWS) {
            guests.push(guest(workspace, (element, from, to))?);
            blanks.push(guest(workspace, ("blank", from, to))?);
        }
    }
    let [twins @ .., guests, blanks] = times.as_slice() else {
        bail!("no times");
    };
    for (index, (element, from, to)) in ROWS.into_iter().enumerate() {
        let of = |times: &Vec<Vec<f64>>| times.get(index).map_or(0.0, |times| median(times));
        let (guest, blank) = (of(guests), of(blanks));
        let mut row = vec![element.to_owned(), format!("{from} → {to}")];
        row.push(format!("{:.3}", guest / 1e6));
        row.push(format!("{:.3}", blank / 1e6));
        for twin in twins.iter().map(of) {
            row.push(format!("{:.3}", twin / 1e6));
            row.push(format!("{:.2}", (guest - blank) / twin));
            row.push(format!("{:.2}", guest / twin));
        }
        rows.push(row);
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
    println!("\n{}", markdown(&header, &rows));
    Ok(())
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
        "videotestsrc num-buffers={FRAMES} ! {from} ! {element}{settings} name=kernel ! {to} ! fakesink"
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

/// The median times of all rows.
fn native(workspace: &Workspace, twin: &Twin) -> Result<Vec<f64>> {
    let mut cargo = workspace.cargo("bench");
    cargo.args(["--quiet", "--profile", "guest", "-p", "videoscale"]);
    cargo.args(["--bench", "kernels", "--"]);
    for (element, from, to) in ROWS {
        cargo.arg(format!("{element};{};{}", caps(from)?, caps(to)?));
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", twin.flags);
    let folder = format!("target/bench/kernels-{}", twin.name);
    cargo.env("CARGO_TARGET_DIR", workspace.root.join(folder));
    let said = capture(&mut cargo)?;
    let times: Result<Vec<f64>, _> = said.lines().map(str::parse).collect();
    let times = times.context("what the native twins say is no number")?;
    if times.len() != ROWS.len() {
        bail!(
            "{} of {} rows were measured natively",
            times.len(),
            ROWS.len()
        );
    }
    Ok(times)
}
