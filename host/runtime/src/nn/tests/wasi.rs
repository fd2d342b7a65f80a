//! The glue as `wasi:nn` calls it.

use std::sync::Mutex;

use wasmtime_wasi_nn::backend::NamedTensor;
use wasmtime_wasi_nn::wit::TensorType;

use super::super::wasi::test_access::{graph, guest_graph};
use super::*;

fn wasi_tensor(name: &str, dimensions: &[u32], ty: TensorType, data: Vec<u8>) -> NamedTensor {
    let tensor = wasmtime_wasi_nn::Tensor::new(dimensions.to_vec(), ty, data);
    NamedTensor {
        name: name.into(),
        tensor,
    }
}

fn reports() -> (Report, Arc<Mutex<Vec<String>>>) {
    let texts = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&texts);
    (
        Report::new(move |text| kept.lock().unwrap().push(text.to_owned())),
        texts,
    )
}

#[test]
fn a_guest_computes_and_causes_are_reported() {
    let registry = ModelRegistry::new(options(BackendChoice::Embedded));
    registry.add_bytes("sum", writer::add(writer::F32, &[2], &[]), Vec::new());
    let (report, texts) = reports();
    assert!(wasi_nn_ctx(&registry, &["sum".into()], &report).is_ok());
    assert!(wasi_nn_ctx(&registry, &["other".into()], &report).is_err());

    let graph = graph(registry.get("sum").unwrap().user(), &report);
    let mut context = graph.init_execution_context().unwrap();
    let two = || {
        [1.0_f32, 2.0]
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let mut compute = |left: NamedTensor| {
        context.compute_with_io(vec![
            left,
            wasi_tensor("right", &[2], TensorType::Fp32, two()),
        ])
    };
    let outputs = compute(wasi_tensor("left", &[2], TensorType::Fp32, two())).unwrap();
    assert_eq!(
        outputs[0].tensor.data,
        [2.0_f32, 4.0].map(f32::to_le_bytes).concat()
    );

    let mut check = |left: NamedTensor, expected: &str| {
        assert!(compute(left).is_err());
        let text = texts.lock().unwrap().pop().unwrap();
        assert!(text.contains(expected), "{text:?} against {expected:?}");
    };
    check(
        wasi_tensor("left", &[2], TensorType::Fp32, vec![0; 7]),
        "f32[2] takes 8 bytes, got 7",
    );
    check(
        wasi_tensor(
            "left",
            &[1 << 20, 1 << 20, 1 << 20],
            TensorType::Fp32,
            vec![0; 8],
        ),
        "takes more than",
    );
    check(
        wasi_tensor("left", &[2], TensorType::U8, vec![0; 2]),
        "got u8[2], expected f32[2]",
    );
    check(
        wasi_tensor("middle", &[2], TensorType::Fp32, two()),
        "no such input",
    );
}

#[test]
fn a_guests_own_bytes_are_limited_and_run() {
    let registry = ModelRegistry::new(options(BackendChoice::Auto));
    let (report, texts) = reports();
    assert!(guest_graph(&registry, &report, &writer::add(writer::F32, &[2], &[])).is_ok());
    let too_large = vec![0; MAX_GUEST_MODEL_BYTES + 1];
    assert!(guest_graph(&registry, &report, &too_large).is_err());
    assert!(texts.lock().unwrap()[0].contains("at most 67108864"));
}
