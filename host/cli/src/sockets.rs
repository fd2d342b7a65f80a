//! Where control sockets lie, and how to reach one: for the pipeline that makes it and for
//! who looks for it.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};
use rustix::process::geteuid;

/// Names of sockets end so.
pub(crate) const EXTENSION: &str = "sock";

/// Most files of a folder that are looked at: a user has a few pipelines.
const MAX_FILES: usize = 1_000;

/// Where a pipeline puts its socket if nobody says where: below `$XDG_RUNTIME_DIR`, or in a
/// folder of our own below `/tmp`.
pub(crate) fn default_folder() -> PathBuf {
    runtime_folder().unwrap_or_else(temporary_folder)
}

/// Everywhere that pipelines of this user put their sockets by default.
pub(crate) fn folders() -> impl Iterator<Item = PathBuf> {
    let folders = runtime_folder().into_iter().chain([temporary_folder()]);
    folders.filter(|folder| check_private(folder).is_ok())
}

fn runtime_folder() -> Option<PathBuf> {
    // It may be another user's after `sudo`.
    let folder = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?);
    let is_ours = fs::metadata(&folder)
        .is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw());
    (is_ours && folder.is_absolute()).then(|| folder.join("millstream"))
}

fn temporary_folder() -> PathBuf {
    PathBuf::from(format!("/tmp/millstream-{}", geteuid().as_raw()))
}

/// Whether a folder is ours and nobody else can enter it; otherwise what is wrong.
pub(crate) fn check_private(folder: &Path) -> Result<(), String> {
    // A link would lead elsewhere tomorrow.
    let found = fs::symlink_metadata(folder).map_err(|error| error.to_string())?;
    let mode = found.permissions().mode() & 0o777;
    if !found.is_dir() {
        Err("it is no folder".to_owned())
    } else if found.uid() != geteuid().as_raw() {
        Err(format!("it belongs to user {}", found.uid()))
    } else if mode & 0o077 != 0 {
        Err(format!("its mode is {mode:04o}, expected 0700"))
    } else {
        Ok(())
    }
}

/// The sockets in a folder, sorted.
pub(crate) fn sockets_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(MAX_FILES);
    let mut sockets: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|it| it == EXTENSION) && is_socket(path))
        .collect();
    sockets.sort();
    sockets
}

/// Whether there is a socket of that name, not a link to one.
pub(crate) fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Connects without waiting. A socket whose process is gone refuses, one whose process does
/// not keep up would block. The stream does not block.
pub(crate) fn try_connect(path: &Path) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let stream = UnixStream::from(socket(AddressFamily::UNIX, SocketType::STREAM, None)?);
    stream.set_nonblocking(true)?;
    connect(&stream, &address)?;
    Ok(stream)
}

/// Whether the process that made a socket is gone.
pub(crate) fn is_stale(path: &Path) -> bool {
    try_connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
