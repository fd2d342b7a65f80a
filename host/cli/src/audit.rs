//! `audit`: who may do what, and why.

use millstream_core::clock::format_duration;
use millstream_core::element::Capability;
use millstream_core::graph::Element;
use millstream_core::pipeline::{Grant, OnFailure, Resort, Restarts};
use millstream_runtime::{
    DEFAULT_CALL_TIME, DEFAULT_HELD_BUFFERS, DEFAULT_HELD_BYTES, DEFAULT_LINES_A_SECOND,
    DEFAULT_MEMORY_BYTES, Granted, Loaded, Origin, Pipeline,
};

use crate::args::AuditArgs;
use crate::failure::Failure;
use crate::lock::Locked;
use crate::setup::Text;
use crate::{human, output};

pub(crate) fn audit(args: &AuditArgs) -> Result<(), Failure> {
    let text = Text::from_args(&args.text)?;
    let options = text.options(&args.setup);
    let runtime = text.runtime(&args.setup)?;
    let graph = text.graph(&runtime, &args.setup)?;
    let locked = Locked::read(&text, &runtime, &graph)?;
    // An audit must also tell of a pipeline that lacks a grant, or wants more than its lock
    // says, and so cannot be made.
    let prepared = match locked.as_ref().map_or(Ok(()), Locked::refuse_more) {
        Ok(()) => Pipeline::prepare(graph.clone(), &runtime, &options),
        Err(error) => Err(error.into()),
    };
    let granted = prepared.as_ref().ok().map(Pipeline::granted);
    let mut out = String::new();
    for (index, element) in graph.elements.iter().enumerate() {
        let Some(loaded) = runtime.elements.load(&element.factory)? else {
            continue;
        };
        let auditor = Auditor {
            element,
            loaded: &loaded,
            granted: granted.and_then(|granted| granted.get(index)),
            command_line: &args.setup.grants,
            is_line: options.implied_grants,
            locked: locked.as_ref(),
        };
        out += &auditor.text();
    }
    output::data(&out)?;
    prepared.map(drop).map_err(Failure::from)
}

struct Auditor<'a> {
    element: &'a Element,
    loaded: &'a Loaded,
    /// What it got; none if the pipeline could not be made.
    granted: Option<&'a Granted>,
    /// What `--grant` adds.
    command_line: &'a [(String, Grant)],
    /// A launch line implies grants, and has no lock.
    is_line: bool,
    /// The manifest's lock, if it has one.
    locked: Option<&'a Locked>,
}

