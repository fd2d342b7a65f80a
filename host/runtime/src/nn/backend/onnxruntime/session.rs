//! A model in onnxruntime: a few sessions, because one runs one inference at a
//! time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ort::session::builder::GraphOptimizationLevel;
use ort::session::{Session, SessionInputValue};

use super::super::super::NnError;
use super::super::super::tensor::TensorView;
use super::super::{MAX_PARALLEL, Model, ModelInfo, Outputs, TensorInfo};
use super::library::Library;
use super::values::{give, value_from_tensor};
use super::{Chosen, Provider, raw};

/// Makes the engine keep where it has put each node.
const RECORD_PLACEMENT: &str = "session.record_ep_graph_assignment_info";

/// Sessions of one model that are made when all others are busy, as long as that
/// gives threads to idle cores.
pub(super) struct SessionPool<P> {
    info: ModelInfo,
    maker: Maker<P>,
    limit: usize,
    idle: Mutex<Idle>,
    returned: Condvar,
}

struct Idle {
    sessions: Vec<Session>,
    made: usize,
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

impl<P: Provider> SessionPool<P> {
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
            limit,
            info,
            idle: Mutex::new(Idle {
                sessions: vec![session],
                made: 1,
            }),
            returned: Condvar::new(),
        })
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle session, or a new one, or the next that comes back.
    fn take(&self) -> Result<Session, String> {
        let mut idle = self.idle();
        loop {
            if let Some(session) = idle.sessions.pop() {
                return Ok(session);
            }
            if idle.made < self.limit {
                idle.made += 1;
                drop(idle);
                let made = self.maker.session();
                if made.is_err() {
                    self.idle().made -= 1;
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
        self.idle().sessions.push(session);
        self.returned.notify_one();
    }
}

impl<P: Provider> Model for SessionPool<P> {
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
        let mut session = self.take().map_err(failed)?;
        let given = run_session(&mut session, values, &self.info.outputs, outputs);
        self.give_back(session);
        given.map_err(failed)?
    }

    fn parallel(&self) -> usize {
        self.limit
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
