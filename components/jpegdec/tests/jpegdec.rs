//! Pictures of `jpegenc` come back nearly the same, however they are cut; damaged
//! ones are dropped.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use jpegdec::JpegDec;
use jpegenc::JpegEnc;
use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;
use proptest::prelude::*;

fn caps(format: &str, width: usize, height: usize) -> String {
    format!("video/x-raw, format={format}, width={width}, height={height}, framerate=5/1")
}

/// A smooth picture in some format, padding included, and its JPEG.
fn picture(format: &str, width: usize, height: usize) -> (Vec<u8>, Vec<u8>) {
    let info = VideoInfo::from_caps(&caps(format, width, height).parse().unwrap()).unwrap();
    let mut bytes = vec![0; info.size];
    let mut frame = VideoFrameMut::new(&info, &mut bytes).unwrap();
    let channels = info.plane(0).row_bytes / width;
    for (y, row) in frame.plane_mut(0).rows_mut().enumerate() {
        for (x, byte) in row.iter_mut().enumerate() {
            *byte = match x % channels {
                0 => x / channels * 255 / width,
                1 => y * 255 / height,
                _ => 128,
            } as u8;
        }
    }
    let mut encoder = Harness::<JpegEnc>::new("").unwrap();
    encoder
        .set_caps("sink", &caps(format, width, height))
        .unwrap();
    encoder.push(Buffer::from_bytes(&bytes)).unwrap();
    let jpeg = encoder.pull().unwrap().map().to_vec();
    (bytes, jpeg)
}

/// A decoder in front of what takes no planes of luma and chroma.
fn decoder(properties: &str) -> Harness<JpegDec> {
    let mut decoder = Harness::new(properties).unwrap();
    decoder
        .set_caps("sink", "image/jpeg, framerate=5/1")
        .unwrap();
    decoder
        .set_downstream("src", "video/x-raw, format={ GRAY8, RGB }")
        .unwrap();
    decoder
}

fn decode(decoder: &mut Harness<JpegDec>, stream: &[u8], block: usize) -> Result<(), Failure> {
    stream
        .chunks(block)
        .try_for_each(|part| decoder.push(Buffer::from_bytes(part)))?;
    decoder.eos()
}

/// Peak signal-to-noise ratio in dB, without what lies between rows.
fn psnr(a: &[u8], b: &[u8], info: &VideoInfo) -> f64 {
    let [a, b] = [a, b].map(|bytes| VideoFrame::new(info, bytes).unwrap().plane(0));
    let squares = a.rows().flatten().zip(b.rows().flatten());
    let squares = squares.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    let plane = info.plane(0);
    let mean = squares.sum::<f64>() / (plane.row_bytes * plane.height) as f64;
    10.0 * (255.0 * 255.0 / mean.max(1e-9)).log10()
}

#[test]
fn round_trips_look_the_same() {
    for (format, width, height) in [
        ("RGB", 64, 48),
        ("RGB", 33, 17),
        ("RGB", 1, 1),
        ("GRAY8", 64, 48),
        ("GRAY8", 13, 7),
    ] {
        let (bytes, jpeg) = picture(format, width, height);
        for block in [1, 7, 4_096] {
            let mut decoder = decoder("");
            decode(&mut decoder, &jpeg.repeat(2), block).unwrap();
            let got = decoder.caps("src").unwrap();
            assert!(
                got.is_equal(&caps(format, width, height).parse().unwrap()),
                "{got}"
            );
            assert_eq!((decoder.pending(), decoder.logs().len()), (2, 0));
            for n in 0..2 {
                let frame = decoder.pull().unwrap();
                let info = VideoInfo::from_caps(decoder.caps("src").unwrap()).unwrap();
                assert!(
                    psnr(&frame.map(), &bytes, &info) > 30.0,
                    "{format} {width}x{height}"
                );
                assert_eq!(frame.pts(), Some(n * 200_000_000));
                assert_eq!(frame.timing().duration, Some(200_000_000));
            }
        }
    }
}

