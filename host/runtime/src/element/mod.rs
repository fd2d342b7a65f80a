//! Elements: how a component is found, compiled, linked to what it was granted, and called.
//!
//! ```text
//! registry (name → file → descriptor) → engine (bytes → compiled code) → link (grants → imports)
//!     → instance (one store, its calls) ← imports (what the guest asks of the host)
//! ```

pub(crate) mod bindings;
pub(crate) mod convert;
pub(crate) mod engine;
#[cfg(feature = "compiler")]
pub(crate) mod cache;
pub(crate) mod found;
pub(crate) mod registry;
#[cfg_attr(not(feature = "compiler"), path = "code_none.rs")]
mod code;
pub(crate) mod link;
pub(crate) mod state;
pub(crate) mod failure;
mod imports;
mod devices;
mod models;
pub(crate) mod instance;
