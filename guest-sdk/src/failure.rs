//! [`Failure`]: what a call returns when it could not do its work.
//!
//! Say what happened and where, with got and expected, in lower case and without
//! a full stop; then, where there is one, a hint that works when pasted.
//!
//! ```
//! use millstream_sdk::Failure;
//!
//! let failure = Failure::bad_data("got 12 bytes, expected a header of 20")
//!     .hint("put `jpegdec` before this element");
//! assert_eq!(failure.fault.as_str(), "bad-data");
//! ```

use core::fmt;

pub use crate::bindings::millstream::media::types::{Failure, Fault};

impl Failure {
    /// A failure of any kind.
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self {
            fault,
            message: message.into(),
            hint: None,
        }
    }

    /// The caps cannot be used, or a buffer came before caps.
    pub fn not_negotiated(message: impl Into<String>) -> Self {
        Self::new(Fault::NotNegotiated, message)
    }

    /// The data is of a kind that the element does not handle.
    pub fn not_supported(message: impl Into<String>) -> Self {
        Self::new(Fault::NotSupported, message)
    }

    /// A file or device is missing, full, busy or broken.
    pub fn resource(message: impl Into<String>) -> Self {
        Self::new(Fault::Resource, message)
    }

    /// The data itself is damaged.
    pub fn bad_data(message: impl Into<String>) -> Self {
        Self::new(Fault::BadData, message)
    }

    /// A property has a value that makes no sense here.
    pub fn settings(message: impl Into<String>) -> Self {
        Self::new(Fault::Settings, message)
    }

    /// The model cannot be loaded or run.
    pub fn inference(message: impl Into<String>) -> Self {
        Self::new(Fault::Inference, message)
    }

    /// Anything else.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Fault::Failed, message)
    }

    /// The same with what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Fault {
    /// The contract's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotNegotiated => "not-negotiated",
            Self::NotSupported => "not-supported",
            Self::Resource => "resource",
            Self::BadData => "bad-data",
            Self::Settings => "settings",
            Self::Inference => "inference",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
