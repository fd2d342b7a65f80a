//! The window in the element's own memory into which the host maps frames.
//!
//! One of the two modules of the SDK that hold `unsafe`; the other is the
//! generated one.
#![allow(unsafe_code, reason = "a view is memory that only the host knows of")]

use core::arch::wasm32::memory_grow;
use core::slice;

use super::RawBuffer;
use crate::bindings::millstream::media::buffers::announce_window;

/// The window to begin with: 40 frames of 4K video in RGBA. It costs address
/// space, not memory.
const WINDOW_BYTES: u32 = 512 * 1024 * 1024;
/// The smallest window worth having: one frame of 720p video in RGBA.
const LEAST_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const PAGE_BYTES: u32 = 65_536;

/// Where a buffer's bytes lie.
pub(crate) type Address = u32;

/// Offers the host a window, smaller until it agrees. Without one every view is
/// a copy.
pub(crate) fn open_window() {
    let mut size = WINDOW_BYTES;
    while size >= LEAST_WINDOW_BYTES {
        if announce_window(size) {
            // If it cannot grow after all the host finds no window, and says so
            // by an address of `none`.
            let _before = memory_grow::<0>((size / PAGE_BYTES) as usize);
            return;
        }
        size /= 2;
    }
}

/// The address of a buffer's bytes, if the host can map them.
pub(crate) fn address(raw: &RawBuffer, writable: bool) -> Option<Address> {
    raw.address(writable).filter(|address| *address != 0)
}

/// The `size` bytes at an address that [`address`] gave for this buffer.
pub(crate) fn bytes_at(_raw: &RawBuffer, address: Address, size: usize) -> &[u8] {
    // SAFETY: the host mapped `size` bytes there, inside of the window that
    // nothing else in this element touches. They stay until the handle is
    // dropped or given away, which the borrow of it forbids, and while it is
    // borrowed nobody writes: writing needs `&mut` of the only handle.
    unsafe { slice::from_raw_parts(address as *const u8, size) }
}

/// The `size` bytes at an address that [`address`] gave for this buffer, to write.
pub(crate) fn bytes_at_mut(_raw: &mut RawBuffer, address: Address, size: usize) -> &mut [u8] {
    // SAFETY: as `bytes_at`; the address was asked for with `writable`, which the
    // host grants only if no other handle shares the memory, and this handle is
    // borrowed exclusively.
    unsafe { slice::from_raw_parts_mut(address as *mut u8, size) }
}
