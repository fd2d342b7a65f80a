//! Buffers natively: reference-counted memory of this process.

use std::sync::Arc;

use crate::bindings::millstream::media::buffers::{Classification, Detection, Timing};

/// As the contract's `buffer`. Where that traps, this panics.
#[derive(Debug, Clone)]
pub(crate) struct RawBuffer {
    memory: Arc<Vec<u8>>,
    offset: usize,
    size: usize,
    timing: Timing,
    layers: Vec<(String, Vec<Detection>)>,
    classifications: Vec<Classification>,
    metas: Vec<(String, Vec<u8>)>,
}

impl RawBuffer {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let (size, timing) = (bytes.len(), Timing::default());
        Self {
            memory: Arc::new(bytes),
            offset: 0,
            size,
            timing,
            layers: vec![],
            classifications: vec![],
            metas: vec![],
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory
            .get(self.offset..self.offset + self.size)
            .unwrap_or_default()
    }

    /// The bytes to write; empty if another handle shares them.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        let range = self.offset..self.offset + self.size;
        Arc::get_mut(&mut self.memory)
            .and_then(|all| all.get_mut(range))
            .unwrap_or_default()
    }

    pub(crate) fn size(&self) -> u32 {
        super::size_u32(self.size)
    }

    pub(crate) fn set_size(&mut self, size: u32) {
        assert!(
            self.offset + size as usize <= self.memory.len(),
            "trap: `set-size` to {size} bytes, beyond what was allocated"
        );
        self.size = size as usize;
    }

    pub(crate) fn timing(&self) -> Timing {
        self.timing
    }

    pub(crate) fn set_timing(&mut self, timing: Timing) {
        self.timing = timing;
    }

    pub(crate) fn share(&self) -> Self {
        self.clone()
    }

    pub(crate) fn slice(&self, offset: u32, size: u32) -> Self {
        let (offset, size) = (offset as usize, size as usize);
        assert!(
            offset + size <= self.size,
            "trap: a slice of {size} bytes from {offset} of a buffer of {} bytes",
            self.size
        );
        Self {
            offset: self.offset + offset,
            size,
            ..self.clone()
        }
    }

    pub(crate) fn is_writable(&self) -> bool {
        Arc::strong_count(&self.memory) == 1
    }

    pub(crate) fn make_writable(buffer: Self) -> Self {
        if buffer.is_writable() {
            return buffer;
        }
        let memory = Arc::new(buffer.bytes().to_vec());
        Self {
            memory,
            offset: 0,
            ..buffer
        }
    }

    pub(crate) fn copy_info(&mut self, source: &Self) {
        self.timing = source.timing;
        self.layers.clone_from(&source.layers);
        self.classifications.clone_from(&source.classifications);
        self.metas.clone_from(&source.metas);
    }

    pub(crate) fn read(&self, offset: u32, size: u32) -> Vec<u8> {
        self.slice(offset, size).bytes().to_vec()
    }

    pub(crate) fn write(&mut self, offset: u32, data: &[u8]) {
        assert!(
            self.is_writable(),
            "trap: `write` to bytes that another handle shares"
        );
        match self
            .bytes_mut()
            .get_mut(offset as usize..)
            .and_then(|to| to.get_mut(..data.len()))
        {
            Some(to) => to.copy_from_slice(data),
            None => assert!(data.is_empty(), "trap: `write` outside of the buffer"),
        }
    }

    pub(crate) fn detections(&self, layer: &str) -> Vec<Detection> {
        let found = self.layers.iter().find(|(name, _)| name == layer);
        found
            .map(|(_, detections)| detections.clone())
            .unwrap_or_default()
    }

    pub(crate) fn detection_layers(&self) -> Vec<String> {
        self.layers.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn set_detections(&mut self, layer: &str, detections: &[Detection]) {
        let sound = |d: &Detection| {
            let Detection { rect, .. } = d;
            let points = d.keypoints.iter().flat_map(|p| [p.x, p.y, p.confidence]);
            let finite = [rect.x, rect.y, rect.width, rect.height]
                .into_iter()
                .chain(points)
                .all(f32::is_finite);
            let mask = d.mask.as_ref();
            let cells = mask.is_none_or(|m| m.cells.len() == (m.width * m.height) as usize);
            finite && cells && rect.width >= 0.0 && rect.height >= 0.0
        };
        assert!(
            detections.iter().all(sound),
            "trap: a detection that is not finite, or a mask that is not whole"
        );
        assert!(detections.len() <= 4096, "trap: over 4,096 detections");
        self.layers.retain(|(name, _)| name != layer);
        if !detections.is_empty() {
            self.layers.push((layer.to_owned(), detections.to_vec()));
        }
        assert!(self.layers.len() <= 16, "trap: over 16 layers");
    }

    pub(crate) fn classifications(&self) -> Vec<Classification> {
        self.classifications.clone()
    }

    pub(crate) fn set_classifications(&mut self, classifications: &[Classification]) {
        assert!(
            classifications.iter().all(|c| c.confidence.is_finite()),
            "trap: a confidence that is not finite"
        );
        assert!(
            classifications.len() <= 1000,
            "trap: over 1,000 classifications"
        );
        self.classifications = classifications.to_vec();
    }

    pub(crate) fn meta_names(&self) -> Vec<String> {
        self.metas.iter().map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn meta(&self, name: &str) -> Option<Vec<u8>> {
        self.metas
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, data)| data.clone())
    }

    pub(crate) fn set_meta(&mut self, name: &str, data: Option<&[u8]>) {
        let at = self.metas.iter().position(|(other, _)| other == name);
        match (at.and_then(|at| self.metas.get_mut(at)), data) {
            (Some((_, old)), Some(data)) => *old = data.to_vec(),
            (None, Some(data)) => self.metas.push((name.to_owned(), data.to_vec())),
            (_, None) => self.metas.retain(|(other, _)| other != name),
        }
        assert!(self.metas.len() <= 64, "trap: over 64 metas");
    }
}
