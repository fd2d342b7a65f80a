//! The seeds of the fuzz targets, what the targets found, and some random bytes: quick, and
//! the same each time.

use std::fs;

use super::{Contract, descriptor, onnx, root};

/// Of bytes that are tried, for each target.
const SCRIPTS: u64 = 1000;
const DESCRIPTORS: u64 = 20_000;
const MODELS: u64 = 20_000;

/// xorshift64*.
///
/// # Source
/// <https://arxiv.org/abs/1402.6246>, section 3.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self, most: u64) -> Vec<u8> {
        let size = (self.next() >> 32) % most;
        (0..size).map(|_| (self.next() >> 56) as u8).collect()
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = root().join("tests/fuzz-host/seeds").join(target);
    let files = fs::read_dir(&folder).unwrap();
    let seeds: Vec<_> = files
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect();
    assert!(!seeds.is_empty(), "no seeds in {}", folder.display());
    seeds
}

/// Seeds as they are, then with some of their bytes changed.
fn each(target: &str, count: u64, mut run: impl FnMut(&[u8])) {
    let seeds = seeds(target);
    for seed in &seeds {
        run(seed);
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for number in 0..count {
        let mut bytes = seeds[number as usize % seeds.len()].clone();
        for _ in 0..=random.next() % 8 {
            if let Some(at) = (random.next() >> 32).checked_rem(bytes.len() as u64) {
                bytes[at as usize] = (random.next() >> 56) as u8;
            }
        }
        if number % 4 == 0 {
            bytes.extend(random.bytes(64));
        }
        run(&bytes);
    }
}

#[test]
fn no_script_breaks_the_host() {
    let contract = match Contract::new() {
        Ok(contract) => contract,
        Err(missing) => {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "missing in CI: {missing}"
            );
            eprintln!("skipped: {missing}");
            return;
        }
    };
    each("contract", SCRIPTS, |script| contract.run(script));
}

#[test]
fn descriptors_are_taken_or_refused() {
    let mut taken = 0;
    each("descriptor", DESCRIPTORS, |bytes| {
        taken += usize::from(descriptor(bytes).is_some());
    });
    assert!(taken > 100, "{taken}");
}

#[test]
fn models_are_loaded_or_refused() {
    each("onnx", MODELS, onnx);
}
