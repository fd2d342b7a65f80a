//! What a Millstream pipeline is, without running it.
//!
//! Text comes in at the top and an executable plan leaves at the bottom; the
//! runtime does the rest. No I/O, no threads, no WebAssembly engine: the same
//! rules build for `wasm32-unknown-unknown`.
//!
//! ```text
//! launch line ─┐
//!              ├─> Description ──(Registry)──> Graph ──(Oracle)──> Plan
//! manifest ────┘       pipeline                graph    negotiate
//! ```
//!
//! Without the default feature `pipeline` only [`caps`], [`element`] and [`privilege`]
//! are left, and the crate has no dependency: that is what elements themselves use.

// Caps: what a pad can carry, and the algebra on it.
pub mod caps;
// What is known of an element without running it.
pub mod element;
// Whether a new version of an element wants more than the old one.
pub mod privilege;
// Everything that can be wrong with a pipeline, explained.
#[cfg(feature = "pipeline")]
pub mod error;
// Where in a text something stands.
#[cfg(feature = "pipeline")]
pub mod source;
// Texts, the host's own elements and the graph.
#[cfg(feature = "pipeline")]
pub mod pipeline;
// Which caps each link gets.
#[cfg(feature = "pipeline")]
pub mod negotiate;
// Segments, running time, times as text.
#[cfg(feature = "pipeline")]
pub mod clock;
// When a queue is full.
#[cfg(feature = "pipeline")]
pub mod queue;
// What can be asked of a running pipeline.
#[cfg(feature = "control")]
pub mod control;

// A small registry and oracle for tests.
#[cfg(feature = "pipeline")]
#[cfg(test)]
mod testing;

#[cfg(feature = "pipeline")]
pub use error::Error;
#[cfg(feature = "pipeline")]
pub use negotiate::{LinkPlan, Oracle, Plan};
#[cfg(feature = "pipeline")]
pub use pipeline::{Description, builtin, graph, launch, lock, manifest};
