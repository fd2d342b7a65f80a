//! Bytes of the stream.
#![allow(clippy::unwrap_used, reason = "a test")]

use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;
use y4menc::Y4mEnc;

fn caps(more: &str) -> String {
    format!("video/x-raw, {more}")
}

#[test]
fn a_stream_is_a_header_and_frames_without_padding() {
    let mut harness = Harness::<Y4mEnc>::new("").unwrap();
    let video = "format=I420, width=3, height=3, framerate=30000/1001";
    harness.set_caps("sink", &caps(video)).unwrap();
    let src = harness.caps("src").unwrap().to_string();
    assert_eq!(src, "application/x-yuv4mpeg, y4mversion=(int)2");
    // 3 rows of 3 + 1 (the fourth is padding), then 2 rows of 2 + 2 twice.
    let frame: Vec<u8> = (0..32).collect();
    for _ in 0..2 {
        harness
            .push(Buffer::from_bytes(&frame).with_pts(5))
            .unwrap();
    }
    let pixels = [0, 1, 2, 4, 5, 6, 8, 9, 10, 16, 17, 20, 21, 24, 25, 28, 29];
    let header = b"YUV4MPEG2 W3 H3 F30000:1001 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED\n";
    let first = harness.pull().unwrap();
    assert_eq!(
        *first.map(),
        [header.as_slice(), b"FRAME\n", &pixels].concat()
    );
    assert_eq!(first.pts(), Some(5));
    assert_eq!(
        *harness.pull().unwrap().map(),
        [b"FRAME\n".as_slice(), &pixels].concat()
    );
}

#[test]
fn headers_say_what_caps_say() {
    for (video, expected) in [
        (
            "format=GRAY8, width=2, height=1, framerate=0/1",
            "F0:0 Ip A1:1 Cmono XCOLORRANGE=FULL",
        ),
        (
            "format=I420, width=2, height=1, framerate=5/1, pixel-aspect-ratio=4/3, \
             colorimetry=1:4:0:0",
            "F5:1 Ip A4:3 C420jpeg XCOLORRANGE=FULL",
        ),
    ] {
        let mut harness = Harness::<Y4mEnc>::new("").unwrap();
        harness.set_caps("sink", &caps(video)).unwrap();
        harness.push(Buffer::from_bytes(&[0; 64])).unwrap();
        let bytes = harness.pull().unwrap().map().to_vec();
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap();
        assert_eq!(
            String::from_utf8_lossy(line),
            format!("YUV4MPEG2 W2 H1 {expected}")
        );
    }
}

#[test]
fn caps_cannot_change_after_the_header() {
    let mut harness = Harness::<Y4mEnc>::new("").unwrap();
    let video = |width| {
        caps(&format!(
            "format=GRAY8, width={width}, height=1, framerate=5/1"
        ))
    };
    harness.set_caps("sink", &video(4)).unwrap();
    harness.set_caps("sink", &video(8)).unwrap();
    harness.push(Buffer::from_bytes(&[0; 8])).unwrap();
    harness.set_caps("sink", &video(8)).unwrap();
    assert!(
        harness
            .set_caps("sink", &video(4))
            .unwrap_err()
            .message
            .contains("changed")
    );
}

#[test]
fn a_frame_that_is_too_small_is_refused() {
    let mut harness = Harness::<Y4mEnc>::new("").unwrap();
    harness
        .set_caps(
            "sink",
            &caps("format=GRAY8, width=4, height=4, framerate=5/1"),
        )
        .unwrap();
    let failure = harness.push(Buffer::from_bytes(&[0; 15])).unwrap_err();
    assert!(
        failure.message.contains("expected 16"),
        "{}",
        failure.message
    );
}

fn encoder(width: u32) -> Harness<Y4mEnc> {
    let mut harness = Harness::new("").unwrap();
    let video = format!("format=GRAY8, width={width}, height=1, framerate=5/1");
    harness.set_caps("sink", &caps(&video)).unwrap();
    harness
}

fn encode(harness: &mut Harness<Y4mEnc>) -> Vec<u8> {
    harness.push(Buffer::from_bytes(&[7; 8])).unwrap();
    harness.pull().unwrap().map().to_vec()
}

#[test]
fn another_instance_writes_no_second_header() {
    let (mut first, mut second, mut third) = (encoder(4), encoder(4), encoder(4));
    second.restore(&first.save().unwrap()).unwrap();
    let begin = encode(&mut first);
    assert_eq!(encode(&mut second), begin);
    let saved = second.save().unwrap();
    third.restore(&saved).unwrap();
    let frame = encode(&mut third);
    assert_eq!(frame, encode(&mut first));
    assert!(frame.starts_with(b"FRAME\n"));
    assert!(encoder(6).restore(&saved).is_err());
    let (refused, states) = hostile_states(&saved);
    for (n, state) in states.iter().enumerate() {
        let mut harness = encoder(4);
        let done = harness.restore(state);
        assert!(done.is_err() || n >= refused, "{state:?}");
        encode(&mut harness);
    }
}
