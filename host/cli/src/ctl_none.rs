//! `ctl` where there are no Unix domain sockets.

use crate::args::CtlArgs;
use crate::failure::Failure;

/// Says that it cannot be had here.
pub(crate) fn ctl(_: &CtlArgs) -> Result<(), Failure> {
    Err(Failure::usage(
        "`ctl` needs Unix domain sockets, which this system does not have",
        "use Linux, macOS or WSL",
    ))
}
