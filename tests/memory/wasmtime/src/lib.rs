//! What the runtime's memory modules need of wasmtime, by the same names: the runtime itself
//! does not compile when they differ from the real ones.
#![allow(missing_docs, clippy::missing_safety_doc, reason = "a stand-in")]

use std::fmt;

#[derive(Debug)]
pub struct Error(String);

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn msg(text: impl fmt::Display) -> Self {
        Self(text.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::msg(error)
    }
}

pub struct MemoryType;

impl MemoryType {
    pub fn new(_minimum: u32, _maximum: Option<u32>) -> Self {
        Self
    }
}

pub unsafe trait LinearMemory {
    fn byte_size(&self) -> usize;
    fn byte_capacity(&self) -> usize;
    fn grow_to(&mut self, new_size: usize) -> Result<()>;
    fn as_ptr(&self) -> *mut u8;
}

pub unsafe trait MemoryCreator {
    fn new_memory(
        &self,
        ty: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> std::result::Result<Box<dyn LinearMemory>, String>;
}
