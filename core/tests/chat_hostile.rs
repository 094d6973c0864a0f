//! Bodies that nobody means well with: refused with the path of the field at fault, never a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use kiro2api_core::dialect::{Api, Given, decode};
use kiro2api_core::host::Headers;
use kiro2api_core::{Error, Kind, json};

fn refusal(body: &str) -> Error {
    let headers = Headers::new();
    let error = decode(Api::Chat, body.as_bytes(), &Given::of(&headers)).map(|_| ()).expect_err(body);
    assert_eq!(error.kind(), Kind::Invalid, "{body:.120}: {error}");
    assert!(error.text().len() < 1000, "{} bytes", error.text().len());
    error
}

/// A minimal request with these members before it.
fn with(members: &str) -> String {
    format!(r#"{{"model":"claude-sonnet-4-5",{members},"messages":[{{"role":"user","content":"hi"}}]}}"#)
}

fn saying(messages: &str) -> String {
    format!(r#"{{"model":"claude-sonnet-4-5","messages":{messages}}}"#)
}

fn deep(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

/// Every field that is read, and values none of them takes.
const FIELDS: &[(&str, &[&str])] = &[
    ("audio", &["{}", "7", "[]"]),
    ("frequency_penalty", &["\"1\"", "[]", "1e999"]),
    ("function_call", &["7", "[]", "\"required\"", "true"]),
    ("functions", &["7", "{}", "\"a\""]),
    ("logit_bias", &["7", "[]", "\"a\""]),
    ("logprobs", &["true", "1", "\"true\"", "{}"]),
    ("max_completion_tokens", &["0", "-1", "1.5", "1e400", "\"1\"", "[]", "99999999999999999999999"]),
    ("max_tokens", &["0", "-1", "1.5", "1e400", "\"1\"", "{}", "true"]),
    ("metadata", &["7", "[]", "\"a\""]),
    ("modalities", &["7", "\"text\"", "{}"]),
    ("n", &["0", "-1", "9", "1.5", "\"2\"", "[]", "4294967297", "1e300"]),
    ("parallel_tool_calls", &["1", "\"true\"", "{}"]),
    ("prediction", &["7", "[]", "\"a\""]),
    ("presence_penalty", &["\"1\"", "{}"]),
    ("prompt_cache_key", &["7", "[]", "{}", "true"]),
    ("prompt_cache_retention", &["7", "{}"]),
    ("reasoning_effort", &["7", "\"\"", "\"HIGH\"", "{}", "[]"]),
    ("response_format", &["7", "[]", "\"json\""]),
    ("safety_identifier", &["7", "[]"]),
    ("seed", &["\"1\"", "{}", "1e999"]),
    ("service_tier", &["7", "{}"]),
    ("stop", &["7", "{}", "true"]),
    ("store", &["1", "\"a\"", "{}"]),
    ("stream", &["1", "\"true\"", "{}"]),
    ("stream_options", &["7", "[]", "\"a\"", "{}", "{\"include_usage\":true}"]),
    ("temperature", &["\"1\"", "[]", "-1e999"]),
    ("tool_choice", &["7", "[]", "\"any\"", "\"required\""]),
    ("tools", &["7", "{}", "\"a\""]),
    ("top_logprobs", &["1", "-1", "\"a\"", "{}"]),
    ("top_p", &["\"1\"", "{}"]),
    ("user", &["7", "[]", "{}"]),
    ("verbosity", &["7", "{}"]),
    ("web_search_options", &["7", "[]"]),
];

#[test]
fn every_field_refuses_what_it_cannot_hold_and_names_itself() {
    for (name, values) in FIELDS {
        for value in *values {
            let error = refusal(&with(&format!("\"{name}\":{value}")));
            assert_eq!(error.path(), Some(*name), "{name} = {value}: {error}");
        }
        let twice = refusal(&with(&format!("\"{name}\":null,\"{name}\":null")));
        assert_eq!((twice.path(), twice.text()), (Some(*name), "is given twice"));
    }
}

#[test]
fn null_is_as_good_as_nothing_in_every_field() {
    let headers = Headers::new();
    for (name, _) in FIELDS {
        let body = with(&format!("\"{name}\":null"));
        let decoded =
            decode(Api::Chat, body.as_bytes(), &Given::of(&headers)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(decoded.turn.ignored.is_empty(), "{name}");
    }
}

#[test]
fn what_is_wrong_deep_down_is_named_by_its_path() {
    let tool = |inner: &str| with(&format!(r#""tools":[{{"type":"function","function":{inner}}}]"#));
    let schema = |levels| format!(r#"{{"name":"a","parameters":{{"a":{}}}}}"#, deep(levels));
    let table: Vec<(String, &str)> = vec![
        (with(r#""stream":true,"stream_options":{"include_usage":1}"#), "stream_options.include_usage"),
        (with(r#""stream":true,"stream_options":{"include_obfuscation":1}"#), "stream_options.include_obfuscation"),
        (with(r#""modalities":["text","audio"]"#), "modalities[1]"),
        (with(r#""modalities":[7]"#), "modalities[0]"),
        (with(r#""stop":["a",7]"#), "stop[1]"),
        (with(r#""stop":["a",""]"#), "stop[1]"),
        (with(&format!(r#""stop":["{}"]"#, "x".repeat(5000))), "stop[0]"),
        (with(&format!(r#""stop":[{}"a"]"#, "\"a\",".repeat(300))), "stop"),
        (with(r#""response_format":{}"#), "response_format.type"),
        (with(r#""response_format":{"type":"grammar"}"#), "response_format.type"),
        (with(r#""response_format":{"type":"json_schema"}"#), "response_format.json_schema"),
        (with(r#""response_format":{"type":"json_schema","json_schema":[]}"#), "response_format.json_schema"),
        (
            with(r#""response_format":{"type":"json_schema","json_schema":{"name":7}}"#),
            "response_format.json_schema.name",
        ),
        (
            with(&format!(
                r#""response_format":{{"type":"json_schema","json_schema":{{"schema":{{"a":{}}}}}}}"#,
                deep(10_000)
            )),
            "response_format.json_schema.schema",
        ),
        (with(r#""tools":[7]"#), "tools[0]"),
        (with(r#""tools":[{}]"#), "tools[0].type"),
        (with(r#""tools":[{"type":"file_search"}]"#), "tools[0].type"),
        (with(r#""tools":[{"type":"function"}]"#), "tools[0].function"),
        (with(r#""tools":[{"type":"custom","custom":{"name":""}}]"#), "tools[0].custom.name"),
        (tool("7"), "tools[0].function"),
        (tool("{}"), "tools[0].function.name"),
        (tool(r#"{"name":7}"#), "tools[0].function.name"),
        (tool(r#"{"name":"a","name":"b"}"#), "tools[0].function.name"),
        (tool(r#"{"name":"a","parameters":[]}"#), "tools[0].function.parameters"),
        (tool(&schema(10_000)), "tools[0].function.parameters"),
        (with(r#""functions":[{"description":"a"}]"#), "functions[0].name"),
        (with(r#""functions":[{"name":"a"}],"function_call":{"name":"b"}"#), "function_call.name"),
        (with(r#""functions":[{"name":"a"}],"function_call":{}"#), "function_call.name"),
    ];
    refused_at(&table);
}

#[test]
fn what_is_wrong_in_a_message_is_named_by_its_path() {
    let part = |part: &str| saying(&format!(r#"[{{"role":"user","content":[{{"type":"text","text":"x"}},{part}]}}]"#));
    let call = |call: &str| saying(&format!(r#"[{{"role":"assistant","tool_calls":[{call}]}}]"#));
    let table: Vec<(String, &str)> = vec![
        (saying("7"), "messages"),
        (saying("[]"), "messages"),
        (saying("[7]"), "messages[0]"),
        (saying("[{}]"), "messages[0].role"),
        (saying(r#"[{"role":7,"content":"a"}]"#), "messages[0].role"),
        (saying(r#"[{"role":"bot","content":"a"}]"#), "messages[0].role"),
        (saying(r#"[{"role":"user"}]"#), "messages[0].content"),
        (saying(r#"[{"role":"user","content":7}]"#), "messages[0].content"),
        (saying(r#"[{"role":"user","content":{}}]"#), "messages[0].content"),
        (saying(r#"[{"role":"user","content":"a","content":"b"}]"#), "messages[0].content"),
        (saying(r#"[{"role":"user","content":"a","name":7}]"#), "messages[0].name"),
        (saying(r#"[{"role":"user","content":" "}]"#), "messages"),
        (saying(r#"[{"role":"system"}]"#), "messages[0].content"),
        (saying(r#"[{"role":"tool","content":"a"}]"#), "messages[0].tool_call_id"),
        (saying(r#"[{"role":"tool","content":"a","tool_call_id":7}]"#), "messages[0].tool_call_id"),
        (saying(r#"[{"role":"function","content":"a"}]"#), "messages[0].name"),
        (saying(r#"[{"role":"assistant","content":"a","refusal":7}]"#), "messages[0].refusal"),
        (saying(r#"[{"role":"assistant","reasoning_content":[]}]"#), "messages[0].reasoning_content"),
        (saying(r#"[{"role":"assistant","audio":{"id":"a"}}]"#), "messages[0].audio"),
        (saying(r#"[{"role":"assistant","tool_calls":{}}]"#), "messages[0].tool_calls"),
        (saying(r#"[{"role":"assistant","function_call":7}]"#), "messages[0].function_call"),
        (
            saying(r#"[{"role":"assistant","function_call":{"name":"a","arguments":7}}]"#),
            "messages[0].function_call.arguments",
        ),
        (call("7"), "messages[0].tool_calls[0]"),
        (call(r#"{"type":"function"}"#), "messages[0].tool_calls[0].id"),
        (call(r#"{"id":"a","type":"mcp"}"#), "messages[0].tool_calls[0].type"),
        (call(r#"{"id":"a","function":7}"#), "messages[0].tool_calls[0].function"),
        (call(r#"{"id":"a","function":{"arguments":"{}"}}"#), "messages[0].tool_calls[0].function.name"),
        (call(r#"{"id":"a","function":{"name":"n","arguments":7}}"#), "messages[0].tool_calls[0].function.arguments"),
        (
            call(&format!(r#"{{"id":"a","function":{{"name":"n","arguments":"{{\"a\":{}}}"}}}}"#, deep(10_000))),
            "messages[0].tool_calls[0].function.arguments",
        ),
        (call(r#"{"id":"a","type":"custom","custom":{"name":"n"}}"#), "messages[0].tool_calls[0].custom.input"),
        (
            call(r#"{"id":"a","type":"custom","custom":{"name":"n","input":{}}}"#),
            "messages[0].tool_calls[0].custom.input",
        ),
        (part("7"), "messages[0].content[1]"),
        (part("{}"), "messages[0].content[1].type"),
        (part(r#"{"type":"video"}"#), "messages[0].content[1].type"),
        (part(r#"{"type":"text"}"#), "messages[0].content[1].text"),
        (part(r#"{"type":"text","text":7}"#), "messages[0].content[1].text"),
        (part(r#"{"type":"input_audio","input_audio":{"data":"","format":"wav"}}"#), "messages[0].content[1].type"),
        (part(r#"{"type":"image_url"}"#), "messages[0].content[1].image_url"),
        (part(r#"{"type":"image_url","image_url":7}"#), "messages[0].content[1].image_url"),
        (part(r#"{"type":"image_url","image_url":{}}"#), "messages[0].content[1].image_url.url"),
        (
            part(r#"{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}"#),
            "messages[0].content[1].image_url.url",
        ),
        (
            part(r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}"#),
            "messages[0].content[1].image_url.url",
        ),
        (
            part(r#"{"type":"image_url","image_url":{"url":"https://a/b.png","detail":"huge"}}"#),
            "messages[0].content[1].image_url.detail",
        ),
        (part(r#"{"type":"file"}"#), "messages[0].content[1].file"),
        (part(r#"{"type":"file","file":{"file_id":"f"}}"#), "messages[0].content[1].file.file_id"),
        (
            saying(
                r#"[{"role":"system","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="}}]}]"#,
            ),
            "messages[0].content[0]",
        ),
    ];
    refused_at(&table);
}

fn refused_at(table: &[(String, &str)]) {
    for (body, path) in table {
        assert_eq!(refusal(body).path(), Some(*path), "{body:.120}");
    }
}

#[test]
fn bodies_that_are_no_requests_are_refused() {
    for body in ["", "  ", "nonsense", "[]", "null", "7", "{", "{\"model\":}", "{\"model\":\"haiku\"}x"] {
        assert_eq!(refusal(body).path().map(|path| path.starts_with("model") || path.is_empty()), Some(true), "{body}");
    }
    assert_eq!(refusal("{}").path(), Some("model"));
    assert_eq!(refusal(r#"{"model":7}"#).path(), Some("model"));
    assert_eq!(refusal(r#"{"model":"haiku","model":"haiku"}"#).path(), Some("model"));
    assert_eq!(refusal(r#"{"model":"haiku"}"#).path(), Some("messages"));
    let many = format!(r#"{{"model":"haiku",{}"z":0}}"#, r#""a":0,"#.repeat(600));
    assert_eq!(refusal(&many).path(), Some(""));
    let headers = Headers::new();
    let error = decode(Api::Chat, b"{\"model\":\"\xff\"}", &Given::of(&headers)).unwrap_err();
    assert_eq!((error.kind(), error.path()), (Kind::Invalid, Some("")));
    let error = decode(Api::Chat, br#"{"model":"gpt-4o","messages":[]}"#, &Given::of(&headers)).unwrap_err();
    assert_eq!(error.kind(), Kind::UnknownModel);
}

#[test]
fn deep_and_huge_values_that_nobody_reads_do_no_harm() {
    let headers = Headers::new();
    for value in [deep(10_000), "1e999".to_owned(), format!("\"{}\"", "x".repeat(1 << 20))] {
        let body = with(&format!("\"a_future_field\":{value}"));
        assert!(decode(Api::Chat, body.as_bytes(), &Given::of(&headers)).is_ok());
        let body = saying(&format!(r#"[{{"role":"user","content":"a","a_future_member":{value}}}]"#));
        assert!(decode(Api::Chat, body.as_bytes(), &Given::of(&headers)).is_ok());
    }
    let long = "a".repeat(1 << 20);
    refusal(&with(&format!(r#""tools":[{{"type":"{long}"}}]"#)));
    refusal(&saying(&format!(r#"[{{"role":"{long}","content":"a"}}]"#)));
    refusal(&with(&format!(r#""reasoning_effort":"{long}""#)));
}

#[test]
fn lone_surrogates_are_read_as_replacements() {
    let mut body = saying(r#"[{"role":"user","content":"cut \ud83d"},{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"n","arguments":"{\"a\":\"\\ud83d\"}"}}]}]"#)
        .into_bytes();
    json::mend_surrogates(&mut body);
    let headers = Headers::new();
    let decoded = decode(Api::Chat, &body, &Given::of(&headers)).unwrap();
    assert!(format!("{:?}", decoded.turn.messages).contains("cut \u{fffd}"));
}
