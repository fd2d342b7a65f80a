//! What the host keeps for one element while it runs: its store's data.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use crossbeam::sync::Unparker;
use millstream_core::caps::Caps;
use millstream_core::clock::Segment;
use millstream_core::element::Value;
use millstream_core::pipeline::Policy;
use rustc_hash::FxHashMap;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_nn::wit::WasiNnView;

use super::failure::Failure;
use crate::buffer::{Buffer, MetaBudget};
use crate::bus::Bus;
use crate::clock::PipelineClock;
use crate::device::Devices;
use crate::memory::frame::{Frame, FrameBudget, Pool};
use crate::memory::guest::MAX_WINDOW_BYTES;
use crate::memory::view::Views;
use crate::nn::{ModelRegistry, WasiNnCtx};

/// Handles (buffers, tensors, files …) that an element can hold at a time.
pub(crate) const MAX_HANDLES: usize = 8192;
/// Bytes of all frames that an element's handles hold, its own and those it was given. A
/// quarter of what one element can have out, so that who keeps all that it is given meets
/// its own limit long before it starves the source; 80 frames of 1080p in I420.
pub(crate) const MAX_HELD_BYTES: usize = 256 << 20;
/// Frames that an element's handles hold: a quarter of what one element can have out.
pub(crate) const MAX_HELD_FRAMES: usize = 1024;
/// Buffers up to this size are copied where the right to write to them would have to go.
/// x86-64 has every other processor interrupted for that, and pays for each page: 43 us a
/// frame of 460 kB against 20 us for a copy, as much as a copy at 1.4 MB. Others tell it to
/// the processors without interrupting them, and edge machines copy slowly.
const COPIED_BYTES: usize = if cfg!(target_arch = "x86_64") {
    512 << 10
} else {
    16 << 10
};
/// The same for buffers that are pushed while the call goes on. Of larger ones the element
/// loses its view there and then: who writes to what it has given away learns of it.
const COPIED_BYTES_IN_CALL: usize = 16 << 10;
/// Buffers and events that one call can push.
pub(crate) const MAX_PUSHES: usize = 1024;
/// Bytes of all strings and lists that one call takes out of a guest's memory, however
/// often they name the same bytes there: a 4K frame in four bytes a pixel three times over.
pub(crate) const MAX_CALL_BYTES: usize = 128 << 20;
/// Bytes that an element hands over to the instance after it, as the contract says:
/// thousands of tracked objects, or a compressed picture that is not complete yet.
pub(crate) const MAX_STATE_BYTES: usize = 1 << 20;
/// Bytes of a failure's text that are kept.
pub(crate) const MAX_MESSAGE_BYTES: usize = 4096;
/// Time of models in one call that does not count against the call's limit: without it, an
/// element that runs a model for ever would never be over. Hundreds of tiles of a large
/// frame on a slow CPU take less.
pub(crate) const MAX_INFERENCE_TIME: Duration = Duration::from_mins(2);
/// Sessions with models that an element has open at a time: each keeps memory for its
/// model's outputs, with a file descriptor. An element has one for each of its models.
pub(crate) const MAX_SESSIONS: usize = 64;
/// Entries of all tables of a component: functions that it calls indirectly.
const MAX_TABLE_ELEMENTS: usize = 100_000;
/// Core instances and tables of a component: its own, and a few that glue is made of.
const MAX_CORE_INSTANCES: usize = 32;
/// Linear memories of a component, of which each takes 4 GiB of addresses.
const MAX_MEMORIES: usize = 4;
/// Log lines and messages that an element gets through in a second.
pub(crate) const MAX_LINES_A_SECOND: u32 = 1000;

/// A buffer in an element's hands, and whether it sees the bytes in its window.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct BufferHandle {
    pub(crate) buffer: Buffer,
    pub(crate) viewed: bool,
    /// It came in at a sink pad.
    arrived: bool,
}

impl BufferHandle {
    fn new(buffer: Buffer) -> Self {
        Self {
            buffer,
            viewed: false,
            arrived: false,
        }
    }
}

/// Something that an element sends out of a src pad.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// A buffer.
    Buffer(Buffer),
    /// New caps, fixed, before the buffers that have them.
    Caps(Arc<Caps>),
    /// How timestamps map to running time from here on.
    Segment(Segment),
    /// An element's own event.
    Custom(Arc<CustomEvent>),
    /// A mark between the buffers of instances that take turns; no element sees it.
    Turn(Turn),
    /// No more.
    Eos,
}

