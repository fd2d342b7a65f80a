//! From a graph to nodes: what each element may do, and its first instance.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crossbeam::channel::Receiver;
use crossbeam::sync::Parker;
use millstream_core::caps::Caps;
use millstream_core::element::{Capability, Direction, PropertyKind, Role, Value};
use millstream_core::graph::{Element, Graph, Kind};
use millstream_core::pipeline::Grant;
use millstream_core::{Oracle, Plan, negotiate};

use super::component::ComponentNode;
use super::mail::Mailbox;
use super::node::{HostKind, HostNode, Node, Target};
use super::parallel::{Gather, Scatter};
use super::queue::Queue;
use super::runner::{Blueprint, Runner};
use super::shared::Shared;
use super::stats::Counters;
use super::{Options, element_error};
use crate::Runtime;
use crate::buffer::MetaBudget;
use crate::bus::{Bus, Message};
use crate::clock::PipelineClock;
use crate::element::failure::Failure;
use crate::element::instance::PadSpec;
use crate::element::link::{self, Folder, Granted, folder_of, tidy_path};
use crate::element::registry::Loaded;
use crate::element::state::{
    Decide, Limits, MAX_HELD_BYTES, MAX_HELD_FRAMES, MAX_LINES_A_SECOND, Surroundings,
};
use crate::error::Error;
use crate::memory::frame::FrameBudget;

/// Memory of an element whose policy names no limit: room for a decoder's 4K pictures.
pub const DEFAULT_MEMORY_BYTES: u64 = 256 << 20;
/// Longest call of an element whose policy names no limit.
pub const DEFAULT_CALL_TIME: Duration = Duration::from_secs(10);
/// Buffers that an element keeps where its policy names no limit.
pub const DEFAULT_HELD_BUFFERS: usize = MAX_HELD_FRAMES;
/// Bytes of these buffers.
pub const DEFAULT_HELD_BYTES: u64 = MAX_HELD_BYTES as u64;
/// Lines of log and messages a second where its policy names no limit.
pub const DEFAULT_LINES_A_SECOND: u32 = MAX_LINES_A_SECOND;

/// A graph's nodes and what they share.
pub(super) struct Built {
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) granted: Vec<Granted>,
    pub(super) shared: Arc<Shared>,
    pub(super) messages: Receiver<Box<Message>>,
}

/// Makes every node of a graph.
pub(super) fn build(
    graph: &Arc<Graph>,
    plan: &Arc<OnceLock<Plan>>,
    runtime: &Runtime,
    options: &Options,
) -> Result<Built, Error> {
    let (bus, messages) = Bus::new();
    let clock = Arc::new(PipelineClock::new(options.clock));
    let sinks = graph
        .elements
        .iter()
        .filter(|element| element.descriptor.role() == Role::Sink)
        .count();
    let shared = Arc::new(Shared::new(clock, bus, sinks));
    let mut builder = Builder {
        graph,
        plan,
        runtime,
        options,
        shared: &shared,
    };
    // All grants before any element is made: folders are opened while nobody can have
    // put others in their places.
    let mut given = Vec::with_capacity(graph.elements.len());
    for element in &graph.elements {
        given.push(match element.kind {
            Kind::Component => Some(builder.given(element)?),
            _ => None,
        });
    }
    let mut nodes: Vec<Option<Arc<Node>>> = vec![None; graph.elements.len()];
    let mut granted = vec![Granted::default(); graph.elements.len()];
    // Downstream first: a node holds those that it pushes to.
    for index in graph.topological().into_iter().rev() {
        let Some(element) = graph.elements.get(index) else {
            continue;
        };
        let targets: Vec<Option<Target>> = element
            .pads
            .iter()
            .enumerate()
            .map(|(pad, state)| {
                let peer = graph
                    .peer(index, pad)
                    .filter(|_| state.direction == Direction::Src)?;
                let node = nodes.get(peer.element)?.clone()?;
                Some(Target {
                    node,
                    pad: peer.pad,
                })
            })
            .collect();
        let node = match given.get_mut(index).and_then(Option::take) {
            Some(given) => {
                if let Some(slot) = granted.get_mut(index) {
                    *slot = given.granted.clone();
                }
                builder.component(index, element, targets, given)?
            }
            None => Node::Host(Box::new(host_node(element, &element.kind, targets))),
        };
        if let Some(slot) = nodes.get_mut(index) {
            *slot = Some(Arc::new(node));
        }
    }
    Ok(Built {
        nodes: nodes.into_iter().flatten().collect(),
        granted,
        shared,
        messages,
    })
}

