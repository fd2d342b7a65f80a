//! Real detectors: the backends must agree.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;

/// Largest difference between two backends, over outputs of up to some hundreds.
const TOLERANCE: f32 = 1e-3;

/// Time after which a backend is not run once more.
const LONGEST: Duration = Duration::from_secs(2);

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
    let all = Instant::now();
    // A CPU that plays a GPU takes seconds for one.
    while millis.is_empty() || millis.len() < 15 && all.elapsed() < LONGEST {
        let begin = Instant::now();
        outputs = model.run(&inputs).unwrap();
        millis.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    millis.sort_by(f64::total_cmp);
    if let Some(note) = &info.note {
        println!("{name}: {note}");
    }
    println!(
        "{name}: {} on {} in {} with {} threads: median {:.2} ms (least {:.2}), load {:.1} ms, first {:.1} ms",
        info.backend,
        info.device,
        info.precision,
        info.threads,
        millis[millis.len() / 2],
        millis[0],
        info.load_nanos as f64 / 1e6,
        info.first_run_nanos.unwrap_or(0) as f64 / 1e6,
    );
    outputs
}

/// Runs each model with each registry and compares with the first.
fn check_agreement(registries: &[ModelRegistry], tolerance: f32) {
    let models = models();
    if models.is_empty() {
        println!("skipped: no models in ../shared/models or models");
    }
    for path in models {
        let results: Vec<_> = registries
            .iter()
            .map(|registry| run(registry, &path))
            .collect();
        for other in results.iter().skip(1) {
            for ((name, a), (same, b)) in results[0].iter().zip(other) {
                assert_eq!((name, a.dimensions()), (same, b.dimensions()));
                let (a, b) = (a.numbers::<f32>().unwrap(), b.numbers::<f32>().unwrap());
                let pairs = a.iter().zip(b.iter());
                let apart = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                println!("{}: at most {apart:.2e} apart", path.display());
                assert!(apart <= tolerance, "{} {name}: {apart}", path.display());
            }
        }
    }
}

#[test]
fn backends_agree_on_real_detectors() {
    check_agreement(&registries(), TOLERANCE);
}

/// On a GPU, or on the CPU that plays one: `SwiftShader` with
/// `ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER=1`, which plug-ins from 0.3.0 on know.
#[test]
fn gpus_agree_with_the_cpu() {
    let choices = [
        BackendChoice::Onnxruntime,
        BackendChoice::Webgpu,
        BackendChoice::Cuda,
    ];
    let registries = registries_of(&choices);
    if registries.len() > 1 {
        check_agreement(&registries, TOLERANCE);
    } else {
        println!("skipped: no GPU, as said above");
    }
}

/// In the precision that the user asked for, or not at all.
#[test]
fn openvino_computes_in_bf16_when_asked() {
    for registry in registries_of(&[BackendChoice::Openvino]) {
        let options = InferenceOptions {
            precision: Some(Precision::Bf16),
            ..registry.options().clone()
        };
        let registry = ModelRegistry::new(options);
        for path in models() {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            registry.add_file(&name, &path, ModelOptions::default());
            match registry.get(&name) {
                Ok(model) => {
                    assert_eq!(model.info().precision, "bf16");
                    drop(run(&registry, &path));
                }
                Err(error) => {
                    println!("{error}");
                    assert!(matches!(error, NnError::Precision { .. }), "{error}");
                }
            }
        }
    }
}
