//! What an event may cost: no allocation on its way through a warm relay.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use kiro2api_core::Millis;
use kiro2api_core::exchange::relay::{Flow, Relay};
use kiro2api_tests::frame::Frame;
use kiro2api_tests::world::{Ask, START, steps};

fn text(words: &str) -> Vec<u8> {
    let content = serde_json::Value::from(words);
    Frame::event("assistantResponseEvent", format!(r#"{{"content":{content},"modelId":"claude-sonnet-4.5"}}"#)).encode()
}

fn warm(body: &str) -> (Relay, Vec<u8>) {
    let mut gateway = steps::gateway();
    let (mut relay, _) = steps::relay(&mut gateway, Ask::messages(body).incoming(), text("first "));
    let mut out = Vec::with_capacity(1 << 20);
    for _ in 0..32 {
        assert_eq!(relay.push(&text("warm up, with \"quotes\" and ünïcode "), START, &mut out), Flow::More);
    }
    (relay, out)
}

/// Allocations of many pushes of the same chunk.
fn cost(relay: &mut Relay, out: &mut Vec<u8>, chunk: &[u8]) -> u64 {
    assert_eq!(relay.push(chunk, START, out), Flow::More);
    out.clear();
    let info = allocation_counter::measure(|| {
        for _ in 0..100 {
            assert_eq!(relay.push(chunk, START + Millis(1), out), Flow::More);
            out.clear();
        }
    });
    info.count_total
}

const PLAIN: &str =
    r#"{"model":"claude-sonnet-4-5","max_tokens":1000,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;

#[test]
fn the_counter_counts() {
    assert!(allocation_counter::measure(|| drop(std::hint::black_box(vec![1_u8; 100]))).count_total > 0);
}

#[test]
fn a_text_event_costs_no_allocation() {
    let (mut relay, mut out) = warm(PLAIN);
    for words in ["Hello", "with \"quotes\", \\ and ünïcode \u{1F600}\n", "x"] {
        assert_eq!(cost(&mut relay, &mut out, &text(words)), 0, "{words:?}");
    }
}

#[test]
fn many_events_in_one_chunk_cost_no_allocation() {
    let (mut relay, mut out) = warm(PLAIN);
    let chunk: Vec<u8> = (0..50).flat_map(|_| text("a few words of an answer ")).collect();
    assert_eq!(cost(&mut relay, &mut out, &chunk), 0);
}

#[test]
fn an_event_cut_in_two_chunks_costs_no_allocation() {
    let (mut relay, mut out) = warm(PLAIN);
    let event = text("a few words of an answer");
    let (front, back) = event.split_at(20);
    let twice = |relay: &mut Relay, out: &mut Vec<u8>| {
        assert_eq!(relay.push(front, START, out), Flow::More);
        assert_eq!(relay.push(back, START, out), Flow::More);
        out.clear();
    };
    twice(&mut relay, &mut out);
    let info = allocation_counter::measure(|| (0..100).for_each(|_| twice(&mut relay, &mut out)));
    assert_eq!(info.count_total, 0);
}

/// Stop sequences and marks of thought are watched for in decoded text: buffers are kept, so a warm one costs nothing either.
#[test]
fn watched_text_costs_no_allocation_once_warm() {
    let watched = PLAIN.replacen(
        '{',
        r#"{"stop_sequences":["STOP","\n\nHuman:"],"thinking":{"type":"enabled","budget_tokens":2000},"#,
        1,
    );
    let (mut relay, mut out) = warm(&watched);
    assert_eq!(cost(&mut relay, &mut out, &text("a few words of an answer, ST")), 0);
}

#[test]
fn input_of_a_call_costs_no_allocation() {
    let (mut relay, mut out) = warm(PLAIN);
    let piece = |input: &str| {
        let input = serde_json::Value::from(input);
        Frame::event("toolUseEvent", format!(r#"{{"toolUseId":"tooluse_1","name":"f","input":{input}}}"#)).encode()
    };
    assert_eq!(relay.push(&piece("{\"a\":\""), START, &mut out), Flow::More);
    assert_eq!(cost(&mut relay, &mut out, &piece("some more text ")), 0);
}

#[test]
fn silence_costs_no_allocation() {
    let (mut relay, mut out) = warm(PLAIN);
    out.clear();
    let info = allocation_counter::measure(|| {
        for at in 1..10 {
            assert_eq!(relay.tick(START + Millis::secs(15 * at), &mut out), Flow::More);
        }
    });
    assert_eq!(info.count_total, 0);
    assert!(!out.is_empty());
}
