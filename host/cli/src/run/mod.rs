//! `launch` and `run`: plays a pipeline to its end.
//!
//! ```text
//! prepare ─► play ─► every 100 ms: signals, messages, status line ─► summary
//! ```

#[cfg_attr(not(unix), path = "control_none.rs")]
mod control;
mod messages;
mod progress;
mod signals;
mod summary;

use std::time::{Duration, Instant};

use millstream_runtime::{ClockKind, Ended};

use crate::args::{Clock, PlayArgs, SetupArgs};
use crate::failure::Failure;
use crate::json;
use crate::lock::Locking;
use crate::output::{self, StatusLine};
use crate::setup::{Prepared, Text};
use control::{Bound, Control};
use messages::line;
use progress::Progress;
use signals::Signals;

/// How often signals, messages and the status line are looked after.
const STEP: Duration = Duration::from_millis(100);

/// Runs a pipeline; an error if it failed or was stopped.
pub(crate) fn run(
    text: &Text,
    setup: &SetupArgs,
    play: &PlayArgs,
    is_locked: bool,
) -> Result<(), Failure> {
    let mut options = text.options(setup);
    options.views = !play.no_views;
    options.locked = is_locked;
    match play.clock {
        Some(Clock::System) => options.clock = ClockKind::System,
        Some(Clock::Virtual) => options.clock = ClockKind::Virtual,
        None => {}
    }
    let prepared = text.prepare(setup, &options, Locking::new(is_locked, play.quiet))?;
    Player::new(prepared, play)?.play()
}

struct Player<'a> {
    prepared: Prepared,
    args: &'a PlayArgs,
    signals: Signals,
    progress: Progress,
    status: StatusLine,
    shows_progress: bool,
    /// Somebody still reads stdout.
    is_heard: bool,
}

impl<'a> Player<'a> {
    fn new(prepared: Prepared, args: &'a PlayArgs) -> Result<Self, Failure> {
        let signals = Signals::new().map_err(|error| {
            Failure::Run(format!(
                "error: cannot listen to SIGINT and SIGTERM: {error}"
            ))
        })?;
        let progress = Progress::new(prepared.pipeline.graph());
        let shows_progress = StatusLine::is_possible() && !args.quiet && !args.json;
        let status = StatusLine::new();
        Ok(Self {
            prepared,
            args,
            signals,
            progress,
            status,
            shows_progress,
            is_heard: true,
        })
    }

    fn play(mut self) -> Result<(), Failure> {
        let socket = self.bind()?;
        let start = Instant::now();
        let played = self.prepared.pipeline.play();
        let mut ended = Ended::Failed;
        if played.is_ok() {
            let control = socket.and_then(|socket| self.serve(socket));
            ended = self.wait();
            // Before the elements stop, which may take them long.
            drop(control);
        }
        self.hear();
        if ended == Ended::Eos && self.shows_progress {
            let stats = self.prepared.pipeline.stats();
            self.status.draw(&self.progress.line(&stats));
            self.status.keep();
        }
        self.prepared.pipeline.stop();
        let wall = start.elapsed();
        self.hear();
        if let Err(error) = played {
            if self.args.json {
                self.say_json(&json::error(&error));
                self.summary(ended, wall)?;
            }
            return Err(Failure::playing(&error));
        }
        let heard = self.summary(ended, wall);
        match ended {
            Ended::Eos => Ok(heard?),
            Ended::Failed | Ended::Stopped => Err(Failure::Told),
        }
    }

    /// Makes the control socket, if there shall be one.
    fn bind(&self) -> Result<Option<Bound>, Failure> {
        let Some(path) = &self.args.control else {
            return Ok(None);
        };
        let socket = Bound::new(path.as_deref())?;
        if !self.args.quiet {
            output::talk(format_args!("control socket: {}", socket.path().display()));
        }
        Ok(Some(socket))
    }

    /// Answers who connects to it; the pipeline runs without, too.
    fn serve(&self, socket: Bound) -> Option<Control> {
        let pipeline = &self.prepared.pipeline;
        let served = socket.serve(&pipeline.controller(), &pipeline.graph().name);
        if let Err(error) = &served {
            output::talk(format_args!(
                "warning: nobody answers at the control socket: {error}"
            ));
        }
        served.ok()
    }

    /// Waits for the end, whoever brings it.
    fn wait(&mut self) -> Ended {
        let mut is_ending = false;
        loop {
            if self.signals.take() {
                self.status.clear();
                if is_ending {
                    output::talk("stopping at once; files may be cut off");
                    self.signals.next_one_kills();
                    return Ended::Stopped;
                }
                is_ending = true;
                output::talk("ending the streams and finishing files; once more to stop at once");
                self.prepared.pipeline.send_eos();
            }
            self.hear();
            if self.shows_progress && self.progress.is_due() {
                let stats = self.prepared.pipeline.stats();
                self.status.draw(&self.progress.line(&stats));
            }
            if let Some(ended) = self.prepared.pipeline.wait(STEP) {
                return ended;
            }
        }
    }

    /// Passes on what is on the bus.
    fn hear(&mut self) {
        while let Ok(message) = self.prepared.pipeline.messages().try_recv() {
            if self.args.json {
                self.say_json(&json::message(&message));
            }
            if let Some(text) = line(&message, self.args) {
                self.status.clear();
                output::talk(text);
            }
        }
    }

    /// Writes a line to stdout; when nobody reads it any more, the streams end.
    fn say_json(&mut self, json: &serde_json::Value) {
        if self.is_heard && output::data(&format!("{json}\n")).is_err() {
            self.is_heard = false;
            self.prepared.pipeline.send_eos();
        }
    }

    fn summary(&mut self, ended: Ended, wall: Duration) -> std::io::Result<()> {
        self.status.clear();
        let summary = summary::Summary::new(&self.prepared, ended, wall);
        if self.args.stats {
            output::talk(summary.text().trim_end());
        }
        if self.args.json && self.is_heard {
            output::data(&format!("{}\n", summary.json()))?;
        }
        Ok(())
    }
}
