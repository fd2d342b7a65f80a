//! What a lock says of a graph: the digests of the very bytes that run.
//!
//! A component is read once, when its element is first named, and compiled from those
//! bytes; a model is read again when it is loaded, and refused if it has become another.

use millstream_core::graph::{Element, Graph, Kind};
use millstream_core::lock::{Component, Lock, Model};

use crate::Runtime;
use crate::element::engine::hexadecimal;
use crate::error::Error;

impl Runtime {
    /// What a lock of this graph says now. Starts nothing.
    ///
    /// # Errors
    /// If a component or a model cannot be read.
    pub fn lock(&self, graph: &Graph) -> Result<Lock, Error> {
        let mut lock = Lock::default();
        let components = graph.elements.iter();
        for element in components.filter(|it| it.kind == Kind::Component) {
            if let Some(loaded) = self.elements.load(&element.factory)? {
                let component = Component::new(loaded.digest.clone(), loaded.privileges());
                lock.components.insert(element.factory.clone(), component);
            }
            for text in element.models() {
                let model = self.locked_model(element, text)?;
                lock.models.insert(text.to_owned(), model);
            }
        }
        Ok(lock)
    }

    fn locked_model(&self, element: &Element, text: &str) -> Result<Model, Error> {
        let name = self.model_name(&element.name, text)?;
        let digests = self.models.digests(&name).map_err(|error| Error::Model {
            element: element.name.clone(),
            message: error.to_string(),
            hint: error.hint(),
        })?;
        Ok(Model {
            digest: hexadecimal(&digests.model),
            labels: digests.labels.map(|it| hexadecimal(&it)),
        })
    }
}
