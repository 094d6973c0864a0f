//! What a client of a world got.

use kiro2api_core::Millis;
use kiro2api_core::host::{Head, header};
use serde_json::Value;

/// Everything a client got, and when.
#[derive(Clone, Debug, Default)]
pub struct Got {
    /// How it was answered.
    pub kind: Kind,
    /// Status and headers.
    pub head: Option<Head>,
    /// All bytes of the body.
    pub body: Vec<u8>,
    /// Each write.
    pub writes: Vec<Write>,
    /// When the head came.
    pub headed: Option<Millis>,
    /// When the body ended.
    pub closed: Option<Millis>,
    /// When the exchange was over.
    pub ended: Option<Millis>,
    /// Whether the client hung up.
    pub gone: bool,
    /// The log lines of the exchange.
    pub log: Vec<String>,
}

/// How a client was answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Kind {
    /// Not at all.
    #[default]
    Nothing,
    /// With one complete answer.
    Answer,
    /// With a stream.
    Stream,
}

/// One write to a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Write {
    /// When.
    pub at: Millis,
    /// Where in the body it begins.
    pub from: usize,
    /// Its bytes.
    pub len: usize,
}

/// One server-sent event.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// Its name.
    pub name: String,
    /// Its data as JSON.
    pub data: Value,
}

impl Got {
    /// The status; 0 when nothing came.
    pub fn status(&self) -> u16 {
        self.head.as_ref().map_or(0, |head| head.status)
    }

    /// A header of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.as_ref().and_then(|head| header(&head.headers, name))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }

    /// `error.type` of an Anthropic error body.
    pub fn error_type(&self) -> String {
        self.json()["error"]["type"].as_str().unwrap_or_default().to_owned()
    }

    /// `error.message` of an error body.
    pub fn error_text(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The complete events of a stream; what is left at the end must be a torn event of a client that hung up.
    pub fn events(&self) -> Vec<Event> {
        let text = String::from_utf8(self.body.clone()).expect("a stream is UTF-8");
        let mut blocks: Vec<&str> = text.split("\n\n").collect();
        let rest = blocks.pop().unwrap_or_default();
        assert!(rest.is_empty() || self.gone, "the stream ends inside an event: {rest:?}");
        blocks.into_iter().map(event).collect()
    }

    /// The names of the events.
    pub fn names(&self) -> Vec<String> {
        self.events().into_iter().map(|event| event.name).collect()
    }

    /// All `text_delta` texts joined.
    pub fn said(&self) -> String {
        let deltas = self.events().into_iter().filter(|event| event.data["delta"]["type"] == "text_delta");
        deltas.map(|event| event.data["delta"]["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// When each event of a name was written, in whole seconds since `from`.
    pub fn times(&self, name: &str, from: Millis) -> Vec<u64> {
        let mut at = Vec::new();
        for write in &self.writes {
            let text = String::from_utf8_lossy(&self.body[write.from..write.from + write.len]).into_owned();
            at.extend(text.matches(&format!("event: {name}\n")).map(|_| (write.at - from).0 / 1000));
        }
        at
    }

    /// The stop reason of a stream's `message_delta`.
    pub fn stop_reason(&self) -> Option<String> {
        let end = self.events().into_iter().find(|event| event.name == "message_delta")?;
        end.data["delta"]["stop_reason"].as_str().map(str::to_owned)
    }

    /// The request's own log line, as JSON.
    pub fn summary(&self) -> Value {
        let line = self.log.last().expect("each exchange logs a line");
        serde_json::from_str(line).expect("a log line is JSON")
    }
}

fn event(block: &str) -> Event {
    let (first, second) = block.split_once('\n').unwrap_or((block, ""));
    let name = first.strip_prefix("event: ").unwrap_or_else(|| panic!("an event without a name: {block:?}"));
    let data = second.strip_prefix("data: ").unwrap_or_else(|| panic!("an event without data: {block:?}"));
    let data = serde_json::from_str(data).unwrap_or_else(|error| panic!("{error} in {block:?}"));
    Event { name: name.to_owned(), data }
}
