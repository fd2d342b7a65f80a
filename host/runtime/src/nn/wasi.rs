//! The models of one element as `wasi:nn` resources.
//!
//! Each element's store has a context of its own: it finds the models that the
//! element was given and no others, by name. Bytes that a guest hands over are
//! loaded by `embedded` only, with a limit, because no library in C++ should
//! parse what nobody vouches for.
//!
//! `wasi:nn` gives guests an error code and loses the text, so each cause goes
//! to the element's [`Report`] first.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::component::Linker;
use wasmtime_wasi_nn::backend::{
    BackendError, BackendExecutionContext, BackendFromDir, BackendGraph, BackendInner, Id,
    NamedTensor,
};
use wasmtime_wasi_nn::wit::{ExecutionTarget, GraphEncoding, TensorType, WasiNnView};
use wasmtime_wasi_nn::{ExecutionContext, Graph, GraphRegistry, Registry, Tensor as WasiTensor};

use super::backend::{Backend, LoadOptions};
use super::scheduler::{Answer, Batching, Data, Input, Request, Scheduler, User};
use super::tensor::{ElementType, Tensor};
use super::{MAX_GUEST_MODEL_BYTES, MAX_TENSORS, ModelRegistry, NnError};

pub(crate) use wasmtime_wasi_nn::wit::WasiNnCtx;

/// What the host hears of an element's inference: the text of failures, and the time
/// that models ran.
#[derive(Clone)]
pub(crate) struct Report {
    failed: Arc<dyn Fn(&str) + Send + Sync>,
    nanos: Arc<AtomicU64>,
}

impl Report {
    /// Gives each failure's text, what went wrong in full, to `failed`.
    pub(crate) fn new(failed: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            failed: Arc::new(failed),
            nanos: Arc::default(),
        }
    }

    /// Where the nanoseconds that models ran are added up.
    pub(crate) fn nanos(&self) -> &Arc<AtomicU64> {
        &self.nanos
    }
}

/// Threads of a model that a guest brought along.
const GUEST_MODEL_THREADS: usize = 1;

/// Makes the `wasi:nn` context of one element: the models `allowed`, loaded if
/// they are not yet (blocks), and nothing else.
///
/// # Errors
/// What [`ModelRegistry::get`] says of the first model that cannot be had.
pub(crate) fn wasi_nn_ctx(
    registry: &ModelRegistry,
    allowed: &[String],
    report: &Report,
) -> Result<WasiNnCtx, NnError> {
    let mut graphs = BTreeMap::new();
    for name in allowed {
        let user = registry.get(name)?.user();
        graphs.insert(name.clone(), graph_from_user(user, report));
    }
    let guest_models = GuestModels {
        backend: registry.embedded(),
        report: report.clone(),
    };
    let graphs = ElementGraphs { graphs };
    Ok(WasiNnCtx::new(
        [guest_models.into()],
        Registry::from(graphs),
    ))
}

/// Links the four interfaces of `wasi:nn`; `view` finds table and context in the
/// store's data.
pub(crate) fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> WasiNnView<'_>,
) -> wasmtime::Result<()> {
    wasmtime_wasi_nn::wit::add_to_linker(linker, view)
}

fn graph_from_user(user: User, report: &Report) -> Graph {
    let graph = ModelGraph {
        user: Arc::new(user),
        report: report.clone(),
    };
    Graph::from(Box::new(graph) as Box<dyn BackendGraph>)
}

/// The models that one element may load by name.
struct ElementGraphs {
    graphs: BTreeMap<String, Graph>,
}

impl GraphRegistry for ElementGraphs {
    fn get(&self, name: &str) -> Option<&Graph> {
        self.graphs.get(name)
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Graph> {
        self.graphs.get_mut(name)
    }
}

/// Loads models whose bytes the guest holds itself.
struct GuestModels {
    backend: Arc<dyn Backend>,
    report: Report,
}

impl GuestModels {
    fn load_bytes(&self, builders: &[&[u8]], target: ExecutionTarget) -> Result<Graph, NnError> {
        let failed = |why: String| NnError::Load {
            name: "of the guest".into(),
            backend: "embedded",
            why,
        };
        if !matches!(target, ExecutionTarget::Cpu) {
            return Err(failed(
                "models that a guest brings along run on the CPU only".into(),
            ));
        }
        let [bytes] = builders else {
            return Err(failed(format!("ONNX is one piece, got {}", builders.len())));
        };
        if bytes.len() > MAX_GUEST_MODEL_BYTES {
            return Err(NnError::ModelTooLarge {
                name: "of the guest".into(),
                bytes: bytes.len() as u64,
                limit: MAX_GUEST_MODEL_BYTES as u64,
            });
        }
        let options = LoadOptions {
            name: "of the guest".into(),
            threads: GUEST_MODEL_THREADS,
            varies: false,
            device: None,
            precision: None,
        };
        let model = self.backend.load(&Arc::from(*bytes), &options)?;
        let scheduler = Arc::new(Scheduler::new(model, Batching::default()));
        Ok(graph_from_user(User::new(&scheduler), &self.report))
    }
}

impl BackendInner for GuestModels {
    fn encoding(&self) -> GraphEncoding {
        GraphEncoding::Onnx
    }

    fn load(&mut self, builders: &[&[u8]], target: ExecutionTarget) -> Result<Graph, BackendError> {
        self.load_bytes(builders, target)
            .map_err(|error| reported(&self.report, &error))
    }

