//! The bus: what elements and the scheduler tell the application.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use millstream_core::element::Value;

use crate::element::failure::FailureKind;
use crate::nn::ModelInfo;

/// Messages that wait for a slow application; more are counted as lost, since a
/// streaming thread must not wait for whoever reads the bus.
const BUS_CAPACITY: usize = 4096;

/// How much a line of log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something failed.
    Error,
    /// Something is odd.
    Warning,
    /// Worth knowing.
    Info,
    /// For who looks for a fault.
    Debug,
    /// Everything.
    Trace,
}

/// A message on the bus.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Message {
    /// The pipeline's state.
    StateChanged(State),
    /// An element failed and the pipeline ends.
    Error {
        /// Name of the element.
        element: String,
        /// What sort of failure.
        kind: FailureKind,
        /// What happened.
        message: String,
        /// What can be done.
        hint: Option<String>,
    },
    /// An element failed, and the pipeline goes on.
    Recovered {
        /// Name of the element.
        element: String,
        /// What was done about it.
        recovery: Recovery,
        /// What sort of failure.
        kind: FailureKind,
        /// Why.
        message: String,
        /// Failures of the element so far.
        failures: u64,
        /// Buffers that had arrived at it, or that a source had sent.
        buffers: u64,
        /// From the failure until the element could go on, in nanoseconds.
        lost_nanos: u64,
        /// Dropped buffers since the last such message that were not told, so that an
        /// element which fails on every one does not flood the bus.
        untold: u64,
    },
    /// Another component has taken an element over, and its trial is over.
    Swapped {
        /// Name of the element.
        element: String,
        /// SHA-256 of the component before.
        digest_before: String,
        /// SHA-256 of the component now.
        digest: String,
    },
    /// Another component has failed in its trial, and the one before is back.
    RolledBack {
        /// Name of the element.
        element: String,
        /// SHA-256 of the component that failed.
        digest: String,
        /// What sort of failure.
        kind: FailureKind,
        /// Why.
        message: String,
    },
    /// A line of log.
    Log {
        /// Name of the element.
        element: String,
        /// How much it matters.
        level: Level,
        /// The text.
        message: String,
    },
    /// An element's own message.
    Element {
        /// Name of the element.
        element: String,
        /// Name of the message.
        name: String,
        /// Its fields.
        fields: Vec<(String, Value)>,
    },
    /// A sink, or a queue with `max-lateness`, dropped a buffer that came too late.
    Qos {
        /// Name of the element.
        element: String,
        /// How late it was, in nanoseconds.
        late_nanos: u64,
        /// Dropped so far.
        dropped: u64,
    },
    /// What a model runs on.
    Inference {
        /// Name of the element.
        element: String,
        /// The model with backend, device, precision and times.
        model: Box<ModelInfo>,
    },
    /// All sinks have had the end of the stream.
    Eos,
}

/// How the pipeline goes on after an element failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// The element was made anew.
    Restarted,
    /// A buffer was lost, and the element goes on.
    Dropped,
    /// Buffers pass by it from now on.
    PassedBy,
    /// Its branch has ended, the rest goes on.
    BranchStopped,
}

impl Recovery {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restarted => "restarted",
            Self::Dropped => "dropped",
            Self::PassedBy => "passed-by",
            Self::BranchStopped => "branch-stopped",
        }
    }
}

/// What the pipeline is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing is there but the plan.
    Null,
    /// Elements are made and negotiated.
    Ready,
    /// Elements are started, no data flows.
    Paused,
    /// Data flows.
    Playing,
}

impl State {
    /// The state's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Ready => "ready",
            Self::Paused => "paused",
            Self::Playing => "playing",
        }
    }
}

/// The sending end of the bus; never waits. Messages are boxed, since the channel has its
/// places from the start: of each of a process' pipelines 64 KiB rather than 400.
#[derive(Debug, Clone)]
pub(crate) struct Bus {
    sender: Sender<Box<Message>>,
    lost: Arc<AtomicU64>,
}

impl Bus {
    pub(crate) fn new() -> (Self, Receiver<Box<Message>>) {
        Self::with_room(BUS_CAPACITY)
    }

    /// A bus that nobody reads.
    pub(crate) fn unread() -> Self {
        Self::with_room(1).0
    }

    fn with_room(messages: usize) -> (Self, Receiver<Box<Message>>) {
        let (sender, receiver) = bounded(messages);
        let lost = Arc::default();
        (Self { sender, lost }, receiver)
    }

    /// Posts a message, or counts it as lost.
    pub(crate) fn post(&self, message: Message) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Box::new(message)) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Messages lost because nobody read the bus.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}
