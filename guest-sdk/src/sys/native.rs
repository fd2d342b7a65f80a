//! The host in memory: the same functions as the contract's imports.
#![allow(
    clippy::unnecessary_wraps,
    reason = "the contract's functions can fail where these cannot"
)]

pub(crate) use super::buffer_native::RawBuffer;
use super::world::{self, Sent, Shown};
use crate::bindings::millstream::media;
use media::bus::Level;
use media::camera::Device;
use media::models::Model;
use media::types::{Event, Failure, Setting};

/// The most bytes that a buffer can have, as the contract says.
const MOST_BUFFER_BYTES: u32 = 256 * 1024 * 1024;

pub(crate) fn allocate(_pad: u32, size: u32) -> RawBuffer {
    assert!(
        size <= MOST_BUFFER_BYTES,
        "trap: `allocate` of {size} bytes"
    );
    RawBuffer::new(vec![0; size as usize])
}

pub(crate) fn allocate_tensor(size: u32) -> RawBuffer {
    allocate(0, size)
}

pub(crate) fn log(level: Level, message: &str) {
    world::with(|world| world.logs.push((level, message.to_owned())));
}

pub(crate) fn post(name: &str, fields: &[Setting]) {
    world::with(|world| world.messages.push((name.to_owned(), fields.to_vec())));
}

pub(crate) fn now() -> u64 {
    world::with(|world| world.now)
}

pub(crate) fn running_time() -> u64 {
    world::with(|world| world.running_time)
}

pub(crate) fn push(pad: u32, buffer: RawBuffer) {
    world::with(|world| world.sent.push((pad, Sent::Buffer(buffer))));
}

pub(crate) fn push_event(pad: u32, event: &Event) {
    world::with(|world| world.sent.push((pad, Sent::Event(event.clone()))));
}

pub(crate) fn negotiate(pad: u32, caps: &str) -> Result<String, Failure> {
    let wanted = world::with(|world| world.downstream.get(&pad).cloned());
    let fixed = crate::runner::fixed_caps(caps, wanted.as_deref())?.to_string();
    world::with(|world| world.negotiated.push((pad, fixed.clone())));
    Ok(fixed)
}

/// The harness asks the runner, and hands every buffer to the element all the same.
pub(crate) fn set_passthrough(_enabled: bool) {}

pub(crate) fn describe_model(name: &str) -> Result<Model, Failure> {
    world::with(|world| world.models.get(name).map(|(model, _)| model.clone()))
        .ok_or_else(|| Failure::inference(format!("no model `{name}`")))
}

pub(crate) fn camera_devices() -> Result<Vec<Device>, Failure> {
    Ok(world::with(|world| {
        world
            .cameras
            .iter()
            .map(|camera| camera.device.clone())
            .collect()
    }))
}

pub(crate) fn camera_caps(device: &str) -> Result<String, Failure> {
    world::with(|world| {
        let camera = world
            .cameras
            .iter()
            .find(|camera| camera.device.id == device);
        camera.map(|camera| camera.caps.clone())
    })
    .ok_or_else(|| Failure::resource(format!("no camera `{device}`")))
}

/// A fake camera that is running.
#[derive(Debug)]
pub(crate) struct Capture {
    device: String,
}

impl Capture {
    pub(crate) fn open(device: &str, _caps: &str) -> Result<Self, Failure> {
        camera_caps(device).map(|_| Self {
            device: device.to_owned(),
        })
    }

    pub(crate) fn take(&self) -> Result<Option<RawBuffer>, Failure> {
        world::with(|world| {
            let camera = world
                .cameras
                .iter_mut()
                .find(|camera| camera.device.id == self.device);
            camera.map(|camera| camera.frames.pop_front())
        })
        .ok_or_else(|| Failure::resource(format!("camera `{}` is gone", self.device)))
    }

    #[allow(clippy::unused_self, reason = "as the contract's")]
    pub(crate) fn lost(&self) -> u64 {
        0
    }
}

/// A fake window, which keeps what it shows.
#[derive(Debug)]
pub(crate) struct Window {
    title: String,
    size: (u32, u32),
}

impl Window {
    pub(crate) fn open(title: &str, width: u32, height: u32) -> Result<Self, Failure> {
        Ok(Self {
            title: title.to_owned(),
            size: (width, height),
        })
    }

    pub(crate) fn present(&self, frame: &RawBuffer, stride: u32) -> Result<bool, Failure> {
        let needed = u64::from(stride) * u64::from(self.size.1);
        if u64::from(stride) < u64::from(self.size.0) * 4 || u64::from(frame.size()) < needed {
            return Err(Failure::bad_data("the frame is smaller than the window"));
        }
        let (title, size, bytes) = (self.title.clone(), self.size, frame.bytes().to_vec());
        Ok(world::with(|world| {
            world.shown.push(Shown {
                title,
                size,
                stride,
                bytes,
            });
            world.windows_open
        }))
    }
}
