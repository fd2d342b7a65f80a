//! Buffers as the host sees them: a stretch of a frame, with timing and metas.
//!
//! Cloning makes another handle to the same bytes. Timing belongs to the handle;
//! metas are shared until one handle changes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::memory::frame::{Frame, NoFrame, Pool};

/// Detections that one layer can hold; a detector that finds more is broken.
pub(crate) const MAX_DETECTIONS: usize = 4096;
/// Layers of detections on one buffer.
pub(crate) const MAX_LAYERS: usize = 16;
/// Custom metas on one buffer.
pub(crate) const MAX_METAS: usize = 64;
/// Bytes of one custom meta.
pub(crate) const MAX_META_BYTES: usize = 1 << 20;
/// Bytes of all masks of one layer: 300 masks of 112x112 are 3.8 MB.
pub(crate) const MAX_MASK_BYTES: usize = 4 << 20;
/// What classifiers can say of one frame: as many classes as `ImageNet` has.
pub(crate) const MAX_CLASSIFICATIONS: usize = 1000;
/// Bytes of a label, a layer's or a meta's name.
pub(crate) const MAX_NAME_BYTES: usize = 256;

/// Bytes of all metas that one element has set and that still live somewhere: in its own
/// hands or in queues behind it. As much as its memory may be unless told otherwise;
/// 200 buffers, a full queue, can have a megabyte each.
pub(crate) const MAX_ELEMENT_META_BYTES: usize = 256 << 20;

/// GStreamer's buffer flags, as far as we have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u8);

/// When a buffer is shown and where it stands in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// Presentation time in nanoseconds of the segment.
    pub pts: Option<u64>,
    /// Decoding time in nanoseconds.
    pub dts: Option<u64>,
    /// Duration in nanoseconds.
    pub duration: Option<u64>,
    /// First frame or byte in it.
    pub offset: Option<u64>,
    /// One past the last frame or byte.
    pub offset_end: Option<u64>,
    /// What is special about it.
    pub flags: Flags,
}

/// One object found in a frame; pixels of the frame that carries it.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width, not negative.
    pub width: f32,
    /// Height, not negative.
    pub height: f32,
    /// Index of the class.
    pub class_id: u32,
    /// Name of the class.
    pub label: String,
    /// 0 to 1.
    pub confidence: f32,
    /// Identity over frames.
    pub track_id: Option<u64>,
    /// Points of a pose or face, in the model's order.
    pub keypoints: Vec<Keypoint>,
    /// Its outline.
    pub mask: Option<Mask>,
    /// What classifiers say of it, best first.
    pub classifications: Vec<Classification>,
}

/// A point of an object, in pixels of the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Keypoint {
    /// To the right.
    pub x: f32,
    /// Downwards.
    pub y: f32,
    /// 0 to 1; 0 where the model saw nothing.
    pub confidence: f32,
}

/// Which part of its rectangle an object covers: cells row by row, stretched over
/// the rectangle, 0 outside to 255 inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    /// Cells of a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height` bytes.
    pub cells: Arc<[u8]>,
}

/// One answer of a classifier.
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    /// Index of the class.
    pub class_id: u32,
    /// Name of the class.
    pub label: String,
    /// 0 to 1.
    pub confidence: f32,
}

/// What one element's metas may still take, wherever they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct MetaBudget(Arc<AtomicUsize>);

impl MetaBudget {
    /// Bytes that metas take now.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn held(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Makes a part of a buffer's metas that is paid for until its last handle is gone.
    fn part<T>(&self, name: &str, value: T, bytes: usize) -> Result<Arc<Part<T>>, String> {
        let bytes = bytes.saturating_add(name.len() + size_of::<Part<T>>());
        let fits = |held: usize| {
            let held = held.saturating_add(bytes);
            (held <= MAX_ELEMENT_META_BYTES).then_some(held)
        };
        let paid = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        if let Err(held) = paid {
            return Err(format!(
                "{bytes} bytes of metas on top of {held}, of {MAX_ELEMENT_META_BYTES} at most \
                 on all buffers of an element"
            ));
        }
        Ok(Arc::new(Part {
            name: name.to_owned(),
            value,
            bytes,
            budget: self.clone(),
        }))
    }
}

/// A layer, a custom meta or the classifications of a frame; never changed, only replaced.
#[derive(Debug)]
struct Part<T> {
    name: String,
    value: T,
    /// What its element paid for it.
    bytes: usize,
    budget: MetaBudget,
}

