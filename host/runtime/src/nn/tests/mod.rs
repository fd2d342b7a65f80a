//! Registry, backends and the `wasi:nn` glue on models of a few bytes, and on
//! real detectors where those are beside the repository.

mod scheduler;
mod writer;
mod real;
mod types;
mod wasi;

use std::path::Path;
use std::sync::Arc;

use super::backend::embedded::Embedded;
use super::backend::{Backend, LoadOptions};
use super::onnx::read_header;
use super::*;
use proptest::prelude::*;

fn options(backend: BackendChoice) -> InferenceOptions {
    InferenceOptions {
        backend,
        threads: Some(1),
        ..InferenceOptions::default()
    }
}

/// Each backend that this machine has; says which are missing.
fn registries() -> Vec<ModelRegistry> {
    registries_of(&[
        BackendChoice::Embedded,
        BackendChoice::Onnxruntime,
        BackendChoice::Openvino,
    ])
}

/// Those of these backends that this machine has.
fn registries_of(choices: &[BackendChoice]) -> Vec<ModelRegistry> {
    let reports = ModelRegistry::new(InferenceOptions::default()).backends();
    let report = |choice: &BackendChoice| {
        let found = reports.iter().find(|report| report.name == choice.name());
        (*choice, found.unwrap().clone())
    };
    let present = choices
        .iter()
        .map(report)
        .filter_map(|(choice, report)| match report.devices {
            Ok(_) => Some(ModelRegistry::new(options(choice))),
            Err(missing) => {
                println!("skipped {choice}: {}", missing.why);
                None
            }
        });
    present.collect()
}

fn number_tensor<T: super::tensor::Number>(dimensions: &[u32], numbers: &[T]) -> Tensor {
    Tensor::from_numbers(dimensions.to_vec(), numbers).unwrap()
}

#[test]
fn a_header_tells_inputs_types_and_metadata() {
    let metadata = [("family", "yolov8"), ("names", "{0: 'circle'}")];
    let header = read_header(&writer::add(writer::I64, &[0, 3], &metadata)).unwrap();
    assert_eq!(
        header.inputs,
        ["left", "right"].map(|name| TensorInfo {
            name: name.into(),
            element_type: ElementType::I64,
            dimensions: vec![None, Some(3)],
        })
    );
    assert_eq!(header.outputs[0].to_string(), "i64[?, 3]");
    let pairs: Vec<_> = header.metadata.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(pairs, metadata);

    let header = read_header(&writer::convolution(5, 4, &[0.0; 9])).unwrap();
    assert_eq!(header.inputs.len(), 1, "the kernel has a value");
}

#[test]
fn sums_come_back_in_the_declared_type() {
    for registry in registries() {
        registry.add_bytes(
            "ints",
            writer::add(writer::I64, &[3], &[]),
            vec!["a".into()],
        );
        registry.add_bytes("floats", writer::add(writer::F64, &[3], &[]), Vec::new());
        let ints = registry.get("ints").unwrap();
        let (left, right) = (
            number_tensor(&[3], &[1_i64, -2, 3]),
            number_tensor(&[3], &[10_i64, 20, 30]),
        );
        let outputs = ints
            .run(&[("right", right.view()), ("left", left.view())])
            .unwrap();
        assert_eq!(outputs[0].0, "sum");
        assert_eq!(
            outputs[0].1.numbers::<i64>().unwrap(),
            [11, 18, 33].as_slice()
        );
        assert_eq!(ints.info().labels, ["a"]);
        assert!(ints.info().first_run_nanos.is_some());

        let floats = registry.get("floats").unwrap();
        let number = number_tensor(&[3], &[0.5_f64, 1.5, -2.0]);
        let outputs = floats
            .run(&[("left", number.view()), ("right", number.view())])
            .unwrap();
        assert_eq!(
            outputs[0].1.numbers::<f64>().unwrap(),
            [1.0, 3.0, -4.0].as_slice()
        );
    }
}

