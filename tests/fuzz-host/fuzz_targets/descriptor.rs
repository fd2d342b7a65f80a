//! Descriptors as a guest returns them: refused with a reason, or shown by `inspect`.
#![no_main]

#[path = "../../../host/cli/src/human.rs"]
#[allow(dead_code, reason = "`inspect` needs a part of it")]
mod human;
#[path = "../../../host/cli/src/json.rs"]
#[allow(dead_code, reason = "`inspect` needs a part of it")]
mod json;

#[path = "."]
mod inspect {
    #[path = "../../../host/cli/src/inspect/common.rs"]
    mod common;
    #[path = "../../../host/cli/src/inspect/json.rs"]
    #[allow(dead_code, reason = "an element, not the list")]
    pub(super) mod json;
    #[path = "../../../host/cli/src/inspect/text.rs"]
    pub(super) mod text;

    use common::{base_properties, role};

    pub(super) fn show(loaded: &millstream_runtime::Loaded) -> [String; 2] {
        [text::element(loaded), json::element(loaded)]
    }
}

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(loaded) = millstream_runtime::fuzzing::descriptor(bytes) else {
        return;
    };
    let [text, json] = inspect::show(&loaded);
    assert!(text.contains(&loaded.descriptor.name));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let pads = json.get("pads").and_then(serde_json::Value::as_array);
    assert_eq!(pads.map(Vec::len), Some(loaded.descriptor.pads.len()));
});
