//! Caps, quality, metas. What the pictures look like `jpegdec` tests.
#![allow(clippy::unwrap_used, reason = "a test")]

use jpegenc::JpegEnc;
use millstream_sdk::prelude::*;

const CAPS: &str = "video/x-raw, format=RGB, width=31, height=17, framerate=5/1";

fn encode(harness: &mut Harness<JpegEnc>) -> Buffer {
    let info = VideoInfo::from_caps(&CAPS.parse().unwrap()).unwrap();
    let bytes: Vec<u8> = (0..info.size).map(|n| (n * n / 7) as u8).collect();
    harness
        .push(Buffer::from_bytes(&bytes).with_pts(9))
        .unwrap();
    harness.pull().unwrap()
}

#[test]
fn a_frame_becomes_a_picture() {
    let mut harness = Harness::<JpegEnc>::new("").unwrap();
    harness.set_caps("sink", CAPS).unwrap();
    let expected = "image/jpeg, width=(int)31, height=(int)17, framerate=(fraction)5/1";
    assert_eq!(harness.caps("src").unwrap().to_string(), expected);
    let picture = encode(&mut harness);
    assert!(picture.map().starts_with(&[0xff, 0xd8]) && picture.map().ends_with(&[0xff, 0xd9]));
    assert_eq!(picture.pts(), Some(9));
}

#[test]
fn quality_costs_bytes() {
    let mut harness = Harness::<JpegEnc>::new("quality=0").unwrap();
    harness.set_caps("sink", CAPS).unwrap();
    let low = encode(&mut harness).size();
    harness.set_property("quality=100").unwrap();
    assert!(encode(&mut harness).size() > 2 * low);
}

#[test]
fn frames_that_do_not_fit_are_refused() {
    let mut harness = Harness::<JpegEnc>::new("").unwrap();
    assert!(harness.push(Buffer::from_bytes(&[0; 9])).is_err());
    harness.set_caps("sink", CAPS).unwrap();
    assert!(harness.push(Buffer::from_bytes(&[0; 9])).is_err());
}
