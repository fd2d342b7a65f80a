//! Models cut at the operators that [`Window`] does, so that rten does only the
//! rest.
//!
//! rten takes no operators from outside. So the graph is cut into stages: a run
//! of nodes that become a small model of their own, then the windows whose
//! inputs those leave, and so on. rten plans a stage once, and what passes
//! between stages is given away at its last use, so that rten works in place as
//! ever: the cuts themselves cost one or two per cent.
//!
//! Cutting is an optimisation and nothing else. Whatever is unusual (subgraphs,
//! names that are given twice, weights that are computed or would have to be
//! copied too often) makes [`split`] return `None`; rten then gets the whole
//! model and has the word on what is wrong with it.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use rten::{Model, ModelOptions, NodeId, RunError, RunOptions, Value, ValueOrView, ValueView};
use rten_onnx::onnx::{
    AttributeProto, DataLocation, DataType, GraphProto, ModelProto, NodeProto, TensorProto,
    ValueInfoProto,
};
use rten_tensor::Layout;

use millstream_kernels::{Buffers, Window, WindowError, WindowSpec};

/// Most operators that a model is cut at.
const MAX_WINDOWS: usize = 1024;

/// Most input channels of a dense convolution that is taken from rten: above,
/// and where it is a mere matrix product, rten is as fast or faster.
const MAX_DENSE_INPUTS: usize = 256;

/// A model in stages.
pub(super) struct SplitModel {
    stages: Vec<Stage>,
    /// How many values pass between stages, with inputs and outputs.
    values: usize,
    inputs: Vec<(String, usize)>,
    outputs: Vec<(String, usize)>,
    buffers: Buffers,
}

enum Stage {
    Engine {
        model: Box<Model>,
        inputs: Vec<(NodeId, Use)>,
        outputs: Vec<(NodeId, usize)>,
    },
    Window {
        window: Box<Window>,
        input: Use,
        output: usize,
    },
}

