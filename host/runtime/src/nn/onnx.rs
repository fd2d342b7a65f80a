//! A reader for what a `.onnx` file says about itself: inputs, outputs and
//! metadata.
//!
//! The engines know these too, but each leaves something out or renames types
//! (rten has no `i64`), and reports must not depend on the engine. Only the
//! outer layers of the protobuf are read; weights are stepped over.
//!
//! The bytes are not trusted: every length is checked, names and numbers of
//! items are limited, and nothing recurses without a limit.
//!
//! # Source
//! `onnx.proto` of ONNX 1.17 (field numbers), and the protobuf encoding.

use super::backend::TensorInfo;
use super::tensor::ElementType;
use super::{MAX_RANK, MAX_TENSORS};

/// Most metadata pairs that are kept.
const MAX_METADATA: usize = 256;

/// Most bytes of a name, a key or a value.
const MAX_TEXT_BYTES: usize = 65_536;

/// Messages within messages that are followed: sub-graphs of sub-graphs, sequences of
/// sequences. Engines recurse here, and models in use stay below 10.
const MAX_DEPTH: usize = 32;

/// What is wrong with a file that ends too early, or whose numbers do not.
const DAMAGED: &str = "its protobuf is cut off or damaged";

/// The messages of `onnx.proto` that hold others which engines read.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    /// A sparse tensor, which is two tensors.
    Sparse,
    Function,
    Training,
    Value,
    Type,
    TypedTensor,
    Sequence,
    Shape,
    /// Nothing below it but numbers and bytes.
    Leaf,
}

impl Kind {
    /// What a field holds; none if that is no message.
    fn field(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) | (Self::Training, 1 | 2) => Self::Graph,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Node, 5) | (Self::Function, 11) => Self::Attribute,
            (Self::Graph | Self::Attribute, 5) | (Self::Attribute, 10) | (Self::Sparse, 1 | 2) => {
                Self::Tensor
            }
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::Sparse,
            (Self::Model, 20) => Self::Training,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 11..=13) => Self::Value,
            (Self::Value, 2) | (Self::Attribute, 14 | 15) | (Self::Sequence, 1) => Self::Type,
            (Self::Type, 1) => Self::TypedTensor,
            (Self::Type, 4) => Self::Sequence,
            (Self::TypedTensor, 2) => Self::Shape,
            (Self::Model, 8 | 14) | (Self::Shape, 1) => Self::Leaf,
            _ => return None,
        })
    }
}

