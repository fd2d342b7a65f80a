//! Writes what detectors found as JSON Lines, one line a frame:
//! `… ! objectdetector ! detectionsink location=objects.jsonl`.
//!
//! ```text
//! sink ──▶ detections of one layer ──▶ a line of JSON ──▶ file
//! ```
//!
//! A line is written whole and at once, so that what is in the file can be read
//! at any time, also after the process was killed.

/// Numbers and texts as JSON.
pub mod json;

use millstream_sdk::files::{self, File};
use millstream_sdk::prelude::*;

use json::Line;

properties! {
    /// What the user sets.
    pub struct Settings {
        /// File to write.
        location: FileToWrite => [required],
        /// The layer of detections that is written.
        layer: String = OBJECTS.to_owned(),
        /// Frames without detections get a line too.
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
        })
    }

    fn start(&mut self, _: &Context) -> Result<(), Failure> {
        self.frame = 0;
        self.file = Some(files::create(&self.settings.location)?);
        Ok(())
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        let info = VideoInfo::from_caps(caps)?;
        self.size = Some((info.width, info.height));
        Ok(())
    }

    fn render(&mut self, _: &Context, buffer: Buffer) -> Flow {
        let Some(file) = &mut self.file else {
            return Err(Failure::resource(
                "a frame came after the end of the stream",
            ));
        };
        let size = self
            .size
            .ok_or_else(|| Failure::not_negotiated("a frame came before caps"))?;
        let detections = buffer.detections(&self.settings.layer);
        let frame = self.frame;
        self.frame += 1;
        if self.settings.include_empty || !detections.is_empty() {
            let line = self.line.write(frame, buffer.pts(), size, &detections);
            file.write_all(line)?;
        }
        Ok(Outcome::Nothing)
    }

    fn handle_event(&mut self, _: &Context, event: &Event) -> Result<Disposition, Failure> {
        if *event == Event::Eos {
            self.finish()?;
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
    /// Brings the file to the disk.
    fn finish(&mut self) -> Result<(), Failure> {
        self.file.take().map_or(Ok(()), File::close)
    }
}
