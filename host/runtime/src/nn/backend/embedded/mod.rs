//! `embedded`: rten, compiled in, pure Rust; always there and safe on models
//! that nobody vouches for.
//!
//! rten computes in `f32`, `i32`, `i8` and `u8`; models that declare `i64`,
//! `f64`, `f16` or booleans are converted at the edges, so that callers see the
//! types of the file.
//!
//! Some convolutions are slow in rten; a model that has such is cut at them
//! (`split`), and they are done by `millstream-kernels`.

mod split;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use half::f16;
use rten::{ModelOptions, NodeId, RunError, RunOptions, ThreadPool, Value, ValueOrView, ValueView};
use rten_tensor::{AsView, Layout, TensorView as RtenView};

use super::super::NnError;
use super::super::onnx::OnnxHeader;
use super::super::tensor::{ElementType, Number, TensorView, bytes_of_numbers, numbers_from_bytes};
use super::{Backend, Device, LoadOptions, Model, ModelInfo, Outputs, TensorInfo, Unavailable};
use split::{SplitError, SplitModel, split};

const NAME: &str = "embedded";

/// Version of the engine: that of the crate in the workspace's manifest.
const RTEN_VERSION: &str = "rten 0.27";

/// rten with its thread pools, one for each number of threads in use.
pub(in super::super) struct Embedded {
    pools: Mutex<HashMap<usize, Arc<ThreadPool>>>,
}

impl Embedded {
    pub(in super::super) fn new() -> Self {
        Self {
            pools: Mutex::default(),
        }
    }

    fn pool(&self, threads: usize) -> Arc<ThreadPool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = pools
            .entry(threads)
            .or_insert_with(|| Arc::new(ThreadPool::with_num_threads(threads)));
        Arc::clone(pool)
    }
}

impl Backend for Embedded {
    fn name(&self) -> &'static str {
        NAME
    }

    fn available(&self) -> Result<Vec<Device>, Unavailable> {
        Ok(vec![Device::cpu()])
    }

    fn version(&self) -> Option<String> {
        Some(RTEN_VERSION.into())
    }

    fn load(&self, model: &Arc<[u8]>, options: &LoadOptions) -> Result<Arc<dyn Model>, NnError> {
        let mut header = super::header_of(model, options)?;
        let devices = [Device::cpu()];
        let (_, device) = super::device::select(NAME, &devices, options.device)?;
        check_types(&header)?;
        if header.precision != "int8" {
            // Whatever the file says: rten has no other floating type.
            header.precision = "f32";
        }
        super::check_precision(NAME, &header, options)?;
        let failed = |why: String| NnError::Load {
            name: options.name.clone(),
            backend: NAME,
            why,
        };
        let engine = guarded(|| Engine::load(model, &header))
            .map_err(failed)?
            .map_err(|error| failed(with_causes(&*error)))?;
        Ok(Arc::new(EmbeddedModel {
            engine,
            pool: self.pool(options.threads),
            info: super::info_from_header(header, NAME, device, options),
        }))
    }
}

/// A model, loaded: in stages if that is faster.
enum Engine {
    Whole {
        model: Box<rten::Model>,
        inputs: Vec<NodeId>,
        outputs: Vec<NodeId>,
    },
    Split(SplitModel),
}

impl Engine {
    fn load(model: &[u8], header: &OnnxHeader) -> Result<Self, Box<dyn Error>> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        if let Some(stages) = split(model, &options)
            && stages
                .inputs()
                .eq(header.inputs.iter().map(|info| &*info.name))
            && stages
                .outputs()
                .eq(header.outputs.iter().map(|info| &*info.name))
        {
            return Ok(Self::Split(stages));
        }
        let model = Box::new(options.load(model.to_vec())?);
        let ids = |tensors: &[TensorInfo]| -> Result<Vec<NodeId>, RunError> {
            let found = tensors.iter().map(|info| model.node_id(&info.name));
            found.collect()
        };
        Ok(Self::Whole {
            inputs: ids(&header.inputs)?,
            outputs: ids(&header.outputs)?,
            model,
        })
    }

    /// Runs with one value for each input of the header; returns one for each output.
    fn run(
        &self,
        values: Vec<ValueOrView<'_>>,
        pool: &Arc<ThreadPool>,
    ) -> Result<Vec<Value>, SplitError> {
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(pool)));
        match self {
            Self::Whole {
                model,
                inputs,
                outputs,
            } => {
                let values = inputs.iter().copied().zip(values).collect();
                Ok(model.run(values, outputs, Some(options))?)
            }
            Self::Split(stages) => pool.run(|| stages.run(values, &options)),
        }
    }
}

