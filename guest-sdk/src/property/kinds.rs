//! The types that a property can have, and how each is declared.

use core::ops::Deref;

use super::{FloatRange, IntegerRange, Mutability, Property, PropertyKind, Value};
use crate::bindings::millstream::media::types;
use crate::caps::{Caps, Fraction};

/// A type that a property can have.
pub trait PropertyType: Sized {
    /// The contract's type, with the widest range.
    fn kind() -> PropertyKind;
    /// The value, if it is set.
    fn to_value(&self) -> Option<Value>;
    /// None if the value is of another type or outside of this type's range.
    fn from_value(value: &Value) -> Option<Self>;
}

/// A property being declared: the options after `=>` in [`crate::properties!`].
#[derive(Debug, Clone)]
pub struct Spec(Property);

impl Spec {
    /// A property with nothing but name, description, type and default.
    #[doc(hidden)]
    pub fn new<T: PropertyType>(field: &str, description: &str, default: &T) -> Self {
        Self(Property {
            name: field.strip_prefix("r#").unwrap_or(field).replace('_', "-"),
            description: description.trim().to_owned(),
            kind: T::kind(),
            default: default.to_value(),
            required: false,
            unit: None,
            mutability: Mutability::Construct,
        })
    }

    /// Smallest and largest value of a number, both included.
    #[must_use]
    pub fn range<N: Bound>(mut self, min: N, max: N) -> Self {
        self.0.kind = N::range(min, max);
        self
    }

    /// `ns`, `px`, `bytes`, `frames` …
    #[must_use]
    pub fn unit(mut self, unit: &str) -> Self {
        self.0.unit = Some(unit.to_owned());
        self
    }

    /// It can be set at any time, between two buffers.
    #[must_use]
    pub fn playing(mut self) -> Self {
        self.0.mutability = Mutability::Playing;
        self
    }

    /// The user must set it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.0.required = true;
        self.0.default = None;
        self
    }

    /// What was declared.
    #[doc(hidden)]
    pub fn build(self) -> Property {
        self.0
    }
}

/// A number that can bound a property.
pub trait Bound {
    /// The property's type with this range.
    fn range(min: Self, max: Self) -> PropertyKind;
}

impl Bound for i64 {
    fn range(min: Self, max: Self) -> PropertyKind {
        PropertyKind::Integer(IntegerRange { min, max })
    }
}

impl Bound for f64 {
    fn range(min: Self, max: Self) -> PropertyKind {
        PropertyKind::Float(FloatRange { min, max })
    }
}

macro_rules! integers {
    ($($type:ty: $max:expr),+) => {$(
        impl PropertyType for $type {
            fn kind() -> PropertyKind {
                let min = i64::try_from(<$type>::MIN).unwrap_or(i64::MIN);
                PropertyKind::Integer(IntegerRange { min, max: $max })
            }

            fn to_value(&self) -> Option<Value> {
                Some(Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX)))
            }

            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    Value::Integer(value) => Self::try_from(*value).ok(),
                    _ => None,
                }
            }
        }
    )+};
}

integers!(i32: i32::MAX.into(), u32: u32::MAX.into(), i64: i64::MAX, u64: i64::MAX);

impl PropertyType for f64 {
    fn kind() -> PropertyKind {
        PropertyKind::Float(FloatRange {
            min: f64::MIN,
            max: f64::MAX,
        })
    }

    fn to_value(&self) -> Option<Value> {
        Some(Value::Float(*self))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }
}

impl PropertyType for f32 {
    fn kind() -> PropertyKind {
        PropertyKind::Float(FloatRange {
            min: Self::MIN.into(),
            max: Self::MAX.into(),
        })
    }

    fn to_value(&self) -> Option<Value> {
        Some(Value::Float((*self).into()))
    }

    fn from_value(value: &Value) -> Option<Self> {
        f64::from_value(value).map(|value| value as Self)
    }
}

impl PropertyType for bool {
    fn kind() -> PropertyKind {
        PropertyKind::Boolean
    }

    fn to_value(&self) -> Option<Value> {
        Some(Value::Boolean(*self))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Boolean(value) => Some(*value),
            _ => None,
        }
    }
}

impl PropertyType for String {
    fn kind() -> PropertyKind {
        PropertyKind::Text
    }

    fn to_value(&self) -> Option<Value> {
        Some(Value::Text(self.clone()))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(value) => Some(value.clone()),
            _ => None,
        }
    }
}

impl PropertyType for Fraction {
    fn kind() -> PropertyKind {
        PropertyKind::Ratio
    }

    fn to_value(&self) -> Option<Value> {
        let Self {
            numerator,
            denominator,
        } = *self;
        Some(Value::Ratio(types::Fraction {
            numerator,
            denominator,
        }))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Ratio(ratio) => Self::checked(ratio.numerator.into(), ratio.denominator.into()),
            _ => None,
        }
    }
}

impl PropertyType for Caps {
    fn kind() -> PropertyKind {
        PropertyKind::Caps
    }

    fn to_value(&self) -> Option<Value> {
        Some(Value::Text(self.to_string()))
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(value) => value.parse().ok(),
            _ => None,
        }
    }
}

impl<T: PropertyType> PropertyType for Option<T> {
    fn kind() -> PropertyKind {
        T::kind()
    }

    fn to_value(&self) -> Option<Value> {
        self.as_ref().and_then(T::to_value)
    }

    fn from_value(value: &Value) -> Option<Self> {
        T::from_value(value).map(Some)
    }
}

macro_rules! names {
    ($($(#[$doc:meta])+ $type:ident => $kind:ident;)+) => {$(
        $(#[$doc])+
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct $type(pub String);

        impl Deref for $type {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $type {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl PropertyType for $type {
            fn kind() -> PropertyKind {
                PropertyKind::$kind
            }

            fn to_value(&self) -> Option<Value> {
                (!self.0.is_empty()).then(|| Value::Text(self.0.clone()))
            }

            fn from_value(value: &Value) -> Option<Self> {
                String::from_value(value).map(Self)
            }
        }
    )+};
}

names! {
    /// A file that the element reads: a path below a granted directory.
    FileToRead => FileToRead;
    /// A file that the element writes, or a pattern of files.
    FileToWrite => FileToWrite;
    /// A model, by its name; never a path.
    ModelName => Model;
}
