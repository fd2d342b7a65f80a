//! Frames: page-aligned memory that can be mapped into several elements at once.
//!
//! A [`Pool`] belongs to a src pad. Dropping the last handle of a frame gives its
//! memory back to the pool, so that a running pipeline makes no system call here.
#![allow(unsafe_code, reason = "frames are mapped memory, shared with guests")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

/// Granularity of frame memory: the pages of every kernel that we run on are
/// this, or divide it.
pub(crate) const PAGE: usize = 1 << 16;

/// Frames of one pool that can be out at a time; an element that leaks handles
/// meets this, a pipeline never does (its queues hold 200).
const MAX_FRAMES: usize = 4096;

/// Bytes of one pool that can be out at a time.
const MAX_POOL_BYTES: usize = 1 << 30;

/// Largest buffer: 8K in four bytes a pixel is half of it.
pub(crate) const MAX_BUFFER_BYTES: usize = 256 << 20;

/// Why there is no frame to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoFrame {
    #[error("a buffer of {0} bytes is over the limit of {MAX_BUFFER_BYTES} bytes")]
    TooLarge(usize),
    #[error("{0} buffers of this pad are in use, which is the limit")]
    TooMany(usize),
    #[error("no memory for a buffer of {size} bytes")]
    Os {
        size: usize,
        #[source]
        source: std::io::Error,
    },
}

/// Where frames of one src pad come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<PoolState>>);

#[derive(Debug, Default)]
struct PoolState {
    free: Vec<FrameMemory>,
    /// The file behind all frames of the present capacity, and how long it is.
    file: Option<(Arc<OwnedFd>, usize)>,
    /// Every frame of this pool has at least this many bytes.
    capacity: usize,
    out: usize,
    out_bytes: usize,
}

impl PoolState {
    fn grow(&mut self) -> std::io::Result<FrameMemory> {
        let (file, length) = match self.file.take() {
            Some(file) => file,
            None => (memory_file()?, 0),
        };
        let memory = FrameMemory::new(&file, length, self.capacity);
        self.file = Some((file, length + self.capacity));
        memory
    }
}

/// Memory of one frame; unmapped when dropped.
#[derive(Debug)]
pub(crate) struct FrameMemory {
    id: u64,
    address: usize,
    capacity: usize,
    file: Arc<OwnedFd>,
    offset: libc::off_t,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A file without a name, in memory.
fn memory_file() -> std::io::Result<Arc<OwnedFd>> {
    // SAFETY: a plain system call with a constant name.
    let raw = unsafe { libc::memfd_create(c"millstream-frames".as_ptr(), libc::MFD_CLOEXEC) };
    if raw < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: `raw` was opened above and belongs to nobody else.
    Ok(Arc::new(unsafe { OwnedFd::from_raw_fd(raw) }))
}

impl FrameMemory {
    /// Lengthens the file by one frame and maps that.
    fn new(file: &Arc<OwnedFd>, offset: usize, capacity: usize) -> std::io::Result<Self> {
        let length = libc::off_t::try_from(offset + capacity).map_err(std::io::Error::other)?;
        let offset = libc::off_t::try_from(offset).map_err(std::io::Error::other)?;
        // SAFETY: plain system calls on a descriptor and a length that are valid.
        let address = unsafe {
            if libc::ftruncate(file.as_raw_fd(), length) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            libc::mmap(
                std::ptr::null_mut(),
                capacity,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                offset,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error());
        }
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            id,
            address: address as usize,
            capacity,
            file: file.clone(),
            offset,
        })
    }

    /// Maps all of it at a fixed address, replacing what is there.
    ///
    /// # Safety
    /// `[address, address + capacity)` must be the caller's to replace, and aligned.
    pub(super) unsafe fn map_at(&self, address: usize, writable: bool) -> std::io::Result<()> {
        let access = if writable {
            libc::PROT_READ | libc::PROT_WRITE
        } else {
            libc::PROT_READ
        };
        // SAFETY: the caller owns the range.
        let mapped = unsafe {
            libc::mmap(
                address as *mut libc::c_void,
                self.capacity,
                access,
                libc::MAP_SHARED | libc::MAP_FIXED,
                self.file.as_raw_fd(),
                self.offset,
            )
        };
        if mapped == libc::MAP_FAILED {
            Err(std::io::Error::last_os_error())
        } else {
            Ok(())
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
    pool: Weak<Mutex<PoolState>>,
}

impl Pool {
    /// A frame of at least `size` bytes.
    pub(crate) fn allocate(&self, size: usize) -> Result<Arc<Frame>, NoFrame> {
        if size > MAX_BUFFER_BYTES {
            return Err(NoFrame::TooLarge(size));
        }
        let mut state = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let wanted = size.max(1).next_multiple_of(PAGE);
        if wanted > state.capacity || wanted.saturating_mul(8) < state.capacity {
            // Sizes that differ from buffer to buffer (compressed pictures) shall not
            // make a new generation of frames each time: leave room.
            state.capacity = if state.capacity == 0 || wanted < state.capacity {
                wanted
            } else {
                (wanted + wanted / 4).next_multiple_of(PAGE)
            };
            let capacity = state.capacity;
            state.free.retain(|memory| memory.capacity == capacity);
            state.file = None;
        }
        if state.out >= MAX_FRAMES || state.out_bytes + state.capacity > MAX_POOL_BYTES {
            return Err(NoFrame::TooMany(state.out));
        }
        let memory = match state.free.pop() {
            Some(memory) => memory,
            None => state
                .grow()
                .map_err(|source| NoFrame::Os { size, source })?,
        };
        state.out += 1;
        state.out_bytes += memory.capacity;
        Ok(Arc::new(Frame {
            memory: Some(memory),
            pool: Arc::downgrade(&self.0),
        }))
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
        let (Some(memory), Some(pool)) = (self.memory.take(), self.pool.upgrade()) else {
            return;
        };
        let mut state = pool
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.out = state.out.saturating_sub(1);
        state.out_bytes = state.out_bytes.saturating_sub(memory.capacity);
        if memory.capacity == state.capacity {
            state.free.push(memory);
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
        assert!(matches!(pool.allocate(200 << 20), Err(NoFrame::TooMany(5))));
    }
}
