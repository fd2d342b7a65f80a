//! A pipeline at run time: made from a graph, negotiated, started, run, ended.
//!
//! ```text
//! Graph ──prepare──► instances, plan (ready) ──play──► threads (playing) ──wait──► stop
//! ```

mod durations;
pub(crate) mod stats;
pub(crate) mod shared;
pub(crate) mod queue;
pub(crate) mod node;
pub(crate) mod runner;
pub(crate) mod component;
mod policy;
mod mail;
mod fit;
mod swap;
mod trial;
mod control;
mod oracle;
mod parallel;
mod build;
mod source;
mod thread;

use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::Receiver;
use millstream_core::graph::Graph;
use millstream_core::{Plan, negotiate};

pub use self::build::{
    DEFAULT_CALL_TIME, DEFAULT_HELD_BUFFERS, DEFAULT_HELD_BYTES, DEFAULT_LINES_A_SECOND,
    DEFAULT_MEMORY_BYTES,
};
pub use self::control::{Controller, ElementStatus, PadStatus};
use self::node::Node;
use self::oracle::GraphOracle;
use self::queue::Queue;
use self::shared::Shared;
pub use self::stats::ElementStats;
pub use self::swap::{DEFAULT_TRIAL, Swap, Swapped};
use self::thread::StreamingThread;
use crate::Runtime;
use crate::bus::{Message, State};
use crate::clock::ClockKind;
use crate::device::Devices;
use crate::element::failure::Failure;
use crate::element::link::Granted;
use crate::element::registry::ElementRegistry;
use crate::error::Error;

/// How a pipeline shall run.
#[derive(Clone)]
pub struct Options {
    /// Whether elements see frames in their own memory; otherwise every access copies.
    pub views: bool,
    /// The clock.
    pub clock: ClockKind,
    /// Devices behind the capabilities.
    pub devices: Devices,
    /// Whether elements that the binary carries are granted what they declare, and each
    /// element the folders of the files that the operator named in its properties: right
    /// for a launch line, which has no place for grants.
    pub implied_grants: bool,
    /// Whether only components that the pipeline was made from may take an element over.
    pub locked: bool,
    /// Grants beyond the policies', by element name.
    pub grants: Vec<(String, millstream_core::pipeline::Grant)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            views: true,
            clock: ClockKind::System,
            devices: Devices::default(),
            implied_grants: false,
            locked: false,
            grants: Vec::new(),
        }
    }
}

/// How a pipeline ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Every sink had its end of stream.
    Eos,
    /// An element failed.
    Failed,
    /// It was stopped before the end of the stream reached all sinks.
    Stopped,
}

/// A pipeline.
pub struct Pipeline {
    graph: Arc<Graph>,
    plan: Plan,
    nodes: Arc<[Arc<Node>]>,
    granted: Vec<Granted>,
    elements: Arc<ElementRegistry>,
    locked: bool,
    shared: Arc<Shared>,
    messages: Receiver<Box<Message>>,
    threads: Vec<JoinHandle<()>>,
}

/// How long elements that were asked to end may take once one of them has failed.
const FAILED_DRAIN: Duration = Duration::from_secs(5);

impl Pipeline {
    /// Makes every element and negotiates the whole graph; nothing runs yet.
    pub fn prepare(graph: Graph, runtime: &Runtime, options: &Options) -> Result<Self, Error> {
        let graph = Arc::new(graph);
        let cell: Arc<OnceLock<Plan>> = Arc::default();
        let built = build::build(&graph, &cell, runtime, options)?;
        let plan = negotiate::negotiate(
            &graph,
            &mut GraphOracle {
                nodes: &built.nodes,
            },
        )?;
        // The cell was empty: it is made above and filled only here.
        let plan = cell.get_or_init(|| plan).clone();
        for element in &graph.elements {
            policy::check(element, &plan)?;
        }
        built.shared.bus.post(Message::StateChanged(State::Ready));
        Ok(Self {
            graph,
            plan,
            nodes: built.nodes.into(),
            elements: runtime.elements.clone(),
            locked: options.locked,
            granted: built.granted,
            shared: built.shared,
            messages: built.messages,
            threads: Vec::new(),
        })
    }

