//! What a guest can ask of the host about models: the implementation of the contract's
//! `models`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use wasmtime::component::Resource;
use wasmtime::{Result, bail};

use super::bindings::models;
use super::bindings::types::{Failure as GuestFailure, Fault};
use super::imports::sound;
use super::state::{BufferHandle, MAX_SESSIONS, State};
use crate::buffer::Buffer;
use crate::nn::{
    Data, ElementType, Input, NnError, Session, SessionOutput, SharedModel, TensorInfo,
};

/// An answer, or what the guest is told of why there is none.
type Answer<T> = std::result::Result<T, GuestFailure>;

impl models::Host for State {
    fn describe(&mut self, name: String) -> Result<Answer<models::Model>> {
        let name = sound(name)?;
        Ok(self.model(&name).map(|model| model_to_guest(name, &model)))
    }

    fn allocate(&mut self, size: u32) -> Result<Resource<BufferHandle>> {
        let buffer = Buffer::allocate(&self.tensors, size as usize)?;
        self.give(buffer)
    }
}

impl models::HostSession for State {
    fn open(&mut self, name: String) -> Result<Answer<Resource<Session>>> {
        if self.sessions >= MAX_SESSIONS {
            bail!("more than {MAX_SESSIONS} sessions open at a time");
        }
        match self.model(&sound(name)?) {
            Ok(model) => {
                let session = Session::new(&model, &self.around.frames);
                let session = self.table.push(session)?;
                self.sessions += 1;
                Ok(Ok(session))
            }
            Err(failure) => Ok(Err(failure)),
        }
    }

    fn compute(
        &mut self,
        this: Resource<Session>,
        inputs: Vec<models::Input>,
        deadline: Option<u64>,
    ) -> Result<Answer<Option<Vec<models::Output>>>> {
        let mut tensors = Vec::with_capacity(inputs.len());
        for input in inputs {
            tensors.push(Input {
                name: sound(input.name)?,
                element_type: type_from_guest(input.element_type),
                dimensions: input.dimensions,
                data: Data::Buffer(self.table.get(&input.data)?.buffer.clone()),
            });
        }
        let time = deadline.map(|deadline| {
            let left = deadline.checked_sub(self.around.clock.running_time());
            left.map(Duration::from_nanos)
        });
        let time = match time {
            Some(None) => return Ok(Ok(None)),
            // A virtual clock stands still while a model runs.
            Some(left) => left.filter(|_| self.around.clock.is_real()),
            None => None,
        };
        let began = Instant::now();
        let outputs = self.table.get(&this)?.compute(tensors, time);
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.inference_nanos.fetch_add(nanos, Ordering::Relaxed);
        match outputs {
            Ok(None) => Ok(Ok(None)),
            Ok(Some(outputs)) => {
                let outputs = outputs
                    .into_iter()
                    .map(|output| self.output_to_guest(output));
                Ok(Ok(Some(outputs.collect::<Result<_>>()?)))
            }
            Err(error) => Ok(Err(inference_failure(&error))),
        }
    }

    fn drop(&mut self, this: Resource<Session>) -> Result<()> {
        self.table.delete(this)?;
        self.sessions = self.sessions.saturating_sub(1);
        Ok(())
    }
}

impl State {
    fn model(&self, name: &str) -> Answer<std::sync::Arc<SharedModel>> {
        if !self.around.model_names.iter().any(|known| known == name) {
            return Err(GuestFailure {
                fault: Fault::Inference,
                message: format!("model `{name}` was not given to this element"),
                hint: Some("name it in a property of type model".to_owned()),
            });
        }
        let model = self.around.models.get(name);
        model.map_err(|error| inference_failure(&error))
    }

    fn output_to_guest(&mut self, output: SessionOutput) -> Result<models::Output> {
        let Some(element_type) = type_to_guest(output.element_type) else {
            bail!(
                "output `{}` has elements of type `{}`, which have no fixed size",
                output.name,
                output.element_type
            );
        };
        Ok(models::Output {
            name: output.name,
            element_type,
            dimensions: output.dimensions,
            data: self.give(output.data)?,
        })
    }
}

fn inference_failure(error: &NnError) -> GuestFailure {
    GuestFailure {
        fault: Fault::Inference,
        message: error.to_string(),
        hint: error.hint(),
    }
}

fn model_to_guest(name: String, model: &SharedModel) -> models::Model {
    let info = model.info();
    let tensor = |tensor: &TensorInfo| models::TensorInfo {
        name: tensor.name.clone(),
        element_type: type_to_guest(tensor.element_type),
        dimensions: tensor.dimensions.clone(),
    };
    models::Model {
        name,
        backend: info.backend.to_owned(),
        device: info.device.clone(),
        precision: info.precision.clone(),
        threads: u32::try_from(info.threads).unwrap_or(u32::MAX),
        load_time: info.load_nanos,
        first_run_time: info.first_run_nanos,
        inputs: info.inputs.iter().map(tensor).collect(),
        outputs: info.outputs.iter().map(tensor).collect(),
        metadata: info.metadata.clone(),
        labels: info.labels.clone(),
    }
}

fn type_from_guest(element_type: models::ElementType) -> ElementType {
    match element_type {
        models::ElementType::U8 => ElementType::U8,
        models::ElementType::I8 => ElementType::I8,
        models::ElementType::U16 => ElementType::U16,
        models::ElementType::I16 => ElementType::I16,
        models::ElementType::U32 => ElementType::U32,
        models::ElementType::I32 => ElementType::I32,
        models::ElementType::U64 => ElementType::U64,
        models::ElementType::I64 => ElementType::I64,
        models::ElementType::F16 => ElementType::F16,
        models::ElementType::Bf16 => ElementType::Bf16,
        models::ElementType::F32 => ElementType::F32,
        models::ElementType::F64 => ElementType::F64,
        models::ElementType::Boolean => ElementType::Bool,
    }
}

fn type_to_guest(element_type: ElementType) -> Option<models::ElementType> {
    Some(match element_type {
        ElementType::U8 => models::ElementType::U8,
        ElementType::I8 => models::ElementType::I8,
        ElementType::U16 => models::ElementType::U16,
        ElementType::I16 => models::ElementType::I16,
        ElementType::U32 => models::ElementType::U32,
        ElementType::I32 => models::ElementType::I32,
        ElementType::U64 => models::ElementType::U64,
        ElementType::I64 => models::ElementType::I64,
        ElementType::F16 => models::ElementType::F16,
        ElementType::Bf16 => models::ElementType::Bf16,
        ElementType::F32 => models::ElementType::F32,
        ElementType::F64 => models::ElementType::F64,
        ElementType::Bool => models::ElementType::Boolean,
        ElementType::Text | ElementType::Other => return None,
    })
}