#[test]
fn a_buffer_with_a_time_is_a_picture() {
    let (_, jpeg) = picture("RGB", 16, 16);
    let mut decoder = decoder("");
    let mut buffer = Buffer::from_bytes(&jpeg).with_pts(77);
    buffer.set_meta("note", Some(b"kept"));
    decoder.push(buffer).unwrap();
    let frame = decoder.pull().unwrap();
    assert_eq!(
        (frame.pts(), frame.meta("note")),
        (Some(77), Some(b"kept".to_vec()))
    );
}

#[test]
fn gray_pictures_become_rgb_where_only_that_is_taken() {
    let (_, jpeg) = picture("GRAY8", 13, 7);
    let mut decoder = decoder("");
    decoder
        .set_downstream("src", "video/x-raw, format=RGB")
        .unwrap();
    decode(&mut decoder, &jpeg, 100).unwrap();
    let frame = decoder.pull().unwrap();
    assert_eq!(frame.size(), 40 * 7);
    assert!(
        frame.map()[..39]
            .chunks(3)
            .all(|rgb| rgb[0] == rgb[1] && rgb[1] == rgb[2])
    );
}

#[test]
fn sizes_may_change() {
    let stream = [picture("RGB", 16, 16).1, picture("GRAY8", 8, 8).1].concat();
    let mut decoder = decoder("");
    decode(&mut decoder, &stream, 50).unwrap();
    assert_eq!(
        (
            decoder.pull().unwrap().size(),
            decoder.pull().unwrap().size()
        ),
        (768, 64)
    );
}

#[test]
fn damaged_pictures_are_dropped_up_to_a_limit() {
    let (_, good) = picture("RGB", 16, 16);
    let bad = b"\xff\xd8\xff\xd9".to_vec();
    for (properties, stream, frames, works) in [
        (
            "",
            [good.clone(), bad.clone(), good.clone()].concat(),
            2,
            true,
        ),
        (
            "",
            [good.clone(), bad.repeat(10), good.clone(), bad.repeat(10)].concat(),
            2,
            true,
        ),
        ("", [good.clone(), bad.repeat(11)].concat(), 1, false),
        (
            "max-errors=0",
            [good.clone(), bad.clone()].concat(),
            1,
            false,
        ),
        (
            "max-errors=-1",
            [good.clone(), bad.repeat(99)].concat(),
            1,
            true,
        ),
        // Nothing at all could be decoded.
        ("", bad.clone(), 0, false),
        ("", b"no picture".to_vec(), 0, false),
    ] {
        let mut decoder = decoder(properties);
        let done = decode(&mut decoder, &stream, 1);
        let reason = done.as_ref().map_err(|failure| failure.message.clone());
        assert_eq!(
            (decoder.pending(), done.is_ok()),
            (frames, works),
            "{reason:?}"
        );
        assert!(
            reason.is_ok()
                || reason.is_err_and(
                    |text| text.contains("cannot decode") || text.contains("no picture came")
                )
        );
    }
}

#[test]
fn a_cut_off_picture_is_marked() {
    let (_, jpeg) = picture("RGB", 64, 64);
    let mut decoder = decoder("");
    let stream = [&jpeg, &jpeg[..jpeg.len() - 2]].concat();
    decode(&mut decoder, &stream, 4_096).unwrap();
    assert!(
        !decoder
            .pull()
            .unwrap()
            .timing()
            .flags
            .contains(BufferFlags::CORRUPTED)
    );
    assert!(
        decoder
            .pull()
            .unwrap()
            .timing()
            .flags
            .contains(BufferFlags::CORRUPTED)
    );
    assert_eq!(decoder.logs().len(), 1);
}

#[test]
fn huge_pictures_are_refused_before_they_cost_memory() {
    let (_, mut jpeg) = picture("RGB", 16, 16);
    let frame = jpeg
        .windows(2)
        .position(|bytes| bytes == [0xff, 0xc0])
        .unwrap();
    for (size, expected) in [
        ([0xff; 4], "65535x65535"),
        ([0x3f, 0xff, 0x3f, 0xff], "at most"),
    ] {
        jpeg[frame + 5..frame + 9].copy_from_slice(&size);
        let failure = decode(&mut decoder("max-errors=0"), &jpeg, 4_096).unwrap_err();
        assert!(failure.message.contains(expected), "{}", failure.message);
    }
}

