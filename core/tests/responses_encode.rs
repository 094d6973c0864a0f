//! The events of a streamed response, byte for byte and by their grammar, and the body of one that is not streamed.
#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test panics")]

mod responses_support;

use kiro2api_core::dialect::{Ids, Voice};
use kiro2api_core::json::Lit;
use kiro2api_core::turn::{Answer, Count, Delta, Open, Stop, Usage};
use kiro2api_core::{Error, Kind};
use responses_support::{events, ids, lit, storing_voice, stream, usage, voice};
use serde_json::{Value, json};

const PLAIN: &str = r#"{"model":"claude-opus-5-5","input":"hi"}"#;

/// What every object of [`PLAIN`] holds between its items and `store`.
const ECHO: &str = r#","model":"claude-opus-5-5","service_tier":"default","background":false,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"metadata":{},"parallel_tool_calls":true,"previous_response_id":null,"reasoning":{"effort":null,"summary":null},"temperature":null,"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":null,"truncation":"disabled","user":null"#;

#[test]
fn a_text_byte_for_byte() {
    let deltas = [
        Delta::Start { input: Count::estimated(12) },
        Delta::Open(Open::Text),
        Delta::Piece(lit("Hel")),
        Delta::Piece(Lit::of(serde_json::from_str(r#""lo\n\"you\"""#).unwrap()).unwrap()),
        Delta::Close,
        Delta::Finish { stop: Stop::EndTurn, usage: Usage { cache_read: 7, cache_write: 3, ..usage(10, 20) } },
    ];
    let head = r#"{"id":"resp_0123456789abcdef01234567","object":"response","created_at":1800000000,"status":"#;
    let expected = r#"event: response.created
data: {"type":"response.created","sequence_number":0,"response":HEAD"in_progress","error":null,"incomplete_details":null,"output":[]ECHO,"store":false,"usage":null}}

event: response.in_progress
data: {"type":"response.in_progress","sequence_number":1,"response":HEAD"in_progress","error":null,"incomplete_details":null,"output":[]ECHO,"store":false,"usage":null}}

event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"msg_0123456789abcdef012345670000","type":"message","status":"in_progress","role":"assistant","content":[]}}

event: response.content_part.added
data: {"type":"response.content_part.added","sequence_number":3,"item_id":"msg_0123456789abcdef012345670000","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_0123456789abcdef012345670000","output_index":0,"content_index":0,"delta":"Hel","logprobs":[]}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":5,"item_id":"msg_0123456789abcdef012345670000","output_index":0,"content_index":0,"delta":"lo\n\"you\"","logprobs":[]}

event: response.output_text.done
data: {"type":"response.output_text.done","sequence_number":6,"item_id":"msg_0123456789abcdef012345670000","output_index":0,"content_index":0,"text":"Hello\n\"you\"","logprobs":[]}

event: response.content_part.done
data: {"type":"response.content_part.done","sequence_number":7,"item_id":"msg_0123456789abcdef012345670000","output_index":0,"content_index":0,"part":{"type":"output_text","text":"Hello\n\"you\"","annotations":[],"logprobs":[]}}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":8,"output_index":0,"item":{"id":"msg_0123456789abcdef012345670000","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello\n\"you\"","annotations":[],"logprobs":[]}]}}

event: response.completed
data: {"type":"response.completed","sequence_number":9,"response":HEAD"completed","error":null,"incomplete_details":null,"output":[{"id":"msg_0123456789abcdef012345670000","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello\n\"you\"","annotations":[],"logprobs":[]}]}]ECHO,"store":false,"usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":7},"output_tokens":20,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":40}}}

"#;
    let expected = expected.replace("HEAD", head).replace("ECHO", ECHO);
    assert_eq!(stream(&voice(PLAIN), &deltas), expected);
}

