//! Bodies that nobody means well with: refused with a path, never a panic.

mod anthropic_support;

use anthropic_support::{NO_HEADERS, decode, refusal, saying, shown, with};
use kiro2api_core::dialect::{Given, anthropic};
use kiro2api_core::{Kind, json};

#[test]
fn hostile_bodies_are_refused_and_never_panic() {
    let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let nested = |levels: usize| {
        let mut content = r#""x""#.to_owned();
        for _ in 0..levels {
            // The content comes before the type, so that it cannot be read on the way.
            content = format!(r#"[{{"content":{content},"type":"tool_result","tool_use_id":"a"}}]"#);
        }
        content
    };
    let call = |input: &str| format!(r#"[{{"type":"tool_use","id":"a","name":"n","input":{input}}}]"#);
    let table = [
        (String::new(), ""),
        ("  ".to_owned(), ""),
        ("nonsense".to_owned(), ""),
        ("[]".to_owned(), ""),
        ("null".to_owned(), ""),
        ("{}".to_owned(), "model"),
        (r#"{"model":"haiku","model":"haiku","max_tokens":1,"messages":[]}"#.to_owned(), "model"),
        (r#"{"model":"haiku","max_tokens":1,"messages":[]}"#.to_owned(), "messages"),
        (r#"{"model":"haiku","max_tokens":1,"messages":[{"role":"user","content":" "}]}"#.to_owned(), "messages"),
        (r#"{"model":"haiku","max_tokens":1,"messages":[{"role":"user"}]}"#.to_owned(), "messages[0]"),
        (r#"{"model":"haiku","max_tokens":1,"messages":[{"content":"x"}]}"#.to_owned(), "messages[0]"),
        (r#"{"model":"haiku","max_tokens":1,"messages":[["user","x"]]}"#.to_owned(), "messages[0]"),
        (
            r#"{"model":"haiku","max_tokens":1,"messages":[{"role":"tool","content":"x"}]}"#.to_owned(),
            "messages[0].role",
        ),
        (saying(r#"[{"text":"x"}]"#), "messages[0].content[0]"),
        (saying("1e400"), "messages[0].content"),
        (saying(&nested(100)), "messages[0].content[0].content[0].content"),
        (saying(&call(&deep(10_000))), "messages[0].content[0].input"),
        (
            with(&format!(r#""tools":[{{"name":"x","input_schema":{{"a":{}}}}}]"#, deep(10_000))),
            "tools[0].input_schema",
        ),
    ];
    for (body, path) in table {
        let (told, _) = refusal(&body);
        assert!(told.starts_with(path), "{:.80}: {told:?}, not {path:?}", body);
        assert_eq!(told.is_empty(), path.is_empty(), "{:.80}: {told:?}", body);
    }
    assert!(refusal(&saying(&deep(10_000))).0.starts_with("messages[0].content[0][0]"));
    assert!(refusal(&saying("[}")).1.contains("line 1 column"));
}

#[test]
fn deep_and_huge_values_that_nobody_reads_do_no_harm() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    decode(&with(&format!(r#""a_future_field":{deep},"cache_control":1e999"#))).unwrap();
    let body = saying(&format!(r#"[{{"type":"new","value":{deep}}}]"#));
    assert_eq!(decode(&body).unwrap().messages[0].parts.len(), 1);
}

#[test]
fn an_error_never_repeats_a_long_string() {
    let long = "a".repeat(1 << 20);
    let (_, text) = refusal(&saying(&format!(r#"[{{"type":"image","source":"{long}"}}]"#)));
    assert!(text.len() < 1000, "{} bytes", text.len());
    let error = decode(&with(r#""x":0"#).replace("claude-opus-5-5", &long)).unwrap_err();
    assert!(error.text().len() < 1000);
    let (_, text) = refusal(&with(&format!(r#""tools":[{{"type":"{long}"}}]"#)));
    assert!(text.len() < 1000);
}

#[test]
fn invalid_utf8_is_refused_and_lone_surrogates_are_mended_before() {
    let error = anthropic::decode(b"{\"model\":\"\xff\"}", &Given::of(NO_HEADERS)).unwrap_err();
    assert_eq!((error.kind(), error.path()), (Kind::Invalid, Some("")));
    let mut body = saying(r#""cut \ud83d""#).into_bytes();
    json::mend_surrogates(&mut body);
    let turn = anthropic::decode(&body, &Given::of(NO_HEADERS)).unwrap();
    assert_eq!(shown(&turn.messages[0].parts), ["text cut \u{fffd}"]);
}
