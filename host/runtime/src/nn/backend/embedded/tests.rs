//! Models in stages against the same models whole.

use std::cell::RefCell;
use std::sync::Arc;

use proptest::prelude::*;
use rten::{ModelOptions, RunOptions, ThreadPool, Value};
use rten_onnx::onnx::{
    AttributeProto, AttributeType, DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    TensorProto, ValueInfoProto,
};
use rten_tensor::{AsView, Layout};

use super::split::{SplitModel, split};

fn attribute(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        ints: ints.to_vec(),
        r#type: Some(AttributeType::INTS),
        ..AttributeProto::default()
    }
}

fn group(groups: i64) -> AttributeProto {
    AttributeProto {
        name: Some("group".into()),
        i: Some(groups),
        r#type: Some(AttributeType::INT),
        ..AttributeProto::default()
    }
}

fn node(
    op_type: &str,
    inputs: &[&str],
    output: &str,
    attributes: Vec<AttributeProto>,
) -> NodeProto {
    NodeProto {
        op_type: Some(op_type.into()),
        input: inputs.iter().map(|&name| name.into()).collect(),
        output: vec![output.into()],
        attribute: attributes,
        ..NodeProto::default()
    }
}

fn tensor(name: &str, dims: &[i64], raw: bool) -> TensorProto {
    let length = dims.iter().product::<i64>();
    let numbers = (0..length).map(|i| ((i * 37 + dims.len() as i64) % 23) as f32 / 23.0 - 0.5);
    let mut tensor = TensorProto {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(DataType::FLOAT),
        ..TensorProto::default()
    };
    if raw {
        let bytes = numbers.flat_map(f32::to_le_bytes).collect();
        tensor.raw_data = Some(RefCell::new(bytes));
    } else {
        tensor.float_data = numbers.collect();
    }
    tensor
}

fn value(name: &str) -> ValueInfoProto {
    ValueInfoProto {
        name: Some(name.into()),
        ..ValueInfoProto::default()
    }
}

fn model(graph: GraphProto) -> Vec<u8> {
    let opset = OperatorSetIdProto {
        version: Some(17),
        ..OperatorSetIdProto::default()
    };
    let model = ModelProto {
        ir_version: Some(8),
        graph: Some(graph),
        opset_import: vec![opset],
        ..ModelProto::default()
    };
    model.write_buf().unwrap()
}

fn options() -> ModelOptions {
    let mut options = ModelOptions::with_all_ops();
    options.prepack_weights(true);
    options
}

/// As a backend loads it: what does not pass the header's checks is not read.
fn stages(model: &[u8]) -> Option<SplitModel> {
    crate::nn::onnx::read_header(model).ok()?;
    split(model, &options())
}

/// Both ways' outputs for an image of the given shape.
fn both(model: &[u8], split: &SplitModel, shape: &[usize]) -> [Vec<(Vec<usize>, Vec<f32>)>; 2] {
    let length: usize = shape.iter().product();
    let numbers = (0..length)
        .map(|i| (i * 7919 % 256) as f32 / 255.0)
        .collect();
    let image = Value::from_shape(shape, numbers).unwrap();
    let whole = options().load(model.to_vec()).unwrap();
    let pool = Arc::new(ThreadPool::with_num_threads(2));
    let run = RunOptions::default().with_thread_pool(Some(Arc::clone(&pool)));
    let input = whole.input_ids()[0];
    let inputs = vec![(input, image.as_view().into())];
    let expected = whole
        .run(inputs, whole.output_ids(), Some(run.clone()))
        .unwrap();
    let got = pool
        .run(|| split.run(vec![image.as_view().into()], &run))
        .unwrap();
    let again = pool
        .run(|| split.run(vec![image.as_view().into()], &run))
        .unwrap();
    let plain = |values: Vec<Value>| {
        let values = values.into_iter().map(|value| match value {
            Value::FloatTensor(tensor) => (tensor.shape().to_vec(), tensor.to_vec()),
            other => panic!("{other:?}"),
        });
        values.collect::<Vec<_>>()
    };
    let got = plain(got);
    assert_eq!(got, plain(again), "the same twice");
    [plain(expected), got]
}

