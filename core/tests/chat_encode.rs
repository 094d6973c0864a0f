//! The chunks of a streamed completion, and bodies: byte for byte, and by their grammar.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use kiro2api_core::dialect::{Encoder, Ids, Voice, chat};
use kiro2api_core::json::Lit;
use kiro2api_core::turn::{Answer, Count, Delta, Open, Stop, Usage};
use kiro2api_core::{Error, Kind};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;

fn voice() -> chat::Voice {
    chat::Voice {
        model: "claude-\"x\"".to_owned(),
        choices: 1,
        include_usage: false,
        functions: false,
        custom: vec!["sql".to_owned()],
    }
}

fn ids(choice: Option<u32>) -> Ids {
    Ids { stem: "0123".to_owned(), created: 1_700_000_000, choice }
}

fn lit(text: &str) -> Lit<'_> {
    Lit::of(serde_json::from_str(text).unwrap()).unwrap()
}

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input: Count::reported(input),
        output: Count::reported(output),
        cache_read: 5,
        cache_write: 2,
        credits: None,
    }
}

fn stream_of(voice: &chat::Voice, choice: Option<u32>, deltas: &[Delta<'_>]) -> String {
    let mut encoder: Encoder = Voice::Chat(Box::new(voice.clone())).encoder(&ids(choice));
    let mut out = Vec::new();
    for delta in deltas {
        encoder.delta(delta, &mut out);
    }
    String::from_utf8(out).unwrap()
}

fn body_of(voice: &chat::Voice, answers: &[&[Delta<'_>]]) -> Value {
    let answers: Vec<Answer> = answers
        .iter()
        .map(|deltas| {
            let mut answer = Answer::new();
            deltas.iter().for_each(|delta| answer.push(delta));
            answer
        })
        .collect();
    let mut out = Vec::new();
    chat::body(voice, &ids(None), &answers.iter().collect::<Vec<_>>(), &mut out);
    serde_json::from_slice(&out).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)))
}

/// The chunks' JSON; the last line must be `[DONE]` where `done`.
fn chunks(stream: &str, done: bool) -> Vec<Value> {
    let mut lines: Vec<&str> = stream.split_terminator("\n\n").collect();
    if done {
        assert_eq!(lines.pop(), Some("data: [DONE]"));
    }
    let read = |line: &str| serde_json::from_str(line.strip_prefix("data: ").expect(line)).expect(line);
    lines.into_iter().map(read).collect()
}

const CALLS: &[Delta<'_>] = &[
    Delta::Start { input: Count::estimated(12) },
    Delta::Open(Open::Tool { id: "call.1:\"x\"", name: "read\nfile" }),
    Delta::Close,
    Delta::Open(Open::Tool { id: "call_2", name: "write" }),
];

