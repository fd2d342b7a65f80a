//! Elements answer questions about their caps: all of a graph before it runs, or the one
//! that has new caps while it does.

use std::sync::Arc;

use millstream_core::caps::Caps;
use millstream_core::{Error, Oracle};

use super::node::Node;
use super::runner::Runner;
use crate::element::failure::Failure;
use crate::element::instance::Instance;

/// Answers questions about one element whose lock is held.
pub(super) struct OwnOracle<'a> {
    pub(super) name: &'a str,
    pub(super) runner: &'a mut Runner,
}

/// An element's failure as the core knows it.
fn core_error(element: &str, failure: Failure) -> Error {
    Error::Element {
        element: element.to_owned(),
        message: failure.message,
        hint: failure.hint,
    }
}

impl Oracle for OwnOracle<'_> {
    fn pad_caps(&mut self, _element: usize, pad: usize) -> Result<Caps, Error> {
        let answer = self
            .runner
            .instance()
            .and_then(|instance| instance.pad_caps(pad));
        answer.map_err(|failure| core_error(self.name, failure))
    }

    fn transform_caps(
        &mut self,
        _element: usize,
        given: usize,
        caps: &Caps,
        to: usize,
    ) -> Result<Caps, Error> {
        let instance = self.runner.instance();
        let answer = instance.and_then(|instance| instance.transform_caps(given, caps, to));
        answer.map_err(|failure| core_error(self.name, failure))
    }

    fn fixate_caps(
        &mut self,
        _element: usize,
        pad: usize,
        caps: &Caps,
        sink: Option<&Caps>,
    ) -> Result<Caps, Error> {
        let instance = self.runner.instance();
        let answer = instance.and_then(|instance| instance.fixate_caps(pad, caps, sink));
        answer.map_err(|failure| core_error(self.name, failure))
    }
}

/// Asks the elements themselves, before anything runs.
pub(super) struct GraphOracle<'a> {
    pub(super) nodes: &'a [Arc<Node>],
}

impl GraphOracle<'_> {
    fn ask<R>(
        &self,
        element: usize,
        ask: impl FnOnce(&mut Instance) -> Result<R, Failure>,
    ) -> Result<R, Error> {
        let Some(Node::Component(component)) = self.nodes.get(element).map(|node| &**node) else {
            let failure = Failure::contract("not a component");
            return Err(core_error("pipeline", failure));
        };
        let mut runner = component.lock();
        runner
            .instance()
            .and_then(ask)
            .map_err(|failure| core_error(component.name(), failure))
    }
}

impl Oracle for GraphOracle<'_> {
    fn pad_caps(&mut self, element: usize, pad: usize) -> Result<Caps, Error> {
        self.ask(element, |instance| instance.pad_caps(pad))
    }

    fn transform_caps(
        &mut self,
        element: usize,
        given: usize,
        caps: &Caps,
        to: usize,
    ) -> Result<Caps, Error> {
        self.ask(element, |instance| instance.transform_caps(given, caps, to))
    }

    fn fixate_caps(
        &mut self,
        element: usize,
        pad: usize,
        caps: &Caps,
        sink: Option<&Caps>,
    ) -> Result<Caps, Error> {
        self.ask(element, |instance| instance.fixate_caps(pad, caps, sink))
    }
}
