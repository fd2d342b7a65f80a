//! `lock`, and what locks mean for the other commands.
//!
//! ```text
//! NAME.toml ─► graph ─► Runtime::lock (what is there now) ─┬─► NAME.lock            lock
//! NAME.lock ─► lock::parse (what was there) ───────────────┴─► differences          run, check, graph, audit
//! ```

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use millstream_core::Error as CoreError;
use millstream_core::error::LockProblem;
use millstream_core::graph::{Element, Graph};
use millstream_core::lock::{self, Difference, Lock, MAX_LOCK_BYTES, Part};
use millstream_runtime::Runtime;

use crate::args::LockArgs;
use crate::failure::Failure;
use crate::setup::{Text, read_text};
use crate::{human, output};

/// What a command asks of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Locking {
    /// If there is one, nobody may want more than it says; other differences are told.
    #[default]
    Noted,
    /// The same, and nothing is told.
    Quiet,
    /// There is one, and everything is as it says.
    Strict,
}

impl Locking {
    pub(crate) fn new(is_locked: bool, is_quiet: bool) -> Self {
        match (is_locked, is_quiet) {
            (true, _) => Self::Strict,
            (false, true) => Self::Quiet,
            (false, false) => Self::Noted,
        }
    }
}

/// A manifest's lock, beside what is there now.
pub(crate) struct Locked {
    /// The manifest, and its lock, as errors name them.
    manifest: String,
    lock: String,
    /// In what they differ.
    pub(crate) differences: Vec<Difference>,
}

impl Locked {
    /// Reads a manifest's lock and compares; none if it has none, as launch lines.
    pub(crate) fn read(
        text: &Text,
        runtime: &Runtime,
        graph: &Graph,
    ) -> Result<Option<Self>, Failure> {
        let manifest = match text {
            Text::Manifest(_, manifest) => manifest,
            Text::Line(_) => return Ok(None),
            Text::Bundle(bundled) => {
                let bundle = &bundled.bundle;
                let path = bundle.path().display().to_string();
                return Ok(Some(Self {
                    lock: format!("{path}: pipeline.lock"),
                    manifest: path,
                    differences: bundle.lock().differences(&runtime.lock(graph)?),
                }));
            }
        };
        let path = path_of(manifest)?;
        let Some(before) = read(&path)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            manifest: manifest.display().to_string(),
            lock: path.display().to_string(),
            differences: before.differences(&runtime.lock(graph)?),
        }))
    }

    /// Refuses components that want more than the lock says.
    pub(crate) fn refuse_more(&self) -> Result<(), CoreError> {
        let differences = self.differences.iter();
        let wanting = differences.filter(|it| it.wants_more().is_some());
        let differences: Vec<_> = wanting.cloned().collect();
        if differences.is_empty() {
            return Ok(());
        }
        Err(CoreError::Lock(Box::new(LockProblem::WantsMore {
            manifest: self.manifest.clone(),
            lock: self.lock.clone(),
            differences,
        })))
    }

    /// What the lock says of an element, in a line.
    pub(crate) fn says_of(&self, element: &Element) -> String {
        let is_own = |name: &str| element.models().any(|model| model == name);
        let mut said = Vec::new();
        for difference in &self.differences {
            match difference {
                Difference::Component { name, .. } if *name == element.factory => {
                    said.push("changed".to_owned());
                    let added = difference.wants_more().map_or(&[][..], |(_, added)| added);
                    said.extend(added.iter().map(|it| format!("wants more: {it}")));
                }
                Difference::NotLocked { part, name } => match part {
                    Part::Component if *name == element.factory => {
                        said.push("not locked".to_owned());
                    }
                    Part::Model if is_own(name) => said.push(format!("model `{name}` not locked")),
                    _ => {}
                },
                Difference::Model { name, .. } if is_own(name) => {
                    said.push(format!("model `{name}` changed"));
                }
                Difference::Labels { name, .. } if is_own(name) => {
                    said.push(format!("labels of model `{name}` changed"));
                }
                _ => {}
            }
        }
        if said.is_empty() {
            return "locked".to_owned();
        }
        said.join(", ")
    }

    /// A bundle is made with its lock: whoever changed either wants something.
    fn refuse_bundle(&self) -> Result<(), Failure> {
        if self.differences.is_empty() {
            return Ok(());
        }
        tell(&self.differences);
        Err(Failure::usage(
            format!("bundle `{}` is not as its own lock says", self.manifest),
            "make it anew with `millstream compile`; somebody has changed this one",
        ))
    }

    fn refuse_any(self) -> Result<(), CoreError> {
        if self.differences.is_empty() {
            return Ok(());
        }
        Err(CoreError::Lock(Box::new(LockProblem::Differs {
            manifest: self.manifest,
            lock: self.lock,
            differences: self.differences,
        })))
    }
}

