//! Camera and window elements with devices that the test makes up.
//!
//! Needs the elements of `cargo xtask components`.
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millstream_core::graph::Graph;
use millstream_core::pipeline::Grant;
use millstream_core::{launch, manifest};
use millstream_runtime::simulated::{RecordedScreen, SimulatedCamera};
use millstream_runtime::{
    ClockKind, Devices, Ended, InferenceOptions, Message, Options, Pipeline, Runtime, Sources,
};

const LIMIT: Duration = Duration::from_mins(1);

/// The folder of built elements; none, with the reason printed, where there is none.
fn elements() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/components");
    if folder.join("camerasrc.wasm").is_file() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "no elements in {}",
        folder.display()
    );
    #[expect(clippy::print_stderr, reason = "says why a test was skipped")]
    {
        eprintln!(
            "skipped: no elements in {}; run `cargo xtask components`",
            folder.display()
        );
    }
    None
}

fn camera() -> SimulatedCamera {
    let caps = "video/x-raw, format=BGRx, width=8, height=4, framerate=30/1"
        .parse()
        .unwrap();
    SimulatedCamera::repeating(caps, vec![vec![10; 8 * 4 * 4], vec![200; 8 * 4 * 4]])
}

/// Runs a line to its end and says how it ended, with the messages of the bus.
fn run(
    line: &str,
    camera: SimulatedCamera,
    screen: &RecordedScreen,
) -> Option<(Ended, Vec<Message>)> {
    let sources = Sources {
        folders: vec![elements()?],
        ..Sources::default()
    };
    let runtime = Runtime::new(sources, InferenceOptions::default()).unwrap();
    let graph = Graph::build(&launch::parse(line).unwrap(), &*runtime.elements).unwrap();
    let grants = [
        ("camerasrc0", Grant::Camera),
        ("windowsink0", Grant::Display),
    ];
    let options = Options {
        clock: ClockKind::Virtual,
        devices: Devices {
            cameras: Arc::new(camera),
            screen: Arc::new(screen.clone()),
        },
        grants: grants
            .map(|(name, grant)| (name.to_owned(), grant))
            .to_vec(),
        ..Options::default()
    };
    let mut pipeline = Pipeline::prepare(graph, &runtime, &options).unwrap();
    pipeline.play().unwrap();
    let ended = pipeline.wait(LIMIT).unwrap();
    pipeline.stop();
    Some((
        ended,
        pipeline.messages().try_iter().map(|it| *it).collect(),
    ))
}

#[test]
fn frames_go_from_the_camera_to_the_window() {
    let screen = RecordedScreen::default();
    let line = "camerasrc num-buffers=5 ! queue ! windowsink";
    let Some((ended, _)) = run(line, camera(), &screen) else {
        return;
    };
    assert_eq!(ended, Ended::Eos);
    assert_eq!(screen.recorded().frames, 5);
}

#[test]
fn a_camera_that_is_unplugged_is_a_failure_with_its_name() {
    let screen = RecordedScreen::default();
    let line = "camerasrc ! windowsink";
    let Some((ended, messages)) = run(line, camera().unplug_after(3), &screen) else {
        return;
    };
    assert_eq!(ended, Ended::Failed);
    assert_eq!(screen.recorded().frames, 3);
    let text = messages.iter().find_map(|message| match message {
        Message::Error {
            element, message, ..
        } => Some(format!("{element}: {message}")),
        _ => None,
    });
    let text = text.unwrap();
    assert!(
        text.contains("camerasrc0") && text.contains("unplugged"),
        "{text}"
    );
}

/// A camera that comes back is found again; what was there in the meantime is gone.
#[test]
fn a_camera_that_is_plugged_in_again_goes_on() {
    let Some(folder) = elements() else {
        return;
    };
    let text = r#"
        [pipeline]
        clock = "virtual"
        chains = ["camera ! video/x-raw,framerate=30/1 ! window"]
        [elements.camera]
        component = "camerasrc"
        properties = { num-buffers = 8 }
        grants = ["camera"]
        on-failure = "restart"
        restart = { max = 10, backoff = "1ms" }
        [elements.window]
        component = "windowsink"
        grants = ["display"]
    "#;
    let sources = Sources {
        folders: vec![folder],
        ..Sources::default()
    };
    let runtime = Runtime::new(sources, InferenceOptions::default()).unwrap();
    let manifest = manifest::parse(text, "camera.toml").unwrap();
    let graph = Graph::build(&manifest.description, &*runtime.elements).unwrap();
    let screen = RecordedScreen::default();
    let options = Options {
        clock: ClockKind::Virtual,
        devices: Devices {
            cameras: Arc::new(camera().unplug_after(3).back_after(4)),
            screen: Arc::new(screen.clone()),
        },
        ..Options::default()
    };
    let mut pipeline = Pipeline::prepare(graph, &runtime, &options).unwrap();
    pipeline.play().unwrap();
    assert_eq!(pipeline.wait(LIMIT), Some(Ended::Eos));
    pipeline.stop();
    assert_eq!(screen.recorded().frames, 8);
    let said: Vec<String> = pipeline
        .messages()
        .try_iter()
        .filter_map(|message| match *message {
            Message::Recovered {
                element, message, ..
            } => Some(format!("{element}: {message}")),
            _ => None,
        })
        .collect();
    assert_eq!(said, ["camera: produce: camera `0` was unplugged"]);
    let stats = pipeline.stats();
    assert_eq!((stats[0].failures, stats[0].restarts), (1, 1));
}

#[test]
fn closing_the_window_ends_the_pipeline() {
    let screen = RecordedScreen::default().close_after(4);
    let Some((ended, _)) = run(
        "camerasrc ! tee name=t t. ! queue ! windowsink t. ! queue ! fakesink",
        camera(),
        &screen,
    ) else {
        return;
    };
    assert_eq!(ended, Ended::Eos);
    assert!(screen.recorded().frames >= 4);
}
