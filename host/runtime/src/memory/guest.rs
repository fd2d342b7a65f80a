//! Linear memories of elements, each with room for one window of frames.
//!
//! wasmtime asks [`Creator`] for every memory. It hands out a reservation of the
//! whole 32-bit address space and guard, so that the base never moves and the
//! host can map frames into it at fixed places.
#![allow(
    unsafe_code,
    reason = "linear memories are reserved and protected by hand, so that frames can be mapped into them"
)]

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use super::fault;

/// Largest window that an element may announce. Address space only: pages cost
/// nothing until a frame is mapped. Leaves 3 GiB of the 4 for the element's heap.
pub(crate) const MAX_WINDOW_BYTES: usize = 1 << 30;

/// Pages are given back so many bytes at a time: other threads map frames and change
/// their protection meanwhile, and wait for the process' one lock on mappings. Takes some
/// tens of microseconds.
const GIVE_BACK_BYTES: usize = 2 << 20;

thread_local! {
    /// Memories made on this thread since [`begin`]: the way to learn which
    /// memory belongs to the instance that is being made.
    static MADE: RefCell<Vec<Arc<GuestMemory>>> = const { RefCell::new(Vec::new()) };
}

/// Forgets memories made on this thread so far; call before instantiating.
pub(crate) fn begin() {
    MADE.with_borrow_mut(Vec::clear);
}

/// The memory made on this thread since [`begin`], if there was exactly one.
pub(crate) fn only_memory() -> Option<Arc<GuestMemory>> {
    MADE.with_borrow_mut(|made| {
        let memory = if made.len() == 1 { made.pop() } else { None };
        made.clear();
        memory
    })
}

/// Where an element's window lies in its memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Wasm address of its first byte.
    pub(crate) start: u32,
    /// Length in bytes, a multiple of the host's page size.
    pub(crate) len: u32,
}

/// What host code may know of a linear memory while wasmtime owns it.
#[derive(Debug)]
pub(crate) struct GuestMemory {
    base: usize,
    reserved: usize,
    /// Bytes of the growth that was announced; 0: none.
    announced: AtomicUsize,
    window: OnceLock<Window>,
    /// Watches the window for faults of the host's own.
    slot: OnceLock<fault::Slot>,
}

impl GuestMemory {
    /// Notes that the next growth by `bytes` makes the window.
    pub(crate) fn announce(&self, bytes: usize) -> bool {
        let fits = bytes > 0 && bytes <= MAX_WINDOW_BYTES && bytes.is_multiple_of(1 << 16);
        if fits && self.window.get().is_none() {
            self.announced.store(bytes, Ordering::Relaxed);
            return true;
        }
        false
    }

    /// Whether a growth by `bytes` is the announced one.
    pub(crate) fn is_announced(&self, bytes: usize) -> bool {
        bytes > 0 && self.announced.load(Ordering::Relaxed) == bytes
    }

    /// The window, once the element has grown it.
    pub(crate) fn window(&self) -> Option<Window> {
        self.window.get().copied()
    }

    /// Address in this process of a wasm address, which must lie in the reservation.
    pub(super) fn host_address(&self, wasm: u32) -> usize {
        debug_assert!((wasm as usize) < self.reserved);
        self.base + wasm as usize
    }

    /// Whether host code ever touched the window because the element passed it
    /// off as ordinary memory.
    pub(crate) fn is_tainted(&self) -> bool {
        self.slot.get().is_some_and(fault::Slot::is_tainted)
    }
}

/// Makes linear memories for wasmtime.
pub(crate) struct Creator;

