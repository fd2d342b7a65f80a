//! The control socket where there are no Unix domain sockets.

use std::io;
use std::path::Path;

use millstream_runtime::Controller;

use crate::failure::Failure;

/// A socket that cannot be.
pub(super) enum Bound {}

/// A server that cannot be.
pub(super) enum Control {}

impl Bound {
    /// Says that it cannot be had here.
    pub(super) fn new(_: Option<&Path>) -> Result<Self, Failure> {
        Err(Failure::usage(
            "`--control` needs Unix domain sockets, which this system does not have",
            "leave it out, or use Linux, macOS or WSL",
        ))
    }

    pub(super) fn path(&self) -> &Path {
        match *self {}
    }

    pub(super) fn serve(self, _: &Controller, _: &str) -> io::Result<Control> {
        match self {}
    }
}