fn host_node(element: &Element, kind: &Kind, targets: Vec<Option<Target>>) -> HostNode {
    let sinks = element
        .pads
        .iter()
        .filter(|pad| pad.direction == Direction::Sink)
        .count();
    let targets: Vec<Target> = targets.into_iter().flatten().collect();
    HostNode {
        name: element.name.clone(),
        factory: element.factory.clone(),
        kind: match kind {
            Kind::Queue(settings) => HostKind::Queue(Box::new(Queue::new(*settings))),
            Kind::Tee => HostKind::Tee,
            Kind::Scatter => HostKind::Scatter(Scatter::new(targets.len())),
            Kind::Gather => HostKind::Gather(Gather::new(sinks)),
            Kind::Funnel => HostKind::Funnel(Mutex::new(())),
            Kind::Valve { drop } => HostKind::Valve {
                drop: AtomicBool::new(*drop),
            },
            Kind::CapsFilter(_) | Kind::Component => HostKind::CapsFilter,
        },
        targets,
        counters: Counters::default(),
        open_sinks: AtomicUsize::new(sinks),
    }
}

/// An element's component, and what the element gets.
struct Given {
    loaded: Arc<Loaded>,
    granted: Granted,
    /// With models by name and paths tidied.
    properties: Vec<(String, Value)>,
}

struct Builder<'a> {
    graph: &'a Arc<Graph>,
    plan: &'a Arc<OnceLock<Plan>>,
    runtime: &'a Runtime,
    options: &'a Options,
    shared: &'a Arc<Shared>,
}

