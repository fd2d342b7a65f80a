//! Frames: page-aligned memory that can be mapped into several elements at once.
//!
//! A [`Pool`] belongs to a src pad. Dropping the last handle of a frame gives its
//! memory back to the pool, so that a running pipeline makes no system call here. What a
//! pool has not needed for a while goes back to the machine, and one that keeps growing has
//! its frames made ahead, on a thread of their own.
#![allow(unsafe_code, reason = "frames are mapped memory, shared with guests")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::warm;

/// Granularity of frame memory: the pages of every kernel that we run on are
/// this, or divide it.
pub(crate) const PAGE: usize = 1 << 16;

/// Frames of all pools of one element that can be out at a time; an element that leaks
/// handles meets this, a pipeline never does (its queues hold 200).
const MAX_FRAMES: usize = 4096;

/// Bytes of all pools of one element that can be out at a time: 80 frames of 4K in three
/// bytes a pixel half. As much again can wait in its pools to be used again.
const MAX_FRAME_BYTES: usize = 1 << 30;

/// Frames that lay unused in a pool while it gave out this many go back to the machine:
/// some twenty seconds of a camera.
const IDLE_AFTER: u32 = 600;

/// A pool without a free frame for so many times grows: a pipeline that begins fills its
/// hands with fewer.
const GROWS_AFTER: u32 = 2;

/// Pages of every kernel that we run on are this, or a multiple of it.
const SMALLEST_PAGE: usize = 1 << 12;

/// Several mappings of the same pages, which Miri knows nothing of: there is one there.
const SHARING: libc::c_int = if cfg!(miri) {
    libc::MAP_PRIVATE
} else {
    libc::MAP_SHARED
};

/// Largest buffer: 8K in four bytes a pixel is half of it.
pub(crate) const MAX_BUFFER_BYTES: usize = 256 << 20;

/// Why there is no frame to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoFrame {
    #[error("a buffer of {0} bytes is over the limit of {MAX_BUFFER_BYTES} bytes")]
    TooLarge(usize),
    #[error(
        "{frames} buffers of {bytes} bytes together are in use, of {MAX_FRAMES} buffers and \
         {MAX_FRAME_BYTES} bytes at most for one element"
    )]
    TooMany { frames: usize, bytes: usize },
    #[error("no memory for a buffer of {size} bytes")]
    Os {
        size: usize,
        #[source]
        source: std::io::Error,
    },
}

/// What all pools of one element may have out together.
#[derive(Debug, Clone, Default)]
pub(crate) struct FrameBudget(Arc<FrameCounts>);

#[derive(Debug, Default)]
struct FrameCounts {
    out: AtomicUsize,
    out_bytes: AtomicUsize,
    free_bytes: AtomicUsize,
}

impl FrameBudget {
    /// A pool that counts against it.
    pub(crate) fn pool(&self) -> Pool {
        let pool = Pool::default();
        pool.lock().budget = self.clone();
        pool
    }

    /// Pays for a frame, or says what is out.
    fn take(&self, bytes: usize) -> Result<(), NoFrame> {
        let frames = self.0.out.fetch_add(1, Ordering::Relaxed);
        let held = self.0.out_bytes.fetch_add(bytes, Ordering::Relaxed);
        if frames < MAX_FRAMES && held.saturating_add(bytes) <= MAX_FRAME_BYTES {
            return Ok(());
        }
        self.give_back(bytes);
        Err(NoFrame::TooMany {
            frames,
            bytes: held,
        })
    }

