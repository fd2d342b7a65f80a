//! Real detectors: the backends must agree.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::*;

/// Largest difference between two backends, over outputs of up to some hundreds.
const TOLERANCE: f32 = 1e-3;

/// Models beside the repository, and the one that ships.
fn models() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folders = [root.join("../shared/models"), root.join("models")];
    let files = folders
        .iter()
        .filter_map(|folder| folder.read_dir().ok())
        .flatten();
    let paths = files.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "onnx"))
        .collect();
    paths.sort();
    paths
}

/// Numbers that look like a picture: the same in each run.
fn pattern(dimensions: &[u32]) -> Tensor {
    let count: u32 = dimensions.iter().product();
    let numbers: Vec<f32> = (0..count)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 8) as f32 / 16_777_216.0)
        .collect();
    number_tensor(dimensions, &numbers)
}

fn run(registry: &ModelRegistry, path: &Path) -> Vec<(String, Tensor)> {
    let name = path.file_stem().unwrap().to_str().unwrap();
    registry.add_file(name, path, ModelOptions::default());
    let model = registry.get(name).unwrap();
    let info = model.info();
    let dimensions: Vec<u32> = info.inputs[0]
        .dimensions
        .iter()
        .map(|size| size.unwrap_or(1))
        .collect();
    let input = pattern(&dimensions);
    let inputs = [(&*info.inputs[0].name, input.view())];
    let mut millis: Vec<f64> = Vec::new();
    let mut outputs = Vec::new();
    for _ in 0..15 {
        let begin = Instant::now();
        outputs = model.run(&inputs).unwrap();
        millis.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    millis.sort_by(f64::total_cmp);
    println!(
        "{name}: {} with {} threads: median {:.2} ms (least {:.2}), load {:.1} ms, first {:.1} ms",
        info.backend,
        info.threads,
        millis[7],
        millis[0],
        info.load_nanos as f64 / 1e6,
        info.first_run_nanos.unwrap_or(0) as f64 / 1e6,
    );
    outputs
}

#[test]
fn backends_agree_on_real_detectors() {
    let models = models();
    if models.is_empty() {
        println!("skipped: no models in ../shared/models or models");
    }
    for path in models {
        let results: Vec<_> = registries()
            .iter()
            .map(|registry| run(registry, &path))
            .collect();
        for other in &results[1..] {
            for ((name, a), (same, b)) in results[0].iter().zip(other) {
                assert_eq!((name, a.dimensions()), (same, b.dimensions()));
                let (a, b) = (a.numbers::<f32>().unwrap(), b.numbers::<f32>().unwrap());
                let pairs = a.iter().zip(b.iter());
                let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                println!("{}: at most {apart:.2e} apart", path.display());
                assert!(apart <= TOLERANCE, "{} {name}: {apart}", path.display());
            }
        }
    }
}
