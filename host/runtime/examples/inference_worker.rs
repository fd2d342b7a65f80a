//! One side of `cargo xtask bench inference`: runs a model as elements do, and answers
//! lines on stdin with lines of JSON on stdout.
//!
//! ```text
//! inference_worker MODEL BACKEND THREADS SCALE OUTPUTS
//! > run 20        {"nanos": [2530123, …]}
//! > write         {}                       all outputs, one after the other, in OUTPUTS
//! > end           {"peak-kib": 61234}
//! ```
//!
//! The other side, in Python, speaks the same.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a tool: its answers are on stdout, and a wrong call ends it"
)]

use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use millstream_runtime::{
    ElementType, InferenceOptions, ModelOptions, ModelRegistry, Tensor, TensorInfo,
};
use serde_json::json;

/// The side of dimensions that a model leaves open.
const OPEN_SIDE: u32 = 320;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, backend, threads, scale, outputs] = &args[..] else {
        eprintln!("usage: inference_worker MODEL BACKEND THREADS SCALE OUTPUTS");
        std::process::exit(2);
    };
    let registry = ModelRegistry::new(InferenceOptions {
        backend: backend.parse().expect("a backend"),
        threads: Some(threads.parse().expect("a number of threads")),
        ..InferenceOptions::default()
    });
    registry.add_file("model", model, ModelOptions::default());
    let model = match registry.get("model") {
        Ok(model) => model,
        Err(error) => {
            say(&json!({"error": error.to_string(), "hint": error.hint()}));
            return;
        }
    };
    let info = model.info();
    say(&json!({
        "load-ms": info.load_nanos as f64 / 1e6,
        "first-run-ms": info.first_run_nanos.map(|nanos| nanos as f64 / 1e6),
        "device": info.device,
        "precision": info.precision,
        "note": info.note,
    }));
    let scale: f32 = scale.parse().expect("a number");
    let inputs: Vec<(String, Tensor)> = info
        .inputs
        .iter()
        .map(|input| (input.name.clone(), pattern(input, scale)))
        .collect();
    let views: Vec<_> = inputs
        .iter()
        .map(|(name, tensor)| (&**name, tensor.view()))
        .collect();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("text on stdin");
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("run", count) => {
                let count: usize = count.parse().expect("a number of runs");
                let mut nanos = Vec::with_capacity(count);
                for _ in 0..count {
                    let began = Instant::now();
                    model.run(&views).expect("the model runs");
                    nanos.push(began.elapsed().as_nanos() as u64);
                }
                say(&json!({ "nanos": nanos }));
            }
            ("write", _) => {
                let mut file = std::fs::File::create(outputs).expect("a file for the outputs");
                for (_, tensor) in model.run(&views).expect("the model runs") {
                    file.write_all(tensor.data()).expect("room for the outputs");
                }
                say(&json!({}));
            }
            _ => {
                say(&json!({ "peak-kib": peak_kib() }));
                return;
            }
        }
    }
}

fn say(json: &serde_json::Value) {
    println!("{json}");
    std::io::stdout().flush().expect("somebody listens");
}

/// Bytes that look like noise, from 0 to `scale`; the other side makes the same.
fn pattern(input: &TensorInfo, scale: f32) -> Tensor {
    let sizes = input.dimensions.iter().enumerate();
    let open = |place: usize| if place == 0 { 1 } else { OPEN_SIDE };
    let dimensions: Vec<u32> = sizes
        .map(|(place, size)| size.unwrap_or_else(|| open(place)))
        .collect();
    let count: u64 = dimensions.iter().map(|&size| u64::from(size)).product();
    let bytes = (0..count).map(|index| (index.wrapping_mul(2_654_435_761) as u32 >> 24) as u8);
    if input.element_type == ElementType::U8 {
        return Tensor::new(ElementType::U8, dimensions, bytes.collect()).expect("a tensor");
    }
    let numbers: Vec<f32> = bytes.map(|byte| f32::from(byte) / 255.0 * scale).collect();
    Tensor::from_numbers(dimensions, &numbers).expect("a tensor")
}

/// The most memory that this process has had, from the kernel.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