struct EmbeddedModel {
    info: ModelInfo,
    engine: Engine,
    pool: Arc<ThreadPool>,
}

impl Model for EmbeddedModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn run_into(
        &self,
        inputs: &[(&str, TensorView<'_>)],
        outputs: &mut Outputs<'_>,
    ) -> Result<(), NnError> {
        self.info.check_inputs(inputs)?;
        let failed = |why| NnError::Run {
            model: self.info.name.clone(),
            backend: NAME,
            why,
        };
        let mut values = Vec::with_capacity(inputs.len());
        for info in &self.info.inputs {
            let given = inputs.iter().find(|(name, _)| *name == info.name);
            // `check_inputs` has seen to it that each is there.
            if let Some((_, tensor)) = given {
                values.push(self.value_from_tensor(info, *tensor)?);
            }
        }
        let values = guarded(|| self.engine.run(values, &self.pool))
            .map_err(failed)?
            .map_err(|error| failed(with_causes(&error)))?;
        let mut named = self.info.outputs.iter().zip(&values);
        named.try_for_each(|(info, value)| give(info, value, outputs))
    }
}

impl EmbeddedModel {
    fn value_from_tensor<'a>(
        &self,
        info: &TensorInfo,
        tensor: TensorView<'a>,
    ) -> Result<ValueOrView<'a>, NnError> {
        let shape = tensor.shape();
        let bytes = tensor.data();
        let malformed = |why: String| NnError::Input {
            model: self.info.name.clone(),
            input: info.name.clone(),
            why,
        };
        let value = match tensor_kind(info.element_type) {
            Some(Kind::F32) => borrowed::<f32>(&shape, bytes),
            Some(Kind::I32) => borrowed::<i32>(&shape, bytes),
            Some(Kind::I8) => borrowed::<i8>(&shape, bytes),
            Some(Kind::U8) => borrowed::<u8>(&shape, bytes),
            Some(Kind::F64) => {
                let numbers = numbers_from_bytes::<f64>(bytes);
                owned(
                    &shape,
                    numbers.iter().map(|&number| number as f32).collect(),
                )
            }
            Some(Kind::F16) => {
                let numbers = numbers_from_bytes::<f16>(bytes);
                owned(
                    &shape,
                    numbers.iter().map(|number| number.to_f32()).collect(),
                )
            }
            Some(Kind::I64) => {
                let numbers = numbers_from_bytes::<i64>(bytes);
                let numbers: Result<Vec<i32>, _> = numbers
                    .iter()
                    .map(|&number| i32::try_from(number))
                    .collect();
                let numbers = numbers.map_err(|_out_of_range| {
                    malformed("a number does not fit into i32, in which `embedded` computes".into())
                })?;
                owned(&shape, numbers)
            }
            Some(Kind::Bool) => owned(&shape, bytes.iter().map(|&b| i32::from(b != 0)).collect()),
            None => Err(format!("elements of type `{}`", info.element_type)),
        };
        value.map_err(malformed)
    }
}

/// Types that can be given and taken, by how they travel.
enum Kind {
    F32,
    I32,
    I8,
    U8,
    F64,
    F16,
    I64,
    Bool,
}

fn tensor_kind(element_type: ElementType) -> Option<Kind> {
    Some(match element_type {
        ElementType::F32 => Kind::F32,
        ElementType::I32 => Kind::I32,
        ElementType::I8 => Kind::I8,
        ElementType::U8 => Kind::U8,
        ElementType::F64 => Kind::F64,
        ElementType::F16 => Kind::F16,
        ElementType::I64 => Kind::I64,
        ElementType::Bool => Kind::Bool,
        _ => return None,
    })
}

