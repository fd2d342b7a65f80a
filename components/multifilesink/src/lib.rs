//! Writes each buffer to a file of its own:
//! `videotestsrc num-buffers=10 ! jpegenc ! multifilesink location=frames/%05d.jpg`.
//!
//! ```text
//!  any caps ──▶ sink [multifilesink] ──▶ frames/00000.jpg, frames/00001.jpg, …
//! ```

mod pattern;

use millstream_sdk::bus::{Value, post};
use millstream_sdk::prelude::*;
use millstream_sdk::{files, state};

use pattern::Pattern;

/// How many files are stepped over to find the first that another instance has not
/// written: more than are written in the second that its state can be old.
const MOST_STEPPED_OVER: u64 = 4096;
/// Of the number of the next file.
const STATE_VERSION: u32 = 1;

properties! {
    /// What the user sets.
    pub struct Settings {
        /// Files to write: a path with a place for a number, such as `frames/%05d.jpg`.
        location: FileToWrite => [required],
        /// The first number.
        index: u32 = 0,
        /// Post a message `multifilesink` for each file that was written.
        post_messages: bool = false => [playing],
    }
}

/// The element.
pub struct MultiFileSink {
    pattern: Pattern,
    index: u64,
    post_messages: bool,
}

impl Sink for MultiFileSink {
    const INFO: Info = Info::new(
        "multifilesink",
        "Sink/File",
        "Writes each buffer to a file of its own",
    )
    .needs(&[Capability::FilesWrite]);
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        let Settings {
            location,
            index,
            post_messages,
        } = settings;
        Ok(Self {
            pattern: Pattern::parse(&location)?,
            index: index.into(),
            post_messages,
        })
    }

    fn render(&mut self, _: &Context, buffer: Buffer) -> Flow {
        let path = self.pattern.path(self.index);
        let mut file = files::create(&path)?;
        file.write_all(&buffer.map())?;
        if self.post_messages {
            report(path, self.index, &buffer.timing());
        }
        self.index += 1;
        Ok(Outcome::Nothing)
    }

    fn configure(&mut self, settings: Settings) -> Result<(), Failure> {
        self.post_messages = settings.post_messages;
        Ok(())
    }

    fn save(&self) -> Option<Vec<u8>> {
        state::to_bytes(STATE_VERSION, &self.index)
    }

    fn restore(&mut self, _: &Context, bytes: &[u8]) -> Result<(), Failure> {
        let index = state::count("files", state::from_bytes(STATE_VERSION, bytes)?)?;
        let is_there = |index: &u64| files::open_read(&self.pattern.path(*index)).is_ok();
        let written = if self.pattern.is_numbered() {
            let numbers = index..index + MOST_STEPPED_OVER;
            numbers.take_while(is_there).count() as u64
        } else {
            0
        };
        if written == MOST_STEPPED_OVER {
            log!(
                Level::Warning,
                "{written} files from number {index} on are there already: those after them \
                 are overwritten"
            );
        }
        self.index = index + written;
        Ok(())
    }
}
element!(MultiFileSink: Sink);

/// The message for a file that was written; times in nanoseconds.
fn report(path: String, index: u64, timing: &Timing) {
    let number = |value: u64| Value::Integer(value.cast_signed());
    let mut fields = vec![("filename", Value::Text(path)), ("index", number(index))];
    fields.extend(timing.pts.map(|pts| ("timestamp", number(pts))));
    fields.extend(
        timing
            .duration
            .map(|duration| ("duration", number(duration))),
    );
    fields.extend(timing.offset.map(|offset| ("offset", number(offset))));
    post("multifilesink", &fields);
}
