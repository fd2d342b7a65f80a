//! Shows video in a window on the screen.
//!
//! ```text
//!  sink (video/x-raw, BGRx) ──▶ display.window
//! ```
//!
//! The user closes the window, or presses ESC, to end the pipeline.
//!
//! `videotestsrc ! videoconvert ! windowsink title="Colour bars"`

use millstream_sdk::display::Window;
use millstream_sdk::prelude::*;

const DEFAULT_TITLE: &str = "Millstream";

properties! {
    /// What the user sets.
    pub struct Settings {
        /// Title of the window.
        title: String = DEFAULT_TITLE.to_owned(),
    }
}

/// What caps fix.
#[derive(Debug)]
struct State {
    info: VideoInfo,
    window: Window,
}

/// The element.
#[derive(Debug)]
pub struct WindowSink {
    settings: Settings,
    state: Option<State>,
}

impl Sink for WindowSink {
    const INFO: Info = Info::new("windowsink", "Sink/Video", "Shows video in a window")
        .needs(&[Capability::Display])
        .sync();
    const CAPS: &'static str = "video/x-raw, format={ BGRx, BGRA }";
    type Settings = Settings;

    fn new(settings: Settings) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            state: None,
        })
    }

    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        let info = VideoInfo::from_caps(caps)?;
        let fits =
            |state: &State| (state.info.width, state.info.height) == (info.width, info.height);
        let window = match self.state.take() {
            Some(state) if fits(&state) => state.window,
            old => {
                // So that there are never two.
                drop(old);
                Window::open(&self.settings.title, info.width as u32, info.height as u32)?
            }
        };
        self.state = Some(State { info, window });
        Ok(())
    }

    fn render(&mut self, _: &Context, frame: Buffer) -> Flow {
        let Some(State { info, window }) = &mut self.state else {
            return Err(Failure::not_negotiated("a frame came before caps"));
        };
        if frame.size() < info.size {
            let (got, expected) = (frame.size(), info.size);
            let message = format!("got a frame of {got} bytes, expected {expected}");
            return Err(Failure::bad_data(message));
        }
        let is_open = window.present(&frame, info.plane(0).stride)?;
        Ok(if is_open {
            Outcome::Nothing
        } else {
            Outcome::Eos
        })
    }

    fn stop(&mut self, _: &Context) -> Result<(), Failure> {
        self.state = None;
        Ok(())
    }
}

element!(WindowSink: Sink);
