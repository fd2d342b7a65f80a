//! [`Transform`]: a new buffer for each one that enters.

use super::{Element, Flow};
use crate::buffer::Buffer;
use crate::caps::Caps;
use crate::context::{Context, Disposition, Event};
use crate::describe::{Direction, Info, PadTemplate};
use crate::failure::Failure;
use crate::property::Settings;

/// An element that writes a new buffer for each one that enters: another size,
/// another format. The SDK allocates the new buffer and copies timing and metas;
/// rectangles of detections are not scaled.
///
/// ```
/// use millstream_sdk::prelude::*;
///
/// /// Keeps every second byte.
/// struct Thin;
///
/// impl Transform for Thin {
///     const INFO: Info = Info::new("thin", "Filter", "Keeps every second byte");
///     type Settings = ();
///
///     fn new(_: ()) -> Result<Self, Failure> {
///         Ok(Self)
///     }
///
///     fn output_size(&self, input: &Buffer) -> Result<usize, Failure> {
///         Ok(input.size().div_ceil(2))
///     }
///
///     fn transform(&mut self, input: &Buffer, output: &mut Buffer) -> Result<(), Failure> {
///         for (to, from) in output.map_overwrite().iter_mut().zip(input.map().iter().step_by(2)) {
///             *to = *from;
///         }
///         Ok(())
///     }
/// }
/// element!(Thin: Transform);
/// # fn main() {}
/// ```
pub trait Transform: Sized + 'static {
    /// Name, class, description.
    const INFO: Info;
    /// Everything that the pad `sink` could carry.
    const SINK_CAPS: &'static str = "ANY";
    /// Everything that the pad `src` could carry.
    const SRC_CAPS: &'static str = "ANY";
    /// What the user sets: a struct of [`crate::properties!`], or `()`.
    type Settings: Settings;

    /// Makes the element. Values are already checked against type and range.
    fn new(settings: Self::Settings) -> Result<Self, Failure>;

    /// What the other pad could carry if the pad that faces `given` carried
    /// `caps`, the preferred caps first.
    fn transform_caps(&self, given: Direction, caps: &Caps) -> Result<Caps, Failure> {
        let _ = given;
        Ok(caps.clone())
    }

    /// Picks among the caps that the src pad could still get when `sink_caps`
    /// enter. The host fixates what is left open.
    fn fixate(&self, caps: Caps, sink_caps: &Caps) -> Result<Caps, Failure> {
        let _ = sink_caps;
        Ok(caps)
    }

    /// The caps of both pads from now on: fixed.
    fn set_caps(&mut self, sink: &Caps, src: &Caps) -> Result<(), Failure> {
        let _ = (sink, src);
        Ok(())
    }

    /// Opens what is needed to work.
    fn start(&mut self, ctx: &Context) -> Result<(), Failure> {
        let _ = ctx;
        Ok(())
    }

    /// Whether there is nothing to do with the present caps and settings, so that
    /// buffers pass as they are; the host then hands them on and asks for nothing.
    fn is_passthrough(&self) -> bool {
        false
    }

    /// Bytes of the buffer that `transform` is to fill for this input, or at most
    /// so many if it shortens it with [`Buffer::set_size`].
    fn output_size(&self, input: &Buffer) -> Result<usize, Failure>;

    /// Fills the output, which has timing and metas of the input already.
    fn transform(&mut self, input: &Buffer, output: &mut Buffer) -> Result<(), Failure>;

    /// An event on its way.
    fn handle_event(&mut self, ctx: &Context, event: &Event) -> Result<Disposition, Failure> {
        let _ = (ctx, event);
        Ok(Disposition::Forward)
    }

    /// Takes over settings after a property of mutability `playing` has changed.
    fn configure(&mut self, settings: Self::Settings) -> Result<(), Failure> {
        let _ = settings;
        Ok(())
    }

    /// Gives back what `start` opened. The last call.
    fn stop(&mut self, ctx: &Context) -> Result<(), Failure> {
        let _ = ctx;
        Ok(())
    }

    /// What another instance needs to go on where this one is; [`crate::state`]
    /// writes it. None: nothing.
    fn save(&self) -> Option<Vec<u8>> {
        None
    }

    /// Goes on where another instance was, perhaps one of another version. After
    /// `start` and `set_caps`, before the first buffer.
    fn restore(&mut self, ctx: &Context, state: &[u8]) -> Result<(), Failure> {
        let _ = (ctx, state);
        Err(Failure::not_supported("this element takes no state over"))
    }
}

