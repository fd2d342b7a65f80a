//! Devices that tests and embedders make up: a camera from a closure, a screen
//! that remembers.
//!
//! ```text
//! let screen = RecordedScreen::default();
//! let camera = SimulatedCamera::repeating(caps, vec![frame]).unplug_after(10);
//! let devices = Devices { cameras: Arc::new(camera), screen: Arc::new(screen.clone()) };
//! … run a pipeline …
//! assert_eq!(screen.recorded().frames, 10);
//! ```

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::sync::Unparker;
use millstream_core::caps::Caps;

use super::cameras::frames::{Frames, Stream};
use super::cameras::worker::on_thread;
use super::{CameraInfo, CameraStream, Cameras, CapturedFrame, DeviceError, Screen, ScreenWindow};
use crate::buffer::Buffer;

/// The only device that a [`SimulatedCamera`] has.
const DEVICE: &str = "0";
/// Where the caps say nothing of it.
const DEFAULT_INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 30);

/// Frame `n` in these fixed caps, or none once there are no more.
type Draw = Arc<dyn Fn(u64, &Caps) -> Option<Vec<u8>> + Send + Sync>;

/// A camera, device `0`, that sends made-up frames.
///
/// Unless it is [live](Self::live) a frame is there whenever one is asked for and
/// none is lost, so that runs can be repeated; frame `n` is stamped `n` frame times
/// after the start.
#[derive(Clone)]
pub struct SimulatedCamera {
    caps: Caps,
    draw: Draw,
    live: bool,
    unplug_after: Option<u64>,
    /// Once unplugged, how often it cannot be opened before it is plugged in for good.
    away: Option<Arc<Away>>,
}

/// A camera that is plugged in again.
struct Away {
    was_unplugged: AtomicBool,
    /// Tries to open it that still fail.
    tries: AtomicU32,
}

impl SimulatedCamera {
    /// A camera that offers these caps and draws frame `n` in the caps that were
    /// picked; it falls silent once `draw` gives none.
    pub fn new(
        caps: Caps,
        draw: impl Fn(u64, &Caps) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            caps,
            draw: Arc::new(draw),
            live: false,
            unplug_after: None,
            away: None,
        }
    }

    /// A camera that sends these frames over and over.
    pub fn repeating(caps: Caps, frames: Vec<Vec<u8>>) -> Self {
        let draw = move |n: u64, _: &Caps| {
            let index = usize::try_from(n).ok()?.checked_rem(frames.len())?;
            frames.get(index).cloned()
        };
        Self::new(caps, draw)
    }

    /// Sends in real time at the frame rate of the caps; frames that are not taken
    /// in time are lost.
    #[must_use]
    pub fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Fails as a camera that is unplugged, after so many frames.
    #[must_use]
    pub fn unplug_after(mut self, frames: u64) -> Self {
        self.unplug_after = Some(frames);
        self
    }

    /// Once unplugged, it is plugged in again after so many tries to open it, for good.
    #[must_use]
    pub fn back_after(mut self, tries: u32) -> Self {
        self.away = Some(Arc::new(Away {
            was_unplugged: AtomicBool::new(false),
            tries: AtomicU32::new(tries),
        }));
        self
    }

    fn check(device: &str) -> Result<(), DeviceError> {
        if device == DEVICE {
            return Ok(());
        }
        let message = format!("there is no camera `{device}`");
        Err(DeviceError {
            message,
            hint: Some(format!("there is `device={DEVICE}` (simulated)")),
        })
    }

    /// Whether it is unplugged at frame `n`.
    fn is_unplugged(&self, n: u64) -> bool {
        let is_time = self.unplug_after.is_some_and(|frames| n >= frames);
        match &self.away {
            Some(away) => is_time && !away.was_unplugged.swap(is_time, Ordering::Relaxed),
            None => is_time,
        }
    }

    /// Whether it can be opened.
    fn is_there(&self) -> bool {
        let Some(away) = &self.away else {
            return true;
        };
        let fewer = |tries: u32| tries.checked_sub(1);
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        !away.was_unplugged.load(get) || away.tries.fetch_update(set, get, fewer).is_err()
    }

    fn frame(&self, n: u64, caps: &Caps) -> Result<Option<Vec<u8>>, DeviceError> {
        if self.is_unplugged(n) {
            let message = format!("camera `{DEVICE}` was unplugged");
            return Err(DeviceError {
                message,
                hint: None,
            });
        }
        Ok((self.draw)(n, caps))
    }

    /// The thread of a live camera.
    fn send(&self, caps: &Caps, frames: &Frames) {
        let (interval, start) = (interval(caps), Instant::now());
        for n in 0.. {
            let at = start + times(interval, n);
            while let Some(early) = at.checked_duration_since(Instant::now())
                && !frames.is_stopped()
            {
                thread::sleep(early.min(Duration::from_millis(20)));
            }
            match self.frame(n, caps) {
                _ if frames.is_stopped() => return,
                Ok(Some(bytes)) => frames.push(CapturedFrame { bytes, at }),
                Ok(None) => return,
                Err(error) => return frames.fail(error),
            }
        }
    }
}

