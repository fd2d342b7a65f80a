//! Everything that can be wrong with a pipeline, as explanations.
//!
//! `Display` gives the explanation, [`Error::hint`] what to do about it, and
//! [`Error::render`] the whole text: code, explanation, place and hint.

mod launch;
mod lock;
mod suggest;
mod text;

#[cfg(test)]
mod tests;

pub use launch::LaunchProblem;
pub use lock::LockProblem;
pub use suggest::suggest;

use crate::caps::{self, Caps};
use crate::element::Direction;
use crate::source::{Place, Source, Span};

/// Where the mistake stands, if it is in a text.
pub type At = Option<Box<Place>>;

/// What is wrong with a pipeline. Each variant has a stable [code](Error::code).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// M0001: a text is no caps.
    #[error("cannot read the caps: {source}")]
    Caps {
        /// What is wrong with them.
        source: caps::ParseError,
        /// Where.
        place: At,
    },
    /// M0002: a launch line breaks the syntax.
    #[error("{problem}")]
    Launch {
        /// What is wrong.
        problem: LaunchProblem,
        /// Where.
        place: At,
    },
    /// M0003: two pads have no format in common.
    #[error("{}", text::no_common_caps(.0))]
    NoCommonCaps(Box<NoCommonCaps>),
    /// M0004: a manifest or a lock is no TOML.
    #[error("the {what} is not valid TOML: {message}")]
    Toml {
        /// `manifest` or `lock`.
        what: &'static str,
        /// The parser's words.
        message: String,
        /// Where.
        place: At,
    },
    /// M0005: a manifest has a key that means nothing.
    #[error("unknown key `{key}` in {table}\n  known keys: {}", text::list(.known))]
    UnknownKey {
        /// The key.
        key: String,
        /// `[pipeline]`, `[elements.cam]` …
        table: String,
        /// The keys that mean something there.
        known: Vec<String>,
        /// Where.
        place: At,
    },
    /// M0006: a manifest's key has a value that it cannot have, or none.
    #[error("{}", text::manifest_value(.table, .key, .expected, .got.as_deref()))]
    ManifestValue {
        /// The key.
        key: String,
        /// Its table.
        table: String,
        /// What it may be.
        expected: String,
        /// What it is; none: it is missing.
        got: Option<String>,
        /// The words it may be, if it is a choice.
        choices: Box<[String]>,
        /// Where.
        place: At,
    },
    /// M0007: no element has that name.
    #[error("no element `{factory}`")]
    UnknownElement {
        /// What was asked for.
        factory: String,
        /// The one that was meant, perhaps.
        suggestion: Option<String>,
        /// Where.
        place: At,
    },
    /// M0008: an element has no such property.
    #[error("{}", text::unknown_property(.factory, .element, .property, .known))]
    UnknownProperty {
        /// The element's name.
        element: String,
        /// Its factory.
        factory: String,
        /// What was set.
        property: String,
        /// What can be set.
        known: Vec<String>,
        /// Where.
        place: At,
    },
    /// M0009: a property's value has the wrong type.
    #[error("property `{property}` of `{element}`: expected {expected}, got `{got}`")]
    PropertyType {
        /// The element's name.
        element: String,
        /// The property.
        property: String,
        /// What its type wants.
        expected: String,
        /// What it got.
        got: String,
        /// Where.
        place: At,
    },
    /// M0010: a property's value is out of range.
    #[error("property `{property}` of `{element}` must be {bounds}{}, got {got}", text::unit(.unit.as_deref()))]
    PropertyRange {
        /// The element's name.
        element: String,
        /// The property.
        property: String,
        /// What it got.
        got: String,
        /// What it may be.
        bounds: Bounds,
        /// Unit of all three.
        unit: Option<Box<str>>,
        /// Where.
        place: At,
    },
    /// M0011: a property's value is none of its words.
    #[error("property `{property}` of `{element}` cannot be `{got}`\n  it is one of {}", text::list(.choices))]
    PropertyChoice {
        /// The element's name.
        element: String,
        /// The property.
        property: String,
        /// What it got.
        got: String,
        /// What it may be.
        choices: Vec<String>,
        /// Where.
        place: At,
    },
    /// M0012: a property that must be set is not.
    #[error("`{element}` needs the property `{property}`\n  {property}: {description}")]
    MissingProperty {
        /// The element's name.
        element: String,
        /// Its factory.
        factory: String,
        /// The property.
        property: String,
        /// What it is for.
        description: String,
        /// Where the element stands.
        place: At,
    },
    /// M0013: an element has no such pad.
    #[error("`{element}` ({factory}) has no pad `{pad}`\n  its pads: {}", text::list(.known))]
    UnknownPad {
        /// The element's name.
        element: String,
        /// Its factory.
        factory: String,
        /// What was asked for.
        pad: String,
        /// The pads or patterns it has.
        known: Vec<String>,
        /// Where.
        place: At,
    },
    /// M0014: a link enters a src pad or leaves a sink pad.
    #[error("{}", text::wrong_direction(.element, .pad, *.wanted))]
    WrongDirection {
        /// The element's name.
        element: String,
        /// The pad.
        pad: String,
        /// What the link needs.
        wanted: Direction,
        /// Where.
        place: At,
    },
    /// M0015: two links use one pad.
    #[error("`{element}.{pad}` is linked twice")]
    PadTaken {
        /// The element's name.
        element: String,
        /// The pad.
        pad: String,
        /// Which way it faces.
        direction: Direction,
        /// Where the second link stands.
        place: At,
    },
    /// M0016: an element has no pad left for a link.
    #[error("{}", text::no_free_pad(.element, .factory, *.direction, .taken))]
    NoFreePad {
        /// The element's name.
        element: String,
        /// Its factory.
        factory: String,
        /// What the link needs.
        direction: Direction,
        /// The pads of that direction, which are all linked.
        taken: Vec<String>,
        /// Where.
        place: At,
    },
    /// M0017: nothing is linked to a pad.
    #[error("nothing is linked to `{element}.{pad}`")]
    Unlinked {
        /// The element's name.
        element: String,
        /// The pad.
        pad: String,
        /// Which way it faces.
        direction: Direction,
        /// Where the element stands.
        place: At,
    },
    /// M0018: two elements have one name.
    #[error("two elements are named `{name}`")]
    DuplicateName {
        /// The name.
        name: String,
        /// Where the second stands.
        place: At,
    },
    /// M0019: a link refers to an element that is not there.
    #[error("no element is named `{name}`\n  names here: {}", text::list(.known))]
    UnknownName {
        /// The name.
        name: String,
        /// The names there are.
        known: Vec<String>,
        /// Where.
        place: At,
    },
    /// M0020: data would run in a circle.
    #[error("the links run in a circle: {}", text::arrows(.elements))]
    Cycle {
        /// The elements on it, in order.
        elements: Vec<String>,
        /// Where one of the links stands.
        place: At,
    },
    /// M0021: a text holds no element.
    #[error("the pipeline is empty")]
    Empty {
        /// Where it should stand.
        place: At,
    },
    /// M0022: no element makes data.
    #[error("the pipeline has no source: every element waits for data")]
    NoSource {
        /// Where the first element stands.
        place: At,
    },
    /// M0023: nobody can choose among the caps that are left.
    #[error("cannot choose one format for `{pad}`\n  left open: {}", .caps.brief())]
    NotFixed {
        /// Element and pad.
        pad: String,
        /// What is left.
        caps: Caps,
        /// Where the element stands.
        place: At,
    },
    /// M0024: an element answered with caps that it was not allowed.
    #[error("{}", text::element_caps(.element, .call, .answered, .allowed.as_ref()))]
    ElementCaps {
        /// The element's name.
        element: String,
        /// `fixate-caps` …
        call: &'static str,
        /// What it said.
        answered: Caps,
        /// What it may say; none: the answer is over the limits.
        allowed: Option<Caps>,
        /// Where the element stands.
        place: At,
    },
    /// M0025: an element has nothing to offer.
    #[error("`{pad}` offers no caps at all")]
    NothingOffered {
        /// Element and pad.
        pad: String,
        /// Where the element stands.
        place: At,
    },
    /// M0026: a text is over a limit.
    #[error("too many {what}: {got}, at most {max}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much there is.
        got: usize,
        /// How much there may be.
        max: usize,
        /// Where.
        place: At,
    },
    /// M0027: an element says that it cannot do its work.
    #[error("`{element}`: {message}")]
    Element {
        /// The element's name.
        element: String,
        /// Its words.
        message: String,
        /// Its advice.
        hint: Option<String>,
    },
    /// M0029: a component cannot be used.
    #[error("cannot use the component `{factory}`: {message}")]
    Component {
        /// What was asked for.
        factory: String,
        /// What is wrong with it.
        message: String,
        /// What to do about it.
        hint: Option<String>,
        /// Where.
        place: At,
    },
    /// M0030 to M0032: a pipeline is not as its lock says.
    #[error("{0}")]
    Lock(Box<LockProblem>),
    /// M0028: bytes without a format reach a pad that needs raw media.
    #[error("`{src}` gives plain bytes, but `{sink}` needs raw media\n  `{sink}` accepts {}", .accepts.brief())]
    BytesToRaw {
        /// Element and pad.
        src: String,
        /// Element and pad.
        sink: String,
        /// What it takes.
        accepts: Caps,
        /// A decoder that exists.
        decoder: Option<String>,
        /// Where the link stands.
        place: At,
    },
}