impl<T> Drop for Part<T> {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Copying copies no part, so that a copy on each handle costs next to nothing.
#[derive(Debug, Clone, Default)]
struct Metas {
    layers: Vec<Arc<Part<Vec<Detection>>>>,
    classifications: Option<Arc<Part<Vec<Classification>>>>,
    custom: Vec<Arc<Part<Vec<u8>>>>,
}

/// Bytes that detections take, with all that they hold.
fn detections_bytes(list: &[Detection]) -> usize {
    let each = |found: &Detection| {
        size_of::<Detection>()
            + found.label.len()
            + size_of_val(found.keypoints.as_slice())
            + found.mask.as_ref().map_or(0, |mask| mask.cells.len())
            + classifications_bytes(&found.classifications)
    };
    list.iter().map(each).sum()
}

fn classifications_bytes(list: &[Classification]) -> usize {
    let labels: usize = list.iter().map(|class| class.label.len()).sum();
    size_of_val(list) + labels
}

/// A handle to a buffer.
#[derive(Debug, Clone)]
pub struct Buffer {
    pub(crate) frame: Arc<Frame>,
    offset: usize,
    size: usize,
    /// When it is shown and where it stands.
    pub timing: Timing,
    metas: Option<Arc<Metas>>,
}

impl Buffer {
    /// `size` bytes from a pool.
    pub(crate) fn allocate(pool: &Pool, size: usize) -> Result<Self, NoFrame> {
        let frame = pool.allocate(size)?;
        Ok(Self {
            frame,
            offset: 0,
            size,
            timing: Timing::default(),
            metas: None,
        })
    }

    /// A buffer that holds a copy of `bytes`.
    pub(crate) fn copy_of(pool: &Pool, bytes: &[u8]) -> Result<Self, NoFrame> {
        let mut buffer = Self::allocate(pool, bytes.len())?;
        if let Some(target) = buffer.bytes_mut() {
            target.copy_from_slice(bytes);
        }
        Ok(buffer)
    }

    /// Number of valid bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Where in its frame it begins.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes that it could hold.
    pub(crate) fn capacity(&self) -> usize {
        self.frame.capacity().saturating_sub(self.offset)
    }

    /// Sets the number of valid bytes; false beyond the capacity.
    pub(crate) fn set_size(&mut self, size: usize) -> bool {
        let fits = size <= self.capacity();
        if fits {
            self.size = size;
        }
        fits
    }

    /// The valid bytes.
    pub fn bytes(&self) -> &[u8] {
        self.frame
            .bytes()
            .get(self.offset..self.offset + self.size)
            .unwrap_or(&[])
    }

    /// The valid bytes, to write; none if another handle shares them.
    pub(crate) fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        Frame::bytes_mut(&mut self.frame)?.get_mut(self.offset..self.offset + self.size)
    }

    /// Moves the valid bytes into a frame of this pool. The frame where they were; none if
    /// there is no other.
    pub(crate) fn move_to(&mut self, pool: &Pool) -> Option<Arc<Frame>> {
        let mut frame = pool.allocate(self.size).ok()?;
        Frame::bytes_mut(&mut frame)?
            .get_mut(..self.size)?
            .copy_from_slice(self.bytes());
        self.offset = 0;
        Some(std::mem::replace(&mut self.frame, frame))
    }

    /// Whether no other handle shares the bytes.
    pub(crate) fn is_writable(&self) -> bool {
        let alone = Arc::strong_count(&self.frame) == 1;
        // Whoever dropped the other handle has read the bytes before we write them.
        std::sync::atomic::fence(std::sync::atomic::Ordering::Acquire);
        alone
    }

    /// A handle to a part; none outside of the valid bytes.
    pub(crate) fn slice(&self, offset: usize, size: usize) -> Option<Self> {
        let end = offset.checked_add(size)?;
        (end <= self.size).then(|| Self {
            offset: self.offset + offset,
            size,
            ..self.clone()
        })
    }

    /// Takes timing and metas over.
    pub(crate) fn copy_info(&mut self, source: &Self) {
        self.timing = source.timing;
        self.metas.clone_from(&source.metas);
    }

    /// Objects of a layer.
    pub fn detections(&self, layer: &str) -> &[Detection] {
        self.metas
            .as_ref()
            .and_then(|metas| metas.layers.iter().find(|part| part.name == layer))
            .map_or(&[], |part| &part.value)
    }

    /// Names of the layers.
    pub(crate) fn layers(&self) -> Vec<String> {
        self.metas
            .iter()
            .flat_map(|metas| &metas.layers)
            .map(|part| part.name.clone())
            .collect()
    }

    /// Replaces a layer.
    pub(crate) fn set_detections(
        &mut self,
        layer: &str,
        detections: Vec<Detection>,
        budget: &MetaBudget,
    ) -> Result<(), String> {
        check_name("layer", layer)?;
        if detections.len() > MAX_DETECTIONS {
            let count = detections.len();
            return Err(format!(
                "{count} detections in one layer, of {MAX_DETECTIONS} at most"
            ));
        }
        let masks = detections.iter().filter_map(|found| found.mask.as_ref());
        let bytes: usize = masks.map(|mask| mask.cells.len()).sum();
        if bytes > MAX_MASK_BYTES {
            return Err(format!(
                "{bytes} bytes of masks in one layer, of {MAX_MASK_BYTES} at most"
            ));
        }
        if detections.is_empty() && self.metas.is_none() {
            return Ok(());
        }
        let metas = Arc::make_mut(self.metas.get_or_insert_default());
        metas.layers.retain(|part| part.name != layer);
        if detections.is_empty() {
            return Ok(());
        }
        if metas.layers.len() >= MAX_LAYERS {
            return Err(format!(
                "more than {MAX_LAYERS} layers of detections on one buffer"
            ));
        }
        let bytes = detections_bytes(&detections);
        metas.layers.push(budget.part(layer, detections, bytes)?);
        Ok(())
    }