#[test]
fn a_convolution_is_computed() {
    let mut kernel = [0.0; 9];
    (kernel[4], kernel[8]) = (2.0, 1.0);
    let image: Vec<f32> = (0..20_u8).map(f32::from).collect();
    let by_hand: Vec<f32> = (0..3)
        .flat_map(|y| (0..2).map(move |x| (y, x)))
        .map(|(y, x)| 2.0 * ((y + 1) * 4 + x + 1) as f32 + ((y + 2) * 4 + x + 2) as f32)
        .collect();
    for registry in registries() {
        registry.add_bytes("filter", writer::convolution(5, 4, &kernel), Vec::new());
        let filter = registry.get("filter").unwrap();
        let outputs = filter
            .run(&[("image", number_tensor(&[1, 1, 5, 4], &image).view())])
            .unwrap();
        assert_eq!(outputs[0].1.dimensions(), [1, 1, 3, 2]);
        assert_eq!(outputs[0].1.numbers::<f32>().unwrap(), by_hand);
    }
}

#[test]
fn wrong_inputs_are_explained() {
    for registry in registries() {
        registry.add_bytes("sum", writer::add(writer::F32, &[0, 2], &[]), Vec::new());
        let model = registry.get("sum").unwrap();
        let good = number_tensor(&[1, 2], &[1_f32, 2.0]);
        let flat = number_tensor(&[2], &[1_f32, 2.0]);
        let ints = number_tensor(&[1, 2], &[1_i32, 2]);
        let check = |inputs: &[(&str, &Tensor)], expected: &str| {
            let views: Vec<_> = inputs.iter().map(|(name, t)| (*name, t.view())).collect();
            let error = model.run(&views).unwrap_err().to_string();
            assert!(error.contains(expected), "{error:?} against {expected:?}");
        };
        check(
            &[("left", &good)],
            "input `right` of model `sum`: missing, expected f32[?, 2]",
        );
        check(
            &[("left", &good), ("right", &flat)],
            "got f32[2], expected f32[?, 2]",
        );
        check(
            &[("left", &ints), ("right", &good)],
            "got i32[1, 2], expected f32[?, 2]",
        );
        check(&[("left", &good), ("left", &good)], "given twice");
        check(
            &[("lefft", &good)],
            "there is no such input; there is `left`, `right`",
        );
    }
}

#[test]
fn a_model_is_loaded_once_for_all_its_names() {
    let registry = ModelRegistry::new(options(BackendChoice::Embedded));
    let bytes: Arc<[u8]> = writer::add(writer::F32, &[2], &[]).into();
    registry.add_bytes("one", Arc::clone(&bytes), Vec::new());
    registry.add_bytes("two", bytes, vec!["x".into()]);
    let names = std::thread::scope(|scope| {
        let wanted = ["one", "two", "one", "two"];
        let threads = wanted.map(|name| {
            let registry = registry.clone();
            scope.spawn(move || registry.get(name).unwrap().info().clone())
        });
        threads.map(|thread| thread.join().unwrap())
    });
    // The time that loading took is measured once and shared.
    assert!(
        names
            .iter()
            .all(|info| info.load_nanos == names[0].load_nanos)
    );
    assert_eq!(names[1].name, "two");
    assert_eq!(names[1].labels, ["x"]);
}

#[test]
fn a_misspelt_name_gets_a_suggestion() {
    let registry = ModelRegistry::new(options(BackendChoice::Embedded));
    registry.add_bytes("shapes", writer::add(writer::F32, &[2], &[]), Vec::new());
    let check = |name: &str, expected: Option<&str>| {
        let hint = registry.get(name).err().unwrap().hint().unwrap();
        match expected {
            Some(expected) => assert_eq!(hint, expected),
            None => assert!(hint.contains("[models.NAME]"), "{hint}"),
        }
    };
    check("shape", Some("did you mean `shapes`?"));
    check("shpaes", Some("did you mean `shapes`?"));
    check("yolo", None);
}

#[test]
fn files_bring_their_labels_and_errors_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sum.onnx");
    std::fs::write(&path, writer::add(writer::F32, &[2], &[])).unwrap();
    std::fs::write(path.with_extension("names"), "cat\r\ndog\n\n").unwrap();
    let registry = ModelRegistry::new(options(BackendChoice::Embedded));
    let threads = ModelOptions {
        threads: Some(2),
        ..ModelOptions::default()
    };
    registry.add_file("sum", &path, threads);
    registry.add_file(
        "gone",
        folder.path().join("gone.onnx"),
        ModelOptions::default(),
    );
    let labels = ModelOptions {
        labels: Some(folder.path().join("no.txt")),
        ..ModelOptions::default()
    };
    registry.add_file("unlabelled", &path, labels);
    let sum = registry.get("sum").unwrap();
    assert_eq!(sum.info().labels, ["cat", "dog"]);
    assert_eq!((sum.info().threads, sum.info().backend), (2, "embedded"));
    assert!(matches!(
        registry.get("gone"),
        Err(NnError::ReadModel { .. })
    ));
    assert!(matches!(
        registry.get("unlabelled"),
        Err(NnError::ReadLabels { .. })
    ));
}

