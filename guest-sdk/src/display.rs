//! A window on the screen. Needs the capability `display`.

use crate::buffer::Buffer;
use crate::failure::Failure;
use crate::sys;

/// A window. Dropping it closes it.
#[derive(Debug)]
pub struct Window(sys::Window);

impl Window {
    /// Opens a window for frames of this size in pixels. The user may scale it.
    pub fn open(title: &str, width: u32, height: u32) -> Result<Self, Failure> {
        sys::Window::open(title, width, height).map(Self)
    }

    /// Shows a frame: rows of `stride` bytes, four bytes a pixel in the order of
    /// `BGRx`. False once the user has closed the window.
    pub fn present(&mut self, frame: &Buffer, stride: usize) -> Result<bool, Failure> {
        self.0.present(frame.raw(), sys::size_u32(stride))
    }
}
