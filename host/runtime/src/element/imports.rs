//! What a guest can ask of the host: the implementation of the contract's imports.
//!
//! An error returned here as `wasmtime::Error` is a trap: the guest broke the contract.

use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime::{Result, bail};

use super::bindings::types::{
    CustomEvent as GuestCustomEvent, Event, Failure as GuestFailure, Fault,
};
use super::bindings::{buffers, bus, clock, pads, types};
use super::convert;
use super::state::{BufferHandle, CustomEvent, Item, MAX_PUSHES, State};
use crate::buffer::Buffer;
use crate::bus::{Level, Message};
use millstream_core::caps::Caps;
use millstream_core::clock::Segment;

/// Bytes of a log line that are shown.
const MAX_LINE_BYTES: usize = 4096;

impl types::Host for State {}
impl pads::Host for State {
    fn push(&mut self, pad: u32, buffer: Resource<BufferHandle>) -> Result<()> {
        if self.src_pad(pad)?.caps.is_none() {
            bail!("a buffer on src pad {pad} before its caps");
        }
        let buffer = self.take(buffer)?;
        self.enqueue(pad, Item::Buffer(buffer))
    }

    fn push_event(&mut self, pad: u32, event: Event) -> Result<()> {
        self.src_pad(pad)?;
        let item = event_from_guest(event).map_err(wasmtime::Error::msg)?;
        self.enqueue(pad, item)
    }

    fn set_passthrough(&mut self, enabled: bool) -> Result<()> {
        let srcs = self.pads.iter().filter(|pad| pad.is_src).count();
        if (self.pads.len(), srcs) != (2, 1) {
            bail!("`set-passthrough` on an element without one sink pad and one src pad");
        }
        self.passthrough = enabled;
        Ok(())
    }

    fn negotiate(
        &mut self,
        pad: u32,
        caps: String,
    ) -> Result<std::result::Result<String, GuestFailure>> {
        self.src_pad(pad)?;
        let offered: Caps = match sound(caps)?.parse() {
            Ok(caps) => caps,
            Err(error) => bail!("caps for pad {pad} that do not parse: {error}"),
        };
        let decided = (self.around.decide)(pad as usize, &offered);
        match decided {
            Ok(fixed) => {
                let text = fixed.to_string();
                let fixed = Arc::new(fixed);
                self.note_caps(pad as usize, &fixed);
                self.enqueue(pad, Item::Caps(fixed))?;
                Ok(Ok(text))
            }
            Err(failure) => Ok(Err(GuestFailure {
                fault: Fault::NotNegotiated,
                message: failure.message,
                hint: failure.hint,
            })),
        }
    }
}

/// See [`convert::sound_text`].
pub(super) fn sound(text: String) -> Result<String> {
    convert::sound_text(text).map_err(wasmtime::Error::msg)
}

impl State {
    fn enqueue(&mut self, pad: u32, item: Item) -> Result<()> {
        if self.pushed.len() >= MAX_PUSHES {
            bail!("more than {MAX_PUSHES} buffers and events pushed in one call");
        }
        self.pushed.push((pad as usize, item));
        Ok(())
    }
}

fn event_from_guest(event: Event) -> std::result::Result<Item, String> {
    Ok(match event {
        Event::Eos => Item::Eos,
        Event::Segment(segment) => Item::Segment(Segment {
            start: segment.start,
            stop: segment.stop,
            base: segment.base,
        }),
        Event::Custom(GuestCustomEvent { name, fields }) => Item::Custom(Arc::new(CustomEvent {
            name: convert::checked_name("an event", name)?,
            fields: convert::settings_from_guest(fields)?,
        })),
    })
}

impl buffers::Host for State {
    fn allocate(&mut self, pad: u32, size: u32) -> Result<Resource<BufferHandle>> {
        let pool = self.src_pad(pad)?.pool.clone();
        let buffer = Buffer::allocate(&pool, size as usize)?;
        self.give(buffer)
    }

    fn announce_window(&mut self, size: u32) -> Result<bool> {
        Ok(self.around.views
            && self
                .views
                .as_ref()
                .is_some_and(|views| views.announce(size as usize)))
    }
}

impl buffers::HostBuffer for State {
    fn size(&mut self, this: Resource<BufferHandle>) -> Result<u32> {
        Ok(self.table.get(&this)?.buffer.size() as u32)
    }

    fn set_size(&mut self, this: Resource<BufferHandle>, size: u32) -> Result<()> {
        let buffer = &mut self.table.get_mut(&this)?.buffer;
        if !buffer.set_size(size as usize) {
            bail!(
                "a size of {size} bytes for a buffer of at most {}",
                buffer.capacity()
            );
        }
        Ok(())
    }

