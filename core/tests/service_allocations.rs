//! What reading an event takes from the heap: nothing. A binary of its own: `allocation-counter` installs its global
//! allocator wherever it is linked. It counts per thread, so parallel tests do not disturb each other.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "eventstream/wire.rs"]
#[allow(dead_code, reason = "shared with the decoder's tests; not all of it is needed here")]
mod wire;

use allocation_counter::measure;
use kiro2api_core::eventstream::Decoder;
use kiro2api_core::upstream::Event;

/// Reads every frame of the stream and counts those that `wanted` accepts.
fn count(decoder: &mut Decoder, stream: &[u8], wanted: impl Fn(&Event<'_>) -> bool) -> usize {
    let mut frames = decoder.push(stream);
    let mut seen = 0;
    while let Some(frame) = frames.next().unwrap() {
        seen += usize::from(wanted(&Event::read(&frame)));
    }
    seen
}

#[track_caller]
fn is_free(kind: &str, payload: &str, wanted: impl Fn(&Event<'_>) -> bool) {
    let stream = wire::event(kind, payload).repeat(100);
    // Once warm: the decoder remembers the last header block.
    let mut decoder = Decoder::new();
    count(&mut decoder, &stream, &wanted);
    let mut seen = 0;
    let cost = measure(|| seen = count(&mut decoder, &stream, &wanted));
    assert_eq!((seen, cost.count_total), (100, 0), "{kind} {payload}");
}

#[test]
fn text_in_every_shape_is_free() {
    for payload in [
        r#"{"content":"Hello, world"}"#,
        r#"{"content":"Hello\n\"world\" \u00e9 é","modelId":"claude-sonnet-4.5"}"#,
        r#"{"modelId":"claude-sonnet-4.5","content":"Hello","new":true}"#,
    ] {
        is_free("assistantResponseEvent", payload, |event| matches!(event, Event::Text(text) if !text.is_empty()));
    }
}

#[test]
fn thought_is_free() {
    for payload in [r#"{"text":"Let me\n"}"#, r#"{"text":"","signature":"EqQB"}"#, r#"{"redactedContent":"AbC="}"#] {
        is_free("reasoningContentEvent", payload, |event| matches!(event, Event::Reasoning { .. }));
    }
}

#[test]
fn tool_calls_are_free() {
    for payload in [
        r#"{"toolUseId":"tooluse_Vb0h","name":"get_weather"}"#,
        r#"{"toolUseId":"tooluse_Vb0h","name":"get_weather","input":"{\"ci"}"#,
        r#"{"toolUseId":"tooluse_Vb0h","name":"get_weather","input":{"city":"Oslo"}}"#,
        r#"{"toolUseId":"tooluse_Vb0h","name":"get_weather","stop":true}"#,
    ] {
        is_free("toolUseEvent", payload, |event| matches!(event, Event::Tool { .. }));
    }
}

#[test]
fn the_tail_of_a_stream_is_free() {
    is_free("metadataEvent", r#"{"stopReason":"END_TURN"}"#, |event| matches!(event, Event::Metadata { .. }));
    is_free("contextUsageEvent", r#"{"contextUsagePercentage":10.867}"#, |event| {
        matches!(event, Event::Context { .. })
    });
    let price = r#"{"unit":"credit","unitPlural":"credits","usage":0.0897}"#;
    is_free("meteringEvent", price, |event| matches!(event, Event::Metering { .. }));
    is_free("unheardOf", "{}", |event| matches!(event, Event::Unknown("unheardOf")));
}
