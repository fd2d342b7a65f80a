//! Who does what clients ask for. Each thread does one thing after the other; there are
//! three, so that a swap on trial or an element in a long call keeps nobody from the counters
//! and from the end.

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use millstream_core::control::{Answer, Command, ErrorKind, Refusal, Request};
use millstream_runtime::{Controller, Error, Swap};
use serde_json::{Value as Json, json};

use super::MAX_CLIENTS;

/// Guests run on these threads when a property is set or an element is swapped: as much as
/// a streaming thread has, addresses only until it is used.
const STACK_BYTES: usize = 16 << 20;

/// A client's request.
pub(super) struct Job {
    pub(super) client: u64,
    pub(super) request: Request,
}

/// The answer for a client, a line.
pub(super) struct Done {
    pub(super) client: u64,
    pub(super) line: String,
}

/// Hands requests to the threads and takes their answers back.
pub(super) struct Desk {
    /// For what waits for nothing.
    prompt: SyncSender<Job>,
    /// For what waits until elements come to the end of a buffer.
    elements: SyncSender<Job>,
    /// For what waits for the end of a trial.
    swaps: SyncSender<Job>,
    done: Receiver<Done>,
}

impl Desk {
    /// Starts the threads; they end with the desk. Each answer wakes who reads `waker`.
    pub(super) fn open(controller: &Controller, waker: &Arc<UnixStream>) -> io::Result<Self> {
        let (answers, done) = sync_channel(MAX_CLIENTS);
        let start = |name: &str| {
            // A client has one request under way.
            let (sender, jobs) = sync_channel::<Job>(MAX_CLIENTS);
            let (controller, waker) = (controller.clone(), waker.clone());
            let answers = answers.clone();
            let work = move || {
                for Job { client, request } in jobs {
                    let line = answer(&controller, request).to_line();
                    if answers.send(Done { client, line }).is_err() {
                        return;
                    }
                    wake(&waker);
                }
            };
            std::thread::Builder::new()
                .name(name.to_owned())
                .stack_size(STACK_BYTES)
                .spawn(work)
                .map(|_| sender)
        };
        Ok(Self {
            prompt: start("control-prompt")?,
            elements: start("control-elements")?,
            swaps: start("control-swaps")?,
            done,
        })
    }

    /// Has a request done, some time.
    pub(super) fn submit(&self, job: Job) -> Result<(), Job> {
        let thread = match job.request.command {
            Command::Stats | Command::Pause | Command::Resume | Command::Eos => &self.prompt,
            Command::List | Command::SetProperty { .. } => &self.elements,
            Command::Swap(_) => &self.swaps,
        };
        thread.try_send(job).map_err(|error| match error {
            std::sync::mpsc::TrySendError::Full(job)
            | std::sync::mpsc::TrySendError::Disconnected(job) => job,
        })
    }

    /// An answer that is there.
    pub(super) fn done(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }
}

/// Wakes who polls the other end. If the pipe is full, it is awake.
pub(super) fn wake(waker: &UnixStream) {
    let mut waker = waker;
    drop(waker.write(&[1]));
}

fn answer(controller: &Controller, request: Request) -> Answer {
    let result = catch_unwind(AssertUnwindSafe(|| fulfil(controller, request.command)));
    Answer {
        id: request.id,
        result: result.unwrap_or_else(|_| {
            Err(Refusal {
                kind: ErrorKind::Failed,
                message: "the host panicked over it".to_owned(),
                hint: Some("this is a mistake in `millstream`: please report it".to_owned()),
            })
        }),
    }
}

fn fulfil(controller: &Controller, command: Command) -> Result<Json, Refusal> {
    match command {
        Command::List => return Ok(status(controller, &json!(controller.elements()))),
        Command::Stats => return Ok(status(controller, &json!(controller.stats()))),
        Command::Pause => controller.pause(),
        Command::Resume => controller.resume(),
        Command::Eos => controller.send_eos(),
        Command::SetProperty {
            element,
            name,
            value,
        } => {
            let set = controller.set_property(&element, &name, &value);
            let is_done = set.map_err(|error| refusal(&error))?;
            return Ok(json!({
                "element": element, "name": name, "value": value, "done": is_done,
            }));
        }
        Command::Swap(swap) => {
            let swap = Swap {
                element: swap.element,
                file: swap.file,
                trial: swap.trial,
                fresh: swap.fresh,
            };
            let swapped = controller.swap(&swap);
            return swapped
                .map(|swapped| json!(swapped))
                .map_err(|error| refusal(&error));
        }
    }
    Ok(json!({"state": controller.state().as_str()}))
}

fn status(controller: &Controller, elements: &Json) -> Json {
    json!({
        "state": controller.state().as_str(),
        "running-time-nanos": controller.running_time(),
        "elements": elements,
    })
}

fn refusal(error: &Error) -> Refusal {
    let kind = match error {
        Error::Engine { .. }
        | Error::Thread(_)
        | Error::NotSwapped { .. }
        | Error::NotSet { .. } => ErrorKind::Failed,
        _ => ErrorKind::Usage,
    };
    Refusal {
        kind,
        message: error.to_string(),
        hint: error.hint(),
    }
}