// SAFETY: `new_memory` reserves `reserved` + `guard` bytes without access, gives
// access to `minimum` zeroed bytes, and never moves them, as wasmtime asks.
unsafe impl MemoryCreator for Creator {
    fn new_memory(
        &self,
        _ty: MemoryType,
        minimum: usize,
        _maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let reserved = reserved.unwrap_or(minimum).max(minimum);
        let total = reserved
            .checked_add(guard)
            .ok_or("a memory too large to reserve")?;
        // SAFETY: a fresh anonymous reservation at an address of the kernel's choice.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                total.max(1),
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(format!(
                "reserving {total} bytes of address space: {}",
                std::io::Error::last_os_error()
            ));
        }
        let mut memory = Linear {
            size: 0,
            total: total.max(1),
            shared: Arc::new(GuestMemory {
                base: base as usize,
                reserved,
                announced: AtomicUsize::new(0),
                window: OnceLock::new(),
                slot: OnceLock::new(),
            }),
        };
        memory.grow_to(minimum).map_err(|error| error.to_string())?;
        MADE.with_borrow_mut(|made| made.push(memory.shared.clone()));
        Ok(Box::new(memory))
    }
}

struct Linear {
    size: usize,
    total: usize,
    shared: Arc<GuestMemory>,
}

// SAFETY: the reservation lasts until drop, and growth never moves its base.
unsafe impl LinearMemory for Linear {
    fn byte_size(&self) -> usize {
        self.size
    }

    fn byte_capacity(&self) -> usize {
        self.shared.reserved
    }

    fn grow_to(&mut self, new_size: usize) -> wasmtime::Result<()> {
        if new_size > self.shared.reserved || new_size < self.size {
            return Err(wasmtime::Error::msg(
                "a memory grown beyond its reservation",
            ));
        }
        let delta = new_size - self.size;
        let is_window = self.shared.is_announced(delta);
        self.shared.announced.store(0, Ordering::Relaxed);
        if is_window {
            // Stays without access: only mapped frames can be touched.
            let window = Window {
                start: self.size as u32,
                len: delta as u32,
            };
            let Some(slot) = fault::Slot::claim(self.shared.base + self.size, delta) else {
                return Err(wasmtime::Error::msg("too many elements with a window"));
            };
            if self.shared.window.set(window).is_err() || self.shared.slot.set(slot).is_err() {
                return Err(wasmtime::Error::msg("a second window"));
            }
        } else if delta > 0 {
            // SAFETY: the range lies inside the reservation that this struct owns.
            let done = unsafe {
                libc::mprotect(
                    (self.shared.base + self.size) as *mut libc::c_void,
                    delta,
                    libc::PROT_READ | libc::PROT_WRITE,
                )
            };
            if done != 0 {
                return Err(std::io::Error::last_os_error().into());
            }
        }
        self.size = new_size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.shared.base as *mut u8
    }
}

impl Linear {
    /// Frees the pages of the heap piece by piece; what remains to unmap is empty.
    fn give_back(&self) {
        let window = self.shared.window().map_or(0..0, |window| {
            let start = window.start as usize;
            start..start + window.len as usize
        });
        let below = 0..if window.is_empty() {
            self.size
        } else {
            window.start
        };
        let above = window.end.max(below.end)..self.size;
        for range in [below, above] {
            for start in range.clone().step_by(GIVE_BACK_BYTES) {
                let length = GIVE_BACK_BYTES.min(range.end - start);
                // SAFETY: private pages of the reservation that this struct owns, which
                // nobody uses any more; frames are mapped in the window only.
                unsafe {
                    let address = (self.shared.base + start) as *mut libc::c_void;
                    libc::madvise(address, length, libc::MADV_DONTNEED);
                }
            }
        }
    }
}

impl Drop for Linear {
    fn drop(&mut self) {
        self.give_back();
        if let Some(slot) = self.shared.slot.get() {
            slot.release();
        }
        // SAFETY: the reservation of `new_memory`; wasmtime has no use for it any more,
        // and `View`s, which map into it, are dropped with the store before the memory
        // or no longer touch it once the store is gone.
        unsafe {
            libc::munmap(self.shared.base as *mut libc::c_void, self.total);
        }
    }
}
