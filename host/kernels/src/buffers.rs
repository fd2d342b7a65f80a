//! Buffers that are used again.

use std::sync::{Mutex, PoisonError};

use crate::WindowError;

/// Buffers that are kept for the next operator.
const KEPT_BUFFERS: usize = 8;

/// Buffers that go from operator to operator, so that neither the system nor a
/// loop has to write zeros into new ones. What they hold is left over from the
/// last use.
#[derive(Debug, Default)]
pub struct Buffers(Mutex<Vec<Vec<f32>>>);

impl Buffers {
    pub(crate) fn take(&self, length: usize) -> Result<Vec<f32>, WindowError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The smallest that is large enough, but not one that is far too large.
        let most = length.saturating_mul(4).saturating_add(1024);
        let fitting = kept
            .iter()
            .enumerate()
            .filter(|(_, buffer)| (length..=most).contains(&buffer.capacity()));
        let found = fitting
            .min_by_key(|(_, buffer)| buffer.capacity())
            .map(|(index, _)| index);
        let mut buffer = found
            .map(|index| kept.swap_remove(index))
            .unwrap_or_default();
        drop(kept);
        buffer.truncate(length);
        let more = length - buffer.len();
        buffer
            .try_reserve_exact(more)
            .map_err(|_full| WindowError::Memory)?;
        buffer.resize(length, 0.0);
        Ok(buffer)
    }

    /// Takes a buffer that nobody needs any more.
    pub fn give(&self, buffer: Vec<f32>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(buffer);
        if kept.len() > KEPT_BUFFERS {
            let smallest = kept
                .iter()
                .enumerate()
                .min_by_key(|(_, buffer)| buffer.capacity());
            if let Some(index) = smallest.map(|(index, _)| index) {
                kept.swap_remove(index);
            }
        }
    }
}
