//! `graph`: a picture of a pipeline.
use crate::args::GraphArgs;
use crate::failure::Failure;
pub(crate) fn graph(_args: &GraphArgs) -> Result<(), Failure> { Ok(()) }
