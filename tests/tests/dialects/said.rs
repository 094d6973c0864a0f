//! What a service may say, at random.

use kiro2api_tests::frame::Frame;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What the service may say next.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    Text(String),
    Thought(String),
    Signature(String),
    Redacted(String),
    /// Which call, its input in pieces of a size, whether it is stopped.
    Call(u8, String, usize, bool),
    Stop(&'static str),
    Context(f64),
    Unknown,
    Fault,
}

/// Any of it.
pub(crate) fn say() -> impl Strategy<Value = Say> {
    let words = "[ -~äß\u{1F600}\\n\"\\\\<>]{0,12}";
    prop_oneof![
        6 => words.prop_map(Say::Text),
        1 => Just(Say::Text("<thinking>".into())),
        1 => Just(Say::Text("</thinking>\n\n".into())),
        1 => Just(Say::Text("STOP".into())),
        2 => words.prop_map(Say::Thought),
        1 => "[A-Za-z0-9+/]{4,8}".prop_map(Say::Signature),
        1 => "[A-Za-z0-9+/]{4}".prop_map(Say::Redacted),
        3 => (0_u8..4, "[ -~]{0,10}", 1_usize..9, prop::bool::weighted(0.9)).prop_map(|(id, text, cut, stop)| Say::Call(id, text, cut, stop)),
        1 => prop::sample::select(&["END_TURN", "TOOL_USE", "MAX_TOKENS", "CONTENT_FILTERED", "NEW"][..]).prop_map(Say::Stop),
        1 => (0.0..100.0).prop_map(Say::Context),
        1 => Just(Say::Unknown),
        1 => prop::bool::weighted(0.1).prop_map(|fault| if fault { Say::Fault } else { Say::Unknown }),
    ]
}

/// Its frames.
pub(crate) fn frames(said: &Say) -> Vec<Frame> {
    let event = |kind: &str, payload: Value| Frame::event(kind, payload.to_string());
    match said {
        Say::Text(text) => vec![event("assistantResponseEvent", json!({ "content": text }))],
        Say::Thought(text) => vec![event("reasoningContentEvent", json!({ "text": text }))],
        Say::Signature(text) => vec![event("reasoningContentEvent", json!({ "text": "", "signature": text }))],
        Say::Redacted(text) => vec![event("reasoningContentEvent", json!({ "redactedContent": text }))],
        Say::Call(id, text, cut, stop) => {
            let (id, input) = (format!("tooluse_{id}"), json!({ "a": text }).to_string());
            let pieces = input.as_bytes().chunks(*cut).map(|piece| String::from_utf8(piece.to_vec()).unwrap());
            let mut frames: Vec<Frame> = pieces
                .map(|piece| event("toolUseEvent", json!({ "toolUseId": id, "name": "f", "input": piece })))
                .collect();
            if *stop {
                frames.push(event("toolUseEvent", json!({ "toolUseId": id, "name": "f", "stop": true })));
            }
            frames
        }
        Say::Stop(reason) => vec![event("metadataEvent", json!({ "stopReason": reason }))],
        Say::Context(percent) => vec![event("contextUsageEvent", json!({ "contextUsagePercentage": percent }))],
        Say::Unknown => vec![event("futureEvent", json!({ "x": [1, 2] }))],
        Say::Fault => vec![Frame::exception("ThrottlingException", "Too many requests", None)],
    }
}
