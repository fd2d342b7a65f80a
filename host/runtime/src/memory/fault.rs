//! Faults of host code inside a guest's window.
//!
//! A window's pages are without access or read-only, but to wasmtime they are
//! part of the guest's memory. A hostile guest can pass a list that lies there,
//! and the host's own copy would fault and take the process down. wasmtime's
//! handler passes on faults that are not wasm's; this one is installed before it,
//! replaces the whole window by private memory (page by page a guest could use up
//! the mappings that a process may have), and marks it, so that the element is
//! ended when its call returns.
#![allow(
    unsafe_code,
    reason = "a signal handler, and the table that it reads without locks"
)]

use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Windows that can exist at a time; an element beyond gets none.
const MAX_SLOTS: usize = 4096;

#[derive(Debug)]
struct Entry {
    base: AtomicUsize,
    len: AtomicUsize,
    tainted: AtomicBool,
}

static ENTRIES: [Entry; MAX_SLOTS] = [const {
    Entry {
        base: AtomicUsize::new(0),
        len: AtomicUsize::new(0),
        tainted: AtomicBool::new(false),
    }
}; MAX_SLOTS];

/// One window's place in the table.
#[derive(Debug)]
pub(super) struct Slot {
    entry: &'static Entry,
    is_live: AtomicBool,
}

impl Slot {
    /// Enters a window: its address in this process and its length.
    pub(super) fn claim(base: usize, len: usize) -> Option<Self> {
        let free = |entry: &&Entry| {
            entry
                .base
                .compare_exchange(0, base, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        };
        let entry = ENTRIES.iter().find(free)?;
        entry.tainted.store(false, Ordering::Relaxed);
        // Set last and cleared first: the handler never sees half an entry.
        entry.len.store(len, Ordering::Release);
        Some(Self {
            entry,
            is_live: AtomicBool::new(true),
        })
    }

    /// Whether a host fault was mended here.
    pub(super) fn is_tainted(&self) -> bool {
        self.entry.tainted.load(Ordering::Acquire)
    }

    /// Leaves the table, once: the window is about to go.
    pub(super) fn release(&self) {
        if self.is_live.swap(false, Ordering::AcqRel) {
            self.entry.len.store(0, Ordering::Release);
            self.entry.base.store(0, Ordering::Release);
        }
    }
}

/// Windows that exist now.
#[cfg(any(test, fuzzing))]
pub(crate) fn windows() -> usize {
    let is_taken = |entry: &&Entry| entry.base.load(Ordering::Acquire) != 0;
    ENTRIES.iter().filter(is_taken).count()
}

static INSTALL: Once = Once::new();
static PREVIOUS: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Installs the handler, once in a process, before wasmtime's.
pub(crate) fn install() {
    INSTALL.call_once(|| {
        for (signal, previous) in SIGNALS.iter().zip(&PREVIOUS) {
            // SAFETY: zeroed is a valid `sigaction`, and `handle` is async-signal-safe:
            // it reads atomics and makes one system call. The pointer to the previous
            // handler's action is leaked, so that it outlives every signal.
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER | libc::SA_ONSTACK;
                action.sa_sigaction = handle as *const () as usize;
                libc::sigemptyset(&raw mut action.sa_mask);
                let old = Box::into_raw(Box::new(std::mem::zeroed::<libc::sigaction>()));
                libc::sigaction(*signal, &raw const action, old);
                previous.store(old as usize, Ordering::Release);
            }
        }
    });
}

extern "C" fn handle(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid `siginfo_t` with SA_SIGINFO.
    let address = unsafe { (*info).si_addr() } as usize;
    for entry in &ENTRIES {
        let len = entry.len.load(Ordering::Acquire);
        let base = entry.base.load(Ordering::Acquire);
        if len == 0 || address < base || address - base >= len {
            continue;
        }
        entry.tainted.store(true, Ordering::Release);
        // SAFETY: replaces a guest's own window; nothing but views of that guest, which
        // is ended for it, was there.
        let mapped = unsafe {
            libc::mmap(
                base as *mut libc::c_void,
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if mapped != libc::MAP_FAILED {
            return;
        }
    }
    pass_on(signal, info, context);
}

/// Does what would have happened without this handler.
fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let index = usize::from(signal != libc::SIGSEGV);
    let old = PREVIOUS
        .get(index)
        .map_or(0, |previous| previous.load(Ordering::Acquire))
        as *const libc::sigaction;
    // SAFETY: `old` was leaked by `install` and is what the kernel gave as the action
    // before; calling it with the same arguments is what the kernel would have done.
    unsafe {
        if old.is_null()
            || (*old).sa_sigaction == libc::SIG_DFL
            || (*old).sa_sigaction == libc::SIG_IGN
        {
            libc::signal(signal, libc::SIG_DFL);
            return;
        }
        if (*old).sa_flags & libc::SA_SIGINFO != 0 {
            let call: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                std::mem::transmute((*old).sa_sigaction);
            call(signal, info, context);
        } else {
            let call: extern "C" fn(libc::c_int) = std::mem::transmute((*old).sa_sigaction);
            call(signal);
        }
    }
}

#[cfg(test)]
#[cfg(not(miri))] // Miri has no signals.
mod tests {
    use super::*;

    const LEN: usize = 1 << 16;

    /// Pages without access, as a window has them.
    fn reserve() -> usize {
        // SAFETY: a fresh mapping at an address of the kernel's choice, never unmapped.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                LEN,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        assert_ne!(base, libc::MAP_FAILED);
        base as usize
    }

    #[test]
    fn a_fault_of_the_host_in_a_window_is_mended_and_told() {
        install();
        let (base, other) = (reserve(), reserve());
        let slot = Slot::claim(base, LEN).unwrap();
        let neighbour = Slot::claim(other, LEN).unwrap();
        assert!(!slot.is_tainted());
        // SAFETY: the handler puts memory there.
        let byte = unsafe { ((base + LEN - 1) as *const u8).read_volatile() };
        assert_eq!(byte, 0);
        assert!(slot.is_tainted());
        assert!(!neighbour.is_tainted());
        slot.release();
        slot.release();
        // A new window in the same place of the table begins clean.
        let slot = Slot::claim(base, LEN).unwrap();
        assert!(!slot.is_tainted());
        slot.release();
        neighbour.release();
    }
}
