//! The native host's state: one for each thread, so that tests don't meet.

use core::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use super::RawBuffer;
use crate::bindings::millstream::media::bus::Level;
use crate::bindings::millstream::media::camera::Device;
use crate::bindings::millstream::media::models::Model;
use crate::bindings::millstream::media::types::{Event, Failure, Setting};
use crate::nn::Tensor;

/// What a fake model computes: named inputs to named outputs.
pub(crate) type Compute = Box<
    dyn FnMut(Vec<(String, Tensor<'static>)>) -> Result<Vec<(String, Tensor<'static>)>, Failure>,
>;

/// What an element sent, in order.
#[derive(Debug)]
pub(crate) enum Sent {
    Buffer(RawBuffer),
    Event(Event),
}

/// A fake camera: what it can do, and its frames yet to come.
#[derive(Debug)]
pub(crate) struct FakeCamera {
    pub(crate) device: Device,
    pub(crate) caps: String,
    pub(crate) frames: VecDeque<RawBuffer>,
}

/// A frame that an element showed in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The window's title.
    pub title: String,
    /// The window's size in pixels.
    pub size: (u32, u32),
    /// Bytes from one row to the next.
    pub stride: u32,
    /// The rows, four bytes a pixel: B, G, R, unused.
    pub bytes: Vec<u8>,
}

/// What the host of one thread knows.
pub(crate) struct World {
    pub(crate) views: bool,
    pub(crate) now: u64,
    pub(crate) running_time: u64,
    /// No run of a model begins before this running time.
    pub(crate) models_busy: u64,
    pub(crate) logs: Vec<(Level, String)>,
    pub(crate) messages: Vec<(String, Vec<Setting>)>,
    pub(crate) sent: Vec<(u32, Sent)>,
    /// What downstream of each src pad accepts.
    pub(crate) downstream: BTreeMap<u32, String>,
    /// The caps that `negotiate` answered with.
    pub(crate) negotiated: Vec<(u32, String)>,
    pub(crate) models: BTreeMap<String, (Model, Compute)>,
    pub(crate) cameras: Vec<FakeCamera>,
    pub(crate) shown: Vec<Shown>,
    /// Whether windows are still open.
    pub(crate) windows_open: bool,
}

impl World {
    fn new() -> Self {
        Self {
            views: true,
            now: 0,
            running_time: 0,
            models_busy: 0,
            logs: Vec::new(),
            messages: Vec::new(),
            sent: Vec::new(),
            downstream: BTreeMap::new(),
            negotiated: Vec::new(),
            models: BTreeMap::new(),
            cameras: Vec::new(),
            shown: Vec::new(),
            windows_open: true,
        }
    }
}

impl World {
    /// Forgets what an earlier element of the same test left; devices and models
    /// stay.
    pub(crate) fn reset_streams(&mut self) {
        self.sent.clear();
        self.negotiated.clear();
        self.downstream.clear();
    }
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
}

/// Looks at, or changes, this thread's host.
pub(crate) fn with<R>(work: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with_borrow_mut(work)
}
