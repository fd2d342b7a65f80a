//! How long calls took: a histogram that costs one addition a call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Parts of each doubling: a quantile is at most an eighth above the truth.
const PARTS: u64 = 8;
/// Doublings that are told apart: up to 2^40 ns, 18 minutes.
const DOUBLINGS: u64 = 40;
const BUCKETS: usize = (DOUBLINGS * PARTS) as usize;

/// Durations by size.
#[derive(Debug)]
pub(super) struct Durations([AtomicU64; BUCKETS]);

impl Default for Durations {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; BUCKETS])
    }
}

impl Durations {
    pub(super) fn add(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        if let Some(count) = self.0.get(bucket(nanos)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The duration in nanoseconds, rounded up, that `part` (0 to 1) of all did not
    /// exceed; 0 if there are none.
    pub(super) fn quantile(&self, part: f64) -> u64 {
        let counts: Vec<u64> = self
            .0
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
        found.map_or(0, upper_edge)
    }
}

fn bucket(nanos: u64) -> usize {
    let nanos = nanos.max(PARTS);
    let doubling = u64::from(nanos.ilog2());
    let part = (nanos >> (doubling - 3)) - PARTS;
    (((doubling - 3) * PARTS + part) as usize).min(BUCKETS - 1)
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
        assert_eq!(durations.quantile(0.5), 0);
        durations.add(Duration::ZERO);
        durations.add(Duration::MAX);
        assert_eq!(durations.quantile(0.5), 8);
        assert_eq!(durations.quantile(1.0), upper_edge(BUCKETS - 1));
    }

    proptest! {
        #[test]
        fn quantiles_are_at_most_an_eighth_too_large(
            mut nanos in proptest::collection::vec(8_u64..1 << 40, 1..200), part in 0.01_f64..=1.0
        ) {
            let durations = Durations::default();
            for &nanos in &nanos {
                durations.add(Duration::from_nanos(nanos));
            }
            nanos.sort_unstable();
            let place = (part * nanos.len() as f64).ceil().max(1.0) as usize - 1;
            let (truth, found) = (nanos[place], durations.quantile(part));
            prop_assert!(truth <= found && found <= truth + truth / 8, "{truth} {found}");
        }
    }
}
