//! One element's use of a model on buffers: what `models.session` is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::scheduler::{Answer, Input, Request, User};
use super::{ElementType, MAX_TENSORS, NnError, SharedModel};
use crate::buffer::Buffer;
use crate::memory::frame::{FrameBudget, Pool};

/// A model in an element's hands.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Session {
    user: User,
    /// Memory of each output, used again once the element has dropped it.
    pools: Arc<Vec<(String, Pool)>>,
    frames: FrameBudget,
}

/// A tensor that a model gave.
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) element_type: ElementType,
    pub(crate) dimensions: Vec<u32>,
    pub(crate) data: Buffer,
}

impl Session {
    /// What it gives counts against `frames`.
    pub(crate) fn new(model: &SharedModel, frames: &FrameBudget) -> Self {
        let outputs = model.info().outputs.iter();
        Self {
            user: model.user(),
            pools: Arc::new(
                outputs
                    .map(|info| (info.name.clone(), frames.pool()))
                    .collect(),
            ),
            frames: frames.clone(),
        }
    }

    /// Runs the model; none if it could not begin in `time`.
    pub(crate) fn compute(
        &self,
        inputs: Vec<Input>,
        time: Option<Duration>,
    ) -> Result<Option<Vec<Output>>, NnError> {
        if inputs.len() > MAX_TENSORS {
            return Err(NnError::Tensor {
                why: format!("{} inputs, at most {MAX_TENSORS} are taken", inputs.len()),
            });
        }
        let outputs: Arc<Mutex<Vec<Output>>> = Arc::default();
        let (taken, pools) = (Arc::clone(&outputs), Arc::clone(&self.pools));
        let frames = self.frames.clone();
        let answer = self.user.run(Request {
            inputs,
            deadline: time.and_then(|time| Instant::now().checked_add(time)),
            outputs: Box::new(move |info, view| {
                let pool = pools.iter().find(|(name, _)| *name == info.name);
                let pool = pool.map_or_else(|| frames.pool(), |(_, pool)| pool.clone());
                let data =
                    Buffer::copy_of(&pool, view.data()).map_err(|error| NnError::Tensor {
                        why: format!("output `{}`: {error}", info.name),
                    })?;
                taken
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(Output {
                        name: info.name.clone(),
                        element_type: view.element_type(),
                        dimensions: view.dimensions().to_vec(),
                        data,
                    });
                Ok(())
            }),
        })?;
        let outputs = std::mem::take(&mut *outputs.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((answer == Answer::Done).then_some(outputs))
    }
}
