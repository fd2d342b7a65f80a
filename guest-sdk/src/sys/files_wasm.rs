//! Files over `wasi:filesystem`, by position rather than by stream.

use crate::bindings::wasi::filesystem::preopens::get_directories;
use crate::bindings::wasi::filesystem::types::{
    Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags,
};
use crate::failure::Failure;
use crate::files::Mode;

/// The most bytes in one call, so that neither side needs a second file in memory.
const MOST_BYTES: usize = 1 << 20;

/// An open file.
#[derive(Debug)]
pub(crate) struct File(Descriptor);

impl File {
    pub(crate) fn open(path: &str, mode: Mode) -> Result<Self, Failure> {
        let mut best: Option<(usize, Descriptor, &str)> = None;
        for (directory, name) in get_directories() {
            if let Some(rest) = inside(&name, path)
                && best
                    .as_ref()
                    .is_none_or(|(length, ..)| name.len() > *length)
            {
                best = Some((name.len(), directory, rest));
            }
        }
        // A granted directory's own name may hold `..`; what leads out of it may not.
        let best = best.filter(|(.., rest)| rest.split('/').all(|part| part != ".."));
        let Some((_, directory, rest)) = best else {
            let message = format!("file `{path}` is in no directory that was granted");
            return Err(Failure::resource(message));
        };
        let write = DescriptorFlags::READ | DescriptorFlags::WRITE;
        let (open, flags) = match mode {
            Mode::Read => (OpenFlags::empty(), DescriptorFlags::READ),
            Mode::Create => (OpenFlags::CREATE | OpenFlags::TRUNCATE, write),
            Mode::Append => (OpenFlags::CREATE, write),
        };
        directory
            .open_at(PathFlags::SYMLINK_FOLLOW, rest, open, flags)
            .map(Self)
            .map_err(|code| Failure::resource(format!("cannot open file `{path}`: {}", text(code))))
    }

    pub(crate) fn size(&self) -> Result<u64, String> {
        self.0.stat().map(|stat| stat.size).map_err(text)
    }

    pub(crate) fn read(&self, into: &mut [u8], position: u64) -> Result<usize, String> {
        let (bytes, _end) = self
            .0
            .read(into.len().min(MOST_BYTES) as u64, position)
            .map_err(text)?;
        let count = bytes.len().min(into.len());
        into.iter_mut()
            .zip(&bytes)
            .for_each(|(to, from)| *to = *from);
        Ok(count)
    }

    pub(crate) fn write(&self, bytes: &[u8], position: u64) -> Result<usize, String> {
        let part = bytes.get(..MOST_BYTES).unwrap_or(bytes);
        self.0
            .write(part, position)
            .map(|count| count as usize)
            .map_err(text)
    }

    pub(crate) fn sync(&self) -> Result<(), String> {
        self.0.sync_data().map_err(text)
    }
}

/// The rest of `path` inside of a granted directory.
fn inside<'a>(directory: &str, path: &'a str) -> Option<&'a str> {
    let plain = path.strip_prefix("./").unwrap_or(path);
    if directory == "." {
        return (!plain.starts_with('/')).then_some(plain);
    }
    let directory = directory.strip_prefix("./").unwrap_or(directory);
    let rest = plain.strip_prefix(directory.trim_end_matches('/'))?;
    rest.strip_prefix('/').filter(|rest| !rest.is_empty())
}

fn text(code: ErrorCode) -> String {
    match code {
        ErrorCode::NoEntry => "no such file".to_owned(),
        ErrorCode::Access | ErrorCode::NotPermitted => "not allowed".to_owned(),
        ErrorCode::ReadOnly => "the directory was granted to read only".to_owned(),
        ErrorCode::InsufficientSpace => "the disk is full".to_owned(),
        ErrorCode::IsDirectory => "it is a directory".to_owned(),
        code => code.name().replace('-', " "),
    }
}
