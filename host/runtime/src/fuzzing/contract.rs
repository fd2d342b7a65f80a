//! A pipeline around the fixture `puppet`, which calls the host as bytes say.

use std::fs;
use std::sync::{Arc, Weak};
use std::time::Duration;

use millstream_core::graph::Graph;
use millstream_core::manifest;

use super::root;
use crate::buffer::MetaBudget;
use crate::device::simulated::{RecordedScreen, SimulatedCamera};
use crate::element::state::Surroundings;
use crate::memory::fault;
use crate::memory::frame::FrameBudget;
use crate::{
    BackendChoice, ClockKind, Devices, InferenceOptions, Message, Options, Pipeline, Runtime,
    Sources,
};

/// Guests that it runs, as they lie below `target`.
const GUESTS: [&str; 3] = [
    "components/videotestsrc.wasm",
    "components/fakesink.wasm",
    "fixtures/puppet.wasm",
];
/// A model that the puppet may use.
const MODEL: &str = "tests/fuzz-host/seeds/onnx/relu.onnx";
/// Three frames take milliseconds, on a machine that has time for them.
const LIMIT: Duration = Duration::from_mins(2);
/// More than this is no text that a property can have: two digits a byte.
const MAX_SCRIPT_BYTES: usize = 30_000;
/// What the script's first byte chooses among.
const POLICIES: [&str; 8] = [
    "on-failure = \"stop\"",
    "on-failure = \"drop\"\nrestart = { max = 3, backoff = \"1ns\" }",
    "on-failure = \"stop-branch\"",
    "on-failure = \"pass-through\"",
    "on-failure = \"restart\"\nrestart = { max = 3, backoff = \"1ns\" }",
    "on-failure = \"restart\"\nrestart = { max = 1, backoff = \"1ns\", then = \"stop-branch\" }",
    "on-failure = \"restart\"\nrestart = { max = 1, backoff = \"1ns\", then = \"pass-through\" }",
    "on-failure = \"stop\"",
];

/// What all runs share: compiled guests and a loaded model.
pub struct Contract {
    runtime: Runtime,
}

impl Contract {
    /// Loads the guests; what is missing if they are not built.
    pub fn new() -> Result<Self, String> {
        let target = root().join("target");
        for guest in GUESTS {
            if !target.join(guest).is_file() {
                return Err(format!("no `target/{guest}`"));
            }
        }
        let inference = InferenceOptions {
            backend: BackendChoice::Embedded,
            threads: Some(1),
            ..InferenceOptions::default()
        };
        let sources = Sources {
            folders: vec![target.join("components"), target.join("fixtures")],
            ..Sources::default()
        };
        let runtime = Runtime::new(sources, inference).map_err(|error| error.to_string())?;
        let model = fs::read(root().join(MODEL)).map_err(|error| format!("{MODEL}: {error}"))?;
        runtime.models.add_bytes("tiny", model, Vec::new());
        Ok(Self { runtime })
    }

    /// Plays a script: a byte that chooses policy and views, then the puppet's.
    ///
    /// # Panics
    /// When the pipeline does not end, or what elements held has not all come back.
    pub fn run(&self, script: &[u8]) {
        let (first, rest) = script.split_first().unwrap_or((&0, &[]));
        let policy = POLICIES
            .get(usize::from(first & 7))
            .copied()
            .unwrap_or_default();
        let options = Options {
            views: first & 8 == 0,
            clock: ClockKind::Virtual,
            devices: devices(),
            ..Options::default()
        };
        let rest = rest.get(..MAX_SCRIPT_BYTES).unwrap_or(rest);
        let manifest = manifest::parse(&text(policy, rest), "fuzz.toml");
        let manifest = manifest.unwrap_or_else(|error| panic!("{}", error.render()));
        let graph = Graph::build(&manifest.description, &*self.runtime.elements);
        let graph = graph.unwrap_or_else(|error| panic!("{}", error.render()));
        // Refused: whatever the puppet did while it was made.
        if let Ok(pipeline) = Pipeline::prepare(graph, &self.runtime, &options) {
            let books: Vec<Books> = pipeline.surroundings().iter().map(Books::of).collect();
            play(pipeline);
            // The screen remembers what it showed.
            drop(options);
            books.iter().for_each(Books::are_even);
        }
        // Tests may share a process with others that have windows.
        let windows = if cfg!(fuzzing) { fault::windows() } else { 0 };
        assert_eq!(windows, 0, "a window outlived its element");
    }
}

fn play(mut pipeline: Pipeline) {
    if pipeline.play().is_ok() {
        let ended = pipeline.wait(LIMIT);
        assert!(ended.is_some(), "it does not end");
    }
    pipeline.stop();
    for message in pipeline.messages().try_iter() {
        // What an element says is its own affair.
        if let Message::Log {
            element, message, ..
        } = *message
            && element == "pipeline"
        {
            panic!("{message}");
        }
    }
}

/// What an element may leave nothing in.
struct Books {
    name: String,
    around: Weak<Surroundings>,
    frames: FrameBudget,
    metas: MetaBudget,
}

impl Books {
    fn of(around: &Arc<Surroundings>) -> Self {
        Self {
            name: around.name.clone(),
            around: Arc::downgrade(around),
            frames: around.frames.clone(),
            metas: around.metas.clone(),
        }
    }

    fn are_even(&self) {
        let name = &self.name;
        assert_eq!(self.around.strong_count(), 0, "`{name}` lives on");
        assert_eq!(self.frames.out(), (0, 0), "frames and bytes of `{name}`");
        assert_eq!(self.metas.held(), 0, "bytes of metas of `{name}`");
    }
}

fn devices() -> Devices {
    let caps = "video/x-raw, format=GRAY8, width=4, height=4, framerate=30/1";
    let caps = caps.parse().unwrap_or_else(|_| unreachable!("caps"));
    let camera = SimulatedCamera::repeating(caps, vec![vec![7; 16]]).unplug_after(9);
    let screen = RecordedScreen::default().close_after(5);
    Devices {
        cameras: Arc::new(camera),
        screen: Arc::new(screen),
    }
}

fn text(policy: &str, script: &[u8]) -> String {
    let digits = script.iter().map(|byte| format!("{byte:02x}"));
    let hex = digits.collect::<Vec<_>>().concat();
    format!(
        r#"
[pipeline]
chains = [
  "source ! video/x-raw,format=I420,width=64,height=64,framerate=30/1 ! puppet ! sink",
]
[elements.source]
component = "videotestsrc"
properties = {{ num-buffers = 3 }}
[elements.sink]
component = "fakesink"
[elements.puppet]
component = "puppet"
properties = {{ script = "{hex}", model = "tiny" }}
grants = ["inference", "camera", "display"]
limits = {{ memory = "64MiB", call-time = "5s" }}
{policy}
"#
    )
}