/// Who has asked for digests gets no other bytes.
#[test]
fn what_was_hashed_is_what_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sum.onnx");
    let names = path.with_extension("names");
    let (one, other) = (
        writer::add(writer::F32, &[2], &[]),
        writer::add(writer::F32, &[3], &[]),
    );
    let check = |before: &dyn Fn(), between: &dyn Fn(), loads: bool| {
        std::fs::write(&path, &one).unwrap();
        std::fs::write(&names, "cat").unwrap();
        before();
        let registry = ModelRegistry::new(options(BackendChoice::Embedded));
        registry.add_file("sum", &path, ModelOptions::default());
        let told = registry.digests("sum").unwrap();
        between();
        assert_eq!(registry.digests("sum").unwrap(), told);
        match registry.get("sum") {
            Ok(_) => assert!(loads),
            Err(NnError::Changed { .. }) => assert!(!loads),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(registry.digests("sum").unwrap(), told);
    };
    let gone = || std::fs::remove_file(&names).unwrap();
    let labels = || std::fs::write(&names, "dog").unwrap();
    check(&|| (), &|| (), true);
    check(&|| (), &|| std::fs::write(&path, &other).unwrap(), false);
    check(&|| (), &gone, false);
    check(&gone, &labels, false);
    check(&|| (), &labels, false);
    // A model that runs goes on being told as what it is.
    let registry = ModelRegistry::new(options(BackendChoice::Embedded));
    registry.add_file("sum", &path, ModelOptions::default());
    registry.get("sum").unwrap();
    std::fs::write(&path, &other).unwrap();
    let told = registry.digests("sum").unwrap();
    std::fs::write(&path, &one).unwrap();
    let fresh = ModelRegistry::new(options(BackendChoice::Embedded));
    fresh.add_file("sum", &path, ModelOptions::default());
    assert_eq!(fresh.digests("sum").unwrap(), told);
}

#[test]
fn a_file_has_one_name() {
    let registry = ModelRegistry::new(options(BackendChoice::Embedded));
    let threads = ModelOptions {
        threads: Some(2),
        ..ModelOptions::default()
    };
    registry.add_file("tuned", "x/a.onnx", threads);
    assert_eq!(registry.name_of(Path::new("x/a.onnx")), None);
    registry.add_file("a", "x/a.onnx", ModelOptions::default());
    assert_eq!(
        registry.name_of(Path::new("x/a.onnx")).as_deref(),
        Some("a")
    );
    assert_eq!(registry.name_of(Path::new("y/a.onnx")), None);
}

#[test]
fn auto_says_what_it_chose() {
    let registry = ModelRegistry::new(options(BackendChoice::Auto));
    registry.add_bytes("sum", writer::add(writer::F32, &[2], &[]), Vec::new());
    let info = registry.get("sum").unwrap().info().clone();
    let chosen = registry
        .backends()
        .into_iter()
        .find(|report| report.chosen_by_auto)
        .unwrap();
    assert_eq!(info.backend, chosen.name);
    assert!(info.note.unwrap().contains(chosen.name));
}

#[test]
fn an_explicit_backend_never_falls_back() {
    let registry = ModelRegistry::new(options(BackendChoice::Onnxruntime));
    registry.add_bytes("sum", writer::add(writer::F32, &[2], &[]), Vec::new());
    match registry.get("sum") {
        Ok(model) => assert_eq!(model.info().backend, "onnxruntime"),
        Err(error) => {
            assert!(
                matches!(error, NnError::BackendUnavailable { .. }),
                "{error}"
            );
            assert!(
                error
                    .hint()
                    .unwrap()
                    .contains("cargo xtask setup --backend onnxruntime")
            );
        }
    }
    assert!("rten".parse::<BackendChoice>().is_err());
}