#[test]
fn a_call_of_a_function_byte_for_byte() {
    let deltas = [
        Delta::Open(Open::Tool { id: "call_\"1", name: "read" }),
        Delta::Piece(Lit::of(serde_json::from_str(r#""{\"path\":""#).unwrap()).unwrap()),
        Delta::Piece(Lit::of(serde_json::from_str(r#""\"/x\"}""#).unwrap()).unwrap()),
        Delta::Close,
    ];
    let text = stream(&voice(PLAIN), &deltas);
    let expected = r#"event: response.output_item.added
data: {"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":{"id":"fc_0123456789abcdef012345670000","type":"function_call","status":"in_progress","call_id":"call_\"1","name":"read","arguments":""}}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":3,"item_id":"fc_0123456789abcdef012345670000","output_index":0,"delta":"{\"path\":"}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","sequence_number":4,"item_id":"fc_0123456789abcdef012345670000","output_index":0,"delta":"\"/x\"}"}

event: response.function_call_arguments.done
data: {"type":"response.function_call_arguments.done","sequence_number":5,"item_id":"fc_0123456789abcdef012345670000","output_index":0,"name":"read","arguments":"{\"path\":\"/x\"}"}

event: response.output_item.done
data: {"type":"response.output_item.done","sequence_number":6,"output_index":0,"item":{"id":"fc_0123456789abcdef012345670000","type":"function_call","status":"completed","call_id":"call_\"1","name":"read","arguments":"{\"path\":\"/x\"}"}}

"#;
    assert!(text.ends_with(expected), "{text}");
}

const TOOLS: &str = r#"{"model":"m","input":"hi","tools":[
  {"type":"namespace","name":"functions","description":"","tools":[
    {"type":"custom","name":"exec","description":"runs","format":{"type":"grammar","syntax":"lark","definition":"start: x"}},
    {"type":"function","name":"wait","parameters":{"type":"object"}}]},
  {"type":"custom","name":"apply_patch"}]}"#;

fn tools_voice() -> Voice {
    voice(&TOOLS.replace("\"m\"", "\"claude-opus-5-5\""))
}

#[test]
fn tools_go_back_under_the_names_and_in_the_form_they_were_declared() {
    let deltas = [
        Delta::Open(Open::Tool { id: "a", name: "functions__exec" }),
        Delta::Piece(Lit::of(serde_json::from_str(r#""{\"input\":\"a\\""#).unwrap()).unwrap()),
        Delta::Piece(Lit::of(serde_json::from_str(r#""nb\"}""#).unwrap()).unwrap()),
        Delta::Close,
        Delta::Open(Open::Tool { id: "b", name: "functions__wait" }),
        Delta::Close,
        Delta::Open(Open::Tool { id: "c", name: "apply_patch" }),
        Delta::Piece(Lit::of(serde_json::from_str(r#""{\"patch\":1}""#).unwrap()).unwrap()),
        Delta::Close,
        Delta::Finish { stop: Stop::ToolUse, usage: usage(1, 2) },
    ];
    let told = events(&stream(&tools_voice(), &deltas));
    let done: Vec<&Value> =
        told.iter().filter(|event| event["type"] == "response.output_item.done").map(|event| &event["item"]).collect();
    assert_eq!(
        *done[0],
        json!({"id": "ctc_0123456789abcdef012345670000", "type": "custom_tool_call", "status": "completed",
               "call_id": "a", "name": "exec", "namespace": "functions", "input": "a\nb"})
    );
    assert_eq!(
        *done[1],
        json!({"id": "fc_0123456789abcdef012345670001", "type": "function_call", "status": "completed",
               "call_id": "b", "name": "wait", "namespace": "functions", "arguments": "{}"})
    );
    assert_eq!((&done[2]["name"], &done[2]["input"]), (&json!("apply_patch"), &json!("{\"patch\":1}")));
    assert!(done[2].get("namespace").is_none());
    let pieces: Vec<&str> = told
        .iter()
        .filter(|event| event["type"] == "response.custom_tool_call_input.delta" && event["output_index"] == 0)
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    assert_eq!(pieces, ["a", "\nb"]);
}

#[test]
fn thought_is_shown_only_where_a_summary_is_asked_for() {
    let deltas = [
        Delta::Open(Open::Thinking),
        Delta::Piece(lit("hm")),
        Delta::Sign(lit("EqQB")),
        Delta::Close,
        Delta::Open(Open::Redacted(lit("AbC="))),
        Delta::Close,
        Delta::Finish { stop: Stop::EndTurn, usage: usage(1, 2) },
    ];
    let with = |wishes: &str| {
        let body = format!("{{\"model\":\"claude-opus-5-5\",\"input\":\"hi\",{wishes}}}");
        events(&stream(&voice(&body), &deltas))
    };
    let hidden = with(r#""reasoning":{"effort":"high"}"#);
    assert!(!hidden.iter().any(|event| event["type"].as_str().unwrap().contains("summary")));
    let output = &hidden.last().unwrap()["response"]["output"];
    assert_eq!(output[0]["summary"], json!([]));
    assert!(output[0].get("encrypted_content").is_none());

    let shown = with(r#""reasoning":{"summary":"auto"},"include":["reasoning.encrypted_content"]"#);
    let names: Vec<&str> = shown.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        names[2..8],
        [
            "response.output_item.added",
            "response.reasoning_summary_part.added",
            "response.reasoning_summary_text.delta",
            "response.reasoning_summary_text.done",
            "response.reasoning_summary_part.done",
            "response.output_item.done",
        ]
    );
    let output = &shown.last().unwrap()["response"]["output"];
    assert_eq!(output[0]["summary"], json!([{"type": "summary_text", "text": "hm"}]));
    assert!(output[0]["encrypted_content"].as_str().unwrap().len() > 8);
    assert_eq!(output[1]["summary"], json!([]));
    assert!(output[1]["encrypted_content"].is_string());
}

#[test]
fn every_stop_has_its_status() {
    for (stop, status, reason) in [
        (Stop::EndTurn, "completed", Value::Null),
        (Stop::ToolUse, "completed", Value::Null),
        (Stop::Sequence("x"), "completed", Value::Null),
        (Stop::MaxTokens, "incomplete", json!({"reason": "max_output_tokens"})),
        (Stop::ContextWindow, "incomplete", json!({"reason": "max_output_tokens"})),
        (Stop::Refusal, "incomplete", json!({"reason": "content_filter"})),
    ] {
        let deltas =
            [Delta::Open(Open::Text), Delta::Piece(lit("a")), Delta::Close, Delta::Finish { stop, usage: usage(1, 2) }];
        let told = events(&stream(&voice(PLAIN), &deltas));
        let last = told.last().unwrap();
        assert_eq!(last["type"], format!("response.{status}"));
        assert_eq!(last["response"]["status"], status);
        assert_eq!(last["response"]["incomplete_details"], reason);
        // What the limit cut says so itself.
        assert_eq!(last["response"]["output"][0]["status"], status);
        assert_eq!(told[told.len() - 2]["item"]["status"], status);
    }
}

#[test]
fn a_cut_call_is_never_done() {
    let deltas = [
        Delta::Open(Open::Tool { id: "a", name: "read" }),
        Delta::Piece(Lit::of(serde_json::from_str(r#""{\"path\":\"""#).unwrap()).unwrap()),
        Delta::Close,
        Delta::Open(Open::Tool { id: "b", name: "read" }),
        Delta::Piece(lit("{}")),
        Delta::Close,
        Delta::Finish { stop: Stop::MaxTokens, usage: usage(1, 2) },
    ];
    let told = events(&stream(&voice(PLAIN), &deltas));
    assert!(!told.iter().any(|event| event["output_index"] == 0 && event["type"].as_str().unwrap().ends_with(".done")));
    let last = &told.last().unwrap()["response"];
    assert_eq!((&last["status"], last["output"].as_array().unwrap().len()), (&json!("incomplete"), 1));
    assert_eq!(last["output"][0]["id"], "fc_0123456789abcdef012345670001");
}

#[test]
fn a_failure_ends_the_stream_with_a_code_and_what_was_done() {
    let error = Error::new(Kind::UpstreamBroke, "the answer broke off");
    for deltas in [&[][..], &[Delta::Open(Open::Text), Delta::Piece(lit("a")), Delta::Close]] {
        let voice = voice(PLAIN);
        let mut encoder = voice.encoder(&ids());
        let mut out = Vec::new();
        for delta in deltas {
            encoder.delta(delta, &mut out);
        }
        encoder.fault(&error, "req_1", &mut out);
        encoder.fault(&error, "req_1", &mut out);
        let told = events(core::str::from_utf8(&out).unwrap());
        assert_eq!(told[0]["type"], "response.created");
        assert_eq!(told.iter().filter(|event| event["type"] == "response.failed").count(), 1);
        let last = told.last().unwrap();
        assert_eq!((&last["type"], &last["response"]["status"]), (&json!("response.failed"), &json!("failed")));
        assert_eq!(last["response"]["error"], json!({"code": "server_error", "message": "the answer broke off"}));
        // Text that was never told as done is not in the output.
        assert_eq!(last["response"]["output"], json!([]));
    }
}

#[test]
fn failures_have_the_codes_that_codex_acts_on() {
    for (kind, code) in [
        (Kind::TooLong { tokens: 9, maximum: 8 }, "context_length_exceeded"),
        (Kind::QuotaExhausted, "insufficient_quota"),
        (Kind::Overloaded, "slow_down"),
        (Kind::Invalid, "invalid_prompt"),
        (Kind::RateLimited, "rate_limit_exceeded"),
        (Kind::UpstreamFailed, "server_error"),
    ] {
        let mut out = Vec::new();
        let error = Error::new(kind, "x").retry_after(kiro2api_core::host::Millis(1500));
        voice(PLAIN).encoder(&ids()).fault(&error, "req_1", &mut out);
        let told = events(core::str::from_utf8(&out).unwrap());
        let error = &told.last().unwrap()["response"]["error"];
        assert_eq!(error["code"], code, "{kind:?}");
        let waits = error["message"].as_str().unwrap().contains("try again in 2s");
        assert_eq!(waits, kind == Kind::RateLimited);
    }
}

#[test]
fn an_answer_to_keep_holds_its_last_event_back() {
    let voice = responses_support::storing_voice(PLAIN);
    let mut encoder = voice.encoder(&ids());
    let mut out = Vec::new();
    for delta in [
        Delta::Open(Open::Text),
        Delta::Piece(lit("a")),
        Delta::Close,
        Delta::Finish { stop: Stop::EndTurn, usage: usage(1, 2) },
    ] {
        assert!(encoder.unconcluded().is_none());
        encoder.delta(&delta, &mut out);
    }
    let answer: &Answer = encoder.unconcluded().unwrap();
    let (id, record) = voice.record(&ids(), answer).unwrap();
    assert_eq!(id, "resp_0123456789abcdef01234567");
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert!(!core::str::from_utf8(&out).unwrap().contains("response.completed"));
    encoder.conclude(true, &mut out);
    encoder.conclude(true, &mut out);
    let told = events(core::str::from_utf8(&out).unwrap());
    assert_eq!(told.last().unwrap()["response"], record["response"]);
    assert_eq!(told.last().unwrap()["response"]["store"], true);
    assert_eq!(told.iter().filter(|event| event["type"] == "response.completed").count(), 1);
    assert!(encoder.unconcluded().is_none());

    let lost = |kept: bool| {
        let mut encoder = voice.encoder(&ids());
        let mut out = Vec::new();
        encoder.delta(&Delta::Finish { stop: Stop::EndTurn, usage: usage(1, 2) }, &mut out);
        encoder.conclude(kept, &mut out);
        events(core::str::from_utf8(&out).unwrap()).last().unwrap()["response"]["store"].clone()
    };
    assert_eq!((lost(true), lost(false)), (json!(true), json!(false)));
}

#[test]
fn ids_never_meet_across_responses() {
    let other = Ids { stem: "ffffffffffffffffffffffff".to_owned(), ..ids() };
    let body = |ids: &Ids| {
        let mut out = Vec::new();
        let mut answer = Answer::new();
        answer.push(&Delta::Open(Open::Text));
        voice(PLAIN).body(ids, &[&answer], false, &mut out);
        serde_json::from_slice::<Value>(&out).unwrap()["output"][0]["id"].clone()
    };
    assert_ne!(body(&ids()), body(&other));
}

#[test]
fn items_have_the_same_ids_in_the_stream_and_in_the_record() {
    let voice = storing_voice(PLAIN);
    let deltas = [
        Delta::Open(Open::Tool { id: "a", name: "read" }),
        Delta::Piece(Lit::of(serde_json::from_str(r#""{\"path\":""#).unwrap()).unwrap()),
        Delta::Close,
        Delta::Open(Open::Text),
        Delta::Piece(lit("hm")),
        Delta::Close,
        Delta::Finish { stop: Stop::MaxTokens, usage: usage(1, 1) },
    ];
    let (mut encoder, mut answer, mut out) = (voice.encoder(&ids()), Answer::new(), Vec::new());
    for delta in &deltas {
        encoder.delta(delta, &mut out);
        answer.push(delta);
    }
    let (_, record) = voice.record(&ids(), encoder.unconcluded().unwrap()).unwrap();
    encoder.conclude(true, &mut out);
    let stored: Value =
        serde_json::from_slice(&kiro2api_core::dialect::responses::stored_response(&record).unwrap()).unwrap();
    let told = events(&String::from_utf8(out).unwrap());
    assert_eq!(stored, told.last().unwrap()["response"]);
    assert_eq!(stored["output"][0]["id"], "msg_0123456789abcdef012345670001");
    let mut body = Vec::new();
    voice.body(&ids(), &[&answer], true, &mut body);
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), stored);
}

#[test]
fn usage_has_both_details_whatever_the_service_told() {
    let told = |usage: Usage, thought: &str| {
        let deltas = [
            Delta::Open(Open::Thinking),
            Delta::Piece(lit(thought)),
            Delta::Close,
            Delta::Open(Open::Text),
            Delta::Piece(lit("one two three four")),
            Delta::Close,
            Delta::Finish { stop: Stop::EndTurn, usage },
        ];
        let deltas = if thought.is_empty() { &deltas[3..] } else { &deltas };
        events(&stream(&voice(PLAIN), deltas)).last().unwrap()["response"]["usage"].clone()
    };
    let estimated = Usage { input: Count::estimated(5), output: Count::estimated(8), ..Usage::default() };
    let plain = json!({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 8,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 13});
    assert_eq!(told(estimated, ""), plain);
    let share = told(estimated, "one two three four")["output_tokens_details"]["reasoning_tokens"].clone();
    assert_eq!(share, 4);
}