    /// Frames and bytes that are out now.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn out(&self) -> (usize, usize) {
        let read = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (read(&self.0.out), read(&self.0.out_bytes))
    }

    fn give_back(&self, bytes: usize) {
        self.0.out.fetch_sub(1, Ordering::Relaxed);
        self.0.out_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether a frame that came back may be kept for later.
    fn keep(&self, bytes: usize) -> bool {
        let free = self.0.free_bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = free.saturating_add(bytes) <= MAX_FRAME_BYTES;
        if !fits {
            self.unkeep(bytes);
        }
        fits
    }

    fn unkeep(&self, bytes: usize) {
        self.0.free_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Where frames of one src pad come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<PoolState>>);

#[derive(Debug, Default)]
struct PoolState {
    /// The one that came back last is at the back.
    free: VecDeque<FrameMemory>,
    /// The fewest that were free since `given` was 0.
    idle: usize,
    /// Frames given out since it was looked for idle ones.
    given: u32,
    /// Idle ones that are still to go, one with each frame that is given out.
    spare: usize,
    /// How often no frame was free since there last were idle ones.
    misses: u32,
    /// A frame is being made ahead.
    asked: bool,
    /// Bytes of the frame that was asked for last.
    wanted: usize,
    /// Every frame of this pool has at least this many bytes.
    capacity: usize,
    budget: FrameBudget,
}

impl PoolState {
    /// Forgets the frames of another capacity.
    fn forget_others(&mut self) {
        let (capacity, budget) = (self.capacity, &self.budget);
        self.free.retain(|memory| {
            let fits = memory.capacity == capacity;
            if !fits {
                budget.unkeep(memory.capacity);
            }
            fits
        });
        (self.idle, self.given, self.spare) = (0, 0, 0);
    }

    /// A frame that was used before. Lets one go that has been idle for long: one at a
    /// time, for that costs as much as a frame is large, if on another thread.
    fn reuse(&mut self) -> Option<FrameMemory> {
        let memory = self.free.pop_back()?;
        self.budget.unkeep(memory.capacity);
        self.idle = self.idle.min(self.free.len());
        self.given += 1;
        if self.given >= IDLE_AFTER {
            self.spare = self.idle;
            if self.idle > 0 {
                self.misses = self.misses.min(GROWS_AFTER);
            }
            (self.idle, self.given) = (self.free.len(), 0);
        }
        if self.spare > 0 {
            self.spare -= 1;
            if let Some(idle) = self.free.pop_front() {
                self.budget.unkeep(idle.capacity);
                self.idle = self.idle.saturating_sub(1);
                warm::forget(idle);
            }
        }
        Some(memory)
    }
}

impl Drop for PoolState {
    fn drop(&mut self) {
        let bytes = self.free.iter().map(|memory| memory.capacity).sum();
        self.budget.unkeep(bytes);
    }
}

/// Memory of one frame: pages that live as long as they are mapped anywhere, without a file
/// descriptor. One file behind several frames would keep the pages of all for as long as
/// one is kept; a file for each would use up the process's descriptors.
#[derive(Debug)]
pub(crate) struct FrameMemory {
    id: u64,
    address: usize,
    capacity: usize,
    out: Out,
}

/// Whether a frame's memory has a handle anywhere.
#[derive(Debug, Clone, Default)]
pub(super) struct Out(Arc<AtomicBool>);

impl Out {
    /// Who sees that it is not may write: whatever was read has been read.
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Whether the memory itself is no more, and can never be out again.
    pub(super) fn gone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    fn set(&self, out: bool) {
        self.0.store(out, Ordering::Release);
    }
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl FrameMemory {
    fn new(capacity: usize) -> std::io::Result<Self> {
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                capacity,
                libc::PROT_READ | libc::PROT_WRITE,
                SHARING | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        prefer_large_pages(address, capacity);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            id,
            address: address as usize,
            capacity,
            out: Out::default(),
        })
    }

    /// Maps all of it at a fixed address as well, replacing what is there.
    ///
    /// # Safety
    /// `[address, address + capacity)` must be the caller's to replace, and aligned.
    ///
    /// # Source
    /// <https://man7.org/linux/man-pages/man2/mremap.2.html>: an old size of 0 makes another
    /// mapping of the same pages where they are shared.
    pub(super) unsafe fn map_at(&self, address: usize, writable: bool) -> std::io::Result<()> {
        let target = address as *mut libc::c_void;
        // SAFETY: the caller owns the target's range, and ours stays mapped.
        let mapped = unsafe {
            let mapped = libc::mremap(
                self.address as *mut libc::c_void,
                0,
                self.capacity,
                libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED,
                target,
            );
            mapped == target
                && (writable || libc::mprotect(target, self.capacity, libc::PROT_READ) == 0)
        };
        if mapped {
            Ok(())
        } else {
            Err(std::io::Error::last_os_error())
        }
    }
}

