//! [`Place`]: where a stream of bytes is, by the offsets of its buffers.
//!
//! A source that was restarted sends some bytes again, and an element that was
//! restarted misses some. Who joins buffers to frames asks here before it does.

use crate::buffer::Timing;

/// The byte that comes next, where buffers say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "state", derive(serde::Serialize, serde::Deserialize))]
pub struct Place(Option<u64>);

/// How a buffer follows what came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// After so many bytes that came before.
    After(usize),
    /// So many bytes before it are missing.
    Gap(u64),
}

impl Place {
    /// Takes in a buffer of some size. One whose `offset` does not count bytes, or
    /// that has none, follows.
    pub fn step(&mut self, timing: &Timing, size: usize) -> Follows {
        let offsets = timing.offset.zip(timing.offset_end);
        let bytes = offsets.filter(|(start, end)| end.checked_sub(*start) == Some(size as u64));
        let Some((start, end)) = bytes else {
            self.0 = None;
            return Follows::After(0);
        };
        let next = self.0.unwrap_or(start);
        self.0 = Some(next.max(end));
        if start > next {
            return Follows::Gap(start - next);
        }
        let known = usize::try_from(next - start).unwrap_or(usize::MAX);
        Follows::After(known.min(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_came_twice_or_not_at_all() {
        let mut place = Place::default();
        for (offsets, size, expected) in [
            (Some((10, 15)), 5, Follows::After(0)),
            (Some((15, 20)), 5, Follows::After(0)),
            (Some((20, 20)), 0, Follows::After(0)),
            (Some((0, 8)), 8, Follows::After(8)),
            (Some((18, 23)), 5, Follows::After(2)),
            (Some((30, 35)), 5, Follows::Gap(7)),
            (Some((35, u64::MAX)), 5, Follows::After(0)),
            (Some((7, 3)), 5, Follows::After(0)),
            (None, 5, Follows::After(0)),
            // Nothing is known any more.
            (Some((90, 95)), 5, Follows::After(0)),
            (
                Some((u64::MAX - 1, u64::MAX)),
                1,
                Follows::Gap(u64::MAX - 96),
            ),
        ] {
            let timing = Timing {
                offset: offsets.map(|(start, _)| start),
                offset_end: offsets.map(|(_, end)| end),
                ..Timing::default()
            };
            assert_eq!(place.step(&timing, size), expected, "{offsets:?}");
        }
    }
}
