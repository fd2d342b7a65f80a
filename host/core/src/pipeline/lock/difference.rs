//! What is not as a lock says.

use std::collections::BTreeMap;
use std::fmt;

use super::{Component, Lock, Model};
use crate::privilege::{Added, added};

/// A part of a pipeline that a lock knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Code of an element.
    Component,
    /// A model.
    Model,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Component => "component",
            Self::Model => "model",
        })
    }
}

/// Something that is not as the lock says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The host keeps another contract.
    Contract {
        /// What the lock says.
        locked: String,
        /// What the host says.
        now: String,
    },
    /// A component has another digest or other privileges.
    Component {
        /// As the manifest writes it.
        name: String,
        /// SHA-256 in the lock.
        locked: String,
        /// SHA-256 of the component.
        now: String,
        /// What it wants that it did not want when it was locked.
        added: Vec<Added>,
    },
    /// A model has another digest.
    Model {
        /// As the manifest writes it.
        name: String,
        /// SHA-256 in the lock.
        locked: String,
        /// SHA-256 of the model.
        now: String,
    },
    /// The labels of a model have another digest, or have come or gone.
    Labels {
        /// The model, as the manifest writes it.
        name: String,
        /// SHA-256 in the lock.
        locked: Option<String>,
        /// SHA-256 of the file.
        now: Option<String>,
    },
    /// The pipeline uses something that the lock does not have.
    NotLocked {
        /// What it is.
        part: Part,
        /// As the manifest writes it.
        name: String,
    },
    /// The lock has something that the pipeline does not use.
    NotUsed {
        /// What it is.
        part: Part,
        /// As the lock writes it.
        name: String,
    },
}

impl Difference {
    /// The component that wants more than when it was locked, and what.
    pub fn wants_more(&self) -> Option<(&str, &[Added])> {
        match self {
            Self::Component { name, added, .. } if !added.is_empty() => Some((name, added)),
            _ => None,
        }
    }
}

/// One line, and below it, further in, the details.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digests = |f: &mut fmt::Formatter<'_>, locked: Option<&str>, now: Option<&str>| {
            for (when, digest) in [("locked", locked), ("now   ", now)] {
                match digest {
                    Some(digest) => write!(f, "\n  {when} sha256:{digest}")?,
                    None => write!(f, "\n  {when} none")?,
                }
            }
            Ok(())
        };
        match self {
            Self::Contract { locked, now } => {
                write!(f, "the contract is `{now}`, locked was `{locked}`")
            }
            Self::Component {
                name,
                locked,
                now,
                added,
            } => {
                if locked == now {
                    write!(
                        f,
                        "component `{name}` wants other things than its lock says"
                    )?;
                } else {
                    write!(f, "component `{name}` has changed")?;
                    digests(f, Some(locked), Some(now))?;
                }
                for wanted in added {
                    write!(f, "\n  wants more: {wanted}")?;
                }
                Ok(())
            }
            Self::Model { name, locked, now } => {
                write!(f, "model `{name}` has changed")?;
                digests(f, Some(locked), Some(now))
            }
            Self::Labels { name, locked, now } => {
                write!(f, "the labels of model `{name}` have changed")?;
                digests(f, locked.as_deref(), now.as_deref())
            }
            Self::NotLocked { part, name } => write!(f, "{part} `{name}` is not locked"),
            Self::NotUsed { part, name } => write!(f, "{part} `{name}` is locked, but not used"),
        }
    }
}

impl Lock {
    /// All that is not in `now` as it is in this lock; nothing: they are the same.
    pub fn differences(&self, now: &Self) -> Vec<Difference> {
        let mut out = Vec::new();
        if self.contract != now.contract {
            out.push(Difference::Contract {
                locked: self.contract.clone(),
                now: now.contract.clone(),
            });
        }
        compare(
            &mut out,
            Part::Component,
            &self.components,
            &now.components,
            component,
        );
        compare(&mut out, Part::Model, &self.models, &now.models, model);
        out
    }
}

/// Compares what has a name in both, and tells what has it in one only.
fn compare<T>(
    out: &mut Vec<Difference>,
    part: Part,
    locked: &BTreeMap<String, T>,
    now: &BTreeMap<String, T>,
    both: fn(&mut Vec<Difference>, &str, &T, &T),
) {
    for (name, now) in now {
        match locked.get(name) {
            Some(locked) => both(out, name, locked, now),
            None => out.push(Difference::NotLocked {
                part,
                name: name.clone(),
            }),
        }
    }
    let unused = locked.keys().filter(|name| !now.contains_key(*name));
    out.extend(unused.map(|name| Difference::NotUsed {
        part,
        name: name.clone(),
    }));
}

fn component(out: &mut Vec<Difference>, name: &str, locked: &Component, now: &Component) {
    if locked != now {
        out.push(Difference::Component {
            name: name.to_owned(),
            locked: locked.digest().to_owned(),
            now: now.digest().to_owned(),
            added: added(locked.privileges(), now.privileges()),
        });
    }
}

fn model(out: &mut Vec<Difference>, name: &str, locked: &Model, now: &Model) {
    if locked.digest != now.digest {
        out.push(Difference::Model {
            name: name.to_owned(),
            locked: locked.digest.clone(),
            now: now.digest.clone(),
        });
    }
    if locked.labels != now.labels {
        out.push(Difference::Labels {
            name: name.to_owned(),
            locked: locked.labels.clone(),
            now: now.labels.clone(),
        });
    }
}