/// The use of a value, and whether it is the last one.
#[derive(Clone, Copy)]
struct Use {
    value: usize,
    last: bool,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SplitError {
    #[error(transparent)]
    Engine(#[from] RunError),
    #[error("a convolution or MaxPool does not fit its input of the shape {shape:?}")]
    Shape { shape: Vec<usize> },
    #[error("a convolution or MaxPool takes an image of `f32`, it got something else")]
    Type,
    #[error("there is no memory for a result")]
    Memory,
    #[error("a value is missing between two stages (a fault of the host)")]
    Missing,
}

/// Cuts a model. `None`: it has nothing to gain from that, or is unusual.
pub(super) fn split(model: &[u8], options: &ModelOptions) -> Option<SplitModel> {
    let proto = ModelProto::parse_buf(model).ok()?;
    let plan = Plan::new(proto.graph.as_ref()?)?;
    let stages = plan.stages()?;
    plan.load(&proto, &stages, options, model.len())
}

/// What is known of a graph: who makes a name and who takes it.
struct Plan<'a> {
    graph: &'a GraphProto,
    constants: HashMap<&'a str, Constant<'a>>,
    inputs: HashMap<&'a str, &'a ValueInfoProto>,
    outputs: HashSet<&'a str>,
    producers: HashMap<&'a str, usize>,
    consumers: HashMap<&'a str, Vec<usize>>,
    windows: HashMap<usize, Window>,
    /// `Relu` nodes that a window does, and that window.
    absorbed: HashMap<usize, usize>,
}

#[derive(Clone, Copy)]
enum Constant<'a> {
    Initializer(&'a TensorProto),
    Node(&'a NodeProto),
}

/// A stage by its nodes.
enum Draft {
    Engine(Vec<usize>),
    Window(usize),
}

/// The values that a stage takes and makes.
struct Borders<'a> {
    taken: Vec<(&'a str, usize)>,
    made: Vec<(&'a str, usize)>,
}

impl<'a> Plan<'a> {
    fn new(graph: &'a GraphProto) -> Option<Self> {
        let mut plan = Self {
            graph,
            constants: HashMap::new(),
            inputs: HashMap::new(),
            outputs: HashSet::new(),
            producers: HashMap::new(),
            consumers: HashMap::new(),
            windows: HashMap::new(),
            absorbed: HashMap::new(),
        };
        plan.read_names()?;
        for (index, node) in graph.node.iter().enumerate() {
            let Some(mut window) = plan.window(node) else {
                continue;
            };
            let output = node.output.first()?.as_str();
            if let Some(&[next]) = plan.consumers.get(output).map(Vec::as_slice)
                && !plan.outputs.contains(output)
                && is_standard(graph.node.get(next)?, "Relu")
            {
                window = window.with_relu();
                plan.absorbed.insert(next, index);
            }
            plan.windows.insert(index, window);
        }
        (1..=MAX_WINDOWS)
            .contains(&plan.windows.len())
            .then_some(plan)
    }

    /// Reads who makes and takes which name. `None`: it is not quite clear.
    fn read_names(&mut self) -> Option<()> {
        let new = |before: Option<_>| before.is_none().then_some(());
        for tensor in &self.graph.initializer {
            let name = tensor.name.as_deref()?;
            let constant = Constant::Initializer(tensor);
            new(self.constants.insert(name, constant).map(|_| ()))?;
        }
        for (index, node) in self.graph.node.iter().enumerate() {
            if node.attribute.iter().any(|attribute| attribute.g.is_some()) {
                return None;
            }
            if is_constant(node) {
                let name = node.output.first()?;
                new(self
                    .constants
                    .insert(name, Constant::Node(node))
                    .map(|_| ()))?;
                continue;
            }
            for name in node.output.iter().filter(|name| !name.is_empty()) {
                new(self.producers.insert(name, index).map(|_| ()))?;
            }
            for name in distinct_inputs(node) {
                self.consumers.entry(name).or_default().push(index);
            }
        }
        for input in &self.graph.input {
            let name = input.name.as_deref()?;
            // Up to IR version 3 weights are listed as inputs too.
            if !self.constants.contains_key(name) {
                new(self.inputs.insert(name, input).map(|_| ()))?;
            }
        }
        for output in &self.graph.output {
            let name = output.name.as_deref()?;
            if !self.producers.contains_key(name) || !self.outputs.insert(name) {
                return None;
            }
        }
        let given =
            |name: &&str| self.constants.contains_key(name) || self.inputs.contains_key(name);
        (!self.producers.keys().any(given)).then_some(())
    }

    /// A node as a window.
    fn window(&self, node: &NodeProto) -> Option<Window> {
        let [_] = node.output.as_slice() else {
            return None;
        };
        if self.constants.contains_key(node.input.first()?.as_str()) {
            return None;
        }
        let attributes = Attributes::read(&node.attribute)?;
        if is_standard(node, "Conv") {
            self.convolution(node, &attributes)
        } else if is_standard(node, "MaxPool")
            && node.input.len() == 1
            && attributes.groups.is_none()
        {
            Window::max(attributes.spec(attributes.size?)).ok()
        } else {
            None
        }
    }

    fn convolution(&self, node: &NodeProto, attributes: &Attributes) -> Option<Window> {
        let (weights, bias) = match node.input.as_slice() {
            [_, weights] => (weights, None),
            [_, weights, bias] => (weights, Some(bias).filter(|name| !name.is_empty())),
            _ => return None,
        };
        let (dims, weights) = self.floats(weights)?;
        let [outputs, inputs, size @ ..] = <[usize; 4]>::try_from(dims).ok()?;
        if attributes.size.is_some_and(|declared| declared != size) {
            return None;
        }
        let groups = attributes.groups.unwrap_or(1);
        if groups == 1 && (size == [1, 1] || inputs > MAX_DENSE_INPUTS) {
            return None;
        }
        let bias = match bias {
            Some(name) => Some(self.floats(name)?.1),
            None => None,
        };
        let spec = attributes.spec(size);
        Window::convolution(spec, [outputs, inputs], groups, &weights, bias.as_deref()).ok()
    }

    /// The shape and the numbers of an initializer.
    fn floats(&self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        let Constant::Initializer(tensor) = self.constants.get(name)? else {
            return None;
        };
        let place = tensor.data_location.unwrap_or(DataLocation::DEFAULT);
        if tensor.data_type != Some(DataType::FLOAT) || place != DataLocation::DEFAULT {
            return None;
        }
        let numbers = match &tensor.raw_data {
            Some(bytes) => {
                let bytes = bytes.borrow();
                let (numbers, rest) = bytes.as_chunks::<4>();
                if !rest.is_empty() {
                    return None;
                }
                numbers.iter().copied().map(f32::from_le_bytes).collect()
            }
            None => tensor.float_data.clone(),
        };
        let dims = sizes(&tensor.dims)?;
        let length = dims
            .iter()
            .try_fold(1_usize, |n, &size| n.checked_mul(size));
        (length == Some(numbers.len())).then_some((dims, numbers))
    }

    /// The name of a window's result, that of `Relu` if it does that too.
    fn result(&self, window: usize) -> Option<&'a str> {
        let output = self.graph.node.get(window)?.output.first()?.as_str();
        let next = self.consumers.get(output).and_then(|next| next.first());
        match next.filter(|next| self.absorbed.get(next) == Some(&window)) {
            Some(&next) => Some(self.graph.node.get(next)?.output.first()?.as_str()),
            None => Some(output),
        }
    }

    /// The nodes in an order in which they can be done: rten goes on for as long
    /// as there is something for it.
    fn stages(&self) -> Option<Vec<Draft>> {
        let nodes = &self.graph.node;
        let mut waits_for = vec![0_usize; nodes.len()];
        let (mut engine, mut windows) = (VecDeque::new(), VecDeque::new());
        let mut left = 0_usize;
        for (index, node) in nodes.iter().enumerate() {
            if is_constant(node) || self.absorbed.contains_key(&index) {
                continue;
            }
            left += 1;
            let inputs = distinct_inputs(node).into_iter();
            let waits = inputs
                .filter(|name| self.producers.contains_key(name))
                .count();
            *waits_for.get_mut(index)? = waits;
            if waits == 0 {
                if self.windows.contains_key(&index) {
                    &mut windows
                } else {
                    &mut engine
                }
                .push_back(index);
            }
        }
        let mut stages = Vec::new();
        let mut run = Vec::new();
        loop {
            let made = if let Some(index) = engine.pop_front() {
                run.push(index);
                nodes
                    .get(index)?
                    .output
                    .iter()
                    .map(String::as_str)
                    .collect()
            } else {
                if !run.is_empty() {
                    stages.push(Draft::Engine(std::mem::take(&mut run)));
                }
                let Some(index) = windows.pop_front() else {
                    break;
                };
                stages.push(Draft::Window(index));
                vec![self.result(index)?]
            };
            left = left.checked_sub(1)?;
            for &next in made
                .iter()
                .filter_map(|name| self.consumers.get(name))
                .flatten()
            {
                let waits = waits_for.get_mut(next)?;
                *waits = waits.checked_sub(1)?;
                if *waits == 0 {
                    if self.windows.contains_key(&next) {
                        &mut windows
                    } else {
                        &mut engine
                    }
                    .push_back(next);
                }
            }
        }
        // What is left waits for itself.
        (left == 0).then_some(stages)
    }

    fn load(
        mut self,
        proto: &ModelProto,
        drafts: &[Draft],
        options: &ModelOptions,
        model_bytes: usize,
    ) -> Option<SplitModel> {
        let mut numbers = Numbers::default();
        let mut inputs = Vec::new();
        for name in self
            .graph
            .input
            .iter()
            .filter_map(|input| input.name.as_deref())
        {
            if self.inputs.contains_key(name) {
                inputs.push((name.to_owned(), numbers.get(name)));
            }
        }
        let mut borders = Vec::with_capacity(drafts.len());
        for (position, draft) in drafts.iter().enumerate() {
            let border = self.borders(draft, &mut numbers)?;
            for (_, value) in &border.taken {
                *numbers.last_use.get_mut(*value)? = position;
            }
            borders.push(border);
        }
        let mut outputs = Vec::new();
        for name in self
            .graph
            .output
            .iter()
            .filter_map(|output| output.name.as_deref())
        {
            let value = numbers.get(name);
            *numbers.last_use.get_mut(value)? = usize::MAX;
            outputs.push((name.to_owned(), value));
        }
        // Weights that several stages use are copied; a small file must not grow large so.
        let mut budget = model_bytes.checked_mul(2)?;
        let mut stages = Vec::with_capacity(drafts.len());
        for ((position, draft), border) in drafts.iter().enumerate().zip(borders) {
            let used = |value: usize| {
                let last = *numbers.last_use.get(value)? == position;
                Some(Use { value, last })
            };
            stages.push(match draft {
                Draft::Window(index) => Stage::Window {
                    window: Box::new(self.windows.remove(index)?),
                    input: used(border.taken.first()?.1)?,
                    output: border.made.first()?.1,
                },
                Draft::Engine(nodes) => {
                    let part = self.part(proto, nodes, &border, &mut budget)?;
                    let model = options.load(part.write_buf().ok()?).ok()?;
                    let id = |name| model.node_id(name).ok();
                    let taken = border.taken.into_iter();
                    let taken = taken.map(|(name, value)| Some((id(name)?, used(value)?)));
                    let made = border.made.into_iter();
                    let made = made.map(|(name, value)| Some((id(name)?, value)));
                    Stage::Engine {
                        inputs: taken.collect::<Option<_>>()?,
                        outputs: made.collect::<Option<_>>()?,
                        model: Box::new(model),
                    }
                }
            });
        }
        Some(SplitModel {
            stages,
            values: numbers.last_use.len(),
            inputs,
            outputs,
            buffers: Buffers::default(),
        })
    }

    fn borders(&self, draft: &Draft, numbers: &mut Numbers<'a>) -> Option<Borders<'a>> {
        let nodes = match draft {
            Draft::Engine(nodes) => nodes,
            Draft::Window(index) => {
                let input = self.graph.node.get(*index)?.input.first()?;
                let output = self.result(*index)?;
                return Some(Borders {
                    taken: vec![(input, numbers.get(input))],
                    made: vec![(output, numbers.get(output))],
                });
            }
        };
        let inside: HashSet<usize> = nodes.iter().copied().collect();
        let (mut taken, mut made) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        for index in nodes {
            let node = self.graph.node.get(*index)?;
            for name in distinct_inputs(node) {
                let producer = self.producers.get(name);
                let own = producer.is_some_and(|producer| inside.contains(producer));
                if !own && !self.constants.contains_key(name) && seen.insert(name) {
                    taken.push((name, numbers.get(name)));
                }
            }
            for name in node.output.iter().map(String::as_str) {
                let consumers = self.consumers.get(name).map_or(&[][..], Vec::as_slice);
                let leaves = consumers.iter().any(|consumer| !inside.contains(consumer));
                if !name.is_empty() && (leaves || self.outputs.contains(name)) {
                    made.push((name, numbers.get(name)));
                }
            }
        }
        Some(Borders { taken, made })
    }

    /// A run of nodes as a model of its own. `budget`: bytes of weights that may
    /// yet be copied.
    fn part(
        &self,
        proto: &ModelProto,
        nodes: &[usize],
        border: &Borders<'_>,
        budget: &mut usize,
    ) -> Option<ModelProto> {
        let mut graph = GraphProto::default();
        let mut run = Vec::with_capacity(nodes.len());
        let mut seen = HashSet::new();
        for index in nodes {
            let node = self.graph.node.get(*index)?;
            for name in &node.input {
                let constant = self.constants.get(name.as_str());
                let Some(constant) = constant.filter(|_| seen.insert(name)) else {
                    continue;
                };
                match constant {
                    Constant::Initializer(tensor) => {
                        *budget = budget.checked_sub(tensor_bytes(tensor))?;
                        graph.initializer.push((*tensor).clone());
                    }
                    Constant::Node(node) => {
                        let tensors = node.attribute.iter().filter_map(|a| a.t.as_ref());
                        *budget = budget.checked_sub(tensors.map(tensor_bytes).sum())?;
                        graph.node.push((*node).clone());
                    }
                }
            }
            run.push(node.clone());
        }
        graph.node.append(&mut run);
        for (name, _) in &border.taken {
            let given = self.inputs.get(name);
            graph
                .input
                .push(given.map_or_else(|| named(name), |input| (*input).clone()));
        }
        graph.output = border.made.iter().map(|(name, _)| named(name)).collect();
        Some(ModelProto {
            ir_version: proto.ir_version,
            graph: Some(graph),
            opset_import: proto.opset_import.clone(),
            ..ModelProto::default()
        })
    }
}

/// Names as numbers, in the order in which they were first asked for.
#[derive(Default)]
struct Numbers<'a> {
    by_name: HashMap<&'a str, usize>,
    /// For each number, the stage that uses it last.
    last_use: Vec<usize>,
}

impl<'a> Numbers<'a> {
    fn get(&mut self, name: &'a str) -> usize {
        *self.by_name.entry(name).or_insert_with(|| {
            self.last_use.push(0);
            self.last_use.len() - 1
        })
    }
}

/// The attributes of `Conv` and `MaxPool` that are known here.
struct Attributes {
    size: Option<[usize; 2]>,
    strides: [usize; 2],
    dilations: [usize; 2],
    pads: [usize; 4],
    groups: Option<usize>,
}

impl Attributes {
    /// `None`: there is one that is not known, or has an unusual value.
    fn read(attributes: &[AttributeProto]) -> Option<Self> {
        let mut read = Self {
            size: None,
            strides: [1; 2],
            dilations: [1; 2],
            pads: [0; 4],
            groups: None,
        };
        for attribute in attributes {
            let numbers = &attribute.ints;
            match attribute.name.as_deref()? {
                "kernel_shape" => read.size = Some(sizes(numbers)?.try_into().ok()?),
                "strides" => read.strides = sizes(numbers)?.try_into().ok()?,
                "dilations" => read.dilations = sizes(numbers)?.try_into().ok()?,
                "pads" => read.pads = sizes(numbers)?.try_into().ok()?,
                "group" => read.groups = Some(usize::try_from(attribute.i?).ok()?),
                "auto_pad" if attribute.s.as_deref() == Some("NOTSET") => {}
                "ceil_mode" | "storage_order" if attribute.i == Some(0) => {}
                _ => return None,
            }
        }
        Some(read)
    }

    fn spec(&self, size: [usize; 2]) -> WindowSpec {
        WindowSpec {
            size,
            strides: self.strides,
            dilations: self.dilations,
            pads: self.pads,
        }
    }
}

fn is_standard(node: &NodeProto, op_type: &str) -> bool {
    let domain = node.domain.as_deref().unwrap_or_default();
    node.op_type.as_deref() == Some(op_type) && ["", "ai.onnx"].contains(&domain)
}

fn is_constant(node: &NodeProto) -> bool {
    node.op_type.as_deref() == Some("Constant")
}

fn distinct_inputs(node: &NodeProto) -> BTreeSet<&str> {
    let names = node.input.iter().map(String::as_str);
    names.filter(|name| !name.is_empty()).collect()
}

fn named(name: &str) -> ValueInfoProto {
    ValueInfoProto {
        name: Some(name.to_owned()),
        ..ValueInfoProto::default()
    }
}

fn sizes(numbers: &[i64]) -> Option<Vec<usize>> {
    let sizes = numbers.iter().map(|&number| usize::try_from(number).ok());
    sizes.collect()
}

fn tensor_bytes(tensor: &TensorProto) -> usize {
    let raw = tensor.raw_data.as_ref();
    raw.map_or(0, |bytes| bytes.borrow().len())
        + size_of_val(tensor.float_data.as_slice())
        + size_of_val(tensor.int32_data.as_slice())
        + size_of_val(tensor.int64_data.as_slice())
        + size_of_val(tensor.double_data.as_slice())
}

/// Values by number; what has been used for the last time is gone.
struct Values<'a>(Vec<Option<ValueOrView<'a>>>);

impl<'a> Values<'a> {
    fn put(&mut self, number: usize, value: ValueOrView<'a>) -> Result<(), SplitError> {
        *self.0.get_mut(number).ok_or(SplitError::Missing)? = Some(value);
        Ok(())
    }

