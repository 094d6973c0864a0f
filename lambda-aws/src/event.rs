//! The platform's event as the core's request: payload format 2.0, from function URLs and from HTTP APIs of API Gateway.
//!
//! Nothing here fails: what is no such event becomes a request that the core refuses, so that whoever sent it reads
//! why. The fields are borrowed from the event, whose body may be megabytes.

mod payload;

use std::borrow::Cow;
use std::collections::BTreeMap;

use kiro2api_core::host::{Headers, Incoming, Millis, Payload};
use serde::Deserialize;

/// How the platform takes an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Delivery {
    /// As it comes. Function URLs do.
    Streamed,
    /// As one piece of JSON: HTTP APIs of API Gateway cannot stream.
    Whole,
}

/// What is read of an event.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Event<'e> {
    #[serde(borrow)]
    version: Option<Text<'e>>,
    #[serde(borrow)]
    raw_path: Option<Text<'e>>,
    #[serde(borrow)]
    raw_query_string: Option<Text<'e>>,
    /// Values of a header that was sent more than once are joined by commas already.
    headers: Option<BTreeMap<String, String>>,
    #[serde(borrow)]
    request_context: Option<RequestContext<'e>>,
    #[serde(borrow)]
    body: Option<Text<'e>>,
    is_base64_encoded: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct RequestContext<'e> {
    #[serde(borrow)]
    http: Option<Http<'e>>,
    #[serde(borrow)]
    stage: Option<Text<'e>>,
    #[serde(borrow)]
    domain_name: Option<Text<'e>>,
}

#[derive(Deserialize)]
struct Http<'e> {
    #[serde(borrow)]
    method: Text<'e>,
}

/// A string, borrowed where it holds no escapes. (An optional `Cow` alone would always be copied.)
#[derive(Deserialize)]
struct Text<'e>(#[serde(borrow)] Cow<'e, str>);

/// Reads an event that has come `now`. `ends` is when the platform ends the invocation.
pub(crate) fn read(event: &[u8], now: Millis, ends: Millis) -> (Incoming, Delivery) {
    // What cannot be read has no method, and is refused for it.
    let event: Event<'_> = serde_json::from_slice(event).unwrap_or_default();
    let context = event.request_context.unwrap_or_default();
    let path = event.raw_path.map_or_else(|| "/".to_owned(), |path| within_stage(&path.0, context.stage.as_ref()));
    let headers = headers(event.headers.unwrap_or_default());
    let body = match (&context.http, &headers) {
        (None, _) | (_, None) => Payload::NO_REQUEST,
        _ if event.version.is_some_and(|version| version.0 != "2.0") => Payload::OTHER_VERSION,
        (_, Some(headers)) => payload::read(event.body.map(|body| body.0), event.is_base64_encoded, headers),
    };
    let delivery = delivery(context.domain_name.as_ref());
    let incoming = Incoming {
        method: context.http.map_or_else(|| "POST".to_owned(), |http| http.method.0.to_ascii_uppercase()),
        path,
        query: event.raw_query_string.map(|query| query.0.into_owned()).unwrap_or_default(),
        headers: headers.unwrap_or_default(),
        body,
        ends: match delivery {
            Delivery::Streamed => ends,
            Delivery::Whole => ends.min(now + API_GATEWAY_WAITS),
        },
    };
    (incoming, delivery)
}

/// The path as the client wrote it: an API Gateway whose stage has a name puts that in front.
fn within_stage(path: &str, stage: Option<&Text<'_>>) -> String {
    let rest =
        stage.filter(|stage| stage.0 != "$default").and_then(|stage| path.strip_prefix('/')?.strip_prefix(&*stage.0));
    match rest {
        Some("") => "/".to_owned(),
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        _ => path.to_owned(),
    }
}

/// With names in lower case. `None` when one of them can be no header: no client sent that, and in an answer that
/// repeats it the platform would not take it.
fn headers(headers: BTreeMap<String, String>) -> Option<Headers> {
    let known = |name: &str, value: &str| {
        http::HeaderName::from_bytes(name.as_bytes()).is_ok() && http::HeaderValue::from_str(value).is_ok()
    };
    headers
        .into_iter()
        .map(|(name, value)| known(&name, &value).then(|| (Cow::Owned(name.to_ascii_lowercase()), value)))
        .collect()
}

/// An API Gateway is known by the name it is called by: its own ends in this, and one of the operator's is neither
/// a function URL's nor the local emulator's.
fn delivery(domain: Option<&Text<'_>>) -> Delivery {
    let Some(Text(domain)) = domain else { return Delivery::Streamed };
    let host = domain.split(':').next().unwrap_or_default();
    let local = !host.contains('.') || host.parse::<core::net::IpAddr>().is_ok();
    if local || host.contains(".lambda-url.") { Delivery::Streamed } else { Delivery::Whole }
}

/// The longest that an HTTP API of API Gateway waits for an answer. It tells nobody that it has given up: what comes
/// later would be made, and paid, for no one.
const API_GATEWAY_WAITS: Millis = Millis::secs(30);

#[cfg(test)]
mod tests;