/// Why two pads cannot be linked.
#[derive(Debug, Clone, PartialEq)]
pub struct NoCommonCaps {
    /// Element and pad that offer.
    pub src: String,
    /// Element and pad that accept.
    pub sink: String,
    /// What could leave the src pad.
    pub offers: Caps,
    /// What the sink pad takes.
    pub accepts: Caps,
    /// What keeps them apart; the first is the one to name.
    pub clashes: Vec<Clash>,
    /// A caps filter that is to blame: its name and text.
    pub filter: Option<(String, String)>,
    /// What to do.
    pub hint: Option<String>,
    /// Where the link stands.
    pub place: At,
}

/// What keeps two caps apart.
#[derive(Debug, Clone, PartialEq)]
pub enum Clash {
    /// Different media types.
    MediaType {
        /// What is offered.
        offered: String,
        /// What is accepted.
        accepted: String,
    },
    /// Different memory or metas.
    Features {
        /// What is offered.
        offered: String,
        /// What is accepted.
        accepted: String,
    },
    /// A field has no common value.
    Field {
        /// The field.
        name: String,
        /// What is offered.
        offered: caps::Value,
        /// What is accepted.
        accepted: caps::Value,
    },
}

/// Smallest and largest value of a property, both allowed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds {
    /// Of a whole number.
    Integer(i64, i64),
    /// Of a number with a fraction.
    Float(f64, f64),
}

