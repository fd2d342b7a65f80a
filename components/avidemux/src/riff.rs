//! [`Reader`]: the chunks of a RIFF file, out of parts cut anywhere.
//!
//! Lists that hold something of interest are entered: their header is read over
//! and their chunks come as if they stood alone. So sizes of lists, which files
//! that were cut off or are still being written get wrong, do not matter.
//!
//! # Source
//! "AVI RIFF File Reference" (Microsoft) and "`OpenDML` AVI File Format
//! Extensions" 1.02.

use std::borrow::Cow;

use millstream_sdk::{Failure, state};
use serde::{Deserialize, Serialize};

/// Name of a chunk, or type of a list.
pub(crate) type FourCc = [u8; 4];

/// Name and size before a chunk's data.
const HEADER_BYTES: usize = 8;
/// The same with the type that a list has.
const LIST_HEADER_BYTES: usize = 12;
/// How the data of a picture begins.
const PICTURE: [u8; 2] = [0xff, 0xd8];

/// A chunk's header.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Header {
    /// Its name, or `RIFF` or `LIST`.
    pub(crate) id: FourCc,
    /// The type of a list.
    pub(crate) list: Option<FourCc>,
    /// Bytes of its data; of a list without its type.
    pub(crate) size: u32,
}

/// A chunk that is wanted.
#[derive(Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) header: Header,
    /// Its first bytes. Borrowed data ends where the rest of the input begins.
    pub(crate) data: Cow<'a, [u8]>,
}

/// What to do with a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Nothing: read over it.
    Skip,
    /// Read the chunks in it.
    Enter,
    /// Its first bytes, at most so many.
    Head(u32),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum State {
    Header,
    Data {
        header: Header,
        /// Bytes to hand out.
        wanted: usize,
    },
    Skip(u64),
    /// Bytes are missing: looks for a picture.
    Seek,
}