    /// What classifiers say of the whole frame.
    pub fn classifications(&self) -> &[Classification] {
        self.metas
            .as_ref()
            .and_then(|metas| metas.classifications.as_ref())
            .map_or(&[], |part| &part.value)
    }

    /// Replaces what classifiers say of the whole frame.
    pub(crate) fn set_classifications(
        &mut self,
        list: Vec<Classification>,
        budget: &MetaBudget,
    ) -> Result<(), String> {
        if list.len() > MAX_CLASSIFICATIONS {
            let count = list.len();
            return Err(format!(
                "{count} classifications, of {MAX_CLASSIFICATIONS} at most"
            ));
        }
        if list.is_empty() && self.metas.is_none() {
            return Ok(());
        }
        let metas = Arc::make_mut(self.metas.get_or_insert_default());
        metas.classifications = None;
        if !list.is_empty() {
            let bytes = classifications_bytes(&list);
            metas.classifications = Some(budget.part("", list, bytes)?);
        }
        Ok(())
    }

    /// Names of the custom metas.
    pub(crate) fn meta_names(&self) -> Vec<String> {
        self.metas
            .iter()
            .flat_map(|metas| &metas.custom)
            .map(|part| part.name.clone())
            .collect()
    }

    /// A custom meta.
    pub fn meta(&self, name: &str) -> Option<&[u8]> {
        let metas = self.metas.as_ref()?;
        metas
            .custom
            .iter()
            .find(|part| part.name == name)
            .map(|part| part.value.as_slice())
    }

    /// Sets or removes a custom meta.
    pub(crate) fn set_meta(
        &mut self,
        name: &str,
        data: Option<Vec<u8>>,
        budget: &MetaBudget,
    ) -> Result<(), String> {
        check_name("meta", name)?;
        if data.is_none() && self.metas.is_none() {
            return Ok(());
        }
        let metas = Arc::make_mut(self.metas.get_or_insert_default());
        let position = metas.custom.iter().position(|part| part.name == name);
        let Some(data) = data else {
            if let Some(index) = position {
                metas.custom.remove(index);
            }
            return Ok(());
        };
        let size = data.len();
        if size > MAX_META_BYTES {
            return Err(format!(
                "a meta of {size} bytes, of {MAX_META_BYTES} at most"
            ));
        }
        if position.is_none() && metas.custom.len() >= MAX_METAS {
            return Err(format!("more than {MAX_METAS} metas on one buffer"));
        }
        let part = budget.part(name, data, size)?;
        match position.and_then(|index| metas.custom.get_mut(index)) {
            Some(entry) => *entry = part,
            None => metas.custom.push(part),
        }
        Ok(())
    }
}

fn check_name(what: &str, name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        let size = name.len();
        return Err(format!(
            "a {what} name of {size} bytes, of 1 to {MAX_NAME_BYTES}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_shares_bytes_and_stays_inside() {
        let pool = Pool::default();
        let whole = Buffer::copy_of(&pool, b"abcdef").unwrap();
        let part = whole.slice(2, 3).unwrap();
        assert_eq!(part.bytes(), b"cde");
        assert!(!whole.is_writable());
        assert!(part.slice(1, 3).is_none());
        drop(whole);
        assert!(part.is_writable());
    }

    #[test]
    fn metas_are_copied_on_write() {
        let (pool, budget) = (Pool::default(), MetaBudget::default());
        let mut first = Buffer::allocate(&pool, 1).unwrap();
        first.set_meta("a", Some(vec![1]), &budget).unwrap();
        let mut second = first.clone();
        second.set_meta("a", Some(vec![2]), &budget).unwrap();
        assert_eq!(first.meta("a"), Some(&[1][..]));
        assert_eq!(second.meta("a"), Some(&[2][..]));
        second.set_meta("a", None, &budget).unwrap();
        assert!(second.meta_names().is_empty());
    }

    #[test]
    fn metas_are_paid_for_as_long_as_a_handle_has_them() {
        let (pool, budget) = (Pool::default(), MetaBudget::default());
        let mut buffers = Vec::new();
        let refused = loop {
            let mut buffer = Buffer::allocate(&pool, 1).unwrap();
            if let Err(error) = buffer.set_meta("a", Some(vec![0; MAX_META_BYTES]), &budget) {
                break error;
            }
            // Another handle to the same metas is free.
            buffers.push((buffer.clone(), buffer));
        };
        assert!(
            refused.contains("on all buffers of an element"),
            "{refused}"
        );
        assert_eq!(buffers.len(), MAX_ELEMENT_META_BYTES / MAX_META_BYTES - 1);
        buffers.pop();
        let mut buffer = Buffer::allocate(&pool, 1).unwrap();
        buffer
            .set_meta("a", Some(vec![0; MAX_META_BYTES]), &budget)
            .unwrap();
        drop((buffers, buffer));
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
    }
}
