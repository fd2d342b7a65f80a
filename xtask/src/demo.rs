//! `cargo xtask demo`: from a fresh checkout to detections on pictures, with one command.
//!
//! Without options it needs no camera, no screen and no download, and leaves in `out/`:
//! `demo.y4m` (annotated clip), `demo.png` (one frame to look at), `demo.jsonl` (one line a frame).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::args::{Args, Usage};
use crate::step::{Step, seconds};
use crate::workspace::{Workspace, read};
use crate::{components, setup};

/// `{source}`, `{picture}` and `{out}` are filled in.
const LAUNCH: &str = "{source} ! objectdetector ! tee name=t \
    t. ! queue ! detectionsink location={out}/demo.jsonl \
    t. ! queue ! detectionoverlay ! {picture}";
/// Ten seconds of moving shapes: the same on every machine.
const TEST_SOURCE: &str = "videotestsrc pattern=shapes num-buffers=300 \
    ! video/x-raw,format=I420,width=640,height=480,framerate=30/1";
const CAMERA_SOURCE: &str =
    "camerasrc device={camera} ! queue leaky=downstream ! videoconvert ! video/x-raw,format=I420";
const FILES: &str = "tee name=u \
    u. ! queue ! y4menc ! filesink location={out}/demo.y4m \
    u. ! queue leaky=downstream max-size-buffers=1 ! videoconvert ! pngenc ! multifilesink location={out}/demo.png";
const WINDOW: &str = "videoconvert ! windowsink";

struct Options {
    camera: Option<String>,
    is_window: bool,
    out: String,
}

pub(crate) fn task(workspace: &Workspace, mut args: Args) -> Result<()> {
    let camera = args.value("--camera")?;
    if camera
        .as_ref()
        .is_some_and(|number| number.parse::<u32>().is_err())
    {
        return Err(Usage::new("`--camera` takes a number, 0 for /dev/video0").into());
    }
    let is_window = args.flag("--window");
    let out = args.value("--out")?.unwrap_or_else(|| "out".to_owned());
    args.finish()?;
    let options = Options {
        camera,
        is_window,
        out,
    };

    setup::setup(workspace)?;
    if options.is_window {
        setup::window(workspace)?;
    }
    components::components(workspace)?;
    build_binary(workspace)?;
    run(workspace, &options)
}

/// The `millstream` binary, with the features that tests of the whole workspace use too.
pub(crate) fn build_binary(workspace: &Workspace) -> Result<String> {
    let mut cargo = workspace.cargo("build");
    cargo.args(["-p", "millstream"]);
    let done = Step::new(workspace, "build").run(&mut cargo)?;
    eprintln!("build: millstream in {}", seconds(done.time));
    Ok(String::new())
}

/// `millstream launch <line> <args>`, with its output on this terminal.
pub(crate) fn launch(workspace: &Workspace, line: &str, args: &[&str]) -> Result<()> {
    eprintln!("$ millstream launch \"{line}\" {}", args.join(" "));
    let mut command: Command = workspace.command(workspace.binary());
    command.arg("launch").arg(line).args(args);
    let status = command.status().context("cannot start millstream")?;
    if !status.success() {
        bail!("millstream failed ({status})");
    }
    Ok(())
}

fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let out = workspace.root.join(&options.out);
    fs::create_dir_all(&out)?;
    let start = Instant::now();
    launch(workspace, &launch_line(options), &["--stats"])?;
    println!("\nran for {}", seconds(start.elapsed()));
    summarise(&out.join("demo.jsonl"))?;
    for name in ["demo.y4m", "demo.png", "demo.jsonl"] {
        if let Ok(file) = fs::metadata(out.join(name)) {
            println!("{}/{name}  {} KiB", options.out, file.len() / 1024);
        }
    }
    Ok(())
}

fn launch_line(options: &Options) -> String {
    let source = match &options.camera {
        Some(camera) => CAMERA_SOURCE.replace("{camera}", camera),
        None => TEST_SOURCE.to_owned(),
    };
    LAUNCH
        .replace("{source}", &source)
        .replace("{picture}", if options.is_window { WINDOW } else { FILES })
        .replace("{out}", &options.out)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Count and sum of confidences of each class.
type Classes = BTreeMap<String, (u64, f64)>;

fn summarise(file: &Path) -> Result<()> {
    let text = read(file)?;
    let mut classes = Classes::new();
    let mut frames = 0_u64;
    for (at, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let frame: Value = serde_json::from_str(line)
            .with_context(|| format!("{}:{}: not JSON", file.display(), at + 1))?;
        count(&frame, &mut classes);
        frames += 1;
    }
    println!(
        "{frames} frames\n\n{:<16} {:>6}  mean confidence",
        "class", "count"
    );
    for (class, (count, confidence)) in &classes {
        println!("{class:<16} {count:>6}  {:.2}", confidence / *count as f64);
    }
    println!();
    if classes.is_empty() {
        bail!("no detection in {frames} frames: the detector or its model is broken");
    }
    Ok(())
}

fn count(frame: &Value, classes: &mut Classes) {
    let detections = frame.get("detections").and_then(Value::as_array);
    for detection in detections.into_iter().flatten() {
        let label = detection.get("label").and_then(Value::as_str);
        let confidence = detection.get("confidence").and_then(Value::as_f64);
        let entry = classes.entry(label.unwrap_or("?").to_owned()).or_default();
        entry.0 += 1;
        entry.1 += confidence.unwrap_or(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::{Classes, Options, count, launch_line};

    #[test]
    fn the_launch_line_has_no_hole_left() {
        for camera in [None, Some("1".to_owned())] {
            for is_window in [false, true] {
                let line = launch_line(&Options {
                    camera: camera.clone(),
                    is_window,
                    out: "o".into(),
                });
                assert!(!line.contains(['{', '}']), "{line}");
            }
        }
    }

    #[test]
    fn detections_are_counted_by_label() {
        let frame = r#"{"pts": 0, "detections": [
            {"label": "disc", "confidence": 0.5}, {"label": "disc", "confidence": 1.0}]}"#;
        let mut classes = Classes::new();
        count(&serde_json::from_str(frame).unwrap(), &mut classes);
        assert_eq!(classes.get("disc"), Some(&(2, 1.5)));
    }
}
