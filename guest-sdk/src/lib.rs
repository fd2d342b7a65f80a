//! What people who write Millstream elements use.
//!
//! An element takes one of five roles, each a trait: [`Source`] makes buffers,
//! [`InPlace`] changes (or only looks at) the buffers that pass, [`Transform`]
//! writes a new buffer for each one, [`Sink`] swallows them, and [`Element`] is
//! everything else: many pads, pushes of its own. [`element!`] exports it.
//!
//! ```text
//!  Source ──▶ buffer ──▶ InPlace ──▶ same buffer ──▶ Transform ──▶ new buffer ──▶ Sink
//! ```
//!
//! What the user can set is one struct in [`properties!`]. Bytes are reached as
//! slices through [`Buffer::map`]; [`video`] knows how frames lie in them. Built
//! for wasm32 an element becomes a component; built for any other target it runs
//! on an in-memory host, which is how [`harness`] tests it.
//!
//! ```
//! use millstream_sdk::prelude::*;
//!
//! struct Negate;
//!
//! impl InPlace for Negate {
//!     const INFO: Info = Info::new("negate", "Filter/Effect/Video", "Inverts every byte");
//!     type Settings = ();
//!     fn new(_: ()) -> Result<Self, Failure> {
//!         Ok(Self)
//!     }
//!     fn process(&mut self, _: &Context, mut buffer: Buffer) -> Flow {
//!         buffer.map_mut().iter_mut().for_each(|byte| *byte = !*byte);
//!         Ok(buffer.into())
//!     }
//! }
//! element!(Negate: InPlace);
//!
//! # fn main() -> Result<(), Failure> {
//! let mut harness = Harness::<Negate>::new("")?;
//! harness.set_caps("sink", "video/x-raw, format=GRAY8, width=4, height=1, framerate=1/1")?;
//! harness.push(Buffer::from_bytes(&[0, 1, 254, 255]))?;
//! assert_eq!(harness.pull()?.map().to_vec(), [255, 254, 1, 0]);
//! # Ok(())
//! # }
//! ```

// In the order of use. Plain comments: each module's own page is inside of it.
// Roles: what an element is.
pub mod role;
// What is known of an element without running it.
pub mod describe;
// What the user can set.
pub mod property;
// An element's pads, and what it does with them while it is being called.
pub mod context;
// Frames and other data: handles to memory that the host owns.
pub mod buffer;
// Lines, zones and who is in them: a meta of buffers.
#[cfg(feature = "analytics")]
pub mod analytics;
// How video frames lie in buffers.
pub mod video;
// Loops over pixels that need vectors.
#[cfg(feature = "simd")]
pub mod simd;
// Why a call could not do its work.
pub mod failure;
// Log lines and messages to the application.
pub mod bus;
// Inference over `wasi:nn`.
pub mod nn;
// Half precision.
pub mod half;
// Streams of bytes that have gaps, or come twice.
pub mod place;
// What is handed over to the next instance.
#[cfg(feature = "state")]
pub mod state;
// Names of a model's classes.
pub mod labels;
// Video capture.
pub mod camera;
// A window on the screen.
pub mod display;
// Files below granted directories.
pub mod files;
// Tests of elements without a host.
#[cfg(not(target_arch = "wasm32"))]
pub mod harness;

// From the contract's calls to a role's.
#[doc(hidden)]
pub mod runner;
// The component's exports.
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod export;
// The host: imports on wasm32, in memory elsewhere.
mod sys;
#[doc(hidden)]
#[allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    elided_lifetimes_in_paths,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated from `wit/`"
)]
pub mod bindings;

pub use buffer::{Buffer, Detection, Rect, Timing};
pub use context::Context;
pub use describe::{Capability, Info, PadTemplate};
pub use failure::Failure;
pub use millstream_core::caps;
pub use role::{Element, Flow, InPlace, Outcome, Sink, Source, Transform};
pub use video::{VideoFormat, VideoFrame, VideoFrameMut, VideoInfo};

/// Everything that most elements need: `use millstream_sdk::prelude::*;`.
pub mod prelude {
    pub use crate::buffer::{Buffer, BufferFlags, Detection, GROUND_TRUTH, OBJECTS, Rect, Timing};
    pub use crate::bus::Level;
    pub use crate::caps::{Caps, Fraction};
    pub use crate::context::{Context, Disposition, Event};
    pub use crate::describe::{Capability, Direction, Info, PadTemplate};
    pub use crate::failure::Failure;
    #[cfg(not(target_arch = "wasm32"))]
    pub use crate::harness::Harness;
    pub use crate::property::{FileToRead, FileToWrite, ModelName};
    pub use crate::role::{Element, Flow, InPlace, Outcome, Sink, Source, Transform};
    pub use crate::video::{VideoFormat, VideoFrame, VideoFrameMut, VideoInfo};
    pub use crate::{choices, element, log, properties};
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
