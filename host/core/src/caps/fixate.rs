//! Choosing one format among those that are left.

use super::{Caps, Features, Fraction, Structure, Value};

impl Caps {
    /// One format: the first structure, with the first of each list and the
    /// smallest of each range. `ANY` and `EMPTY` stay what they are.
    #[must_use]
    pub fn fixate(&self) -> Self {
        match self.first() {
            Some(first) if !self.is_any() => first.clone().fixate().into(),
            _ => self.clone(),
        }
    }
}

impl Structure {
    /// The first of each list and the smallest of each range.
    #[must_use]
    pub fn fixate(mut self) -> Self {
        for (_, value) in &mut self.fields {
            *value = value.fixate();
        }
        if self.features.is_any() {
            self.features = Features::system_memory();
        }
        self
    }

    /// Fixates a field to the whole number nearest to `target`. False if the field
    /// is missing, fixed already or of another type.
    pub fn fixate_nearest_int(&mut self, name: &str, target: i32) -> bool {
        let distance = |value: &Value| match value {
            Value::Int(value) => Some(i64::from(*value).abs_diff(target.into())),
            _ => None,
        };
        self.fixate_nearest(name, |value| nearest_int(value, target), distance)
    }

    /// Fixates a field to the ratio nearest to `target`. False if the field is
    /// missing, fixed already or of another type.
    pub fn fixate_nearest_fraction(&mut self, name: &str, target: Fraction) -> bool {
        // Ratios of 32-bit numbers differ by more than a double's precision, except
        // for neighbours that no frame rate ever has.
        let distance = |value: &Value| match value {
            Value::Fraction(value) => Some((value.to_f64() - target.to_f64()).abs()),
            _ => None,
        };
        self.fixate_nearest(name, |value| nearest_fraction(value, target), distance)
    }

    /// Fixates a field to `target` if that is one of its values.
    pub fn fixate_to(&mut self, name: &str, target: impl Into<Value>) -> bool {
        let target = target.into();
        let allowed = self
            .get(name)
            .is_some_and(|value| super::value_ops::is_subset(&target, value));
        if allowed {
            self.set(name, target);
        }
        allowed
    }

    fn fixate_nearest<D: PartialOrd>(
        &mut self,
        name: &str,
        nearest: impl Fn(&Value) -> Option<Value>,
        distance: impl Fn(&Value) -> Option<D>,
    ) -> bool {
        let Some(value) = self.get(name).filter(|value| !value.is_fixed()) else {
            return false;
        };
        let items = match value {
            Value::List(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        };
        let mut best: Option<(D, Value)> = None;
        for candidate in items.iter().filter_map(nearest) {
            let Some(away) = distance(&candidate) else {
                continue;
            };
            if best.as_ref().is_none_or(|(least, _)| away < *least) {
                best = Some((away, candidate));
            }
        }
        best.map(|(_, value)| self.set(name, value)).is_some()
    }
}

fn nearest_int(value: &Value, target: i32) -> Option<Value> {
    match *value {
        Value::Int(value) => Some(Value::Int(value)),
        Value::IntRange { min, max, step } => {
            let (min, max, step) = (i64::from(min), i64::from(max), i64::from(step.max(1)));
            let target = i64::from(target).clamp(min, max);
            let below = (target.div_euclid(step) * step).max(min);
            let above = (below + step).min(max);
            let nearest = if target - below <= above - target {
                below
            } else {
                above
            };
            Some(Value::Int(nearest as i32))
        }
        _ => None,
    }
}

fn nearest_fraction(value: &Value, target: Fraction) -> Option<Value> {
    match *value {
        Value::Fraction(value) => Some(Value::Fraction(value)),
        Value::FractionRange { min, max } => Some(Value::Fraction(target.clamp(min, max))),
        _ => None,
    }
}

impl Value {
    /// The first of a list, the smallest of a range; a fixed value is itself.
    #[must_use]
    pub fn fixate(&self) -> Self {
        match self {
            Self::List(items) => items.first().map_or_else(|| self.clone(), Self::fixate),
            Self::Array(items) => Self::Array(items.iter().map(Self::fixate).collect()),
            Self::IntRange { min, .. } => Self::Int(*min),
            Self::Int64Range { min, .. } => Self::Int64(*min),
            Self::DoubleRange { min, .. } => Self::Double(*min),
            Self::FractionRange { min, .. } => Self::Fraction(*min),
            Self::FlagSet { flags, mask } => Self::FlagSet {
                flags: flags & mask,
                mask: u32::MAX,
            },
            other => other.clone(),
        }
    }
}
