//! `memory/`, `buffer.rs` and `nn/tensor.rs` of the runtime, with their tests.
#![allow(dead_code, reason = "who uses them is not here")]

#[path = "../../../host/runtime/src/memory/mod.rs"]
mod memory;
#[path = "../../../host/runtime/src/buffer.rs"]
mod buffer;

/// What `tensor` needs of the modules around it.
#[path = "."]
mod nn {
    pub(crate) const MAX_TENSOR_BYTES: u64 = 512 << 20;
    pub(crate) const MAX_RANK: usize = 8;

    /// The only way in which a tensor can be wrong.
    #[derive(Debug, thiserror::Error)]
    pub enum NnError {
        /// Its dimensions do not fit.
        #[error("{why}")]
        Tensor {
            /// What does not fit.
            why: String,
        },
    }

    #[path = "../../../host/runtime/src/nn/tensor.rs"]
    mod tensor;
}
