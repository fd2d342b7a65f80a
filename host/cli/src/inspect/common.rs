//! What people and machines are told alike.

use millstream_core::builtin;
use millstream_core::element::{Property, Role, Value};
use millstream_runtime::Loaded;

/// `source`, `filter`, `sink`.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Source => "source",
        Role::Sink => "sink",
        Role::Filter => "filter",
    }
}

/// What the host adds to a source or a sink, unless the element has its own.
pub(super) fn base_properties(loaded: &Loaded) -> Vec<Property> {
    let descriptor = &loaded.descriptor;
    let mut properties = match descriptor.role() {
        Role::Source => builtin::source_properties(),
        Role::Sink => builtin::sink_properties(),
        Role::Filter => Vec::new(),
    };
    properties.retain(|property| descriptor.property(&property.name).is_none());
    for property in &mut properties {
        if property.name == "sync" {
            property.default = Some(Value::Boolean(descriptor.sync));
        }
    }
    properties
}
