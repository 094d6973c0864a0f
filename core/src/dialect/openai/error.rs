//! Failures as OpenAI clients expect them.

use std::borrow::Cow;

use crate::dialect::sse::{raw, string};
use crate::error::{Error, Kind};
use crate::host::Headers;

/// The status, headers and body of a failed request.
pub fn openai_error(error: &Error) -> (u16, Headers, Vec<u8>) {
    let (status, kind, code) = shape(error.kind());
    let mut headers: Headers = vec![(Cow::Borrowed("content-type"), "application/json".to_owned())];
    if let Some(wait) = error.wait() {
        headers.push((Cow::Borrowed("retry-after"), wait.0.div_ceil(1000).to_string()));
    }
    if let Kind::MethodNotAllowed { allow } = error.kind() {
        headers.push((Cow::Borrowed("allow"), allow.to_owned()));
    }
    let mut out = Vec::with_capacity(256);
    raw("{\"error\":{\"message\":", &mut out);
    string(error.text(), &mut out);
    raw(",\"type\":\"", &mut out);
    raw(kind, &mut out);
    raw("\",\"param\":", &mut out);
    match error.path() {
        Some(path) if !path.is_empty() => string(path, &mut out),
        _ => raw("null", &mut out),
    }
    raw(",\"code\":", &mut out);
    match code {
        Some(code) => string(code, &mut out),
        None => raw("null", &mut out),
    }
    raw("}}", &mut out);
    (status, headers, out)
}

/// Status, error type and code of a kind.
fn shape(kind: Kind) -> (u16, &'static str, Option<&'static str>) {
    let (invalid, server) = ("invalid_request_error", "server_error");
    match kind {
        Kind::Invalid | Kind::ThreadsUnsupported => (400, invalid, None),
        Kind::TooLong { .. } => (400, invalid, Some("context_length_exceeded")),
        Kind::BodyTooLarge => (413, invalid, Some("request_too_large")),
        Kind::Unauthenticated => (401, invalid, Some("invalid_api_key")),
        Kind::Forbidden => (403, "permission_error", None),
        Kind::NoSuchRoute => (404, invalid, Some("unknown_url")),
        Kind::UnknownModel => (404, invalid, Some("model_not_found")),
        Kind::MethodNotAllowed { .. } => (405, invalid, Some("method_not_supported")),
        Kind::NotConfigured | Kind::NoUsableAccount | Kind::UpstreamRefused => (503, server, None),
        Kind::RateLimited => (429, "rate_limit_error", Some("rate_limit_exceeded")),
        Kind::QuotaExhausted => (429, "insufficient_quota", Some("insufficient_quota")),
        Kind::Overloaded => (503, server, Some("overloaded")),
        Kind::UpstreamFailed | Kind::UpstreamBroke => (502, server, None),
        Kind::TimedOut => (504, server, Some("timeout")),
        Kind::Internal => (500, server, None),
    }
}