impl Cameras for SimulatedCamera {
    fn devices(&self) -> Result<Vec<CameraInfo>, DeviceError> {
        let (name, description) = ("Simulated camera".to_owned(), "made up".to_owned());
        Ok(vec![CameraInfo {
            id: DEVICE.to_owned(),
            name,
            description,
        }])
    }

    fn caps(&self, device: &str) -> Result<Caps, DeviceError> {
        Self::check(device).map(|()| self.caps.clone())
    }

    fn open(
        &self,
        device: &str,
        caps: &Caps,
        waker: Unparker,
    ) -> Result<Box<dyn CameraStream>, DeviceError> {
        Self::check(device)?;
        if !self.is_there() {
            return Err(DeviceError {
                message: format!("camera `{DEVICE}` is not plugged in"),
                hint: None,
            });
        }
        let (camera, caps) = (self.clone(), caps.clone());
        if !self.live {
            waker.unpark();
            return Ok(Box::new(AtOnce {
                camera,
                caps,
                start: Instant::now(),
                next: 0,
            }));
        }
        let frames = Arc::new(Frames::new(waker));
        let theirs = Arc::clone(&frames);
        let ((), thread) = on_thread("simulated camera", move |answer| {
            if answer.send(Ok(())).is_ok() {
                camera.send(&caps, &theirs);
            }
        })?;
        Ok(Box::new(Stream::new(frames, thread)))
    }
}

/// A stream that has its next frame whenever one is asked for.
struct AtOnce {
    camera: SimulatedCamera,
    caps: Caps,
    start: Instant,
    next: u64,
}

impl CameraStream for AtOnce {
    fn take(&mut self) -> Result<Option<CapturedFrame>, DeviceError> {
        let at = self.start + times(interval(&self.caps), self.next);
        let bytes = self.camera.frame(self.next, &self.caps)?;
        self.next += u64::from(bytes.is_some());
        Ok(bytes.map(|bytes| CapturedFrame { bytes, at }))
    }

    fn lost(&self) -> u64 {
        0
    }
}

fn interval(caps: &Caps) -> Duration {
    let rate = caps
        .first()
        .and_then(|structure| structure.fraction("framerate"));
    match rate.filter(|rate| rate.numerator > 0 && rate.denominator > 0) {
        Some(rate) => Duration::from_secs_f64(1.0 / rate.to_f64()),
        None => DEFAULT_INTERVAL,
    }
}

fn times(interval: Duration, n: u64) -> Duration {
    Duration::from_nanos((interval.as_nanos() * u128::from(n)) as u64)
}

/// A screen that remembers what was shown on it. Clones are the same screen.
#[derive(Clone, Default)]
pub struct RecordedScreen {
    recorded: Arc<Mutex<Recorded>>,
    close_after: Option<u64>,
}

/// What was shown on a [`RecordedScreen`].
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Windows that were opened.
    pub windows: u64,
    /// Windows that are open.
    pub open: u64,
    /// Title of the latest window.
    pub title: String,
    /// Its width and height in pixels.
    pub size: (u32, u32),
    /// Frames shown in all windows.
    pub frames: u64,
    /// The last of them, with the bytes of a row.
    pub last: Option<(Buffer, u32)>,
}