/// A [`Transform`] as an [`Element`].
#[derive(Debug)]
pub struct Adapter<T> {
    inner: T,
    sink_caps: Option<Caps>,
    src_caps: Option<Caps>,
    /// Caps have come that `inner` has not seen.
    changed: bool,
}

impl<T: Transform> Adapter<T> {
    /// Hands both caps over once both are known.
    fn settle(&mut self) -> Result<(), Failure> {
        if let (true, Some(sink), Some(src)) = (self.changed, &self.sink_caps, &self.src_caps) {
            self.inner.set_caps(sink, src)?;
            self.changed = false;
        }
        Ok(())
    }
}

impl<T: Transform> Element for Adapter<T> {
    const INFO: Info = T::INFO;
    const PADS: &'static [PadTemplate] = &[
        PadTemplate::sink("sink", T::SINK_CAPS),
        PadTemplate::src("src", T::SRC_CAPS),
    ];
    type Settings = T::Settings;

    fn new(settings: Self::Settings) -> Result<Self, Failure> {
        let inner = T::new(settings)?;
        Ok(Self {
            inner,
            sink_caps: None,
            src_caps: None,
            changed: false,
        })
    }

    fn transform_caps(
        &self,
        ctx: &Context,
        given: u32,
        caps: &Caps,
        _to: u32,
    ) -> Result<Caps, Failure> {
        self.inner
            .transform_caps(ctx.template(given)?.direction, caps)
    }

    fn fixate_caps(
        &self,
        _ctx: &Context,
        _pad: u32,
        caps: Caps,
        sink_caps: Option<&Caps>,
    ) -> Result<Caps, Failure> {
        match sink_caps {
            Some(sink_caps) => self.inner.fixate(caps, sink_caps),
            None => Ok(caps),
        }
    }

    fn set_caps(&mut self, ctx: &Context, pad: u32, caps: &Caps) -> Result<(), Failure> {
        self.changed = true;
        if ctx.template(pad)?.direction == Direction::Sink {
            // The src pad's come next. Where they don't, `chain` settles.
            self.sink_caps = Some(caps.clone());
            return Ok(());
        }
        self.src_caps = Some(caps.clone());
        self.settle()
    }

    fn start(&mut self, ctx: &Context) -> Result<(), Failure> {
        self.inner.start(ctx)
    }

    fn stop(&mut self, ctx: &Context) -> Result<(), Failure> {
        self.inner.stop(ctx)
    }

    fn configure(&mut self, settings: Self::Settings) -> Result<(), Failure> {
        self.inner.configure(settings)
    }

    fn is_passthrough(&self) -> bool {
        !self.changed && self.inner.is_passthrough()
    }

    fn chain(&mut self, ctx: &Context, _pad: u32, buffer: Buffer) -> Flow {
        self.settle()?;
        if self.inner.is_passthrough() {
            return Ok(buffer.into());
        }
        let mut output = ctx.allocate(self.inner.output_size(&buffer)?);
        output.copy_info(&buffer);
        self.inner.transform(&buffer, &mut output)?;
        Ok(output.into())
    }

    fn handle_event(
        &mut self,
        ctx: &Context,
        _pad: u32,
        event: &Event,
    ) -> Result<Disposition, Failure> {
        self.inner.handle_event(ctx, event)
    }

    fn save(&self) -> Option<Vec<u8>> {
        self.inner.save()
    }

    fn restore(&mut self, ctx: &Context, state: &[u8]) -> Result<(), Failure> {
        self.inner.restore(ctx, state)
    }
}