fn assert_close([expected, got]: [Vec<(Vec<usize>, Vec<f32>)>; 2], tolerance: f32) {
    assert_eq!(expected.len(), got.len());
    for ((expected_shape, expected), (shape, got)) in expected.iter().zip(&got) {
        assert_eq!(expected_shape, shape);
        for (expected, got) in expected.iter().zip(got) {
            let close = (expected - got).abs() <= tolerance * expected.abs().max(1.0);
            assert!(close, "{got} for {expected}");
        }
    }
}

/// A graph in which every operator takes what some before it made.
fn graph(operators: &[(u8, usize, usize)], extra_output: usize) -> GraphProto {
    let mut graph = GraphProto {
        input: vec![value("v0")],
        ..GraphProto::default()
    };
    let window = |pads: i64, stride: i64| {
        vec![
            attribute("kernel_shape", &[3, 3]),
            attribute("pads", &[pads; 4]),
            attribute("strides", &[stride; 2]),
        ]
    };
    for (index, &(operator, left, right)) in operators.iter().enumerate() {
        let name = |back: usize| format!("v{}", index - back % (index + 1));
        let (left, right, made) = (name(left), name(right), format!("v{}", index + 1));
        let (weights, bias) = (format!("w{index}"), format!("b{index}"));
        let mut weighted = |dims: [i64; 4], attributes| {
            graph
                .initializer
                .push(tensor(&weights, &dims, index % 2 == 0));
            graph.initializer.push(tensor(&bias, &[dims[0]], true));
            node("Conv", &[&left, &weights, &bias], &made, attributes)
        };
        let node = match operator {
            0 => weighted([4, 1, 3, 3], [window(1, 1), vec![group(4)]].concat()),
            1 => weighted([4, 4, 3, 3], window(1, 1)),
            2 => weighted([4, 4, 1, 1], vec![attribute("kernel_shape", &[1; 2])]),
            3 => weighted([4, 2, 3, 3], [window(1, 1), vec![group(2)]].concat()),
            4 => node("MaxPool", &[&left], &made, window(1, 1)),
            5 => node("Relu", &[&left], &made, Vec::new()),
            6 => node("Sigmoid", &[&left], &made, Vec::new()),
            7 => node("Add", &[&left, &right], &made, Vec::new()),
            _ => node("Mul", &[&left, &right], &made, Vec::new()),
        };
        graph.node.push(node);
    }
    let last = format!("v{}", operators.len());
    let extra = format!("v{}", 1 + extra_output % operators.len());
    if extra != last {
        graph.output.push(value(&extra));
    }
    graph.output.push(value(&last));
    graph
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn stages_compute_what_the_whole_does(
        operators in prop::collection::vec((0..9_u8, 0..3_usize, 0..4_usize), 1..16),
        extra_output in any::<usize>(),
        reversed in any::<bool>(),
    ) {
        let mut graph = graph(&operators, extra_output);
        let expects_stages = operators.iter().any(|(operator, ..)| [0, 1, 4].contains(operator));
        let whole = model(graph.clone());
        // The order of the nodes does not matter here; to rten it does not either.
        if reversed {
            graph.node.reverse();
        }
        let split = stages(&model(graph));
        prop_assert_eq!(split.is_some(), expects_stages);
        if let Some(split) = split {
            assert_close(both(&whole, &split, &[1, 4, 9, 21]), 1e-4);
        }
    }

    #[test]
    fn bytes_that_are_changed_never_panic(
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = model(graph(&[(0, 0, 0), (5, 0, 0), (1, 0, 0), (7, 0, 1), (4, 0, 0)], 1));
        let length = bytes.len();
        for (at, byte) in changes {
            bytes[at % length] = byte;
        }
        if let Some(split) = stages(&bytes) {
            let image = Value::from_shape(&[1, 4, 6, 6], vec![0.5_f32; 144]).unwrap();
            // An error or a result, as the change has it.
            drop(split.run(vec![image.as_view().into()], &RunOptions::default()));
        }
    }
}