#[test]
fn bytes_that_are_no_model_are_refused() {
    for registry in registries() {
        let add = |name: &str, bytes: &[u8]| registry.add_bytes(name, bytes.to_vec(), Vec::new());
        add("empty", b"");
        add("text", b"hello, this is no model");
        let whole = writer::add(writer::F32, &[2], &[]);
        add("cut", &whole[..whole.len() / 2]);
        for name in ["empty", "text", "cut"] {
            assert!(registry.get(name).is_err(), "{name}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _any = read_header(&bytes);
    }

    #[test]
    fn no_damage_makes_the_reader_panic(
        place in 0..200_usize,
        byte in any::<u8>(),
        cut in 0..220_usize,
    ) {
        let mut bytes = writer::add(writer::I64, &[0, 3], &[("names", "{0: 'a'}")]);
        if let Some(damaged) = bytes.get_mut(place) {
            *damaged = byte;
        }
        bytes.truncate(cut);
        let _any = read_header(&bytes);
    }

    #[test]
    fn damage_never_takes_the_process_down(place in 0..200_usize, byte in any::<u8>()) {
        let mut bytes = writer::convolution(5, 4, &[1.0; 9]);
        if let Some(damaged) = bytes.get_mut(place) {
            *damaged = byte;
        }
        let load = LoadOptions { name: "damaged".into(), threads: 1, device: None, precision: None, varies: false };
        if let Ok(model) = Embedded::new().load(&bytes.into(), &load) {
            let image = number_tensor(&[1, 1, 5, 4], &[1.0_f32; 20]);
            let _any = model.run(&[("image", image.view())]);
        }
    }
}

#[test]
fn lengths_inside_of_messages_are_checked_and_nesting_is_limited() {
    use writer::Message;
    let model = |graph: &Message| Message::default().message(7, graph).0;
    // A node's attribute holds a tensor whose bytes claim to be longer than it is.
    let mut tensor = Message::default().bytes(9, [1, 2, 3]);
    tensor.0[1] = 0x7f;
    let attribute = Message::default().bytes(1, "value").message(5, &tensor);
    let node = Message::default().message(5, &attribute);
    let error = read_header(&model(&Message::default().message(1, &node))).unwrap_err();
    assert!(error.contains("cut off or damaged"), "{error}");
    // Numbers that say of each of their bytes that more follow: rten-onnx never ends.
    for (field, bytes) in [(5, 10), (7, 10), (7, 11), (11, 1)] {
        let tensor = Message::default().bytes(field, vec![0xff; bytes]);
        let error = read_header(&model(&Message::default().message(5, &tensor))).unwrap_err();
        assert!(error.contains("cut off or damaged"), "{field}: {error}");
    }
    // Graphs in attributes of nodes of graphs …
    let deep = (0..1000).fold(Message::default(), |graph, _| {
        let attribute = Message::default().message(6, &graph);
        Message::default().message(1, &Message::default().message(5, &attribute))
    });
    let error = read_header(&model(&deep)).unwrap_err();
    assert!(error.contains("messages within each other"), "{error}");
}

/// Wherever a tensor stands that names a file.
#[test]
fn weights_in_other_files_are_refused() {
    use writer::Message;
    let outer = |fields: &[u64], inner: Message| {
        let numbers = fields.iter().rev();
        numbers.fold(inner, |inner, number| {
            Message::default().message(*number, &inner)
        })
    };
    let file = Message::default()
        .bytes(1, "location")
        .bytes(2, "../weights.bin");
    let by_name = || Message::default().message(13, &file);
    let by_place = || Message::default().number(14, 1);
    let check = |fields: &[u64]| {
        for tensor in [by_name(), by_place()] {
            let error = read_header(&outer(fields, tensor).0).unwrap_err();
            assert!(error.contains("other files"), "{fields:?}: {error}");
        }
        // The same with its weights inside.
        let inside = outer(fields, Message::default().number(14, 0)).0;
        let told = read_header(&inside).err().unwrap_or_default();
        assert!(!told.contains("other files"), "{fields:?}: {told}");
    };
    // Initializers; attributes of nodes, and of nodes in their graphs; sparse ones; functions; training.
    check(&[7, 5]);
    check(&[7, 1, 5, 5]);
    check(&[7, 1, 5, 10]);
    check(&[7, 1, 5, 6, 5]);
    check(&[7, 1, 5, 11, 1, 5, 5]);
    check(&[7, 15, 1]);
    check(&[7, 15, 2]);
    check(&[7, 1, 5, 22, 1]);
    check(&[7, 1, 5, 23, 2]);
    check(&[25, 7, 5, 5]);
    check(&[25, 11, 5]);
    check(&[20, 1, 5]);
    check(&[20, 2, 1, 5, 5]);
}
