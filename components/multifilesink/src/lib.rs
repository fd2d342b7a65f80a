//! Writes each buffer to a file of its own:
//! `videotestsrc num-buffers=10 ! jpegenc ! multifilesink location=frames/%05d.jpg`.
//!
//! ```text
//!  any caps ──▶ sink [multifilesink] ──▶ frames/00000.jpg, frames/00001.jpg, …
//! ```

mod pattern;

use millstream_sdk::bus::{Value, post};
use millstream_sdk::files;
use millstream_sdk::prelude::*;

use pattern::Pattern;

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
