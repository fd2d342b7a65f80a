//! What hostile bytes can reach without a file or a real element, for the targets of
//! `tests/fuzz-host` and for the tests below, which replay what those found.
//!
//! ```text
//! bytes ──▶ onnx          ──▶ header ──▶ embedded engine: loaded, never run
//!       ├─▶ descriptor    ──▶ as `describe` answers ──▶ what the host makes of it
//!       └─▶ Contract::run ──▶ videotestsrc ! puppet ! fakesink ──▶ are the books even?
//! ```
//!
//! A law that does not hold is a panic. None of this is part of the library.

mod contract;
mod descriptor;
mod reader;
#[cfg(test)]
mod tests;

pub use contract::Contract;
pub use descriptor::descriptor;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::nn::fuzzing as nn;

/// The repository, from whose build folder the guests are taken.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Loads a model with the embedded engine; what is wrong with it must have words.
///
/// # Panics
/// When it has none, or the host itself panics.
pub fn onnx(model: &[u8]) {
    static EMBEDDED: OnceLock<nn::Engine> = OnceLock::new();
    let engine = EMBEDDED.get_or_init(nn::Engine::new);
    let bytes: Arc<[u8]> = model.into();
    if let Err(error) = engine.load(&bytes) {
        assert!(!error.to_string().trim().is_empty());
        assert!(error.hint().is_none_or(|hint| !hint.trim().is_empty()));
    }
}