/// Checks that every length in the file fits what it lies in, and that messages do not
/// lie in each other without end: engines allocate what a length says, and recurse. Nor may
/// a tensor name a file: engines would open it, with all that this process may read.
fn check(message: &[u8], kind: Kind, depth: usize) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("more than {MAX_DEPTH} messages within each other"));
    }
    for field in Fields(message) {
        match (kind, field?) {
            // TensorProto.external_data, data_location
            (Kind::Tensor, (13, Wire::Bytes(_)) | (14, Wire::Number(1))) => {
                return Err("its weights lie in other files; save it as one".into());
            }
            // TensorProto.int32_data, int64_data, uint64_data: rten-onnx reads a number of
            // ten bytes that all say that more follow for ever.
            (Kind::Tensor, (5 | 7 | 11, Wire::Bytes(numbers))) => check_numbers(numbers)?,
            (_, (number, Wire::Bytes(bytes))) => {
                if let Some(kind) = kind.field(number) {
                    check(bytes, kind, depth + 1)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Checks that packed numbers end where they lie.
fn check_numbers(numbers: &[u8]) -> Result<(), String> {
    let mut numbers = Fields(numbers);
    while !numbers.0.is_empty() {
        numbers.varint().ok_or(DAMAGED)?;
    }
    Ok(())
}

/// What a model says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OnnxHeader {
    /// Inputs that the caller has to give: those without an initial value.
    pub(super) inputs: Vec<TensorInfo>,
    pub(super) outputs: Vec<TensorInfo>,
    /// `metadata_props`, in the file's order.
    pub(super) metadata: Vec<(String, String)>,
    /// The arithmetic that the file asks for: `int8` if it is quantised, otherwise
    /// the type of most of its weights, otherwise that of its first input.
    pub(super) precision: &'static str,
}

/// Operators of quantised models, and of no others.
const QUANTISED: &[&str] = &[
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "ConvInteger",
    "MatMulInteger",
    "QGemm",
    "QAttention",
];

/// What decides on the precision, while nodes and weights are read.
struct Arithmetic {
    quantised: bool,
    /// Bytes of the weights of each floating type.
    weights: [(ElementType, usize); 4],
}

impl Arithmetic {
    fn new() -> Self {
        let types = [
            ElementType::F32,
            ElementType::F16,
            ElementType::Bf16,
            ElementType::F64,
        ];
        Self {
            quantised: false,
            weights: types.map(|it| (it, 0)),
        }
    }

    fn node(&mut self, operator: &str) {
        self.quantised |= QUANTISED.contains(&operator) || operator.starts_with("QLinear");
    }

    fn weight(&mut self, element_type: ElementType, bytes: usize) {
        for (known, sum) in &mut self.weights {
            if *known == element_type {
                *sum = sum.saturating_add(bytes);
            }
        }
    }

    fn precision(&self, inputs: &[TensorInfo]) -> &'static str {
        if self.quantised {
            return "int8";
        }
        // The first of the largest, so that a tie is f32.
        let largest = self.weights.iter().rev().max_by_key(|(_, bytes)| *bytes);
        match (largest, inputs.first()) {
            (Some((element_type, 1..)), _) => element_type.name(),
            (_, Some(input)) => input.element_type.name(),
            _ => ElementType::F32.name(),
        }
    }
}

/// Reads a model's header.
pub(super) fn read_header(model: &[u8]) -> Result<OnnxHeader, String> {
    check(model, Kind::Model, 0)?;
    let mut header = OnnxHeader::default();
    let mut graphs = 0;
    for field in Fields(model) {
        match field? {
            // ModelProto.graph
            (7, Wire::Bytes(graph)) => {
                graphs += 1;
                read_graph(graph, &mut header)?;
            }
            // ModelProto.metadata_props
            (14, Wire::Bytes(pair)) => {
                if header.metadata.len() >= MAX_METADATA {
                    return Err(format!("more than {MAX_METADATA} pairs of metadata"));
                }
                header.metadata.push(read_pair(pair)?);
            }
            _ => {}
        }
    }
    match graphs {
        1 => Ok(header),
        0 => Err("it has no graph".into()),
        _ => Err(format!("it has {graphs} graphs")),
    }
}

fn read_graph(graph: &[u8], header: &mut OnnxHeader) -> Result<(), String> {
    let mut initialized: Vec<&str> = Vec::new();
    let mut arithmetic = Arithmetic::new();
    for field in Fields(graph) {
        match field? {
            // GraphProto.node: NodeProto.op_type
            (1, Wire::Bytes(node)) => arithmetic.node(text_field(node, 4)?),
            // GraphProto.initializer: TensorProto.data_type, name
            (5, Wire::Bytes(tensor)) => {
                initialized.push(text_field(tensor, 8)?);
                let code = number_field(tensor, 2)?.unwrap_or_default();
                arithmetic.weight(element_type_from_code(code), tensor.len());
            }
            // GraphProto.input
            (11, Wire::Bytes(value)) => push(&mut header.inputs, value)?,
            // GraphProto.output
            (12, Wire::Bytes(value)) => push(&mut header.outputs, value)?,
            _ => {}
        }
    }
    // Up to IR version 3 every weight was listed as an input too.
    initialized.sort_unstable();
    header
        .inputs
        .retain(|input| initialized.binary_search(&&*input.name).is_err());
    header.precision = arithmetic.precision(&header.inputs);
    for (list, what) in [(&header.inputs, "inputs"), (&header.outputs, "outputs")] {
        if list.len() > MAX_TENSORS {
            return Err(format!(
                "{} {what}, at most {MAX_TENSORS} are taken",
                list.len()
            ));
        }
    }
    Ok(())
}

/// Room for the weights that old files list as inputs.
const MAX_LISTED_INPUTS: usize = 65_536;

fn push(list: &mut Vec<TensorInfo>, value: &[u8]) -> Result<(), String> {
    if list.len() >= MAX_LISTED_INPUTS {
        return Err(format!("more than {MAX_LISTED_INPUTS} inputs"));
    }
    list.push(read_value_info(value)?);
    Ok(())
}

/// `ValueInfoProto`: a name and a type.
fn read_value_info(value: &[u8]) -> Result<TensorInfo, String> {
    let mut info = TensorInfo {
        name: String::new(),
        element_type: ElementType::Other,
        dimensions: Vec::new(),
    };
    for field in Fields(value) {
        match field? {
            (1, Wire::Bytes(name)) => text(name)?.clone_into(&mut info.name),
            // TypeProto.tensor_type
            (2, Wire::Bytes(kind)) => {
                if let Some(tensor) = bytes_field(kind, 1)? {
                    read_tensor_type(tensor, &mut info)?;
                }
            }
            _ => {}
        }
    }
    Ok(info)
}

/// `TypeProto.Tensor`: the type of the elements and a shape.
fn read_tensor_type(tensor: &[u8], info: &mut TensorInfo) -> Result<(), String> {
    for field in Fields(tensor) {
        match field? {
            (1, Wire::Number(code)) => info.element_type = element_type_from_code(code),
            // TensorShapeProto: dimensions, each a number or a symbol.
            (2, Wire::Bytes(shape)) => {
                for dimension in Fields(shape) {
                    let (1, Wire::Bytes(dimension)) = dimension? else {
                        continue;
                    };
                    if info.dimensions.len() >= MAX_RANK {
                        return Err(format!(
                            "`{}` has more than {MAX_RANK} dimensions",
                            info.name
                        ));
                    }
                    info.dimensions.push(read_dimension(dimension)?);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A fixed size, or none for symbols, zero, negative and absurd ones.
fn read_dimension(dimension: &[u8]) -> Result<Option<u32>, String> {
    let mut size = None;
    for field in Fields(dimension) {
        if let (1, Wire::Number(value)) = field? {
            size = u32::try_from(value).ok().filter(|&size| size > 0);
        }
    }
    Ok(size)
}

/// `StringStringEntryProto`.
fn read_pair(pair: &[u8]) -> Result<(String, String), String> {
    Ok((
        text_field(pair, 1)?.to_owned(),
        text_field(pair, 2)?.to_owned(),
    ))
}

/// `TensorProto.DataType`.
fn element_type_from_code(code: u64) -> ElementType {
    match code {
        1 => ElementType::F32,
        2 => ElementType::U8,
        3 => ElementType::I8,
        4 => ElementType::U16,
        5 => ElementType::I16,
        6 => ElementType::I32,
        7 => ElementType::I64,
        8 => ElementType::Text,
        9 => ElementType::Bool,
        10 => ElementType::F16,
        11 => ElementType::F64,
        12 => ElementType::U32,
        13 => ElementType::U64,
        16 => ElementType::Bf16,
        _ => ElementType::Other,
    }
}

/// The last occurrence of a length-delimited field, as protobuf has it.
fn bytes_field(message: &[u8], number: u64) -> Result<Option<&[u8]>, String> {
    let mut found = None;
    for field in Fields(message) {
        match field? {
            (n, Wire::Bytes(bytes)) if n == number => found = Some(bytes),
            _ => {}
        }
    }
    Ok(found)
}

/// The last occurrence of a number.
fn number_field(message: &[u8], number: u64) -> Result<Option<u64>, String> {
    let mut found = None;
    for field in Fields(message) {
        match field? {
            (n, Wire::Number(value)) if n == number => found = Some(value),
            _ => {}
        }
    }
    Ok(found)
}

fn text_field(message: &[u8], number: u64) -> Result<&str, String> {
    bytes_field(message, number)?.map_or(Ok(""), text)
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    if bytes.len() > MAX_TEXT_BYTES {
        return Err(format!(
            "a text of {} bytes, at most {MAX_TEXT_BYTES}",
            bytes.len()
        ));
    }
    std::str::from_utf8(bytes).map_err(|error| format!("a text is not UTF-8: {error}"))
}

/// A value on the wire.
#[derive(Clone, Copy, Debug)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// 4 or 8 bytes, which nothing here needs.
    Fixed,
}

/// The fields of one message, with their numbers. Ends after an error.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>), String>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field.ok_or_else(|| DAMAGED.into()))
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Option<(u64, Wire<'a>)> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Wire::Number(self.varint()?),
            1 => self.take(8).map(|_| Wire::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Wire::Fixed)?,
            _ => return None,
        };
        (tag >> 3 != 0).then_some((tag >> 3, value))
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}
