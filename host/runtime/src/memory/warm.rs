//! Makes frames ahead for pools that grow.
//!
//! The kernel takes some microseconds for each page that is touched for the first time,
//! a third of a millisecond for a picture of 640x480: where an element keeps buffers, the
//! one that fills new ones would pay for it, with everybody behind it. One thread for
//! the process pays instead.

use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::Builder;

use super::frame::WeakPool;

/// Requests that wait; what does not fit is made by who needs it.
const MAX_WAITING: usize = 64;

/// Asks for a frame for this pool. Whether it will be looked at.
pub(super) fn ask(pool: WeakPool) -> bool {
    static THREAD: OnceLock<Option<SyncSender<WeakPool>>> = OnceLock::new();
    let start = || {
        let (asks, asked) = sync_channel::<WeakPool>(MAX_WAITING);
        let work = move || {
            for pool in asked {
                pool.grow();
            }
        };
        let thread = Builder::new().name("frames".to_owned()).spawn(work);
        thread.is_ok().then_some(asks)
    };
    // Miri wants all threads to end before the process.
    !cfg!(miri)
        && THREAD
            .get_or_init(start)
            .as_ref()
            .is_some_and(|asks| asks.try_send(pool).is_ok())
}
