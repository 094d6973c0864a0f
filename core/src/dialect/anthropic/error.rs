//! Failures, in the form whose types and statuses the SDKs know.

use std::borrow::Cow;

use crate::dialect::failure_headers;
use crate::dialect::sse::{raw, string};
use crate::error::{Error, Kind};
use crate::host::Headers;

/// The status, headers and body of a failed request.
pub fn error(error: &Error, request_id: &str) -> (u16, Headers, Vec<u8>) {
    let (status, _) = shape(error.kind());
    let mut headers = failure_headers(error);
    headers.insert(1, (Cow::Borrowed("request-id"), request_id.to_owned()));
    let mut out = Vec::with_capacity(256);
    body(error, request_id, &mut out);
    (status, headers, out)
}

/// Appends the error's body; in a stream it is the data of `event: error`.
pub(super) fn body(error: &Error, request_id: &str, out: &mut Vec<u8>) {
    let (_, kind) = shape(error.kind());
    raw("{\"type\":\"error\",\"error\":{\"type\":\"", out);
    raw(kind, out);
    raw("\",\"message\":", out);
    string(&message(error), out);
    if error.kind() == Kind::ThreadsUnsupported {
        raw(",\"details\":{\"error_code\":\"thread_unsupported_request\",\"unsupported\":[\"thread\"]}", out);
    }
    raw("},\"request_id\":", out);
    string(request_id, out);
    raw("}", out);
}

/// What the client shows. Claude Code starts to compact only at this very wording of an overflow.
fn message(error: &Error) -> String {
    match error.kind() {
        Kind::TooLong { tokens, maximum } => format!("prompt is too long: {tokens} tokens > {maximum} maximum"),
        _ if error.path().is_some_and(str::is_empty) => error.text().to_owned(),
        _ => error.to_string(),
    }
}

/// Status and error type of a kind.
fn shape(kind: Kind) -> (u16, &'static str) {
    match kind {
        Kind::Invalid | Kind::TooLong { .. } | Kind::ThreadsUnsupported | Kind::PreviousMissing => {
            (400, "invalid_request_error")
        }
        Kind::BodyTooLarge => (413, "request_too_large"),
        Kind::Unauthenticated => (401, "authentication_error"),
        Kind::Forbidden => (403, "permission_error"),
        Kind::NoSuchRoute | Kind::NoSuchResponse | Kind::UnknownModel => (404, "not_found_error"),
        Kind::MethodNotAllowed { .. } => (405, "invalid_request_error"),
        Kind::NotConfigured | Kind::NoUsableAccount | Kind::StoreUnreachable | Kind::UpstreamRefused => {
            (503, "api_error")
        }
        Kind::RateLimited | Kind::QuotaExhausted => (429, "rate_limit_error"),
        Kind::Overloaded => (529, "overloaded_error"),
        Kind::UpstreamFailed | Kind::UpstreamBroke => (502, "api_error"),
        Kind::TimedOut => (504, "timeout_error"),
        Kind::Internal => (500, "api_error"),
    }
}
