//! Buffers that are only handed on: what an element, a queue, a branch costs for each of them.

use super::super::line::{Side, Who};
use super::{Row, both, both_without, frames};

/// How many elements or branches more the long line has; what they cost is divided by it.
const CHAIN: usize = 20;
/// Without limits but that of buffers, so that both queues hold the same.
const QUEUE: &str = "queue max-size-bytes=0 max-size-time=0 max-size-buffers";

/// A source of small buffers, and one of frames of 460 kB.
const SIZES: [(&str, &str, &str); 2] = [
    (
        "small",
        "64 B",
        "videotestsrc pattern=black num-buffers={n} \
         ! video/x-raw,format=GRAY8,width=8,height=8,framerate=30/1",
    ),
    (
        "large",
        "460 kB",
        "videotestsrc pattern=black num-buffers={n} \
         ! video/x-raw,format=I420,width=640,height=480,framerate=30/1",
    ),
];
const PACED: &str = "videotestsrc is-live=true pattern=black num-buffers={n} \
     ! video/x-raw,format=GRAY8,width=8,height=8,framerate=1000/1";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, size, source) in SIZES {
        rows.push(alone(name, size, source));
        for element in ["identity", "valve", "tee"] {
            rows.push(chain(element, name, size, source));
        }
        rows.push(queue("queue", "at full speed", 200, name, size, source));
        rows.push(queue(
            "queue-of-one",
            "of one buffer",
            1,
            name,
            size,
            source,
        ));
        rows.push(branches(name, size, source));
    }
    let read = format!("{} ! fakesink", frames("I420-640x480", "I420", 640, 480));
    rows.push(Row::new(
        "read",
        "a frame read from a file, 460 kB",
        both(&read),
    ));
    rows.push(hop());
    rows
}

fn alone(name: &str, size: &str, source: &str) -> Row {
    Row::new(
        format!("source-{name}"),
        format!("`videotestsrc ! fakesink`, buffers of {size}"),
        both(&format!("{source} ! fakesink")),
    )
}

fn chain(element: &str, name: &str, size: &str, source: &str) -> Row {
    let of = |count: usize| {
        let elements = format!("! {element} ").repeat(count);
        format!("{source} {elements}! fakesink")
    };
    let sides = both_without(&of(CHAIN + 1), &of(1)).into_iter();
    Row::new(
        format!("{element}-{name}"),
        format!("`{element}`, buffers of {size}"),
        sides.map(|side| side.times(CHAIN)).collect(),
    )
    .turn(0.8)
}

fn queue(queue: &str, how: &str, buffers: u32, name: &str, size: &str, source: &str) -> Row {
    let with = format!("{source} ! {QUEUE}={buffers} ! fakesink");
    Row::new(
        format!("{queue}-{name}"),
        format!("`queue` {how}, buffers of {size}"),
        both_without(&with, &format!("{source} ! fakesink")),
    )
}

fn branches(name: &str, size: &str, source: &str) -> Row {
    // Without `async=false` GStreamer's first sink waits for ever for the others.
    let sides = [
        (Who::Millstream, "t. ! fakesink "),
        (Who::GStreamer, "t. ! fakesink async=false "),
    ];
    let side = |(who, branch): (Who, &str)| {
        let of = |count: usize| format!("{source} ! tee name=t {}", branch.repeat(count));
        Side::new(who, of(CHAIN + 1)).without(of(1)).times(CHAIN)
    };
    Row::new(
        format!("branch-{name}"),
        format!("one more branch of `tee` with its `fakesink`, buffers of {size}"),
        sides.map(side).into(),
    )
    .turn(0.8)
}

/// A live source that sleeps between buffers: the thread behind the queue wakes for each.
fn hop() -> Row {
    let with = format!("{PACED} ! {QUEUE}=200 ! fakesink sync=false");
    Row::new(
        "hop",
        "`queue` at 1 kHz: a thread that wakes for each buffer",
        both_without(&with, &format!("{PACED} ! fakesink sync=false")),
    )
    .turn(1.5)
}
