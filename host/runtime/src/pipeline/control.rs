//! What can be asked of a pipeline while it runs, from any thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use millstream_core::element::{Mutability, Property, PropertyKind, Value};
use millstream_core::graph::{self, Graph};
use millstream_core::pipeline::value_from_text;

use super::component::ComponentNode;
use super::element_error;
use super::node::{HostKind, HostNode, Node};
use super::runner::Look;
use super::shared::Shared;
use super::stats::ElementStats;
use super::swap::{Swap, Swapped, on_trial};
use crate::bus::{Message, State};
use crate::element::failure::{Failure, FailureKind};
use crate::element::registry::{ElementRegistry, Loaded};
use crate::error::Error;

/// How long a change of a property is waited for; what takes longer (the pipeline is
/// paused, downstream is full) happens with the element's next buffer.
const PROPERTY_TIME: Duration = Duration::from_secs(1);

/// Asks things of a pipeline that runs. Clones lead to the same pipeline.
#[derive(Clone)]
pub struct Controller {
    pub(super) graph: Arc<Graph>,
    pub(super) nodes: Arc<[Arc<Node>]>,
    pub(super) shared: Arc<Shared>,
    pub(super) elements: Arc<ElementRegistry>,
    pub(super) locked: bool,
}

/// An element as it is now.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ElementStatus {
    /// Name in the pipeline.
    pub name: String,
    /// Name of its kind, or of its file, as the pipeline's text has it.
    pub factory: String,
    /// Where its component came from.
    pub origin: String,
    /// SHA-256 of its component, in hexadecimal; empty for the host's own.
    pub digest: String,
    /// `running`; `ended`: it gets and sends no more; `passed-by`: given up, buffers pass
    /// by it; `host`: one of the host's own.
    pub state: &'static str,
    /// Values as launch lines write them.
    pub properties: Vec<(String, String)>,
    /// Its pads.
    pub pads: Vec<PadStatus>,
}

/// A pad as it is now.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PadStatus {
    /// Name.
    pub name: String,
    /// What it is linked to, as `element.pad`.
    pub peer: Option<String>,
    /// What it carries, if that is known.
    pub caps: Option<String>,
}

impl Controller {
    /// Whether the pipeline plays or is paused.
    pub fn state(&self) -> State {
        if self.shared.clock.is_flushing() {
            State::Null
        } else if self.shared.clock.is_paused() {
            State::Paused
        } else {
            State::Playing
        }
    }

    /// Running time, in nanoseconds.
    pub fn running_time(&self) -> u64 {
        self.shared.clock.running_time()
    }

    /// Every element, in the graph's order.
    pub fn elements(&self) -> Vec<ElementStatus> {
        let nodes = self.nodes.iter().enumerate();
        nodes
            .map(|(index, node)| match &**node {
                Node::Component(component) => self.component_status(index, component),
                Node::Host(host) => self.host_status(index, host),
            })
            .collect()
    }

    fn component_status(&self, index: usize, component: &ComponentNode) -> ElementStatus {
        let Look {
            state,
            loaded,
            properties,
            caps,
        } = component.look();
        let text = |caps: &Arc<millstream_core::caps::Caps>| caps.to_string();
        ElementStatus {
            name: component.name().to_owned(),
            factory: component.factory.clone(),
            origin: loaded.origin.to_string(),
            digest: loaded.digest.clone(),
            state,
            properties: texts(&properties),
            pads: self.pads(index, |pad| caps.get(pad)?.as_ref().map(text)),
        }
    }

    fn host_status(&self, index: usize, host: &HostNode) -> ElementStatus {
        let element = self.graph.elements.get(index);
        let mut properties = element.map_or_else(Vec::new, |it| it.properties.clone());
        if let HostKind::Valve { drop } = &host.kind {
            let drop = Value::Boolean(drop.load(Ordering::Relaxed));
            properties = vec![("drop".to_owned(), drop)];
        }
        ElementStatus {
            name: host.name.clone(),
            factory: host.factory.clone(),
            origin: crate::element::found::Origin::Host.to_string(),
            digest: String::new(),
            state: "host",
            properties: texts(&properties),
            pads: self.pads(index, |_| None),
        }
    }

