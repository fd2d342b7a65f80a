//! Manifests: a graph or an explained error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_core::graph::Graph;
use millstream_core::manifest;
use millstream_fuzz::{Shelf, check_error};

fuzz_target!(|text: &str| {
    let graph = manifest::parse(text, "fuzz.toml")
        .and_then(|manifest| Graph::build(&manifest.description, &Shelf));
    if let Err(error) = graph {
        check_error(&error);
    }
});
