//! The window of one element: which frames are mapped where.
//!
//! A frame stays mapped after the element has given it away, so that the next
//! time it comes round costs nothing. When the window is full, the views that were
//! not used longest go.
//!
//! A view that could write loses that right before the element runs again, unless the
//! frame has come back by then and nobody else can have it: to the element's own pool, or
//! into its hands alone. Where nothing is queued behind an element, the frame always has,
//! and no call to the kernel is made.
//!
//! A view that is kept shows what later is written into its frame, while the host may be
//! reading a text there that the element passes: what the host makes of it must hold
//! whatever the bytes become. Where that is in others' hands (WASI), a view that is kept
//! allows no access.
#![allow(
    unsafe_code,
    reason = "maps frames into the element's memory and changes their protection"
)]

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::frame::{Frame, Out};
use super::guest::GuestMemory;

/// So many bytes of a view get their pages at once; others that map something wait
/// meanwhile, some hundred microseconds.
const SHOWN_BYTES: usize = 4 << 20;

/// After a frame was still out as the next call began, so many buffers are taken to be.
const APART: u32 = 256;

/// What the element may do with a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    None,
    Read,
    Write,
}

impl Access {
    fn to(writable: bool) -> Self {
        if writable { Self::Write } else { Self::Read }
    }
}

#[derive(Debug)]
struct Mapping {
    start: u32,
    len: u32,
    /// Handles of this element that were given the address.
    users: u32,
    access: Access,
    used: u64,
    /// The frame was given away as the call ended; it is in `lent`.
    lent: bool,
    /// It came out of a pool that only this element takes frames from.
    own: bool,
    out: Out,
}

/// The views of one element.
#[derive(Debug)]
pub(crate) struct Views {
    memory: Arc<GuestMemory>,
    mappings: FxHashMap<u64, Mapping>,
    /// Free stretches `(start, len)`, sorted, never adjacent.
    free: Option<Vec<(u32, u32)>>,
    clock: u64,
    /// Whether views can be read when their handles are gone.
    shows: bool,
    /// Frames that were given away since the last call began and could be written to, and
    /// those that have come back since.
    lent: Vec<u64>,
    /// For so many buffers more it is likely that they are still out as the next call
    /// begins: a queue follows.
    apart: u32,
    /// Calls to the kernel so far, for the statistics.
    pub(crate) system_calls: u64,
}

impl Views {
    /// For the memory of an instance; no frame can be mapped before it has a window.
    pub(crate) fn new(memory: Arc<GuestMemory>) -> Self {
        Self {
            memory,
            mappings: FxHashMap::default(),
            free: None,
            clock: 0,
            shows: true,
            lent: Vec::new(),
            apart: 0,
            system_calls: 0,
        }
    }

    /// From now on a view without a handle allows no access, for two calls to the kernel
    /// more.
    pub(crate) fn hide(&mut self) {
        self.shows = false;
    }

    /// Passes the announcement of a window on.
    pub(crate) fn announce(&self, bytes: usize) -> bool {
        self.memory.announce(bytes)
    }

    /// The memory that holds the window.
    pub(crate) fn memory(&self) -> &GuestMemory {
        &self.memory
    }

    /// Maps a frame, or finds it mapped, and counts a user. The wasm address of its
    /// first byte, or none if there is no window or no room in it.
    pub(crate) fn acquire(&mut self, frame: &Frame, writable: bool) -> Option<u32> {
        self.clock += 1;
        let id = frame.id();
        if let Some(mapping) = self.mappings.get_mut(&id) {
            mapping.used = self.clock;
            mapping.lent = false;
            let wanted = Access::to(writable);
            if mapping.access != wanted && mapping.access != Access::Write {
                let address = self.memory.host_address(mapping.start);
                if !protect(address, mapping.len, wanted) {
                    return None;
                }
                self.system_calls += 1;
                mapping.access = wanted;
            }
            mapping.users += 1;
            return Some(mapping.start);
        }
        let len = u32::try_from(frame.capacity()).ok()?;
        let memory = frame.mapped()?;
        let start = self.reserve(len)?;
        let address = self.memory.host_address(start);
        // SAFETY: `reserve` gave a stretch of the window of exactly the frame's length,
        // which no other view uses.
        let mapped = unsafe { memory.map_at(address, writable) };
        self.system_calls += 1;
        if mapped.is_err() {
            blank(address, len);
            self.release_range(start, len);
            return None;
        }
        if writable {
            show(address, frame.asked_for().min(SHOWN_BYTES));
            self.system_calls += 1;
        }
        self.mappings.insert(
            id,
            Mapping {
                start,
                len,
                users: 1,
                access: Access::to(writable),
                used: self.clock,
                lent: false,
                own: false,
                out: memory.out().clone(),
            },
        );
        Some(start)
    }

