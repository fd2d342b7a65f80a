//! AVI files that are made here, cut anywhere, cut off, and damaged.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]
#![allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "`b\"00dc\"` is a reference"
)]

use avidemux::AviDemux;
use millstream_sdk::harness::hostile_states;
use millstream_sdk::prelude::*;
use proptest::prelude::*;

fn chunk(id: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut chunk = [id.as_slice(), &(data.len() as u32).to_le_bytes(), data].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

fn list(id: &[u8; 4], kind: &[u8; 4], parts: &[Vec<u8>]) -> Vec<u8> {
    chunk(id, &[kind.as_slice(), &parts.concat()].concat())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn stream(kind: &[u8; 4], codec: &[u8; 4], scale: u32, rate: u32) -> Vec<u8> {
    let header = [
        kind,
        codec,
        &words(&[0, 0, 0, scale, rate, 0, 0, 0, 0, 0, 0, 0])[..],
    ]
    .concat();
    let format = [&words(&[40, 320, 240, 0])[..], codec, &words(&[0; 5])].concat();
    list(
        b"LIST",
        b"strl",
        &[chunk(b"strh", &header), chunk(b"strf", &format)],
    )
}

fn headers(codec: &[u8; 4]) -> Vec<u8> {
    let streams = [
        chunk(b"avih", &[0; 56]),
        stream(b"auds", b"\x01\0\0\0", 1, 8_000),
        stream(b"vids", codec, 1_001, 30_000),
        list(b"LIST", b"odml", &[chunk(b"dmlh", &[0; 248])]),
    ];
    list(b"LIST", b"hdrl", &streams)
}

/// Pictures as far as a demuxer looks at them: of odd and even lengths.
fn pictures() -> Vec<Vec<u8>> {
    (1..=5_u8)
        .map(|n| [&[0xff, 0xd8], vec![n; usize::from(n) * 301].as_slice()].concat())
        .collect()
}

/// Two RIFF parts, audio in between, junk, an index, a list `rec `, an empty
/// chunk for a frame that was dropped.
fn avi() -> Vec<u8> {
    let p = pictures();
    let sound = chunk(b"00wb", b"sound");
    let first = [
        chunk(b"01dc", &p[0]),
        sound.clone(),
        list(b"LIST", b"rec ", &[chunk(b"01dc", &p[1]), sound]),
        chunk(b"JUNK", b"01dc\x02\0\0\0\xff\xd8"),
        chunk(b"01db", &p[2]),
        chunk(b"01dc", b""),
        chunk(b"ix01", &[0; 24]),
    ];
    let second = list(
        b"LIST",
        b"movi",
        &[chunk(b"01dc", &p[3]), chunk(b"01dc", &p[4])],
    );
    let parts = [
        headers(b"MJPG"),
        list(b"LIST", b"INFO", &[chunk(b"ISFT", b"01dc")]),
        list(b"LIST", b"movi", &first),
        chunk(b"idx1", &[0; 64]),
    ];
    [
        list(b"RIFF", b"AVI ", &parts),
        list(b"RIFF", b"AVIX", &[second]),
    ]
    .concat()
}

fn demuxer() -> Harness<AviDemux> {
    let mut demuxer = Harness::new("").unwrap();
    demuxer.set_caps("sink", "video/x-msvideo").unwrap();
    demuxer
}

fn demux(demuxer: &mut Harness<AviDemux>, file: &[u8], block: usize) -> Result<(), Failure> {
    file.chunks(block)
        .try_for_each(|part| demuxer.push(Buffer::from_bytes(part)))?;
    demuxer.eos()
}

#[test]
fn pictures_come_out_however_the_file_is_cut() {
    let file = avi();
    for block in [1, 7, 4_096, file.len()] {
        let mut demuxer = demuxer();
        demux(&mut demuxer, &file, block).unwrap();
        let caps = "image/jpeg, width=(int)320, height=(int)240, framerate=(fraction)30000/1001";
        assert_eq!(demuxer.caps("src").unwrap().to_string(), caps);
        for (picture, n) in pictures().iter().zip([0_u64, 1, 2, 4, 5]) {
            let buffer = demuxer.pull().unwrap();
            assert_eq!(buffer.map().to_vec(), *picture, "{block}");
            let timing = buffer.timing();
            assert_eq!(timing.pts, Some(n * 1_001_000_000_000 / 30_000));
            assert_eq!((timing.offset, timing.offset_end), (Some(n), Some(n + 1)));
            assert_eq!(timing.flags.contains(BufferFlags::DISCONT), n == 0);
        }
        assert_eq!(demuxer.pending(), 0);
        assert!(
            demuxer
                .logs()
                .iter()
                .all(|(level, _)| *level == Level::Info)
        );
    }
}

#[test]
fn a_picture_in_one_buffer_is_not_copied() {
    let mut demuxer = demuxer();
    let file = Buffer::from_bytes(&avi());
    let address = |buffer: &Buffer| buffer.map().as_ptr() as usize;
    let range = address(&file)..address(&file) + file.size();
    demuxer.push(file).unwrap();
    assert_eq!(demuxer.pending(), 5);
    assert!(range.contains(&address(&demuxer.pull().unwrap())));
}

#[test]
fn a_cut_off_file_keeps_the_pictures_before() {
    let file = avi();
    let third = file.windows(4).position(|id| id == b"01db").unwrap();
    for (length, frames, warnings) in [
        (file.len() - 3, 4, 1),
        (third + 50, 2, 1),
        (third + 8, 2, 1),
        (third + 3, 2, 0),
    ] {
        let mut demuxer = demuxer();
        demux(&mut demuxer, &file[..length], 64).unwrap();
        let logs = demuxer.logs();
        let got = logs
            .iter()
            .filter(|(level, _)| *level == Level::Warning)
            .count();
        assert_eq!(
            (demuxer.pending(), got),
            (frames, warnings),
            "{length} {logs:?}"
        );
    }
}

#[test]
fn sizes_of_lists_do_not_matter() {
    let mut file = avi();
    for at in [4, file.windows(4).position(|id| id == b"movi").unwrap() - 4] {
        file[at..at + 4].copy_from_slice(&[0xff; 4]);
        let mut demuxer = demuxer();
        demux(&mut demuxer, &file, 100).unwrap();
        assert_eq!(demuxer.pending(), 5);
        file[at..at + 4].fill(0);
    }
}

#[test]
fn garbage_between_chunks_is_read_over() {
    let mut file = avi();
    let third = file.windows(4).position(|id| id == b"01db").unwrap();
    file.splice(third..third, [0, 1, 2, 200, 0]);
    let mut demuxer = demuxer();
    demux(&mut demuxer, &file, 64).unwrap();
    assert_eq!(demuxer.pending(), 5);
    assert!(
        demuxer
            .logs()
            .iter()
            .any(|(_, line)| line.contains("5 bytes before frame 2"))
    );
}

#[test]
fn broken_files_say_why() {
    let riff = |parts: &[Vec<u8>]| list(b"RIFF", b"AVI ", parts);
    let movi = |parts: &[Vec<u8>]| list(b"LIST", b"movi", parts);
    let many = vec![chunk(b"01dc", b"xx"); 1_100];
    for (file, expected) in [
        (
            riff(&[headers(b"H264"), movi(&[chunk(b"01dc", b"x")])]),
            "`H264`",
        ),
        (riff(&[headers(&[0; 4])]), "raw video"),
        (riff(&[stream(b"auds", b"MJPG", 1, 1)]), "no MJPEG video"),
        (list(b"RIFF", b"WAVE", &[]), "begin as an AVI"),
        (b"YUV4MPEG2 W1 H1\nFRAME\n".to_vec(), "begin as an AVI"),
        (riff(&[headers(b"MJPG"), movi(&many)]), "1000 pictures"),
    ] {
        let failure = demux(&mut demuxer(), &file, 1 << 20).unwrap_err();
        assert!(failure.message.contains(expected), "{}", failure.message);
    }
    assert!(demux(&mut demuxer(), b"", 1).is_err());
}

#[test]
fn a_picture_that_is_too_long_is_read_over() {
    let huge = [
        b"01dc".as_slice(),
        &(64 * 1024 * 1024 + 1_u32).to_le_bytes(),
    ]
    .concat();
    let movi = [list(b"LIST", b"movi", &[chunk(b"01dc", b"xx")]), huge].concat();
    let file = list(b"RIFF", b"AVI ", &[headers(b"MJPG"), movi]);
    let mut demuxer = demuxer();
    demux(&mut demuxer, &file, 100).unwrap();
    assert_eq!(demuxer.pending(), 1);
    assert!(
        demuxer
            .logs()
            .iter()
            .any(|(_, line)| line.contains("67108865"))
    );
}

proptest! {
    /// Damaged and cut files are demuxed or refused; nothing panics.
    #[test]
    fn hostile_files_do_no_harm(
        changes in prop::collection::vec((0_usize..8_000, any::<u8>()), 1..8),
        cut in 0_usize..8_000, block in 1_usize..600,
    ) {
        let mut file = avi();
        for (at, byte) in changes {
            // Half of the changes hit the headers.
            let at = if at % 2 == 0 { at % 600 } else { at % file.len() };
            file[at] = byte;
        }
        if cut % 2 == 0 {
            file.truncate(cut);
        }
        let mut demuxer = demuxer();
        demux(&mut demuxer, &file, block).ok();
        prop_assert!(demuxer.pending() < 600);
    }
}

/// Part of a file with the offsets of its bytes.
fn part(file: &[u8], range: core::ops::Range<usize>) -> Buffer {
    let mut buffer = Buffer::from_bytes(&file[range.clone()]);
    buffer.set_timing(Timing {
        offset: Some(range.start as u64),
        offset_end: Some(range.end as u64),
        ..Timing::default()
    });
    buffer
}

fn pulled(demuxer: &mut Harness<AviDemux>) -> Vec<(Vec<u8>, Timing)> {
    (0..demuxer.pending())
        .map(|_| demuxer.pull().unwrap())
        .map(|buffer| (buffer.map().to_vec(), buffer.timing()))
        .collect()
}

#[test]
fn another_instance_goes_on_with_the_next_byte() {
    let file = avi();
    let mut whole = demuxer();
    whole.push(part(&file, 0..file.len())).unwrap();
    let expected = pulled(&mut whole);
    let caps = whole.caps("src").unwrap().to_string();
    for at in (0..file.len()).step_by(3) {
        let (mut first, mut second) = (demuxer(), demuxer());
        first.push(part(&file, 0..at)).unwrap();
        let mut got = pulled(&mut first);
        second.restore(&first.save().unwrap()).unwrap();
        // Some bytes are sent again: the source was restarted too.
        second.push(part(&file, at / 2..file.len())).unwrap();
        got.extend(pulled(&mut second));
        assert!(got == expected, "{at}");
        assert_eq!(second.caps("src").unwrap().to_string(), caps);
    }
}

#[test]
fn after_missing_bytes_the_next_picture_comes() {
    let (file, pictures) = (avi(), pictures());
    let find = |picture: &Vec<u8>| {
        let mut places = file.windows(picture.len());
        places.position(|bytes| bytes == picture).unwrap()
    };
    let begins: Vec<usize> = pictures.iter().map(find).collect();
    for at in (begins[0] + 10..begins[3]).step_by(23) {
        let mut first = demuxer();
        first.push(part(&file, 0..at)).unwrap();
        let saved = first.save().unwrap();
        for to in (at + 1..file.len()).step_by(17) {
            let mut second = demuxer();
            second.restore(&saved).unwrap();
            second.push(part(&file, to..file.len())).unwrap();
            // What looks like one in `JUNK` cannot be told from a picture.
            let got = pulled(&mut second).into_iter().map(|picture| picture.0);
            let got: Vec<_> = got.filter(|bytes| bytes.len() > 2).collect();
            // Eight bytes of header are before a picture.
            let next = begins.iter().filter(|begin| **begin < to + 8).count();
            assert!(
                got == pictures[next..],
                "{at} {to}: {} of {next}",
                got.len()
            );
        }
    }
}

#[test]
fn a_broken_state_is_refused_or_harmless() {
    let file = avi();
    for cut in [5, file.len() / 4, file.len() / 2 + 1] {
        let mut first = demuxer();
        first.push(part(&file, 0..cut)).unwrap();
        let (refused, states) = hostile_states(&first.save().unwrap());
        for (n, state) in states.iter().enumerate() {
            let mut demuxer = demuxer();
            let done = demuxer.restore(state);
            assert!(done.is_err() || n >= refused, "{state:?}");
            drop(demuxer.push(part(&file, cut..file.len())));
            drop(demuxer.eos());
            demuxer.save().unwrap();
        }
    }
}

#[test]
fn a_picture_that_is_too_long_to_hand_over_is_lost() {
    let chunks = [vec![1; 10], vec![2; 1 << 20], vec![3; 10]].map(|data| {
        let data = [[0xff, 0xd8].as_slice(), &data].concat();
        chunk(b"01dc", &data)
    });
    let movie = list(b"LIST", b"movi", &chunks);
    let file = list(b"RIFF", b"AVI ", &[headers(b"MJPG"), movie]);
    let cut = file.len() - 100;
    let (mut first, mut second) = (demuxer(), demuxer());
    first.push(part(&file, 0..cut)).unwrap();
    let saved = first.save().unwrap();
    assert!(saved.len() < 1_000);
    second.restore(&saved).unwrap();
    second.push(part(&file, cut..file.len())).unwrap();
    let got = pulled(&mut second);
    assert_eq!((got.len(), got[0].1.offset), (1, Some(2)));
}
