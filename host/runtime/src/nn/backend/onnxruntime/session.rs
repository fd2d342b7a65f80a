//! A model in onnxruntime: a few sessions, because one runs one inference at a
//! time.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use ort::environment::Environment;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor as OrtTensor, TensorRef};

use super::super::super::NnError;
use super::super::super::onnx::OnnxHeader;
use super::super::super::tensor::{
    ElementType, Number, Tensor, TensorView, bytes_from_numbers, numbers_from_bytes,
};
use super::super::{Model, ModelInfo, TensorInfo, dimensions_from_shape};
use super::NAME;

/// Most sessions of one model; each holds its own copy of the weights.
const MAX_SESSIONS: usize = 4;

/// Sessions of one model that are made when all others are busy, as long as that
/// gives threads to idle cores.
pub(super) struct SessionPool {
    info: ModelInfo,
    environment: Environment,
    model: Arc<[u8]>,
    limit: usize,
    idle: Mutex<Idle>,
    returned: Condvar,
}

struct Idle {
    sessions: Vec<Session>,
    made: usize,
}

impl SessionPool {
    pub(super) fn new(
        environment: &Environment,
        model: Arc<[u8]>,
        info: ModelInfo,
    ) -> Result<Self, NnError> {
        let session =
            make_session(environment, &model, info.threads).map_err(|why| NnError::Load {
                name: info.name.clone(),
                backend: NAME,
                why,
            })?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            environment: environment.clone(),
            model,
            limit: (cores / info.threads).clamp(1, MAX_SESSIONS),
            info,
            idle: Mutex::new(Idle {
                sessions: vec![session],
                made: 1,
            }),
            returned: Condvar::new(),
        })
    }

    /// An idle session, or a new one, or the next that comes back.
    fn take(&self) -> Result<Session, String> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(session) = idle.sessions.pop() {
                return Ok(session);
            }
            if idle.made < self.limit {
                idle.made += 1;
                drop(idle);
                let made = make_session(&self.environment, &self.model, self.info.threads);
                if made.is_err() {
                    self.idle
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .made -= 1;
                    self.returned.notify_one();
                }
                return made;
            }
            idle = self
                .returned
                .wait(idle)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give_back(&self, session: Session) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .sessions
            .push(session);
        self.returned.notify_one();
    }
}