/// What `scatter` tells `gather` in each instance's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Events up to the next mark have come by another instance too.
    Repeated,
    /// All that the instance makes of this turn is through.
    Over,
}

/// An event that only the elements concerned understand.
#[derive(Debug, Clone)]
pub(crate) struct CustomEvent {
    pub(crate) name: String,
    pub(crate) fields: Vec<(String, Value)>,
}

/// Decides src caps that only the data could tell: pad index and offered caps in.
pub(crate) type Decide = Box<dyn Fn(usize, &Caps) -> Result<Caps, Failure> + Send + Sync>;

/// A pad as the host's side of the calls needs it.
pub(crate) struct PadState {
    pub(crate) is_src: bool,
    pub(crate) pool: Pool,
    pub(crate) caps: Option<Arc<Caps>>,
}

/// What a manifest may change of an element's limits, besides memory and time of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Time of a call before data flows; none: as any other call.
    pub(crate) start_time: Option<Duration>,
    pub(crate) held_frames: usize,
    pub(crate) held_bytes: usize,
    pub(crate) lines_a_second: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start_time: None,
            held_frames: MAX_HELD_FRAMES,
            held_bytes: MAX_HELD_BYTES,
            lines_a_second: MAX_LINES_A_SECOND,
        }
    }
}

impl From<&Policy> for Limits {
    fn from(policy: &Policy) -> Self {
        let default = Self::default();
        let bytes = policy.held_bytes.map(usize::try_from);
        Self {
            start_time: policy.start_nanos.map(Duration::from_nanos),
            held_frames: policy
                .held_buffers
                .map_or(default.held_frames, |frames| frames as usize),
            held_bytes: bytes.map_or(default.held_bytes, |bytes| bytes.unwrap_or(usize::MAX)),
            lines_a_second: policy.lines_a_second.unwrap_or(default.lines_a_second),
        }
    }
}

/// What surrounds an element: all that is the same after a restart.
pub(crate) struct Surroundings {
    pub(crate) name: String,
    pub(crate) bus: Bus,
    pub(crate) clock: Arc<PipelineClock>,
    pub(crate) devices: Devices,
    pub(crate) models: ModelRegistry,
    /// Models that this element may load.
    pub(crate) model_names: Vec<String>,
    pub(crate) waker: Unparker,
    pub(crate) decide: Decide,
    /// Ends the whole pipeline in good order: its window was closed.
    pub(crate) request_eos: Box<dyn Fn() + Send + Sync>,
    pub(crate) views: bool,
    pub(crate) memory_bytes: usize,
    pub(crate) call_time: Duration,
    pub(crate) limits: Limits,
    /// What metas it has set; those that outlive an instance count too.
    pub(crate) metas: MetaBudget,
    /// What frames it has out, likewise.
    pub(crate) frames: FrameBudget,
}

/// Time of the call in progress.
pub(crate) struct CallTime {
    pub(crate) began: Instant,
    pub(crate) limit: Duration,
    /// A shorter limit while the component is on trial.
    pub(crate) most: Option<Duration>,
    /// The manifest's key for the limit.
    pub(crate) key: &'static str,
    pub(crate) exceeded: bool,
}

/// The data of an element's store.
pub(crate) struct State {
    pub(crate) table: ResourceTable,
    pub(crate) around: Arc<Surroundings>,
    pub(crate) views: Option<Views>,
    pub(crate) pads: Vec<PadState>,
    /// The element has nothing to do with buffers.
    pub(crate) passthrough: bool,
    /// Its pads are two and have the same caps.
    pub(crate) same_caps: bool,
    pub(crate) held: Held,
    /// Handles to buffers that came in at a sink pad.
    pub(crate) arrived: usize,
    /// What the call in progress has pushed.
    pub(crate) pushed: Vec<(usize, Item)>,
    pub(crate) call: CallTime,
    pub(crate) heap_bytes: usize,
    pub(crate) table_elements: usize,
    pub(crate) sessions: usize,
    pub(crate) window_bytes: usize,
    pub(crate) memory_refused: bool,
    pub(crate) copied_bytes: u64,
    /// Frames of small buffers that others have.
    pub(crate) copies: Pool,
    pub(crate) wasi: WasiCtx,
    pub(crate) nn: WasiNnCtx,
    /// Memory for tensors that the element gives to models.
    pub(crate) tensors: Pool,
    /// Time that models ran for the present call; does not count against its limit.
    pub(crate) inference_nanos: Arc<AtomicU64>,
    pub(crate) talk: TalkLimit,
    /// The last line of the call in progress, if it was an error: a panic's text comes
    /// just before its trap, and belongs to the failure.
    pub(crate) last_words: Option<String>,
}

