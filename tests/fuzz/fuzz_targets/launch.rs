//! Launch lines: a graph or an explained error, alone or as a shell's arguments.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_core::graph::Graph;
use millstream_core::launch;
use millstream_fuzz::{Shelf, check_error};

fuzz_target!(|text: &str| {
    let args: Vec<&str> = text.split(' ').collect();
    for line in [text, &launch::from_args(&args)] {
        let graph = launch::parse(line).and_then(|line| Graph::build(&line, &Shelf));
        match graph {
            Ok(graph) => assert_eq!(graph.topological().len(), graph.elements.len()),
            Err(error) => check_error(&error),
        }
    }
});
