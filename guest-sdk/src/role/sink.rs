//! [`Sink`]: where a stream ends.

use super::{Element, Flow};
use crate::buffer::Buffer;
use crate::caps::Caps;
use crate::context::{Context, Disposition, Event};
use crate::describe::{Info, PadTemplate};
use crate::failure::Failure;
use crate::property::Settings;

/// An element that takes buffers, on one pad `sink`. The host has already waited
/// for a buffer's time where `sync` says so.
///
/// ```
/// use millstream_sdk::prelude::*;
///
/// /// Counts bytes.
/// struct Scale(usize);
///
/// impl Sink for Scale {
///     const INFO: Info = Info::new("scale", "Sink", "Counts bytes");
///     type Settings = ();
///
///     fn new(_: ()) -> Result<Self, Failure> {
///         Ok(Self(0))
///     }
///
///     fn render(&mut self, _: &Context, buffer: Buffer) -> Flow {
///         self.0 += buffer.size();
///         log!(Level::Info, "{} bytes so far", self.0);
///         Ok(Outcome::Nothing)
///     }
/// }
/// element!(Scale: Sink);
/// # fn main() {}
/// ```
pub trait Sink: Sized + 'static {
    /// Name, class, description.
    const INFO: Info;
    /// Everything that the pad `sink` could carry.
    const CAPS: &'static str = "ANY";
    /// What the user sets: a struct of [`crate::properties!`], or `()`.
    type Settings: Settings;

    /// Makes the element. Values are already checked against type and range.
    fn new(settings: Self::Settings) -> Result<Self, Failure>;

    /// The pad's caps from now on: fixed.
    fn set_caps(&mut self, caps: &Caps) -> Result<(), Failure> {
        let _ = caps;
        Ok(())
    }

    /// Opens what is needed to work.
    fn start(&mut self, ctx: &Context) -> Result<(), Failure> {
        let _ = ctx;
        Ok(())
    }

    /// Takes a buffer. [`super::Outcome::Eos`] says that no more are wanted.
    fn render(&mut self, ctx: &Context, buffer: Buffer) -> Flow;

    /// An event at the end of its way; at [`Event::Eos`] finish files.
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

/// A [`Sink`] as an [`Element`].
#[derive(Debug)]
pub struct Adapter<T>(T);

impl<T: Sink> Element for Adapter<T> {
    const INFO: Info = T::INFO;
    const PADS: &'static [PadTemplate] = &[PadTemplate::sink("sink", T::CAPS)];
    type Settings = T::Settings;

    fn new(settings: Self::Settings) -> Result<Self, Failure> {
        T::new(settings).map(Self)
    }

    fn set_caps(&mut self, _ctx: &Context, _pad: u32, caps: &Caps) -> Result<(), Failure> {
        self.0.set_caps(caps)
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

    fn chain(&mut self, ctx: &Context, _pad: u32, buffer: Buffer) -> Flow {
        self.0.render(ctx, buffer)
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
