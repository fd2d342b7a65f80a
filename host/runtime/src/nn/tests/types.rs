//! Types of elements in and out, precisions, and devices, of every backend that is
//! here.

use half::{bf16, f16};

use super::*;

/// Whole numbers, which every type has.
const NUMBERS: [u8; 4] = [0, 1, 7, 100];

/// A type of ONNX, and the numbers as it.
fn cases() -> Vec<(u64, Tensor)> {
    fn of<T: super::super::tensor::Number>(convert: impl Fn(u8) -> T) -> Tensor {
        number_tensor(&[2, 2], &NUMBERS.map(convert))
    }
    vec![
        (writer::U8, of(|n| n)),
        (writer::I8, of(|n| n as i8)),
        (writer::I32, of(i32::from)),
        (writer::I64, of(i64::from)),
        (writer::F16, of(f16::from)),
        (writer::BF16, of(bf16::from)),
        (writer::F32, of(f32::from)),
        (writer::F64, of(f64::from)),
    ]
}

#[test]
fn every_type_comes_and_goes() {
    for registry in registries() {
        let mut refused = Vec::new();
        for (from, input) in cases() {
            for (to, expected) in cases() {
                registry.add_bytes("cast", writer::cast(from, to, &[2, 2]), Vec::new());
                let model = match registry.get("cast") {
                    Ok(model) => model,
                    Err(error) => {
                        refused.push((input.element_type(), expected.element_type(), error));
                        continue;
                    }
                };
                let outputs = model.run(&[("in", input.view())]).unwrap();
                assert!(outputs[0].1 == expected, "{input:?} to {:?}", outputs[0].1);
            }
        }
        check_refused(&registry, &refused);
    }
}

/// onnxruntime carries all; the others say what they do not.
fn check_refused(registry: &ModelRegistry, refused: &[(ElementType, ElementType, NnError)]) {
    registry.add_bytes("plain", writer::add(writer::F32, &[2], &[]), Vec::new());
    let backend = registry.get("plain").unwrap().info().backend;
    for (from, to, error) in refused {
        println!("{backend}: {from} to {to}: {error}");
        let explained = matches!(
            error,
            NnError::UnsupportedType { .. } | NnError::Load { .. }
        );
        assert!(
            explained && backend != "onnxruntime",
            "{from} to {to}: {error}"
        );
    }
}

#[test]
fn quantised_models_run_and_are_recognised() {
    for registry in registries() {
        registry.add_bytes("small", writer::quantised(&[4]), Vec::new());
        let model = registry.get("small").unwrap();
        assert_eq!(model.info().precision, "int8", "{}", model.info().backend);
        let input = [0.0_f32, 0.5, 1.0, -1.0];
        let outputs = model
            .run(&[("in", number_tensor(&[4], &input).view())])
            .unwrap();
        let numbers = outputs[0].1.numbers::<f32>().unwrap();
        for (got, expected) in numbers.iter().zip(input) {
            assert!((got - expected).abs() < 0.01, "{got} against {expected}");
        }
    }
}

#[test]
fn the_header_tells_the_precision() {
    let check = |model: Vec<u8>, expected: &str| {
        assert_eq!(read_header(&model).unwrap().precision, expected);
    };
    check(writer::add(writer::F16, &[2], &[]), "f16");
    check(writer::convolution(5, 4, &[0.0; 9]), "f32");
    check(writer::quantised(&[4]), "int8");
}

#[test]
fn a_precision_that_cannot_be_had_is_explained() {
    let model = || writer::add(writer::F32, &[2], &[]);
    for backend in [BackendChoice::Embedded, BackendChoice::Onnxruntime] {
        for registry in registries_of(&[backend]) {
            let options = InferenceOptions {
                precision: Some(Precision::F16),
                ..registry.options().clone()
            };
            let registry = ModelRegistry::new(options);
            registry.add_bytes("sum", model(), Vec::new());
            let error = registry.get("sum").err().unwrap();
            assert_eq!(
                error.to_string(),
                format!(
                    "`{backend}` cannot run the model `sum` in f16: it computes as the model says, and the model is f32"
                )
            );
            assert!(error.hint().unwrap().contains("openvino"));
        }
    }
}

#[test]
fn a_device_that_is_not_there_is_explained() {
    for registry in registries() {
        let options = InferenceOptions {
            device: Some(99),
            ..registry.options().clone()
        };
        let registry = ModelRegistry::new(options);
        registry.add_bytes("sum", writer::add(writer::F32, &[2], &[]), Vec::new());
        let error = registry.get("sum").err().unwrap();
        assert!(
            error.to_string().contains("has no device 99; there is 0: "),
            "{error}"
        );
    }
}

/// Whatever is missing here is explained, and nothing falls back.
#[test]
fn what_is_missing_is_explained() {
    let reports = ModelRegistry::new(InferenceOptions::default()).backends();
    let choices = &BackendChoice::ALL[1..];
    assert_eq!(reports.len(), choices.len());
    for (report, choice) in reports.iter().zip(choices) {
        assert_eq!(report.name, choice.name());
        let registry = ModelRegistry::new(options(*choice));
        registry.add_bytes("sum", writer::add(writer::F32, &[2], &[]), Vec::new());
        match (&report.devices, registry.get("sum")) {
            (Ok(devices), Ok(model)) => {
                assert!(!devices.is_empty());
                assert_eq!(model.info().backend, report.name);
            }
            (Err(missing), Err(error)) => {
                assert!(!missing.why.is_empty() && !missing.hint.is_empty());
                assert!(
                    matches!(error, NnError::BackendUnavailable { .. }),
                    "{error}"
                );
            }
            (devices, model) => panic!(
                "{devices:?} against {:?}",
                model.map(|it| it.info().clone())
            ),
        }
    }
}
