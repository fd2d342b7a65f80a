//! Models: loaded or refused with a reason. What the engine panics at is caught by the host,
//! so that only panics of the host end this.
#![no_main]

use std::panic;
use std::process;

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    let of_libfuzzer = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        // Crates of the workspace have relative names.
        if panic.location().is_none_or(|place| !place.file().starts_with('/')) {
            of_libfuzzer(panic);
            process::abort();
        }
    }));
}, |model: &[u8]| {
    millstream_runtime::fuzzing::onnx(model);
});
