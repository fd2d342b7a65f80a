//! What a guest can ask of the host about cameras and windows.

use millstream_core::caps::Caps;
use wasmtime::component::Resource;
use wasmtime::{Result, bail};

use super::bindings::types::{Failure as GuestFailure, Fault};
use super::bindings::{camera, display};
use super::convert;
use super::imports::sound;
use super::state::{BufferHandle, State};
use crate::buffer::Buffer;
use crate::device::{Capture, DeviceError, Window};

/// Bytes of a window's title: no title bar is as wide.
const MAX_TITLE_BYTES: usize = 256;

fn device_failure(error: DeviceError) -> GuestFailure {
    GuestFailure {
        fault: Fault::Resource,
        message: error.message,
        hint: error.hint,
    }
}

impl camera::Host for State {
    fn devices(&mut self) -> Result<std::result::Result<Vec<camera::Device>, GuestFailure>> {
        Ok(self
            .around
            .devices
            .cameras
            .devices()
            .map_err(device_failure)
            .map(|devices| {
                devices
                    .into_iter()
                    .map(|device| camera::Device {
                        id: device.id,
                        name: device.name,
                        description: device.description,
                    })
                    .collect()
            }))
    }

    fn caps(&mut self, device: String) -> Result<std::result::Result<String, GuestFailure>> {
        let caps = self.around.devices.cameras.caps(&sound(device)?);
        Ok(caps.map(|caps| caps.to_string()).map_err(device_failure))
    }
}

impl camera::HostCapture for State {
    fn open(
        &mut self,
        device: String,
        caps: String,
    ) -> Result<std::result::Result<Resource<Capture>, GuestFailure>> {
        let device = sound(device)?;
        let caps: Caps = match sound(caps)?.parse() {
            Ok(caps) => caps,
            Err(error) => bail!("caps for a camera that do not parse: {error}"),
        };
        let waker = self.around.waker.clone();
        match self.around.devices.cameras.open(&device, &caps, waker) {
            Ok(stream) => Ok(Ok(self.table.push(Capture(stream))?)),
            Err(error) => Ok(Err(device_failure(error))),
        }
    }

    fn take(
        &mut self,
        this: Resource<Capture>,
    ) -> Result<std::result::Result<Option<Resource<BufferHandle>>, GuestFailure>> {
        let frame = match self.table.get_mut(&this)?.0.take() {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(Ok(None)),
            Err(error) => return Ok(Err(device_failure(error))),
        };
        let Some(pad) = self.pads.iter().find(|pad| pad.is_src) else {
            bail!("a camera in an element without a src pad");
        };
        let mut buffer = Buffer::copy_of(&pad.pool, &frame.bytes)?;
        self.copied_bytes += frame.bytes.len() as u64;
        buffer.timing.pts = Some(self.around.clock.running_time_at(frame.at));
        Ok(Ok(Some(self.give(buffer)?)))
    }

    fn lost(&mut self, this: Resource<Capture>) -> Result<u64> {
        Ok(self.table.get(&this)?.0.lost())
    }

    fn drop(&mut self, this: Resource<Capture>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl display::Host for State {}

impl display::HostWindow for State {
    fn open(
        &mut self,
        title: String,
        width: u32,
        height: u32,
    ) -> Result<std::result::Result<Resource<Window>, GuestFailure>> {
        let title = convert::shortened(title, MAX_TITLE_BYTES);
        match self.around.devices.screen.open(&title, width, height) {
            Ok(screen) => Ok(Ok(self.table.push(Window {
                screen,
                width,
                height,
            })?)),
            Err(error) => Ok(Err(device_failure(error))),
        }
    }

    fn present(
        &mut self,
        this: Resource<Window>,
        frame: Resource<BufferHandle>,
        stride: u32,
    ) -> Result<std::result::Result<bool, GuestFailure>> {
        let buffer = self.table.get(&frame)?.buffer.clone();
        if let Some(views) = &mut self.views {
            views.revoke(&buffer.frame);
        }
        let window = self.table.get_mut(&this)?;
        let row = u64::from(window.width) * 4;
        let needed = u64::from(stride) * u64::from(window.height.saturating_sub(1)) + row;
        if u64::from(stride) < row || needed > buffer.size() as u64 {
            bail!(
                "a frame of {} bytes with rows of {stride} for a window of {}x{}",
                buffer.size(),
                window.width,
                window.height
            );
        }
        let shown = window.screen.present(buffer, stride);
        if matches!(shown, Ok(false)) {
            (self.around.request_eos)();
        }
        Ok(shown.map_err(device_failure))
    }

    fn drop(&mut self, this: Resource<Window>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