    /// One user of a frame's view is gone; nobody of this element may write any more.
    pub(crate) fn release(&mut self, frame: &Frame) {
        let Some(mapping) = self.mappings.get_mut(&frame.id()) else {
            return;
        };
        mapping.users = mapping.users.saturating_sub(1);
        let left = if mapping.users == 0 && !self.shows {
            Access::None
        } else {
            Access::Read
        };
        if mapping.access != left {
            self.system_calls += 1;
            reduce(self.memory.host_address(mapping.start), mapping, left);
        }
    }

    /// The same as the call ends in which the frame leaves: what could be written to is
    /// seen to by [`Self::settle`]. `own`: no other element takes frames from its pool.
    pub(crate) fn lend(&mut self, frame: &Frame, own: bool) {
        let id = frame.id();
        match self.mappings.get_mut(&id) {
            Some(mapping) if mapping.access == Access::Write && self.shows => {
                mapping.users = mapping.users.saturating_sub(1);
                mapping.own = own;
                if !std::mem::replace(&mut mapping.lent, true) && !self.lent.contains(&id) {
                    self.lent.push(id);
                }
            }
            _ => self.release(frame),
        }
    }

    /// Whether a frame can be written to now, and one that is lent would likely be out
    /// still as the next call begins.
    pub(crate) fn is_better_copied(&mut self, frame: &Frame) -> bool {
        self.apart = self.apart.saturating_sub(1);
        self.apart > 0 && self.is_writable(frame)
    }

    /// Whether the element can write to a frame.
    pub(crate) fn is_writable(&self, frame: &Frame) -> bool {
        let mapping = self.mappings.get(&frame.id());
        self.shows && mapping.is_some_and(|mapping| mapping.access == Access::Write)
    }

    /// A frame comes whose only handle is the element's: what it could write to once, it
    /// may write to again, and is a user. Whether that was so.
    pub(crate) fn welcome(&mut self, frame: &Frame) -> bool {
        match self.mappings.get_mut(&frame.id()) {
            Some(mapping) if mapping.lent && mapping.access == Access::Write => {
                mapping.lent = false;
                mapping.users += 1;
                true
            }
            _ => false,
        }
    }

    /// Before the element runs: takes the right to write to what others can have by now.
    pub(crate) fn settle(&mut self) {
        if self.lent.is_empty() {
            return;
        }
        let mut lent = std::mem::take(&mut self.lent);
        lent.retain(|id| {
            let Some(mapping) = self.mappings.get_mut(id) else {
                return false;
            };
            if !mapping.lent || mapping.access != Access::Write {
                mapping.lent = false;
                return false;
            }
            // What lies in the element's own pool only the element itself can take out.
            if mapping.own && !mapping.out.get() {
                let gone = mapping.out.gone();
                if gone {
                    self.unmap(*id);
                }
                return !gone;
            }
            if mapping.own {
                self.apart = APART;
            }
            mapping.lent = false;
            self.system_calls += 1;
            let address = self.memory.host_address(mapping.start);
            reduce(address, mapping, Access::Read);
            false
        });
        self.lent = lent;
    }

    /// One user of a frame's view asked twice: counts it once.
    pub(crate) fn forget_one(&mut self, frame: &Frame) {
        if let Some(mapping) = self.mappings.get_mut(&frame.id()) {
            mapping.users = mapping.users.saturating_sub(1);
        }
    }

