//! What is written, and when it can be read.
#![allow(clippy::unwrap_used, reason = "a test")]

use filesink::FileSink;
use millstream_sdk::harness::hostile_states;
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

#[test]
fn another_instance_goes_on_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.bin");
    let read = || std::fs::read(&path).unwrap();
    let push = |harness: &mut Harness<FileSink>, bytes| harness.push(Buffer::from_bytes(bytes));
    std::fs::write(&path, b"old").unwrap();
    let mut first = sink(&path, "");
    first.set_caps("sink", "text/plain").unwrap();
    assert_eq!(
        read(),
        b"old",
        "nothing is lost before there is something new"
    );
    let unbegun = first.save().unwrap();
    push(&mut first, b"ab").unwrap();
    let saved = first.save().unwrap();
    push(&mut first, b"cd").unwrap();
    // A restart: the state is older than the file.
    let mut second = sink(&path, "");
    second.restore(&saved).unwrap();
    push(&mut second, b"ef").unwrap();
    // One that is rolled back has written too; and one that never got to it.
    push(&mut first, b"gh").unwrap();
    let mut refused = sink(&path, "");
    assert!(refused.restore(b"?").is_err());
    refused.stop().unwrap();
    assert_eq!(read(), b"abcdefgh");
    // A state that is older than the first buffer.
    let mut third = sink(&path, "");
    third.restore(&unbegun).unwrap();
    push(&mut third, b"ij").unwrap();
    third.eos().unwrap();
    assert_eq!(read(), b"abcdefghij");
    assert!(third.logs().is_empty());
    std::fs::write(&path, b"a").unwrap();
    sink(&path, "").restore(&saved).unwrap();
    assert!(
        third
            .logs()
            .iter()
            .any(|(_, text)| text.contains("has 1 bytes, 2 were"))
    );
}

#[test]
fn an_old_file_is_emptied_once_it_is_sure() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.bin");
    std::fs::write(&path, b"old").unwrap();
    let mut first = sink(&path, "");
    first.set_caps("sink", "text/plain").unwrap();
    let mut second = sink(&path, "");
    second.restore(&first.save().unwrap()).unwrap();
    second.push(Buffer::from_bytes(b"new")).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    let mut empty = sink(&path, "");
    empty.eos().unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"");
}

#[test]
fn a_broken_state_is_refused_or_harmless() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.bin");
    let mut harness = sink(&path, "");
    harness.push(Buffer::from_bytes(&[7; 300])).unwrap();
    let (refused, states) = hostile_states(&harness.save().unwrap());
    for (n, state) in states.iter().enumerate() {
        let mut harness = sink(&path, "");
        let done = harness.restore(state);
        assert!(done.is_err() || n >= refused, "{state:?}");
        harness.push(Buffer::from_bytes(b"a")).unwrap();
    }
}
