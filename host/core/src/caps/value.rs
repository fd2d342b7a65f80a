//! The value of a field: one value, or a set of them.

use std::cmp::Ordering;

/// A ratio such as a frame rate. [`Fraction::new`] reduces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fraction {
    /// Above the line.
    pub numerator: i32,
    /// Below the line; never 0.
    pub denominator: i32,
}

impl Fraction {
    /// What `min` stands for.
    pub const MIN: Self = Self {
        numerator: i32::MIN,
        denominator: 1,
    };
    /// What `max` stands for.
    pub const MAX: Self = Self {
        numerator: i32::MAX,
        denominator: 1,
    };

    /// A ratio in its lowest terms, or none if the denominator is 0 or the result
    /// does not fit.
    pub fn checked(numerator: i64, denominator: i64) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let divisor = gcd(numerator.unsigned_abs(), denominator.unsigned_abs()).max(1);
        let divisor = i64::try_from(divisor).ok()?;
        let sign = if denominator < 0 { -1 } else { 1 };
        Some(Self {
            numerator: i32::try_from((numerator / divisor).checked_mul(sign)?).ok()?,
            denominator: i32::try_from((denominator / divisor).checked_mul(sign)?).ok()?,
        })
    }

    /// A ratio in its lowest terms; a denominator of 0 counts as 1.
    pub fn new(numerator: i32, denominator: i32) -> Self {
        let denominator = if denominator == 0 { 1 } else { denominator };
        Self::checked(numerator.into(), denominator.into()).unwrap_or(Self {
            numerator,
            denominator,
        })
    }

    /// As a number.
    pub fn to_f64(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }
}

impl PartialOrd for Fraction {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fraction {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = |ratio: &Self| {
            let (n, d) = (i64::from(ratio.numerator), i64::from(ratio.denominator));
            if d < 0 { (-n, -d) } else { (n, d) }
        };
        let ((an, ad), (bn, bd)) = (parts(self), parts(other));
        (an * bd)
            .cmp(&(bn * ad))
            .then(self.denominator.cmp(&other.denominator))
    }
}

pub(super) const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The value of a field. Ranges include both ends; the ends of a range with a
/// step are multiples of the step.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number.
    Int(i32),
    /// A whole number of 64 bits.
    Int64(i64),
    /// `true` or `false`.
    Bool(bool),
    /// Text.
    Str(String),
    /// A ratio.
    Fraction(Fraction),
    /// A finite number.
    Double(f64),
    /// Bits, such as a channel mask.
    Bitmask(u64),
    /// Bits of which only those in the mask are decided.
    FlagSet {
        /// The bits.
        flags: u32,
        /// Which of them are decided.
        mask: u32,
    },
    /// Any of these, the preferred one first.
    List(Vec<Value>),
    /// All of these together, in this order.
    Array(Vec<Value>),
    /// Multiples of `step` from `min` to `max`.
    IntRange {
        /// Smallest value.
        min: i32,
        /// Largest value.
        max: i32,
        /// Distance of the values, at least 1.
        step: i32,
    },
    /// Multiples of `step` from `min` to `max`.
    Int64Range {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
        /// Distance of the values, at least 1.
        step: i64,
    },
    /// Numbers from `min` to `max`.
    DoubleRange {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// Ratios from `min` to `max`.
    FractionRange {
        /// Smallest value.
        min: Fraction,
        /// Largest value.
        max: Fraction,
    },
}

impl Value {
    /// Whole numbers from `min` to `max`.
    pub const fn int_range(min: i32, max: i32) -> Self {
        Self::IntRange { min, max, step: 1 }
    }

    /// Any of these texts.
    pub fn strings<'a>(items: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(items.into_iter().map(Self::from).collect())
    }

    /// Whether it is one value and no set.
    pub fn is_fixed(&self) -> bool {
        match self {
            Self::Int(_)
            | Self::Int64(_)
            | Self::Bool(_)
            | Self::Str(_)
            | Self::Fraction(_)
            | Self::Double(_)
            | Self::Bitmask(_) => true,
            Self::FlagSet { mask, .. } => *mask == u32::MAX,
            Self::Array(items) => items.iter().all(Self::is_fixed),
            _ => false,
        }
    }

    /// Itself, or how many items it holds at any depth.
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::List(items) | Self::Array(items) => {
                1 + items.iter().map(Self::count).sum::<usize>()
            }
            _ => 1,
        }
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int64(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Str(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Str(value)
    }
}

impl From<Fraction> for Value {
    fn from(value: Fraction) -> Self {
        Self::Fraction(value)
    }
}

impl From<std::ops::RangeInclusive<i32>> for Value {
    fn from(range: std::ops::RangeInclusive<i32>) -> Self {
        Self::int_range(*range.start(), *range.end())
    }
}

impl From<std::ops::RangeInclusive<Fraction>> for Value {
    fn from(range: std::ops::RangeInclusive<Fraction>) -> Self {
        Self::FractionRange {
            min: *range.start(),
            max: *range.end(),
        }
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}
