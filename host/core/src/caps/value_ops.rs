//! Values as sets: common part, difference, union, subset.

use std::collections::HashSet;

use super::value::gcd;
use super::{Fraction, MAX_LIST, Value};

/// What makes a value equal to another; none for lists and arrays.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Text(&'a str),
    Numbers(u8, i64, i64, i64),
    Bits(u8, u64, u64),
    Ratios(Fraction, Fraction),
}

fn reduced(ratio: Fraction) -> Fraction {
    Fraction::new(ratio.numerator, ratio.denominator)
}

fn key(value: &Value) -> Option<Key<'_>> {
    // -0.0 and 0.0 are one number.
    let bits = |number: f64| (number + 0.0).to_bits();
    Some(match *value {
        Value::Str(ref text) => Key::Text(text),
        Value::Int(value) => Key::Numbers(0, value.into(), value.into(), 0),
        Value::IntRange { min, max, step } => Key::Numbers(0, min.into(), max.into(), step.into()),
        Value::Int64(value) => Key::Numbers(1, value, value, 0),
        Value::Int64Range { min, max, step } => Key::Numbers(1, min, max, step),
        Value::Bool(value) => Key::Numbers(2, value.into(), 0, 0),
        Value::Bitmask(value) => Key::Bits(0, value, 0),
        Value::FlagSet { flags, mask } => Key::Bits(1, flags.into(), mask.into()),
        Value::Double(value) => Key::Bits(2, bits(value), bits(value)),
        Value::DoubleRange { min, max } => Key::Bits(2, bits(min), bits(max)),
        Value::Fraction(value) => Key::Ratios(reduced(value), reduced(value)),
        Value::FractionRange { min, max } => Key::Ratios(reduced(min), reduced(max)),
        Value::List(_) | Value::Array(_) => return None,
    })
}

/// A list without repetitions; one item alone stands for itself.
fn list(items: Vec<Value>) -> Option<Value> {
    let keep: Vec<bool> = {
        let mut seen = HashSet::new();
        let mut others: Vec<&Value> = Vec::new();
        items
            .iter()
            .map(|item| match key(item) {
                Some(key) => seen.insert(key),
                None if others.contains(&item) => false,
                None => {
                    others.push(item);
                    true
                }
            })
            .collect()
    };
    let kept = items
        .into_iter()
        .zip(keep)
        .filter_map(|(item, keep)| keep.then_some(item));
    let mut kept: Vec<Value> = kept.take(MAX_LIST).collect();
    if kept.len() > 1 {
        Some(Value::List(kept))
    } else {
        kept.pop()
    }
}

fn flatten(value: Value, out: &mut Vec<Value>) {
    match value {
        Value::List(items) => items.into_iter().for_each(|item| flatten(item, out)),
        other => out.push(other),
    }
}

/// Whole numbers `min`, `min + step` … `max`, in a type that holds all.
#[derive(Clone, Copy)]
struct Range {
    wide: bool,
    min: i128,
    max: i128,
    step: i128,
}

impl Range {
    fn of(value: &Value) -> Option<Self> {
        let one = |wide, at: i128| Self {
            wide,
            min: at,
            max: at,
            step: 1,
        };
        Some(match *value {
            Value::Int(value) => one(false, value.into()),
            Value::Int64(value) => one(true, value.into()),
            Value::IntRange { min, max, step } => Self {
                wide: false,
                min: min.into(),
                max: max.into(),
                step: i128::from(step.max(1)),
            },
            Value::Int64Range { min, max, step } => Self {
                wide: true,
                min: min.into(),
                max: max.into(),
                step: i128::from(step.max(1)),
            },
            _ => return None,
        })
    }

    fn value(self) -> Option<Value> {
        if self.min > self.max {
            return None;
        }
        let Self {
            wide,
            min,
            max,
            step,
        } = self;
        Some(match (wide, min == max) {
            (false, true) => Value::Int(min as i32),
            (false, false) => Value::IntRange {
                min: min as i32,
                max: max as i32,
                step: step as i32,
            },
            (true, true) => Value::Int64(min as i64),
            (true, false) => Value::Int64Range {
                min: min as i64,
                max: max as i64,
                step: step as i64,
            },
        })
    }

