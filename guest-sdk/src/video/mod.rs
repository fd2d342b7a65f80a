//! How video frames lie in buffers: formats, sizes, planes, rows.
//!
//! ```
//! use millstream_sdk::prelude::*;
//!
//! # fn main() -> Result<(), Failure> {
//! let caps = "video/x-raw, format=I420, width=6, height=4, framerate=30/1".parse().unwrap();
//! let info = VideoInfo::from_caps(&caps)?;
//! assert_eq!(info.size, 8 * 4 + 2 * (4 * 2)); // strides are rounded up to 4
//!
//! let mut buffer = Buffer::from_bytes(&vec![0; info.size]);
//! let mut view = buffer.map_mut();
//! let mut frame = VideoFrameMut::new(&info, &mut view)?;
//! for row in frame.plane_mut(0).rows_mut() {
//!     row.fill(235); // six bytes: without the padding
//! }
//! # Ok(())
//! # }
//! ```

mod colorimetry;
mod format;
mod frame;
mod info;
mod sample;

pub use colorimetry::{ColorMatrix, ColorRange, Colorimetry};
pub use format::{Family, VideoFormat};
pub use frame::{Plane, PlaneMut, VideoFrame, VideoFrameMut};
pub use info::{MAX_DIMENSION, PlaneLayout, VideoInfo};
pub use sample::{Place, Sampler, Target};

/// Template caps of elements that take every format of [`VideoFormat`].
pub const ANY_RAW: &str = "video/x-raw, format=(string){ I420, YV12, NV12, NV21, YUY2, UYVY, RGB, \
     BGR, RGBA, BGRA, RGBx, BGRx, GRAY8 }, width=(int)[ 1, 16384 ], height=(int)[ 1, 16384 ], \
     framerate=(fraction)[ 0/1, 2147483647/1 ]";
