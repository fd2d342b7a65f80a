//! Pictures of `pngenc` come back bit by bit, however they are cut; damaged ones
//! are dropped.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;
use pngdec::PngDec;
use pngenc::PngEnc;
use proptest::prelude::*;

fn caps(format: &str, width: usize, height: usize) -> String {
    format!("video/x-raw, format={format}, width={width}, height={height}, framerate=5/1")
}

/// A picture in some format, padding (zero) included, and its PNG.
fn picture(format: &str, width: usize, height: usize) -> (Vec<u8>, Vec<u8>) {
    let info = VideoInfo::from_caps(&caps(format, width, height).parse().unwrap()).unwrap();
    let mut bytes = vec![0; info.size];
    let mut frame = VideoFrameMut::new(&info, &mut bytes).unwrap();
    for (y, row) in frame.plane_mut(0).rows_mut().enumerate() {
        row.iter_mut()
            .enumerate()
            .for_each(|(x, byte)| *byte = (x * 7 + y * 13) as u8);
    }
    let mut encoder = Harness::<PngEnc>::new("").unwrap();
    encoder
        .set_caps("sink", &caps(format, width, height))
        .unwrap();
    encoder.push(Buffer::from_bytes(&bytes)).unwrap();
    let png = encoder.pull().unwrap().map().to_vec();
    (bytes, png)
}

fn decoder(properties: &str) -> Harness<PngDec> {
    let mut decoder = Harness::new(properties).unwrap();
    decoder
        .set_caps("sink", "image/png, framerate=5/1")
        .unwrap();
    decoder
}

fn decode(decoder: &mut Harness<PngDec>, stream: &[u8], block: usize) -> Result<(), Failure> {
    stream
        .chunks(block)
        .try_for_each(|part| decoder.push(Buffer::from_bytes(part)))?;
    decoder.eos()
}

#[test]
fn round_trips_are_bit_equal() {
    for (format, width, height) in [
        ("RGB", 64, 48),
        ("RGB", 33, 17),
        ("RGBA", 5, 3),
        ("GRAY8", 64, 48),
        ("GRAY8", 1, 1),
    ] {
        let (bytes, png) = picture(format, width, height);
        for block in [1, 7, 4_096] {
            let mut decoder = decoder("");
            decode(&mut decoder, &png.repeat(2), block).unwrap();
            let got = decoder.caps("src").unwrap();
            assert!(
                got.is_equal(&caps(format, width, height).parse().unwrap()),
                "{got}"
            );
            assert_eq!((decoder.pending(), decoder.logs().len()), (2, 0));
            for n in 0..2 {
                let frame = decoder.pull().unwrap();
                assert_eq!(frame.map().to_vec(), bytes, "{format} {width}x{height}");
                assert_eq!(frame.pts(), Some(n * 200_000_000));
            }
        }
    }
}

#[test]
fn other_formats_where_only_those_are_taken() {
    for (format, pixel) in [
        ("GRAY8", [0, 0, 0, 7, 7, 7]),
        ("RGBA", [0, 7, 14, 28, 35, 42]),
    ] {
        let (_, png) = picture(format, 3, 1);
        let mut decoder = decoder("");
        decoder
            .set_downstream("src", "video/x-raw, format=RGB")
            .unwrap();
        decode(&mut decoder, &png, 100).unwrap();
        assert_eq!(decoder.pull().unwrap().map()[..6], pixel, "{format}");
    }
}

#[test]
fn unusual_pixels_are_converted() {
    use image::codecs::png::PngEncoder;
    use image::{ExtendedColorType, ImageEncoder};
    let words = |words: &[u16]| words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    for (color, pixel, format, expected) in [
        (
            ExtendedColorType::La8,
            vec![9, 200],
            "RGBA",
            vec![9, 9, 9, 200],
        ),
        (
            ExtendedColorType::L16,
            words(&[0x1234]),
            "GRAY8",
            vec![0x12],
        ),
        (
            ExtendedColorType::La16,
            words(&[0x1234, 0x5678]),
            "RGBA",
            vec![0x12, 0x12, 0x12, 0x56],
        ),
        (
            ExtendedColorType::Rgb16,
            words(&[0x1234, 0x5678, 0x9abc]),
            "RGB",
            vec![0x12, 0x56, 0x9a],
        ),
    ] {
        let mut png = Vec::new();
        PngEncoder::new(&mut png)
            .write_image(&pixel, 1, 1, color)
            .unwrap();
        let mut decoder = decoder("");
        decode(&mut decoder, &png, 100).unwrap();
        let got = decoder
            .caps("src")
            .unwrap()
            .first()
            .unwrap()
            .string("format")
            .unwrap()
            .to_owned();
        let frame = decoder.pull().unwrap();
        assert_eq!(
            (&frame.map()[..expected.len()], &*got),
            (&expected[..], format)
        );
    }
}

