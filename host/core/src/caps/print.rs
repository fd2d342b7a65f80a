//! Caps to text: as `gst_caps_to_string` does, and shorter for people.

use std::fmt::{self, Display, Formatter};

use super::parse::is_plain;
use super::scalar::Type;
use super::{Caps, Features, Fraction, Structure, Value};

impl Display for Caps {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_any() {
            return f.write_str("ANY");
        }
        if self.is_empty() {
            return f.write_str("EMPTY");
        }
        for (index, structure) in self.structures().iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            structure.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Structure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.features.is_system_memory() {
            write!(f, "({})", self.features)?;
        }
        for (name, value) in &self.fields {
            match value.kind() {
                Some(kind) => write!(f, ", {name}=({}){value}", kind.name())?,
                None => write!(f, ", {name}={value}")?,
            }
        }
        Ok(())
    }
}

impl Display for Features {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_any() {
            return f.write_str("ANY");
        }
        if self.is_system_memory() {
            return f.write_str("memory:SystemMemory");
        }
        f.write_str(&self.names().join(", "))
    }
}

impl Display for Fraction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

/// The value without its type, which stands before a list as a whole.
impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => value.fmt(f),
            Self::Int64(value) => value.fmt(f),
            Self::Bool(value) => value.fmt(f),
            Self::Str(value) => write_text(f, value),
            Self::Fraction(value) => value.fmt(f),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Bitmask(value) => write!(f, "0x{value:016x}"),
            Self::FlagSet { flags, mask } => write!(f, "{flags:08x}:{mask:08x}"),
            Self::List(items) => self.write_items(f, '{', items, '}'),
            Self::Array(items) => self.write_items(f, '<', items, '>'),
            Self::IntRange { min, max, step: 1 } => write!(f, "[ {min}, {max} ]"),
            Self::IntRange { min, max, step } => write!(f, "[ {min}, {max}, {step} ]"),
            Self::Int64Range { min, max, step: 1 } => write!(f, "[ {min}, {max} ]"),
            Self::Int64Range { min, max, step } => write!(f, "[ {min}, {max}, {step} ]"),
            Self::DoubleRange { min, max } => write!(f, "[ {min:?}, {max:?} ]"),
            Self::FractionRange { min, max } => write!(f, "[ {min}, {max} ]"),
        }
    }
}

impl Value {
    /// The type to print before it; none for lists of several types.
    fn kind(&self) -> Option<Type> {
        Some(match self {
            Self::Int(_) | Self::IntRange { .. } => Type::Int,
            Self::Int64(_) | Self::Int64Range { .. } => Type::Int64,
            Self::Bool(_) => Type::Bool,
            Self::Str(_) => Type::Str,
            Self::Fraction(_) | Self::FractionRange { .. } => Type::Fraction,
            Self::Double(_) | Self::DoubleRange { .. } => Type::Double,
            Self::Bitmask(_) => Type::Bitmask,
            Self::FlagSet { .. } => Type::FlagSet,
            Self::List(items) | Self::Array(items) => {
                let first = items.first()?.kind()?;
                return items
                    .iter()
                    .all(|item| item.kind() == Some(first))
                    .then_some(first);
            }
        })
    }

    fn write_items(
        &self,
        f: &mut Formatter<'_>,
        open: char,
        items: &[Self],
        close: char,
    ) -> fmt::Result {
        let mixed = self.kind().is_none();
        write!(f, "{open}")?;
        for (index, item) in items.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { " " })?;
            if let Some(kind) = item.kind().filter(|_| mixed) {
                write!(f, "({})", kind.name())?;
            }
            item.fmt(f)?;
        }
        write!(f, " {close}")
    }
}

/// Text as `gst_string_wrap` writes it.
fn write_text(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    if !text.is_empty() && text.chars().all(is_plain) {
        return f.write_str(text);
    }
    f.write_str("\"")?;
    for byte in text.bytes() {
        match char::from(byte) {
            c if is_plain(c) => write!(f, "{c}")?,
            c if !(0x20..0x7f).contains(&byte) => write!(f, "\\{:03o}", u32::from(c))?,
            c => write!(f, "\\{c}")?,
        }
    }
    f.write_str("\"")
}

/// Most structures, items and characters that [`Caps::brief`] shows.
const BRIEF: (usize, usize, usize) = (3, 8, 40);

impl Caps {
    /// The caps for people: no types, long lists cut.
    /// `video/x-raw, format={I420, NV12, … 60 more}, width=[1, 4096]`.
    pub fn brief(&self) -> String {
        if self.is_any() || self.is_empty() {
            return self.to_string();
        }
        cut(self.structures(), BRIEF.0, "; ", Structure::brief)
    }
}

impl Structure {
    /// The structure for people: no types, long lists cut.
    pub fn brief(&self) -> String {
        let features = if self.features.is_system_memory() {
            String::new()
        } else {
            format!("({})", short(&self.features.to_string()))
        };
        let fields = self.fields.iter();
        let fields = fields.map(|(name, value)| format!(", {}={}", short(name), value.brief()));
        short(&self.name) + &features + &fields.collect::<String>()
    }
}

impl Value {
    /// The value for people: no types, long lists cut.
    pub fn brief(&self) -> String {
        let end = |value: i64, name: &str, all: i64| {
            if value == all {
                name.to_owned()
            } else {
                value.to_string()
            }
        };
        match self {
            Self::Str(text) if text.is_empty() => "\"\"".to_owned(),
            Self::Str(text) => short(text),
            Self::List(items) => format!("{{{}}}", cut(items, BRIEF.1, ", ", Self::brief)),
            Self::Array(items) => format!("<{}>", cut(items, BRIEF.1, ", ", Self::brief)),
            Self::IntRange { min, max, step } => {
                let max = end((*max).into(), "max", i32::MAX.into());
                let step = if *step == 1 {
                    String::new()
                } else {
                    format!(", {step}")
                };
                format!("[{min}, {max}{step}]")
            }
            Self::FractionRange { min, max } if *max == Fraction::MAX => format!("[{min}, max]"),
            Self::FractionRange { min, max } => format!("[{min}, {max}]"),
            Self::DoubleRange { min, max } => format!("[{min}, {max}]"),
            Self::Bitmask(bits) => format!("{bits:#x}"),
            other => other.to_string(),
        }
    }
}

fn short(text: &str) -> String {
    if text.chars().count() <= BRIEF.2 {
        return text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
    }
    let kept: String = text.chars().take(BRIEF.2).collect();
    short(&kept) + "…"
}

fn cut<T>(items: &[T], most: usize, between: &str, print: impl Fn(&T) -> String) -> String {
    let mut shown: Vec<String> = items.iter().take(most).map(print).collect();
    if items.len() > most {
        shown.push(format!("… {} more", items.len() - most));
    }
    shown.join(between)
}