    fn take(&mut self, number: usize) -> Result<ValueOrView<'a>, SplitError> {
        let slot = self.0.get_mut(number).ok_or(SplitError::Missing)?;
        slot.take().ok_or(SplitError::Missing)
    }

    fn view(&self, number: usize) -> Result<ValueView<'_>, SplitError> {
        let slot = self.0.get(number).ok_or(SplitError::Missing)?;
        Ok(slot.as_ref().ok_or(SplitError::Missing)?.as_view())
    }
}

impl SplitModel {
    /// The names of the inputs, in the order in which [`Self::run`] takes them.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(|(name, _)| name.as_str())
    }

    /// The names of the outputs, in the order in which [`Self::run`] returns them.
    pub(super) fn outputs(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|(name, _)| name.as_str())
    }

    /// How many stages there are, and how many of them are windows.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        let windows = self
            .stages
            .iter()
            .filter(|stage| matches!(stage, Stage::Window { .. }));
        (self.stages.len(), windows.count())
    }

    /// Runs the stages. To be called in the thread pool that `options` names:
    /// windows use the current one, and no stage has to wait for another thread.
    pub(super) fn run(
        &self,
        inputs: Vec<ValueOrView<'_>>,
        options: &RunOptions,
    ) -> Result<Vec<Value>, SplitError> {
        let mut values = Values(std::iter::repeat_with(|| None).take(self.values).collect());
        for ((_, number), input) in self.inputs.iter().zip(inputs) {
            values.put(*number, input)?;
        }
        for stage in &self.stages {
            match stage {
                Stage::Engine {
                    model,
                    inputs,
                    outputs,
                } => {
                    let results = run_engine(model, inputs, outputs, &mut values, options)?;
                    for ((_, number), result) in outputs.iter().zip(results) {
                        values.put(*number, ValueOrView::Value(result))?;
                    }
                }
                Stage::Window {
                    window,
                    input,
                    output,
                } => {
                    let result = self.run_window(window, values.view(input.value)?)?;
                    if input.last
                        && let ValueOrView::Value(Value::FloatTensor(used)) =
                            values.take(input.value)?
                    {
                        self.buffers.give(used.into_non_contiguous_data());
                    }
                    values.put(*output, ValueOrView::Value(result))?;
                }
            }
        }
        let results = self
            .outputs
            .iter()
            .map(|(_, number)| match values.take(*number)? {
                ValueOrView::Value(value) => Ok(value),
                ValueOrView::View(_) => Err(SplitError::Missing),
            });
        results.collect()
    }

    fn run_window(&self, window: &Window, input: ValueView<'_>) -> Result<Value, SplitError> {
        let ValueView::FloatTensor(tensor) = input else {
            return Err(SplitError::Type);
        };
        let shape = tensor.shape();
        let wrong = || SplitError::Shape {
            shape: shape.to_vec(),
        };
        let image = <[usize; 4]>::try_from(shape).map_err(|_other_rank| wrong())?;
        let result = window.run(image, &tensor.to_slice(), &self.buffers);
        let (shape, numbers) = result.map_err(|error| match error {
            WindowError::Memory => SplitError::Memory,
            WindowError::Shape | WindowError::Unsupported => wrong(),
        })?;
        Value::from_shape(&shape, numbers).map_err(|_length| SplitError::Missing)
    }
}

fn run_engine(
    model: &Model,
    inputs: &[(NodeId, Use)],
    outputs: &[(NodeId, usize)],
    values: &mut Values<'_>,
    options: &RunOptions,
) -> Result<Vec<Value>, SplitError> {
    let mut given = Vec::with_capacity(inputs.len());
    for (id, used) in inputs.iter().filter(|(_, used)| used.last) {
        given.push((*id, values.take(used.value)?));
    }
    for (id, used) in inputs.iter().filter(|(_, used)| !used.last) {
        given.push((*id, ValueOrView::View(values.view(used.value)?)));
    }
    let outputs: Vec<NodeId> = outputs.iter().map(|(id, _)| *id).collect();
    Ok(model.run(given, &outputs, Some(options.clone()))?)
}