/// The frames that an element's handles hold, each counted once.
#[derive(Default)]
pub(crate) struct Held {
    /// Handles to each frame, by its id.
    frames: FxHashMap<u64, usize>,
    bytes: usize,
}

impl Held {
    fn add(&mut self, frame: &Frame, limits: &Limits) -> wasmtime::Result<()> {
        if let Some(handles) = self.frames.get_mut(&frame.id()) {
            *handles += 1;
            return Ok(());
        }
        let bytes = self.bytes.saturating_add(frame.capacity());
        if bytes > limits.held_bytes || self.frames.len() >= limits.held_frames {
            wasmtime::bail!(
                "it keeps {} buffers of {} bytes together, of {} buffers and {} bytes at most",
                self.frames.len(),
                self.bytes,
                limits.held_frames,
                limits.held_bytes
            );
        }
        self.bytes = bytes;
        self.frames.insert(frame.id(), 1);
        Ok(())
    }

    fn remove(&mut self, frame: &Frame) {
        let Some(handles) = self.frames.get_mut(&frame.id()) else {
            return;
        };
        *handles -= 1;
        if *handles == 0 {
            self.frames.remove(&frame.id());
            self.bytes = self.bytes.saturating_sub(frame.capacity());
        }
    }
}

/// Keeps an element from flooding the bus.
#[derive(Default)]
pub(crate) struct TalkLimit {
    second: u64,
    lines: u32,
    untold: u64,
}

impl TalkLimit {
    /// Whether one more line may go out at this time, and in a new second how many could
    /// not in the one before.
    pub(crate) fn admit(&mut self, now_nanos: u64, limit: u32) -> (bool, u64) {
        let second = now_nanos / 1_000_000_000;
        let mut untold = 0;
        if second != self.second {
            untold = self.untold();
            (self.second, self.lines) = (second, 0);
        }
        self.lines = self.lines.saturating_add(1);
        let admitted = self.lines <= limit;
        self.untold += u64::from(!admitted);
        (admitted, untold)
    }

    /// How many lines could not go out; counted once.
    pub(crate) fn untold(&mut self) -> u64 {
        std::mem::take(&mut self.untold)
    }
}

impl State {
    /// Notes the caps that a pad has from now on.
    pub(crate) fn note_caps(&mut self, pad: usize, caps: &Arc<Caps>) {
        if let Some(state) = self.pads.get_mut(pad) {
            state.caps = Some(caps.clone());
        }
        self.same_caps = match &*self.pads {
            [one, other] => one.caps.is_some() && one.caps == other.caps,
            _ => false,
        };
    }

    /// Whether buffers leave as they come, without a call.
    pub(crate) fn passes(&self) -> bool {
        self.passthrough && self.same_caps
    }

    /// The pad's state, if the guest may send there.
    pub(crate) fn src_pad(&mut self, pad: u32) -> wasmtime::Result<&mut PadState> {
        self.pads
            .get_mut(pad as usize)
            .filter(|pad| pad.is_src)
            .ok_or_else(|| {
                wasmtime::Error::msg(format!("pad {pad} is not a src pad of this element"))
            })
    }

    /// Puts a buffer into the guest's hands.
    pub(crate) fn give(&mut self, buffer: Buffer) -> wasmtime::Result<Resource<BufferHandle>> {
        self.held.add(&buffer.frame, &self.around.limits)?;
        Ok(self.table.push(BufferHandle::new(buffer))?)
    }

    /// Puts a buffer that came in at a sink pad into the guest's hands.
    pub(crate) fn hand_over(&mut self, buffer: Buffer) -> wasmtime::Result<Resource<BufferHandle>> {
        let is_back = buffer.is_writable()
            && self
                .views
                .as_mut()
                .is_some_and(|views| views.welcome(&buffer.frame));
        let handle = self.give(buffer)?;
        let given = self.table.get_mut(&handle)?;
        (given.arrived, given.viewed) = (true, is_back);
        self.arrived += 1;
        Ok(handle)
    }

