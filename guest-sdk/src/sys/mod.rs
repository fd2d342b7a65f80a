//! The host as the SDK sees it: one API, two implementations.
//!
//! On wasm32 these are the contract's imports; elsewhere a host in memory on the
//! calling thread, which [`crate::harness`] sets up and looks into.

#[cfg_attr(target_arch = "wasm32", path = "wasm.rs")]
#[cfg_attr(not(target_arch = "wasm32"), path = "native.rs")]
mod platform;
#[cfg_attr(target_arch = "wasm32", path = "files_wasm.rs")]
#[cfg_attr(not(target_arch = "wasm32"), path = "files_native.rs")]
pub(crate) mod files;
#[cfg_attr(target_arch = "wasm32", path = "nn_wasm.rs")]
#[cfg_attr(not(target_arch = "wasm32"), path = "nn_native.rs")]
pub(crate) mod nn;
#[cfg(not(target_arch = "wasm32"))]
mod buffer_native;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod world;
#[cfg_attr(target_arch = "wasm32", path = "view_wasm.rs")]
#[cfg_attr(not(target_arch = "wasm32"), path = "view_native.rs")]
mod view;

pub(crate) use platform::*;
pub(crate) use view::*;

/// A size for the contract. Sizes beyond `u32` don't exist in a guest; natively
/// they saturate, and the host refuses them.
pub(crate) fn size_u32(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
