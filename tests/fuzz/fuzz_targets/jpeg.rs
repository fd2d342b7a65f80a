//! JPEG pictures: whole or in pieces, the same frames or an explained failure.
#![no_main]

use jpegdec::JpegDec;
use libfuzzer_sys::fuzz_target;

/// Larger frames cost time and find nothing.
const DOWNSTREAM: &str = "video/x-raw, width=[ 1, 256 ], height=[ 1, 256 ]";

fuzz_target!(|file: &[u8]| {
    millstream_fuzz::stream::<JpegDec>("image/jpeg", DOWNSTREAM, file);
});
