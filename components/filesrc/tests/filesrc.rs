//! Whole files, in blocks, with offsets.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use filesrc::FileSrc;
use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

fn source(file: &tempfile::NamedTempFile, more: &str) -> Harness<FileSrc> {
    Harness::new(&format!("location=\"{}\" {more}", file.path().display())).unwrap()
}

#[test]
fn a_file_leaves_in_blocks() {
    let bytes: Vec<u8> = (0..=255).cycle().take(150_000).collect();
    for (blocksize, expected) in [(65_536, 3), (150_000, 1), (1 << 20, 1), (149_999, 2)] {
        let file = file(&bytes);
        let mut harness = source(&file, &format!("blocksize={blocksize}"));
        let (mut all, mut count) = (Vec::new(), 0);
        while let Ok(buffer) = harness.pull() {
            let timing = buffer.timing();
            assert_eq!(timing.offset, Some(all.len() as u64));
            all.extend_from_slice(&buffer.map());
            assert_eq!(
                (timing.offset_end, timing.pts),
                (Some(all.len() as u64), None)
            );
            assert_eq!(timing.flags.contains(BufferFlags::DISCONT), count == 0);
            count += 1;
        }
        assert!(harness.is_eos());
        assert_eq!((count, all == bytes), (expected, true));
    }
}

#[test]
fn an_empty_file_ends_at_once() {
    let file = file(b"");
    let mut harness = source(&file, "");
    assert!(harness.pull().is_err());
    assert!(harness.is_eos());
}

#[test]
fn num_buffers_ends_it_early() {
    let file = file(&[7; 100]);
    let mut harness = source(&file, "blocksize=10 num-buffers=2");
    assert_eq!(
        (
            harness.pull().unwrap().size(),
            harness.pull().unwrap().size()
        ),
        (10, 10)
    );
    assert!(harness.pull().is_err());
    assert!(harness.is_eos());
}

#[test]
fn a_missing_file_is_named() {
    let failure = Harness::<FileSrc>::new("location=/nowhere/clip.y4m")
        .unwrap()
        .pull();
    let message = failure.unwrap_err().message;
    assert!(message.contains("/nowhere/clip.y4m"), "{message}");
    assert!(
        Harness::<FileSrc>::new("").is_err(),
        "`location` is required"
    );
}

#[test]
fn another_instance_goes_on_with_the_next_byte() {
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000).collect();
    let file = file(&bytes);
    for (blocks, more) in [(0, ""), (1, ""), (4, ""), (10, ""), (3, " num-buffers=5")] {
        let mut whole = source(&file, &format!("blocksize=100{more}"));
        let mut first = source(&file, &format!("blocksize=100{more}"));
        let mut second = source(&file, &format!("blocksize=100{more}"));
        first.negotiate().unwrap();
        let mut expected = Vec::new();
        for _ in 0..blocks {
            first.pull().unwrap();
            whole.pull().unwrap();
        }
        while let Ok(buffer) = whole.pull() {
            expected.push((buffer.map().to_vec(), buffer.timing()));
        }
        second.restore(&first.save().unwrap()).unwrap();
        let mut got = Vec::new();
        while let Ok(buffer) = second.pull() {
            got.push((buffer.map().to_vec(), buffer.timing()));
        }
        assert_eq!(got, expected, "{blocks}{more}");
    }
}

#[test]
fn a_broken_state_is_refused_or_harmless() {
    let file = file(&[7; 1_000]);
    let mut harness = source(&file, "blocksize=300");
    harness.pull().unwrap();
    let (refused, states) = hostile_states(&harness.save().unwrap());
    for (n, state) in states.iter().enumerate() {
        let mut harness = source(&file, "blocksize=300");
        let done = harness.restore(state);
        assert!(done.is_err() || n >= refused, "{state:?}");
        harness.produce().unwrap();
    }
    std::fs::write(file.path(), b"short").unwrap();
    let failure = source(&file, "").restore(&harness.save().unwrap());
    let message = failure.unwrap_err().message;
    assert!(message.contains("at byte 300: file"), "{message}");
}
