//! Cameras of this machine, through nokhwa.
//!
//! nokhwa's camera cannot leave its thread, and what is below it waits and panics.
//! So whatever touches a camera runs in a thread of its own and answers through a
//! channel; nothing here can hang an element or take the host down.
//!
//! ```text
//!  thread `camera 0` ──▶ Frames (4, then the oldest is lost) ──▶ Stream::take
//!                  └───▶ unparks the element's thread
//! ```

pub(super) mod worker;
pub(super) mod frames;
mod formats;

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam::channel::Sender;
use crossbeam::sync::Unparker;
use millstream_core::caps::Caps;
use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, RequestedFormat, RequestedFormatType, frame_formats,
};
use nokhwa::{Camera, NokhwaError};

use self::formats::{Mode, caps_of, format_of, frame_size};
use self::frames::{Frames, Stream};
use self::worker::on_thread;
use super::{CameraInfo, CameraStream, Cameras, CapturedFrame, DeviceError};

/// The system's own cameras.
pub(super) struct SystemCameras;

impl Cameras for SystemCameras {
    fn devices(&self) -> Result<Vec<CameraInfo>, DeviceError> {
        on_thread("cameras", |answer| drop(answer.send(list()))).map(|(cameras, _)| cameras)
    }

    fn caps(&self, device: &str) -> Result<Caps, DeviceError> {
        let (index, name) = (index_of(device)?, device.to_owned());
        let (modes, _) = on_thread(&format!("camera {index}"), move |answer| {
            drop(answer.send(modes(index).map_err(|error| explain(index, &name, &error))));
        })?;
        let caps = caps_of(modes);
        if caps.is_empty() {
            let message = format!("camera `{device}` has no format that is known here");
            return Err(DeviceError {
                message,
                hint: Some(others(index)),
            });
        }
        Ok(caps)
    }

    fn open(
        &self,
        device: &str,
        caps: &Caps,
        waker: Unparker,
    ) -> Result<Box<dyn CameraStream>, DeviceError> {
        let (index, name, format) = (index_of(device)?, device.to_owned(), format_of(caps)?);
        let frames = Arc::new(Frames::new(waker));
        let theirs = Arc::clone(&frames);
        let ((), thread) = on_thread(&format!("camera {index}"), move |answer| {
            capture(index, &name, format, &theirs, answer);
        })?;
        Ok(Box::new(Stream::new(frames, thread)))
    }
}

/// Says that no frames will come where the thread that makes them panics.
struct Guard<'a>(&'a Frames, u32);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let message = format!("the driver of camera {} crashed", self.1);
            self.0.fail(DeviceError {
                message,
                hint: None,
            });
        }
    }
}

/// A camera's thread: opens it, answers, sends frames until nobody wants them.
fn capture(
    index: u32,
    device: &str,
    format: CameraFormat,
    frames: &Frames,
    answer: &Sender<Result<(), DeviceError>>,
) {
    let guard = Guard(frames, index);
    let wanted = [format.format()];
    let request = RequestedFormat::with_formats(RequestedFormatType::Exact(format), &wanted);
    let opened = Camera::new(CameraIndex::Index(index), request)
        .and_then(|mut camera| camera.open_stream().map(|()| camera));
    let mut camera = match opened {
        Ok(camera) => camera,
        Err(error) => return drop(answer.send(Err(explain(index, device, &error)))),
    };
    let mut wanted = answer.send(Ok(())).is_ok();
    while wanted && !frames.is_stopped() {
        match camera.frame() {
            Ok(frame) => match captured(&frame, format) {
                Some(frame) => frames.push(frame),
                None => frames.lose(),
            },
            // A signal (^C) that hit this thread; the stream only starts anew.
            Err(error) if os_error(&error.to_string()) == Some(EINTR) => {
                wanted = camera
                    .stop_stream()
                    .and_then(|()| camera.open_stream())
                    .is_ok();
            }
            Err(error) => {
                frames.fail(explain_loss(index, device, &error));
                break;
            }
        }
    }
    drop(camera);
    drop(guard);
}

/// A frame's bytes and time; none where the camera sent less than a frame.
fn captured(frame: &nokhwa::Buffer, format: CameraFormat) -> Option<CapturedFrame> {
    // The driver says when it was captured, in wall-clock time.
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok();
    let age = frame
        .capture_timestamp()
        .and_then(|at| since_epoch?.checked_sub(at))
        .filter(|age| *age < Duration::from_secs(1))
        .unwrap_or_default();
    let at = Instant::now().checked_sub(age)?;
    // What the driver gives is its whole buffer, which can be longer than the frame.
    let bytes = frame.buffer();
    let size = frame_size(format, bytes)?;
    Some(CapturedFrame {
        bytes: bytes.get(..size)?.to_vec(),
        at,
    })
}

fn modes(index: u32) -> Result<Vec<Mode>, NokhwaError> {
    let request = RequestedFormat::with_formats(RequestedFormatType::None, frame_formats());
    let mut camera = Camera::new(CameraIndex::Index(index), request)?;
    let mut modes = Vec::new();
    for format in camera.compatible_fourcc()? {
        let sizes = camera.compatible_list_by_resolution(format)?;
        modes.extend(sizes.into_iter().map(|(size, rates)| (format, size, rates)));
    }
    Ok(modes)
}

