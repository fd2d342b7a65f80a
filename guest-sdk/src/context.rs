//! [`Context`]: an element's pads, and what it does with them while it is being
//! called.
//!
//! Pads are named by their index. Nothing downstream runs inside of a call: what
//! is pushed leaves, in order, when the call returns.

use crate::buffer::Buffer;
use crate::caps::Caps;
use crate::failure::Failure;
use crate::sys;

pub use crate::bindings::exports::millstream::media::element::{Disposition, Pad};
pub use crate::bindings::millstream::media::types::{CustomEvent, Event, Segment};

use crate::describe::{Direction, PadTemplate};

/// The element's pads and the pipeline's clock.
#[derive(Debug)]
pub struct Context {
    pads: Vec<Pad>,
    templates: &'static [PadTemplate],
    src: u32,
}

impl Context {
    pub(crate) fn new(pads: Vec<Pad>, templates: &'static [PadTemplate]) -> Self {
        let mut context = Self {
            pads,
            templates,
            src: 0,
        };
        let src = context.pads_facing(Direction::Src).next();
        context.src = src.unwrap_or(0);
        context
    }

    /// All pads of this instance, in the order of their indices.
    pub fn pads(&self) -> &[Pad] {
        &self.pads
    }

    /// The index of the pad of that name.
    pub fn pad(&self, name: &str) -> Option<u32> {
        (0_u32..)
            .zip(&self.pads)
            .find(|(_, pad)| pad.name == name)
            .map(|(index, _)| index)
    }

    /// The indices of all pads that face one way.
    pub fn pads_facing(&self, direction: Direction) -> impl Iterator<Item = u32> {
        (0_u32..)
            .zip(&self.pads)
            .map(|(index, _)| index)
            .filter(move |index| {
                self.template(*index)
                    .is_ok_and(|template| template.direction == direction)
            })
    }

    /// What a pad was made from.
    pub fn template(&self, pad: u32) -> Result<&'static PadTemplate, Failure> {
        let template = self.pads.get(pad as usize).map(|pad| pad.template as usize);
        template
            .and_then(|index| self.templates.get(index))
            .ok_or_else(|| Failure::failed(format!("no pad of index {pad}")))
    }

    /// A fresh writable buffer for the first src pad. Its bytes are whatever an
    /// earlier frame of the pad left, or zero. Traps over 256 MiB.
    pub fn allocate(&self, size: usize) -> Buffer {
        self.allocate_for(self.src, size)
    }

    /// The same for any src pad.
    #[allow(
        clippy::unused_self,
        reason = "only an element that is being called may allocate"
    )]
    pub fn allocate_for(&self, pad: u32, size: usize) -> Buffer {
        Buffer::from_raw(sys::allocate(pad, sys::size_u32(size)))
    }

    /// Queues a buffer to leave on a src pad when this call returns.
    #[allow(
        clippy::unused_self,
        reason = "only an element that is being called may push"
    )]
    pub fn push(&self, pad: u32, buffer: Buffer) {
        sys::push(pad, buffer.into_raw());
    }

    /// Queues an event in the same order.
    #[allow(
        clippy::unused_self,
        reason = "only an element that is being called may push"
    )]
    pub fn push_event(&self, pad: u32, event: &Event) {
        sys::push_event(pad, event);
    }

    /// Decides the caps of a src pad whose caps depend on the data: of all that
    /// the element could send, the fixed caps that it shall send.
    #[allow(
        clippy::unused_self,
        reason = "only an element that is being called may negotiate"
    )]
    pub fn negotiate(&self, pad: u32, caps: &Caps) -> Result<Caps, Failure> {
        crate::runner::parse_caps(&sys::negotiate(pad, &caps.to_string())?)
    }

    /// Time since the pipeline began to play, without pauses, in nanoseconds.
    #[allow(clippy::unused_self, reason = "there is no time outside of a call")]
    pub fn running_time(&self) -> u64 {
        sys::running_time()
    }

    /// Time of the pipeline's clock in nanoseconds. Never falls.
    #[allow(clippy::unused_self, reason = "there is no time outside of a call")]
    pub fn now(&self) -> u64 {
        sys::now()
    }
}
