//! What a pipeline says: its greeting, and an answer to each request.

use serde_json::{Map, Value as Json, json};

use super::{Id, PROTOCOL, Problem};

/// The first line that a client reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The version of the program.
    pub version: String,
    /// The version of the protocol.
    pub protocol: u64,
    /// The pipeline's name.
    pub pipeline: String,
}

impl Greeting {
    /// What this version says of itself.
    pub fn new(pipeline: &str) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL,
            pipeline: pipeline.to_owned(),
        }
    }

    /// As a line, without its end.
    pub fn to_line(&self) -> String {
        json!({
            "millstream": self.version, "protocol": self.protocol, "pipeline": self.pipeline,
        })
        .to_string()
    }

    /// Reads a greeting. What a later version may add is passed over.
    pub fn parse(line: &str) -> Result<Self, Problem> {
        let fields = object("greeting", line)?;
        let wrong = |field: &str| not_a("greeting", &format!("no `{field}`"));
        let text = |field: &str| {
            let value = fields.get(field).and_then(Json::as_str);
            value.map(str::to_owned).ok_or_else(|| wrong(field))
        };
        Ok(Self {
            version: text("millstream")?,
            protocol: fields
                .get("protocol")
                .and_then(Json::as_u64)
                .ok_or_else(|| wrong("protocol"))?,
            pipeline: text("pipeline")?,
        })
    }
}

/// Why a request was not fulfilled, as far as a program wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is wrong; nothing was changed.
    Usage,
    /// It was tried.
    Failed,
    /// There is no room for it now.
    Busy,
}

impl ErrorKind {
    const ALL: [Self; 3] = [Self::Usage, Self::Failed, Self::Busy];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Failed => "failed",
            Self::Busy => "busy",
        }
    }
}

/// Why a request was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub kind: ErrorKind,
    /// What is wrong.
    pub message: String,
    /// What can be done.
    pub hint: Option<String>,
}

impl From<&Problem> for Refusal {
    fn from(problem: &Problem) -> Self {
        Self {
            kind: ErrorKind::Usage,
            message: problem.to_string(),
            hint: problem.hint(),
        }
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the client calls its request.
    pub id: Option<Id>,
    /// What came of it.
    pub result: Result<Json, Refusal>,
}

impl Answer {
    /// As a line, without its end.
    pub fn to_line(&self) -> String {
        let id = self.id.as_ref().map(Id::json);
        match &self.result {
            Ok(result) => json!({"id": id, "ok": result}),
            Err(refusal) => json!({"id": id, "error": {
                "kind": refusal.kind.as_str(),
                "message": refusal.message,
                "hint": refusal.hint,
            }}),
        }
        .to_string()
    }

    /// Reads an answer. What a later version may add is passed over.
    pub fn parse(line: &str) -> Result<Self, Problem> {
        let mut fields = object("answer", line)?;
        let id = match fields.remove("id") {
            None | Some(Json::Null) => None,
            Some(Json::String(text)) => Some(Id::Text(text)),
            Some(other) => Some(Id::Number(other.as_i64().ok_or_else(|| {
                not_a("answer", "`id` is neither text nor a whole number")
            })?)),
        };
        let result = match (fields.remove("ok"), fields.remove("error")) {
            (Some(result), None) => Ok(result),
            (None, Some(error)) => Err(refusal(&error)?),
            _ => return Err(not_a("answer", "neither `ok` nor `error`, or both")),
        };
        Ok(Self { id, result })
    }
}

fn refusal(error: &Json) -> Result<Refusal, Problem> {
    let text = |field| error.get(field).and_then(Json::as_str);
    let message = text("message").ok_or_else(|| not_a("answer", "an error without `message`"))?;
    // A kind that a later version may have: something went wrong.
    let kind = ErrorKind::ALL
        .into_iter()
        .find(|kind| text("kind") == Some(kind.as_str()));
    Ok(Refusal {
        kind: kind.unwrap_or(ErrorKind::Failed),
        message: message.to_owned(),
        hint: text("hint").map(str::to_owned),
    })
}

fn object(what: &'static str, line: &str) -> Result<Map<String, Json>, Problem> {
    serde_json::from_str(line).map_err(|error| not_a(what, &error.to_string()))
}

fn not_a(what: &'static str, message: &str) -> Problem {
    Problem::NotA {
        what,
        message: message.to_owned(),
    }
}
