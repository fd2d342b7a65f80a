//! PNG pictures: whole or in pieces, the same frames or an explained failure.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pngdec::PngDec;

/// Larger frames cost time and find nothing.
const DOWNSTREAM: &str = "video/x-raw, width=[ 1, 256 ], height=[ 1, 256 ]";

fuzz_target!(|file: &[u8]| {
    millstream_fuzz::stream::<PngDec>("image/png", DOWNSTREAM, file);
});
