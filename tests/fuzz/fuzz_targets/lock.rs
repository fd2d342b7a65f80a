//! Locks: what is read is written as the same lock again, or there is an explained error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_core::lock;
use millstream_fuzz::check_error;

fuzz_target!(|text: &str| match lock::parse(text, "fuzz.lock") {
    Ok(lock) => assert_eq!(lock::parse(&lock.to_string(), "fuzz.lock"), Ok(lock)),
    Err(error) => check_error(&error),
});
