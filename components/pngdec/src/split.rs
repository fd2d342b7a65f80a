//! [`Splitter`]: where pictures begin and end in a stream of bytes.
//!
//! # Source
//! PNG specification, third edition, section 5: signature and chunks.

use core::iter;
use core::ops::Range;

use millstream_sdk::{Failure, role};

/// The longest picture in bytes.
pub(crate) const MAX_PICTURE_BYTES: usize = 64 * 1024 * 1024;

/// The start of a picture.
pub(crate) const START: [u8; 8] = *b"\x89PNG\r\n\x1a\n";

/// Length and type before a chunk's data.
const CHUNK_HEADER_BYTES: usize = 8;
/// Length, type and checksum around a chunk's data.
const CHUNK_FRAME_BYTES: usize = 12;

/// Types and lengths of a picture's chunks in order, the data of the last of which may
/// be cut off.
pub(crate) fn chunks(picture: &[u8]) -> impl Iterator<Item = ([u8; 4], usize)> {
    let mut rest = picture.get(START.len()..);
    iter::from_fn(move || {
        let (header, _) = rest?.split_first_chunk::<CHUNK_HEADER_BYTES>()?;
        let (kind, length) = read_header(*header);
        rest = rest?.get(length.checked_add(CHUNK_FRAME_BYTES)?..);
        Some((kind, length))
    })
}

/// Type and length.
fn read_header(header: [u8; CHUNK_HEADER_BYTES]) -> ([u8; 4], usize) {
    let [a, b, c, d, kind @ ..] = header;
    (kind, u32::from_be_bytes([a, b, c, d]) as usize)
}

/// Gathers bytes until there are whole pictures.
#[derive(Debug, Default)]
pub struct Splitter {
    pending: Vec<u8>,
    /// Where the present picture begins in `pending`.
    start: usize,
    /// Where its next chunk begins; `start` if it has not been found yet.
    at: usize,
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
            if self.pending.len() < self.start + START.len() {
                return None;
            }
            self.at += START.len();
        }
        let end = loop {
            let header = self
                .pending
                .get(self.at..)?
                .first_chunk::<CHUNK_HEADER_BYTES>()?;
            let (kind, length) = read_header(*header);
            if length > MAX_PICTURE_BYTES {
                // Damaged: whatever follows, this picture cannot be decoded.
                break self.at + CHUNK_HEADER_BYTES;
            }
            let end = self.at + length + CHUNK_FRAME_BYTES;
            if &kind == b"IEND" {
                if self.pending.len() < end {
                    return None;
                }
                break end;
            }
            self.at = end;
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
    /// Where the start of a picture is, or could be once more bytes come.
    fn find_start(&self) -> usize {
        let after = self.pending.get(self.start..).unwrap_or_default();
        let is_start = |at: &usize| {
            let here = after.get(*at..).unwrap_or_default();
            START.starts_with(here.get(..START.len()).unwrap_or(here))
        };
        self.start + (0..after.len()).find(is_start).unwrap_or(after.len())
    }
}

#[cfg(test)]
mod tests {
    use millstream_sdk::role::Splitter as _;

    use super::{START, Splitter};

    fn chunk(kind: &[u8], data: &[u8]) -> Vec<u8> {
        [&(data.len() as u32).to_be_bytes(), kind, data, b"csum"].concat()
    }

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
        let picture = [START.to_vec(), chunk(b"IDAT", b"IEND"), chunk(b"IEND", b"")].concat();
        let cut = picture.get(..20).unwrap().to_vec();
        let huge = [START.as_slice(), &[0xff; 4], b"IDAT"].concat();
        for (stream, expected) in [
            (picture.clone(), vec![picture.clone()]),
            (
                [picture.clone(), picture.clone()].concat(),
                vec![picture.clone(); 2],
            ),
            (
                [b"junk\x89PN".to_vec(), picture.clone(), vec![0x89]].concat(),
                vec![picture.clone()],
            ),
            (
                [picture.clone(), cut.clone()].concat(),
                vec![picture.clone(), cut],
            ),
            (
                [huge.clone(), picture.clone()].concat(),
                vec![huge, picture],
            ),
            (b"nothing here".to_vec(), vec![]),
        ] {
            for block in 1..=stream.len() {
                assert_eq!(split(&stream, block), expected, "{block}");
            }
        }
    }
}
