//! Writes what it gets to a file: `videotestsrc ! y4menc ! filesink location=out.y4m`.
//!
//! ```text
//!  any caps ──▶ sink [filesink] ──▶ file
//! ```
//!
//! Each buffer is handed to the system when it comes and nothing waits here, so
//! that what was written can be read even if the pipeline is killed.

use millstream_sdk::files::{Output, Written};
use millstream_sdk::prelude::*;
use millstream_sdk::state;

/// Of what is handed over: how far the file is written.
const STATE_VERSION: u32 = 1;

properties! {
    /// What the user sets.
    pub struct Settings {
        /// File to write.
        location: FileToWrite => [required],
        /// Write at the end of a file that is there, instead of emptying it.
        append: bool = false,
    }
}

/// The element.
pub struct FileSink {
    settings: Settings,
    file: Option<Output>,
}

impl Sink for FileSink {
    const INFO: Info = Info::new("filesink", "Sink/File", "Writes what it gets to a file")
        .needs(&[Capability::FilesWrite]);
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            file: None,
        })
    }

    fn start(&mut self, _: &Context) -> Result<(), Failure> {
        let open = if self.settings.append {
            Output::append
        } else {
            Output::open
        };
        self.file = Some(open(&self.settings.location)?);
        Ok(())
    }

    fn render(&mut self, _: &Context, buffer: Buffer) -> Flow {
        let Some(file) = &mut self.file else {
            return Err(Failure::failed(
                "a buffer came to `filesink` after the end of the stream",
            ));
        };
        file.write_all(&buffer.map())?;
        Ok(Outcome::Nothing)
    }

    fn handle_event(&mut self, _: &Context, event: &Event) -> Result<Disposition, Failure> {
        if *event == Event::Eos {
            self.file.take().map_or(Ok(()), Output::finish)?;
        }
        Ok(Disposition::Forward)
    }

    fn stop(&mut self, _: &Context) -> Result<(), Failure> {
        self.file.take().map_or(Ok(()), Output::close)
    }

    fn save(&self) -> Option<Vec<u8>> {
        let written = self.file.as_ref()?.written().ok()?;
        state::to_bytes(STATE_VERSION, &written)
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let written: Written = state::from_bytes(STATE_VERSION, bytes)?;
        let file = self.file.as_mut();
        let file = file.ok_or_else(|| Failure::failed("`filesink` was not started"))?;
        file.go_on(written)
    }
}
element!(FileSink: Sink);
