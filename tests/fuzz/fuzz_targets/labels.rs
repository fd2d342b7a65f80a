//! A model's metadata `names`: any text gives labels within the contract's limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millstream_sdk::labels;
use millstream_sdk::nn::Model;

/// As the contract has it.
const MAX_LABEL_BYTES: usize = 256;
const MAX_CLASSES: usize = 65_536;

fuzz_target!(|text: &str| {
    let metadata = vec![("names".to_owned(), text.to_owned())];
    let labels = labels::of_model(&Model {
        metadata,
        ..Model::named("fuzz")
    });
    assert!(labels.len() <= MAX_CLASSES);
    assert!(labels.iter().all(|label| label.len() <= MAX_LABEL_BYTES));
    assert!(!labels::label(&labels, 0).is_empty());
});