// What the operating system's numbers mean; nokhwa passes them on as text only.
const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const EINTR: i32 = 4;
const ENXIO: i32 = 6;
const EACCES: i32 = 13;
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;
const ENOSPC: i32 = 28;

fn os_error(text: &str) -> Option<i32> {
    let (_, number) = text.rsplit_once("os error ")?;
    number.split(')').next()?.parse().ok()
}

/// Why a camera could not be opened.
fn explain(index: u32, device: &str, error: &NokhwaError) -> DeviceError {
    let text = error.to_string();
    let (message, hint) = match os_error(&text) {
        Some(ENOENT | ENXIO | ENODEV) => (format!("there is no camera `{device}`"), others(index)),
        Some(EACCES | EPERM) => (
            format!("no permission for camera `{device}` (/dev/video{index})"),
            "join the group `video`: `sudo usermod -aG video $USER`, then log in again".to_owned(),
        ),
        Some(EBUSY) => (
            format!("camera `{device}` is in use by another program"),
            format!("close that program; `fuser -v /dev/video{index}` names it"),
        ),
        _ => (
            format!("cannot open camera `{device}`: {text}"),
            others(index),
        ),
    };
    DeviceError {
        message,
        hint: Some(hint),
    }
}

/// Why a camera that was running sends no more.
fn explain_loss(index: u32, device: &str, error: &NokhwaError) -> DeviceError {
    let text = error.to_string();
    let code = os_error(&text);
    if code == Some(ENODEV) || !Path::new(&format!("/dev/video{index}")).exists() {
        let message = format!("camera `{device}` was unplugged");
        return DeviceError {
            message,
            hint: Some("plug it in and start again".to_owned()),
        };
    }
    if code == Some(ENOSPC) {
        let message = format!("no room for camera `{device}` on its USB bus");
        let hint = "use another port, a smaller size or `image/jpeg`".to_owned();
        return DeviceError {
            message,
            hint: Some(hint),
        };
    }
    if code == Some(EBUSY) {
        return explain(index, device, error);
    }
    DeviceError {
        message: format!("camera `{device}` failed: {text}"),
        hint: None,
    }
}

fn index_of(device: &str) -> Result<u32, DeviceError> {
    let number = device.strip_prefix("/dev/video").unwrap_or(device);
    number.parse().map_err(|_not_a_number| DeviceError {
        message: format!("there is no camera `{device}`: got a name, expected a number"),
        hint: Some(others(u32::MAX)),
    })
}

/// What to use in place of a camera.
fn others(index: u32) -> String {
    let mut cameras = SystemCameras.devices().unwrap_or_default();
    cameras.retain(|camera| camera.id != index.to_string());
    let names = cameras
        .iter()
        .map(|camera| format!("`device={}` ({})", camera.id, camera.name));
    match names.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => {
            "plug a camera in, or put `videotestsrc` in its place".to_owned()
        }
        names => format!("there is {names}"),
    }
}

fn list() -> Result<Vec<CameraInfo>, DeviceError> {
    let mut cameras = nokhwa::query(ApiBackend::Video4Linux).map_err(|error| DeviceError {
        message: format!("cannot list cameras: {error}"),
        hint: None,
    })?;
    cameras.retain(|camera| camera.index().as_index().is_ok_and(sends_pictures));
    cameras.sort_by_key(|camera| camera.index().as_index().unwrap_or(u32::MAX));
    let info = |camera: nokhwa::utils::CameraInfo| CameraInfo {
        id: camera.index().as_string(),
        name: camera.human_name(),
        description: camera.description().to_owned(),
    };
    Ok(cameras.into_iter().map(info).collect())
}

/// Whether it is a device's first node. Webcams have a second one for metadata.
fn sends_pictures(index: u32) -> bool {
    let path = format!("/sys/class/video4linux/video{index}/index");
    std::fs::read_to_string(path).map_or(true, |number| number.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_name_the_camera_and_the_way_out() {
        let check = |code: i32, message: &str, hint: &str| {
            let text = std::io::Error::from_raw_os_error(code).to_string();
            let error = NokhwaError::OpenDeviceError("9".to_owned(), format!("V4L2 Error: {text}"));
            let error = explain(9, "9", &error);
            assert_eq!(error.message, message);
            assert!(
                error.hint.as_ref().unwrap().contains(hint),
                "{:?}",
                error.hint
            );
        };
        check(ENOENT, "there is no camera `9`", "");
        check(
            EACCES,
            "no permission for camera `9` (/dev/video9)",
            "usermod -aG video",
        );
        check(
            EBUSY,
            "camera `9` is in use by another program",
            "fuser -v /dev/video9",
        );
    }

    #[test]
    fn a_camera_that_vanished_was_unplugged() {
        let gone = NokhwaError::ReadFrameError("No such device (os error 19)".to_owned());
        assert_eq!(
            explain_loss(0, "0", &gone).message,
            "camera `0` was unplugged"
        );
    }

    #[test]
    fn a_camera_that_is_not_there_is_named() {
        let error = SystemCameras.caps("63").err().unwrap();
        assert_eq!(error.message, "there is no camera `63`");
        assert!(error.hint.is_some());
        let error = SystemCameras.caps("front").err().unwrap();
        assert_eq!(
            error.message,
            "there is no camera `front`: got a name, expected a number"
        );
    }
}
