//! Elements: how a component is found, compiled, linked to what it was granted, and called.
//!
//! ```text
//! registry (name → file → descriptor) → engine (bytes → compiled code) → link (grants → imports)
//!     → instance (one store, its calls) ← imports (what the guest asks of the host)
//! ```

pub(crate) mod bindings;
pub(crate) mod convert;
pub(crate) mod engine;
pub(crate) mod registry;
pub(crate) mod link;
pub(crate) mod state;
pub(crate) mod failure;
mod imports;
mod devices;
mod models;
pub(crate) mod instance;
