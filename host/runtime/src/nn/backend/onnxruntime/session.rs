//! A model in onnxruntime: a few sessions, because one runs one inference at a
//! time.

use std::sync::Arc;

use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};

use super::super::super::NnError;
use super::super::super::tensor::TensorView;
use super::super::pool::Pool;
use super::super::{MAX_PARALLEL, Model, ModelInfo, Outputs, TensorInfo};
use super::library::Library;
use super::values::{give, value_from_tensor};
use super::{Chosen, Provider, raw};

/// Makes the engine keep where it has put each node.
const RECORD_PLACEMENT: &str = "session.record_ep_graph_assignment_info";

/// A model, with sessions that are made when all others are busy, as long as that
/// gives threads to idle cores.
pub(super) struct OnnxruntimeModel<P> {
    info: ModelInfo,
    maker: Maker<P>,
    sessions: Pool<Session>,
}

/// All that a new session needs.
struct Maker<P> {
    provider: P,
    library: &'static Library,
    chosen: Chosen,
    model: Arc<[u8]>,
}

impl<P: Provider> Maker<P> {
    fn session(&self) -> Result<Session, String> {
        let common = || -> Result<_, ort::Error> {
            Ok(Session::builder(&self.library.environment)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(self.chosen.options.threads)?
                .with_inter_threads(1)?
                // Threads that spin between two frames would take the cores from
                // the elements that decode and draw.
                .with_intra_op_spinning(false)?
                // The plan of memory is kept for each shape: for batches of one to
                // eight that is a multiple of what one run takes.
                .with_memory_pattern(!self.chosen.options.varies)?
                .with_config_entry(RECORD_PLACEMENT, "1")?)
        };
        let builder = common().map_err(|error| error.to_string())?;
        let mut builder = self
            .provider
            .configure(builder, self.library, &self.chosen)?;
        let session = builder.commit_from_memory(&self.model);
        session.map_err(|error| error.to_string())
    }
}

impl<P: Provider> OnnxruntimeModel<P> {
    pub(super) fn new(
        provider: P,
        library: &'static Library,
        chosen: Chosen,
        model: Arc<[u8]>,
        mut info: ModelInfo,
    ) -> Result<Self, NnError> {
        let maker = Maker {
            provider,
            library,
            chosen,
            model,
        };
        let session = maker.session().map_err(|why| NnError::Load {
            name: info.name.clone(),
            backend: P::NAME,
            why,
        })?;
        let limit = if P::SIDE_BY_SIDE {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            (cores / info.threads).clamp(1, MAX_PARALLEL)
        } else {
            info.note = raw::placement(&session).and_then(|it| it.note());
            1
        };
        Ok(Self {
            maker,
            info,
            sessions: Pool::new(session, limit),
        })
    }
}

impl<P: Provider> Model for OnnxruntimeModel<P> {
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
            backend: P::NAME,
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
        let given = self.sessions.with(
            || self.maker.session(),
            |session| run_session(session, values, &self.info.outputs, outputs),
        );
        given.flatten().map_err(failed)?
    }

    fn parallel(&self) -> usize {
        self.sessions.limit()
    }
}

/// Runs it; what `outputs` says is inside, what the engine says outside.
fn run_session(
    session: &mut Session,
    inputs: Vec<(&str, SessionInputValue<'_>)>,
    infos: &[TensorInfo],
    outputs: &mut Outputs<'_>,
) -> Result<Result<(), NnError>, String> {
    let values = session.run(inputs).map_err(|error| error.to_string())?;
    for info in infos {
        let value = values.get(&info.name);
        let value = value.ok_or_else(|| format!("it gave no output `{}`", info.name))?;
        if let Err(error) = give(info, value, outputs)? {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}
