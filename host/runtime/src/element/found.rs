//! A component that was found: its bytes, and where they came from.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use super::engine::{MAX_COMPONENT_BYTES, digest};
use crate::bundle::{Bundle, Part};
use crate::error::Error;

/// A component that the binary carries.
#[derive(Debug)]
pub struct Carried {
    /// Name of its element.
    pub name: &'static str,
    /// SHA-256 of its bytes in hexadecimal.
    pub digest: &'static str,
    /// The component.
    pub bytes: &'static [u8],
}

/// Where a component's bytes came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The binary carries it.
    Carried,
    /// A file.
    File(PathBuf),
    /// A bundle.
    Bundle {
        /// The bundle's file.
        path: PathBuf,
        /// The binary that made the bundle carried it.
        is_standard: bool,
    },
    /// The host itself does it.
    Host,
}

impl Origin {
    /// Whether it comes with Millstream, so that a launch line grants it what it declares.
    pub fn is_standard(&self) -> bool {
        match self {
            Self::Carried => true,
            Self::Bundle { is_standard, .. } => *is_standard,
            Self::File(_) | Self::Host => false,
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Carried => f.write_str("carried by this binary"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Bundle { path, .. } => write!(f, "in the bundle {}", path.display()),
            Self::Host => f.write_str("part of the host"),
        }
    }
}

/// A component that was found.
pub(super) struct Found<'a> {
    pub(super) origin: Origin,
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) digest: Cow<'a, str>,
    /// Its machine code, which the user trusts.
    pub(super) code: Option<&'a [u8]>,
}

impl<'a> Found<'a> {
    pub(super) fn file(path: &Path) -> Result<Self, Error> {
        let bytes = read_component(path)?;
        Ok(Self {
            origin: Origin::File(path.to_owned()),
            digest: digest(&bytes).into(),
            bytes: bytes.into(),
            code: None,
        })
    }

    pub(super) fn carried(carried: &'static Carried) -> Self {
        Self {
            origin: Origin::Carried,
            digest: carried.digest.into(),
            bytes: carried.bytes.into(),
            code: None,
        }
    }

    pub(super) fn part(bundle: &Bundle, part: &Part<'a>) -> Self {
        Self {
            origin: Origin::Bundle {
                path: bundle.path().to_owned(),
                is_standard: part.is_standard,
            },
            digest: part.digest.into(),
            bytes: part.bytes.into(),
            code: part.code,
        }
    }

    /// The error that it is no element, of the name or file that it has in the pipeline.
    pub(super) fn not_an_element(&self, factory: &str, message: String) -> Error {
        let origin = match &self.origin {
            Origin::File(path) => path.display().to_string(),
            _ => factory.to_owned(),
        };
        Error::NotAnElement { origin, message }
    }
}

fn read_component(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::ReadComponent {
        path: path.to_owned(),
        source,
    };
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > MAX_COMPONENT_BYTES {
        let limit = MAX_COMPONENT_BYTES >> 20;
        let message = format!("{size} bytes, over the limit of {limit} MiB for a component");
        return Err(Error::NotAnElement {
            origin: path.display().to_string(),
            message,
        });
    }
    fs::read(path).map_err(failed)
}
