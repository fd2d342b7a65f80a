//! The component's exports: the contract's calls to the one [`Runner`].
//!
//! [`crate::element!`] gives each component a static to hold it. All calls come
//! from one thread and never overlap.

use core::cell::RefCell;
use core::marker::PhantomData;
use std::thread::LocalKey;

use crate::bindings::exports::millstream::media::element as contract;
use crate::buffer::Buffer;
use crate::context::{Disposition, Event, Pad};
use crate::failure::Failure;
use crate::property::Setting;
use crate::role::{Element, Flow, Outcome};
use crate::runner::Runner;
use crate::sys::{self, RawBuffer};

/// What the static of a component holds.
pub type Cell<T> = RefCell<Option<Runner<T>>>;
/// That static.
pub type Slot<T> = LocalKey<Cell<T>>;

/// A cell before `create`.
pub const fn empty<T: Element>() -> Cell<T> {
    RefCell::new(None)
}

/// Where a component keeps its element.
pub trait Instance {
    /// The element.
    type Element: Element;
    /// Its static.
    fn slot() -> &'static Slot<Self::Element>;
}

/// The exports of a component.
#[derive(Debug)]
pub struct Exports<I>(PhantomData<I>);

fn with<I: Instance, R>(
    work: impl FnOnce(&mut Runner<I::Element>) -> Result<R, Failure>,
) -> Result<R, Failure> {
    I::slot().with_borrow_mut(|runner| match runner {
        Some(runner) => work(runner),
        None => Err(Failure::failed("called before `create`")),
    })
}

fn outcome(flow: Flow) -> Result<contract::Outcome, Failure> {
    Ok(match flow? {
        Outcome::Nothing => contract::Outcome::Nothing,
        Outcome::Buffer(buffer) => contract::Outcome::Buffer(buffer.into_raw()),
        Outcome::Wait => contract::Outcome::Wait(None),
        Outcome::WaitUntil(time) => contract::Outcome::Wait(Some(time)),
        Outcome::Eos => contract::Outcome::Eos,
    })
}

impl<I: Instance> contract::Guest for Exports<I> {
    fn describe() -> contract::Descriptor {
        Runner::<I::Element>::describe()
    }

    fn create(properties: Vec<Setting>, pads: Vec<Pad>) -> Result<(), Failure> {
        sys::prepare();
        let runner = Runner::create(&properties, pads)?;
        I::slot().set(Some(runner));
        Ok(())
    }

    fn pad_caps(pad: u32) -> Result<String, Failure> {
        with::<I, _>(|runner| runner.pad_caps(pad))
    }

    fn transform_caps(given: u32, caps: String, to: u32) -> Result<String, Failure> {
        with::<I, _>(|runner| runner.transform_caps(given, &caps, to))
    }

    fn fixate_caps(pad: u32, caps: String, sink: Option<String>) -> Result<String, Failure> {
        with::<I, _>(|runner| runner.fixate_caps(pad, &caps, sink.as_deref()))
    }

    fn set_caps(pad: u32, caps: String) -> Result<(), Failure> {
        with::<I, _>(|runner| runner.set_caps(pad, &caps))
    }

    fn start() -> Result<(), Failure> {
        with::<I, _>(Runner::start)
    }

    fn stop() -> Result<(), Failure> {
        with::<I, _>(Runner::stop)
    }

    fn set_property(property: Setting) -> Result<(), Failure> {
        with::<I, _>(|runner| runner.set_property(&property))
    }

    fn produce() -> Result<contract::Outcome, Failure> {
        with::<I, _>(|runner| outcome(runner.produce()))
    }

    fn chain(pad: u32, buffer: RawBuffer) -> Result<contract::Outcome, Failure> {
        with::<I, _>(|runner| outcome(runner.chain(pad, Buffer::from_raw(buffer))))
    }

    fn handle_event(pad: u32, event: Event) -> Result<Disposition, Failure> {
        with::<I, _>(|runner| runner.handle_event(pad, &event))
    }

    fn save() -> Option<Vec<u8>> {
        I::slot().with_borrow(|runner| runner.as_ref()?.save())
    }

    fn restore(state: Vec<u8>) -> Result<(), Failure> {
        with::<I, _>(|runner| runner.restore(&state))
    }
}
