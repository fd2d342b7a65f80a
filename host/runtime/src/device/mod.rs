//! Devices behind the capabilities `camera` and `display`.
//!
//! Elements see them only through `wit/media`; tests put simulated ones here.

use std::sync::Arc;
use std::time::Instant;

use crossbeam::sync::Unparker;
use millstream_core::caps::Caps;

use crate::buffer::Buffer;

mod cameras;
mod screen;
/// Cameras and screens for tests.
pub mod simulated;

/// A camera that can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraInfo {
    /// What `caps` and `open` take: `0`, `1` …
    pub id: String,
    /// Name as the system gives it.
    pub name: String,
    /// Driver, bus and the like.
    pub description: String,
}

/// A frame as the camera delivered it.
pub struct CapturedFrame {
    /// The bytes, in the format that the caps say.
    pub bytes: Vec<u8>,
    /// When it was captured.
    pub at: Instant,
}

/// Where cameras come from.
pub trait Cameras: Send + Sync {
    /// All cameras that there are.
    fn devices(&self) -> Result<Vec<CameraInfo>, DeviceError>;
    /// All that a camera can send: `video/x-raw` and `image/jpeg` structures.
    fn caps(&self, device: &str) -> Result<Caps, DeviceError>;
    /// Starts a camera with fixed caps; `waker` is unparked at each frame and at the end.
    fn open(
        &self,
        device: &str,
        caps: &Caps,
        waker: Unparker,
    ) -> Result<Box<dyn CameraStream>, DeviceError>;
}

/// A running camera; dropping it stops it.
pub trait CameraStream: Send {
    /// The oldest frame not yet taken. Never waits.
    fn take(&mut self) -> Result<Option<CapturedFrame>, DeviceError>;
    /// Frames lost because nobody took them in time.
    fn lost(&self) -> u64;
}

/// Where windows come from.
pub trait Screen: Send + Sync {
    /// Opens a window for frames of this size in pixels.
    fn open(
        &self,
        title: &str,
        width: u32,
        height: u32,
    ) -> Result<Box<dyn ScreenWindow>, DeviceError>;
}

/// An open window; dropping it closes it.
pub trait ScreenWindow: Send {
    /// Shows a frame of `BGRx` rows of `stride` bytes; false once the user closed the window.
    fn present(&mut self, frame: Buffer, stride: u32) -> Result<bool, DeviceError>;
}

/// A device that is missing, busy or broken.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct DeviceError {
    /// What happened.
    pub message: String,
    /// What the user can do about it.
    pub hint: Option<String>,
}

/// The devices that a pipeline's elements can be granted.
#[derive(Clone)]
pub struct Devices {
    /// Cameras.
    pub cameras: Arc<dyn Cameras>,
    /// Windows.
    pub screen: Arc<dyn Screen>,
}

/// No device at all.
struct Nothing;

impl Nothing {
    fn refused<T>() -> Result<T, DeviceError> {
        Err(DeviceError {
            message: "no devices here".to_owned(),
            hint: None,
        })
    }
}

impl Cameras for Nothing {
    fn devices(&self) -> Result<Vec<CameraInfo>, DeviceError> {
        Self::refused()
    }

    fn caps(&self, _device: &str) -> Result<Caps, DeviceError> {
        Self::refused()
    }

    fn open(
        &self,
        _device: &str,
        _caps: &Caps,
        _waker: Unparker,
    ) -> Result<Box<dyn CameraStream>, DeviceError> {
        Self::refused()
    }
}

impl Screen for Nothing {
    fn open(
        &self,
        _title: &str,
        _width: u32,
        _height: u32,
    ) -> Result<Box<dyn ScreenWindow>, DeviceError> {
        Self::refused()
    }
}

impl Devices {
    /// Neither cameras nor windows.
    pub fn none() -> Self {
        Self {
            cameras: Arc::new(Nothing),
            screen: Arc::new(Nothing),
        }
    }
}

impl Default for Devices {
    fn default() -> Self {
        Self {
            cameras: Arc::new(cameras::SystemCameras),
            screen: Arc::new(screen::SystemScreen),
        }
    }
}

/// An element's running camera.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Capture(pub(crate) Box<dyn CameraStream>);

/// An element's window.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Window {
    pub(crate) screen: Box<dyn ScreenWindow>,
    pub(crate) width: u32,
    pub(crate) height: u32,
}
