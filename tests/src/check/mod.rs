//! The strict reader of chat bodies: what the service refuses, and with which words.
//!
//! Each broken rule is a [`Violation`] with the place, a detail for the developer, and the refusal the service would answer.
//! Members the service does not know but tolerates, and habits that are known to be shaky, are warnings.
//!
//! | rule | refuses |
//! |---|---|
//! | `R1` … `R22` | the numbered rules: order of turns, empty contents, pairing, ids, tools, schemas, JSON, profile, size |
//! | `shape`, `enum`, `null` | missing members, wrong types, unknown enum values, explicit nulls |
//! | `size` | contents, tool results, history beyond the service's limits |
//! | `conversation-id`, `model`, `window` | a malformed id, a model outside the catalogue, more tokens than its window |
//! | `fields`, `fields-thinking` | `additionalModelRequestFields` against the model's schema; effort together with disabled thinking |
//! | `image`, `document` | base64, format, size, count, names |
//! | `schema-ref`, `schema-root` | `$ref` in a tool's schema; `anyOf`, `oneOf`, `allOf` at its root |

pub(crate) mod media;
mod schema;
mod shape;
mod tools;
pub(crate) mod turns;

use serde::Serialize;
use serde_json::Value;

use crate::catalogue;
use crate::config::Config;
use crate::refusal::Refusal;

/// The names of all rules.
pub const RULES: &[&str] = &[
    "R1",
    "R2",
    "R3",
    "R4",
    "R5",
    "R6",
    "R7",
    "R8",
    "R9",
    "R10",
    "R11",
    "R12",
    "R13",
    "R14",
    "R15",
    "R16",
    "R17",
    "R18",
    "R19",
    "R20",
    "R21",
    "R22",
    "shape",
    "enum",
    "null",
    "size",
    "conversation-id",
    "model",
    "window",
    "fields",
    "fields-thinking",
    "image",
    "document",
    "schema-ref",
    "schema-root",
];

/// Rules about the content, which a lenient server does not enforce.
const STRICT_ONLY: &[&str] = &[
    "R1",
    "R2",
    "R3",
    "R4",
    "R5",
    "R6",
    "R7",
    "R8",
    "R9",
    "R10",
    "R11",
    "R12",
    "R13",
    "R16",
    "R17",
    "R19",
    "R20",
    "null",
    "size",
    "conversation-id",
    "fields-thinking",
    "image",
    "document",
    "schema-ref",
    "schema-root",
];

/// Which of the two wire dialects a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// By path.
    Rest,
    /// By `x-amz-target`.
    AwsJson,
}

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The rule's name.
    pub rule: String,
    /// The member, for example `conversationState.history[1].assistantResponseMessage.content`.
    pub path: String,
    /// What is wrong with it.
    pub detail: String,
    /// What the service answers.
    pub refusal: Refusal,
}

/// Everything found in one body.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// In the order of the checks; the first one is answered.
    pub violations: Vec<Violation>,
    /// Tolerated, but not clean.
    pub warnings: Vec<String>,
    /// A crude estimate: bytes without media / 4, plus 1500 for each image.
    pub tokens: usize,
    strict: bool,
    generic: bool,
    skipped: Vec<String>,
}

impl Findings {
    /// Nothing found yet.
    pub fn new(config: &Config) -> Self {
        Self {
            strict: config.strict,
            generic: config.generic_errors,
            skipped: config.skip_rules.clone(),
            ..Self::default()
        }
    }

    /// Notes a broken rule; a warning if the configuration does not enforce it.
    pub fn broken(&mut self, rule: &str, path: impl Into<String>, detail: impl Into<String>, refusal: Refusal) {
        let (path, detail) = (path.into(), detail.into());
        let lenient = !self.strict && STRICT_ONLY.contains(&rule);
        if lenient || self.skipped.iter().any(|skipped| skipped == rule) {
            self.warnings.push(format!("{rule}: {path}: {detail}"));
            return;
        }
        let refusal = if self.generic && refusal.status == 400 { Refusal::improper() } else { refusal };
        self.violations.push(Violation { rule: rule.to_owned(), path, detail, refusal });
    }

    fn improper(&mut self, rule: &str, path: impl Into<String>, detail: impl Into<String>) {
        self.broken(rule, path, detail, Refusal::improper());
    }

    fn warn(&mut self, path: &str, detail: &str) {
        self.warnings.push(format!("{path}: {detail}"));
    }
}

/// Reads a chat body. The value is absent if the body is not JSON.
pub fn inspect(body: &[u8], dialect: Dialect, config: &Config) -> (Option<Value>, Findings) {
    let mut findings = Findings::new(config);
    if body.len() > config.limits.body_bytes {
        let detail = format!("{} bytes, the limit is {}", body.len(), config.limits.body_bytes);
        findings.improper("R22", "body", detail);
    }
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => {
            let refusal = Refusal::preset("invalid-json").unwrap_or_else(Refusal::improper);
            findings.broken("R18", "body", error.to_string(), refusal);
            return (None, findings);
        }
    };
    shape::check(&value, dialect, &mut findings);
    turns::check(&value, &config.limits, &mut findings);
    tools::check(&value, &config.limits, &mut findings);
    let media = media::check(&value, &config.limits, &mut findings);
    findings.tokens = body.len().saturating_sub(media.base64) / 4 + media.images * 1500;
    model(&value, config, &mut findings);
    (Some(value), findings)
}

fn model(body: &Value, config: &Config, findings: &mut Findings) {
    let path = "conversationState.currentMessage.userInputMessage.modelId";
    let fields = body.get("additionalModelRequestFields");
    let id = current(body).and_then(|user| user.get("modelId")).and_then(Value::as_str);
    let Some(id) = id else {
        return findings.warn(path, "absent; the service then chooses a model");
    };
    let Some(model) = catalogue::find(config, id) else {
        let refusal = catalogue::not_offered();
        return findings.broken("model", path, format!("\"{id}\" is not in the catalogue"), refusal);
    };
    if let Some(fields) = fields {
        schema::check_fields(fields, model.schema.as_ref(), findings);
        if let Some(refusal) = catalogue::refused_field(config, id, fields) {
            findings.broken("fields", "additionalModelRequestFields", "refused although its schema has it", refusal);
        }
    }
    if findings.tokens as u64 > model.window {
        let detail = format!("about {} tokens, the window has {}", findings.tokens, model.window);
        let refusal = Refusal::preset("too-long").unwrap_or_else(Refusal::improper);
        findings.broken("window", "conversationState", detail, refusal);
    }
}

/// The current user message.
pub(crate) fn current(body: &Value) -> Option<&Value> {
    body.get("conversationState")?.get("currentMessage")?.get("userInputMessage")
}

/// The history's entries.
pub(crate) fn history(body: &Value) -> &[Value] {
    let history = body.get("conversationState").and_then(|state| state.get("history"));
    history.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// An array member, or nothing.
pub(crate) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A string member, or `""`.
pub(crate) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The tool specifications of the current message.
pub(crate) fn declared(body: &Value) -> &[Value] {
    current(body)
        .and_then(|user| user.get("userInputMessageContext"))
        .map(|context| list(context, "tools"))
        .unwrap_or_default()
}
