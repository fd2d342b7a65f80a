//! The host's own heap.
#![allow(unsafe_code, reason = "the allocator is asked in C")]

/// Gives memory that was freed back to the machine, after what is large and rare. The
/// allocator of glibc keeps up to twice the largest block that it has seen, for each of
/// the threads, in case it comes again.
///
/// # Source
/// <https://man7.org/linux/man-pages/man3/mallopt.3.html>, "dynamic mmap threshold".
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu", not(miri)))]
    // SAFETY: takes the allocator's own locks, and no block that is in use.
    unsafe {
        libc::malloc_trim(0);
    }
}