impl std::fmt::Display for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Integer(min, max) => write!(f, "from {min} to {max}"),
            Self::Float(min, max) => write!(f, "from {min} to {max}"),
        }
    }
}

impl Error {
    /// Caps that cannot be read, shown with the place in `source`, where the caps
    /// begin at byte `offset`.
    pub fn caps_in(error: caps::ParseError, source: &Source, offset: usize) -> Self {
        let at = offset + error.at;
        let place = source.place(Span::new(at, at + error.len.max(1)));
        Self::Caps {
            source: error,
            place: Some(Box::new(place)),
        }
    }

    /// Caps that cannot be read, shown by themselves.
    pub fn caps(error: caps::ParseError, text: &str) -> Self {
        Self::caps_in(error, &Source::new("caps", text), 0)
    }

    /// The whole text, as `millstream` prints it:
    /// `error[M0003]: …`, the place, the details, `hint: …`.
    pub fn render(&self) -> String {
        let text = self.to_string();
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let mut out = format!("error[{}]: {first}", self.code());
        if let Some(place) = self.place() {
            out.push('\n');
            let lines = place.render();
            out.push_str(
                &lines
                    .lines()
                    .map(str::trim_end)
                    .collect::<Vec<_>>()
                    .join("\n"),
            );
        }
        if !rest.is_empty() {
            out.push('\n');
            out.push_str(rest);
        }
        if let Some(hint) = self.hint() {
            out.push_str("\nhint: ");
            out.push_str(&hint);
        }
        out
    }

    /// Where the mistake stands, if it is in a text.
    pub fn place(&self) -> Option<&Place> {
        self.at().as_deref()
    }

    /// The same, pointing at a place unless it does so already.
    #[must_use]
    pub fn with_place(mut self, place: Option<Place>) -> Self {
        if let (Some(at @ None), Some(place)) = (self.at_mut(), place) {
            *at = Some(Box::new(place));
        }
        self
    }
}