impl Model for SessionPool {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn run(&self, inputs: &[(&str, TensorView<'_>)]) -> Result<Vec<(String, Tensor)>, NnError> {
        self.info.check_inputs(inputs)?;
        let failed = |why| NnError::Run {
            model: self.info.name.clone(),
            backend: NAME,
            why,
        };
        let mut values = Vec::with_capacity(inputs.len());
        for (name, tensor) in inputs {
            let declared = self.info.inputs.iter().find(|info| info.name == *name);
            let element_type = declared.map_or(tensor.element_type(), |info| info.element_type);
            values.push((
                *name,
                value_from_tensor(element_type, *tensor).map_err(failed)?,
            ));
        }
        let mut session = self.take().map_err(failed)?;
        let outputs = run_session(&mut session, values, &self.info.outputs);
        self.give_back(session);
        outputs.map_err(failed)
    }
}

fn make_session(
    environment: &Environment,
    model: &[u8],
    threads: usize,
) -> Result<Session, String> {
    let make = || -> Result<Session, ort::Error> {
        Session::builder(environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            // Threads that spin between two frames would take the cores from the
            // elements that decode and draw.
            .with_intra_op_spinning(false)?
            .commit_from_memory(model)
    };
    make().map_err(|error| error.to_string())
}

fn run_session(
    session: &mut Session,
    inputs: Vec<(&str, SessionInputValue<'_>)>,
    infos: &[TensorInfo],
) -> Result<Vec<(String, Tensor)>, String> {
    let outputs = session.run(inputs).map_err(|error| error.to_string())?;
    let named = infos.iter().map(|info| {
        let value = outputs.get(&info.name);
        let value = value.ok_or_else(|| format!("it gave no output `{}`", info.name))?;
        Ok((info.name.clone(), tensor_from_value(info, value)?))
    });
    named.collect()
}

pub(super) fn check_types(header: &OnnxHeader) -> Result<(), NnError> {
    let tensors = header.inputs.iter().chain(&header.outputs);
    let carried = |element_type| {
        use ElementType::{Bf16, F16, Other, Text};
        !matches!(element_type, F16 | Bf16 | Text | Other)
    };
    match tensors.into_iter().find(|info| !carried(info.element_type)) {
        Some(info) => Err(NnError::UnsupportedType {
            tensor: info.name.clone(),
            element_type: info.element_type,
            who: "the backend `onnxruntime`",
        }),
        None => Ok(()),
    }
}

/// A tensor as the engine's value, as the type that the model declares.
fn value_from_tensor(
    element_type: ElementType,
    tensor: TensorView<'_>,
) -> Result<SessionInputValue<'_>, String> {
    match element_type {
        ElementType::U8 => value_of::<u8>(tensor),
        ElementType::I8 => value_of::<i8>(tensor),
        ElementType::U16 => value_of::<u16>(tensor),
        ElementType::I16 => value_of::<i16>(tensor),
        ElementType::U32 => value_of::<u32>(tensor),
        ElementType::I32 => value_of::<i32>(tensor),
        ElementType::U64 => value_of::<u64>(tensor),
        ElementType::I64 => value_of::<i64>(tensor),
        ElementType::F32 => value_of::<f32>(tensor),
        ElementType::F64 => value_of::<f64>(tensor),
        ElementType::Bool => {
            let values: Vec<bool> = tensor.data().iter().map(|&byte| byte != 0).collect();
            let value = OrtTensor::from_array((tensor.shape(), values));
            value.map(Into::into).map_err(|error| error.to_string())
        }
        other => Err(format!("elements of type `{other}`")),
    }
}

fn value_of<T>(tensor: TensorView<'_>) -> Result<SessionInputValue<'_>, String>
where
    T: Number + PrimitiveTensorElementType + Debug,
{
    match numbers_from_bytes::<T>(tensor.data()) {
        Cow::Borrowed(numbers) => {
            TensorRef::from_array_view((tensor.shape(), numbers)).map(SessionInputValue::from)
        }
        Cow::Owned(numbers) => {
            OrtTensor::from_array((tensor.shape(), numbers)).map(SessionInputValue::from)
        }
    }
    .map_err(|error| error.to_string())
}

fn tensor_from_value(info: &TensorInfo, value: &DynValue) -> Result<Tensor, String> {
    match info.element_type {
        ElementType::U8 => tensor_of::<u8>(value),
        ElementType::I8 => tensor_of::<i8>(value),
        ElementType::U16 => tensor_of::<u16>(value),
        ElementType::I16 => tensor_of::<i16>(value),
        ElementType::U32 => tensor_of::<u32>(value),
        ElementType::I32 => tensor_of::<i32>(value),
        ElementType::U64 => tensor_of::<u64>(value),
        ElementType::I64 => tensor_of::<i64>(value),
        ElementType::F32 => tensor_of::<f32>(value),
        ElementType::F64 => tensor_of::<f64>(value),
        ElementType::Bool => {
            let (shape, values) = value
                .try_extract_tensor::<bool>()
                .map_err(|e| e.to_string())?;
            let bytes = values.iter().map(|&value| u8::from(value)).collect();
            finished(ElementType::Bool, shape, bytes)
        }
        other => Err(format!("an output of type `{other}`")),
    }
}

fn tensor_of<T>(value: &DynValue) -> Result<Tensor, String>
where
    T: Number + PrimitiveTensorElementType,
{
    let (shape, numbers) = value
        .try_extract_tensor::<T>()
        .map_err(|error| error.to_string())?;
    finished(T::ELEMENT_TYPE, shape, bytes_from_numbers(numbers))
}

fn finished(element_type: ElementType, shape: &[i64], data: Vec<u8>) -> Result<Tensor, String> {
    let shape: Result<Vec<usize>, _> = shape.iter().map(|&size| usize::try_from(size)).collect();
    let shape = shape.map_err(|error| error.to_string())?;
    let dimensions = dimensions_from_shape(&shape).map_err(|error| error.to_string())?;
    Tensor::new(element_type, dimensions, data).map_err(|error| error.to_string())
}
