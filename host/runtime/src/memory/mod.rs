//! Memory that host and guests share: frames, and the windows into which they are mapped.
//!
//! ```text
//! Pool (one a src pad) ── FrameMemory ── mapped once for the host
//!                              └──────── mapped into each element's window
//! ```
//!
//! All of the project's `unsafe` that is about bytes lives in this folder.

pub(crate) mod guest;
pub(crate) mod frame;
pub(crate) mod view;
pub(crate) mod fault;
pub(crate) mod heap;
mod warm;
