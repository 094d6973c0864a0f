//! What the decoder's tests share: small requests, and parts in a short notation.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test binary uses a part of it, and a test fails by panicking"
)]

use kiro2api_core::dialect::{Given, anthropic};
use kiro2api_core::host::Headers;
use kiro2api_core::turn::{Part, Turn};
use kiro2api_core::{Error, Kind};

/// One pixel.
pub const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
pub const NO_HEADERS: &Headers = &Vec::new();

pub fn decode(body: &str) -> Result<Turn<'_>, Error> {
    anthropic::decode(body.as_bytes(), &Given::of(NO_HEADERS))
}

/// A request of one user message with this content.
pub fn saying(content: &str) -> String {
    format!(r#"{{"model":"claude-sonnet-4-5","max_tokens":64,"messages":[{{"role":"user","content":{content}}}]}}"#)
}

/// A minimal request with these members before it.
pub fn with(members: &str) -> String {
    format!(r#"{{"model":"claude-opus-5-5","max_tokens":64,{members},"messages":[{{"role":"user","content":"hi"}}]}}"#)
}

/// The parts in a short notation.
pub fn shown(parts: &[Part<'_>]) -> Vec<String> {
    let one = |part: &Part<'_>| match part {
        Part::Text(text) => format!("text {text}"),
        Part::Image(image) => format!("image {} {:?}", image.format, image.size),
        Part::Document { name, format, base64 } => format!("document {name} {format} {base64}"),
        Part::ToolUse { id, name, input } => format!("call {id} {name} {}", input.get()),
        Part::ToolResult { id, error, parts } => format!("result {id} {error} [{}]", shown(parts).join("; ")),
        Part::Thinking { text, signature } => format!("thinking {text} {signature:?}"),
        Part::Redacted(data) => format!("redacted {data}"),
    };
    parts.iter().map(one).collect()
}

pub fn parts_of(content: &str) -> Vec<String> {
    let body = saying(content);
    shown(&decode(&body).unwrap_or_else(|error| panic!("{content}: {error}")).messages[0].parts)
}

pub fn refusal(body: &str) -> (String, String) {
    let error = decode(body).expect_err(body);
    assert_eq!(error.kind(), Kind::Invalid, "{error}");
    (error.path().unwrap().to_owned(), error.text().to_owned())
}
