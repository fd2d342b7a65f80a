//! A call that failed: what sort of failure, and how a trap reads.

use wasmtime::Trap;

use super::bindings::types;
use super::convert;
use super::state::{MAX_MESSAGE_BYTES, State};

/// Why an element could not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// It said so.
    Returned,
    /// It executed an instruction that it may not, or panicked.
    Trap,
    /// It took too long.
    Deadline,
    /// It wanted more memory than its limit.
    Memory,
    /// It broke the contract.
    Contract,
}

impl FailureKind {
    /// The kind's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Returned => "error",
            Self::Trap => "trap",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Contract => "contract broken",
        }
    }
}

/// A failed call.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// What sort of failure.
    pub kind: FailureKind,
    /// What happened.
    pub message: String,
    /// What can be done about it.
    pub hint: Option<String>,
}

impl Failure {
    pub(crate) fn contract(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Contract,
            message: message.into(),
            hint: None,
        }
    }
}

/// What an element said of itself.
pub(super) fn returned(failure: types::Failure) -> Failure {
    Failure {
        kind: FailureKind::Returned,
        message: convert::shortened(failure.message, MAX_MESSAGE_BYTES),
        hint: failure
            .hint
            .map(|hint| convert::shortened(hint, MAX_MESSAGE_BYTES)),
    }
}

/// What a trap or a refused import means.
pub(super) fn explain(state: &mut State, error: &wasmtime::Error) -> Failure {
    let is_trap = error.downcast_ref::<Trap>().is_some();
    // A panic says why, and then traps.
    let is_panic = is_trap && !state.call.exceeded && !state.memory_refused;
    let words = state.last_words.take_if(|_| is_panic);
    state.finish_talk();
    let limit = state.call.limit;
    let message = error.root_cause().to_string();
    if state.call.exceeded {
        return Failure {
            kind: FailureKind::Deadline,
            message: format!("a call took longer than its limit of {limit:?}"),
            hint: Some(format!(
                "raise `limits.{}` of the element, if it only needs more time",
                state.call.key
            )),
        };
    }
    if state.memory_refused {
        return Failure {
            kind: FailureKind::Memory,
            message: format!(
                "it wanted more memory than its limit of {} MiB ({message})",
                state.around.memory_bytes >> 20
            ),
            hint: Some("raise `limits.memory` of the element, if it only needs more".to_owned()),
        };
    }
    let kind = if is_trap {
        FailureKind::Trap
    } else {
        FailureKind::Contract
    };
    let message = with_backtrace(message, error);
    Failure {
        kind,
        message: match words {
            Some(words) => format!("{words} ({message})"),
            None => message,
        },
        hint: None,
    }
}

/// Functions of a trap's backtrace that are shown, innermost first.
const SHOWN_FRAMES: usize = 4;

/// Adds the guest's innermost functions, where their names are known.
fn with_backtrace(mut message: String, error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<wasmtime::WasmBacktrace>() else {
        return message;
    };
    let names: Vec<String> = backtrace
        .frames()
        .iter()
        .filter_map(wasmtime::FrameInfo::func_name)
        // Names of other languages stay as they are; `#` leaves the hash out.
        .map(|name| format!("{:#}", rustc_demangle::demangle(name)))
        .filter(|name| !name.contains("panic") && !name.contains("rust_begin_unwind"))
        .take(SHOWN_FRAMES)
        .collect();
    if !names.is_empty() {
        message.push_str(" in ");
        message.push_str(&names.join(" < "));
    }
    convert::shortened(message, MAX_MESSAGE_BYTES)
}
