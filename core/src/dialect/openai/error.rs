//! Failures as OpenAI clients expect them: by status, type and code.
//!
//! The codes are those that clients act on: `context_length_exceeded` makes Codex compact, `insufficient_quota` ends
//! the turn, `server_is_overloaded` names the model as busy, `rate_limit_exceeded` waits and tries again.

use crate::dialect::failure_headers;
use crate::dialect::sse::{raw, string};
use crate::error::{Error, Kind};
use crate::host::Headers;

/// The status, headers and body of a failed request.
pub fn openai_error(error: &Error) -> (u16, Headers, Vec<u8>) {
    let mut out = Vec::with_capacity(256);
    wrapped(error, &mut out);
    (shape(error.kind()).status, failure_headers(error), out)
}

/// Appends `{"error":{…}}`: the body of a failure, and the data of the line that ends a broken stream.
pub(in crate::dialect) fn wrapped(error: &Error, out: &mut Vec<u8>) {
    let shape = shape(error.kind());
    raw("{\"error\":{\"message\":", out);
    string(&message(error), out);
    raw(",\"type\":\"", out);
    raw(shape.kind, out);
    raw("\",\"param\":", out);
    optional(error.path().filter(|path| !path.is_empty()), out);
    raw(",\"code\":", out);
    optional(shape.code, out);
    raw("}}", out);
}

/// What the client shows. Several clients know an overflow only by its first words.
pub(in crate::dialect) fn message(error: &Error) -> String {
    match error.kind() {
        Kind::TooLong { tokens, maximum } => format!(
            "This model's maximum context length is {maximum} tokens, and the request holds {tokens} tokens: \
             shorten the conversation or the tools"
        ),
        _ if error.path().is_some_and(str::is_empty) => error.text().to_owned(),
        _ => error.to_string(),
    }
}

/// The code of a failure, where a client may act on it.
pub(in crate::dialect) fn code(error: &Error) -> Option<&'static str> {
    shape(error.kind()).code
}

fn optional(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => string(text, out),
        None => raw("null", out),
    }
}

/// How a kind is told.
struct Shape {
    status: u16,
    kind: &'static str,
    code: Option<&'static str>,
}

fn shape(kind: Kind) -> Shape {
    let (invalid, server) = ("invalid_request_error", "server_error");
    let (status, kind, code) = match kind {
        Kind::Invalid | Kind::ThreadsUnsupported => (400, invalid, None),
        Kind::PreviousMissing => (400, invalid, Some("previous_response_not_found")),
        Kind::TooLong { .. } => (400, invalid, Some("context_length_exceeded")),
        Kind::BodyTooLarge => (413, invalid, Some("request_too_large")),
        Kind::Unauthenticated => (401, invalid, Some("invalid_api_key")),
        Kind::Forbidden => (403, "permission_error", None),
        Kind::NoSuchRoute => (404, invalid, Some("unknown_url")),
        Kind::NoSuchResponse => (404, invalid, Some("not_found")),
        Kind::UnknownModel => (404, invalid, Some("model_not_found")),
        Kind::MethodNotAllowed { .. } => (405, invalid, Some("method_not_supported")),
        Kind::NotConfigured | Kind::NoUsableAccount | Kind::UpstreamRefused => (503, server, None),
        Kind::StoreUnreachable => (503, server, Some("store_unreachable")),
        Kind::RateLimited => (429, "rate_limit_error", Some("rate_limit_exceeded")),
        Kind::QuotaExhausted => (429, "insufficient_quota", Some("insufficient_quota")),
        Kind::Overloaded => (503, server, Some("server_is_overloaded")),
        Kind::UpstreamFailed | Kind::UpstreamBroke => (502, server, None),
        Kind::TimedOut => (504, server, Some("timeout")),
        Kind::Internal => (500, server, None),
    };
    Shape { status, kind, code }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::host::Millis;
    use serde_json::Value;

    fn told(error: &Error) -> (u16, Headers, Value) {
        let (status, headers, body) = openai_error(error);
        (status, headers, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn every_kind_has_the_status_type_and_code_clients_act_on() {
        for (kind, status, name, code) in [
            (Kind::Invalid, 400, "invalid_request_error", None),
            (Kind::TooLong { tokens: 9, maximum: 8 }, 400, "invalid_request_error", Some("context_length_exceeded")),
            (Kind::BodyTooLarge, 413, "invalid_request_error", Some("request_too_large")),
            (Kind::Unauthenticated, 401, "invalid_request_error", Some("invalid_api_key")),
            (Kind::UnknownModel, 404, "invalid_request_error", Some("model_not_found")),
            (Kind::RateLimited, 429, "rate_limit_error", Some("rate_limit_exceeded")),
            (Kind::QuotaExhausted, 429, "insufficient_quota", Some("insufficient_quota")),
            (Kind::Overloaded, 503, "server_error", Some("server_is_overloaded")),
            (Kind::UpstreamBroke, 502, "server_error", None),
            (Kind::TimedOut, 504, "server_error", Some("timeout")),
            (Kind::Internal, 500, "server_error", None),
        ] {
            let (got, headers, body) = told(&Error::new(kind, "x"));
            let error = &body["error"];
            assert_eq!((got, error["type"].as_str(), error["code"].as_str()), (status, Some(name), code), "{kind:?}");
            assert!(error["param"].is_null());
            assert_eq!(headers.iter().any(|(name, _)| name == "x-should-retry"), kind.is_lasting());
        }
    }

    #[test]
    fn the_path_is_the_param_and_leads_the_message() {
        let (_, _, body) = told(&Error::invalid("messages[0].role", "is \"bad\""));
        assert_eq!(body["error"]["param"], "messages[0].role");
        assert_eq!(body["error"]["message"], "messages[0].role: is \"bad\"");
        let (_, _, body) = told(&Error::invalid("", "the body is empty"));
        assert_eq!(
            (body["error"]["param"].as_str(), body["error"]["message"].as_str()),
            (None, Some("the body is empty"))
        );
    }

    #[test]
    fn an_overflow_begins_with_the_words_clients_know_and_a_wait_is_told() {
        let (_, _, body) = told(&Error::new(Kind::TooLong { tokens: 210, maximum: 200 }, "x"));
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("This model's maximum context length is 200 tokens"), "{message}");
        let (_, headers, _) = told(&Error::new(Kind::RateLimited, "x").retry_after(Millis(1_200)));
        assert!(headers.contains(&(Cow::Borrowed("retry-after"), "2".to_owned())));
    }
}
