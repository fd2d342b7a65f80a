//! What the user can set: [`crate::properties!`] and [`crate::choices!`].
//!
//! One struct says everything. From it come the defaults, the setter, the getter
//! and what `inspect` prints.
//!
//! ```
//! use millstream_sdk::prelude::*;
//!
//! choices! {
//!     /// How the rows are walked.
//!     pub enum Order {
//!         /// From the top.
//!         Down = "down",
//!         /// From the bottom.
//!         Up = "up",
//!     }
//! }
//!
//! properties! {
//!     /// What the user sets.
//!     pub struct Settings {
//!         /// Opacity of the drawing.
//!         alpha: f64 = 1.0 => [range(0.0, 1.0), playing],
//!         /// Thickness of a line.
//!         line_width: u32 = 2 => [range(1, 64), unit("px")],
//!         /// How the rows are walked.
//!         order: Order = Order::Down,
//!         /// File to write.
//!         location: FileToWrite => [required],
//!         /// Shown above the picture.
//!         title: Option<String>,
//!     }
//! }
//!
//! let settings = Settings::default();
//! assert_eq!((settings.line_width, settings.title), (2, None));
//! ```
//!
//! A field is a property; `_` becomes `-`. The options after `=>` are the methods
//! of [`Spec`]. Types: `bool`, `i32 u32 i64 u64`, `f32 f64`, `String`, `Fraction`,
//! `Caps`, [`FileToRead`], [`FileToWrite`], [`ModelName`], enums of `choices!`, and
//! `Option` of each for what may stay unset.

mod kinds;
mod macros;

pub use crate::bindings::exports::millstream::media::element::{
    FloatRange, IntegerRange, Mutability, Property, PropertyKind,
};
pub use crate::bindings::millstream::media::types::{Setting, Value};
pub use kinds::{FileToRead, FileToWrite, ModelName, PropertyType, Spec};

use crate::failure::Failure;

/// What [`crate::properties!`] makes of a struct. `()` has no properties.
pub trait Settings: Clone + 'static {
    /// Every property at its default.
    fn defaults() -> Self;
    /// What the properties are.
    fn describe() -> Vec<Property>;
    /// Sets a property.
    fn set(&mut self, setting: &Setting) -> Result<(), Failure>;
    /// The value of a property, if it is set.
    fn get(&self, name: &str) -> Option<Value>;
}

impl Settings for () {
    fn defaults() -> Self {}

    fn describe() -> Vec<Property> {
        Vec::new()
    }

    fn set(&mut self, setting: &Setting) -> Result<(), Failure> {
        Err(unknown(&setting.name))
    }

    fn get(&self, _name: &str) -> Option<Value> {
        None
    }
}

/// The failure for a property that the element does not have.
#[doc(hidden)]
pub fn unknown(name: &str) -> Failure {
    Failure::settings(format!("no property `{name}`"))
}

/// The failure for a value of another type than the property's.
#[doc(hidden)]
pub fn mismatch(name: &str, value: &Value) -> Failure {
    Failure::settings(format!("property `{name}` cannot be {value:?}"))
}

/// Whether a property's name is a field's: `line-width` and `line_width`.
#[doc(hidden)]
pub fn is_named(name: &str, field: &str) -> bool {
    let field = field.strip_prefix("r#").unwrap_or(field);
    name.len() == field.len()
        && name
            .bytes()
            .zip(field.bytes())
            .all(|(a, b)| a == b || (a == b'-' && b == b'_'))
}
