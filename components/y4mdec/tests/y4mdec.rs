//! Streams from `y4menc` come back bit by bit, however they are cut.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use millstream_sdk::prelude::*;
use proptest::prelude::*;
use y4mdec::Y4mDec;
use y4menc::Y4mEnc;

/// Frames of some caps: padding is zero, as a decoder leaves it in fresh memory.
fn frames(info: &VideoInfo, count: u8) -> Vec<Vec<u8>> {
    let frame = |seed: u8| {
        let mut bytes = vec![0; info.size];
        let mut frame = VideoFrameMut::new(info, &mut bytes).unwrap();
        for (index, plane) in (0..info.planes().len()).zip([3_u8, 5, 7]) {
            for (y, row) in frame.plane_mut(index).rows_mut().enumerate() {
                for (x, byte) in row.iter_mut().enumerate() {
                    *byte = (x as u8).wrapping_mul(plane) ^ (y as u8).wrapping_add(seed);
                }
            }
        }
        bytes
    };
    (0..count).map(frame).collect()
}

fn encode(caps: &str, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut encoder = Harness::<Y4mEnc>::new("").unwrap();
    encoder.set_caps("sink", caps).unwrap();
    let mut stream = Vec::new();
    for frame in frames {
        encoder.push(Buffer::from_bytes(frame)).unwrap();
        stream.extend_from_slice(&encoder.pull().unwrap().map());
    }
    stream
}

fn decoder() -> Harness<Y4mDec> {
    let mut decoder = Harness::new("").unwrap();
    decoder
        .set_caps("sink", "application/x-yuv4mpeg, y4mversion=2")
        .unwrap();
    decoder
}

fn decode(decoder: &mut Harness<Y4mDec>, stream: &[u8], block: usize) -> Result<(), Failure> {
    stream
        .chunks(block)
        .try_for_each(|part| decoder.push(Buffer::from_bytes(part)))?;
    decoder.eos()
}

#[test]
fn round_trips_are_bit_equal() {
    for (format, width, height) in [
        ("I420", 64, 48),
        ("I420", 7, 5),
        ("I420", 1, 1),
        ("GRAY8", 33, 3),
        ("GRAY8", 4, 4),
    ] {
        let caps = format!(
            "video/x-raw, format={format}, width={width}, height={height}, framerate=30000/1001"
        );
        let info = VideoInfo::from_caps(&caps.parse().unwrap()).unwrap();
        let frames = frames(&info, 3);
        let stream = encode(&caps, &frames);
        for block in [1, 7, 4_096, stream.len()] {
            let mut decoder = decoder();
            decode(&mut decoder, &stream, block).unwrap();
            assert!(decoder.logs().is_empty());
            let got = decoder.caps("src").unwrap();
            assert!(got.is_equal(&info.to_caps()), "{got} is not {caps}");
            assert_eq!(decoder.pending(), frames.len());
            for (n, frame) in frames.iter().enumerate() {
                let buffer = decoder.pull().unwrap();
                assert_eq!(buffer.map().to_vec(), *frame, "{caps} {block}");
                assert_eq!(buffer.pts(), Some(info.frame_time(n as u64)));
                assert_eq!(buffer.timing().offset, Some(n as u64));
            }
        }
    }
}

#[test]
fn frame_parameters_are_allowed() {
    let mut decoder = decoder();
    let stream = b"YUV4MPEG2 W1 H1 Cmono\nFRAME Ip XA=1\n\x07FRAME\n\n";
    decode(&mut decoder, stream, 3).unwrap();
    assert_eq!(decoder.pull().unwrap().map()[0], 7);
    assert_eq!(decoder.pull().unwrap().map()[0], b'\n');
}

#[test]
fn a_cut_off_stream_keeps_the_frames_before() {
    let stream = b"YUV4MPEG2 W2 H2 Cmono\nFRAME\nabcdFRAME\nef";
    for (length, frames, warnings) in [
        (stream.len(), 1, 1),
        (stream.len() - 2, 1, 1),
        (stream.len() - 3, 1, 1),
        (32, 1, 0),
    ] {
        let mut decoder = decoder();
        decode(&mut decoder, &stream[..length], 5).unwrap();
        assert_eq!(
            (decoder.pending(), decoder.logs().len()),
            (frames, warnings),
            "{length}"
        );
    }
    assert!(decode(&mut decoder(), b"YUV4MPEG2 W2", 5).is_err());
    assert!(decode(&mut decoder(), b"", 5).is_err());
}

#[test]
fn broken_streams_say_why() {
    let long = [b"YUV4MPEG2 X".as_slice(), &[b'x'; 5_000]].concat();
    let many = [
        b"YUV4MPEG2 W1 H1 Cmono\n".as_slice(),
        &b"FRAME\n0".repeat(1_100),
    ]
    .concat();
    for (stream, expected) in [
        (b"RIFF\n".as_slice(), "does not begin"),
        (b"YUV4MPEG2 W1 H1 Cmono\nFRAMES\n", "frame 0"),
        (b"YUV4MPEG2 W1 H1 Cmono\nFRAME\n0FROME\n", "frame 1"),
        (&long, "4096"),
        (&many, "1000 frames"),
    ] {
        let failure = decode(&mut decoder(), stream, 1 << 20).unwrap_err();
        assert!(failure.message.contains(expected), "{}", failure.message);
    }
    decode(&mut decoder(), &many, 4_096).unwrap();
}

proptest! {
    /// Damaged and cut streams are refused or decoded; nothing panics.
    #[test]
    fn hostile_streams_do_no_harm(
        at in 0_usize..200, byte: u8, cut in 0_usize..200, block in 1_usize..64,
    ) {
        let caps = "video/x-raw, format=I420, width=6, height=4, framerate=5/1";
        let info = VideoInfo::from_caps(&caps.parse().unwrap()).unwrap();
        let mut stream = encode(caps, &frames(&info, 2));
        let at = at % stream.len();
        stream[at] = byte;
        stream.truncate(cut.max(1));
        let mut decoder = decoder();
        if decode(&mut decoder, &stream, block).is_ok() {
            prop_assert!(decoder.pending() <= 100);
        }
    }
}
