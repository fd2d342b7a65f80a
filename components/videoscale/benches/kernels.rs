//! The native twins of `videoconvert` and `videoscale`: the same code, built for this
//! machine.
//!
//! `cargo xtask bench kernels` runs it beside the components. Arguments are rows
//! `ELEMENT;CAPS IN;CAPS OUT`; for each, the median time of a frame in nanoseconds.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    reason = "a program for the developers of this crate; what is wrong ends it"
)]

use std::time::Instant;

use millstream_sdk::prelude::*;
use millstream_sdk::property::{Setting, Settings, Value};
use videoconvert::VideoConvert;
use videoscale::VideoScale;

/// Frames of each row; the first ones, which meet cold caches, do not count.
const FRAMES: usize = 220;
const COLD: usize = 20;

fn main() {
    // Cargo adds `--bench`.
    for row in std::env::args()
        .skip(1)
        .filter(|row| !row.starts_with("--"))
    {
        let mut parts = row.split(';');
        let mut part = || parts.next().unwrap_or_default();
        let (element, from, to) = (part(), part(), part());
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let nanos = match element {
            "videoconvert" => median_nanos::<VideoConvert>(&[], &from, &to),
            _ => median_nanos::<VideoScale>(&[("add-borders", Value::Boolean(false))], &from, &to),
        };
        println!("{}", nanos.unwrap());
    }
}

/// The median time of a frame.
fn median_nanos<T: Transform>(
    properties: &[(&str, Value)],
    from: &Caps,
    to: &Caps,
) -> Result<u128, Failure> {
    let mut settings = T::Settings::defaults();
    for (name, value) in properties {
        settings.set(&Setting {
            name: (*name).to_owned(),
            value: value.clone(),
        })?;
    }
    let mut element = T::new(settings)?;
    element.set_caps(from, to)?;
    let bytes: Vec<u8> = (0..VideoInfo::from_caps(from)?.size)
        .map(|i| (i * 7) as u8)
        .collect();
    let input = Buffer::from_bytes(&bytes);
    let mut output = Buffer::from_bytes(&vec![0; VideoInfo::from_caps(to)?.size]);
    let mut times = Vec::with_capacity(FRAMES);
    for _ in 0..FRAMES {
        let start = Instant::now();
        element.transform(&input, &mut output)?;
        times.push(start.elapsed().as_nanos());
    }
    let mut times = times.split_off(COLD);
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}
