//! [`Element`]: any number of pads, and pushes of its own.

use super::Flow;
use crate::buffer::Buffer;
use crate::caps::Caps;
use crate::context::{Context, Disposition, Event};
use crate::describe::{Info, PadTemplate};
use crate::failure::Failure;
use crate::property::Settings;

/// An element of many pads: a muxer, a demuxer, a decoder that finds its caps in
/// the data. The other roles are simpler; take this one where they don't fit.
///
/// ```
/// use millstream_sdk::prelude::*;
///
/// /// Deals buffers to its src pads in turn.
/// struct Deal {
///     next: usize,
/// }
///
/// impl Element for Deal {
///     const INFO: Info = Info::new("deal", "Generic", "Deals buffers to its src pads in turn");
///     const PADS: &[PadTemplate] =
///         &[PadTemplate::sink("sink", "ANY"), PadTemplate::src("src_%u", "ANY").request()];
///     type Settings = ();
///
///     fn new(_: ()) -> Result<Self, Failure> {
///         Ok(Self { next: 0 })
///     }
///
///     fn chain(&mut self, ctx: &Context, _pad: u32, buffer: Buffer) -> Flow {
///         let outputs: Vec<u32> = ctx.pads_facing(Direction::Src).collect();
///         if let Some(pad) = outputs.get(self.next % outputs.len().max(1)) {
///             ctx.push(*pad, buffer);
///         }
///         self.next += 1;
///         Ok(Outcome::Nothing)
///     }
/// }
/// element!(Deal: Element);
/// # fn main() {}
/// ```
pub trait Element: Sized + 'static {
    /// Name, class, description.
    const INFO: Info;
    /// Its kinds of pads.
    const PADS: &'static [PadTemplate];
    /// What the user sets: a struct of [`crate::properties!`], or `()`.
    type Settings: Settings;

    /// Makes the element. Values are already checked against type and range.
    fn new(settings: Self::Settings) -> Result<Self, Failure>;

    /// What a pad could carry now: a subset of its template's caps.
    fn pad_caps(&self, ctx: &Context, pad: u32) -> Result<Caps, Failure> {
        crate::runner::parse_caps(ctx.template(pad)?.caps)
    }

    /// What the pad `to` could carry if the pad `given` carried `caps`, the
    /// preferred caps first. The same, unless the element changes formats.
    fn transform_caps(
        &self,
        ctx: &Context,
        given: u32,
        caps: &Caps,
        to: u32,
    ) -> Result<Caps, Failure> {
        let _ = (ctx, given, to);
        Ok(caps.clone())
    }

    /// Picks among the caps that a src pad could still get. The host fixates what
    /// is left open.
    fn fixate_caps(
        &self,
        ctx: &Context,
        pad: u32,
        caps: Caps,
        sink_caps: Option<&Caps>,
    ) -> Result<Caps, Failure> {
        let _ = (ctx, pad, sink_caps);
        Ok(caps)
    }

    /// The pad's caps from now on: fixed.
    fn set_caps(&mut self, ctx: &Context, pad: u32, caps: &Caps) -> Result<(), Failure> {
        let _ = (ctx, pad, caps);
        Ok(())
    }

    /// Opens what is needed to work: files, devices, models.
    fn start(&mut self, ctx: &Context) -> Result<(), Failure> {
        let _ = ctx;
        Ok(())
    }

    /// Gives it back. The last call.
    fn stop(&mut self, ctx: &Context) -> Result<(), Failure> {
        let _ = ctx;
        Ok(())
    }

    /// Whether there is nothing to do with the present caps and settings: the host
    /// then hands buffers on and does not ask for `chain`. Needs one pad `sink` and one `src`. Looked at after each of
    /// the other calls.
    fn is_passthrough(&self) -> bool {
        false
    }

    /// Takes over settings after a property of mutability `playing` has changed.
    fn configure(&mut self, settings: Self::Settings) -> Result<(), Failure> {
        let _ = settings;
        Ok(())
    }

    /// A source's turn.
    fn produce(&mut self, ctx: &Context) -> Flow {
        let _ = ctx;
        Err(Failure::not_supported("this element is no source"))
    }

    /// A buffer that arrived on a sink pad.
    fn chain(&mut self, ctx: &Context, pad: u32, buffer: Buffer) -> Flow {
        let _ = (ctx, pad, buffer);
        Err(Failure::not_supported("this element takes no buffers"))
    }

    /// An event that arrived on a sink pad. At [`Event::Eos`] push what is left.
    fn handle_event(
        &mut self,
        ctx: &Context,
        pad: u32,
        event: &Event,
    ) -> Result<Disposition, Failure> {
        let _ = (ctx, pad, event);
        Ok(Disposition::Forward)
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
