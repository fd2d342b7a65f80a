//! The real binary, end to end: arguments and files in; exit codes, messages and files out.
//!
//! ```text
//! scene (a folder of its own) ─► millstream launch|run … ─► Run { code, stdout, stderr } ─► files
//! ```
//!
//! A test whose elements, fixtures or models are not built says so and is skipped, but
//! fails where `CI=true`.
#![allow(missing_docs, unreachable_pub, reason = "a test crate has no users")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests may do what tests may"
)]

mod scene;
mod inference;
mod media;
mod pipelines;
mod formats;
mod faults;
mod parallel;
mod world;
mod hostile;
mod isolation;
mod pretenders;
mod errors;
mod detector;
mod cache;
mod bundle;
#[cfg(unix)]
mod control;
mod lock;
mod files;
