//! Single words to values: `640`, `30/1`, `true`, `0x3f`, `I420`.

use super::{Fraction, Value};

/// The type that stands in brackets before a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Int,
    Int64,
    Bool,
    Str,
    Fraction,
    Double,
    Bitmask,
    FlagSet,
}

impl Type {
    /// By any of the names that GStreamer accepts.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "int" | "i" | "gint" => Self::Int,
            "int64" | "gint64" => Self::Int64,
            "boolean" | "bool" | "b" | "gboolean" => Self::Bool,
            "string" | "str" | "s" | "gchararray" => Self::Str,
            "fraction" | "GstFraction" => Self::Fraction,
            "double" | "d" | "gdouble" => Self::Double,
            "bitmask" | "GstBitmask" => Self::Bitmask,
            "flagset" | "GstFlagSet" | "GstVideoMultiviewFlagsSet" => Self::FlagSet,
            _ => return None,
        })
    }

    /// As caps print it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Int64 => "int64",
            Self::Bool => "boolean",
            Self::Str => "string",
            Self::Fraction => "fraction",
            Self::Double => "double",
            Self::Bitmask => "bitmask",
            Self::FlagSet => "flagset",
        }
    }

    /// Reads a word as this type.
    pub(super) fn read(self, word: &str) -> Option<Value> {
        Some(match self {
            Self::Int => {
                Value::Int(i32::try_from(whole(word, i32::MIN.into(), i32::MAX.into())?).ok()?)
            }
            Self::Int64 => Value::Int64(whole(word, i64::MIN, i64::MAX)?),
            Self::Bool => Value::Bool(boolean(word)?),
            Self::Str => Value::Str(word.to_owned()),
            Self::Fraction => Value::Fraction(fraction(word)?),
            Self::Double => Value::Double(double(word)?),
            Self::Bitmask => Value::Bitmask(unsigned(word)?),
            Self::FlagSet => {
                let mut parts = word.splitn(3, ':');
                let mut part = || u32::from_str_radix(parts.next()?, 16).ok();
                Value::FlagSet {
                    flags: part()?,
                    mask: part()?,
                }
            }
        })
    }
}

/// Reads a word without a type, trying types as GStreamer does.
pub(super) fn guess(word: &str) -> Value {
    let numeric = word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let tried = if numeric {
        [Type::Int, Type::Int64, Type::Double, Type::Fraction].as_slice()
    } else {
        [Type::Bool].as_slice()
    };
    tried
        .iter()
        .find_map(|kind| kind.read(word))
        .unwrap_or_else(|| Value::Str(word.to_owned()))
}

/// A whole number, decimal or `0x…`, or the word for an end of its type.
fn whole(word: &str, min: i64, max: i64) -> Option<i64> {
    match word {
        "min" => return Some(min),
        "max" => return Some(max),
        _ => {}
    }
    let (negative, digits) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let magnitude = i128::from(unsigned(digits)?);
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

fn unsigned(word: &str) -> Option<u64> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) if digits.starts_with(|c: char| c.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok()
        }
        None if word.starts_with(|c: char| c.is_ascii_digit()) => word.parse().ok(),
        _ => None,
    }
}

/// The words that GStreamer takes for true and false.
pub(crate) fn boolean(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "1" => Some(true),
        "false" | "f" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// `30/1`, `30`, `min`, `max`.
pub(crate) fn fraction(word: &str) -> Option<Fraction> {
    match word {
        "min" => return Some(Fraction::MIN),
        "max" => return Some(Fraction::MAX),
        _ => {}
    }
    let (above, below) = word.split_once('/').unwrap_or((word, "1"));
    let part = |text: &str| whole(text, 0, 0).filter(|_| !text.starts_with('m'));
    Fraction::checked(part(above)?, part(below)?)
}

fn double(word: &str) -> Option<f64> {
    match word {
        "min" => return Some(f64::MIN),
        "max" => return Some(f64::MAX),
        _ => {}
    }
    let plain = word
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    word.parse()
        .ok()
        .filter(|number: &f64| plain && number.is_finite())
}
