//! What the tests of the Responses dialect share.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test file uses a part, and a failing test panics"
)]

use kiro2api_core::Error;
use kiro2api_core::dialect::{Decoded, Given, Ids, Voice, responses};
use kiro2api_core::host::Headers;
use kiro2api_core::json::Lit;
use kiro2api_core::turn::{Count, Delta, Turn, Usage};
use serde_json::Value;

pub const PNG: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

pub fn lit(text: &str) -> Lit<'_> {
    Lit::plain(text).unwrap()
}

pub fn ids() -> Ids {
    Ids { stem: "0123456789abcdef01234567".to_owned(), created: 1_800_000_000, choice: None }
}

pub fn usage(input: u64, output: u64) -> Usage {
    Usage { input: Count::reported(input), output: Count::reported(output), ..Usage::default() }
}

pub fn voice(body: &str) -> Voice {
    let headers = Headers::new();
    responses::decode(body.as_bytes(), &Given::of(&headers)).unwrap().voice
}

/// The voice where responses can be kept.
pub fn storing_voice(body: &str) -> Voice {
    let headers = Headers::new();
    responses::decode(body.as_bytes(), &Given { storing: true, ..Given::of(&headers) }).unwrap().voice
}

pub fn stream(voice: &Voice, deltas: &[Delta<'_>]) -> String {
    let mut encoder = voice.encoder(&ids());
    let mut out = Vec::new();
    for delta in deltas {
        encoder.delta(delta, &mut out);
    }
    String::from_utf8(out).unwrap()
}

/// The data of every event; its name must be its type.
pub fn events(stream: &str) -> Vec<Value> {
    let mut events = Vec::new();
    for event in stream.split_terminator("\n\n") {
        let (name, data) = event.split_once('\n').unwrap_or_else(|| panic!("{event}"));
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name.strip_prefix("event: ").unwrap(), data["type"].as_str().unwrap());
        events.push(data);
    }
    events
}

/// The turn of a request with these headers, of which nothing is missing.
pub fn turn<R>(body: &str, headers: &[(&'static str, &str)], look: impl FnOnce(&Turn<'_>) -> R) -> R {
    let headers: Headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).to_owned())).collect();
    let given = Given::of(&headers);
    let Decoded { turn, needs, .. } =
        responses::decode(body.as_bytes(), &given).unwrap_or_else(|error| panic!("{error}\n{body}"));
    assert!(needs.is_empty(), "{needs:?}");
    look(&turn)
}

pub fn refused(body: &str) -> Error {
    let headers = Headers::new();
    match responses::decode(body.as_bytes(), &Given::of(&headers)) {
        Ok(_) => panic!("accepted: {body}"),
        Err(error) => error,
    }
}
