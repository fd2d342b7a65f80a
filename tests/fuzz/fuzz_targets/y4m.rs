//! YUV4MPEG2 files: whole or in pieces, the same frames or an explained failure.
#![no_main]

use libfuzzer_sys::fuzz_target;
use y4mdec::Y4mDec;

/// Larger frames cost time and find nothing.
const DOWNSTREAM: &str = "video/x-raw, width=[ 1, 256 ], height=[ 1, 256 ]";

fuzz_target!(|file: &[u8]| {
    millstream_fuzz::stream::<Y4mDec>("application/x-yuv4mpeg, y4mversion=2", DOWNSTREAM, file);
});
