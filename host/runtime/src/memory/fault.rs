//! Faults of host code inside a guest's window.
//!
//! A window's pages are without access or read-only, but to wasmtime they are
//! part of the guest's memory. A hostile guest can pass a list that lies there,
//! and the host's own copy would fault and take the process down. wasmtime's
//! handler passes on faults that are not wasm's; this one is installed before it,
//! puts a private page under the address, and marks the memory, so that the
//! element is ended when its call returns.
#![allow(
    unsafe_code,
    reason = "a signal handler, and the table that it reads without locks"
)]

use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Memories that can exist at a time with protection against this trick; those
/// beyond get no window.
const MAX_SLOTS: usize = 4096;

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

/// One memory's place in the table.
#[derive(Debug)]
pub(super) struct Slot(Option<usize>);

impl Slot {
    /// Enters a memory.
    pub(super) fn claim(base: usize, len: usize) -> Self {
        for (index, entry) in ENTRIES.iter().enumerate() {
            // `len` is set last and cleared first: the handler never sees half an entry.
            if entry
                .base
                .compare_exchange(0, base, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                entry.tainted.store(false, Ordering::Relaxed);
                entry.len.store(len, Ordering::Release);
                return Self(Some(index));
            }
        }
        Self(None)
    }

    fn entry(&self) -> Option<&'static Entry> {
        ENTRIES.get(self.0?)
    }

    /// Takes the memory out again.
    pub(super) fn release(&self) {
        if let Some(entry) = self.entry() {
            entry.len.store(0, Ordering::Release);
            entry.base.store(0, Ordering::Release);
        }
    }

    /// Whether a host fault was mended here, or the memory is not watched at all.
    pub(super) fn is_tainted(&self) -> bool {
        self.entry()
            .is_none_or(|entry| entry.tainted.load(Ordering::Acquire))
    }
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
        // SAFETY: replaces one page of a guest's own reservation by a private one;
        // nothing but the guest's data was there. 4 KiB is a page, or part of one, so
        // round down by the largest common page size.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        // SAFETY: as above.
        let mapped = unsafe {
            libc::mmap(
                (address & !(page - 1)) as *mut libc::c_void,
                page,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
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