    fn timing(&mut self, this: Resource<BufferHandle>) -> Result<buffers::Timing> {
        Ok(convert::timing_to_guest(
            self.table.get(&this)?.buffer.timing,
        ))
    }

    fn set_timing(&mut self, this: Resource<BufferHandle>, timing: buffers::Timing) -> Result<()> {
        self.table.get_mut(&this)?.buffer.timing = convert::timing_from_guest(timing);
        Ok(())
    }

    fn share(&mut self, this: Resource<BufferHandle>) -> Result<Resource<BufferHandle>> {
        let buffer = self.table.get(&this)?.buffer.clone();
        if let Some(views) = &mut self.views {
            views.revoke(&buffer.frame);
        }
        self.give_as(&this, buffer)
    }

    fn slice(
        &mut self,
        this: Resource<BufferHandle>,
        offset: u32,
        size: u32,
    ) -> Result<Resource<BufferHandle>> {
        let Some(part) = self
            .table
            .get(&this)?
            .buffer
            .slice(offset as usize, size as usize)
        else {
            bail!("bytes {offset} to {offset} + {size} outside of a buffer");
        };
        if let Some(views) = &mut self.views {
            views.revoke(&part.frame);
        }
        self.give_as(&this, part)
    }

    fn is_writable(&mut self, this: Resource<BufferHandle>) -> Result<bool> {
        Ok(self.table.get(&this)?.buffer.is_writable())
    }

    fn make_writable(&mut self, buffer: Resource<BufferHandle>) -> Result<Resource<BufferHandle>> {
        let handle = self.table.get(&buffer)?;
        if handle.buffer.is_writable() {
            return Ok(buffer);
        }
        let source = self.take(buffer)?;
        let pool = self
            .pads
            .iter()
            .find(|pad| pad.is_src)
            .or(self.pads.first());
        let Some(pool) = pool.map(|pad| pad.pool.clone()) else {
            bail!("an element without pads")
        };
        let mut copy = Buffer::copy_of(&pool, source.bytes())?;
        copy.copy_info(&source);
        self.copied_bytes += source.size() as u64;
        self.give(copy)
    }

    fn copy_info(
        &mut self,
        this: Resource<BufferHandle>,
        source: Resource<BufferHandle>,
    ) -> Result<()> {
        let source = self.table.get(&source)?.buffer.clone();
        self.table.get_mut(&this)?.buffer.copy_info(&source);
        Ok(())
    }

    fn read(&mut self, this: Resource<BufferHandle>, offset: u32, size: u32) -> Result<Vec<u8>> {
        let buffer = &self.table.get(&this)?.buffer;
        let range = offset as usize..(offset as usize).saturating_add(size as usize);
        let Some(bytes) = buffer.bytes().get(range) else {
            bail!(
                "reading {size} bytes at {offset} of a buffer of {}",
                buffer.size()
            );
        };
        self.copied_bytes += u64::from(size);
        Ok(bytes.to_vec())
    }

    fn write(&mut self, this: Resource<BufferHandle>, offset: u32, data: Vec<u8>) -> Result<()> {
        let buffer = &mut self.table.get_mut(&this)?.buffer;
        let total = buffer.size();
        let Some(bytes) = buffer.bytes_mut() else {
            bail!("writing to a buffer that is shared");
        };
        let range = offset as usize..(offset as usize).saturating_add(data.len());
        let Some(target) = bytes.get_mut(range) else {
            bail!(
                "writing {} bytes at {offset} of a buffer of {total}",
                data.len()
            );
        };
        target.copy_from_slice(&data);
        self.copied_bytes += data.len() as u64;
        Ok(())
    }

    fn address(&mut self, this: Resource<BufferHandle>, writable: bool) -> Result<Option<u32>> {
        let handle = self.table.get_mut(&this)?;
        if writable && !handle.buffer.is_writable() {
            bail!("an address to write to a buffer that is shared");
        }
        let Some(views) = self.views.as_mut().filter(|_| self.around.views) else {
            return Ok(None);
        };
        let Some(start) = views.acquire(&handle.buffer.frame, writable) else {
            return Ok(None);
        };
        if handle.viewed {
            views.forget_one(&handle.buffer.frame);
        }
        handle.viewed = true;
        Ok(Some(start + handle.buffer.offset() as u32))
    }

    fn detections(
        &mut self,
        this: Resource<BufferHandle>,
        layer: String,
    ) -> Result<Vec<buffers::Detection>> {
        let buffer = &self.table.get(&this)?.buffer;
        Ok(buffer
            .detections(&layer)
            .iter()
            .map(convert::detection_to_guest)
            .collect())
    }

    fn detection_layers(&mut self, this: Resource<BufferHandle>) -> Result<Vec<String>> {
        Ok(self.table.get(&this)?.buffer.layers())
    }

