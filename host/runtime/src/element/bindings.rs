//! Code that wasmtime generates from `wit/media`; nobody else calls `bindgen!`.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated code"
)]

wasmtime::component::bindgen!({
    path: [
        "../../wit/deps/io.wit",
        "../../wit/deps/clocks.wit",
        "../../wit/deps/filesystem.wit",
        "../../wit/deps/nn.wit",
        "../../wit/media",
    ],
    world: "millstream:media/element-host",
    imports: { default: trappable },
    with: {
        "millstream:media/buffers.buffer": crate::element::state::BufferHandle,
        "millstream:media/camera.capture": crate::device::Capture,
        "millstream:media/display.window": crate::device::Window,
        "millstream:media/models.session": crate::nn::session::Session,
    },
    require_store_data_send: true,
});

pub(crate) use exports::millstream::media::element as guest;
pub(crate) use millstream::media::{buffers, bus, camera, clock, display, models, pads, types};
