//! Caps, levels, snapshots. What the pictures look like `pngdec` tests.
#![allow(clippy::unwrap_used, reason = "a test")]

use millstream_sdk::prelude::*;
use pngenc::PngEnc;

const CAPS: &str = "video/x-raw, format=RGB, width=64, height=48, framerate=5/1";

fn harness(properties: &str) -> Harness<PngEnc> {
    let mut harness = Harness::<PngEnc>::new(properties).unwrap();
    harness.set_caps("sink", CAPS).unwrap();
    harness
}

fn encode(harness: &mut Harness<PngEnc>) -> Buffer {
    let bytes: Vec<u8> = (0..64 * 48 * 3).map(|n| (n / 96) as u8).collect();
    harness
        .push(Buffer::from_bytes(&bytes).with_pts(9))
        .unwrap();
    harness.pull().unwrap()
}

#[test]
fn a_frame_becomes_a_picture() {
    let mut harness = harness("");
    let expected = "image/png, width=(int)64, height=(int)48, framerate=(fraction)5/1";
    assert_eq!(harness.caps("src").unwrap().to_string(), expected);
    let picture = encode(&mut harness);
    assert!(picture.map().starts_with(b"\x89PNG\r\n\x1a\n"));
    assert_eq!(picture.pts(), Some(9));
    assert!(!harness.is_eos());
}

#[test]
fn levels_save_bytes() {
    let sizes: Vec<usize> = [0, 1, 9]
        .iter()
        .map(|level| encode(&mut harness(&format!("compression-level={level}"))).size())
        .collect();
    assert!(sizes.first() > Some(&(64 * 48 * 3)), "{sizes:?}");
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
}

#[test]
fn a_snapshot_is_one_picture() {
    let mut harness = harness("snapshot=true");
    assert!(encode(&mut harness).size() > 8);
    assert!(harness.is_eos());
}
