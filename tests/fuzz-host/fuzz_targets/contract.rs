//! The host's side of the contract: a pipeline ends and its books are even, whatever an
//! element calls in whatever order.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use millstream_runtime::fuzzing::Contract;

static CONTRACT: OnceLock<Contract> = OnceLock::new();

fuzz_target!(|script: &[u8]| {
    let make = || Contract::new().unwrap_or_else(|missing| panic!("{missing}"));
    CONTRACT.get_or_init(make).run(script);
});
