//! Pipelines that are asked for things while they run: pause, properties, swaps.
//!
//! Needs the guests of `cargo xtask components` and `cargo xtask fixtures`.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests, which clippy does not count as tests"
)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use millstream_core::element::Value;
use millstream_core::graph::Graph;
use millstream_core::launch;
use millstream_core::pipeline::{OnFailure, Resort, Restarts};
use millstream_runtime::{
    Controller, Ended, InferenceOptions, Message, Options, Pipeline, Runtime, Sources, State, Swap,
    Swapped,
};

const LIMIT: Duration = Duration::from_mins(1);
const TRIAL: Duration = Duration::from_millis(300);
/// The sink says what it gets.
const LIVE: &str = "videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=100/1 \
                    ! understudy name=u THEN ! fakesink name=s silent=false";

const RESTART: OnFailure = OnFailure::Restart(Restarts {
    max: 10_000,
    within_nanos: 10_000_000_000,
    backoff_nanos: 1,
    then: Resort::Stop,
});

fn target(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../target/{folder}"))
}

/// Whether guests are missing: says so, and fails in CI.
fn lacks_guests() -> bool {
    let guests = [
        "components/videotestsrc",
        "components/fakesink",
        "fixtures/understudy",
    ];
    let missing = guests
        .iter()
        .find(|name| !target(&format!("{name}.wasm")).is_file());
    if let Some(name) = missing {
        assert!(std::env::var_os("CI").is_none(), "no guest {name}");
        #[expect(clippy::print_stderr, reason = "says why a test was skipped")]
        {
            eprintln!("skipped: no {name}; run `cargo xtask components` and `fixtures`");
        }
    }
    missing.is_some()
}

/// A pipeline that plays.
struct Play {
    pipeline: Pipeline,
    controller: Controller,
    messages: Vec<Message>,
}

impl Play {
    fn new(then: &str) -> Self {
        Self::line(&LIVE.replace("THEN", then), OnFailure::GiveUp(Resort::Stop))
    }

    fn line(line: &str, on_failure: OnFailure) -> Self {
        Self::made(line, on_failure, false)
    }

    fn made(line: &str, on_failure: OnFailure, locked: bool) -> Self {
        let sources = Sources {
            folders: vec![target("components"), target("fixtures")],
            ..Sources::default()
        };
        let runtime = Runtime::new(sources, InferenceOptions::default()).unwrap();
        let mut graph = Graph::build(&launch::parse(line).unwrap(), &*runtime.elements).unwrap();
        for element in &mut graph.elements {
            if element.name == "u" {
                element.policy.on_failure = on_failure;
            }
        }
        let options = Options {
            locked,
            ..Options::default()
        };
        let mut pipeline = Pipeline::prepare(graph, &runtime, &options).unwrap();
        pipeline.play().unwrap();
        let controller = pipeline.controller();
        Self {
            pipeline,
            controller,
            messages: Vec::new(),
        }
    }

    fn hear(&mut self) {
        self.messages
            .extend(self.pipeline.messages().try_iter().map(|it| *it));
    }

    /// Times and offsets of the buffers that the sink has had.
    fn seen(&mut self) -> Vec<(i64, i64)> {
        self.hear();
        let fields = self.messages.iter().filter_map(|message| match message {
            Message::Element { name, fields, .. } if name == "last-message" => Some(fields),
            _ => None,
        });
        fields
            .map(|fields| {
                let get = |name: &str| match fields.iter().find(|(other, _)| other == name) {
                    Some((_, Value::Integer(value))) => *value,
                    other => panic!("no `{name}`: {other:?}"),
                };
                (get("pts"), get("number"))
            })
            .collect()
    }

