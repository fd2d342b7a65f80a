//! Files natively: those of this process.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use crate::failure::Failure;
use crate::files::Mode;

/// An open file.
#[derive(Debug)]
pub(crate) struct File(fs::File);

impl File {
    pub(crate) fn open(path: &str, mode: Mode) -> Result<Self, Failure> {
        let file = match mode {
            Mode::Read => fs::File::open(path),
            Mode::Create => fs::File::create(path),
            Mode::Append => fs::File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path),
        };
        file.map(Self)
            .map_err(|error| Failure::resource(format!("cannot open file `{path}`: {error}")))
    }

    pub(crate) fn size(&self) -> Result<u64, String> {
        self.0
            .metadata()
            .map(|metadata| metadata.len())
            .map_err(|error| error.to_string())
    }

    pub(crate) fn read(&self, into: &mut [u8], position: u64) -> Result<usize, String> {
        let mut file = &self.0;
        let moved = file.seek(SeekFrom::Start(position));
        moved
            .and_then(|_| file.read(into))
            .map_err(|error| error.to_string())
    }

    pub(crate) fn write(&self, bytes: &[u8], position: u64) -> Result<usize, String> {
        let mut file = &self.0;
        let moved = file.seek(SeekFrom::Start(position));
        moved
            .and_then(|_| file.write(bytes))
            .map_err(|error| error.to_string())
    }

    pub(crate) fn sync(&self) -> Result<(), String> {
        self.0.sync_data().map_err(|error| error.to_string())
    }
}
