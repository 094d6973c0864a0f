//! One JSON line per request.

use serde::Serialize;

use crate::host::Millis;
use crate::turn::{Source, Usage};

/// What is known of a request when it is over. Never holds a secret or a word of the conversation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    timestamp: String,
    level: &'static str,
    message: &'static str,
    service: &'static str,
    /// The id the client got in `request-id`.
    pub request_id: String,
    /// Label of the client key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What makes this the line of an audit: a refused client, or what an administrator had done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<&'static str>,
    /// Method and path.
    pub route: String,
    /// Model as the client named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The service's model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream_model: Option<String>,
    /// Label of the account that served last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whether the answer was streamed.
    pub stream: bool,
    /// Requests sent to the service for the answer.
    pub attempts: u8,
    /// Status the client got; in-band errors do not change it.
    pub status: u16,
    /// From the request until the first meaningful frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// From the request until the end.
    pub response_time: u64,
    /// Input tokens as told to the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Where they come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_source: Option<&'static str>,
    /// Output tokens as told to the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
    /// Where they come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_source: Option<&'static str>,
    /// The service's price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits: Option<f64>,
    /// How the answer ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<&'static str>,
    /// Faults on the way and what was done about each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<String>,
    /// Request fields that had no effect.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<&'static str>,
    /// Whether the answer is kept, where the client wants that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<bool>,
    /// Events of the service that nobody knows.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown_events: u32,
    /// The error the client got, by its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Summary {
    /// Nothing is known yet but the request's id.
    pub fn new(request_id: &str) -> Self {
        Self { request_id: request_id.to_owned(), ..Self::default() }
    }

    /// Takes over what the answer used.
    pub fn used(&mut self, usage: &Usage) {
        self.input_tokens = Some(usage.input.tokens);
        self.input_source = Some(word(usage.input.source));
        self.output_tokens = Some(usage.output.tokens);
        self.output_source = Some(word(usage.output.source));
        self.credits = usage.credits;
    }

    /// The line, without its newline.
    pub fn line(&mut self, begun: Millis, now: Millis) -> String {
        self.timestamp = now.rfc3339();
        self.level = match (self.status, &self.error) {
            (_, None) => "info",
            (400..=499, _) => "warn",
            _ => "error",
        };
        self.message = "request";
        self.service = "kiro2api";
        self.response_time = (now - begun).0;
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A line that is not about one request: configuration notes, a store that cannot be reached.
pub fn event_line(level: &str, message: &str, now: Millis) -> String {
    #[derive(Serialize)]
    struct Line<'l> {
        timestamp: String,
        level: &'l str,
        message: &'l str,
        service: &'static str,
    }
    let line = Line { timestamp: now.rfc3339(), level, message, service: "kiro2api" };
    serde_json::to_string(&line).unwrap_or_default()
}

fn word(source: Source) -> &'static str {
    match source {
        Source::Reported => "reported",
        Source::Derived => "derived",
        Source::Estimated => "estimated",
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}