    /// What its components are given, so that it can be checked when they are gone.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn surroundings(&self) -> Vec<Arc<crate::element::state::Surroundings>> {
        let around = |node: &Arc<Node>| match &**node {
            Node::Component(component) => Some(component.around.clone()),
            Node::Host(_) => None,
        };
        self.nodes.iter().filter_map(around).collect()
    }

    /// Its elements and links.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// What was negotiated, link by link.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What each element was granted, in the graph's order.
    pub fn granted(&self) -> &[Granted] {
        &self.granted
    }

    /// The bus's receiving end.
    pub fn messages(&self) -> &Receiver<Box<Message>> {
        &self.messages
    }

    /// Messages lost because nobody read the bus.
    pub fn lost_messages(&self) -> u64 {
        self.shared.bus.lost()
    }

    /// Starts the elements and lets data flow.
    pub fn play(&mut self) -> Result<(), Error> {
        // Sinks first: when data comes, whoever it goes to is there.
        for index in self.graph.topological().into_iter().rev() {
            if let Some(Node::Component(component)) = self.nodes.get(index).map(|node| &**node) {
                component
                    .start()
                    .map_err(|failure| element_error(component.name(), "start", failure))?;
            }
        }
        self.shared.bus.post(Message::StateChanged(State::Paused));
        self.shared.clock.play();
        self.shared.bus.post(Message::StateChanged(State::Playing));
        for node in self.nodes.iter() {
            for thread in self.threads_of(node) {
                self.threads.push(thread.start()?);
            }
        }
        Ok(())
    }

    /// The threads that a node has of its own: one for each of its queues.
    fn threads_of(&self, node: &Arc<Node>) -> Vec<StreamingThread> {
        let (name, priorities) = match &**node {
            Node::Host(host) => {
                let queues = host.queues().iter();
                (&*host.name, queues.map(Queue::priority).collect())
            }
            Node::Component(component) if component.is_source() => {
                (component.name(), vec![component.base.priority])
            }
            Node::Component(_) => return Vec::new(),
        };
        let thread = |(queue, priority)| {
            let (node, shared) = (node.clone(), self.shared.clone());
            StreamingThread {
                name: name.to_owned(),
                priority,
                shared: self.shared.clone(),
                run: Box::new(move || match &*node {
                    Node::Host(host) => host.run_queue(queue, &shared),
                    Node::Component(component) => source::run(component),
                }),
            }
        };
        priorities.into_iter().enumerate().map(thread).collect()
    }

    /// Asks the sources to end their streams; what is under way is finished.
    pub fn send_eos(&self) {
        self.shared.request_eos();
    }

    /// Something that can ask for the end from a signal handler's thread.
    pub fn ender(&self) -> Ender {
        Ender(self.shared.clone())
    }

    /// Waits for the end, at most so long; none if it has not come.
    pub fn wait(&self, limit: Duration) -> Option<Ended> {
        if self.shared.wait_done(limit) {
            return Some(if self.shared.has_failed_anywhere() {
                Ended::Failed
            } else {
                Ended::Eos
            });
        }
        if self.shared.clock.is_flushing() {
            return Some(Ended::Stopped);
        }
        if self.shared.has_failed() {
            self.shared.wait_done(FAILED_DRAIN);
            return Some(Ended::Failed);
        }
        None
    }

    /// What can be asked of it from any thread.
    pub fn controller(&self) -> Controller {
        Controller {
            graph: self.graph.clone(),
            nodes: self.nodes.clone(),
            shared: self.shared.clone(),
            elements: self.elements.clone(),
            locked: self.locked,
        }
    }

    /// What every element has done so far, in the graph's order.
    pub fn stats(&self) -> Vec<ElementStats> {
        self.nodes.iter().map(|node| node.stats()).collect()
    }

    /// Ends everything at once and stops the elements.
    pub fn stop(&mut self) {
        self.shared.request_eos();
        self.shared.clock.flush();
        for node in self.nodes.iter() {
            node.flush();
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                let failure = Failure::contract("a streaming thread panicked");
                self.shared.warn("pipeline", "stop", &failure);
            }
        }
        for node in self.nodes.iter() {
            if let Node::Component(component) = &**node {
                component.stop();
            }
        }
        self.shared.bus.post(Message::StateChanged(State::Null));
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.stop();
        }
        // Nodes refer to each other from upstream to downstream only, so that dropping
        // the list drops them all.
    }
}

/// Asks a pipeline for its end, from any thread.
#[derive(Clone)]
pub struct Ender(Arc<Shared>);

impl Ender {
    /// Sources end their streams; what is under way is finished.
    pub fn send_eos(&self) {
        self.0.request_eos();
    }
}

/// `during` is the call, if there was one.
pub(crate) fn element_error(element: &str, during: &str, failure: Failure) -> Error {
    let during = if during.is_empty() {
        String::new()
    } else {
        format!(" in {during}")
    };
    Error::Element {
        element: element.to_owned(),
        during,
        message: failure.message,
        hint: failure.hint,
    }
}