    fn as_dir_loadable(&mut self) -> Option<&mut dyn BackendFromDir> {
        None
    }
}

/// A model as a graph.
struct ModelGraph {
    user: Arc<User>,
    report: Report,
}

impl BackendGraph for ModelGraph {
    fn init_execution_context(&self) -> Result<ExecutionContext, BackendError> {
        let context = Execution {
            user: Arc::clone(&self.user),
            report: self.report.clone(),
        };
        Ok(ExecutionContext::from(
            Box::new(context) as Box<dyn BackendExecutionContext>
        ))
    }
}

/// Runs a model for one guest; keeps nothing between two calls.
struct Execution {
    user: Arc<User>,
    report: Report,
}

impl BackendExecutionContext for Execution {
    fn set_input(&mut self, _id: Id, _tensor: &WasiTensor) -> Result<(), BackendError> {
        Err(of_core_modules())
    }

    fn get_output(&mut self, _id: Id) -> Result<WasiTensor, BackendError> {
        Err(of_core_modules())
    }

    fn compute(
        &mut self,
        inputs: Option<Vec<NamedTensor>>,
    ) -> Result<Option<Vec<NamedTensor>>, BackendError> {
        let began = std::time::Instant::now();
        let outputs = compute(&self.user, inputs.unwrap_or_default());
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.report.nanos.fetch_add(nanos, Ordering::Relaxed);
        outputs
            .map(Some)
            .map_err(|error| reported(&self.report, &error))
    }
}

fn compute(user: &User, inputs: Vec<NamedTensor>) -> Result<Vec<NamedTensor>, NnError> {
    if inputs.len() > MAX_TENSORS {
        return Err(NnError::Tensor {
            why: format!("{} inputs, at most {MAX_TENSORS} are taken", inputs.len()),
        });
    }
    let input = |NamedTensor { name, tensor }: NamedTensor| Input {
        name,
        element_type: element_type_from_wasi(tensor.ty),
        dimensions: tensor.dimensions,
        data: Data::Bytes(tensor.data),
    };
    let outputs: Arc<Mutex<Vec<(String, Tensor)>>> = Arc::default();
    let taken = Arc::clone(&outputs);
    let answer = user.run(Request {
        inputs: inputs.into_iter().map(input).collect(),
        deadline: None,
        outputs: Box::new(move |info, view| {
            let tensor = Tensor::from_view(view);
            let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
            taken.push((info.name.clone(), tensor));
            Ok(())
        }),
    })?;
    debug_assert_eq!(answer, Answer::Done, "there was no deadline");
    let outputs = std::mem::take(&mut *outputs.lock().unwrap_or_else(PoisonError::into_inner));
    outputs
        .into_iter()
        .map(|(name, tensor)| named_from_tensor(name, tensor))
        .collect()
}

fn named_from_tensor(name: String, tensor: Tensor) -> Result<NamedTensor, NnError> {
    let Some(ty) = wasi_from_element_type(tensor.element_type()) else {
        return Err(NnError::UnsupportedType {
            element_type: tensor.element_type(),
            tensor: name,
            who: "`wasi:nn`",
        });
    };
    let (_, dimensions, data) = tensor.into_parts();
    Ok(NamedTensor {
        name,
        tensor: WasiTensor::new(dimensions, ty, data),
    })
}

fn element_type_from_wasi(ty: TensorType) -> ElementType {
    match ty {
        TensorType::Fp16 => ElementType::F16,
        TensorType::Fp32 => ElementType::F32,
        TensorType::Fp64 => ElementType::F64,
        TensorType::Bf16 => ElementType::Bf16,
        TensorType::U8 => ElementType::U8,
        TensorType::I32 => ElementType::I32,
        TensorType::I64 => ElementType::I64,
    }
}

/// Booleans travel as bytes; `wasi:nn` has no other small integers.
fn wasi_from_element_type(element_type: ElementType) -> Option<TensorType> {
    Some(match element_type {
        ElementType::F16 => TensorType::Fp16,
        ElementType::F32 => TensorType::Fp32,
        ElementType::F64 => TensorType::Fp64,
        ElementType::Bf16 => TensorType::Bf16,
        ElementType::U8 | ElementType::Bool => TensorType::U8,
        ElementType::I32 => TensorType::I32,
        ElementType::I64 => TensorType::I64,
        _ => return None,
    })
}

/// `set-input` and `get-output` are of the interface for core modules, which
/// components do not have.
fn of_core_modules() -> BackendError {
    BackendError::BackendAccess(wasmtime::format_err!(
        "components give tensors to `compute`"
    ))
}

fn reported(report: &Report, error: &NnError) -> BackendError {
    let text = match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    };
    (report.failed)(&text);
    BackendError::BackendAccess(wasmtime::Error::msg(error.to_string()))
}

/// What `wasi:nn` calls, within reach of the tests.
#[cfg(test)]
pub(super) mod test_access {
    use super::*;

    pub(in super::super) fn graph(user: User, report: &Report) -> Graph {
        graph_from_user(user, report)
    }

    pub(in super::super) fn guest_graph(
        registry: &ModelRegistry,
        report: &Report,
        bytes: &[u8],
    ) -> Result<Graph, BackendError> {
        let backend = registry.embedded();
        let mut models = GuestModels {
            backend,
            report: report.clone(),
        };
        models.load(&[bytes], ExecutionTarget::Cpu)
    }
}