    /// Makes the view of a frame read-only.
    pub(crate) fn revoke(&mut self, frame: &Frame) {
        let Some(mapping) = self.mappings.get_mut(&frame.id()) else {
            return;
        };
        if mapping.access == Access::Write {
            self.system_calls += 1;
            let address = self.memory.host_address(mapping.start);
            reduce(address, mapping, Access::Read);
        }
    }

    fn reserve(&mut self, len: u32) -> Option<u32> {
        if self.free.is_none() {
            let window = self.memory.window()?;
            self.free = Some(vec![(window.start, window.len)]);
        }
        loop {
            let free = self.free.as_mut()?;
            if let Some(index) = free.iter().position(|&(_, size)| size >= len) {
                let (start, size) = free.remove(index);
                if size > len {
                    free.insert(index, (start + len, size - len));
                }
                return Some(start);
            }
            self.evict()?;
        }
    }

    /// Unmaps the unused view that was not used longest.
    fn evict(&mut self) -> Option<()> {
        let (&id, _) = self
            .mappings
            .iter()
            .filter(|(_, mapping)| mapping.users == 0)
            .min_by_key(|(_, mapping)| mapping.used)?;
        self.unmap(id)
    }

    fn unmap(&mut self, id: u64) -> Option<()> {
        let mapping = self.mappings.remove(&id)?;
        blank(self.memory.host_address(mapping.start), mapping.len);
        self.system_calls += 1;
        self.release_range(mapping.start, mapping.len);
        Some(())
    }

    fn release_range(&mut self, start: u32, len: u32) {
        let Some(free) = self.free.as_mut() else {
            return;
        };
        let index = free.partition_point(|&(other, _)| other < start);
        free.insert(index, (start, len));
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(free.len());
        for &(start, len) in free.iter() {
            match merged.last_mut() {
                Some((last, size)) if *last + *size == start => *size += len,
                _ => merged.push((start, len)),
            }
        }
        *free = merged;
    }
}

/// Takes rights away.
fn reduce(address: usize, mapping: &mut Mapping, left: Access) {
    mapping.access = left;
    if !protect(address, mapping.len, left) {
        // Cannot happen short of a kernel out of memory; then no access at all.
        blank(address, mapping.len);
    }
}

/// Sets what the guest may do with a stretch of its window.
fn protect(address: usize, len: u32, access: Access) -> bool {
    let access = match access {
        Access::None => libc::PROT_NONE,
        Access::Read => libc::PROT_READ,
        Access::Write => libc::PROT_READ | libc::PROT_WRITE,
    };
    // SAFETY: the stretch is a view of this element, inside its own reservation.
    unsafe { libc::mprotect(address as *mut libc::c_void, len as usize, access) == 0 }
}

/// Gives the bytes of a view their pages at once: each would be a fault otherwise, three
/// times as dear together. Where the kernel cannot (before Linux 5.14), they come one by one.
fn show(address: usize, len: usize) {
    // SAFETY: the stretch is a view of this element, inside its own reservation; its pages
    // are read, and nothing is changed.
    unsafe {
        libc::madvise(address as *mut libc::c_void, len, libc::MADV_POPULATE_READ);
    }
}

/// Takes a view away: no access, no memory.
fn blank(address: usize, len: u32) {
    // SAFETY: the stretch is a view of this element, inside its own reservation.
    unsafe {
        libc::mmap(
            address as *mut libc::c_void,
            len as usize,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE,
            -1,
            0,
        );
    }
}

#[cfg(test)]
#[cfg(not(miri))] // Miri knows neither pages without access nor fixed addresses.
mod tests {
    use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

    use super::super::frame::{PAGE, Pool};
    use super::super::guest::{self, Creator};
    use super::*;

    /// Heap before the window: the window does not begin at 0.
    const HEAP: usize = 2 * PAGE;

    /// A memory with a window of so many pages of frames.
    fn element(pages: usize) -> (Box<dyn LinearMemory>, Views) {
        guest::begin();
        let kind = MemoryType::new(1, None);
        let mut memory = Creator
            .new_memory(kind, HEAP, None, Some(1 << 32), 1 << 25)
            .unwrap();
        let views = Views::new(guest::only_memory().unwrap());
        assert!(views.announce(pages * PAGE));
        memory.grow_to(HEAP + pages * PAGE).unwrap();
        (memory, views)
    }

