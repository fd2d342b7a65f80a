//! Files below granted directories. Needs `files-read` or `files-write`.
//!
//! A path is taken in the granted directory whose name it begins with; relative
//! paths in the directory `.`, if that was granted. `..` stands only
//! at the front, as part of the name of a directory that was granted.
//!
//! ```no_run
//! # fn main() -> Result<(), millstream_sdk::Failure> {
//! use millstream_sdk::files;
//!
//! let mut input = files::open_read("clips/in.y4m")?;
//! let mut output = files::create("out.y4m")?;
//! let mut block = vec![0; 65_536];
//! loop {
//!     let got = input.read(&mut block)?;
//!     if got == 0 {
//!         break;
//!     }
//!     output.write_all(&block[..got])?;
//! }
//! output.close()
//! # }
//! ```

use crate::bus::Level;
use crate::failure::Failure;
use crate::log;
use crate::sys;

/// Opens a file to read it from its start.
pub fn open_read(path: &str) -> Result<File, Failure> {
    open(path, Mode::Read)
}

/// Makes a file, or empties the one that is there, to write it from its start.
pub fn create(path: &str) -> Result<File, Failure> {
    open(path, Mode::Create)
}

/// Opens a file, or makes it, to write at its end.
pub fn append(path: &str) -> Result<File, Failure> {
    let mut file = open(path, Mode::Append)?;
    file.position = file.size()?;
    Ok(file)
}

/// A file that one instance of an element begins and others may go on with: it is
/// emptied when the first bytes are written, not before, since until then an
/// instance does not know whether it is the first. Writes go to the end of the
/// file, wherever that is by then.
#[derive(Debug)]
pub struct Output {
    file: File,
    begun: bool,
}

/// How far an [`Output`] has come, to hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "state", derive(serde::Serialize, serde::Deserialize))]
pub struct Written {
    /// What was there before is gone.
    pub begun: bool,
    /// Bytes of the file.
    pub size: u64,
}

impl Output {
    /// Opens a file, or makes it.
    pub fn open(path: &str) -> Result<Self, Failure> {
        let file = append(path)?;
        Ok(Self { file, begun: false })
    }

    /// The same; what is in it stays.
    pub fn append(path: &str) -> Result<Self, Failure> {
        let file = append(path)?;
        Ok(Self { file, begun: true })
    }

    /// How far it has come.
    pub fn written(&self) -> Result<Written, Failure> {
        let (begun, size) = (self.begun, self.file.size()?);
        Ok(Written { begun, size })
    }

    /// Goes on with what another instance has written, which may be more than it says.
    pub fn go_on(&mut self, written: Written) -> Result<(), Failure> {
        let Written { begun, size } = written;
        let found = self.file.size()?;
        self.begun |= begun || found != size;
        if begun && found < size {
            let path = &self.file.path;
            log!(
                Level::Warning,
                "file `{path}` has {found} bytes, {size} were written"
            );
        }
        Ok(())
    }

    /// The last byte of the file.
    pub fn last(&mut self) -> Result<Option<u8>, Failure> {
        let mut last = [0];
        self.file.seek(self.file.size()?.saturating_sub(1));
        let got = self.file.read(&mut last)?;
        Ok(last.first().copied().filter(|_| got > 0))
    }

    /// Writes all these bytes at the end.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.begin()?;
        let end = self.file.size()?;
        self.file.seek(end);
        self.file.write_all(bytes)
    }

    /// The end of what is written: brings it to the disk. A file to which nothing was
    /// written is empty.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.begin()?;
        self.file.close()
    }

    /// The same, but without a file that was not begun.
    pub fn close(self) -> Result<(), Failure> {
        if self.begun {
            self.file.close()?;
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Failure> {
        if !self.begun {
            self.file = create(&self.file.path)?;
            self.begun = true;
        }
        Ok(())
    }
}

fn open(path: &str, mode: Mode) -> Result<File, Failure> {
    if path.is_empty() {
        return Err(Failure::settings("the path of a file is empty"));
    }
    // Only in front, as part of a granted directory's name: the host writes no others.
    let mut parts = path.split('/').skip_while(|part| *part == "..");
    if parts.any(|part| part == "..") {
        let message = format!("path `{path}` goes back by `..`, which is not allowed");
        return Err(Failure::settings(message).hint("grant the directory and name it directly"));
    }
    let raw = sys::files::File::open(path, mode)?;
    Ok(File {
        raw,
        path: path.to_owned(),
        position: 0,
    })
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Create,
    Append,
}

/// An open file and a position in it. Dropping it closes it.
#[derive(Debug)]
pub struct File {
    raw: sys::files::File,
    path: String,
    position: u64,
}

impl File {
    /// The path by which it was opened.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Bytes of the file.
    pub fn size(&self) -> Result<u64, Failure> {
        self.raw
            .size()
            .map_err(|error| self.explain("cannot ask for the size of", &error))
    }

    /// Where the next byte is read or written.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Moves to another place, counted from the start.
    pub fn seek(&mut self, position: u64) {
        self.position = position;
    }

    /// Reads bytes from here, at most as many as fit; 0 at the end of the file.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        let mut got = 0;
        while let Some(rest) = into.get_mut(got..).filter(|rest| !rest.is_empty()) {
            let count = self
                .raw
                .read(rest, self.position)
                .map_err(|error| self.explain("cannot read", &error))?;
            if count == 0 {
                break;
            }
            got += count;
            self.position += count as u64;
        }
        Ok(got)
    }

    /// Writes all these bytes here.
    pub fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let count = self
                .raw
                .write(bytes, self.position)
                .map_err(|error| self.explain("cannot write", &error))?;
            if count == 0 {
                return Err(self.explain("cannot write", "nothing was taken"));
            }
            bytes = bytes.get(count..).unwrap_or_default();
            self.position += count as u64;
        }
        Ok(())
    }

    /// Brings what was written to the disk and closes the file.
    pub fn close(self) -> Result<(), Failure> {
        self.raw
            .sync()
            .map_err(|error| self.explain("cannot finish", &error))
    }

    fn explain(&self, what: &str, error: &str) -> Failure {
        Failure::resource(format!("{what} file `{}`: {error}", self.path))
    }
}
