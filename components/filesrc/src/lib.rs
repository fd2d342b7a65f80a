//! Reads a file: `filesrc location=clip.y4m ! y4mdec ! windowsink`.
//!
//! ```text
//!  file ──▶ [filesrc] src ──▶ any caps, `blocksize` bytes a buffer
//! ```
//!
//! Buffers have no time, only the offsets of their bytes. What the bytes are
//! downstream says: the pad has the caps of the element that it is linked to.

use millstream_sdk::files::{self, File};
use millstream_sdk::prelude::*;

/// Few enough calls that their price does not show, small enough for many to wait
/// in a queue.
const DEFAULT_BLOCKSIZE: u32 = 65_536;
/// The largest buffer that an element may allocate is 256 MiB; a quarter of it.
const MAX_BLOCKSIZE: i64 = 64 * 1024 * 1024;

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

/// The element.
pub struct FileSrc {
    settings: Settings,
    file: Option<File>,
    /// Bytes of the file when it was opened.
    size: u64,
    sent: i64,
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
        if self.sent == self.settings.num_buffers {
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
}
element!(FileSrc: Source);