#[test]
fn a_buffer_with_a_time_is_a_picture() {
    let (_, png) = picture("RGB", 16, 16);
    let mut decoder = decoder("");
    decoder.push(Buffer::from_bytes(&png).with_pts(77)).unwrap();
    assert_eq!(decoder.pull().unwrap().pts(), Some(77));
}

#[test]
fn damaged_pictures_are_dropped_up_to_a_limit() {
    let (_, good) = picture("RGB", 16, 16);
    let mut bad = good.clone();
    bad[40] ^= 0xff; // in the pixels, which are compressed and summed
    for (properties, stream, frames, works) in [
        (
            "",
            [good.clone(), bad.clone(), good.clone()].concat(),
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
        ("", bad.clone(), 0, false),
        // Cut off: there are no pixels at all.
        ("", good[..40].to_vec(), 0, false),
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
    }
}

#[test]
fn huge_pictures_are_refused_before_they_cost_memory() {
    let (_, png) = picture("RGB", 16, 16);
    for (size, expected) in [(0x7fff_ffff_u32, "imit"), (16_384, "at most")] {
        let mut png = png.clone();
        png[16..20].copy_from_slice(&size.to_be_bytes());
        png[20..24].copy_from_slice(&size.to_be_bytes());
        let sum = crc(&png[12..29]);
        png[29..33].copy_from_slice(&sum.to_be_bytes());
        let failure = decode(&mut decoder("max-errors=0"), &png, 4_096).unwrap_err();
        assert!(failure.message.contains(expected), "{}", failure.message);
    }
}

#[test]
fn a_palette_that_ends_within_a_colour_is_damaged() {
    let indexed = |palette: &[u8]| {
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        let pixels = b"\x78\x01\x01\x02\0\xfd\xff\0\0\0\x02\0\x01";
        let header = b"\0\0\0\x01\0\0\0\x01\x08\x03\0\0\0".as_slice();
        for (kind, data) in [
            (b"IHDR", header),
            (b"PLTE", palette),
            (b"IDAT", pixels),
            (b"IEND", b""),
        ] {
            let chunk = [kind.as_slice(), data].concat();
            png.extend((data.len() as u32).to_be_bytes());
            png.extend(&chunk);
            png.extend(crc(&chunk).to_be_bytes());
        }
        png
    };
    for (palette, expected) in [
        ([1, 2, 3].as_slice(), Ok(())),
        (&[1, 2, 3, 4], Err("a palette of 4 bytes")),
        (&[1, 2, 3, 4, 5], Err("a palette of 5 bytes")),
    ] {
        let done = decode(&mut decoder("max-errors=0"), &indexed(palette), 4_096);
        match (&done, expected) {
            (Ok(()), Ok(())) => {}
            (Err(failure), Err(text)) if failure.message.contains(text) => {}
            _ => panic!("{palette:?}: {done:?}"),
        }
    }
}

/// The checksum of a chunk's type and data.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 {
                (sum >> 1) ^ 0xedb8_8320
            } else {
                sum >> 1
            }
        })
    })
}

proptest! {
    /// Damaged and cut pictures are decoded or dropped; nothing panics.
    #[test]
    fn hostile_pictures_do_no_harm(
        changes in prop::collection::vec((0_usize..2_000, any::<u8>()), 1..4),
        cut in 0_usize..2_000, timed: bool,
    ) {
        let (_, mut png) = picture("RGB", 24, 16);
        for (at, byte) in changes {
            let at = at % png.len();
            png[at] = byte;
        }
        png.truncate(png.len().saturating_sub(cut % 300));
        // A header whose sum is right reaches the pixels.
        if let Some(header) = png.get(12..29) {
            let sum = crc(header).to_be_bytes();
            if let (Some(to), true) = (png.get_mut(29..33), cut % 2 == 0) {
                to.copy_from_slice(&sum);
            }
        }
        let mut decoder = decoder("");
        if timed {
            decoder.push(Buffer::from_bytes(&png).with_pts(0)).ok();
        }
        decode(&mut decoder, &png, 64).ok();
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

fn pulled(decoder: &mut Harness<PngDec>) -> Vec<(Vec<u8>, Timing)> {
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
