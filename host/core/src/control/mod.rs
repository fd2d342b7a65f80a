//! The control protocol: what can be asked of a running pipeline, one JSON object a line.
//!
//! ```text
//! client                                    pipeline
//!             ◄── {"millstream":"0.1.0","protocol":1,"pipeline":"shapes"}
//! {"id":1,"command":"stats"} ──►
//!             ◄── {"id":1,"ok":{…}}  or  {"id":1,"error":{"kind":"usage","message":"…","hint":"…"}}
//! ```
//!
//! A [`Request`] is flat: its fields are text, numbers, `true` or `false`, so that nothing
//! in it can nest. Texts in, values out; sockets are the program's business.

mod answer;
mod problem;
mod request;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use answer::{Answer, ErrorKind, Greeting, Refusal};
pub use problem::Problem;
pub use request::{COMMANDS, Command, Id, Refused, Request, Swap, parse_request};

/// The protocol's version: another one breaks clients.
pub const PROTOCOL: u64 = 1;

/// Longest line that a client may send, its end not counted: more than any property's
/// value needs, and little enough to keep for each client.
pub const MAX_LINE_BYTES: usize = 64 << 10;

/// Longest line that a client should read: the counters and properties of the most elements
/// that a pipeline may have.
pub const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Most fields of a request: twice what the richest command has.
pub const MAX_FIELDS: usize = 12;

/// Longest `id`: it is repeated in the answer.
pub const MAX_ID_BYTES: usize = 128;

/// Longest name of an element or a property: they are written by hand.
pub const MAX_NAME_BYTES: usize = 256;

/// Longest value of a property, and half of the longest line, so that quotes in it can be
/// escaped.
pub const MAX_VALUE_BYTES: usize = 32 << 10;

/// Longest name of a file: what Linux takes (`PATH_MAX`).
pub const MAX_FILE_BYTES: usize = 4096;

/// How long a new component is on trial where a request does not say.
pub const DEFAULT_TRIAL: Duration = Duration::from_secs(1);

/// Shortest trial: no call of a new component may take longer than its trial.
pub const MIN_TRIAL: Duration = Duration::from_millis(10);

/// Longest trial: the old component is kept meanwhile, and other swaps wait.
pub const MAX_TRIAL: Duration = Duration::from_mins(1);
