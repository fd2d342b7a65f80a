//! Inference natively: the closure that a test gave for the model's name.

use super::RawBuffer;
use super::world;
use crate::buffer::Buffer;
use crate::failure::Failure;
use crate::nn::{Input, Output, Tensor};

/// A fake model.
#[derive(Debug)]
pub(crate) struct Graph {
    name: String,
}

impl Graph {
    pub(crate) fn load(name: &str) -> Result<Self, Failure> {
        super::describe_model(name).map(|_| Self {
            name: name.to_owned(),
        })
    }

    pub(crate) fn compute(
        &mut self,
        inputs: &[(&str, Tensor<'_>)],
    ) -> Result<Vec<(String, Tensor<'static>)>, Failure> {
        let gone = || Failure::inference(format!("no model `{}`", self.name));
        // Taken out while it runs, so that it may use the host itself.
        let (model, mut compute) =
            world::with(|world| world.models.remove(&self.name)).ok_or_else(gone)?;
        let owned = inputs
            .iter()
            .map(|(name, tensor)| ((*name).to_owned(), tensor.to_owned()));
        let outputs = compute(owned.collect());
        world::with(|world| world.models.insert(self.name.clone(), (model, compute)));
        outputs
    }
}

/// The same closure, by buffers.
#[derive(Debug)]
pub(crate) struct Session(Graph);

impl Session {
    pub(crate) fn open(name: &str) -> Result<Self, Failure> {
        Graph::load(name).map(Self)
    }

    pub(crate) fn compute(
        &mut self,
        inputs: &[Input<'_>],
        deadline: Option<u64>,
    ) -> Result<Option<Vec<Output>>, Failure> {
        let begins = world::with(|world| world.running_time.max(world.models_busy));
        if deadline.is_some_and(|deadline| deadline < begins) {
            return Ok(None);
        }
        let tensors = inputs.iter().map(|input| {
            let (dimensions, data) = (input.dimensions.to_vec(), input.data.map().to_vec());
            let tensor = Tensor::from_parts(dimensions, input.element_type, data);
            (input.name, tensor)
        });
        let outputs = self.0.compute(&tensors.collect::<Vec<_>>())?;
        let outputs = outputs.into_iter().map(|(name, tensor)| Output {
            name,
            element_type: tensor.element_type(),
            dimensions: tensor.dimensions().to_vec(),
            data: Buffer::from_raw(RawBuffer::new(tensor.bytes().to_vec())),
        });
        Ok(Some(outputs.collect()))
    }
}
