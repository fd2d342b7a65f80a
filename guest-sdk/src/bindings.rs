//! The contract in Rust: generated from `wit/`, and the only place that is.
//!
//! Its plain records and enums are used on every platform, and re-exported by
//! name from the modules beside this one; its imports are called only by
//! `sys/wasm`, and its export macro only by [`crate::element!`].

wit_bindgen::generate!({
    world: "millstream:media/element-guest",
    path: [
        "../wit/deps/io.wit",
        "../wit/deps/clocks.wit",
        "../wit/deps/filesystem.wit",
        "../wit/deps/nn.wit",
        "../wit/media",
    ],
    pub_export_macro: true,
    export_macro_name: "export_element",
    default_bindings_module: "millstream_sdk::bindings",
    additional_derives: [PartialEq],
    additional_derives_ignore: ["outcome", "stream-error", "input", "output"],
    generate_all,
});