#[test]
fn a_whole_answer_byte_for_byte() {
    let voice = chat::Voice { include_usage: true, ..voice() };
    let head = r#"data: {"id":"chatcmpl-0123","object":"chat.completion.chunk","created":1700000000,"model":"claude-\"x\"","choices":["#;
    let piece = |delta: &str| {
        format!(
            "{head}{{\"index\":0,\"delta\":{{{delta}}},\"logprobs\":null,\"finish_reason\":null}}],\"usage\":null}}\n\n"
        )
    };
    let stream = stream_of(
        &voice,
        None,
        &[
            Delta::Start { input: Count::estimated(12) },
            Delta::Open(Open::Thinking),
            Delta::Piece(lit(r#""hm""#)),
            Delta::Sign(lit(r#""EqQB""#)),
            Delta::Close,
            Delta::Open(Open::Redacted(lit(r#""AbC=""#))),
            Delta::Close,
            Delta::Open(Open::Text),
            Delta::Piece(lit(r#""a\n\"b\" \ud83d\ude00""#)),
            Delta::Close,
            Delta::Open(Open::Tool { id: "call_1", name: "read" }),
            Delta::Piece(lit(r#""{\"path\":""#)),
            Delta::Piece(lit(r#""\"/x\"}""#)),
            Delta::Close,
            Delta::Finish { stop: Stop::ToolUse, usage: usage(10, 20) },
        ],
    );
    let expected = [
        piece(r#""role":"assistant","content":"","refusal":null"#),
        piece(r#""reasoning_content":"hm""#),
        piece(r#""content":"a\n\"b\" \ud83d\ude00""#),
        piece(
            r#""tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"read","arguments":""}}]"#,
        ),
        piece(r#""tool_calls":[{"index":0,"function":{"arguments":"{\"path\":"}}]"#),
        piece(r#""tool_calls":[{"index":0,"function":{"arguments":"\"/x\"}"}}]"#),
        format!(
            "{head}{{\"index\":0,\"delta\":{{}},\"logprobs\":null,\"finish_reason\":\"tool_calls\"}}],\"usage\":null}}\n\n"
        ),
        format!(
            "{head}],\"usage\":{{\"prompt_tokens\":17,\"completion_tokens\":20,\"total_tokens\":37,\
             \"prompt_tokens_details\":{{\"cached_tokens\":5}}}}}}\n\n"
        ),
        "data: [DONE]\n\n".to_owned(),
    ];
    assert_eq!(stream, expected.concat());
}

#[test]
fn calls_have_an_index_and_always_arguments_and_names_are_escaped() {
    let stream = stream_of(&voice(), None, CALLS);
    assert!(stream.contains(
        r#""index":0,"id":"call.1:\"x\"","type":"function","function":{"name":"read\nfile","arguments":""}"#
    ));
    assert!(stream.contains(r#""tool_calls":[{"index":0,"function":{"arguments":"{}"}}]"#));
    assert!(stream.contains(r#""tool_calls":[{"index":1,"id":"call_2""#));
}

#[test]
fn stops_have_the_reasons_clients_know() {
    let end = |voice: &chat::Voice, deltas: &[Delta<'_>], stop| {
        let all: Vec<_> = deltas.iter().copied().chain([Delta::Finish { stop, usage: usage(1, 1) }]).collect();
        let last = chunks(&stream_of(voice, None, &all), true).pop().unwrap();
        let body = body_of(voice, &[&all]);
        assert_eq!(last["choices"][0]["finish_reason"], body["choices"][0]["finish_reason"]);
        last["choices"][0]["finish_reason"].as_str().unwrap().to_owned()
    };
    let refusal = [Delta::Open(Open::Refusal), Delta::Piece(lit(r#""no""#)), Delta::Close];
    let functions = chat::Voice { functions: true, ..voice() };
    for (stop, reason) in [
        (Stop::EndTurn, "stop"),
        (Stop::ToolUse, "tool_calls"),
        (Stop::MaxTokens, "length"),
        (Stop::ContextWindow, "length"),
        (Stop::Sequence("END"), "stop"),
        (Stop::Refusal, "content_filter"),
    ] {
        assert_eq!(end(&voice(), &[], stop), reason, "{stop:?}");
    }
    assert_eq!(end(&voice(), &refusal, Stop::Refusal), "stop");
    assert_eq!(end(&functions, &[], Stop::ToolUse), "function_call");
    let told = body_of(&voice(), &[&refusal]);
    assert_eq!(told["choices"][0]["message"]["refusal"], "no");
    assert!(told["choices"][0]["message"]["content"].is_null());
    assert!(stream_of(&voice(), None, &refusal).contains(r#""delta":{"refusal":"no"}"#));
}

#[test]
fn functions_get_one_call_in_their_own_form() {
    let voice = chat::Voice { functions: true, ..voice() };
    let deltas = [
        Delta::Open(Open::Tool { id: "a", name: "first" }),
        Delta::Piece(lit(r#""{\"a\":1}""#)),
        Delta::Close,
        Delta::Open(Open::Tool { id: "b", name: "second" }),
        Delta::Piece(lit(r#""{\"b\":1}""#)),
        Delta::Close,
        Delta::Finish { stop: Stop::ToolUse, usage: usage(1, 1) },
    ];
    let all = chunks(&stream_of(&voice, None, &deltas), true);
    assert_eq!(all[0]["choices"][0]["delta"]["function_call"], serde_json::json!({"name": "first", "arguments": ""}));
    assert_eq!(all[1]["choices"][0]["delta"]["function_call"], serde_json::json!({"arguments": "{\"a\":1}"}));
    assert_eq!(all.len(), 3);
    let message = &body_of(&voice, &[&deltas])["choices"][0]["message"];
    assert_eq!(message["function_call"], serde_json::json!({"name": "first", "arguments": "{\"a\":1}"}));
    assert!(message.get("tool_calls").is_none());
}

#[test]
fn plain_inputs_come_out_of_the_object_they_travelled_in() {
    for (pieces, input) in [
        (vec![r#""{\"inp""#, r#""ut\":\"SELECT \\\"a\\""#, r#""\"\"}""#], "SELECT \"a\""),
        (vec![r#""{\"query\":""#, r#""1}""#], "{\"query\":1}"),
        (vec![r#""{\"input\":\"\"}""#], ""),
        (vec![r#""{ }""#], ""),
        (vec![], ""),
    ] {
        let mut deltas = vec![Delta::Open(Open::Tool { id: "a", name: "sql" })];
        deltas.extend(pieces.iter().map(|piece| Delta::Piece(lit(piece))));
        deltas.extend([Delta::Close, Delta::Finish { stop: Stop::ToolUse, usage: usage(1, 1) }]);
        let mut told = String::new();
        for chunk in chunks(&stream_of(&voice(), None, &deltas), true) {
            let call = &chunk["choices"][0]["delta"]["tool_calls"][0];
            told.push_str(call["custom"]["input"].as_str().unwrap_or(""));
            assert!(call["function"].is_null());
        }
        assert_eq!(told, input, "{pieces:?}");
        let call = &body_of(&voice(), &[&deltas])["choices"][0]["message"]["tool_calls"][0];
        assert_eq!(call["type"], "custom");
        assert_eq!(call["custom"], serde_json::json!({"name": "sql", "input": input}));
    }
}

#[test]
fn one_of_several_choices_leaves_the_end_to_the_finale() {
    let voice = chat::Voice { include_usage: true, choices: 2, ..voice() };
    let finish = Delta::Finish { stop: Stop::EndTurn, usage: usage(10, 20) };
    let all = chunks(&stream_of(&voice, Some(1), &[Delta::Start { input: Count::estimated(1) }, finish]), false);
    assert!(all.iter().all(|chunk| chunk["choices"][0]["index"] == 1 && chunk["usage"].is_null()));
    let mut out = Vec::new();
    chat::finale(&voice, &ids(None), &[usage(10, 20), usage(11, 30)], &mut out);
    let last = chunks(core::str::from_utf8(&out).unwrap(), true).pop().unwrap();
    assert_eq!(last["choices"], serde_json::json!([]));
    assert_eq!((&last["usage"]["prompt_tokens"], &last["usage"]["completion_tokens"]), (&17.into(), &50.into()));
    out.clear();
    chat::finale(&chat::Voice { include_usage: false, ..voice.clone() }, &ids(None), &[], &mut out);
    assert_eq!(out, b"data: [DONE]\n\n");
    let body = body_of(&voice, &[&[finish], &[finish]]);
    assert_eq!(body["choices"].as_array().unwrap().len(), 2);
    assert_eq!(body["choices"][1]["index"], 1);
    assert_eq!(body["usage"]["total_tokens"], 57);
}

#[test]
fn a_fault_is_one_line_and_numbers_that_nobody_reported_are_not_told() {
    let mut encoder = Voice::Chat(Box::new(voice())).encoder(&ids(None));
    let mut out = Vec::new();
    encoder.ping(&mut out);
    encoder.fault(&Error::new(Kind::UpstreamBroke, "cut\n"), "req_1", &mut out);
    assert_eq!(
        core::str::from_utf8(&out).unwrap(),
        ": ping\n\ndata: {\"error\":{\"message\":\"cut\\n\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n"
    );
    let guessed = Usage { input: Count::estimated(3), output: Count::estimated(4), ..Usage::default() };
    let body = body_of(&voice(), &[&[Delta::Finish { stop: Stop::EndTurn, usage: guessed }]]);
    let expected = serde_json::json!({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7});
    assert_eq!(body["usage"], expected);
    assert!(body["choices"][0]["message"]["content"].is_null());
}

#[derive(Clone, Debug)]
enum Step {
    Text(Vec<String>),
    Thinking(Vec<String>),
    Redacted,
    Refusal(Vec<String>),
    Tool(String, Option<Value>, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let texts = || prop::collection::vec(".{1,12}", 0..4);
    let value = prop::collection::btree_map("[a-z]{1,3}", ".{0,8}", 0..3).prop_map(|map| serde_json::json!(map));
    let step = prop_oneof![
        texts().prop_map(Step::Text),
        texts().prop_map(Step::Thinking),
        Just(Step::Redacted),
        texts().prop_map(Step::Refusal),
        (".{1,8}", prop::option::of(value), 1..6_usize).prop_map(|(name, input, cut)| Step::Tool(name, input, cut)),
    ];
    prop::collection::vec(step, 0..8)
}

/// Literals of the pieces that the steps say, in an arena that outlives the deltas.
fn pieces_of(step: &Step) -> Vec<String> {
    let escaped = |text: &str| serde_json::to_string(text).unwrap();
    match step {
        Step::Text(texts) | Step::Thinking(texts) | Step::Refusal(texts) => texts.iter().map(|t| escaped(t)).collect(),
        Step::Tool(_, Some(input), cut) => {
            let json: Vec<char> = input.to_string().chars().collect();
            json.chunks(*cut).map(|piece| escaped(&piece.iter().collect::<String>())).collect()
        }
        Step::Redacted | Step::Tool(_, None, _) => Vec::new(),
    }
}

fn deltas_of<'a>(steps: &'a [Step], pieces: &'a [Vec<String>], stop: Stop<'a>) -> Vec<Delta<'a>> {
    let mut deltas = vec![Delta::Start { input: Count::estimated(3) }];
    for (step, pieces) in steps.iter().zip(pieces) {
        deltas.push(Delta::Open(match step {
            Step::Text(_) => Open::Text,
            Step::Thinking(_) => Open::Thinking,
            Step::Redacted => Open::Redacted(Lit::plain("QUJD").unwrap()),
            Step::Refusal(_) => Open::Refusal,
            Step::Tool(name, ..) => Open::Tool { id: name, name },
        }));
        deltas.extend(pieces.iter().map(|piece| Delta::Piece(lit(piece))));
        deltas.push(Delta::Close);
    }
    deltas.push(Delta::Finish { stop, usage: usage(3, 4) });
    deltas
}

/// Every run tries the same; change it to try others.
const SEED: u64 = 20_261_121;

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 512,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(SEED),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_chunks_of_any_answer_keep_the_grammar_and_say_what_the_body_says(
        steps in steps(), include_usage in any::<bool>(), cut in any::<bool>(),
    ) {
        let voice = chat::Voice { include_usage, ..voice() };
        let stop = if cut { Stop::MaxTokens } else { Stop::EndTurn };
        let pieces: Vec<Vec<String>> = steps.iter().map(pieces_of).collect();
        let mut deltas = deltas_of(&steps, &pieces, stop);
        if cut {
            // The last block loses its last piece, as when the service stops in the middle.
            let at = deltas.len().saturating_sub(3);
            if matches!(deltas.get(at), Some(Delta::Piece(_))) { deltas.remove(at); }
        }
        let mut all = chunks(&stream_of(&voice, None, &deltas), true);
        let body = body_of(&voice, &[&deltas]);
        if include_usage {
            let last = all.pop().unwrap();
            prop_assert_eq!(&last["choices"], &serde_json::json!([]));
            prop_assert_eq!(&last["usage"], &body["usage"]);
        }
        prop_assert_eq!(&all[0]["choices"][0]["delta"]["role"], "assistant");
        let (mut content, mut thought, mut refusal) = (String::new(), String::new(), String::new());
        let mut calls: Vec<(String, String)> = Vec::new();
        for (at, chunk) in all.iter().enumerate() {
            prop_assert_eq!(&chunk["object"], "chat.completion.chunk");
            prop_assert_eq!(&chunk["id"], "chatcmpl-0123");
            prop_assert_eq!(chunk.get("usage").is_some(), include_usage);
            let choice = &chunk["choices"][0];
            prop_assert_eq!(&choice["index"], 0);
            prop_assert_eq!(choice["finish_reason"].is_null(), at + 1 < all.len());
            let delta = &choice["delta"];
            prop_assert_eq!(delta.get("role").is_some(), at == 0);
            for (name, text) in
                [("content", &mut content), ("reasoning_content", &mut thought), ("refusal", &mut refusal)]
            {
                text.push_str(delta[name].as_str().unwrap_or(""));
            }
            if let Some(call) = delta.get("tool_calls") {
                let call = &call[0];
                let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
                if call.get("id").is_some() {
                    prop_assert_eq!(index, calls.len());
                    calls.push((call["function"]["name"].as_str().unwrap().to_owned(), String::new()));
                }
                prop_assert_eq!(index + 1, calls.len(), "calls never interleave");
                calls[index].1.push_str(call["function"]["arguments"].as_str().unwrap());
            }
        }
        let finished = all.last().unwrap()["choices"][0]["finish_reason"].as_str().unwrap();
        let whole = calls.iter().filter(|(_, json)| serde_json::from_str::<Value>(json).is_ok()).count();
        prop_assert!(whole == calls.len() || finished == "length");
        let message = &body["choices"][0]["message"];
        prop_assert_eq!(message["content"].as_str().unwrap_or(""), content);
        prop_assert_eq!(message["refusal"].as_str().unwrap_or(""), refusal);
        prop_assert_eq!(message["reasoning_content"].as_str().unwrap_or(""), thought);
        prop_assert_eq!(&body["choices"][0]["finish_reason"], finished);
        prop_assert_eq!(message["tool_calls"].as_array().map_or(0, Vec::len), whole);
    }
}
