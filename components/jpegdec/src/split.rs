//! [`Splitter`]: where pictures begin and end in a stream of bytes.
//!
//! # Source
//! ITU-T T.81 (JPEG), section B.1.1: markers, segments, entropy-coded data.

use core::ops::Range;

use millstream_sdk::{Failure, role};

/// The longest picture in bytes: more than 200 megapixels at a usual quality.
pub(crate) const MAX_PICTURE_BYTES: usize = 64 * 1024 * 1024;

/// The start of a picture.
pub(crate) const START: [u8; 2] = [0xff, 0xd8];

const START_OF_IMAGE: u8 = 0xd8;
const END_OF_IMAGE: u8 = 0xd9;
const START_OF_SCAN: u8 = 0xda;

/// Gathers bytes until there are whole pictures.
#[derive(Debug, Default)]
pub struct Splitter {
    pending: Vec<u8>,
    /// Where the present picture begins in `pending`.
    start: usize,
    /// How far it has been looked at; `start` if it has not been found yet.
    at: usize,
    /// Whether `at` is in entropy-coded data rather than at a marker.
    in_scan: bool,
}

/// Where a step led.
enum Step {
    /// Further into the picture.
    On,
    /// To its end.
    End(usize),
}

impl role::Splitter for Splitter {
    fn push(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.pending.drain(..self.start);
        self.at -= self.start;
        self.start = 0;
        if self.pending.len() > MAX_PICTURE_BYTES {
            *self = Self::default();
            let message = format!("a picture has over {MAX_PICTURE_BYTES} bytes");
            return Err(Failure::bad_data(message));
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    fn next(&mut self) -> Option<Range<usize>> {
        if self.at == self.start {
            self.start = self.find_start();
            self.at = self.start;
            if self.byte(self.start + 1) != Some(START_OF_IMAGE) {
                return None;
            }
            (self.at, self.in_scan) = (self.start + START.len(), false);
        }
        let end = loop {
            match self.step()? {
                Step::On => {}
                Step::End(end) => break end,
            }
        };
        let picture = self.start..end;
        (self.start, self.at) = (end, end);
        Some(picture)
    }

    fn rest(&mut self) -> Option<Range<usize>> {
        let rest = self.start..self.pending.len();
        let begun = self.at > self.start;
        (self.start, self.at) = (self.pending.len(), self.pending.len());
        begun.then_some(rest)
    }

    fn pending(&self) -> &[u8] {
        self.pending.get(self.start..).unwrap_or_default()
    }

    fn bytes(&self, picture: Range<usize>) -> &[u8] {
        self.pending.get(picture).unwrap_or_default()
    }
}

impl Splitter {
    /// Moves over a marker, a segment or a scan. None if more bytes are needed.
    fn step(&mut self) -> Option<Step> {
        if self.in_scan {
            let after = self.pending.get(self.at..)?;
            let Some(skip) = after.iter().position(|byte| *byte == 0xff) else {
                self.at = self.pending.len();
                return None;
            };
            self.at += skip;
            self.in_scan = false;
        }
        if self.byte(self.at)? != 0xff {
            // Damaged: look for the next marker.
            self.in_scan = true;
            return Some(Step::On);
        }
        match self.byte(self.at + 1)? {
            END_OF_IMAGE => return Some(Step::End(self.at + 2)),
            // The next picture, and no end of this one.
            START_OF_IMAGE => return Some(Step::End(self.at)),
            0xff => self.at += 1,
            // A stuffed byte, or a restart marker: the scan goes on.
            0x00 | 0xd0..=0xd7 => (self.at, self.in_scan) = (self.at + 2, true),
            0x01 => self.at += 2,
            marker => {
                let (high, low) = (self.byte(self.at + 2)?, self.byte(self.at + 3)?);
                let length = usize::from(u16::from_be_bytes([high, low])).max(2);
                self.at += 2 + length;
                self.in_scan = marker == START_OF_SCAN;
            }
        }
        Some(Step::On)
    }

    /// Where the start of a picture is, or could be once more bytes come.
    fn find_start(&self) -> usize {
        let after = self.pending.get(self.start..).unwrap_or_default();
        let found = after.windows(START.len()).position(|bytes| bytes == START);
        let last = usize::from(after.last() == Some(&0xff));
        self.start + found.unwrap_or(after.len() - last)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.pending.get(at).copied()
    }
}

#[cfg(test)]
mod tests {
    use millstream_sdk::role::Splitter as _;

    use super::Splitter;

    /// A picture as far as markers go: a segment that holds an end, a scan with a
    /// stuffed byte and a restart marker.
    const PICTURE: &[u8] = &[
        0xff, 0xd8, 0xff, 0xe0, 0, 4, 0xff, 0xd9, 0xff, 0xff, 0xda, 0, 3, 9, 1, 0xff, 0, 2, 0xff,
        0xd1, 3, 0xff, 0xd9,
    ];

    fn split(stream: &[u8], block: usize) -> Vec<Vec<u8>> {
        let mut splitter = Splitter::default();
        let mut pictures = Vec::new();
        for part in stream.chunks(block) {
            splitter.push(part).unwrap();
            while let Some(picture) = splitter.next() {
                pictures.push(splitter.bytes(picture).to_vec());
            }
        }
        pictures.extend(
            splitter
                .rest()
                .map(|picture| splitter.bytes(picture).to_vec()),
        );
        pictures
    }

    #[test]
    fn pictures_are_found_however_they_are_cut() {
        let cut = PICTURE.get(..15).unwrap();
        for (stream, expected) in [
            (PICTURE.to_vec(), vec![PICTURE]),
            ([PICTURE, PICTURE].concat(), vec![PICTURE, PICTURE]),
            (
                [b"junk\xff".as_slice(), PICTURE, b"\0\xff\0", PICTURE].concat(),
                vec![PICTURE; 2],
            ),
            ([cut, PICTURE].concat(), vec![cut, PICTURE]),
            ([PICTURE, cut].concat(), vec![PICTURE, cut]),
            (b"nothing here\xff".to_vec(), vec![]),
            (vec![], vec![]),
        ] {
            for block in 1..=stream.len().max(1) {
                assert_eq!(split(&stream, block), expected, "{block}");
            }
        }
    }
}
