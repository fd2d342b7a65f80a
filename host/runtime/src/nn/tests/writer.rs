//! Writes the few kinds of ONNX models that the tests run.

/// A protobuf message that grows.
#[derive(Clone, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    pub(super) fn bytes(mut self, field: u64, bytes: impl AsRef<[u8]>) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.as_ref().len() as u64);
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    pub(super) fn message(self, field: u64, message: &Message) -> Self {
        self.bytes(field, &message.0)
    }
}

pub(super) const F32: u64 = 1;
pub(super) const U8: u64 = 2;
pub(super) const I8: u64 = 3;
pub(super) const I32: u64 = 6;
pub(super) const I64: u64 = 7;
pub(super) const F16: u64 = 10;
pub(super) const F64: u64 = 11;
pub(super) const BF16: u64 = 16;

/// `ValueInfoProto`; dimension 0 is an open one.
pub(super) fn value(name: &str, element_type: u64, dimensions: &[u64]) -> Message {
    let shape = dimensions.iter().fold(Message::default(), |shape, &size| {
        let dimension = match size {
            0 => Message::default().bytes(2, "open"),
            size => Message::default().number(1, size),
        };
        shape.message(1, &dimension)
    });
    let tensor = Message::default()
        .number(1, element_type)
        .message(2, &shape);
    Message::default()
        .bytes(1, name)
        .message(2, &Message::default().message(1, &tensor))
}

fn node(op: &str, inputs: &[&str], output: &str) -> Message {
    let node = inputs
        .iter()
        .fold(Message::default(), |node, input| node.bytes(1, input));
    node.bytes(2, output).bytes(3, op).bytes(4, op)
}

/// A node with several outputs.
fn node_of(op: &str, inputs: &[&str], outputs: &[&str]) -> Message {
    let both = |node: Message, field: u64, names: &[&str]| {
        names
            .iter()
            .fold(node, |node, name| node.bytes(field, name))
    };
    let node = both(both(Message::default(), 1, inputs), 2, outputs);
    node.bytes(3, op).bytes(4, op)
}

fn weights(name: &str, dimensions: &[u64], numbers: &[f32]) -> Message {
    let tensor = dimensions
        .iter()
        .fold(Message::default(), |t, &size| t.number(1, size));
    let raw: Vec<u8> = numbers
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    tensor.number(2, F32).bytes(8, name).bytes(9, raw)
}

fn model(graph: &Message, metadata: &[(&str, &str)]) -> Vec<u8> {
    let opset = Message::default().bytes(1, "").number(2, 13);
    let graph = Message(graph.0.clone()).bytes(2, "test");
    let model = Message::default()
        .number(1, 8)
        .message(7, &graph)
        .message(8, &opset);
    let pairs = metadata.iter().fold(model, |model, (key, value)| {
        model.message(14, &Message::default().bytes(1, key).bytes(2, value))
    });
    pairs.0
}

/// `sum = left + right`.
pub(super) fn add(element_type: u64, dimensions: &[u64], metadata: &[(&str, &str)]) -> Vec<u8> {
    let graph = Message::default()
        .message(1, &node("Add", &["left", "right"], "sum"))
        .message(11, &value("left", element_type, dimensions))
        .message(11, &value("right", element_type, dimensions))
        .message(12, &value("sum", element_type, dimensions));
    model(&graph, metadata)
}

/// A 3x3 convolution of one channel with `kernel`, which is also listed as an
/// input, as old files do.
pub(super) fn convolution(height: u64, width: u64, kernel: &[f32; 9]) -> Vec<u8> {
    // rten wants what ONNX lets out: AttributeProto of type INTS.
    let attribute = |name: &str, numbers: &[u64]| {
        let named = Message::default().bytes(1, name);
        numbers
            .iter()
            .fold(named, |a, &number| a.number(8, number))
            .number(20, 7)
    };
    let node = node("Conv", &["image", "kernel"], "filtered")
        .message(5, &attribute("strides", &[1, 1]))
        .message(5, &attribute("dilations", &[1, 1]))
        .message(5, &attribute("pads", &[0; 4]));
    let graph = Message::default()
        .message(1, &node)
        .message(5, &weights("kernel", &[1, 1, 3, 3], kernel))
        .message(11, &value("image", F32, &[1, 1, height, width]))
        .message(11, &value("kernel", F32, &[1, 1, 3, 3]))
        .message(12, &value("filtered", F32, &[1, 1, height - 2, width - 2]));
    model(&graph, &[])
}

/// `out = in`, as another type.
pub(super) fn cast(from: u64, to: u64, dimensions: &[u64]) -> Vec<u8> {
    let attribute = Message::default()
        .bytes(1, "to")
        .number(3, to)
        .number(20, 2);
    let graph = Message::default()
        .message(1, &node("Cast", &["in"], "out").message(5, &attribute))
        .message(11, &value("in", from, dimensions))
        .message(12, &value("out", to, dimensions));
    model(&graph, &[])
}

/// `out = in`, by way of bytes: what dynamic quantisation does to each layer.
pub(super) fn quantised(dimensions: &[u64]) -> Vec<u8> {
    let small = ["small", "scale", "zero"];
    let graph = Message::default()
        .message(1, &node_of("DynamicQuantizeLinear", &["in"], &small))
        .message(1, &node("DequantizeLinear", &small, "out"))
        .message(11, &value("in", F32, dimensions))
        .message(12, &value("out", F32, dimensions));
    model(&graph, &[])
}
