//! Windows on this machine's screen, through minifb on X11.
//!
//! minifb's window cannot leave its thread, so that each window has one. The
//! element leaves its newest frame in a slot and goes on; a frame that was not
//! shown before the next came is never shown.
//!
//! ```text
//!  present ──▶ Slot (1 frame, the newest wins) ──▶ thread `window`: convert, show
//!          ◀── open? ◀──────────────────────────── ESC, close button, no display
//! ```

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel::Sender;
use minifb::{InputCallback, Key, ScaleMode, WindowOptions};

use super::cameras::worker::{join, on_thread};
use super::{DeviceError, Screen, ScreenWindow};
use crate::buffer::Buffer;

/// How often a window looks for keys while no frame comes.
const TICK: Duration = Duration::from_millis(20);
/// How often it shows the last frame again, for what other windows have covered.
const REPAINT: Duration = Duration::from_millis(250);
/// X11 ends the program when asked for windows of 32,768 pixels or more.
const MAX_DIMENSION: u32 = 16_384;
/// A window for larger frames begins smaller, so that it fits on a usual screen.
const MAX_WINDOW: (u32, u32) = (1600, 900);

/// The system's own screen.
pub(super) struct SystemScreen;

impl Screen for SystemScreen {
    fn open(
        &self,
        title: &str,
        width: u32,
        height: u32,
    ) -> Result<Box<dyn ScreenWindow>, DeviceError> {
        let fits = |value| (1..=MAX_DIMENSION).contains(&value);
        if !fits(width) || !fits(height) {
            let message =
                format!("got a window of {width}x{height}, expected 1 to {MAX_DIMENSION}");
            return Err(DeviceError {
                message,
                hint: None,
            });
        }
        if std::env::var_os("DISPLAY").is_none_or(|display| display.is_empty()) {
            let message = "no screen: the environment variable `DISPLAY` is not set".to_owned();
            return Err(DeviceError {
                message,
                hint: Some(WITHOUT_SCREEN.to_owned()),
            });
        }
        let slot = Arc::new(Slot::default());
        let theirs = Arc::clone(&slot);
        // A title with a zero byte is one that X11 cannot take.
        let title = title.replace('\0', "");
        let picture = Picture {
            width: width as usize,
            height: height as usize,
            pixels: vec![],
        };
        let ((), thread) = on_thread("window", move |answer| {
            show(&title, picture, &theirs, answer);
        })?;
        Ok(Box::new(SystemWindow {
            slot,
            thread: Some(thread),
        }))
    }
}

const WITHOUT_SCREEN: &str = "start it with `xvfb-run -a millstream run …`, \
    or put `y4menc ! filesink location=out.y4m` in place of `windowsink`";

/// The element's end of a window.
struct SystemWindow {
    slot: Arc<Slot>,
    thread: Option<JoinHandle<()>>,
}

impl ScreenWindow for SystemWindow {
    fn present(&mut self, frame: Buffer, stride: u32) -> Result<bool, DeviceError> {
        let mut state = self.slot.state();
        if state.closed {
            return Ok(false);
        }
        // What was there before goes back to its pool after the lock.
        let missed = state.next.replace((frame, stride));
        drop(state);
        drop(missed);
        self.slot.changed.notify_one();
        Ok(true)
    }
}

impl Drop for SystemWindow {
    fn drop(&mut self) {
        self.slot.close();
        self.thread.take().into_iter().for_each(join);
    }
}

/// What element and window tell each other.
#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    next: Option<(Buffer, u32)>,
    /// By the user, or because the element wants no window any more.
    closed: bool,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let missed = state.next.take();
        drop(state);
        drop(missed);
        self.changed.notify_one();
    }

    /// The next frame if one comes within a tick; `Err` once closed.
    fn next(&self) -> Result<Option<(Buffer, u32)>, ()> {
        let quiet = |state: &mut State| !state.closed && state.next.is_none();
        let waited = self.changed.wait_timeout_while(self.state(), TICK, quiet);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            Err(())
        } else {
            Ok(state.next.take())
        }
    }
}

/// Tells the element that its window is gone, whatever ended the thread.
struct Closing<'a>(&'a Slot);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A window's thread.
fn show(title: &str, mut picture: Picture, slot: &Slot, answer: &Sender<Result<(), DeviceError>>) {
    let _closing = Closing(slot);
    let escaped = Rc::new(Cell::new(false));
    let mut window = match open(title, &picture, Escape(Rc::clone(&escaped))) {
        Ok(window) => window,
        Err(error) => return drop(answer.send(Err(explain(&error)))),
    };
    if answer.send(Ok(())).is_err() {
        return;
    }
    let (mut shown, mut size) = (Instant::now(), window.get_size());
    while window.is_open() && !escaped.get() {
        let Ok(next) = slot.next() else { return };
        let is_new = next.is_some();
        if let Some((frame, stride)) = next {
            picture.load(frame.bytes(), stride as usize);
        }
        let is_stale = size != window.get_size() || shown.elapsed() > REPAINT;
        if picture.is_empty() || !(is_new || is_stale) {
            window.update();
            continue;
        }
        (shown, size) = (Instant::now(), window.get_size());
        if picture.show(&mut window).is_err() {
            return;
        }
    }
}