    fn set_detections(
        &mut self,
        this: Resource<BufferHandle>,
        layer: String,
        detections: Vec<buffers::Detection>,
    ) -> Result<()> {
        let detections = detections
            .into_iter()
            .map(convert::detection_from_guest)
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(wasmtime::Error::msg)?;
        let layer = sound(layer)?;
        let buffer = &mut self.table.get_mut(&this)?.buffer;
        buffer
            .set_detections(&layer, detections, &self.around.metas)
            .map_err(wasmtime::Error::msg)
    }

    fn classifications(
        &mut self,
        this: Resource<BufferHandle>,
    ) -> Result<Vec<buffers::Classification>> {
        let buffer = &self.table.get(&this)?.buffer;
        Ok(convert::classifications_to_guest(buffer.classifications()))
    }

    fn set_classifications(
        &mut self,
        this: Resource<BufferHandle>,
        classifications: Vec<buffers::Classification>,
    ) -> Result<()> {
        let list =
            convert::classifications_from_guest(classifications).map_err(wasmtime::Error::msg)?;
        let buffer = &mut self.table.get_mut(&this)?.buffer;
        buffer
            .set_classifications(list, &self.around.metas)
            .map_err(wasmtime::Error::msg)
    }

    fn meta_names(&mut self, this: Resource<BufferHandle>) -> Result<Vec<String>> {
        Ok(self.table.get(&this)?.buffer.meta_names())
    }

    fn meta(&mut self, this: Resource<BufferHandle>, name: String) -> Result<Option<Vec<u8>>> {
        Ok(self
            .table
            .get(&this)?
            .buffer
            .meta(&name)
            .map(<[u8]>::to_vec))
    }

    fn set_meta(
        &mut self,
        this: Resource<BufferHandle>,
        name: String,
        data: Option<Vec<u8>>,
    ) -> Result<()> {
        let name = sound(name)?;
        let buffer = &mut self.table.get_mut(&this)?.buffer;
        buffer
            .set_meta(&name, data, &self.around.metas)
            .map_err(wasmtime::Error::msg)
    }

    fn drop(&mut self, this: Resource<BufferHandle>) -> Result<()> {
        self.take(this).map(drop)
    }
}

impl clock::Host for State {
    fn now(&mut self) -> Result<u64> {
        Ok(self.around.clock.now())
    }

    fn running_time(&mut self) -> Result<u64> {
        Ok(self.around.clock.running_time())
    }
}

impl bus::Host for State {
    fn log(&mut self, level: bus::Level, message: String) -> Result<()> {
        if !self.may_talk() {
            return Ok(());
        }
        let message = convert::shortened(message, MAX_LINE_BYTES);
        let level = match level {
            bus::Level::Error => Level::Error,
            bus::Level::Warning => Level::Warning,
            bus::Level::Info => Level::Info,
            bus::Level::Debug => Level::Debug,
            bus::Level::Trace => Level::Trace,
        };
        if level == Level::Error {
            self.last_words = Some(message);
        } else {
            self.post_line(level, message);
        }
        Ok(())
    }

    fn post(&mut self, name: String, fields: Vec<types::Setting>) -> Result<()> {
        let name = convert::checked_name("a message", name).map_err(wasmtime::Error::msg)?;
        let fields = convert::settings_from_guest(fields).map_err(wasmtime::Error::msg)?;
        if self.may_talk() {
            let element = self.around.name.clone();
            self.around.bus.post(Message::Element {
                element,
                name,
                fields,
            });
        }
        Ok(())
    }
}

impl State {
    /// Whether one more line or message may go out; says how many could not before.
    fn may_talk(&mut self) -> bool {
        self.post_last_words();
        let (admitted, untold) = self
            .talk
            .admit(self.around.clock.now(), self.around.limits.lines_a_second);
        self.tell_of(untold);
        admitted
    }

    /// Says at the end how many lines could not go out.
    pub(crate) fn finish_talk(&mut self) {
        self.post_last_words();
        let untold = self.talk.untold();
        self.tell_of(untold);
    }

    fn tell_of(&self, untold: u64) {
        if untold > 0 {
            let message =
                format!("{untold} lines of log and messages over its limit were not told");
            self.post_line(Level::Warning, message);
        }
    }

    /// Posts the error that a call ended its talk with, since it was no trap's.
    pub(crate) fn post_last_words(&mut self) {
        if let Some(message) = self.last_words.take() {
            self.post_line(Level::Error, message);
        }
    }

    fn post_line(&self, level: Level, message: String) {
        let element = self.around.name.clone();
        self.around.bus.post(Message::Log {
            element,
            level,
            message,
        });
    }
}