    /// Waits until the sink has had so many buffers more.
    fn wait_for(&mut self, more: usize) {
        let wanted = self.seen().len() + more;
        let began = Instant::now();
        while self.seen().len() < wanted {
            assert!(began.elapsed() < LIMIT, "{:?}", self.messages.last());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn count(&self, element: &str) -> (u64, u64) {
        let stats = self.controller.stats();
        let stats = stats.iter().find(|stats| stats.name == element).unwrap();
        (stats.buffers_in, stats.buffers_out)
    }

    fn ends(&mut self) {
        self.controller.send_eos();
        assert_eq!(self.pipeline.wait(LIMIT), Some(Ended::Eos));
    }

    /// Ends it; no buffer was lost, and each came once and in its order.
    fn ends_whole(mut self) -> Vec<Message> {
        self.ends();
        let (sent, got) = (self.count("videotestsrc0").1, self.count("s").0);
        assert_eq!(sent, got, "buffers lost");
        let seen = self.seen();
        for pair in seen.windows(2) {
            assert_eq!(pair[1].0 - pair[0].0, 10_000_000, "{pair:?}");
        }
        self.pipeline.stop();
        self.messages
    }

    fn swap(&self, element: &str, file: &str, fresh: bool) -> Result<Swapped, String> {
        let swap = Swap {
            element: element.to_owned(),
            file: target(file),
            trial: TRIAL,
            fresh,
        };
        self.controller.swap(&swap).map_err(|error| error.render())
    }
}

#[test]
fn another_component_takes_over_without_a_buffer_lost() {
    if lacks_guests() {
        return;
    }
    let mut play = Play::new("fixed=7 then=fine");
    play.wait_for(10);
    let swapped = play.swap("u", "fixtures/understudy.wasm", false).unwrap();
    assert_eq!(swapped.state_bytes, Some(8));
    assert_eq!(swapped.digest, swapped.digest_before);
    assert!(swapped.buffers > 5, "{swapped:?}");
    play.wait_for(5);
    let now = &play.controller.elements()[2];
    assert!(
        now.properties
            .contains(&("fixed".to_owned(), "7".to_owned())),
        "{now:?}"
    );
    assert!(now.origin.ends_with("understudy.wasm"), "{now:?}");
    let messages = play.ends_whole();
    let swaps = messages
        .iter()
        .filter(|it| matches!(it, Message::Swapped { .. }));
    assert_eq!(swaps.count(), 1);
}

#[test]
fn a_component_that_fails_its_trial_goes_and_the_old_one_has_the_buffer() {
    if lacks_guests() {
        return;
    }
    for (then, expected) in [
        ("trap", "unreachable"),
        ("hang", "longer than its limit of 300ms"),
        ("error", "as it was asked"),
        // Of memory, or on a busy machine of time.
        ("hog", "than its limit of"),
    ] {
        let mut play = Play::new(&format!("then={then}"));
        play.wait_for(10);
        let error = play
            .swap("u", "fixtures/understudy.wasm", false)
            .unwrap_err();
        assert!(error.contains(expected), "{then}: {error}");
        assert!(
            error.contains("the old one is back, no buffer is lost"),
            "{error}"
        );
        play.wait_for(10);
        let messages = play.ends_whole();
        let back = messages
            .iter()
            .filter(|it| matches!(it, Message::RolledBack { .. }));
        assert_eq!(back.count(), 1, "{then}");
    }
}

#[test]
fn what_cannot_stand_there_is_refused_and_nothing_changes() {
    if lacks_guests() {
        return;
    }
    let mut play = Play::new("");
    let u = |play: &Play| play.controller.elements()[2].clone();
    play.wait_for(3);
    let cases = [
        (
            "u",
            "components/filesink.wasm",
            "wants more than the component before it:\n  + capability files:rw",
        ),
        (
            "u",
            "components/fakesink.wasm",
            "it has the pads `sink`, and the one before `sink`, `src`",
        ),
        ("u", "components/y4menc.wasm", "the stream is"),
        ("u", "components/nothing.wasm", "cannot read component"),
        ("u", "components", "not"),
        ("nobody", "fixtures/understudy.wasm", "no such element"),
        (
            "capsfilter0",
            "fixtures/understudy.wasm",
            "it is part of the host",
        ),
        ("s", "fixtures/understudy.wasm", "the pads"),
    ];
    for (element, file, expected) in cases {
        let error = play.swap(element, file, false).unwrap_err();
        assert!(error.contains(expected), "{element} {file}: {error}");
    }
    for (property, value, expected) in [
        (
            "then",
            "refuse",
            "does not take over the state of the old one: no state of mine",
        ),
        ("then", "trap-in-restore", "does not take over the state"),
    ] {
        assert!(play.controller.set_property("u", property, value).unwrap());
        let error = play
            .swap("u", "fixtures/understudy.wasm", false)
            .unwrap_err();
        assert!(error.contains(expected), "{value}: {error}");
    }
    play.controller.set_property("u", "then", "fine").unwrap();
    play.controller.set_property("u", "now", "nothing").unwrap();
    let swapped = play.swap("u", "fixtures/understudy.wasm", false).unwrap();
    assert_eq!(swapped.state_bytes, None);
    assert_eq!(u(&play).state, "running");
    play.ends_whole();
}

#[test]
fn a_state_that_is_too_much_stays_where_it_is() {
    if lacks_guests() {
        return;
    }
    let mut play = Play::line(&LIVE.replace("THEN", ""), RESTART);
    play.wait_for(3);
    play.controller.set_property("u", "now", "much").unwrap();
    let error = play
        .swap("u", "fixtures/understudy.wasm", false)
        .unwrap_err();
    assert!(error.contains("`save` gave over 1048576 bytes"), "{error}");
    // It is made anew with each buffer, and has the property when it is there.
    let began = Instant::now();
    while play.controller.set_property("u", "now", "fine").is_err() {
        assert!(began.elapsed() < LIMIT);
        std::thread::sleep(Duration::from_millis(1));
    }
    play.wait_for(3);
}

#[test]
fn a_locked_pipeline_takes_only_what_it_was_made_from() {
    if lacks_guests() {
        return;
    }
    let line = LIVE.replace("THEN", "");
    let mut play = Play::made(&line, OnFailure::GiveUp(Resort::Stop), true);
    play.wait_for(3);
    let error = play
        .swap("u", "components/identity.wasm", true)
        .unwrap_err();
    assert!(error.contains("is not in its lock"), "{error}");
    play.swap("u", "fixtures/understudy.wasm", false).unwrap();
    play.ends_whole();
}

#[test]
fn kept_buffers_are_given_up_only_when_asked() {
    if lacks_guests() {
        return;
    }
    let mut play = Play::new("");
    play.wait_for(3);
    play.controller.set_property("u", "now", "keep").unwrap();
    while play.count("u").0 < 20 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let swapped = play.swap("u", "fixtures/understudy.wasm", true).unwrap();
    assert_eq!(swapped.state_bytes, None);
}

#[test]
fn properties_change_while_it_runs_and_outlive_the_instance() {
    if lacks_guests() {
        return;
    }
    let mut play = Play::line(&LIVE.replace("THEN", ""), RESTART);
    play.wait_for(3);
    let set = |play: &Play, element: &str, name: &str, value: &str| {
        play.controller
            .set_property(element, name, value)
            .map_err(|error| error.to_string())
    };
    for (element, name, value, expected) in [
        (
            "u",
            "fixed",
            "3",
            "`fixed` is fixed once the pipeline plays",
        ),
        ("u", "nothing", "3", "it has no property `nothing`"),
        ("u", "then", "dance", "dance"),
        (
            "capsfilter0",
            "caps",
            "ANY",
            "fixed once the pipeline plays",
        ),
        ("nobody", "then", "fine", "no such element"),
    ] {
        let error = set(&play, element, name, value).unwrap_err();
        assert!(error.contains(expected), "{element} {name}: {error}");
    }
    assert_eq!(set(&play, "u", "then", "error"), Ok(true));
    fail_once(&mut play);
    play.wait_for(3);
    let now = &play.controller.elements()[2];
    assert!(
        now.properties
            .contains(&("then".to_owned(), "error".to_owned())),
        "{now:?}"
    );
    play.ends();
}

/// What an element has handed over is given to the one after it, once.
#[test]
fn state_outlives_a_trap() {
    if lacks_guests() {
        return;
    }
    let mut play = Play::line(&LIVE.replace("THEN", ""), RESTART);
    // Longer than the second between two checkpoints.
    play.wait_for(120);
    fail_once(&mut play);
    play.hear();
    let counts: Vec<i64> = play
        .messages
        .iter()
        .filter_map(|message| match message {
            Message::Element { name, fields, .. } if name == "took-over" => Some(fields),
            _ => None,
        })
        .map(|fields| match fields[0].1 {
            Value::Integer(count) => count,
            _ => -1,
        })
        .collect();
    // A hundred frames a second; the machine may be slow.
    assert!(counts.len() == 1 && counts[0] >= 10, "{counts:?}");
    play.ends();
}

/// Lets the element trap until it has been made anew.
fn fail_once(play: &mut Play) {
    drop(play.controller.set_property("u", "now", "trap"));
    let recovered = |it: &Message| matches!(it, Message::Recovered { .. });
    let began = Instant::now();
    while !play.messages.iter().any(recovered) {
        assert!(began.elapsed() < LIMIT);
        std::thread::sleep(Duration::from_millis(1));
        play.hear();
    }
    assert!(play.controller.set_property("u", "now", "fine").unwrap());
}

#[test]
fn a_paused_pipeline_stands_still_and_goes_on() {
    if lacks_guests() {
        return;
    }
    let line = LIVE
        .replace("THEN", "")
        .replace("fakesink", "fakesink sync=true");
    let mut play = Play::line(&line, OnFailure::GiveUp(Resort::Stop));
    play.wait_for(5);
    play.controller.pause();
    assert_eq!(play.controller.state(), State::Paused);
    std::thread::sleep(Duration::from_millis(50));
    let (stood, time) = (play.count("s").0, play.controller.running_time());
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(play.count("s").0, stood);
    assert_eq!(play.controller.running_time(), time);
    assert!(play.controller.set_property("u", "then", "trap").is_ok());
    // Who waits for downstream can still be looked at.
    let now = &play.controller.elements()[2];
    let fixed = ("fixed".to_owned(), "0".to_owned());
    assert!(now.properties.contains(&fixed), "{now:?}");
    assert!(now.pads.iter().all(|pad| pad.caps.is_some()), "{now:?}");
    play.controller.resume();
    assert_eq!(play.controller.state(), State::Playing);
    play.wait_for(5);
    // The end comes to a paused pipeline too.
    play.controller.pause();
    play.ends_whole();
}