#[test]
fn the_example_model_is_cut_and_agrees() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/shapes.onnx");
    let bytes = std::fs::read(path).unwrap();
    let split = stages(&bytes).unwrap();
    let (stages, windows) = split.counts();
    assert!(
        windows > 20 && stages < 2 * windows,
        "{windows} of {stages}"
    );
    assert_close(both(&bytes, &split, &[1, 3, 288, 384]), 1e-3);
}

#[test]
fn relu_is_done_with_the_convolution_before_it() {
    let split = stages(&model(graph(
        &[(0, 0, 0), (5, 0, 0), (1, 0, 0), (5, 0, 0)],
        3,
    )))
    .unwrap();
    assert_eq!(split.counts(), (2, 2));
    // Not where somebody else wants the negative numbers.
    let split = stages(&model(graph(&[(0, 0, 0), (5, 0, 0), (1, 0, 0)], 0))).unwrap();
    assert_eq!(split.counts(), (3, 2));
}

#[test]
fn inputs_that_do_not_fit_are_errors() {
    let split = stages(&model(graph(&[(0, 0, 0)], 0))).unwrap();
    let run = |value: Value| split.run(vec![value.as_view().into()], &RunOptions::default());
    let wrong = [
        Value::from_shape(&[1, 3, 5, 5], vec![0.0_f32; 75]).unwrap(),
        Value::from_shape(&[4, 5, 5], vec![0.0_f32; 100]).unwrap(),
        Value::from_shape(&[1, 4, 5, 5], vec![0_i32; 100]).unwrap(),
    ];
    let errors = wrong.map(|value| run(value).unwrap_err().to_string());
    assert!(errors[0].contains("[1, 3, 5, 5]"), "{errors:?}");
    assert!(errors[1].contains("[4, 5, 5]"), "{errors:?}");
    assert!(errors[2].contains("something else"), "{errors:?}");
}

#[test]
fn what_is_unusual_is_left_to_rten() {
    let unusual = |change: fn(&mut GraphProto)| {
        let mut graph = graph(&[(0, 0, 0), (5, 0, 0), (1, 0, 0)], 0);
        change(&mut graph);
        assert!(stages(&model(graph)).is_none());
    };
    unusual(|graph| graph.node[1].output[0] = "v1".into());
    unusual(|graph| graph.node[1].output[0] = "v0".into());
    unusual(|graph| graph.node[0].input[0] = "v3".into());
    unusual(|graph| graph.node[2].output[0] = "w0".into());
    unusual(|graph| graph.output[0].name = Some("nobody's".into()));
    unusual(|graph| graph.output.push(value("v3")));
    unusual(|graph| graph.input.push(value("v0")));
    unusual(|graph| {
        let mut with_graph = attribute("body", &[]);
        with_graph.g = Some(GraphProto::default());
        graph.node[1].attribute.push(with_graph);
    });
    unusual(|graph| {
        let twice = graph.initializer[0].clone();
        graph.initializer.push(twice);
    });
    assert!(stages(b"no model").is_none());
    assert!(stages(&model(graph(&[(2, 0, 0), (5, 0, 0)], 0))).is_none());
}

#[test]
fn weights_are_not_copied_without_end() {
    let mut graph = GraphProto {
        input: vec![value("v0")],
        output: vec![value("v40")],
        initializer: vec![
            tensor("large", &[4, 4, 1, 1], true),
            tensor("w", &[4, 1, 3, 3], true),
        ],
        ..GraphProto::default()
    };
    graph.initializer[0] = tensor("large", &[1, 4, 64, 64], true);
    for index in 0..20 {
        let names = [2 * index, 2 * index + 1, 2 * index + 2].map(|number| format!("v{number}"));
        let pads = attribute("pads", &[1; 4]);
        let attributes = vec![pads, group(4)];
        graph
            .node
            .push(node("Conv", &[&names[0], "w"], &names[1], attributes));
        graph
            .node
            .push(node("Add", &[&names[1], "large"], &names[2], Vec::new()));
    }
    assert!(stages(&model(graph)).is_none());
}
