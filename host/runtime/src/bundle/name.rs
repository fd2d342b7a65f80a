//! Names of the parts of a bundle.

use std::fmt;

use millstream_core::lock::MAX_LOCK_BYTES;
use millstream_core::manifest::MAX_MANIFEST_BYTES;

use super::FIRST_NAME;
use crate::element::engine::MAX_COMPONENT_BYTES;
use crate::nn::{MAX_LABELS_BYTES, MAX_MODEL_BYTES};

/// Longest text of what made a bundle.
const MAX_FIRST_BYTES: u64 = 1024;

/// Machine code is so many times as long as its component at most; three times is usual.
const CODE_TO_COMPONENT: u64 = 8;

/// What a part is; digests are those of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name<'a> {
    First,
    Manifest,
    Line,
    Lock,
    Compiled { component: &'a str, digest: &'a str },
    Standard(&'a str),
    Component(&'a str),
    Model(&'a str),
    Labels(&'a str),
}

impl<'a> Name<'a> {
    /// Reads a name; none if no part is called so.
    pub(super) fn from_text(text: &'a str) -> Option<Self> {
        let is_digest = |it: &&str| {
            let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            it.len() == 64 && it.bytes().all(is_digit)
        };
        let one = |folder: &str, extension: &str| {
            let digest = text.strip_prefix(folder)?.strip_suffix(extension)?;
            Some(digest).filter(is_digest)
        };
        match text {
            FIRST_NAME => return Some(Self::First),
            "pipeline.toml" => return Some(Self::Manifest),
            "pipeline.launch" => return Some(Self::Line),
            "pipeline.lock" => return Some(Self::Lock),
            _ => {}
        }
        if let Some(both) = text.strip_prefix("compiled/") {
            let (component, code) = both.split_once('/')?;
            let component = Some(component).filter(is_digest)?;
            let digest = code.strip_suffix(".cwasm").filter(is_digest)?;
            return Some(Self::Compiled { component, digest });
        }
        one("standard/", ".wasm")
            .map(Self::Standard)
            .or_else(|| one("components/", ".wasm").map(Self::Component))
            .or_else(|| one("models/", "").map(Self::Model))
            .or_else(|| one("labels/", "").map(Self::Labels))
    }

    /// Most bytes of such a part.
    pub(super) fn limit(self) -> u64 {
        match self {
            Self::First => MAX_FIRST_BYTES,
            Self::Manifest | Self::Line => MAX_MANIFEST_BYTES as u64,
            Self::Lock => MAX_LOCK_BYTES as u64,
            Self::Compiled { .. } => CODE_TO_COMPONENT * MAX_COMPONENT_BYTES,
            Self::Standard(_) | Self::Component(_) => MAX_COMPONENT_BYTES,
            Self::Model(_) => MAX_MODEL_BYTES,
            Self::Labels(_) => MAX_LABELS_BYTES,
        }
    }

    /// The SHA-256 that its bytes must have.
    pub(super) fn digest(self) -> Option<&'a str> {
        match self {
            Self::Compiled { digest, .. }
            | Self::Standard(digest)
            | Self::Component(digest)
            | Self::Model(digest)
            | Self::Labels(digest) => Some(digest),
            Self::First | Self::Manifest | Self::Line | Self::Lock => None,
        }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str(FIRST_NAME),
            Self::Manifest => f.write_str("pipeline.toml"),
            Self::Line => f.write_str("pipeline.launch"),
            Self::Lock => f.write_str("pipeline.lock"),
            Self::Compiled { component, digest } => {
                write!(f, "compiled/{component}/{digest}.cwasm")
            }
            Self::Standard(digest) => write!(f, "standard/{digest}.wasm"),
            Self::Component(digest) => write!(f, "components/{digest}.wasm"),
            Self::Model(digest) => write!(f, "models/{digest}"),
            Self::Labels(digest) => write!(f, "labels/{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let (a, b) = ("0".repeat(64), "9f".repeat(32));
        for name in [
            Name::First,
            Name::Manifest,
            Name::Line,
            Name::Lock,
            Name::Compiled {
                component: &a,
                digest: &b,
            },
            Name::Standard(&a),
            Name::Component(&b),
            Name::Model(&a),
            Name::Labels(&b),
        ] {
            assert_eq!(Name::from_text(&name.to_string()), Some(name));
        }
        for text in [
            "",
            "pipeline",
            "../pipeline.toml",
            "models/../models/x",
            "components/.wasm",
            &format!("components/{}.wasm", "F".repeat(64)),
            &format!("components/../{a}.wasm"),
            &format!("compiled/{a}.cwasm"),
            &format!("compiled/{a}/{b}"),
            &format!("models/{a}0"),
        ] {
            assert_eq!(Name::from_text(text), None, "{text}");
        }
    }
}