    fn intersect(self, other: Self) -> Option<Self> {
        let (a, b) = (self.step, other.step);
        let common = i128::from(gcd(a.unsigned_abs() as u64, b.unsigned_abs() as u64)).max(1);
        let step = a / common * b;
        let up =
            |at: i128| at.div_euclid(step) * step + if at.rem_euclid(step) == 0 { 0 } else { step };
        let min = up(self.min.max(other.min));
        let max = self.max.min(other.max).div_euclid(step) * step;
        (self.wide == other.wide && min <= max).then_some(Self {
            wide: self.wide,
            min,
            max,
            step,
        })
    }

    fn is_subset(self, other: Self) -> bool {
        let on_grid =
            self.min % other.step == 0 && (self.min == self.max || self.step % other.step == 0);
        self.wide == other.wide && self.min >= other.min && self.max <= other.max && on_grid
    }

    /// The parts below and above `hole`, or all if its steps do not fit.
    fn subtract(self, hole: Self) -> Vec<Value> {
        let whole = || self.value().into_iter().collect();
        let Some(common) = self.intersect(hole) else {
            return whole();
        };
        if common.min != common.max && common.step != self.step {
            return whole();
        }
        let below = Self {
            max: common.min - self.step,
            ..self
        };
        let above = Self {
            min: common.max + self.step,
            ..self
        };
        below.value().into_iter().chain(above.value()).collect()
    }
}

/// Ends of a double or a range of them.
fn doubles(value: &Value) -> Option<(f64, f64)> {
    match *value {
        Value::Double(value) => Some((value, value)),
        Value::DoubleRange { min, max } => Some((min, max)),
        _ => None,
    }
}

/// Ends of a ratio or a range of them.
fn ratios(value: &Value) -> Option<(Fraction, Fraction)> {
    match *value {
        Value::Fraction(value) => Some((reduced(value), reduced(value))),
        Value::FractionRange { min, max } => Some((min, max)),
        _ => None,
    }
}

/// What both values allow, in the order of `a`; none if that is nothing.
pub(super) fn intersect(a: &Value, b: &Value) -> Option<Value> {
    if let (Value::List(left), Value::List(right)) = (a, b) {
        return intersect_lists(left, right);
    }
    if let Value::List(items) = a {
        return collect(items.iter().filter_map(|item| intersect(item, b)));
    }
    if let Value::List(items) = b {
        return collect(items.iter().filter_map(|item| intersect(a, item)));
    }
    if let (Value::Array(a), Value::Array(b)) = (a, b) {
        let both = a
            .iter()
            .zip(b)
            .map(|(a, b)| intersect(a, b))
            .collect::<Option<Vec<_>>>()?;
        return (a.len() == b.len()).then_some(Value::Array(both));
    }
    if let (Some(a), Some(b)) = (Range::of(a), Range::of(b)) {
        return a.intersect(b)?.value();
    }
    if let (Some(a), Some(b)) = (doubles(a), doubles(b)) {
        let (min, max) = (a.0.max(b.0), a.1.min(b.1));
        return (min <= max).then_some(if min < max {
            Value::DoubleRange { min, max }
        } else {
            Value::Double(min)
        });
    }
    if let (Some(a), Some(b)) = (ratios(a), ratios(b)) {
        let (min, max) = (a.0.max(b.0), a.1.min(b.1));
        return (min <= max).then_some(if min < max {
            Value::FractionRange { min, max }
        } else {
            Value::Fraction(min)
        });
    }
    if let (
        &Value::FlagSet {
            flags: f1,
            mask: m1,
        },
        &Value::FlagSet {
            flags: f2,
            mask: m2,
        },
    ) = (a, b)
    {
        let agree = (f1 ^ f2) & m1 & m2 == 0;
        return agree.then_some(Value::FlagSet {
            flags: (f1 & m1) | (f2 & m2),
            mask: m1 | m2,
        });
    }
    (a == b).then(|| a.clone())
}

fn collect(values: impl Iterator<Item = Value>) -> Option<Value> {
    let mut out = Vec::new();
    values.for_each(|value| flatten(value, &mut out));
    list(out)
}