    /// What the guest sees at an address of its own.
    fn guest_byte(memory: &dyn LinearMemory, address: u32) -> *mut u8 {
        memory.as_ptr().wrapping_add(address as usize)
    }

    #[test]
    fn an_element_sees_the_bytes_of_the_frame() {
        let (memory, mut views) = element(4);
        let pool = Pool::default();
        let mut frame = pool.allocate(PAGE).unwrap();
        Frame::bytes_mut(&mut frame).unwrap()[5] = 7;
        let address = views.acquire(&frame, true).unwrap();
        assert_eq!(address as usize, HEAP);
        let byte = guest_byte(&*memory, address + 5);
        // SAFETY: mapped by `acquire`, to write, while the frame lives.
        unsafe {
            assert_eq!(byte.read_volatile(), 7);
            byte.write_volatile(9);
        }
        views.release(&frame);
        assert_eq!(frame.bytes()[5], 9);
        // SAFETY: still mapped, read-only.
        assert_eq!(unsafe { byte.read_volatile() }, 9);
    }

    /// Whether the element could write to a frame that it is done with.
    fn could_write(views: &Views, frame: u64) -> bool {
        views.mappings.get(&frame).unwrap().access == Access::Write
    }

    #[test]
    fn a_frame_that_is_back_in_the_elements_pool_costs_no_call() {
        let (_memory, mut views) = element(4);
        let pool = Pool::default();
        let mut calls = Vec::new();
        for _ in 0..3 {
            views.settle();
            let frame = pool.allocate(PAGE).unwrap();
            views.acquire(&frame, true).unwrap();
            views.lend(&frame, frame.is_of(&pool));
            drop(frame);
            calls.push(views.system_calls);
        }
        assert_eq!(calls, [2, 2, 2], "only the first mapping takes any");
        assert_eq!(views.lent.len(), 1);
    }

    #[test]
    fn a_view_goes_with_the_memory_that_its_pool_gave_back() {
        let (_memory, mut views) = element(4);
        let pool = Pool::default();
        let frame = pool.allocate(PAGE).unwrap();
        views.acquire(&frame, true).unwrap();
        views.lend(&frame, true);
        drop(frame);
        views.settle();
        assert_eq!((views.mappings.len(), views.lent.len()), (1, 1));
        drop(pool);
        views.settle();
        assert_eq!((views.mappings.len(), views.lent.len()), (0, 0));
    }

    #[test]
    fn a_frame_that_is_still_out_cannot_be_written_to() {
        let (_memory, mut views) = element(4);
        let pool = Pool::default();
        let frame = pool.allocate(PAGE).unwrap();
        views.acquire(&frame, true).unwrap();
        views.lend(&frame, true);
        views.settle();
        assert!(!could_write(&views, frame.id()));
        assert!(
            !views.is_better_copied(&frame),
            "it cannot be written to any more"
        );
        // Back in the pool and out again, it is written to with a call to the kernel.
        let (id, calls) = (frame.id(), views.system_calls);
        drop(frame);
        views.settle();
        assert!(!could_write(&views, id));
        let frame = pool.allocate(PAGE).unwrap();
        assert_eq!(frame.id(), id);
        views.acquire(&frame, true).unwrap();
        assert_eq!(views.system_calls, calls + 1);
        // For a while it is taken to be so again.
        assert!(views.is_better_copied(&frame));
        let more = (0..2 * APART).filter(|_| views.is_better_copied(&frame));
        assert_eq!(more.count() as u32, APART - 3);
    }

    #[test]
    fn frames_of_others_are_written_to_only_in_the_elements_hands() {
        let (_memory, mut views) = element(4);
        let (others, own) = (Pool::default(), Pool::default());
        let frame = others.allocate(PAGE).unwrap();
        assert!(!frame.is_of(&own));
        views.acquire(&frame, true).unwrap();
        views.lend(&frame, false);
        // It comes again, and nobody else has it.
        assert!(views.welcome(&frame));
        views.settle();
        assert!(could_write(&views, frame.id()));
        views.lend(&frame, false);
        let id = frame.id();
        drop(frame);
        // Its owner can take it out of the pool while this element runs.
        views.settle();
        assert!(!could_write(&views, id));
        let frame = others.allocate(PAGE).unwrap();
        assert!(!views.welcome(&frame));
    }