fn open(title: &str, picture: &Picture, escape: Escape) -> minifb::Result<minifb::Window> {
    let (width, height) = window_size(picture.width, picture.height);
    let scale_mode = ScaleMode::AspectRatioStretch;
    let options = WindowOptions {
        resize: true,
        scale_mode,
        ..WindowOptions::default()
    };
    let mut window = minifb::Window::new(title, width, height, options)?;
    // A key that is pressed and let go between two looks would be missed else.
    window.set_input_callback(Box::new(escape));
    Ok(window)
}

/// The frame's size, or as much of it as fits on a screen, in its proportions.
fn window_size(width: usize, height: usize) -> (usize, usize) {
    let (most_width, most_height) = (MAX_WINDOW.0 as usize, MAX_WINDOW.1 as usize);
    if width <= most_width && height <= most_height {
        return (width, height);
    }
    if width * most_height > height * most_width {
        (most_width, (height * most_width / width).max(1))
    } else {
        ((width * most_height / height).max(1), most_height)
    }
}

/// Remembers that ESC was pressed.
struct Escape(Rc<Cell<bool>>);

impl InputCallback for Escape {
    fn add_char(&mut self, _: u32) {}

    fn set_key_state(&mut self, key: Key, _: bool) {
        if key == Key::Escape {
            self.0.set(true);
        }
    }
}

/// The frame being shown, as minifb wants it: 0x00RRGGBB, rows without padding.
struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u32>,
}

impl Picture {
    fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    fn load(&mut self, bytes: &[u8], stride: usize) {
        self.pixels.clear();
        for row in bytes.chunks(stride.max(1)).take(self.height) {
            let (pixels, _) = row.as_chunks::<4>();
            self.pixels.extend(
                pixels
                    .iter()
                    .take(self.width)
                    .map(|pixel| u32::from_le_bytes(*pixel)),
            );
        }
        // The host has checked that there are rows enough.
        self.pixels.resize(self.width * self.height, 0);
    }

    fn show(&self, window: &mut minifb::Window) -> minifb::Result<()> {
        window.update_with_buffer(&self.pixels, self.width, self.height)
    }
}

fn explain(error: &minifb::Error) -> DeviceError {
    let text = error.to_string();
    let display = std::env::var("DISPLAY").unwrap_or_default();
    let (message, hint) = if text.contains("failed to load") {
        let message = format!("X11 is not installed: {text}");
        (
            message,
            "install it: `sudo apt-get install libx11-6 libxcursor1`",
        )
    } else if text.contains("XOpenDisplay") {
        let message = format!("cannot open the screen `{display}` that `DISPLAY` names");
        (message, WITHOUT_SCREEN)
    } else {
        (
            format!("cannot open a window on `{display}`: {text}"),
            WITHOUT_SCREEN,
        )
    };
    DeviceError {
        message,
        hint: Some(hint.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_keep_proportions_and_fit_on_a_screen() {
        let check = |frame: (usize, usize), expected| {
            assert_eq!(window_size(frame.0, frame.1), expected, "{frame:?}");
        };
        check((640, 480), (640, 480));
        check((1600, 900), (1600, 900));
        check((3840, 2160), (1600, 900));
        check((1080, 1920), (506, 900));
        check((16_384, 1), (1600, 1));
    }

    #[test]
    fn pictures_are_loaded_without_their_padding() {
        let mut picture = Picture {
            width: 2,
            height: 2,
            pixels: vec![],
        };
        let rows = [
            1, 2, 3, 0, 4, 5, 6, 255, 9, 9, 9, 9, 7, 8, 9, 0, 10, 11, 12, 0,
        ];
        picture.load(&rows, 12);
        assert_eq!(
            picture.pixels,
            [0x03_0201, 0xff06_0504, 0x09_0807, 0x0c_0b0a]
        );
        picture.load(&[1, 0, 0, 0], 4);
        assert_eq!(picture.pixels, [1, 0, 0, 0]);
    }

    #[test]
    fn sizes_that_x11_cannot_take_are_refused() {
        for (width, height) in [(0, 1), (1, 0), (16_385, 1), (1, u32::MAX)] {
            let error = SystemScreen.open("", width, height).err().unwrap();
            assert!(
                error.message.contains(&format!("{width}x{height}")),
                "{error}"
            );
        }
    }
}
