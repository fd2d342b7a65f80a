//! The meta of counts: what can be read is within the limits and reads the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_sdk::Buffer;
use millstream_sdk::analytics::{Analytics, MAX_COORDINATE};

fuzz_target!(|text: &[u8]| {
    let read = match Analytics::read(text) {
        Ok(read) => read,
        Err(failure) => {
            assert!(!failure.message.is_empty());
            return;
        }
    };
    let corners = read.zones.iter().flat_map(|zone| &zone.polygon);
    let ends = read.lines.iter().flat_map(|line| [&line.from, &line.to]);
    let near = |point: &[f32; 2]| point.iter().all(|c| c.abs() <= MAX_COORDINATE);
    assert!(corners.chain(ends).all(near));
    let mut buffer = Buffer::from_bytes(&[]);
    read.attach(&mut buffer)
        .expect("what was read can be written");
    assert_eq!(Analytics::of(&buffer), Some(Ok(read)));
});
