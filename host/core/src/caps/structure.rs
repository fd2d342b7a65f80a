//! One format or family of formats: a media type, features, and fields.

use super::{Caps, Fraction, Value};

/// Where the memory of buffers lies and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Features {
    any: bool,
    /// Empty means `memory:SystemMemory` alone.
    names: Vec<String>,
}

/// The feature that caps without features have.
const SYSTEM_MEMORY: &str = "memory:SystemMemory";

impl Features {
    /// Ordinary memory, which is also the default.
    pub const fn system_memory() -> Self {
        Self {
            any: false,
            names: Vec::new(),
        }
    }

    /// Features that match all others.
    pub const fn any() -> Self {
        Self {
            any: true,
            names: Vec::new(),
        }
    }

    /// These features.
    pub fn new(names: Vec<String>) -> Self {
        let mut kept: Vec<String> = Vec::new();
        for name in names {
            if !kept.contains(&name) {
                kept.push(name);
            }
        }
        if matches!(kept.as_slice(), [one] if one == SYSTEM_MEMORY) {
            kept.clear();
        }
        Self {
            any: false,
            names: kept,
        }
    }

    /// Whether they match all others.
    pub const fn is_any(&self) -> bool {
        self.any
    }

    /// Whether they are ordinary memory and nothing else.
    pub const fn is_system_memory(&self) -> bool {
        !self.any && self.names.is_empty()
    }

    /// The names; none for ordinary memory and for `ANY`.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether both name the same features, in any order.
    pub fn is_equal(&self, other: &Self) -> bool {
        self.any == other.any
            && self.names.len() == other.names.len()
            && self.names.iter().all(|name| other.names.contains(name))
    }

    /// Whether a buffer could have both.
    pub fn can_intersect(&self, other: &Self) -> bool {
        self.any || other.any || self.is_equal(other)
    }
}

/// One format, or a family of formats of one media type.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// The media type: `video/x-raw`.
    pub name: String,
    /// What the memory is.
    pub features: Features,
    /// Fields in the order in which they were written; names are unique.
    pub fields: Vec<(String, Value)>,
}

impl Structure {
    /// A structure without fields.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            features: Features::system_memory(),
            fields: Vec::new(),
        }
    }

    /// The same with one field more, or another value for it.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    /// Sets or adds a field.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name.to_owned(), value)),
        }
    }

    /// Removes a field, so that it may have any value.
    pub fn remove(&mut self, name: &str) {
        self.fields.retain(|(known, _)| known != name);
    }

    /// A field's value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// A fixed whole number.
    pub fn int(&self, name: &str) -> Option<i32> {
        match self.get(name)? {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A fixed text.
    pub fn string(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Value::Str(value) => Some(value),
            _ => None,
        }
    }

    /// A fixed ratio.
    pub fn fraction(&self, name: &str) -> Option<Fraction> {
        match self.get(name)? {
            Value::Fraction(value) => Some(*value),
            _ => None,
        }
    }

    /// A fixed `true` or `false`.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A fixed number with a fraction.
    pub fn double(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::Double(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether it is exactly one format.
    pub fn is_fixed(&self) -> bool {
        !self.features.is_any() && self.fields.iter().all(|(_, value)| value.is_fixed())
    }

    /// Values in all fields, items of lists included.
    pub(crate) fn count_values(&self) -> usize {
        self.fields.iter().map(|(_, value)| value.count()).sum()
    }
}

impl From<Structure> for Caps {
    fn from(structure: Structure) -> Self {
        Self::new(vec![structure])
    }
}

/// Builds caps of one structure.
#[derive(Debug, Clone)]
pub struct Builder {
    structure: Structure,
}

impl Builder {
    /// Starts with a media type.
    pub(super) fn new(name: &str) -> Self {
        Self {
            structure: Structure::new(name),
        }
    }

    /// Sets or adds a field.
    #[must_use]
    pub fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.structure.set(name, value);
        self
    }

    /// Sets the features.
    #[must_use]
    pub fn features(mut self, features: Features) -> Self {
        self.structure.features = features;
        self
    }

    /// The caps.
    pub fn build(self) -> Caps {
        self.structure.into()
    }
}
