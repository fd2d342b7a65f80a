//! `onnxruntime`: the fast engine for the CPU.

use ort::session::builder::SessionBuilder;

use super::super::{Device, Unavailable};
use super::library::Library;
use super::{Chosen, Provider};

/// What the library does by itself.
#[derive(Clone)]
pub(in super::super) struct Cpu;

impl Provider for Cpu {
    const NAME: &'static str = "onnxruntime";
    const SIDE_BY_SIDE: bool = true;

    fn devices(&self, _library: &'static Library) -> Result<Vec<Device>, Unavailable> {
        Ok(vec![Device::cpu()])
    }

    fn configure(
        &self,
        builder: SessionBuilder,
        _library: &'static Library,
        _chosen: &Chosen,
    ) -> Result<SessionBuilder, String> {
        Ok(builder)
    }
}
