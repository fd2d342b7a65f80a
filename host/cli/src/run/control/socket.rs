//! The socket's file: made with mode 0600, refused where something else lies, taken away at
//! the end.

use std::fs::{self, DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::sockets;

/// How long another pipeline may take that makes its socket in the same folder.
const LOCK_TIME: Duration = Duration::from_secs(2);
/// Between two looks at the lock.
const LOCK_STEP: Duration = Duration::from_millis(5);

const ELSEWHERE: &str = "name another file: `--control=PATH`";

/// The file of a socket; gone when it is dropped.
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode, so that another's file of that name stays.
    identity: (u64, u64),
}

impl SocketFile {
    /// Makes the socket: where `path` says, or in the default folder.
    pub(super) fn bind(path: Option<&Path>) -> Result<(UnixListener, Self), Failure> {
        let path = path.map_or_else(default_path, |path| Ok(path.to_owned()))?;
        let failed = |error: &dyn std::fmt::Display| {
            let message = format!(
                "cannot make the control socket `{}`: {error}",
                path.display()
            );
            Failure::usage(message, ELSEWHERE)
        };
        SocketAddr::from_pathname(&path).map_err(|error| failed(&error))?;
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        // Who looks whether a socket is stale and who makes one take turns.
        let lock = lock(folder).map_err(|error| failed(&error))?;
        make_room(&path)?;
        let (listener, identity) = bind_privately(folder, &path).map_err(|error| failed(&error))?;
        drop(lock);
        Ok((listener, Self { path, identity }))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            // What is left is a stale socket, which the next pipeline replaces.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// A name in the default folder, which is made if it is not there, and rid of what dead
/// processes left.
fn default_path() -> Result<PathBuf, Failure> {
    let folder = sockets::default_folder();
    let made = DirBuilder::new().mode(0o700).create(&folder);
    let made = made.or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Ok(()),
        _ => Err(error.to_string()),
    });
    made.and_then(|()| sockets::check_private(&folder))
        .map_err(|error| {
            let message = format!("cannot use the folder `{}`: {error}", folder.display());
            Failure::usage(message, ELSEWHERE)
        })?;
    if let Ok(_lock) = lock(&folder) {
        for path in sockets::sockets_in(&folder) {
            if sockets::is_stale(&path) {
                drop(fs::remove_file(&path));
            }
        }
    }
    Ok(folder.join(format!("{}.{}", std::process::id(), sockets::EXTENSION)))
}

/// Waits until nobody else makes a socket in the folder.
fn lock(folder: &Path) -> io::Result<File> {
    let until = Instant::now() + LOCK_TIME;
    let file = File::open(folder)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(LOCK_STEP);
            }
            Err(TryLockError::WouldBlock) => {
                let message = format!("another process has locked `{}`", folder.display());
                return Err(io::Error::other(message));
            }
        }
    }
}

/// Takes away what a dead process left; fails if anything else lies there.
fn make_room(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    if fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    if !sockets::is_socket(path) {
        return Err(Failure::usage(
            format!("cannot make the control socket `{shown}`: a file of another kind lies there"),
            ELSEWHERE,
        ));
    }
    if !sockets::is_stale(path) {
        return Err(Failure::usage(
            format!("cannot make the control socket `{shown}`: a running process uses it"),
            ELSEWHERE,
        ));
    }
    fs::remove_file(path).map_err(|error| {
        let message = format!("cannot take away the stale socket `{shown}`: {error}");
        Failure::usage(message, ELSEWHERE)
    })
}

/// Makes the socket where nobody else can enter, and links it to its place when its mode is
/// right: `bind` takes the mode from the umask, which all threads share.
fn bind_privately(folder: &Path, path: &Path) -> io::Result<(UnixListener, (u64, u64))> {
    // Not longer than the default name, as the length of a socket's name has a limit.
    let private = folder.join(format!(".{}", std::process::id()));
    let hidden = private.join("s");
    if let Err(error) = DirBuilder::new().mode(0o700).create(&private) {
        // A process of this number was killed here; containers number theirs alike.
        sockets::check_private(&private).map_err(|_wrong| error)?;
        drop(fs::remove_file(&hidden));
    }
    let bound = UnixListener::bind(&hidden).and_then(|listener| {
        fs::set_permissions(&hidden, Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        let identity = identity(&hidden)?;
        // Fails if a file came there meanwhile, unlike `rename`.
        fs::hard_link(&hidden, path)?;
        Ok((listener, identity))
    });
    drop(fs::remove_file(&hidden));
    drop(fs::remove_dir(&private));
    bound
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}
