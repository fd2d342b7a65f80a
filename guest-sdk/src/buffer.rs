//! [`Buffer`]: a handle to bytes that the host owns, with timing and metas.
//!
//! Passing it on, keeping and sharing it never touch the bytes. [`Buffer::map`]
//! and [`Buffer::map_mut`] show them as slices: without a copy where the host can
//! map its memory into the element's, else by a copy that is written back when
//! the view is dropped. Elements cannot tell the difference, except by speed.
//!
//! ```
//! use millstream_sdk::Buffer;
//!
//! let mut buffer = Buffer::from_bytes(&[1, 2, 3]);
//! let other = buffer.share();          // two handles, the same bytes
//! buffer.map_mut()[0] = 9;             // so this copies first
//! assert_eq!((buffer.map()[0], other.map()[0]), (9, 1));
//! ```

use core::ops::{Deref, DerefMut};
use std::borrow::Cow;

use bytemuck::Pod;

use crate::failure::Failure;
use crate::sys::{self, Address, RawBuffer};

pub use crate::bindings::millstream::media::buffers::{
    BufferFlags, Classification, Detection, Keypoint, Mask, Rect, Timing,
};

/// The layer into which detectors write.
pub const OBJECTS: &str = "objects";
/// The layer into which a test source writes what it has drawn.
pub const GROUND_TRUTH: &str = "ground-truth";

/// A handle to bytes that the host owns. Timing and metas belong to the handle,
/// the bytes to memory that several handles can share.
#[derive(Debug)]
pub struct Buffer {
    // `None` only while `make_writable` exchanges the handle.
    raw: Option<RawBuffer>,
}

impl Buffer {
    pub(crate) fn from_raw(raw: RawBuffer) -> Self {
        Self { raw: Some(raw) }
    }

    pub(crate) fn into_raw(self) -> RawBuffer {
        match self.raw {
            Some(raw) => raw,
            None => unreachable!("a buffer has a handle outside of `make_writable`"),
        }
    }

    pub(crate) fn raw(&self) -> &RawBuffer {
        match &self.raw {
            Some(raw) => raw,
            None => unreachable!("a buffer has a handle outside of `make_writable`"),
        }
    }

    fn raw_mut(&mut self) -> &mut RawBuffer {
        match &mut self.raw {
            Some(raw) => raw,
            None => unreachable!("a buffer has a handle outside of `make_writable`"),
        }
    }

    /// Number of valid bytes.
    pub fn size(&self) -> usize {
        self.raw().size() as usize
    }

    /// Makes it shorter, or longer up to what was allocated. Traps beyond that.
    pub fn set_size(&mut self, size: usize) {
        self.raw_mut().set_size(sys::size_u32(size));
    }

    /// When it is shown, and where it stands in its stream.
    pub fn timing(&self) -> Timing {
        self.raw().timing()
    }

    /// Replaces timing and flags.
    pub fn set_timing(&mut self, timing: Timing) {
        self.raw_mut().set_timing(timing);
    }

    /// Presentation time in nanoseconds of the stream's segment.
    pub fn pts(&self) -> Option<u64> {
        self.timing().pts
    }

    /// Another handle to the same bytes, with a copy of timing and metas.
    #[must_use]
    pub fn share(&self) -> Self {
        Self::from_raw(self.raw().share())
    }

    /// A handle to `size` bytes from `offset` of the same memory. Copies nothing.
    /// Traps outside of the buffer.
    #[must_use]
    pub fn slice(&self, offset: usize, size: usize) -> Self {
        Self::from_raw(self.raw().slice(sys::size_u32(offset), sys::size_u32(size)))
    }

    /// Whether no other handle shares the memory, so that writing needs no copy.
    pub fn is_writable(&self) -> bool {
        self.raw().is_writable()
    }

    /// Makes the bytes this handle's own: copies them if another handle shares
    /// them. [`Buffer::map_mut`] does this by itself.
    pub fn make_writable(&mut self) {
        if !self.is_writable()
            && let Some(raw) = self.raw.take()
        {
            self.raw = Some(RawBuffer::make_writable(raw));
        }
    }

    /// Takes over timing and metas of `source`. Rectangles are not scaled.
    pub fn copy_info(&mut self, source: &Self) {
        self.raw_mut().copy_info(source.raw());
    }