impl Builder<'_> {
    fn given(&self, element: &Element) -> Result<Given, Error> {
        let loaded = self.runtime.elements.load(&element.factory)?;
        let loaded = loaded.ok_or_else(|| Error::NotAnElement {
            origin: element.factory.clone(),
            message: "no such element".to_owned(),
        })?;
        let (granted, properties) = self.grant(element, &loaded)?;
        Ok(Given {
            loaded,
            granted,
            properties,
        })
    }

    fn component(
        &mut self,
        index: usize,
        element: &Element,
        targets: Vec<Option<Target>>,
        given: Given,
    ) -> Result<Node, Error> {
        let Given {
            loaded,
            granted,
            properties,
        } = given;
        let not_found = || Error::NotAnElement {
            origin: element.factory.clone(),
            message: "no such element".to_owned(),
        };
        let component = loaded.component.as_ref().ok_or_else(not_found)?;
        let compiler = self.runtime.elements.compiler();
        let pre = link::link(compiler.engine(), component, &granted).map_err(|error| {
            Error::NotAnElement {
                origin: element.factory.clone(),
                message: format!("it does not fit the contract: {error:#}"),
            }
        })?;
        let parker = Parker::new();
        self.shared.add_waker(parker.unparker().clone());
        let around = Arc::new(self.surroundings(index, element, &granted, &parker));
        let pads: Arc<[PadSpec]> = element
            .pads
            .iter()
            .map(|pad| PadSpec {
                name: pad.name.clone(),
                template: pad.template,
                is_src: pad.direction == Direction::Src,
                linked: pad.link.is_some(),
            })
            .collect();
        let sinks = pads.iter().filter(|pad| !pad.is_src).count();
        let blueprint = Arc::new(Blueprint {
            loaded,
            pre,
            around: around.clone(),
            granted: granted.clone(),
            pads: pads.clone(),
        });
        let instance = blueprint
            .make(&properties)
            .map_err(|failure| element_error(&element.name, "create", failure))?;
        self.report_models(&element.name, &granted);
        let first_digest = blueprint.loaded.digest.clone();
        let runner = Runner::new(blueprint, properties, instance);
        let node = ComponentNode {
            index,
            factory: element.factory.clone(),
            around,
            pads,
            first_digest,
            base: element.base.clone(),
            is_sink: element.descriptor.role() == Role::Sink,
            on_failure: element.policy.on_failure,
            graph: self.graph.clone(),
            plan: self.plan.clone(),
            shared: self.shared.clone(),
            counters: Counters::default(),
            open_sinks: AtomicUsize::new(sinks),
            targets: OnceLock::from(targets),
            seen: Mutex::new(runner.look()),
            runner: Mutex::new(runner),
            mailbox: Mailbox::default(),
            is_changing: AtomicBool::new(false),
            is_resumed: AtomicBool::new(false),
            parker: Mutex::new(parker),
        };
        Ok(Node::Component(Box::new(node)))
    }

    /// Says on the bus what the element's models run on.
    fn report_models(&self, element: &str, granted: &Granted) {
        for name in &granted.models {
            // Loaded when the element was made; what cannot be had failed there.
            let Ok(model) = self.runtime.models.get(name) else {
                continue;
            };
            let (element, model) = (element.to_owned(), Box::new(model.info().clone()));
            self.shared.bus.post(Message::Inference { element, model });
        }
    }

    fn surroundings(
        &self,
        index: usize,
        element: &Element,
        granted: &Granted,
        parker: &Parker,
    ) -> Surroundings {
        let ender = self.shared.clone();
        let memory = element.policy.memory_bytes.unwrap_or(DEFAULT_MEMORY_BYTES);
        Surroundings {
            name: element.name.clone(),
            bus: self.shared.bus.clone(),
            clock: self.shared.clock.clone(),
            devices: self.options.devices.clone(),
            models: self.runtime.models.clone(),
            model_names: granted.models.clone(),
            waker: parker.unparker().clone(),
            decide: decide(index, self.graph, self.plan),
            request_eos: Box::new(move || ender.request_eos()),
            views: self.options.views,
            memory_bytes: usize::try_from(memory).unwrap_or(usize::MAX),
            call_time: element
                .policy
                .call_nanos
                .map_or(DEFAULT_CALL_TIME, Duration::from_nanos),
            limits: Limits::from(&element.policy),
            metas: MetaBudget::default(),
            frames: FrameBudget::default(),
        }
    }

    /// What the element gets, and its properties with models by name and paths tidied.
    fn grant(
        &self,
        element: &Element,
        loaded: &Loaded,
    ) -> Result<(Granted, Vec<(String, Value)>), Error> {
        let mut granted = Granted::default();
        let implied = self.options.implied_grants;
        if implied && loaded.origin.is_standard() {
            for capability in &element.descriptor.capabilities {
                match capability {
                    Capability::Camera => granted.camera = true,
                    Capability::Display => granted.display = true,
                    Capability::Inference => granted.inference = true,
                    Capability::FilesRead | Capability::FilesWrite => {}
                }
            }
        }
        let asked = element.twin_of.as_ref().unwrap_or(&element.name);
        let extra = self.options.grants.iter();
        let extra = extra.filter(|(name, _)| name == asked);
        for grant in element
            .policy
            .grants
            .iter()
            .chain(extra.map(|(_, grant)| grant))
        {
            self.add_grant(&mut granted, grant);
        }
        let mut properties = element.properties.clone();
        for (name, value) in &mut properties {
            let Some(property) = element.descriptor.property(name) else {
                continue;
            };
            let Value::Text(text) = value else { continue };
            match property.kind {
                PropertyKind::FileToRead | PropertyKind::FileToWrite => {
                    let write = property.kind == PropertyKind::FileToWrite;
                    let dir = folder_of(text);
                    if implied {
                        self.add_grant(&mut granted, &Grant::Files { dir, write });
                    }
                    *text = tidy_path(text);
                }
                PropertyKind::Model => {
                    *text = self.runtime.model_name(&element.name, text)?;
                    granted.models.push(text.clone());
                }
                _ => {}
            }
        }
        self.check_granted(element, &granted)?;
        let capabilities = &element.descriptor.capabilities;
        for folder in &mut granted.folders {
            // More than it declares would be more than anybody has been told.
            folder.write &= capabilities.contains(&Capability::FilesWrite);
            let opened = File::open(&folder.path).map_err(|error| Error::Element {
                element: element.name.clone(),
                during: String::new(),
                message: format!("folder `{}`: {error}", folder.path.display()),
                hint: None,
            })?;
            folder.opened = Some(Arc::new(opened));
        }
        Ok((granted, properties))
    }

    fn add_grant(&self, granted: &mut Granted, grant: &Grant) {
        match grant {
            Grant::Camera => granted.camera = true,
            Grant::Display => granted.display = true,
            Grant::Inference => granted.inference = true,
            Grant::Files { dir, write } => {
                let name = tidy_path(dir);
                let path = self.runtime.base.join(&name);
                match granted
                    .folders
                    .iter_mut()
                    .find(|folder| folder.name == name)
                {
                    Some(folder) => folder.write |= write,
                    None => granted.folders.push(Folder {
                        name,
                        path,
                        write: *write,
                        opened: None,
                    }),
                }
            }
            _ => {}
        }
    }

    fn check_granted(&self, element: &Element, granted: &Granted) -> Result<(), Error> {
        for capability in &element.descriptor.capabilities {
            if granted.allows(*capability) {
                continue;
            }
            let word = match capability {
                Capability::FilesRead => "files:DIR",
                Capability::FilesWrite => "files:DIR:rw",
                other => other.as_str(),
            };
            let name = &element.name;
            let hint = if self.options.implied_grants {
                format!(
                    "add `--grant {name}={word}` if you trust `{}`",
                    element.factory
                )
            } else {
                format!("add `grants = [\"{word}\"]` to `[elements.{name}]`")
            };
            let capability = capability.as_str().to_owned();
            return Err(Error::NotGranted {
                element: name.clone(),
                capability,
                hint,
            });
        }
        for folder in &granted.folders {
            if !folder.path.is_dir() {
                return Err(Error::Element {
                    element: element.name.clone(),
                    during: String::new(),
                    message: format!("folder `{}` does not exist", folder.path.display()),
                    hint: folder
                        .write
                        .then(|| format!("make it: `mkdir -p {}`", folder.path.display())),
                });
            }
        }
        Ok(())
    }
}

