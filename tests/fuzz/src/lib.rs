//! What several targets share: laws that hold for every text and every file.
//!
//! ```text
//! bytes ──▶ target ──▶ parser or element ──▶ a value or an explained error
//!                                └─▶ a broken law or a panic: libFuzzer keeps the bytes
//! ```

mod shelf;

use millstream_core::Error;
use millstream_sdk::harness::Harness;
use millstream_sdk::prelude::*;
use millstream_sdk::role::Exported;

pub use shelf::Shelf;

/// Sizes of the buffers that a file is cut into.
const BLOCKS: [usize; 4] = [1, 7, 61, 4_096];

/// What an element made of a stream.
#[derive(Debug, PartialEq)]
struct Made {
    caps: Option<String>,
    /// Time and bytes of each buffer.
    buffers: Vec<(Option<u64>, Vec<u8>)>,
}

/// Sends a file through an element, whole and in pieces: both must give the same.
pub fn stream<T: Exported>(sink_caps: &str, downstream: &str, file: &[u8]) {
    let whole = made::<T>(sink_caps, downstream, file, file.len().max(1));
    // The length chooses, so that a seed is a plain file.
    let block = BLOCKS[file.len() % BLOCKS.len()];
    let cut = made::<T>(sink_caps, downstream, file, block);
    match (whole, cut) {
        (Ok(whole), Ok(cut)) => assert_eq!(whole, cut, "whole against pieces of {block} bytes"),
        (Err(whole), Err(_)) => check_text(&whole.message),
        // As the failure's own hint says.
        (Err(whole), Ok(_)) => assert!(whole.message.contains("in one buffer"), "{whole:?}"),
        (Ok(_), Err(cut)) => panic!("only in pieces of {block} bytes: {cut:?}"),
    }
}

fn made<T: Exported>(
    sink_caps: &str,
    downstream: &str,
    file: &[u8],
    block: usize,
) -> Result<Made, Failure> {
    let mut element = Harness::<T>::new("")?;
    element.set_downstream("src", downstream)?;
    element.set_caps("sink", sink_caps)?;
    let pushed = file
        .chunks(block)
        .try_for_each(|part| element.push(Buffer::from_bytes(part)));
    let ended = pushed.and_then(|()| element.eos());
    // The harness keeps them until somebody asks.
    drop(element.logs());
    ended?;
    let mut buffers = Vec::new();
    while let Ok(buffer) = element.pull() {
        buffers.push((buffer.pts(), buffer.map().to_vec()));
    }
    let caps = element.caps("src").map(ToString::to_string);
    Ok(Made { caps, buffers })
}

/// An error must say something, in every form in which a user can meet it.
pub fn check_error(error: &Error) {
    check_text(&error.to_string());
    check_text(&error.render());
    if let Some(hint) = error.hint() {
        check_text(&hint);
    }
}

fn check_text(text: &str) {
    assert!(!text.trim().is_empty(), "an error without words");
}