    #[test]
    fn a_view_that_is_shared_while_it_is_lent_cannot_be_written_to() {
        let (_memory, mut views) = element(4);
        let pool = Pool::default();
        let frame = pool.allocate(PAGE).unwrap();
        views.acquire(&frame, true).unwrap();
        views.lend(&frame, true);
        views.revoke(&frame);
        assert!(!could_write(&views, frame.id()));
        views.settle();
        assert!(views.lent.is_empty());
    }

    #[test]
    fn hidden_views_allow_nothing_without_a_handle() {
        let (_memory, mut views) = element(4);
        views.hide();
        let frame = Pool::default().allocate(PAGE).unwrap();
        let start = views.acquire(&frame, true).unwrap();
        assert_eq!(views.acquire(&frame, false), Some(start));
        let access = |views: &Views| views.mappings.get(&frame.id()).unwrap().access;
        let calls = views.system_calls;
        views.release(&frame);
        assert_eq!(access(&views), Access::Read);
        views.lend(&frame, true);
        assert_eq!(
            (access(&views), views.system_calls),
            (Access::None, calls + 2)
        );
        for (writable, shown) in [(false, Access::Read), (true, Access::Write)] {
            assert_eq!(views.acquire(&frame, writable), Some(start));
            assert_eq!(access(&views), shown);
            views.release(&frame);
            assert_eq!(access(&views), Access::None);
        }
        assert_eq!(views.system_calls, calls + 6);
    }

    #[test]
    fn a_full_window_gives_the_place_of_the_oldest() {
        let (memory, mut views) = element(3);
        let pool = Pool::default();
        let frames: Vec<_> = (0..4).map(|_| pool.allocate(PAGE).unwrap()).collect();
        let places: Vec<_> = frames[..3]
            .iter()
            .map(|frame| views.acquire(frame, false).unwrap())
            .collect();
        assert_eq!(views.acquire(&frames[3], false), None);
        views.release(&frames[1]);
        views.release(&frames[0]);
        assert_eq!(views.acquire(&frames[3], false), Some(places[0]));
        assert_eq!(views.acquire(&frames[0], true), Some(places[1]));
        drop(memory);
    }

    #[test]
    fn a_window_comes_once_and_only_as_announced() {
        let (mut memory, views) = element(1);
        let size = memory.byte_size();
        assert!(!views.announce(PAGE));
        memory.grow_to(size + PAGE).unwrap();
        // SAFETY: heap: the growth was not announced.
        unsafe { guest_byte(&*memory, size as u32).write_volatile(1) };
        assert_eq!(views.memory().window().unwrap().len as usize, PAGE);
        assert!(memory.grow_to(1).is_err());
        assert!(memory.grow_to((1 << 32) + 1).is_err());
    }

    /// Views of many sizes come and go; no two overlap, and when all are gone the whole
    /// window is one stretch again.
    #[test]
    fn views_never_overlap() {
        const PAGES: usize = 16;
        let (_memory, mut views) = element(PAGES);
        let mut random = 1_u64;
        let mut held: Vec<(Arc<Frame>, u32)> = Vec::new();
        for _ in 0..2000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if random.is_multiple_of(3) && !held.is_empty() {
                let (frame, _) = held.swap_remove(random as usize / 3 % held.len());
                views.release(&frame);
                continue;
            }
            let frame = Pool::default()
                .allocate((1 + random as usize / 8 % 5) * PAGE)
                .unwrap();
            let Some(start) = views.acquire(&frame, random & 8 == 0) else {
                continue;
            };
            let end = start + frame.capacity() as u32;
            assert!(start as usize >= HEAP && end as usize <= HEAP + PAGES * PAGE);
            for (other, at) in &held {
                assert!(end <= *at || at + other.capacity() as u32 <= start);
            }
            held.push((frame, start));
        }
        for (frame, _) in held.drain(..) {
            views.release(&frame);
        }
        while views.evict().is_some() {}
        assert_eq!(views.free, Some(vec![(HEAP as u32, (PAGES * PAGE) as u32)]));
    }
}
