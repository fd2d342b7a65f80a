//! What is written, and when it can be read.
#![allow(clippy::unwrap_used, reason = "a test")]

use filesink::FileSink;
use millstream_sdk::prelude::*;

fn sink(path: &std::path::Path, more: &str) -> Harness<FileSink> {
    Harness::new(&format!("location=\"{}\" {more}", path.display())).unwrap()
}

#[test]
fn each_buffer_can_be_read_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.bin");
    std::fs::write(&path, b"something longer than what comes").unwrap();
    let mut harness = sink(&path, "");
    harness.push(Buffer::from_bytes(b"ab")).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"ab");
    harness.push(Buffer::from_bytes(b"")).unwrap();
    harness.push(Buffer::from_bytes(b"cd")).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"abcd");
    harness.eos().unwrap();
    assert!(harness.push(Buffer::from_bytes(b"late")).is_err());
    harness.stop().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"abcd");
}

#[test]
fn append_keeps_what_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.bin");
    for part in [b"ab", b"cd"] {
        let mut harness = sink(&path, "append=true");
        harness.push(Buffer::from_bytes(part)).unwrap();
        harness.stop().unwrap();
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"abcd");
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("missing/out.bin");
    let failure = sink(&path, "").push(Buffer::from_bytes(b"a")).unwrap_err();
    assert!(
        failure.message.contains("missing/out.bin"),
        "{}",
        failure.message
    );
}
