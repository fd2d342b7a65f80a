//! Video capture. Needs the capability `camera`.

use crate::buffer::Buffer;
use crate::caps::Caps;
use crate::failure::Failure;
use crate::sys;

pub use crate::bindings::millstream::media::camera::Device;

/// The cameras that the element may use.
pub fn devices() -> Result<Vec<Device>, Failure> {
    sys::camera_devices()
}

/// Everything that a camera can send: `video/x-raw` and `image/jpeg` with their
/// formats, sizes and frame rates.
pub fn caps(device: &str) -> Result<Caps, Failure> {
    crate::runner::parse_caps(&sys::camera_caps(device)?)
}

/// A camera that is running. Dropping it stops the camera.
#[derive(Debug)]
pub struct Capture(sys::Capture);

impl Capture {
    /// Starts a camera with fixed caps out of those that [`caps`] named.
    pub fn open(device: &str, caps: &Caps) -> Result<Self, Failure> {
        sys::Capture::open(device, &caps.to_string()).map(Self)
    }

    /// The oldest frame not yet taken, stamped with the running time of its
    /// capture. Never waits: return [`crate::Outcome::Wait`] when there is none.
    pub fn take(&mut self) -> Result<Option<Buffer>, Failure> {
        Ok(self.0.take()?.map(Buffer::from_raw))
    }

    /// Frames lost since the start because nobody took them in time.
    pub fn lost(&self) -> u64 {
        self.0.lost()
    }
}
