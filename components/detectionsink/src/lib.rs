//! Writes what detectors found as JSON Lines, one line a frame:
//! `… ! objectdetector ! detectionsink location=objects.jsonl`.
//!
//! ```text
//! sink ──▶ detections of one layer ──▶ a line of JSON ──▶ file
//! ```
//!
//! The first lines say what ran, where elements upstream have told it by the custom
//! event `inference`. A line is written whole and at once, so that what is in the file can be read
//! at any time, also after the process was killed.

/// Numbers and texts as JSON.
pub mod json;

use millstream_sdk::analytics::Analytics;
use millstream_sdk::context::CustomEvent;
use millstream_sdk::files::{Output, Written};
use millstream_sdk::prelude::*;
use millstream_sdk::state;
use serde::{Deserialize, Serialize};

use json::{Frame, Line};

/// The custom event with which an element tells what runs its model.
const INFERENCE: &str = "inference";

/// Lines on what ran that are remembered, so as not to write them again.
const MAX_HEADERS: usize = 16;
/// The longest of them that is remembered: what is handed over stays small.
const MAX_HEADER_BYTES: usize = 4096;
/// Of [`Saved`].
const STATE_VERSION: u32 = 1;

properties! {
    /// What the user sets.
    pub struct Settings {
        /// File to write.
        location: FileToWrite => [required],
        /// The layer of detections that is written.
        layer: String = OBJECTS.to_owned(),
        /// Lines on what ran come first.
        header: bool = true,
        /// Frames without detections and classes get a line too.
        include_empty: bool = true => [playing],
    }
}

/// What the next instance needs.
#[derive(Serialize, Deserialize)]
struct Saved {
    written: Written,
    /// Number of the next frame.
    frame: u64,
    headers: Vec<Vec<u8>>,
}

/// The element.
pub struct DetectionSink {
    settings: Settings,
    file: Option<Output>,
    size: Option<(usize, usize)>,
    frame: u64,
    line: Line,
    headers: Vec<Vec<u8>>,
    /// It was said that a meta cannot be read.
    complained: bool,
}

impl Sink for DetectionSink {
    const INFO: Info = Info::new(
        "detectionsink",
        "Sink/File/Metadata",
        "Writes detections as JSON Lines, one line a frame",
    )
    .needs(&[Capability::FilesWrite]);
    const CAPS: &'static str = "video/x-raw";
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            file: None,
            size: None,
            frame: 0,
            line: Line::default(),
            headers: Vec::new(),
            complained: false,
        })
    }

    fn start(&mut self, _: &Context) -> Result<(), Failure> {
        self.frame = 0;
        self.headers.clear();
        self.file = Some(Output::open(&self.settings.location)?);
        Ok(())
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        let info = VideoInfo::from_caps(caps)?;
        self.size = Some((info.width, info.height));
        Ok(())
    }

    fn render(&mut self, _: &Context, buffer: Buffer) -> Flow {
        let size = self
            .size
            .ok_or_else(|| Failure::not_negotiated("a frame came before caps"))?;
        let detections = buffer.detections(&self.settings.layer);
        let classifications = buffer.classifications();
        let number = self.frame;
        self.frame += 1;
        let empty = detections.is_empty() && classifications.is_empty();
        if empty && !self.settings.include_empty {
            return Ok(Outcome::Nothing);
        }
        let analytics = self.analytics(&buffer);
        let line = self.line.write(&Frame {
            number,
            pts: buffer.pts(),
            size,
            detections: &detections,
            classifications: &classifications,
            analytics: analytics.as_deref(),
        });
        open(&mut self.file)?.write_all(line)?;
        Ok(Outcome::Nothing)
    }

    fn handle_event(&mut self, _: &Context, event: &Event) -> Result<Disposition, Failure> {
        match event {
            Event::Eos => self.file.take().map_or(Ok(()), Output::finish)?,
            Event::Custom(event) if event.name == INFERENCE => self.header(event)?,
            _ => {}
        }
        Ok(Disposition::Forward)
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        self.settings = settings;
        Ok(())
    }

    fn stop(&mut self, _: &Context) -> Result<(), Failure> {
        self.file.take().map_or(Ok(()), Output::close)
    }

    fn save(&self) -> Option<Vec<u8>> {
        let saved = Saved {
            written: self.file.as_ref()?.written().ok()?,
            frame: self.frame,
            headers: self.headers.clone(),
        };
        state::to_bytes(STATE_VERSION, &saved)
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let Saved {
            written,
            frame,
            headers,
        } = state::from_bytes(STATE_VERSION, bytes)?;
        let frame = state::count("frames", frame)?;
        let is_long = |line: &Vec<u8>| line.len() > MAX_HEADER_BYTES;
        if headers.len() > MAX_HEADERS || headers.iter().any(is_long) {
            let message = format!("state of over {MAX_HEADERS} lines of {MAX_HEADER_BYTES} bytes");
            return Err(Failure::failed(message));
        }
        self.go_on(written)?;
        (self.frame, self.headers) = (frame, headers);
        Ok(())
    }
}
element!(DetectionSink: Sink);

impl DetectionSink {
    /// The counts that a buffer carries: read and written anew, since any element can
    /// have attached them, and what it attached need not be one line of JSON.
    fn analytics(&mut self, buffer: &Buffer) -> Option<String> {
        let read = Analytics::of(buffer)?;
        let text = read.and_then(|counted| {
            serde_json::to_string(&counted).map_err(|error| Failure::bad_data(error.to_string()))
        });
        match text {
            Ok(text) => Some(text),
            Err(failure) => {
                // Once: each frame that follows may have the same fault.
                if !self.complained {
                    log!(
                        Level::Warning,
                        "counts are not written: {}",
                        failure.message
                    );
                }
                self.complained = true;
                None
            }
        }
    }

    /// Writes what runs a model, unless that was written before.
    fn header(&mut self, event: &CustomEvent) -> Result<(), Failure> {
        let line = self.line.inference(&event.fields);
        if !self.settings.header || self.headers.iter().any(|old| old == line) {
            return Ok(());
        }
        open(&mut self.file)?.write_all(line)?;
        if self.headers.len() < MAX_HEADERS && line.len() <= MAX_HEADER_BYTES {
            self.headers.push(line.to_vec());
        }
        Ok(())
    }

    /// Goes on with a file that another instance wrote; a line that was cut off there,
    /// as where the disk was full, stays a line of its own.
    fn go_on(&mut self, written: Written) -> Result<(), Failure> {
        let file = open(&mut self.file)?;
        file.go_on(written)?;
        if written.begun && file.last()?.is_some_and(|last| last != b'\n') {
            let path: &str = &self.settings.location;
            log!(Level::Warning, "the last line of file `{path}` is cut off");
            file.write_all(b"\n")?;
        }
        Ok(())
    }
}

fn open(file: &mut Option<Output>) -> Result<&mut Output, Failure> {
    let late = || Failure::resource("a frame came after the end of the stream");
    file.as_mut().ok_or_else(late)
}
