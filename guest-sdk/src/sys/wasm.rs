//! The contract's imports, by the names that the SDK uses.

use crate::bindings::millstream::media;

pub(crate) use media::buffers::{Buffer as RawBuffer, allocate};
pub(crate) use media::bus::{log, post};
pub(crate) use media::camera::{Capture, caps as camera_caps, devices as camera_devices};
pub(crate) use media::clock::{now, running_time};
pub(crate) use media::display::Window;
pub(crate) use media::models::{allocate as allocate_tensor, describe as describe_model};
pub(crate) use media::pads::{negotiate, push, push_event, set_passthrough};

/// What must happen before an element is made: the window for views, and a panic
/// hook, because a panic in a guest is a trap that says nothing.
pub(crate) fn prepare() {
    super::view::open_window();
    std::panic::set_hook(Box::new(|info| {
        log(
            media::bus::Level::Error,
            &format!("the element panicked: {info}"),
        );
    }));
}
