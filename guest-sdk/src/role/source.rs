//! [`Source`]: makes buffers.

use super::{Element, Flow};
use crate::caps::Caps;
use crate::context::Context;
use crate::describe::{Info, PadTemplate};
use crate::failure::Failure;
use crate::property::Settings;

/// An element that makes buffers, on one pad `src`.
///
/// ```
/// use millstream_sdk::prelude::*;
///
/// /// Counts to three.
/// struct Count(u8);
///
/// impl Source for Count {
///     const INFO: Info = Info::new("count", "Source/Test", "Counts to three");
///     type Settings = ();
///
///     fn new(_: ()) -> Result<Self, Failure> {
///         Ok(Self(0))
///     }
///
///     fn produce(&mut self, ctx: &Context) -> Flow {
///         if self.0 == 3 {
///             return Ok(Outcome::Eos);
///         }
///         self.0 += 1;
///         let mut buffer = ctx.allocate(1);
///         buffer.map_overwrite().fill(self.0);
///         Ok(buffer.into())
///     }
/// }
/// element!(Count: Source);
/// # fn main() {}
/// ```
pub trait Source: Sized + 'static {
    /// Name, class, description.
    const INFO: Info;
    /// Everything that the pad `src` could carry.
    const CAPS: &'static str = "ANY";
    /// What the user sets: a struct of [`crate::properties!`], or `()`.
    type Settings: Settings;

    /// Makes the element. Values are already checked against type and range.
    fn new(settings: Self::Settings) -> Result<Self, Failure>;

    /// What the pad could carry now, given properties and devices.
    fn caps(&self) -> Result<Caps, Failure> {
        crate::runner::parse_caps(Self::CAPS)
    }

    /// Picks among the caps that downstream accepts. The host fixates what is
    /// left open.
    fn fixate(&self, caps: Caps) -> Result<Caps, Failure> {
        Ok(caps)
    }

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

    /// The next buffer, [`super::Outcome::Wait`] or [`super::Outcome::Eos`].
    fn produce(&mut self, ctx: &Context) -> Flow;

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

/// A [`Source`] as an [`Element`].
#[derive(Debug)]
pub struct Adapter<T>(T);

impl<T: Source> Element for Adapter<T> {
    const INFO: Info = T::INFO;
    const PADS: &'static [PadTemplate] = &[PadTemplate::src("src", T::CAPS)];
    type Settings = T::Settings;

    fn new(settings: Self::Settings) -> Result<Self, Failure> {
        T::new(settings).map(Self)
    }

    fn pad_caps(&self, _ctx: &Context, _pad: u32) -> Result<Caps, Failure> {
        self.0.caps()
    }

    fn fixate_caps(
        &self,
        _ctx: &Context,
        _pad: u32,
        caps: Caps,
        _sink_caps: Option<&Caps>,
    ) -> Result<Caps, Failure> {
        self.0.fixate(caps)
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

    fn produce(&mut self, ctx: &Context) -> Flow {
        self.0.produce(ctx)
    }

    fn save(&self) -> Option<Vec<u8>> {
        self.0.save()
    }

    fn restore(&mut self, ctx: &Context, state: &[u8]) -> Result<(), Failure> {
        self.0.restore(ctx, state)
    }
}