/// Long lists of plain values are compared by hash.
fn intersect_lists(left: &[Value], right: &[Value]) -> Option<Value> {
    if left
        .iter()
        .chain(right)
        .all(|item| item.is_fixed() && key(item).is_some())
    {
        let right: HashSet<_> = right.iter().filter_map(key).collect();
        let both = left
            .iter()
            .filter(|item| key(item).is_some_and(|key| right.contains(&key)));
        return list(both.cloned().collect());
    }
    let right = Value::List(right.to_vec());
    collect(left.iter().filter_map(|item| intersect(item, &right)))
}

/// Whether `b` allows everything that `a` allows. May miss a union of several
/// ranges with fractions that only together hold `a`.
pub(super) fn is_subset(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::List(left), Value::List(right)) => {
            let known: HashSet<_> = right.iter().filter_map(key).collect();
            left.iter()
                .all(|item| key(item).is_some_and(|key| known.contains(&key)) || is_subset(item, b))
        }
        (Value::List(items), _) => items.iter().all(|item| is_subset(item, b)),
        (_, Value::List(items)) => {
            items.iter().any(|item| is_subset(a, item))
                || (!a.is_fixed() && subtract(a, b).is_empty())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_subset(a, b))
        }
        (
            &Value::FlagSet {
                flags: f1,
                mask: m1,
            },
            &Value::FlagSet {
                flags: f2,
                mask: m2,
            },
        ) => m1 & m2 == m2 && (f1 ^ f2) & m2 == 0,
        _ => is_subset_plain(a, b),
    }
}

fn is_subset_plain(a: &Value, b: &Value) -> bool {
    if let (Some(a), Some(b)) = (Range::of(a), Range::of(b)) {
        return a.is_subset(b);
    }
    if let (Some(a), Some(b)) = (doubles(a), doubles(b)) {
        return a.0 >= b.0 && a.1 <= b.1;
    }
    if let (Some(a), Some(b)) = (ratios(a), ratios(b)) {
        return a.0 >= b.0 && a.1 <= b.1;
    }
    a == b
}

/// What `a` allows and `b` does not, or more where that cannot be written.
pub(super) fn subtract(a: &Value, b: &Value) -> Vec<Value> {
    if let Value::List(items) = a {
        return items
            .iter()
            .flat_map(|item| subtract(item, b))
            .take(MAX_LIST)
            .collect();
    }
    if let Value::List(holes) = b {
        let mut left = vec![a.clone()];
        for hole in holes {
            left = left
                .iter()
                .flat_map(|part| subtract(part, hole))
                .take(MAX_LIST)
                .collect();
        }
        return left;
    }
    match (Range::of(a), Range::of(b)) {
        (Some(a), Some(b)) => a.subtract(b),
        _ if is_subset_plain(a, b) || is_subset(a, b) => Vec::new(),
        _ => vec![a.clone()],
    }
}

/// A value that allows what either allows; none if it gets too long.
pub(super) fn union(a: &Value, b: &Value) -> Option<Value> {
    if is_subset(b, a) {
        return Some(a.clone());
    }
    if is_subset(a, b) {
        return Some(b.clone());
    }
    if let (Some(a), Some(b)) = (Range::of(a), Range::of(b)) {
        let touch = a.max + a.step >= b.min && b.max + b.step >= a.min;
        let one_grid = a.step == b.step && (a.min - b.min) % a.step == 0 && a.min % a.step == 0;
        let ranges = a.min != a.max || b.min != b.max;
        if a.wide == b.wide && one_grid && touch && ranges {
            return Range {
                min: a.min.min(b.min),
                max: a.max.max(b.max),
                ..a
            }
            .value();
        }
    }
    let mut items = Vec::new();
    flatten(a.clone(), &mut items);
    flatten(b.clone(), &mut items);
    if items.len() > MAX_LIST {
        None
    } else {
        list(items)
    }
}

/// The same set, with lists of one item taken apart.
pub(super) fn simplify(value: &Value) -> Value {
    match value {
        Value::List(_) => {
            let mut items = Vec::new();
            flatten(value.clone(), &mut items);
            if items.len() > MAX_LIST {
                return value.clone();
            }
            list(items).unwrap_or_else(|| value.clone())
        }
        other => other.clone(),
    }
}
