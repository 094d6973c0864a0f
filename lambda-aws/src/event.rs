//! The invocation's event as the core's request.

use std::borrow::Cow;

use kiro2api_core::host::{Incoming, Millis, Payload};
use lambda_http::{Request, RequestExt};

/// Reads an event.
pub(crate) fn incoming(request: Request) -> Incoming {
    let ends = request.lambda_context_ref().map_or(Millis::NEVER, |context| Millis(context.deadline));
    let query = request.uri().query().unwrap_or_default().to_owned();
    let path = request.raw_http_path().to_owned();
    let (parts, body) = request.into_parts();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| {
            (Cow::Owned(name.as_str().to_owned()), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    Incoming {
        method: parts.method.as_str().to_owned(),
        path,
        query,
        headers,
        body: Payload::Bytes(body.to_vec()),
        ends,
    }
}
