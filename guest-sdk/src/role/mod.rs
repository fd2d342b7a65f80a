//! The five roles, and [`crate::element!`] which exports an element of any.
//!
//! | Role | Pads | Its one method |
//! |---|---|---|
//! | [`Source`] | `src` | `produce`: the next buffer |
//! | [`InPlace`] | `sink`, `src`, same caps | `process`: the buffer itself, changed or only looked at |
//! | [`Transform`] | `sink`, `src` | `transform`: from one buffer into a new one |
//! | [`Sink`] | `sink` | `render`: takes a buffer |
//! | `PictureDecoder` (feature `pictures`) | `sink`, `src` | a picture out of its bytes |
//! | [`Element`] | any | `chain`, `produce`, `handle_event` |
//!
//! The order of calls: `new`; then questions about caps; `start`; `set_caps`; then
//! the role's method, with `handle_event` and `configure` in between; `stop`.

mod element;
mod in_place;
#[cfg(feature = "pictures")]
mod picture_decoder;
mod sink;
mod source;
mod transform;

pub use element::Element;
pub use in_place::InPlace;
#[cfg(feature = "pictures")]
pub use picture_decoder::{Picture, PictureDecoder, Splitter};
pub use sink::Sink;
pub use source::Source;
pub use transform::Transform;

use crate::buffer::Buffer;
use crate::failure::Failure;

/// What a call leaves to be done.
#[derive(Debug)]
pub enum Outcome {
    /// Done; whatever was pushed goes out.
    Nothing,
    /// The same, and then this buffer leaves on the first src pad.
    Buffer(Buffer),
    /// A source has nothing yet: it is called again when one of its devices has.
    Wait,
    /// A source has nothing before this running time in nanoseconds.
    WaitUntil(u64),
    /// The element is finished: end of stream on all its src pads, and no more
    /// calls but `stop`.
    Eos,
}

impl From<Buffer> for Outcome {
    fn from(buffer: Buffer) -> Self {
        Self::Buffer(buffer)
    }
}

impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Self::Nothing
    }
}

/// What `produce`, `process`, `render` and `chain` return: `Ok(buffer.into())`,
/// `Ok(Outcome::Eos)`, or why not.
pub type Flow = Result<Outcome, Failure>;

/// What each role becomes: an [`Element`] around it.
#[doc(hidden)]
pub mod adapt {
    pub use super::in_place::Adapter as InPlace;
    #[cfg(feature = "pictures")]
    pub use super::picture_decoder::Adapter as PictureDecoder;
    pub use super::sink::Adapter as Sink;
    pub use super::source::Adapter as Source;
    pub use super::transform::Adapter as Transform;

    /// An element of many pads is one already.
    pub type Element<T> = T;
}

/// What [`crate::element!`] implements: which [`Element`] a type is in the end.
pub trait Exported {
    /// The element, with the role's adapter around it.
    type Element: Element;
}

/// Exports an element: `element!(Negate: InPlace);` with the name of its role.
#[macro_export]
macro_rules! element {
    ($type:ident : $role:ident) => {
        impl $crate::role::Exported for $type {
            type Element = $crate::role::adapt::$role<$type>;
        }

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            struct Component;

            impl $crate::export::Instance for Component {
                type Element = $crate::role::adapt::$role<$type>;

                fn slot() -> &'static $crate::export::Slot<Self::Element> {
                    ::std::thread_local! {
                        static SLOT: $crate::export::Cell<
                            $crate::role::adapt::$role<$type>,
                        > = const { $crate::export::empty() };
                    }
                    &SLOT
                }
            }

            type Exports = $crate::export::Exports<Component>;
    $crate::bindings::export_element!(Exports with_types_in $crate::bindings);
        };
    };
}