/// Asks for pages larger than the smallest, where the system gives them to who asks: fewer
/// faults, and fewer entries to look up and to change.
///
/// # Source
/// <https://docs.kernel.org/admin-guide/mm/transhuge.html>, `shmem_enabled` set to `advise`.
#[cfg(target_os = "linux")]
fn prefer_large_pages(address: *mut libc::c_void, bytes: usize) {
    if !cfg!(miri) {
        // SAFETY: the fresh mapping of these bytes; no byte changes.
        unsafe { libc::madvise(address, bytes, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(target_os = "linux"))]
fn prefer_large_pages(_: *mut libc::c_void, _: usize) {}

impl FrameMemory {
    /// Whether it has a handle anywhere, for who keeps a view of it.
    pub(super) fn out(&self) -> &Out {
        &self.out
    }

    /// Makes the kernel find pages for the first bytes. By touching them, for whoever maps
    /// something meanwhile would wait for the call that does the same.
    fn touch(&self, bytes: usize) {
        for offset in (0..bytes.min(self.capacity)).step_by(SMALLEST_PAGE) {
            // SAFETY: inside the mapping of `new`, which nobody else knows of yet.
            unsafe { ((self.address + offset) as *mut u8).write_volatile(0) };
        }
    }

    /// Gives its pages back, also those that views still show: from now on they show zeros.
    pub(super) fn forget(self) {
        if cfg!(miri) {
            return; // Which knows no `madvise`.
        }
        // SAFETY: the mapping of `new`, which nobody has a `Frame` of. Where the kernel does
        // not do it, the pages stay until the last view has gone.
        unsafe {
            libc::madvise(
                self.address as *mut libc::c_void,
                self.capacity,
                libc::MADV_REMOVE,
            );
        }
    }
}

impl Drop for FrameMemory {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`; every `Frame` that pointed here is gone.
        unsafe {
            libc::munmap(self.address as *mut libc::c_void, self.capacity);
        }
    }
}

/// A frame in use. Its memory goes back to the pool when this is dropped.
#[derive(Debug)]
pub(crate) struct Frame {
    memory: Option<FrameMemory>,
    /// Bytes that were asked for.
    size: usize,
    pool: Weak<Mutex<PoolState>>,
    budget: FrameBudget,
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A frame of at least `size` bytes.
    pub(crate) fn allocate(&self, size: usize) -> Result<Arc<Frame>, NoFrame> {
        if size > MAX_BUFFER_BYTES {
            return Err(NoFrame::TooLarge(size));
        }
        let mut state = self.lock();
        let wanted = size.max(1).next_multiple_of(PAGE);
        if wanted > state.capacity || wanted.saturating_mul(8) < state.capacity {
            // Sizes that differ from buffer to buffer (compressed pictures) shall not
            // make a new generation of frames each time: leave room.
            state.capacity = if state.capacity == 0 || wanted < state.capacity {
                wanted
            } else {
                (wanted + wanted / 4).next_multiple_of(PAGE)
            };
            state.forget_others();
        }
        let (capacity, budget) = (state.capacity, state.budget.clone());
        budget.take(capacity)?;
        let memory = if let Some(memory) = state.reuse() {
            memory
        } else {
            (state.idle, state.spare) = (0, 0);
            state.misses = state.misses.saturating_add(1);
            FrameMemory::new(capacity).map_err(|source| {
                budget.give_back(capacity);
                NoFrame::Os { size, source }
            })?
        };
        if state.misses > GROWS_AFTER && state.free.is_empty() && !state.asked {
            state.wanted = size;
            state.asked = warm::ask(WeakPool(Arc::downgrade(&self.0)));
        }
        memory.out.set(true);
        Ok(Arc::new(Frame {
            memory: Some(memory),
            size,
            pool: Arc::downgrade(&self.0),
            budget,
        }))
    }
}

/// A pool that a frame is made for, if it still is there when its turn comes.
pub(super) struct WeakPool(Weak<Mutex<PoolState>>);

impl WeakPool {
    /// Puts one more frame into it, whose pages are there.
    pub(super) fn grow(&self) {
        let Some(pool) = self.0.upgrade().map(Pool) else {
            return;
        };
        let (capacity, wanted) = {
            let state = pool.lock();
            (state.capacity, state.wanted)
        };
        let memory = FrameMemory::new(capacity).inspect(|memory| memory.touch(wanted));
        let mut state = pool.lock();
        state.asked = false;
        if let Ok(memory) = memory
            && memory.capacity == state.capacity
            && state.budget.keep(memory.capacity)
        {
            // Behind those that are in the processor's caches.
            state.free.push_front(memory);
        }
    }
}

impl Frame {
    fn memory(&self) -> Option<&FrameMemory> {
        self.memory.as_ref()
    }

    /// Tells frames' memories apart; a frame from the pool keeps it.
    pub(crate) fn id(&self) -> u64 {
        self.memory().map_or(0, |memory| memory.id)
    }

    /// Bytes that it can hold.
    pub(crate) fn capacity(&self) -> usize {
        self.memory().map_or(0, |memory| memory.capacity)
    }

    /// Bytes that were asked for: what will be in it, most often.
    pub(super) fn asked_for(&self) -> usize {
        self.size
    }

    /// Whether it came out of this pool.
    pub(crate) fn is_of(&self, pool: &Pool) -> bool {
        self.pool.as_ptr() == Arc::as_ptr(&pool.0)
    }

    pub(super) fn mapped(&self) -> Option<&FrameMemory> {
        self.memory()
    }

    /// All bytes.
    ///
    /// Guests that share the frame only read it, and the one that may write does so
    /// only inside its own calls, while it alone holds the frame.
    pub(crate) fn bytes(&self) -> &[u8] {
        let Some(memory) = self.memory() else {
            return &[];
        };
        // SAFETY: `address` is mapped for `capacity` bytes while the memory lives. A
        // guest can write through a view only while this frame has one handle, which
        // that guest's store owns, and host code does not read it meanwhile.
        unsafe { std::slice::from_raw_parts(memory.address as *const u8, memory.capacity) }
    }

    /// All bytes, to write: only where the frame is not shared.
    pub(crate) fn bytes_mut(frame: &mut Arc<Self>) -> Option<&mut [u8]> {
        let memory = Arc::get_mut(frame)?.memory.as_mut()?;
        // SAFETY: as in `bytes`, and `&mut` of the only handle keeps others away.
        Some(unsafe { std::slice::from_raw_parts_mut(memory.address as *mut u8, memory.capacity) })
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let Some(memory) = self.memory.take() else {
            return;
        };
        memory.out.set(false);
        self.budget.give_back(memory.capacity);
        let Some(pool) = self.pool.upgrade() else {
            return;
        };
        let mut state = pool.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.capacity == state.capacity && self.budget.keep(memory.capacity) {
            state.free.push_back(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_frame_is_used_again() {
        let pool = Pool::default();
        let first = pool.allocate(1000).unwrap();
        let id = first.id();
        let second = pool.allocate(1000).unwrap();
        assert_ne!(id, second.id());
        drop(first);
        assert_eq!(pool.allocate(900).unwrap().id(), id);
    }

    #[test]
    fn a_pool_gives_back_what_a_burst_left_in_it() {
        let pool = Pool::default();
        // No frame is made ahead that would come at some time.
        pool.lock().asked = true;
        let burst: Vec<_> = (0..10).map(|_| pool.allocate(PAGE).unwrap()).collect();
        drop(burst);
        let two = || (pool.allocate(PAGE).unwrap(), pool.allocate(PAGE).unwrap());
        let last = two();
        let id = last.1.id();
        drop(last);
        for _ in 0..IDLE_AFTER + 8 {
            drop(two());
        }
        let state = pool.lock();
        assert_eq!(state.free.len(), 2);
        assert_eq!(state.budget.0.free_bytes.load(Ordering::Relaxed), 2 * PAGE);
        assert!(state.free.iter().any(|memory| memory.id == id));
    }

    #[test]
    #[cfg_attr(miri, ignore = "threads that end with the process")]
    fn a_pool_that_grows_has_a_frame_ready() {
        let pool = Pool::default();
        let ready = || pool.lock().free.len();
        let mut held: Vec<_> = (0..GROWS_AFTER)
            .map(|_| pool.allocate(PAGE).unwrap())
            .collect();
        assert!(!pool.lock().asked);
        for _ in 0..3 {
            held.push(pool.allocate(PAGE).unwrap());
            let began = std::time::Instant::now();
            while ready() == 0 && began.elapsed() < std::time::Duration::from_secs(10) {
                std::thread::yield_now();
            }
            assert_eq!(ready(), 1);
        }
        // It comes to an end.
        drop(held);
        for _ in 0..2 * IDLE_AFTER + 10 {
            drop(pool.allocate(PAGE).unwrap());
        }
        assert_eq!((ready(), pool.lock().asked), (1, false));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no `mremap` to a fixed address")]
    fn a_view_of_a_frame_that_was_given_back_shows_nothing() {
        let memory = FrameMemory::new(PAGE).unwrap();
        let view = FrameMemory::new(PAGE).unwrap();
        // SAFETY: `view` is ours to replace, and it lives to the end.
        let seen = unsafe {
            memory.map_at(view.address, false).unwrap();
            (memory.address as *mut u8).write_volatile(7);
            let before = (view.address as *const u8).read_volatile();
            memory.forget();
            (before, (view.address as *const u8).read_volatile())
        };
        assert_eq!(seen, (7, 0));
    }

    #[test]
    fn bytes_are_kept_and_shared_frames_are_not_written() {
        let pool = Pool::default();
        let mut frame = pool.allocate(10).unwrap();
        Frame::bytes_mut(&mut frame).unwrap()[..3].copy_from_slice(b"abc");
        let other = frame.clone();
        assert!(Frame::bytes_mut(&mut frame).is_none());
        assert_eq!(&other.bytes()[..3], b"abc");
    }

    #[test]
    fn limits_hold() {
        let pool = Pool::default();
        assert!(matches!(
            pool.allocate(MAX_BUFFER_BYTES + 1),
            Err(NoFrame::TooLarge(_))
        ));
        let _held: Vec<_> = (0..5).map(|_| pool.allocate(200 << 20).unwrap()).collect();
        assert!(matches!(
            pool.allocate(200 << 20),
            Err(NoFrame::TooMany { frames: 5, .. })
        ));
    }

    #[test]
    fn pools_of_one_element_share_its_limit() {
        let budget = FrameBudget::default();
        let pools: Vec<_> = (0..5).map(|_| budget.pool()).collect();
        let held: Vec<_> = pools
            .iter()
            .map(|pool| pool.allocate(200 << 20).unwrap())
            .collect();
        assert!(matches!(
            budget.pool().allocate(200 << 20),
            Err(NoFrame::TooMany { frames: 5, .. })
        ));
        drop(held);
        assert_eq!(budget.0.out.load(Ordering::Relaxed), 0);
        assert_eq!(budget.0.free_bytes.load(Ordering::Relaxed), 5 * (200 << 20));
        let _frame = budget.pool().allocate(200 << 20).unwrap();
        drop(pools);
        assert_eq!(budget.0.free_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no `mremap` to a fixed address")]
    fn a_second_mapping_has_the_same_bytes() {
        let memory = FrameMemory::new(PAGE).unwrap();
        let other = FrameMemory::new(PAGE).unwrap();
        // SAFETY: `other` is ours to replace, and both live to the end.
        let (bytes, seen) = unsafe {
            memory.map_at(other.address, false).unwrap();
            (
                std::slice::from_raw_parts_mut(memory.address as *mut u8, PAGE),
                std::ptr::read_volatile(other.address as *const u8),
            )
        };
        assert_eq!(seen, 0);
        bytes[0] = 7;
        // SAFETY: as above.
        let seen = unsafe { std::ptr::read_volatile(other.address as *const u8) };
        assert_eq!(seen, 7);
    }
}
