//! Counters of elements and queues, and the picture of them that users get.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::durations::Durations;
use crate::element::instance::recent;

/// Counters of one element; written by streaming threads.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) buffers_in: AtomicU64,
    pub(crate) buffers_out: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) nanos: AtomicU64,
    pub(crate) longest_nanos: AtomicU64,
    calls: Durations,
    /// From a buffer's time to its arrival, under a real clock.
    latencies: Durations,
    pub(crate) copied_bytes: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) restarts: AtomicU64,
    /// Dropped by a queue that leaks or comes too late, a valve, or because its element failed.
    pub(crate) dropped: AtomicU64,
    /// Dropped by a sink because they came too late.
    pub(crate) late: AtomicU64,
    pub(crate) most_queued: AtomicU64,
    /// When the first buffer arrived, and how long after it the last.
    first: OnceLock<Instant>,
    last_nanos: AtomicU64,
}

impl Counters {
    /// Adds to a counter.
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }

    /// Notes the time that a call took.
    pub(crate) fn called(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        Self::add(&self.nanos, nanos);
        if nanos > self.longest_nanos.load(Ordering::Relaxed) {
            self.longest_nanos.fetch_max(nanos, Ordering::Relaxed);
        }
        self.calls.add(took);
    }

    /// Notes how long after its time a buffer arrived.
    pub(crate) fn late_by(&self, nanos: u64) {
        self.latencies.add_nanos(nanos);
    }

    /// Notes that a buffer arrived now.
    pub(crate) fn arrived(&self, bytes: usize) {
        Self::add(&self.buffers_in, 1);
        Self::add(&self.bytes_in, bytes as u64);
        let since = *self.first.get_or_init(recent);
        let nanos = recent().saturating_duration_since(since).as_nanos();
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        self.last_nanos.store(nanos, Ordering::Relaxed);
    }

    /// What the counters say.
    pub(crate) fn read(&self, name: &str, factory: &str) -> ElementStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let seconds = Duration::from_nanos(get(&self.last_nanos)).as_secs_f64();
        let buffers_in = get(&self.buffers_in);
        let call = |part| {
            let nanos = self.calls.quantile(part).unwrap_or(0);
            nanos.min(get(&self.longest_nanos))
        };
        ElementStats {
            name: name.to_owned(),
            factory: factory.to_owned(),
            buffers_in,
            buffers_out: get(&self.buffers_out),
            bytes_in: get(&self.bytes_in),
            nanos: get(&self.nanos),
            p50_nanos: call(0.5),
            p99_nanos: call(0.99),
            longest_nanos: get(&self.longest_nanos),
            latency_p50_nanos: self.latencies.quantile(0.5),
            latency_p99_nanos: self.latencies.quantile(0.99),
            latency_p999_nanos: self.latencies.quantile(0.999),
            latency_max_nanos: self.latencies.quantile(1.0),
            copied_bytes: get(&self.copied_bytes),
            failures: get(&self.failures),
            restarts: get(&self.restarts),
            dropped: get(&self.dropped),
            late: get(&self.late),
            most_queued: get(&self.most_queued),
            rate: if seconds > 0.0 {
                buffers_in.saturating_sub(1) as f64 / seconds
            } else {
                0.0
            },
        }
    }
}

/// What one element has done so far.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ElementStats {
    /// Name in the pipeline.
    pub name: String,
    /// Name of its kind.
    pub factory: String,
    /// Buffers that arrived.
    pub buffers_in: u64,
    /// Buffers that left.
    pub buffers_out: u64,
    /// Bytes that arrived.
    pub bytes_in: u64,
    /// Time spent in the element, in nanoseconds, what lies downstream not counted.
    pub nanos: u64,
    /// Time that half of its calls did not exceed, in nanoseconds, to one in 32.
    pub p50_nanos: u64,
    /// Time that 99 of 100 calls did not exceed, in nanoseconds, to one in 32.
    pub p99_nanos: u64,
    /// Longest call, in nanoseconds.
    pub longest_nanos: u64,
    /// Under a real clock: time from a buffer's pts, its capture in a live pipeline, to
    /// its arrival, before any wait for the clock, that half of them did not exceed; in
    /// nanoseconds, to one in 32. Buffers that pass an element with nothing to do are not
    /// counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_p50_nanos: Option<u64>,
    /// The same for 99 of 100 buffers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_p99_nanos: Option<u64>,
    /// The same for 999 of 1,000 buffers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_p999_nanos: Option<u64>,
    /// The same for all buffers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_max_nanos: Option<u64>,
    /// Bytes that the host copied for it: `read`, `write`, `make-writable`, frames of
    /// a camera. Views copy nothing. What `wasi:nn` and WASI copy is not in it.
    pub copied_bytes: u64,
    /// Failed calls.
    pub failures: u64,
    /// Times it was made anew.
    pub restarts: u64,
    /// Buffers dropped by a queue (full and leaky, or too late), a valve or a failure.
    pub dropped: u64,
    /// Buffers that came too late to be shown.
    pub late: u64,
    /// Most buffers that waited in it (queues).
    pub most_queued: u64,
    /// Buffers a second from the first to the last that arrived.
    pub rate: f64,
}