/// Decides a src pad's caps when the element has seen its data.
fn decide(index: usize, graph: &Arc<Graph>, plan: &Arc<OnceLock<Plan>>) -> Decide {
    let (graph, plan) = (graph.clone(), plan.clone());
    Box::new(move |pad, offered| {
        let Some(plan) = plan.get() else {
            return Err(Failure::contract(
                "`negotiate` before the pipeline has a plan",
            ));
        };
        negotiate::decide(&graph, plan, index, pad, offered, None, &mut NoPreference).map_err(
            |error| Failure {
                hint: error.hint(),
                ..Failure::contract(error.to_string())
            },
        )
    })
}

/// The element itself cannot be asked while it is asking; it has said what it offers.
struct NoPreference;

impl Oracle for NoPreference {
    fn pad_caps(&mut self, _: usize, _: usize) -> Result<Caps, millstream_core::Error> {
        Ok(Caps::any())
    }

    fn transform_caps(
        &mut self,
        _: usize,
        _: usize,
        caps: &Caps,
        _: usize,
    ) -> Result<Caps, millstream_core::Error> {
        Ok(caps.clone())
    }

    fn fixate_caps(
        &mut self,
        _: usize,
        _: usize,
        caps: &Caps,
        _: Option<&Caps>,
    ) -> Result<Caps, millstream_core::Error> {
        Ok(caps.clone())
    }
}
