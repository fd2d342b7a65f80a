//! What an element tells the application: [`crate::log!`] and [`post`].

use crate::sys;

pub use crate::bindings::millstream::media::bus::Level;
pub use crate::bindings::millstream::media::types::{Setting, Value};

/// Writes a line of log: `log!(Level::Info, "{width}x{height}")`. At most 4,096
/// bytes and 1,000 lines a second are shown.
///
/// ```
/// use millstream_sdk::{bus::Level, log};
///
/// log!(Level::Warning, "{} frames lost", 3);
/// ```
#[macro_export]
macro_rules! log {
    ($level:expr, $($format:tt)+) => {
        $crate::bus::write($level, &::std::format!($($format)+))
    };
}

/// Writes a line of log; [`crate::log!`] formats it too.
pub fn write(level: Level, message: &str) {
    sys::log(level, message);
}

/// Posts an element message for the application, its name in kebab-case.
///
/// ```
/// use millstream_sdk::bus::post;
///
/// post("objects", &[("count", 3.into()), ("best", "star".into())]);
/// ```
pub fn post(name: &str, fields: &[(&str, Value)]) {
    let fields: Vec<Setting> = fields
        .iter()
        .map(|(name, value)| Setting {
            name: (*name).to_owned(),
            value: value.clone(),
        })
        .collect();
    sys::post(name, &fields);
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}