    fn pads(&self, index: usize, caps: impl Fn(usize) -> Option<String>) -> Vec<PadStatus> {
        let Some(element) = self.graph.elements.get(index) else {
            return Vec::new();
        };
        let pads = element.pads.iter().enumerate();
        pads.map(|(pad, state)| PadStatus {
            name: state.name.clone(),
            peer: self.graph.peer(index, pad).and_then(|peer| {
                let element = self.graph.elements.get(peer.element)?;
                let pad = element.pads.get(peer.pad)?;
                Some(format!("{}.{}", element.name, pad.name))
            }),
            caps: caps(pad),
        })
        .collect()
    }

    /// What every element has done so far, in the graph's order.
    pub fn stats(&self) -> Vec<ElementStats> {
        self.nodes.iter().map(|node| node.stats()).collect()
    }

    /// Changes a property, whose value is written as in a launch line, of all instances of
    /// the element. True: done; false: the element is busy or the pipeline paused, and it
    /// happens with the next buffer.
    ///
    /// # Errors
    /// No such element or property, a value that is not allowed, a property that is fixed
    /// once the pipeline plays, or the element refuses the value.
    pub fn set_property(&self, element: &str, name: &str, value: &str) -> Result<bool, Error> {
        match &**self.node(element)? {
            Node::Host(host) => {
                let found = self.graph.elements.iter().find(|it| it.name == element);
                let properties = found.map_or(&[][..], |it| &it.descriptor.properties);
                let value = changed(element, properties, name, value)?;
                if let (HostKind::Valve { drop }, Value::Boolean(value)) = (&host.kind, value) {
                    drop.store(value, Ordering::Relaxed);
                }
                Ok(true)
            }
            Node::Component(_) => {
                let mut is_done = true;
                for component in self.instances(element) {
                    is_done &= component.set_property(name, value)?;
                }
                Ok(is_done)
            }
        }
    }

    /// All components that take turns with one, itself included.
    fn instances<'a>(&'a self, element: &'a str) -> impl Iterator<Item = &'a ComponentNode> {
        let asked = |it: &'a graph::Element| it.twin_of.as_deref().unwrap_or(&it.name);
        let elements = || self.graph.elements.iter();
        let wanted = elements().find(|it| it.name == element).map(asked);
        let both = elements().zip(self.nodes.iter());
        let same = both.filter(move |(it, _)| Some(asked(it)) == wanted);
        same.filter_map(|(_, node)| match &**node {
            Node::Component(component) => Some(&**component),
            Node::Host(_) => None,
        })
    }

    /// Lets running time stand still: sources make nothing, synchronised sinks show
    /// nothing. What is under way to other sinks still arrives there.
    pub fn pause(&self) {
        if self.shared.clock.pause() {
            self.shared.bus.post(Message::StateChanged(State::Paused));
        }
    }

    /// Goes on from where [`Controller::pause`] stopped.
    pub fn resume(&self) {
        if !self.shared.clock.is_paused() {
            return;
        }
        // What a device took meanwhile has times that are before the last ones.
        for node in self.nodes.iter() {
            if let Node::Component(component) = &**node {
                component.is_resumed.store(true, Ordering::Relaxed);
            }
        }
        if self.shared.clock.resume() {
            self.shared.bus.post(Message::StateChanged(State::Playing));
        }
    }

    /// Asks the sources to end their streams; a paused pipeline goes on for that.
    pub fn send_eos(&self) {
        self.shared.request_eos();
    }

    /// Lets another component take an element over, and waits until its trial is over.
    ///
    /// # Errors
    /// The new component cannot stand there, or failed in its trial. The old one goes on.
    pub fn swap(&self, swap: &Swap) -> Result<Swapped, Error> {
        let refused = |message: String| Error::NotSwapped {
            element: swap.element.clone(),
            message,
            hint: None,
        };
        let instances = self.instances(&swap.element).count();
        match &**self.node(&swap.element)? {
            Node::Component(_) if instances > 1 => Err(refused(format!(
                "{instances} instances of it take turns, and one at a time would make them differ"
            ))),
            Node::Component(component) => {
                component.swap(&self.elements, swap, |loaded| self.check_lock(loaded))
            }
            Node::Host(_) => Err(refused("it is part of the host".to_owned())),
        }
    }

