//! Reads a file: `filesrc location=clip.y4m ! y4mdec ! videoconvert ! windowsink`.
//!
//! ```text
//!  file ──▶ [filesrc] src ──▶ any caps, `blocksize` bytes a buffer
//! ```
//!
//! Buffers have no time, only the offsets of their bytes. What the bytes are
//! downstream says: the pad has the caps of the element that it is linked to.

use millstream_sdk::files::{self, File};
use millstream_sdk::prelude::*;
use millstream_sdk::state;
use serde::{Deserialize, Serialize};

/// Few enough calls that their price does not show, small enough for many to wait
/// in a queue.
const DEFAULT_BLOCKSIZE: u32 = 65_536;
/// The largest buffer that an element may allocate is 256 MiB; a quarter of it.
const MAX_BLOCKSIZE: i64 = 64 * 1024 * 1024;
/// Of [`Saved`].
const STATE_VERSION: u32 = 1;

properties! {
    /// What the user sets.
    pub struct Settings {
        /// File to read.
        location: FileToRead => [required],
        /// Most bytes of a buffer.
        blocksize: u32 = DEFAULT_BLOCKSIZE => [range(1, MAX_BLOCKSIZE), unit("bytes")],
        /// Buffers until the end of the stream; -1 for the whole file.
        num_buffers: i64 = -1 => [range(-1, i64::MAX), unit("buffers")],
    }
}

/// What the next instance needs.
#[derive(Serialize, Deserialize)]
struct Saved {
    /// Where the next buffer begins, in bytes.
    position: u64,
    sent: u64,
}

/// The element.
pub struct FileSrc {
    settings: Settings,
    file: Option<File>,
    /// Bytes of the file when it was opened.
    size: u64,
    sent: u64,
}

impl Source for FileSrc {
    const INFO: Info =
        Info::new("filesrc", "Source/File", "Reads a file").needs(&[Capability::FilesRead]);
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            file: None,
            size: 0,
            sent: 0,
        })
    }

    fn start(&mut self, _: &Context) -> Result<(), Failure> {
        let file = files::open_read(&self.settings.location)?;
        self.size = file.size()?;
        self.file = Some(file);
        self.sent = 0;
        Ok(())
    }

    fn produce(&mut self, ctx: &Context) -> Flow {
        let Some(file) = &mut self.file else {
            return Err(Failure::failed("`filesrc` was not started"));
        };
        if u64::try_from(self.settings.num_buffers).is_ok_and(|most| self.sent >= most) {
            return Ok(Outcome::Eos);
        }
        let offset = file.position();
        let mut buffer = ctx.allocate(self.settings.blocksize as usize);
        let got = file.read(&mut buffer.map_overwrite())?;
        if got == 0 && offset < self.size {
            return Err(Failure::resource(format!(
                "file `{}` became shorter while it was read: it ends after {offset} of {} bytes",
                file.path(),
                self.size
            )));
        }
        if got == 0 {
            return Ok(Outcome::Eos);
        }
        buffer.set_size(got);
        let flags = if self.sent == 0 {
            BufferFlags::DISCONT
        } else {
            BufferFlags::empty()
        };
        let (offset, offset_end) = (Some(offset), Some(offset + got as u64));
        buffer.set_timing(Timing {
            offset,
            offset_end,
            flags,
            ..Timing::default()
        });
        self.sent += 1;
        Ok(buffer.into())
    }

    fn stop(&mut self, _: &Context) -> Result<(), Failure> {
        self.file = None;
        Ok(())
    }

    fn save(&self) -> Option<Vec<u8>> {
        let saved = Saved {
            position: self.file.as_ref()?.position(),
            sent: self.sent,
        };
        state::to_bytes(STATE_VERSION, &saved)
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let Saved { position, sent } = state::from_bytes(STATE_VERSION, bytes)?;
        let sent = state::count("buffers", sent)?;
        let Some(file) = &mut self.file else {
            return Err(Failure::failed("`filesrc` was not started"));
        };
        let size = file.size()?;
        if position > size {
            let path = file.path();
            let message = format!("cannot go on at byte {position}: file `{path}` has {size}");
            return Err(Failure::resource(message).hint("was it cut off meanwhile?"));
        }
        file.seek(position);
        self.sent = sent;
        Ok(())
    }
}
element!(FileSrc: Source);
