//! A client's request.

use std::borrow::Cow;

use kiro2api_core::host::{Incoming, Millis, Payload};

/// The key every instance of a world takes from clients, unless configured otherwise.
pub const CLIENT_KEY: &str = "client-key-7Q2mZpVt0cXw";

/// A request under construction.
#[derive(Clone, Debug)]
pub struct Ask(pub(super) Incoming, Option<Millis>);

impl Ask {
    /// `POST /v1/messages` with the client key.
    pub fn messages(body: impl Into<Vec<u8>>) -> Self {
        Self::post("/v1/messages", body)
    }

    /// One user message for claude-sonnet-4-5 with `max_tokens` 1000; `stream` as said.
    pub fn prompt(text: &str, stream: bool) -> Self {
        let text = serde_json::Value::from(text);
        let body = format!(
            r#"{{"model":"claude-sonnet-4-5","max_tokens":1000,"stream":{stream},"messages":[{{"role":"user","content":{text}}}]}}"#
        );
        Self::messages(body)
    }

    /// A `POST` with the client key.
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", path).body(Payload::Bytes(body.into())).header("content-type", "application/json")
    }

    /// A `GET` with the client key.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// Any method, with the client key, without a body. The path may hold a query.
    pub fn new(method: &str, path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let headers = vec![(Cow::Borrowed("x-api-key"), CLIENT_KEY.to_owned())];
        Self::of(Incoming {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: Payload::Bytes(Vec::new()),
            ends: Millis::NEVER,
        })
    }

    /// This request.
    pub fn of(incoming: Incoming) -> Self {
        Self(incoming, None)
    }

    /// The platform ends it so many milliseconds after it has begun, answered or not.
    #[must_use]
    pub fn ends_after(mut self, milliseconds: u64) -> Self {
        self.1 = Some(Millis(milliseconds));
        self
    }

    /// The request as the core takes it at this time.
    pub(super) fn begun(&self, now: Millis) -> Incoming {
        let ends = self.1.map_or(self.0.ends, |span| now + span);
        Incoming { ends, ..self.0.clone() }
    }

    /// With another body.
    #[must_use]
    pub fn body(mut self, body: Payload) -> Self {
        self.0.body = body;
        self
    }

    /// With one more header; the name in lower case.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0.headers.push((Cow::Owned(name.to_owned()), value.to_owned()));
        self
    }

    /// Without the client key.
    #[must_use]
    pub fn without_key(mut self) -> Self {
        self.0.headers.retain(|(name, _)| name != "x-api-key");
        self
    }

    /// The request as the core takes it.
    pub fn incoming(&self) -> Incoming {
        self.0.clone()
    }
}
