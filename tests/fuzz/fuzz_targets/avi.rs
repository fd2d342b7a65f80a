//! AVI files: whole or in pieces, the same pictures or an explained failure.
#![no_main]

use avidemux::AviDemux;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    millstream_fuzz::stream::<AviDemux>("video/x-msvideo", "ANY", file);
});
