//! What can be wrong between a manifest and its lock.

use std::fmt;

use crate::pipeline::lock::Difference;

/// Why a pipeline does not run by its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LockProblem {
    /// M0030: a lock was asked for, and there is none.
    Missing {
        /// The manifest that it would belong to.
        manifest: String,
        /// The file where it should be.
        lock: String,
    },
    /// M0031: components or models are not what the lock says.
    Differs {
        /// The manifest.
        manifest: String,
        /// Its lock.
        lock: String,
        /// In what they differ.
        differences: Vec<Difference>,
    },
    /// M0032: components want more than when they were locked.
    WantsMore {
        /// The manifest.
        manifest: String,
        /// Its lock.
        lock: String,
        /// Those that want more.
        differences: Vec<Difference>,
    },
}

impl fmt::Display for LockProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let differences = match self {
            Self::Missing { lock, .. } => return write!(f, "there is no lock `{lock}`"),
            Self::Differs {
                manifest,
                lock,
                differences,
            } => {
                write!(f, "`{manifest}` does not run what `{lock}` says")?;
                differences
            }
            Self::WantsMore {
                lock, differences, ..
            } => {
                write!(f, "components want more than when `{lock}` was written")?;
                differences
            }
        };
        for difference in differences {
            for line in difference.to_string().lines() {
                write!(f, "\n  {line}")?;
            }
        }
        Ok(())
    }
}

impl LockProblem {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "M0030",
            Self::Differs { .. } => "M0031",
            Self::WantsMore { .. } => "M0032",
        }
    }

    /// What to type, with the names of the components that want more.
    pub(super) fn hint(&self) -> String {
        let (manifest, differences) = match self {
            Self::Missing { manifest, .. } => {
                return format!("write it: `millstream lock {manifest}`");
            }
            Self::Differs {
                manifest,
                differences,
                ..
            }
            | Self::WantsMore {
                manifest,
                differences,
                ..
            } => (manifest, differences),
        };
        let mut command = "millstream lock".to_owned();
        for (name, _) in differences.iter().filter_map(Difference::wants_more) {
            command.push_str(" --accept ");
            command.push_str(name);
        }
        format!("look at `millstream audit {manifest}`, then `{command} {manifest}`")
    }
}
