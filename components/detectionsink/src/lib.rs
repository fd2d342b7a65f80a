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
use millstream_sdk::files::{self, File};
use millstream_sdk::prelude::*;

use json::{Frame, Line};

/// The custom event with which an element tells what runs its model.
const INFERENCE: &str = "inference";

/// Lines on what ran that are remembered, so as not to write them again.
const MAX_HEADERS: usize = 16;

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

/// The element.
pub struct DetectionSink {
    settings: Settings,
    file: Option<File>,
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
        self.file = Some(files::create(&self.settings.location)?);
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
            Event::Eos => self.finish()?,
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
        self.finish()
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
        if self.headers.len() < MAX_HEADERS {
            self.headers.push(line.to_vec());
        }
        Ok(())
    }

    /// Brings the file to the disk.
    fn finish(&mut self) -> Result<(), Failure> {
        self.file.take().map_or(Ok(()), File::close)
    }
}

fn open(file: &mut Option<File>) -> Result<&mut File, Failure> {
    let late = || Failure::resource("a frame came after the end of the stream");
    file.as_mut().ok_or_else(late)
}
