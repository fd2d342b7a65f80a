//! [`InPlace`]: the buffer that enters is the one that leaves.

use super::{Element, Flow};
use crate::buffer::Buffer;
use crate::caps::Caps;
use crate::context::{Context, Disposition, Event};
use crate::describe::{Info, PadTemplate};
use crate::failure::Failure;
use crate::property::Settings;

/// An element that changes buffers as they pass, or only looks at them: pads
/// `sink` and `src` with the same caps.
///
/// Nothing is copied unless bytes are written ([`Buffer::map_mut`]) while another
/// branch of the pipeline shares them; metas can always be set. Returning
/// [`super::Outcome::Nothing`] drops the buffer. The crate's first page has an
/// example.
pub trait InPlace: Sized + 'static {
    /// Name, class, description.
    const INFO: Info;
    /// Everything that both pads could carry.
    const CAPS: &'static str = "ANY";
    /// What the user sets: a struct of [`crate::properties!`], or `()`.
    type Settings: Settings;

    /// Makes the element. Values are already checked against type and range.
    fn new(settings: Self::Settings) -> Result<Self, Failure>;

    /// The caps of both pads from now on: fixed.
    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        let _ = caps;
        Ok(())
    }

    /// Opens what is needed to work.
    fn start(&mut self, ctx: &Context) -> Result<(), Failure> {
        let _ = ctx;
        Ok(())
    }

    /// A buffer on its way: `Ok(buffer.into())` passes it on.
    fn process(&mut self, ctx: &Context, buffer: Buffer) -> Flow;

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

    /// Whether there is nothing to do with the present caps and settings: the host
    /// then hands buffers on and does not ask for `process`. Looked at after each of
    /// the other calls.
    fn is_passthrough(&self) -> bool {
        false
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

/// An [`InPlace`] as an [`Element`].
#[derive(Debug)]
pub struct Adapter<T>(T);

impl<T: InPlace> Element for Adapter<T> {
    const INFO: Info = T::INFO;
    const PADS: &'static [PadTemplate] = &[
        PadTemplate::sink("sink", T::CAPS),
        PadTemplate::src("src", T::CAPS),
    ];
    type Settings = T::Settings;

    fn new(settings: Self::Settings) -> Result<Self, Failure> {
        T::new(settings).map(Self)
    }

    fn set_caps(&mut self, ctx: &Context, pad: u32, caps: &Caps) -> Result<(), Failure> {
        // Both pads get the same caps; once is enough.
        if ctx.template(pad)?.name == "sink" {
            self.0.set_caps(caps)
        } else {
            Ok(())
        }
    }

    fn start(&mut self, ctx: &Context) -> Result<(), Failure> {
        self.0.start(ctx)
    }

    fn stop(&mut self, ctx: &Context) -> Result<(), Failure> {
        self.0.stop(ctx)
    }

    fn configure(&mut self, settings: Self::Settings) -> Result<(), Failure> {
        self.0.configure(settings)
    }

    fn is_passthrough(&self) -> bool {
        self.0.is_passthrough()
    }

    fn chain(&mut self, ctx: &Context, _pad: u32, buffer: Buffer) -> Flow {
        self.0.process(ctx, buffer)
    }

    fn handle_event(
        &mut self,
        ctx: &Context,
        _pad: u32,
        event: &Event,
    ) -> Result<Disposition, Failure> {
        self.0.handle_event(ctx, event)
    }

    fn save(&self) -> Option<Vec<u8>> {
        self.0.save()
    }

    fn restore(&mut self, ctx: &Context, state: &[u8]) -> Result<(), Failure> {
        self.0.restore(ctx, state)
    }
}
