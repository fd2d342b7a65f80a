//! Streams from `y4menc` come back bit by bit, however they are cut.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use millstream_sdk::harness::hostile_states;
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

/// Part of a stream with the offsets of its bytes.
fn part(stream: &[u8], range: core::ops::Range<usize>) -> Buffer {
    let mut buffer = Buffer::from_bytes(&stream[range.clone()]);
    buffer.set_timing(Timing {
        offset: Some(range.start as u64),
        offset_end: Some(range.end as u64),
        ..Timing::default()
    });
    buffer
}

fn pulled(decoder: &mut Harness<Y4mDec>) -> Vec<(Vec<u8>, Option<u64>)> {
    (0..decoder.pending())
        .map(|_| decoder.pull().unwrap())
        .map(|buffer| (buffer.map().to_vec(), buffer.pts()))
        .collect()
}

const SMALL: &str = "video/x-raw, format=GRAY8, width=8, height=3, framerate=25/1";

#[test]
fn another_instance_goes_on_with_the_next_byte() {
    let info = VideoInfo::from_caps(&SMALL.parse().unwrap()).unwrap();
    let stream = encode(SMALL, &frames(&info, 5));
    let mut whole = decoder();
    whole.push(Buffer::from_bytes(&stream)).unwrap();
    let expected = pulled(&mut whole);
    for at in 0..stream.len() {
        let (mut first, mut second) = (decoder(), decoder());
        first.push(part(&stream, 0..at)).unwrap();
        let mut got = pulled(&mut first);
        second.restore(&first.save().unwrap()).unwrap();
        // What came is sent again: the source was restarted too.
        second.push(part(&stream, at / 2..stream.len())).unwrap();
        got.extend(pulled(&mut second));
        assert!(got == expected, "{at}");
    }
}

#[test]
fn after_missing_bytes_whole_frames_come_at_their_times() {
    let info = VideoInfo::from_caps(&SMALL.parse().unwrap()).unwrap();
    let stream = encode(SMALL, &frames(&info, 9));
    let mut whole = decoder();
    whole.push(Buffer::from_bytes(&stream)).unwrap();
    let expected = pulled(&mut whole);
    let header = stream.len() - 9 * 30;
    for at in header..stream.len() {
        let mut first = decoder();
        first.push(part(&stream, 0..at)).unwrap();
        let before = pulled(&mut first).len();
        let saved = first.save().unwrap();
        for missing in 1..stream.len() - at {
            let mut second = decoder();
            second.restore(&saved).unwrap();
            second
                .push(part(&stream, at + missing..stream.len()))
                .unwrap();
            let after = (at + missing - header).div_ceil(30);
            assert!(after >= before);
            assert!(pulled(&mut second) == expected[after..], "{at} {missing}");
            assert_eq!(second.logs().len(), 1);
        }
    }
}

#[test]
fn a_frame_that_is_too_long_to_hand_over_is_lost() {
    let caps = "video/x-raw, format=GRAY8, width=1200, height=1000, framerate=25/1";
    let info = VideoInfo::from_caps(&caps.parse().unwrap()).unwrap();
    let stream = encode(caps, &frames(&info, 3));
    let (mut first, mut second) = (decoder(), decoder());
    let cut = stream.len() - 1_200_006 - 100;
    first.push(part(&stream, 0..cut)).unwrap();
    let saved = first.save().unwrap();
    assert!(saved.len() < 1_000);
    second.restore(&saved).unwrap();
    second.push(part(&stream, cut..stream.len())).unwrap();
    let times: Vec<_> = pulled(&mut second).iter().map(|frame| frame.1).collect();
    assert_eq!(times, [Some(info.frame_time(2))]);
}

#[test]
fn a_broken_state_is_refused_or_harmless() {
    let info = VideoInfo::from_caps(&SMALL.parse().unwrap()).unwrap();
    let stream = encode(SMALL, &frames(&info, 3));
    for cut in [0, 20, stream.len() - 10, stream.len() - 28] {
        let mut first = decoder();
        first.push(part(&stream, 0..cut)).unwrap();
        let (refused, states) = hostile_states(&first.save().unwrap());
        for (n, state) in states.iter().enumerate() {
            let mut decoder = decoder();
            let done = decoder.restore(state);
            assert!(done.is_err() || n >= refused, "{state:?}");
            drop(decoder.push(part(&stream, cut..stream.len())));
            assert!(decoder.pending() <= 3);
            decoder.save().unwrap();
        }
    }
}
