//! What an element could ask of its host, and whether a new version of it wants more.
//!
//! Locks, runs beside a lock and swaps of a component in a running pipeline all ask
//! [`added`]: who got in once with little does not get more by way of an update.

use crate::element::Capability;

/// What an element wants from outside its own memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Privileges {
    /// Capabilities that its descriptor declares.
    pub capabilities: Vec<Capability>,
    /// Interfaces that its component imports, as `package:name/interface@version`.
    pub imports: Vec<String>,
}

/// Something that a new version of an element wants and the old one did not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Added {
    /// A capability.
    Capability(Capability),
    /// An interface, with its version.
    Import(String),
}

/// As a difference shows it: `capability camera`, `import wasi:nn/graph@0.2.0`.
impl std::fmt::Display for Added {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Capability(capability) => write!(f, "capability {}", capability.as_str()),
            Self::Import(import) => write!(f, "import {import}"),
        }
    }
}

/// What `now` wants beyond `before`, sorted and each thing once; nothing: it can replace it.
///
/// Writing files includes reading them. Of imports only the interface counts: the host
/// grants interfaces, and another version of one reaches nothing else.
pub fn added(before: &Privileges, now: &Privileges) -> Vec<Added> {
    let had = |wanted: Capability| {
        let mut capabilities = before.capabilities.iter();
        capabilities.any(|had| {
            *had == wanted || (*had == Capability::FilesWrite && wanted == Capability::FilesRead)
        })
    };
    let capabilities = now.capabilities.iter().copied();
    let capabilities = capabilities.filter(|wanted| !had(*wanted));
    let imports = now.imports.iter().filter(|wanted| {
        let mut imports = before.imports.iter();
        !imports.any(|had| interface(had) == interface(wanted))
    });
    let mut added: Vec<Added> = capabilities
        .map(Added::Capability)
        .chain(imports.cloned().map(Added::Import))
        .collect();
    added.sort();
    added.dedup();
    added
}

/// An import without its version.
fn interface(import: &str) -> &str {
    import.split_once('@').map_or(import, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wants(capabilities: &[Capability], imports: &[&str]) -> Privileges {
        Privileges {
            capabilities: capabilities.to_vec(),
            imports: imports.iter().map(|&it| it.to_owned()).collect(),
        }
    }

    #[test]
    fn only_what_is_new_is_told() {
        use Capability::{Camera, FilesRead, FilesWrite, Inference};
        let check = |before: Privileges, now: Privileges, expected: &[&str]| {
            let told: Vec<_> = added(&before, &now).iter().map(Added::to_string).collect();
            assert_eq!(told, expected, "{before:?} {now:?}");
        };
        check(wants(&[], &[]), wants(&[], &[]), &[]);
        check(wants(&[Camera], &["a:b/c@1.0.0"]), wants(&[], &[]), &[]);
        check(
            wants(&[], &["a:b/c@1.0.0"]),
            wants(&[Inference, Camera], &["a:b/d@1.0.0", "a:b/c@1.0.0"]),
            &[
                "capability camera",
                "capability inference",
                "import a:b/d@1.0.0",
            ],
        );
        check(wants(&[FilesWrite], &[]), wants(&[FilesRead], &[]), &[]);
        check(
            wants(&[FilesRead], &[]),
            wants(&[FilesRead, FilesWrite], &[]),
            &["capability files:rw"],
        );
        check(
            wants(&[], &["a:b/c@1.0.0"]),
            wants(&[], &["a:b/c@1.0.1"]),
            &[],
        );
        check(
            wants(&[], &[]),
            wants(&[], &["a:b/c", "a:b/c"]),
            &["import a:b/c"],
        );
        // A name that only begins like a known one is another interface.
        check(
            wants(&[], &["a:b/c@1"]),
            wants(&[], &["a:b/cd@1"]),
            &["import a:b/cd@1"],
        );
    }

    fn privileges() -> impl Strategy<Value = Privileges> {
        use Capability::{Camera, Display, FilesRead, FilesWrite, Inference};
        let capability =
            prop::sample::select(vec![Camera, Display, Inference, FilesRead, FilesWrite]);
        let import = "[ab]:[ab]/[ab](@[01])?";
        (
            prop::collection::vec(capability, 0..6),
            prop::collection::vec(import, 0..6),
        )
            .prop_map(|(capabilities, imports)| Privileges {
                capabilities,
                imports,
            })
    }

    proptest! {
        #[test]
        fn nothing_is_new_in_itself_or_less(all in privileges(), keep in 0usize..6) {
            let mut less = all.clone();
            less.capabilities.truncate(keep);
            less.imports.truncate(keep);
            prop_assert_eq!(added(&all, &all), vec![]);
            prop_assert_eq!(added(&all, &less), vec![]);
        }

        /// No chain of steps that each want nothing new leads to more.
        #[test]
        fn small_steps_lead_nowhere(a in privileges(), b in privileges(), c in privileges()) {
            if added(&a, &b).is_empty() && added(&b, &c).is_empty() {
                prop_assert_eq!(added(&a, &c), vec![]);
            }
        }

        /// Who is given what was told wants nothing more.
        #[test]
        fn what_is_told_is_all(before in privileges(), now in privileges()) {
            let mut given = before.clone();
            for new in added(&before, &now) {
                match new {
                    Added::Capability(capability) => given.capabilities.push(capability),
                    Added::Import(import) => given.imports.push(import),
                }
            }
            prop_assert_eq!(added(&given, &now), vec![]);
        }
    }
}