    /// Refuses what the lock of a locked pipeline does not name.
    fn check_lock(&self, loaded: &Loaded) -> Result<(), Failure> {
        let is_known = self.nodes.iter().any(|node| match &**node {
            Node::Component(component) => component.first_digest == loaded.digest,
            Node::Host(_) => false,
        });
        if is_known || !self.locked {
            return Ok(());
        }
        Err(Failure {
            hint: Some("without `--locked` it could take over".to_owned()),
            ..Failure::contract(format!(
                "the pipeline is locked, and sha256:{} is not in its lock",
                loaded.digest
            ))
        })
    }

    fn node(&self, element: &str) -> Result<&Arc<Node>, Error> {
        let index = self.graph.elements.iter().position(|it| it.name == element);
        let node = index.and_then(|index| self.nodes.get(index));
        node.ok_or_else(|| {
            let names: Vec<&str> = self.graph.elements.iter().map(|it| &*it.name).collect();
            let failure = Failure {
                hint: Some(format!("its elements are `{}`", names.join("`, `"))),
                ..Failure::contract("the pipeline has no such element")
            };
            element_error(element, "", failure)
        })
    }
}

impl ComponentNode {
    fn set_property(&self, name: &str, text: &str) -> Result<bool, Error> {
        let refused = |failure: Failure| Error::NotSet {
            element: self.name().to_owned(),
            message: failure.message,
            hint: failure.hint,
        };
        if self.is_changing.load(Ordering::Acquire) {
            return Err(refused(on_trial()));
        }
        let loaded = self.look().loaded;
        let value = changed(self.name(), &loaded.descriptor.properties, name, text)?;
        let name = name.to_owned();
        let answer = self.ask_for_later(PROPERTY_TIME, move |node, runner| {
            let instance = match runner.instance() {
                Ok(instance) => instance,
                Err(failure) => return Some(Err(failure)),
            };
            if let Err(failure) = instance.set_property(&name, &value) {
                // For who does not wait for the answer any more.
                node.shared.warn(node.name(), "set-property", &failure);
                if failure.kind != FailureKind::Returned {
                    Self::note_broken(runner, &failure, "set-property");
                }
                return Some(Err(failure));
            }
            match runner
                .properties
                .iter_mut()
                .find(|(other, _)| *other == name)
            {
                Some((_, slot)) => *slot = value.clone(),
                None => runner.properties.push((name.clone(), value.clone())),
            }
            Some(Ok(()))
        });
        match answer {
            Some(result) => result.map(|()| true).map_err(refused),
            None => Ok(false),
        }
    }
}

/// The value of a property that may be changed now.
fn changed(element: &str, properties: &[Property], name: &str, text: &str) -> Result<Value, Error> {
    let refused = |message: String, hint| {
        let failure = Failure {
            hint,
            ..Failure::contract(message)
        };
        element_error(element, "set-property", failure)
    };
    let changeable: Vec<&str> = properties
        .iter()
        .filter(|it| is_changeable(it))
        .map(|it| it.name.as_str())
        .collect();
    let hint = if changeable.is_empty() {
        "none of its properties can be changed while it runs".to_owned()
    } else {
        format!(
            "while it runs, `{}` can be changed",
            changeable.join("`, `")
        )
    };
    let Some(property) = properties.iter().find(|it| it.name == name) else {
        return Err(refused(format!("it has no property `{name}`"), Some(hint)));
    };
    if !is_changeable(property) {
        return Err(refused(
            format!("`{name}` is fixed once the pipeline plays"),
            Some(hint),
        ));
    }
    Ok(value_from_text(element, property, text)?)
}

/// Files and models are granted before the start.
fn is_changeable(property: &Property) -> bool {
    property.mutability == Mutability::Playing
        && !matches!(
            property.kind,
            PropertyKind::FileToRead | PropertyKind::FileToWrite | PropertyKind::Model
        )
}

fn texts(properties: &[(String, Value)]) -> Vec<(String, String)> {
    let pairs = properties.iter();
    pairs
        .map(|(name, value)| (name.clone(), value.to_string()))
        .collect()
}
