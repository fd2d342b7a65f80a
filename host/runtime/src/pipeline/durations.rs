//! How long calls and buffers took: a histogram that costs one addition each.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Parts of each doubling, as a power of two: a quantile is at most 1/32 above the truth.
const PART_BITS: u32 = 5;
const PARTS: u64 = 1 << PART_BITS;
/// Doublings that are told apart: up to 2^40 ns, 18 minutes.
const DOUBLINGS: usize = 40 - PART_BITS as usize;

/// Durations by size. Memory comes with the first of each doubling, as few are ever seen:
/// all of them would be 9 KiB, a twentieth of what a small stream takes.
#[derive(Debug, Default)]
pub(super) struct Durations(OnceLock<Box<[Doubling; DOUBLINGS]>>);

/// The parts of a doubling.
type Doubling = OnceLock<Box<[AtomicU64; PARTS as usize]>>;

impl Durations {
    pub(super) fn add(&self, duration: Duration) {
        self.add_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn add_nanos(&self, nanos: u64) {
        let (doubling, part) = bucket(nanos);
        let doublings = self
            .0
            .get_or_init(|| Box::new([const { OnceLock::new() }; DOUBLINGS]));
        let empty = || Box::new([const { AtomicU64::new(0) }; PARTS as usize]);
        let parts = doublings
            .get(doubling)
            .map(|parts| parts.get_or_init(empty));
        if let Some(count) = parts.and_then(|parts| parts.get(part)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The duration in nanoseconds, rounded up, that `part` (0 to 1) of all did not
    /// exceed; none if there are none.
    pub(super) fn quantile(&self, part: f64) -> Option<u64> {
        let counts: Vec<(u64, u64)> = self.counts().collect();
        let all: u64 = counts.iter().map(|(_, count)| count).sum();
        let wanted = (part * all as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = counts.iter().find(|(_, count)| {
            seen += count;
            seen >= wanted
        });
        found.map(|(edge, _)| *edge)
    }

    /// The largest duration of each bucket, and how many are in it.
    fn counts(&self) -> impl Iterator<Item = (u64, u64)> {
        let doublings = self
            .0
            .get()
            .into_iter()
            .flat_map(|all| all.iter().enumerate());
        let made = doublings.filter_map(|(doubling, parts)| Some((doubling, parts.get()?)));
        made.flat_map(|(doubling, parts)| {
            let counts = parts.iter().map(|count| count.load(Ordering::Relaxed));
            counts
                .enumerate()
                .map(move |(part, count)| (upper_edge(doubling, part), count))
        })
    }
}

/// Doubling and part of a duration.
fn bucket(nanos: u64) -> (usize, usize) {
    // What is too long for the last counts there.
    let nanos = nanos.clamp(PARTS, (1 << (DOUBLINGS as u32 + PART_BITS)) - 1);
    let doubling = nanos.ilog2() - PART_BITS;
    (doubling as usize, ((nanos >> doubling) - PARTS) as usize)
}

/// The largest duration of a bucket.
fn upper_edge(doubling: usize, part: usize) -> u64 {
    ((PARTS + part as u64 + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_and_everything_have_a_place() {
        let durations = Durations::default();
        assert_eq!(durations.quantile(0.5), None);
        durations.add(Duration::ZERO);
        durations.add(Duration::MAX);
        assert_eq!(durations.quantile(0.5), Some(PARTS));
        assert_eq!(durations.quantile(1.0), Some((1 << 40) - 1));
    }

    proptest! {
        #[test]
        fn quantiles_are_at_most_one_in_32_too_large(
            mut nanos in proptest::collection::vec(PARTS..1 << 40, 1..200), part in 0.01_f64..=1.0
        ) {
            let durations = Durations::default();
            for &nanos in &nanos {
                durations.add(Duration::from_nanos(nanos));
            }
            nanos.sort_unstable();
            let place = (part * nanos.len() as f64).ceil().max(1.0) as usize - 1;
            let (truth, found) = (nanos[place], durations.quantile(part).unwrap());
            prop_assert!(truth <= found && found <= truth + truth / PARTS, "{truth} {found}");
        }
    }
}
