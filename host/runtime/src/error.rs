//! What can go wrong at run time, as explanations.

use std::path::PathBuf;

/// An error of the runtime.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pipeline's text, graph or caps are wrong.
    #[error(transparent)]
    Core(#[from] millstream_core::error::Error),
    /// wasmtime refuses to work on this machine.
    #[error("the WebAssembly engine does not start: {message}")]
    Engine {
        /// The engine's own words.
        message: String,
    },
    /// The system gives no more threads.
    #[error("no thread to run on")]
    Thread(#[source] std::io::Error),
    /// A file that should hold a component cannot be read.
    #[error("cannot read component `{path}`: {source}")]
    ReadComponent {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not an element.
    #[error("`{origin}` is not an element: {message}")]
    NotAnElement {
        /// Where the component came from.
        origin: String,
        /// What is wrong with it.
        message: String,
    },
    /// A bundle cannot be used.
    #[error("bundle `{path}`: {message}")]
    Bundle {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
        /// What can be done.
        hint: Option<String>,
    },
    /// A bundle cannot be written.
    #[error("cannot write the bundle: {0}")]
    WriteBundle(#[source] std::io::Error),
    /// A component's machine code cannot be had: this program has no compiler.
    #[error("there is no machine code for `{origin}` here: {message}")]
    NotCompiled {
        /// Name of the element.
        origin: String,
        /// Why.
        message: String,
        /// What can be done.
        hint: String,
    },
    /// An element wants what it was not granted.
    #[error("element `{element}` may not use `{capability}`: not granted")]
    NotGranted {
        /// Name of the element.
        element: String,
        /// The capability.
        capability: String,
        /// What to add where.
        hint: String,
    },
    /// An element answered with an error.
    #[error("element `{element}` failed{during}: {message}")]
    Element {
        /// Name of the element.
        element: String,
        /// ` in create` and the like.
        during: String,
        /// What it said.
        message: String,
        /// What can be done.
        hint: Option<String>,
    },
    /// Another component cannot take an element over; the one that is there goes on.
    #[error("element `{element}` was not swapped: {message}")]
    NotSwapped {
        /// Name of the element.
        element: String,
        /// Why.
        message: String,
        /// What can be done.
        hint: Option<String>,
    },
    /// A running element has not taken the value of a property.
    #[error("element `{element}` failed in set-property: {message}")]
    NotSet {
        /// Name of the element.
        element: String,
        /// Why.
        message: String,
        /// What can be done.
        hint: Option<String>,
    },
    /// A model cannot be had.
    #[error("element `{element}`: {message}")]
    Model {
        /// Name of the element.
        element: String,
        /// What is wrong.
        message: String,
        /// What can be done.
        hint: Option<String>,
    },
}

impl Error {
    pub(crate) fn engine(error: impl std::fmt::Display) -> Self {
        Self::Engine {
            message: format!("{error:#}"),
        }
    }

    pub(crate) fn thread(error: std::io::Error) -> Self {
        Self::Thread(error)
    }

    /// Stable name of the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Core(error) => error.code(),
            Self::Engine { .. } => "M0101",
            Self::Thread(_) => "M0102",
            Self::ReadComponent { .. } => "M0103",
            Self::NotAnElement { .. } => "M0104",
            Self::NotGranted { .. } => "M0105",
            Self::Element { .. } => "M0106",
            Self::Model { .. } => "M0107",
            Self::NotSwapped { .. } => "M0108",
            Self::NotSet { .. } => "M0109",
            Self::Bundle { .. } => "M0110",
            Self::WriteBundle(_) => "M0111",
            Self::NotCompiled { .. } => "M0112",
        }
    }

    /// What the user can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Core(error) => error.hint(),
            Self::NotGranted { hint, .. } | Self::NotCompiled { hint, .. } => Some(hint.clone()),
            Self::Element { hint, .. }
            | Self::Bundle { hint, .. }
            | Self::NotSwapped { hint, .. }
            | Self::NotSet { hint, .. }
            | Self::Model { hint, .. } => hint.clone(),
            _ => None,
        }
    }

    /// The whole text for a terminal.
    pub fn render(&self) -> String {
        if let Self::Core(error) = self {
            return error.render();
        }
        let mut text = format!("error[{}]: {self}", self.code());
        if let Some(hint) = self.hint() {
            text.push_str("\nhint: ");
            text.push_str(&hint);
        }
        text
    }
}
