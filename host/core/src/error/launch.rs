//! What can be wrong with the syntax of a launch line.

/// What is wrong with the syntax of a launch line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchProblem {
    /// `! b`
    #[error("nothing stands before this `!`")]
    NothingBeforeLink,
    /// `a !`
    #[error("nothing stands behind this `!`")]
    NothingBehindLink,
    /// `a ! ! b`
    #[error("two `!` follow each other")]
    DoubleLink,
    /// `prop=val ! b`
    #[error("property `{0}` belongs to no element")]
    PropertyOfNothing(String),
    /// `a prop= ! b`
    #[error("property `{0}` has no value")]
    NoValue(String),
    /// `a prop="val`
    #[error("the quotation mark {0} is never closed")]
    OpenQuote(char),
    /// `.src` without an element
    #[error("pad `{0}` belongs to no element")]
    PadOfNothing(String),
    /// A character that starts nothing.
    #[error("unexpected `{0}`")]
    Unexpected(String),
    /// `( a ! b )`
    #[error("bins `( … )` are not supported")]
    Bin,
    /// `a : b`
    #[error("the link `:` is not supported")]
    ColonLink,
    /// `name=` with a text that is no name.
    #[error("`{0}` cannot be a name: letters, digits, `-` and `_` can stand in one")]
    BadName(String),
}

impl LaunchProblem {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NothingBeforeLink => "begin with an element: `videotestsrc ! …`".to_owned(),
            Self::NothingBehindLink => "end with a sink: `… ! fakesink`".to_owned(),
            Self::DoubleLink => "take one away, or put an element between them".to_owned(),
            Self::PropertyOfNothing(name) => {
                format!("properties stand behind their element: `element {name}=…`")
            }
            Self::NoValue(name) => format!("write `{name}=value`; empty text is `{name}=\"\"`"),
            Self::OpenQuote(mark) => format!("put a {mark} behind the value"),
            Self::PadOfNothing(pad) => format!("write the element's name before it: `name.{pad}`"),
            Self::Bin => "write the elements without the brackets".to_owned(),
            Self::ColonLink => "write `!`".to_owned(),
            Self::Unexpected(_) | Self::BadName(_) => return None,
        })
    }
}