fn check_types(header: &OnnxHeader) -> Result<(), NnError> {
    let tensors = header.inputs.iter().chain(&header.outputs);
    match tensors
        .into_iter()
        .find(|info| tensor_kind(info.element_type).is_none())
    {
        Some(info) => Err(NnError::UnsupportedType {
            tensor: info.name.clone(),
            element_type: info.element_type,
            who: "the backend `embedded`",
        }),
        None => Ok(()),
    }
}

fn borrowed<'a, T: Number>(shape: &[usize], bytes: &'a [u8]) -> Result<ValueOrView<'a>, String>
where
    ValueView<'a>: From<RtenView<'a, T>>,
    Value: From<rten_tensor::Tensor<T>>,
{
    match numbers_from_bytes::<T>(bytes) {
        Cow::Borrowed(numbers) => ValueView::from_shape(shape, numbers)
            .map(ValueOrView::View)
            .map_err(|error| error.to_string()),
        Cow::Owned(numbers) => owned(shape, numbers),
    }
}

fn owned<'a, T>(shape: &[usize], numbers: Vec<T>) -> Result<ValueOrView<'a>, String>
where
    Value: From<rten_tensor::Tensor<T>>,
{
    Value::from_shape(shape, numbers)
        .map(ValueOrView::Value)
        .map_err(|error| error.to_string())
}

/// Gives an output as the type that the file declares.
fn give(info: &TensorInfo, value: &Value, outputs: &mut Outputs<'_>) -> Result<(), NnError> {
    let wrong = |got: &str| NnError::Tensor {
        why: format!("output `{}` is {got}, the model declares {info}", info.name),
    };
    let declared = info.element_type;
    match value {
        Value::FloatTensor(tensor) => {
            let numbers = tensor.to_slice();
            let data = match declared {
                ElementType::F32 => bytes_of_numbers(&numbers),
                ElementType::F64 => Cow::Owned(converted(&numbers, f64::from)),
                ElementType::F16 => Cow::Owned(converted(&numbers, f16::from_f32)),
                _ => return Err(wrong("f32")),
            };
            hand_over(info, tensor.shape(), &data, outputs)
        }
        Value::Int32Tensor(tensor) => {
            let numbers = tensor.to_slice();
            let data = match declared {
                ElementType::I32 => bytes_of_numbers(&numbers),
                ElementType::I64 => Cow::Owned(converted(&numbers, i64::from)),
                ElementType::Bool => Cow::Owned(converted(&numbers, |n| u8::from(n != 0))),
                _ => return Err(wrong("i32")),
            };
            hand_over(info, tensor.shape(), &data, outputs)
        }
        Value::Int8Tensor(tensor) if declared == ElementType::I8 => {
            let numbers = tensor.to_slice();
            hand_over(info, tensor.shape(), &bytes_of_numbers(&numbers), outputs)
        }
        Value::UInt8Tensor(tensor) if declared == ElementType::U8 => {
            hand_over(info, tensor.shape(), &tensor.to_slice(), outputs)
        }
        Value::Int8Tensor(_) => Err(wrong("i8")),
        Value::UInt8Tensor(_) => Err(wrong("u8")),
        _ => Err(wrong("a sequence")),
    }
}

fn hand_over(
    info: &TensorInfo,
    shape: &[usize],
    data: &[u8],
    outputs: &mut Outputs<'_>,
) -> Result<(), NnError> {
    let dimensions = super::dimensions_from_shape(shape)?;
    outputs(info, TensorView::new(info.element_type, &dimensions, data)?)
}

fn converted<T: Copy, U: Number>(numbers: &[T], convert: impl Fn(T) -> U) -> Vec<u8> {
    let numbers: Vec<U> = numbers.iter().map(|&number| convert(number)).collect();
    bytes_of_numbers(&numbers).into_owned()
}

/// Runs the engine and turns a panic (a model that it did not expect) into text.
fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        format!("the engine panicked: {}", text.unwrap_or("no reason given"))
    })
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