/// Reads chunks.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reader {
    state: State,
    pending: Vec<u8>,
    /// Bytes that were no header, since the last one.
    garbage: u64,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Header,
            pending: Vec::new(),
            garbage: 0,
        }
    }

    /// The same for another instance, and whether it lacks the picture of which a part
    /// has come: one that is too long to hand over is read over.
    pub(crate) fn save(&self) -> (Self, bool) {
        let mut saved = Self {
            state: self.state,
            pending: Vec::new(),
            garbage: self.garbage,
        };
        let is_long = self.pending.len() > state::MAX_PENDING;
        if !is_long {
            saved.pending.clone_from(&self.pending);
        } else if let State::Data { header, .. } = self.state {
            let rest = padded(header.size).saturating_sub(self.pending.len() as u64);
            saved.state = State::Skip(rest);
        }
        (saved, is_long)
    }

    /// Fails if no reader can be like this that hands out `most` bytes of a chunk.
    pub(crate) fn check(&self, most: u32) -> Result<(), Failure> {
        let pending = self.pending.len();
        let is_sound = match self.state {
            State::Data { header, wanted } => {
                wanted <= header.size.min(most) as usize && pending <= wanted
            }
            State::Header | State::Skip(_) | State::Seek => pending < LIST_HEADER_BYTES,
        };
        if !is_sound {
            return Err(Failure::failed("state of a chunk that cannot be"));
        }
        Ok(())
    }

    /// So many bytes are missing. Goes on with the next picture, if it is not known
    /// where the next chunk begins.
    pub(crate) fn miss(&mut self, bytes: u64) {
        let rest = match self.state {
            State::Header | State::Seek => 0,
            State::Skip(rest) => rest,
            State::Data { header, .. } => {
                padded(header.size).saturating_sub(self.pending.len() as u64)
            }
        };
        self.pending.clear();
        self.state = match rest.checked_sub(bytes) {
            None => State::Seek,
            Some(0) => State::Header,
            Some(rest) => State::Skip(rest),
        };
    }

    /// Takes bytes until it has a chunk that `decide` wants, or none are left.
    pub(crate) fn next<'a, E>(
        &mut self,
        input: &mut &'a [u8],
        mut decide: impl FnMut(&Header) -> Result<Want, E>,
    ) -> Result<Option<Chunk<'a>>, E> {
        while !input.is_empty() || matches!(self.state, State::Data { wanted: 0, .. }) {
            match self.state {
                State::Skip(count) => {
                    let now = (input.len() as u64).min(count);
                    *input = input.get(now as usize..).unwrap_or_default();
                    let left = count - now;
                    self.state = if left == 0 {
                        State::Header
                    } else {
                        State::Skip(left)
                    };
                }
                State::Header => {
                    if let Some(header) = self.header(input) {
                        self.state = State::Header;
                        self.state = after_header(header, decide(&header)?);
                    }
                }
                State::Seek => {
                    if let Some(header) = self.seek(input)
                        && let Want::Head(most) = decide(&header)?
                    {
                        let wanted = header.size.min(most) as usize;
                        self.state = State::Data { header, wanted };
                        self.pending = PICTURE.to_vec();
                    }
                }
                State::Data { header, wanted } => {
                    let Some(data) = self.take(input, wanted) else {
                        break;
                    };
                    self.state = State::Skip(padded(header.size) - wanted as u64);
                    return Ok(Some(Chunk { header, data }));
                }
            }
        }
        Ok(None)
    }

    /// A chunk of which only a part has come, and how many bytes of it.
    pub(crate) fn unfinished(&self) -> Option<(Header, usize)> {
        match self.state {
            State::Data { header, .. } => Some((header, self.pending.len())),
            State::Header | State::Skip(_) | State::Seek => None,
        }
    }

    /// Bytes that were read over because they were no header, since the last call.
    pub(crate) fn take_garbage(&mut self) -> u64 {
        core::mem::take(&mut self.garbage)
    }

    /// The next header, once all of it has come.
    fn header(&mut self, input: &mut &[u8]) -> Option<Header> {
        loop {
            let is_list = self.pending.starts_with(b"RIFF") || self.pending.starts_with(b"LIST");
            let needed = if is_list {
                LIST_HEADER_BYTES
            } else {
                HEADER_BYTES
            };
            let missing = needed.saturating_sub(self.pending.len());
            let (now, rest) = input.split_at(missing.min(input.len()));
            self.pending.extend_from_slice(now);
            *input = rest;
            if now.len() < missing {
                return None;
            }
            match Header::read(&self.pending) {
                Some(header) if header.list.is_some() || !is_list_name(header.id) => {
                    self.pending.clear();
                    return Some(header);
                }
                // It needs the type of the list too.
                Some(_) => {}
                None => {
                    self.pending.remove(0);
                    self.garbage += 1;
                }
            }
        }
    }

    /// The next header in front of what can be a picture, and nothing in between.
    fn seek(&mut self, input: &mut &[u8]) -> Option<Header> {
        while let Some((byte, rest)) = input.split_first() {
            *input = rest;
            self.pending.push(*byte);
            if self.pending.len() > HEADER_BYTES + PICTURE.len() {
                self.pending.remove(0);
                self.garbage += 1;
            }
            let Some((header, data)) = self.pending.split_at_checked(HEADER_BYTES) else {
                continue;
            };
            let header = Header::read(header).filter(|_| data == PICTURE);
            if header.is_some_and(|header| header.size as usize >= PICTURE.len()) {
                return header;
            }
        }
        None
    }

    /// The next bytes, once all of them have come.
    fn take<'a>(&mut self, input: &mut &'a [u8], count: usize) -> Option<Cow<'a, [u8]>> {
        let missing = count.saturating_sub(self.pending.len());
        let (now, rest) = input.split_at(missing.min(input.len()));
        *input = rest;
        if self.pending.is_empty() && now.len() == count {
            return Some(Cow::Borrowed(now));
        }
        self.pending.extend_from_slice(now);
        (now.len() == missing).then(|| Cow::Owned(core::mem::take(&mut self.pending)))
    }
}

impl Header {
    /// None if it cannot be one.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk::<4>()?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        let size = u32::from_le_bytes(*size);
        let list = rest.first_chunk::<4>().copied();
        let is_name = id
            .iter()
            .all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        let size = if list.is_some() {
            size.saturating_sub(4)
        } else {
            size
        };
        is_name.then_some(Self {
            id: *id,
            list,
            size,
        })
    }
}

fn is_list_name(id: FourCc) -> bool {
    matches!(&id, b"RIFF" | b"LIST")
}

fn after_header(header: Header, want: Want) -> State {
    match want {
        Want::Enter => State::Header,
        Want::Skip => State::Skip(padded(header.size)),
        Want::Head(most) => State::Data {
            header,
            wanted: header.size.min(most) as usize,
        },
    }
}

/// Chunks begin at even places.
fn padded(size: u32) -> u64 {
    u64::from(size) + u64::from(size & 1)
}