    /// The bytes, to read.
    pub fn map(&self) -> View<'_> {
        let raw = self.raw();
        let size = raw.size();
        View(match sys::address(raw, false) {
            Some(address) => Cow::Borrowed(sys::bytes_at(raw, address, size as usize)),
            None => Cow::Owned(raw.read(0, size)),
        })
    }

    /// The bytes, to read and write. Copies them first if another handle shares
    /// them.
    pub fn map_mut(&mut self) -> ViewMut<'_> {
        self.make_writable();
        let raw = self.raw_mut();
        let size = raw.size();
        ViewMut(match sys::address(raw, true) {
            Some(address) => Writing::mapped(raw, address, size),
            None => Writing::Copied(raw.read(0, size), raw),
        })
    }

    /// The bytes, to write all of them: what they were before is not kept, and
    /// whatever is not written has any value. Cheaper than [`Buffer::map_mut`]
    /// where the host has no views.
    pub fn map_overwrite(&mut self) -> ViewMut<'_> {
        self.make_writable();
        let raw = self.raw_mut();
        let size = raw.size();
        ViewMut(match sys::address(raw, true) {
            Some(address) => Writing::mapped(raw, address, size),
            None => Writing::Copied(vec![0; size as usize], raw),
        })
    }

    /// Objects found in the frame, of one layer ([`OBJECTS`], [`GROUND_TRUTH`]).
    pub fn detections(&self, layer: &str) -> Vec<Detection> {
        self.raw().detections(layer)
    }

    /// Names of the layers that hold something, in the order in which they were set.
    pub fn detection_layers(&self) -> Vec<String> {
        self.raw().detection_layers()
    }

    /// Replaces a layer; an empty list removes it. Traps over 4,096 detections or
    /// 16 layers, and on rectangles that are not finite.
    pub fn set_detections(&mut self, layer: &str, detections: &[Detection]) {
        self.raw_mut().set_detections(layer, detections);
    }

    /// What classifiers say of the whole frame, best first.
    pub fn classifications(&self) -> Vec<Classification> {
        self.raw().classifications()
    }

    /// Replaces it. Traps over 1,000, and on confidences that are not finite.
    pub fn set_classifications(&mut self, classifications: &[Classification]) {
        self.raw_mut().set_classifications(classifications);
    }

    /// Names of the custom metas, in the order in which they were set.
    pub fn meta_names(&self) -> Vec<String> {
        self.raw().meta_names()
    }

    /// A custom meta's bytes.
    pub fn meta(&self, name: &str) -> Option<Vec<u8>> {
        self.raw().meta(name)
    }

    /// Sets or replaces a custom meta of at most 1 MiB; `None` removes it.
    pub fn set_meta(&mut self, name: &str, data: Option<&[u8]>) {
        self.raw_mut().set_meta(name, data);
    }
}

impl Detection {
    /// An object with neither identity nor keypoints, mask or classifications.
    pub fn new(rect: Rect, class_id: u32, label: impl Into<String>, confidence: f32) -> Self {
        Self {
            rect,
            class_id,
            label: label.into(),
            confidence,
            track_id: None,
            keypoints: Vec::new(),
            mask: None,
            classifications: Vec::new(),
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        let flags = BufferFlags::empty();
        Self {
            pts: None,
            dts: None,
            duration: None,
            offset: None,
            offset_end: None,
            flags,
        }
    }
}

/// A buffer's bytes, to read.
#[derive(Debug)]
pub struct View<'a>(Cow<'a, [u8]>);

impl Deref for View<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl View<'_> {
    /// The bytes as numbers, such as a tensor's `f32`s.
    ///
    /// # Errors
    /// If they are not a whole number of them, or begin at an address that such
    /// numbers cannot have (a slice of a buffer; whole buffers never do).
    pub fn numbers<T: Pod>(&self) -> Result<&[T], Failure> {
        bytemuck::try_cast_slice(self).map_err(|error| not_numbers::<T>(self.len(), error))
    }
}

impl ViewMut<'_> {
    /// The bytes as numbers, to write; errors as [`View::numbers`].
    pub fn numbers_mut<T: Pod>(&mut self) -> Result<&mut [T], Failure> {
        let bytes = self.len();
        bytemuck::try_cast_slice_mut(self).map_err(|error| not_numbers::<T>(bytes, error))
    }
}

fn not_numbers<T>(bytes: usize, error: bytemuck::PodCastError) -> Failure {
    let number = core::any::type_name::<T>();
    Failure::bad_data(format!("{bytes} bytes are no `{number}`s: {error}"))
}

/// A buffer's bytes, to read and write. Where it is a copy it is written back
/// when the view is dropped.
#[derive(Debug)]
pub struct ViewMut<'a>(Writing<'a>);

#[derive(Debug)]
enum Writing<'a> {
    Mapped(&'a mut [u8]),
    Copied(Vec<u8>, &'a mut RawBuffer),
}

impl<'a> Writing<'a> {
    fn mapped(raw: &'a mut RawBuffer, address: Address, size: u32) -> Self {
        Self::Mapped(sys::bytes_at_mut(raw, address, size as usize))
    }
}

impl Deref for ViewMut<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Writing::Mapped(bytes) => bytes,
            Writing::Copied(bytes, _) => bytes,
        }
    }
}

impl DerefMut for ViewMut<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Writing::Mapped(bytes) => bytes,
            Writing::Copied(bytes, _) => bytes,
        }
    }
}

impl Drop for ViewMut<'_> {
    fn drop(&mut self) {
        if let Writing::Copied(bytes, raw) = &mut self.0 {
            raw.write(0, bytes);
        }
    }
}