    /// Puts what another handle leads to, or a part of it, into the guest's hands.
    pub(crate) fn give_as(
        &mut self,
        other: &Resource<BufferHandle>,
        buffer: Buffer,
    ) -> wasmtime::Result<Resource<BufferHandle>> {
        if self.table.get(other)?.arrived {
            self.hand_over(buffer)
        } else {
            self.give(buffer)
        }
    }

    /// Takes a buffer out of the guest's hands, its right to write included.
    pub(crate) fn take(&mut self, handle: Resource<BufferHandle>) -> wasmtime::Result<Buffer> {
        let (mut buffer, viewed) = self.remove(handle)?;
        let pays = |views: &mut Views, frame: &Frame| views.is_writable(frame);
        if viewed
            && !self.leave_a_copy(&mut buffer, COPIED_BYTES_IN_CALL, pays)
            && let Some(views) = &mut self.views
        {
            views.release(&buffer.frame);
        }
        Ok(buffer)
    }

    /// The same after the call: the right to write goes before the next one begins.
    pub(crate) fn take_returned(
        &mut self,
        handle: Resource<BufferHandle>,
    ) -> wasmtime::Result<Buffer> {
        let (mut buffer, viewed) = self.remove(handle)?;
        if viewed && !self.leave_a_copy(&mut buffer, COPIED_BYTES, Views::is_better_copied) {
            let own = self.is_own(&buffer.frame);
            if let Some(views) = &mut self.views {
                views.lend(&buffer.frame, own);
            }
        }
        Ok(buffer)
    }

    /// Whether a frame came out of a pool of this element.
    fn is_own(&self, frame: &Frame) -> bool {
        self.pads.iter().any(|pad| frame.is_of(&pad.pool))
    }

    /// A small buffer goes as a copy, and the element's frame back to its pool with the
    /// right to write: to take that away and to give it again costs more. Whether it did.
    fn leave_a_copy(
        &mut self,
        buffer: &mut Buffer,
        most: usize,
        pays: impl FnOnce(&mut Views, &Frame) -> bool,
    ) -> bool {
        if buffer.size() > most || !buffer.is_writable() || !self.is_own(&buffer.frame) {
            return false;
        }
        let Some(views) = self.views.as_mut() else {
            return false;
        };
        if !pays(views, &buffer.frame) {
            return false;
        }
        let Some(left) = buffer.move_to(&self.copies) else {
            return false;
        };
        views.lend(&left, true);
        self.copied_bytes += buffer.size() as u64;
        true
    }

    /// A handle's buffer, and whether it was seen in the window.
    fn remove(&mut self, handle: Resource<BufferHandle>) -> wasmtime::Result<(Buffer, bool)> {
        let handle = self.table.delete(handle)?;
        self.held.remove(&handle.buffer.frame);
        self.arrived -= usize::from(handle.arrived);
        Ok((handle.buffer, handle.viewed))
    }

    /// What `wasi:nn` works on; linked only where inference was granted.
    pub(crate) fn nn_view(&mut self) -> WasiNnView<'_> {
        WasiNnView::new(&mut self.table, &mut self.nn)
    }

    /// Whether the guest passed its window off as ordinary memory.
    pub(crate) fn is_tainted(&self) -> bool {
        self.views
            .as_ref()
            .is_some_and(|views| views.memory().is_tainted())
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl wasmtime::ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let delta = desired.saturating_sub(current);
        let announced = self
            .views
            .as_ref()
            .is_some_and(|views| views.memory().is_announced(delta));
        if announced && self.window_bytes == 0 && delta <= MAX_WINDOW_BYTES {
            self.window_bytes = delta;
            return Ok(true);
        }
        let heap = self.heap_bytes.saturating_add(delta);
        let fits = heap <= self.around.memory_bytes;
        if fits {
            self.heap_bytes = heap;
        }
        self.memory_refused |= !fits;
        Ok(fits)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = self
            .table_elements
            .saturating_add(desired.saturating_sub(current));
        let fits = elements <= MAX_TABLE_ELEMENTS;
        if fits {
            self.table_elements = elements;
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES
    }

    fn tables(&self) -> usize {
        MAX_CORE_INSTANCES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }
}
