//! What `videonegate` does with frames.

use millstream_sdk::harness::without_views;
use millstream_sdk::prelude::*;
use videonegate::VideoNegate;

#[test]
fn inverts_with_and_without_views() {
    for copies in [false, true] {
        without_views(copies);
        let mut harness = Harness::<VideoNegate>::new("").unwrap();
        harness
            .set_caps(
                "sink",
                "video/x-raw, format=RGB, width=4, height=1, framerate=30/1",
            )
            .unwrap();
        let frame = Buffer::from_bytes(&[0, 1, 2, 100, 127, 128, 200, 253, 254, 255, 7, 8]);
        let kept = frame.share();
        harness.push(frame).unwrap();
        let out = harness.pull().unwrap();
        assert_eq!(
            &*out.map(),
            [255, 254, 253, 155, 128, 127, 55, 2, 1, 0, 248, 247]
        );
        assert_eq!(
            kept.map()[0],
            0,
            "the other branch sees the frame unchanged"
        );
    }
}

#[test]
fn refuses_yuv() {
    let mut harness = Harness::<VideoNegate>::new("").unwrap();
    let caps = "video/x-raw, format=I420, width=4, height=2, framerate=30/1";
    assert!(harness.set_caps("sink", caps).is_err());
}
