//! The events of a streamed message, and the failures: byte for byte, and by their grammar.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use kiro2api_core::dialect::Given;
use kiro2api_core::dialect::anthropic::{self, Encoder, UNSIGNED};
use kiro2api_core::json::Lit;
use kiro2api_core::turn::answer::{Answer, Block, OwnedStop};
use kiro2api_core::turn::{Count, Delta, Open, Stop, Usage};
use kiro2api_core::{Error, Kind, Millis};
use proptest::prelude::*;
use serde_json::Value;

fn lit(text: &str) -> Lit<'_> {
    Lit::plain(text).unwrap()
}

fn usage(input: u64, output: u64) -> Usage {
    Usage { input: Count::reported(input), output: Count::reported(output), ..Usage::default() }
}

fn stream(deltas: &[Delta<'_>]) -> String {
    let mut encoder = Encoder::new("msg_01", "claude-opus-5-5");
    let mut out = Vec::new();
    for delta in deltas {
        encoder.delta(delta, &mut out);
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn a_whole_answer_byte_for_byte() {
    let deltas = [
        Delta::Start { input: Count::estimated(12) },
        Delta::Open(Open::Thinking),
        Delta::Piece(lit("hm")),
        Delta::Sign(lit("EqQB")),
        Delta::Close,
        Delta::Open(Open::Redacted(lit("AbC="))),
        Delta::Close,
        Delta::Open(Open::Text),
        Delta::Piece(Lit::of(serde_json::from_str(r#""a\n\"b\" \ud83d\ude00""#).unwrap()).unwrap()),
        Delta::Close,
        Delta::Open(Open::Tool { id: "toolu_1", name: "read" }),
        Delta::Piece(Lit::of(serde_json::from_str(r#""{\"path\":""#).unwrap()).unwrap()),
        Delta::Piece(Lit::of(serde_json::from_str(r#""\"/x\"}""#).unwrap()).unwrap()),
        Delta::Close,
        Delta::Finish { stop: Stop::ToolUse, usage: Usage { cache_read: 7, cache_write: 3, ..usage(10, 20) } },
    ];
    let expected = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","model":"claude-opus-5-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"AbC="}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"a\n\"b\" \ud83d\ude00"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_1","name":"read","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"path\":"}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"\"/x\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":3}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":7,"output_tokens":20}}

event: message_stop
data: {"type":"message_stop"}

"#;
    assert_eq!(stream(&deltas), expected);
}

#[test]
fn every_stop_has_its_reason() {
    for (stop, reason, sequence) in [
        (Stop::EndTurn, "end_turn", Value::Null),
        (Stop::ToolUse, "tool_use", Value::Null),
        (Stop::MaxTokens, "max_tokens", Value::Null),
        (Stop::Sequence("\n\"END\""), "stop_sequence", "\n\"END\"".into()),
        (Stop::ContextWindow, "model_context_window_exceeded", Value::Null),
        (Stop::Refusal, "refusal", Value::Null),
    ] {
        let events = parse(&stream(&[Delta::Finish { stop, usage: usage(1, 2) }]));
        assert_eq!(events[0]["delta"]["stop_reason"], reason);
        assert_eq!(events[0]["delta"]["stop_sequence"], sequence);
    }
}

#[test]
fn pings_and_errors_are_events_of_their_own() {
    let mut encoder = Encoder::new("m", "m");
    let mut out = Vec::new();
    encoder.ping(&mut out);
    encoder.fault(&Error::new(Kind::UpstreamBroke, "the answer broke off"), "req_1", &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "event: ping\ndata: {\"type\":\"ping\"}\n\nevent: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\
         \"api_error\",\"message\":\"the answer broke off\"},\"request_id\":\"req_1\"}\n\n"
    );
}

#[test]
fn a_piece_costs_no_allocation() {
    let mut encoder = Encoder::new("msg_01", "claude-opus-5-5");
    let mut out = Vec::with_capacity(1 << 20);
    encoder.delta(&Delta::Start { input: Count::estimated(12) }, &mut out);
    encoder.delta(&Delta::Open(Open::Text), &mut out);
    let piece = Delta::Piece(lit("a piece of text"));
    let counted = allocation_counter::measure(|| {
        for _ in 0..1000 {
            encoder.delta(&piece, &mut out);
        }
    });
    assert_eq!(counted.count_total, 0);
    assert!(out.len() > 100_000);
}

#[test]
fn every_failure_has_its_status_type_and_headers() {
    let json = ("content-type", "application/json");
    let id = ("request-id", "req_\"1\"");
    let lasting = ("x-should-retry", "false");
    let allow = ("allow", "POST");
    type Row<'r> = (Kind, u16, &'r str, &'r [(&'r str, &'r str)]);
    let table: &[Row<'_>] = &[
        (Kind::Invalid, 400, "invalid_request_error", &[json, id]),
        (Kind::TooLong { tokens: 210_000, maximum: 200_000 }, 400, "invalid_request_error", &[json, id]),
        (Kind::ThreadsUnsupported, 400, "invalid_request_error", &[json, id]),
        (Kind::BodyTooLarge, 413, "request_too_large", &[json, id]),
        (Kind::Unauthenticated, 401, "authentication_error", &[json, id]),
        (Kind::Forbidden, 403, "permission_error", &[json, id]),
        (Kind::NoSuchRoute, 404, "not_found_error", &[json, id]),
        (Kind::MethodNotAllowed { allow: "POST" }, 405, "invalid_request_error", &[json, id, allow]),
        (Kind::UnknownModel, 404, "not_found_error", &[json, id]),
        (Kind::NotConfigured, 503, "api_error", &[json, id, lasting]),
        (Kind::NoUsableAccount, 503, "api_error", &[json, id, lasting]),
        (Kind::RateLimited, 429, "rate_limit_error", &[json, id]),
        (Kind::QuotaExhausted, 429, "rate_limit_error", &[json, id, lasting]),
        (Kind::Overloaded, 529, "overloaded_error", &[json, id]),
        (Kind::UpstreamRefused, 503, "api_error", &[json, id, lasting]),
        (Kind::UpstreamFailed, 502, "api_error", &[json, id]),
        (Kind::UpstreamBroke, 502, "api_error", &[json, id]),
        (Kind::TimedOut, 504, "timeout_error", &[json, id]),
        (Kind::Internal, 500, "api_error", &[json, id]),
    ];
    for (kind, status, name, headers) in table {
        let (told, told_headers, body) = anthropic::error(&Error::new(*kind, "do \"this\""), "req_\"1\"");
        assert_eq!(told, *status, "{kind:?}");
        let told_headers: Vec<_> = told_headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(told_headers, *headers, "{kind:?}");
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["type"], &body["request_id"]), (&"error".into(), &"req_\"1\"".into()));
        assert_eq!(body["error"]["type"], *name, "{kind:?}");
        let message = match kind {
            Kind::TooLong { .. } => "prompt is too long: 210000 tokens > 200000 maximum",
            _ => "do \"this\"",
        };
        assert_eq!(body["error"]["message"], message, "{kind:?}");
    }
}

#[test]
fn a_refused_thread_tells_the_sdks_to_go_on_without() {
    let (_, _, body) = anthropic::error(&Error::new(Kind::ThreadsUnsupported, "no"), "r");
    let expected = r#"{"type":"error","error":{"type":"invalid_request_error","message":"no","details":{"error_code":"thread_unsupported_request","unsupported":["thread"]}},"request_id":"r"}"#;
    assert_eq!(String::from_utf8(body).unwrap(), expected);
}

#[test]
fn an_invalid_field_is_named_and_a_wait_is_rounded_up_to_seconds() {
    let (_, _, body) = anthropic::error(&Error::invalid("messages[3].content", "is bad"), "r");
    assert!(String::from_utf8(body).unwrap().contains(r#""message":"messages[3].content: is bad""#));
    let (_, _, body) = anthropic::error(&Error::invalid("", "no JSON"), "r");
    assert!(String::from_utf8(body).unwrap().contains(r#""message":"no JSON""#));
    for (wait, seconds) in [(1, "1"), (1000, "1"), (1001, "2"), (0, "0")] {
        let error = Error::new(Kind::RateLimited, "slow down").retry_after(Millis(wait));
        let (_, headers, _) = anthropic::error(&error, "r");
        assert!(headers.contains(&("retry-after".into(), seconds.to_owned())), "{wait}");
    }
}

/// The data of each event; the event's name must be the data's type.
fn parse(stream: &str) -> Vec<Value> {
    assert!(stream.ends_with("\n\n"));
    let event = |event: &str| {
        let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
        assert!(!data.contains(['\n', '\r']));
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"], name);
        data
    };
    stream.trim_end_matches('\n').split("\n\n").map(event).collect()
}

#[test]
fn a_whole_answer_as_one_body() {
    let mut answer = Answer::new();
    answer.blocks = vec![
        Block::Thinking { text: "hm\\n".to_owned(), signature: None },
        Block::Redacted("AbC=".to_owned()),
        Block::Text("a\\\"b".to_owned()),
        Block::Tool { id: "t\"1".to_owned(), name: "read".to_owned(), input: "{\"x\":1.50}".to_owned() },
    ];
    answer.stop = OwnedStop::Sequence("\"END".to_owned());
    answer.usage = usage(3, 4);
    let mut out = Vec::new();
    anthropic::body("msg_1", "m\"", &answer, &mut out);
    let expected = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m\"","content":[{"type":"thinking","thinking":"hm\n","signature":"a2lybzJhcGkudW5zaWduZWQ="},{"type":"redacted_thinking","data":"AbC="},{"type":"text","text":"a\"b"},{"type":"tool_use","id":"t\"1","name":"read","input":{"x":1.50}}],"stop_reason":"stop_sequence","stop_sequence":"\"END","usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":4}}"#;
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

/// A block of an answer: its opening and its texts.
#[derive(Clone, Debug)]
struct Said {
    kind: u8,
    name: String,
    pieces: Vec<String>,
    signature: Option<String>,
}

fn said() -> impl Strategy<Value = Said> {
    let signature = proptest::option::of("[A-Za-z0-9+/]{1,20}");
    (0..4_u8, any::<String>(), proptest::collection::vec(any::<String>(), 0..5), signature)
        .prop_map(|(kind, name, pieces, signature)| Said { kind, name, pieces, signature })
}

fn encode(blocks: &[Said]) -> String {
    let mut encoder = Encoder::new("msg", "model");
    let mut out = Vec::new();
    tell(blocks, |delta| encoder.delta(delta, &mut out));
    String::from_utf8(out).unwrap()
}

/// Says the blocks, delta by delta.
fn tell(blocks: &[Said], mut say: impl FnMut(&Delta<'_>)) {
    let mut scratch = String::new();
    say(&Delta::Start { input: Count::estimated(1) });
    for block in blocks {
        let open = match block.kind {
            0 => Open::Text,
            1 => Open::Thinking,
            2 => Open::Redacted(Lit::escape(&block.name, &mut scratch)),
            _ => Open::Tool { id: &block.name, name: &block.name },
        };
        say(&Delta::Open(open));
        for piece in block.pieces.iter().filter(|_| block.kind != 2) {
            say(&Delta::Piece(Lit::escape(piece, &mut scratch)));
        }
        if let (1, Some(signature)) = (block.kind, &block.signature) {
            say(&Delta::Sign(lit(signature)));
        }
        say(&Delta::Close);
    }
    say(&Delta::Finish { stop: Stop::EndTurn, usage: usage(1, 2) });
}

/// Reads one block's events from the front as a client does; returns how many they were.
fn check_block(events: &[Value], index: usize, block: &Said) -> usize {
    let start = &events[0];
    assert_eq!((&start["type"], &start["index"]), (&"content_block_start".into(), &index.into()));
    let opened = &start["content_block"];
    let (kind, delta, member) = match block.kind {
        0 => ("text", "text_delta", "text"),
        1 => ("thinking", "thinking_delta", "thinking"),
        2 => ("redacted_thinking", "", ""),
        _ => ("tool_use", "input_json_delta", "partial_json"),
    };
    assert_eq!(opened["type"], kind);
    match block.kind {
        2 => assert_eq!(opened["data"], block.name),
        3 => assert_eq!((&opened["name"], &opened["input"]), (&block.name.as_str().into(), &serde_json::json!({}))),
        _ => assert_eq!(opened[member], ""),
    }
    let (mut text, mut signature, mut at) = (String::new(), None, 1);
    while events[at]["type"] == "content_block_delta" {
        assert_eq!(events[at]["index"], index);
        let told = &events[at]["delta"];
        if told["type"] == "signature_delta" {
            signature = told["signature"].as_str();
        } else {
            assert_eq!(told["type"], delta);
            assert!(signature.is_none(), "text after the signature");
            text.push_str(told[member].as_str().unwrap());
        }
        at += 1;
    }
    assert_eq!(text, if block.kind == 2 { String::new() } else { block.pieces.concat() });
    assert_eq!(signature, (block.kind == 1).then(|| block.signature.as_deref().unwrap_or(UNSIGNED)));
    assert_eq!((&events[at]["type"], &events[at]["index"]), (&"content_block_stop".into(), &index.into()));
    at + 1
}

/// The message that a client puts together from a stream, as the SDKs do.
fn read_back(stream: &str) -> Value {
    let mut message = Value::Null;
    let mut input = String::new();
    for event in parse(stream) {
        let index = event["index"].as_u64().map(|index| usize::try_from(index).unwrap());
        match event["type"].as_str().unwrap() {
            "message_start" => message = event["message"].clone(),
            "content_block_start" => {
                input.clear();
                message["content"].as_array_mut().unwrap().push(event["content_block"].clone());
            }
            "content_block_delta" => {
                let block = &mut message["content"][index.unwrap()];
                for (member, value) in event["delta"].as_object().unwrap().iter().filter(|(name, _)| *name != "type") {
                    let piece = value.as_str().unwrap();
                    if member == "partial_json" {
                        input.push_str(piece);
                    } else {
                        block[member] = format!("{}{piece}", block[member].as_str().unwrap()).into();
                    }
                }
            }
            "content_block_stop" if !input.is_empty() => {
                message["content"][index.unwrap()]["input"] = serde_json::from_str(&input).unwrap();
            }
            "message_delta" => {
                for (name, value) in event["delta"].as_object().unwrap() {
                    message[name] = value.clone();
                }
                message["usage"] = event["usage"].clone();
            }
            _ => {}
        }
    }
    message
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_answer_is_a_stream_that_a_client_reads_back(blocks in proptest::collection::vec(said(), 0..6)) {
        let events = parse(&encode(&blocks));
        prop_assert_eq!(&events[0]["type"], "message_start");
        let mut at = 1;
        for (index, block) in blocks.iter().enumerate() {
            at += check_block(&events[at..], index, block);
        }
        let names: Vec<_> = events[at..].iter().map(|event| event["type"].as_str().unwrap()).collect();
        prop_assert_eq!(names, ["message_delta", "message_stop"]);
    }

    #[test]
    fn the_body_holds_what_the_stream_says(blocks in proptest::collection::vec(said(), 0..6)) {
        let whole = |mut block: Said| {
            if block.kind == 3 {
                let input = serde_json::json!({ "of": block.name, "list": [1, block.pieces.concat()] }).to_string();
                let middle = input.ceil_char_boundary(input.len() / 2);
                block.pieces = vec![input[..middle].to_owned(), input[middle..].to_owned()];
            }
            block
        };
        let blocks: Vec<Said> = blocks.into_iter().map(whole).collect();
        let mut answer = Answer::new();
        tell(&blocks, |delta| answer.push(delta));
        let mut out = Vec::new();
        anthropic::body("msg", "model", &answer, &mut out);
        let body: Value = serde_json::from_slice(&out).unwrap();
        prop_assert_eq!(body, read_back(&encode(&blocks)));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(body in any::<Vec<u8>>(), head in 0..4_usize) {
        // Random bytes behind heads that lead them into each kind of value.
        let heads = ["", r#"{"model":"haiku","max_tokens":1,"messages":["#, r#"{"system":"#, r#"{"tools":[{"name":"#];
        let body = [heads[head].as_bytes(), &body].concat();
        let _ = anthropic::requested_model(&body);
        prop_assert!(anthropic::decode(&body, &Given::of(&Vec::new())).is_err());
    }

    #[test]
    fn no_picture_makes_the_decoder_panic(magic in 0..4_usize, bytes in any::<Vec<u8>>()) {
        use base64::Engine as _;
        let magic: &[u8] = [&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X"][magic];
        let data = base64::engine::general_purpose::STANDARD.encode([magic, &bytes].concat());
        let body = format!(
            r#"{{"model":"haiku","max_tokens":1,"messages":[{{"role":"user","content":[{{"type":"image","source":{{"type":"base64","data":"{data}"}}}}]}}]}}"#
        );
        match anthropic::decode(body.as_bytes(), &Given::of(&Vec::new())) {
            Ok(turn) => prop_assert_eq!(turn.messages[0].parts.len(), 1),
            Err(error) => prop_assert!(error.text().contains("scale it down"), "{}", error),
        }
    }
}