proptest! {
    /// Damaged and cut pictures are decoded or dropped; nothing panics.
    #[test]
    fn hostile_pictures_do_no_harm(
        changes in prop::collection::vec((0_usize..2_000, any::<u8>()), 1..6),
        cut in 0_usize..2_000, timed: bool,
    ) {
        let (_, mut jpeg) = picture("RGB", 24, 16);
        let frame = jpeg.windows(2).position(|bytes| bytes == [0xff, 0xc0]).unwrap();
        for (at, byte) in changes {
            let at = at % jpeg.len();
            // Sizes stay small, so that the test stays fast.
            if at != frame + 5 && at != frame + 7 {
                jpeg[at] = byte;
            }
        }
        jpeg.truncate(jpeg.len().saturating_sub(cut % 300));
        let mut decoder = decoder("");
        if timed {
            decoder.push(Buffer::from_bytes(&jpeg).with_pts(0)).ok();
        }
        decode(&mut decoder, &jpeg, 64).ok();
        prop_assert!(decoder.pending() < 10);
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

fn pulled(decoder: &mut Harness<JpegDec>) -> Vec<(Vec<u8>, Timing)> {
    (0..decoder.pending())
        .map(|_| decoder.pull().unwrap())
        .map(|buffer| (buffer.map().to_vec(), buffer.timing()))
        .collect()
}

#[test]
fn another_instance_goes_on_with_the_next_byte() {
    let (_, one) = picture("GRAY8", 9, 7);
    let stream = one.repeat(3);
    let mut whole = decoder("");
    whole.push(part(&stream, 0..stream.len())).unwrap();
    let expected = pulled(&mut whole);
    assert_eq!(expected.len(), 3);
    for at in 0..stream.len() {
        let (mut first, mut second) = (decoder(""), decoder(""));
        first.push(part(&stream, 0..at)).unwrap();
        let mut got = pulled(&mut first);
        second.restore(&first.save().unwrap()).unwrap();
        // Some bytes are sent again: the source was restarted too.
        second.push(part(&stream, at / 2..stream.len())).unwrap();
        got.extend(pulled(&mut second));
        assert!(got == expected, "{at}");
    }
}

#[test]
fn after_missing_bytes_the_next_picture_comes() {
    let (_, one) = picture("GRAY8", 9, 7);
    let stream = one.repeat(4);
    let (mut first, mut second) = (decoder(""), decoder(""));
    first.push(part(&stream, 0..one.len() * 3 / 2)).unwrap();
    second.restore(&first.save().unwrap()).unwrap();
    second
        .push(part(&stream, one.len() * 5 / 2..stream.len()))
        .unwrap();
    let got = pulled(&mut second);
    assert!(got.len() == 1 && got[0].0 == first.pull().unwrap().map().to_vec());
    assert_eq!(got[0].1.offset, Some(1));
    let logs = second.logs();
    assert!(
        logs.len() == 1 && logs[0].1.contains("bytes are missing after 1"),
        "{logs:?}"
    );
}

#[test]
fn a_broken_state_is_refused_or_harmless() {
    let (_, one) = picture("GRAY8", 2, 2);
    let stream = one.repeat(2);
    let mut first = decoder("");
    first.push(part(&stream, 0..one.len() + 40)).unwrap();
    let saved = first.save().unwrap();
    let (refused, states) = hostile_states(&saved);
    for (n, state) in states.iter().enumerate() {
        let mut decoder = decoder("");
        let done = decoder.restore(state);
        assert!(done.is_err() || n >= refused, "{state:?}");
        drop(decoder.push(part(&stream, one.len() + 40..stream.len())));
        drop(decoder.eos());
    }
    // What is too long is left out.
    let long = [one, stream[..12].to_vec(), vec![0; 1 << 20]].concat();
    first = decoder("");
    first.push(Buffer::from_bytes(&long)).unwrap();
    assert!(first.save().unwrap().len() < 100);
}
