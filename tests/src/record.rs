//! What the server remembers of every request.

use serde::Serialize;
use serde_json::Value;

use crate::check::Violation;

/// One request and what became of it. Nothing is redacted: the server only ever sees simulated secrets.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Record {
    /// Counts from 1 over the server's life.
    pub id: usize,
    /// Milliseconds after the server's start.
    pub at_ms: u64,
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query, without `?`.
    pub query: String,
    /// Names in lower case, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body as JSON; a string if it is none; `null` if it is empty.
    pub body: Value,
    /// The body as it came, with the switch `keep_text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Bytes of the body.
    pub body_bytes: usize,
    /// `chat`, `social`, `idc` (each `/token`), `register`, `device`, `usage`, `models`, `profiles`, `mcp` or `unknown`.
    pub operation: String,
    /// The account's label, once the bearer or refresh token was recognised.
    pub account: Option<String>,
    /// The status sent; 0 before the head.
    pub status: u16,
    /// How it was judged.
    pub verdict: Verdict,
    /// Broken rules; the first one was answered.
    pub violations: Vec<Violation>,
    /// Tolerated oddities.
    pub warnings: Vec<String>,
    /// The directive that chose the answer.
    pub directive: Option<String>,
    /// The directive's step.
    pub step: usize,
    /// How many requests had this step before.
    pub attempt: usize,
    /// Body bytes handed to the connection.
    pub written: usize,
    /// What became of the answer.
    pub outcome: Outcome,
}

impl Record {
    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Whether some text in the body holds this one, as every body does the empty one.
    pub fn holds(&self, word: &str) -> bool {
        word.is_empty() || holds(&self.body, word)
    }
}

fn holds(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => text.contains(word),
        Value::Array(items) => items.iter().any(|item| holds(item, word)),
        Value::Object(members) => members.values().any(|member| holds(member, word)),
        _ => false,
    }
}

/// How a request was judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not yet.
    #[default]
    Pending,
    /// Nothing was wrong with it.
    Accepted,
    /// A rule was broken.
    Refused,
    /// The bearer, the refresh token or the account.
    Unauthorized,
    /// An injected fault answered it.
    Faulted,
    /// The `@sim` directive cannot be parsed.
    BadDirective,
    /// No such operation.
    Unknown,
}

/// What became of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Still being answered.
    #[default]
    Open,
    /// All of it was written.
    Complete,
    /// The script cut it.
    Cut,
    /// The peer closed the connection before the end.
    ClientGone,
}