impl RecordedScreen {
    /// The user closes the window after so many frames: what is presented then is
    /// answered with false.
    #[must_use]
    pub fn close_after(mut self, frames: u64) -> Self {
        self.close_after = Some(frames);
        self
    }

    /// What was shown until now.
    pub fn recorded(&self) -> Recorded {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Recorded> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Screen for RecordedScreen {
    fn open(
        &self,
        title: &str,
        width: u32,
        height: u32,
    ) -> Result<Box<dyn ScreenWindow>, DeviceError> {
        let mut recorded = self.lock();
        recorded.windows += 1;
        recorded.open += 1;
        title.clone_into(&mut recorded.title);
        recorded.size = (width, height);
        Ok(Box::new(RecordedWindow(self.clone())))
    }
}

struct RecordedWindow(RecordedScreen);

impl ScreenWindow for RecordedWindow {
    fn present(&mut self, frame: Buffer, stride: u32) -> Result<bool, DeviceError> {
        let mut recorded = self.0.lock();
        if self
            .0
            .close_after
            .is_some_and(|frames| recorded.frames >= frames)
        {
            return Ok(false);
        }
        recorded.frames += 1;
        recorded.last = Some((frame, stride));
        Ok(true)
    }
}

impl Drop for RecordedWindow {
    fn drop(&mut self) {
        self.0.lock().open -= 1;
    }
}

#[cfg(test)]
mod tests {
    use crossbeam::sync::Parker;

    use super::*;
    use crate::memory::frame::Pool;

    const CAPS: &str = "video/x-raw, format=GRAY8, width=1, height=1, framerate=100/1";

    #[test]
    fn a_camera_sends_its_frames_and_is_unplugged() {
        let caps: Caps = CAPS.parse().unwrap();
        for live in [false, true] {
            let mut camera =
                SimulatedCamera::repeating(caps.clone(), vec![vec![0], vec![1]]).unplug_after(3);
            camera.live = live;
            let parker = Parker::new();
            let mut stream = camera.open("0", &caps, parker.unparker().clone()).unwrap();
            let mut taken = Vec::new();
            let error = loop {
                match stream.take() {
                    Ok(Some(frame)) => taken.push(frame),
                    Ok(None) => parker.park(),
                    Err(error) => break error,
                }
            };
            assert_eq!(error.message, "camera `0` was unplugged");
            assert_eq!(
                taken.iter().map(|frame| frame.bytes[0]).collect::<Vec<_>>(),
                [0, 1, 0]
            );
            assert_eq!(taken[2].at - taken[0].at, Duration::from_millis(20));
            assert_eq!(stream.lost(), 0);
        }
    }

    #[test]
    fn there_is_one_camera() {
        let camera = SimulatedCamera::new(CAPS.parse().unwrap(), |_, _| None);
        assert_eq!(camera.devices().unwrap()[0].id, "0");
        assert!(camera.caps("1").is_err());
        let mut stream = camera
            .open("0", &camera.caps, Parker::new().unparker().clone())
            .unwrap();
        assert!(stream.take().unwrap().is_none());
    }

    #[test]
    fn a_screen_remembers_until_it_is_closed() {
        let screen = RecordedScreen::default().close_after(2);
        let mut window = screen.open("title", 1, 1).unwrap();
        let pool = Pool::default();
        let frame = |value| Buffer::copy_of(&pool, &[value; 4]).unwrap();
        let open = [1, 2, 3].map(|value| window.present(frame(value), 4).unwrap());
        assert_eq!(open, [true, true, false]);
        let recorded = screen.recorded();
        assert_eq!(
            (recorded.windows, recorded.open, recorded.frames),
            (1, 1, 2)
        );
        assert_eq!((recorded.title.as_str(), recorded.size), ("title", (1, 1)));
        let (last, stride) = recorded.last.unwrap();
        assert_eq!((last.bytes(), stride), (&[2; 4][..], 4));
        drop(window);
        assert_eq!(screen.recorded().open, 0);
    }
}