/// Lets a pipeline go on if its lock allows it.
pub(crate) fn enforce(
    text: &Text,
    runtime: &Runtime,
    graph: &Graph,
    locking: Locking,
) -> Result<(), Failure> {
    match (Locked::read(text, runtime, graph)?, text, locking) {
        (Some(locked), Text::Bundle(_), _) => locked.refuse_bundle()?,
        (Some(locked), _, Locking::Strict) => locked.refuse_any()?,
        (Some(locked), _, _) => {
            locked.refuse_more()?;
            if locking == Locking::Noted && !locked.differences.is_empty() {
                let (lock, manifest) = (&locked.lock, &locked.manifest);
                output::talk(format_args!("note: not as `{lock}` says:"));
                tell(&locked.differences);
                output::talk(format_args!(
                    "  `millstream lock {manifest}` writes it anew"
                ));
            }
        }
        (None, Text::Manifest(_, manifest), Locking::Strict) => {
            return Err(CoreError::Lock(Box::new(LockProblem::Missing {
                lock: path_of(manifest)?.display().to_string(),
                manifest: manifest.display().to_string(),
            }))
            .into());
        }
        (None, _, _) => {}
    }
    Ok(())
}

/// The command `lock`.
pub(crate) fn lock(args: &LockArgs) -> Result<(), Failure> {
    if millstream_runtime::is_bundle(&args.manifest) {
        return Err(Failure::usage(
            format!(
                "`{}` is a bundle, which has its lock inside",
                args.manifest.display()
            ),
            "its SHA-256 names all of it: `--trust-compiled=SHA256`",
        ));
    }
    let text = Text::from_manifest(&args.manifest)?;
    let runtime = text.runtime(&args.setup)?;
    let graph = text.graph(&runtime, &args.setup)?;
    let now = runtime.lock(&graph)?;
    let path = path_of(&args.manifest)?;
    for name in &args.accept {
        if !now.components.contains_key(name) {
            let known: Vec<&str> = now.components.keys().map(String::as_str).collect();
            return Err(Failure::usage(
                format!("`--accept {name}`: the manifest uses no component `{name}`"),
                &format!("its components are `{}`", known.join("`, `")),
            ));
        }
    }
    let before = read(&path)?;
    if let Some(before) = &before {
        let mut locked = Locked {
            manifest: args.manifest.display().to_string(),
            lock: path.display().to_string(),
            differences: before.differences(&now),
        };
        tell(&locked.differences);
        locked.differences.retain(|difference| {
            let wanting = difference.wants_more();
            wanting.is_some_and(|(name, _)| !args.accept.iter().any(|it| it == name))
        });
        locked.refuse_more()?;
    }
    if before.as_ref() == Some(&now) {
        output::talk(format_args!("`{}` is as it should be", path.display()));
        return Ok(());
    }
    let text = now.to_string();
    // What cannot be read again, such as a name full of control characters, is not written.
    lock::parse(&text, &path.display().to_string())?;
    write(&path, &text).map_err(|error| {
        let text = format!("error: cannot write `{}`: {error}", path.display());
        Failure::Run(text)
    })?;
    output::talk(format_args!(
        "`{}` locks {} and {}",
        path.display(),
        human::count(now.components.len(), "component"),
        human::count(now.models.len(), "model"),
    ));
    Ok(())
}

/// `NAME.lock` beside `NAME.toml`.
fn path_of(manifest: &Path) -> Result<PathBuf, Failure> {
    let lock = manifest.with_extension("lock");
    if lock == manifest {
        return Err(Failure::usage(
            format!("`{}` is a lock's name, not a manifest's", lock.display()),
            "name the manifest (`*.toml`)",
        ));
    }
    Ok(lock)
}

/// A lock; none if there is no such file.
fn read(path: &Path) -> Result<Option<Lock>, Failure> {
    let text = match read_text(path, MAX_LOCK_BYTES) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(Failure::usage(
                format!("cannot read the lock `{}`: {error}", path.display()),
                "take it away if it is no lock, and write it anew with `millstream lock`",
            ));
        }
    };
    Ok(Some(lock::parse(&text, &path.display().to_string())?))
}

/// Writes a file as a whole or not at all, whoever reads it meanwhile.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = File::create_new(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        // Its bytes are on the disk before its name is.
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if let Err(error) = written {
        // One that another process has just made stays.
        if error.kind() != io::ErrorKind::AlreadyExists {
            drop(fs::remove_file(&temporary));
        }
        return Err(error);
    }
    Ok(())
}

fn tell(differences: &[Difference]) {
    for difference in differences {
        for line in difference.to_string().lines() {
            output::talk(format_args!("  {line}"));
        }
    }
}