impl Auditor<'_> {
    fn text(&self) -> String {
        let Self {
            element, loaded, ..
        } = self;
        let mut facts = vec![("element", element.factory.clone())];
        facts.push(("origin", loaded.origin.to_string()));
        if loaded.origin == Origin::Host {
            facts.push((
                "may",
                "run in the host itself; it has no code of others".to_owned(),
            ));
            return section(&element.name, facts);
        }
        facts.push(("digest", format!("sha256:{}", loaded.digest)));
        if !self.is_line {
            let locked = self.locked.map(|locked| locked.says_of(element));
            facts.push(("lock", locked.unwrap_or_else(|| "not locked".to_owned())));
        }
        let declared = &element.descriptor.capabilities;
        let declared: Vec<&str> = declared.iter().map(|it| it.as_str()).collect();
        facts.push(("declares", or_nothing(&declared.join(", "))));
        facts.push(("granted", self.grants()));
        if let Some(granted) = self.granted {
            let folders = granted.folders.iter().map(|folder| {
                let access = if folder.write { "rw" } else { "ro" };
                format!("{} ({access}, as `{}`)", folder.path.display(), folder.name)
            });
            facts.push(("folders", folders.collect::<Vec<_>>().join(", ")));
            facts.push(("models", granted.models.join(", ")));
            facts.retain(|(_, text)| !text.is_empty());
        }
        facts.push(("limits", self.limits()));
        facts.push(("on failure", on_failure(element.policy.on_failure)));
        facts.push(("imports", or_nothing(&loaded.imports.join(", "))));
        section(&element.name, facts)
    }

    /// Each grant with its reason, and each capability that lacks one.
    fn grants(&self) -> String {
        let mut grants: Vec<String> = self
            .element
            .policy
            .grants
            .iter()
            .map(|it| format!("{it} (manifest)"))
            .collect();
        let own = self
            .command_line
            .iter()
            .filter(|(name, _)| *name == self.element.name);
        grants.extend(own.map(|(_, grant)| format!("{grant} (--grant)")));
        for capability in &self.element.descriptor.capabilities {
            if self.is_granted(*capability) {
                continue;
            }
            let word = capability.as_str();
            let is_carried = self.loaded.origin.is_standard();
            grants.push(match capability {
                Capability::FilesRead | Capability::FilesWrite if self.is_line => {
                    format!("{word} (implied by the files that its properties name)")
                }
                _ if self.is_line && is_carried => {
                    format!("{word} (implied: the binary carries the element)")
                }
                _ => format!("{word} MISSING"),
            });
        }
        or_nothing(&grants.join(", "))
    }

    /// Whether manifest or command line say so.
    fn is_granted(&self, capability: Capability) -> bool {
        let own = self
            .command_line
            .iter()
            .filter(|(name, _)| *name == self.element.name);
        let mut grants = self
            .element
            .policy
            .grants
            .iter()
            .chain(own.map(|(_, grant)| grant));
        grants.any(|grant| match (grant, capability) {
            (Grant::Camera, Capability::Camera)
            | (Grant::Display, Capability::Display)
            | (Grant::Inference, Capability::Inference)
            | (Grant::Files { .. }, Capability::FilesRead) => true,
            (Grant::Files { write, .. }, Capability::FilesWrite) => *write,
            _ => false,
        })
    }

    fn limits(&self) -> String {
        let policy = &self.element.policy;
        let memory = human::bytes(policy.memory_bytes.unwrap_or(DEFAULT_MEMORY_BYTES));
        let default = u64::try_from(DEFAULT_CALL_TIME.as_nanos()).unwrap_or(u64::MAX);
        let time = format_duration(policy.call_nanos.unwrap_or(default));
        let start = policy.start_nanos.map_or_else(String::new, |nanos| {
            format!(", its start {}", format_duration(nanos))
        });
        let held = policy
            .held_buffers
            .map_or(DEFAULT_HELD_BUFFERS, |held| held as usize);
        let bytes = human::bytes(policy.held_bytes.unwrap_or(DEFAULT_HELD_BYTES));
        let lines = policy.lines_a_second.unwrap_or(DEFAULT_LINES_A_SECOND);
        format!(
            "memory {memory}, a call {time}{start}, {held} buffers of {bytes} kept, {lines} lines of log a second"
        )
    }
}

fn on_failure(on_failure: OnFailure) -> String {
    match on_failure {
        OnFailure::GiveUp(resort) => given_up(resort).to_owned(),
        OnFailure::Restart(restarts) => restarted(restarts),
        OnFailure::Drop(restarts) => {
            format!(
                "the buffer is dropped; if it cannot go on, {}",
                restarted(restarts)
            )
        }
        _ => "?".to_owned(),
    }
}

fn restarted(restarts: Restarts) -> String {
    format!(
        "restarted, at most {} times in {}, the second time after {}; then {}",
        restarts.max,
        format_duration(restarts.within_nanos),
        format_duration(restarts.backoff_nanos),
        given_up(restarts.then)
    )
}

fn given_up(resort: Resort) -> &'static str {
    match resort {
        Resort::Stop => "the pipeline stops",
        Resort::StopBranch => "its branch ends, the rest goes on",
        Resort::PassThrough => "buffers pass by it",
    }
}

fn or_nothing(text: &str) -> String {
    if text.is_empty() {
        "nothing".to_owned()
    } else {
        text.to_owned()
    }
}

fn section(name: &str, facts: Vec<(&str, String)>) -> String {
    let rows: Vec<_> = facts
        .into_iter()
        .map(|(key, text)| vec![format!("  {key}"), text])
        .collect();
    format!("{name}\n{}\n", human::table(&rows, &[]))
}
