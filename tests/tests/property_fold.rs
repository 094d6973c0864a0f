//! A streamed answer, put together by its own grammar, is the answer in one body: over random sequences of events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

#[path = "dialects/said.rs"]
mod said;

use kiro2api_tests::world::{Answer, Ask, Piece, steps};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use said::{frames, say};
use serde_json::{Value, json};

/// Puts a stream together as a client does, and holds the grammar on the way. `None`: it ends with an error.
fn folded(stream: &str) -> Option<Value> {
    let mut message = Value::Null;
    let mut open = false;
    let mut input = String::new();
    for block in stream.split("\n\n").filter(|block| !block.is_empty()) {
        let (name, data) = block.split_once('\n').unwrap();
        let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(name, format!("event: {}", data["type"].as_str().unwrap()));
        let index = usize::try_from(data["index"].as_u64().unwrap_or(0)).unwrap();
        match data["type"].as_str().unwrap() {
            "message_start" => message = data["message"].clone(),
            "content_block_start" => {
                let blocks = message["content"].as_array_mut().unwrap();
                assert!(!open && index == blocks.len(), "blocks are interleaved: {stream}");
                blocks.push(data["content_block"].clone());
                (open, input) = (true, String::new());
            }
            "content_block_delta" => {
                assert!(open);
                let block = &mut message["content"][index];
                for (kind, member) in
                    [("text_delta", "text"), ("thinking_delta", "thinking"), ("signature_delta", "signature")]
                {
                    if data["delta"]["type"] == kind {
                        let text = block[member].as_str().unwrap().to_owned() + data["delta"][member].as_str().unwrap();
                        block[member] = text.into();
                    }
                }
                input.push_str(data["delta"]["partial_json"].as_str().unwrap_or_default());
            }
            "content_block_stop" => {
                open = false;
                if message["content"][index]["type"] == "tool_use" && !input.is_empty() {
                    message["content"][index]["input"] = serde_json::from_str(&input).unwrap_or_else(|_| json!("cut"));
                }
            }
            "message_delta" => {
                assert!(!open, "the message ends inside a block");
                message["stop_reason"] = data["delta"]["stop_reason"].clone();
                message["stop_sequence"] = data["delta"]["stop_sequence"].clone();
                message["usage"] = data["usage"].clone();
            }
            "error" => return None,
            "message_stop" | "ping" => {}
            other => panic!("{other}"),
        }
    }
    assert!(stream.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"), "no end: {stream}");
    // A cut call is told by the stop reason and left out of a body.
    message["content"].as_array_mut().unwrap().retain(|block| block["input"] != "cut");
    Some(message)
}

/// Every run tries the same sequences; change it to try others.
const SEED: u64 = 20_261_121;
const THINKING: &str = r#","thinking":{"type":"enabled","budget_tokens":2000},"stop_sequences":["STOP"]"#;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, rng_seed: RngSeed::Fixed(SEED), ..ProptestConfig::default() })]

    #[test]
    fn a_folded_stream_is_the_body(said in prop::collection::vec(say(), 0..10), watched in any::<bool>(), cut in 1_usize..200) {
        let bytes: Vec<u8> = said.iter().flat_map(frames).flat_map(|frame| frame.encode()).collect();
        let reply = Answer::stream(bytes.chunks(cut).map(|chunk| Piece::Bytes(chunk.to_vec())).collect());
        let run = |stream: bool| {
            let more = if watched { THINKING } else { "" };
            let body = format!(r#"{{"model":"claude-sonnet-4-5","max_tokens":100,"stream":{stream}{more},"messages":[{{"role":"user","content":"hi"}}]}}"#);
            steps::run(&mut steps::gateway(), Ask::messages(body).incoming(), [3; 32], std::slice::from_ref(&reply))
        };
        let (streamed, whole) = (run(true), run(false));
        let stream = String::from_utf8(streamed.body).unwrap();
        let body: Value = serde_json::from_slice(&whole.body).unwrap();
        if streamed.status != 200 {
            prop_assert_eq!((streamed.status, serde_json::from_str::<Value>(&stream).unwrap()), (whole.status, body));
        } else {
            match folded(&stream) {
                Some(message) => prop_assert_eq!((200, message), (whole.status, body)),
                None => prop_assert_ne!(whole.status, 200, "an error in the stream, but a success as a body"),
            }
        }
    }
}
