//! How long calls and buffers took: a histogram that costs one addition each.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Parts of each doubling, as a power of two: a quantile is at most 1/32 above the truth.
const PART_BITS: u32 = 5;
const PARTS: u64 = 1 << PART_BITS;
/// Doublings that are told apart: up to 2^40 ns, 18 minutes.
const DOUBLINGS: u64 = 40 - PART_BITS as u64;
const BUCKETS: usize = (DOUBLINGS * PARTS) as usize;

/// Durations by size; takes no memory before the first.
#[derive(Debug, Default)]
pub(super) struct Durations(OnceLock<Box<[AtomicU64]>>);

impl Durations {
    pub(super) fn add(&self, duration: Duration) {
        self.add_nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    pub(super) fn add_nanos(&self, nanos: u64) {
        let empty = || (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        if let Some(count) = self.0.get_or_init(empty).get(bucket(nanos)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The duration in nanoseconds, rounded up, that `part` (0 to 1) of all did not
    /// exceed; none if there are none.
    pub(super) fn quantile(&self, part: f64) -> Option<u64> {
        let counts: Vec<u64> = self
            .0
            .get()?
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .collect();
        let all: u64 = counts.iter().sum();
        let wanted = (part * all as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.map(upper_edge)
    }
}

fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(PARTS);
    let doubling = nanos.ilog2() - PART_BITS;
    let part = (nanos >> doubling) - PARTS;
    ((u64::from(doubling) * PARTS + part) as usize).min(BUCKETS - 1)
}

/// The largest duration of a bucket.
fn upper_edge(bucket: usize) -> u64 {
    let (doubling, part) = (bucket as u64 / PARTS, bucket as u64 % PARTS);
    ((PARTS + part + 1) << doubling) - 1
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
        assert_eq!(durations.quantile(1.0), Some(upper_edge(BUCKETS - 1)));
        assert_eq!(upper_edge(BUCKETS - 1), (1 << 40) - 1);
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
