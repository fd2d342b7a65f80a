//! The control socket of a running pipeline.
//!
//! ```text
//! clients ═► server (one thread, never waits) ─┬► prompt    stats, pause, resume, eos
//!                                             ├► elements  list, set-property
//!                                             └► swaps     swap
//! ```
//!
//! Nothing here holds the pipeline up: four threads, [`MAX_CLIENTS`] clients, one request a
//! turn, one line and one answer in memory for each client.

mod client;
mod server;
mod socket;
mod worker;

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use millstream_runtime::Controller;

use self::server::Server;
use self::socket::SocketFile;
use self::worker::Desk;
use crate::failure::Failure;

/// Most clients at a time: far more than one pipeline needs, and few enough to leave it its
/// descriptors (1,024 as a rule) and memory (128 KiB each).
const MAX_CLIENTS: usize = 64;

/// A socket that nobody answers yet; clients that connect wait.
pub(super) struct Bound {
    listener: UnixListener,
    file: SocketFile,
}

impl Bound {
    /// Makes the socket: where `path` says, or in the default folder.
    pub(super) fn new(path: Option<&Path>) -> Result<Self, Failure> {
        SocketFile::bind(path).map(|(listener, file)| Self { listener, file })
    }

    /// Its file.
    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Begins to answer.
    pub(super) fn serve(self, controller: &Controller, pipeline: &str) -> io::Result<Control> {
        let (waker, woken) = UnixStream::pair()?;
        waker.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let waker = Arc::new(waker);
        let desk = Desk::open(controller, &waker)?;
        let is_over: Arc<AtomicBool> = Arc::default();
        let server = Server::new(self.listener, woken, desk, is_over.clone(), pipeline);
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || server.run())?;
        Ok(Control {
            file: Some(self.file),
            waker,
            is_over,
            thread: Some(thread),
        })
    }
}

/// A control socket that is answered, until it is dropped.
pub(super) struct Control {
    file: Option<SocketFile>,
    waker: Arc<UnixStream>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Control {
    fn drop(&mut self) {
        // First its file, so that nobody comes who would not be answered.
        drop(self.file.take());
        self.is_over.store(true, Ordering::Release);
        worker::wake(&self.waker);
        if let Some(thread) = self.thread.take() {
            // It panicked: clients see the end of their connections, the pipeline goes on.
            drop(thread.join());
        }
    }
}

/// Whether a client is our own user or root. The file's mode says so too, but whoever has
/// the folder can change that.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_allowed(client: &UnixStream) -> bool {
    let user = rustix::net::sockopt::socket_peercred(client).map(|it| it.uid);
    user.is_ok_and(|user| user.is_root() || user == rustix::process::geteuid())
}

/// Elsewhere the file's mode alone says who may come.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_allowed(_: &UnixStream) -> bool {
    true
}
