//! What the binary carries: the standard elements and the model that ships.
//!
//! `build.rs` writes the tables from `target/components` and `models/`.

use millstream_runtime::Carried;

include!(concat!(env!("OUT_DIR"), "/carried.rs"));

/// Name of the model that the binary carries.
pub(crate) const SHAPES_NAME: &str = "shapes";

/// What to say about a binary that was built before its elements were.
pub(crate) fn missing() -> Option<&'static str> {
    if !cfg!(feature = "compiler") {
        return Some(
            "this `millstream` has no compiler, and runs bundles only\n\
             hint: make one with a `millstream` that has: `millstream compile MANIFEST -o FILE`",
        );
    }
    CARRIED.is_empty().then_some(
        "this `millstream` was built without elements\n\
         hint: run `cargo xtask components`, then build `millstream` again, \
         or name a folder with `--elements DIR`",
    )
}
