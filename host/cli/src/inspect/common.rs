//! What people and machines are told alike.

use millstream_core::builtin;
use millstream_core::element::{Property, Role};
use millstream_runtime::Loaded;

/// `source`, `filter`, `sink`.
pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Source => "source",
        Role::Sink => "sink",
        Role::Filter => "filter",
    }
}

/// What the host adds to an element that has not its own of the same name.
pub(super) fn base_properties(loaded: &Loaded) -> Vec<Property> {
    let descriptor = &loaded.descriptor;
    let mut properties = builtin::base_properties(descriptor);
    properties.retain(|property| descriptor.property(&property.name).is_none());
    properties
}
