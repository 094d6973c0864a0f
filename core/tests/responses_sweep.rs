//! Every field of a full Responses request, replaced by every wrong type: accepted for a stated reason, or refused with
//! a path that names the field. And bodies that are no requests at all.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failing test panics")]
#![recursion_limit = "512"]

mod responses_support;
mod sweep_support;

use kiro2api_core::Kind;
use kiro2api_core::dialect::{Given, responses};
use responses_support::PNG;
use serde_json::{Value, json};
use sweep_support::{is_explained, kind_of, path_of, pointers, refused_at, type_first, wrong_values};

fn full() -> Value {
    json!({
        "model": "claude-sonnet-4-5",
        "instructions": "be kind",
        "stream": true, "store": false, "background": false,
        "max_output_tokens": 1024, "max_tool_calls": 3, "parallel_tool_calls": true,
        "temperature": 0.5, "top_p": 0.9, "top_logprobs": 0,
        "service_tier": "auto", "user": "someone", "prompt_cache_key": "key", "safety_identifier": "s",
        "truncation": "auto",
        "metadata": {"a": "b"}, "stream_options": {"include_obfuscation": false},
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "low", "summary": "auto", "generate_summary": "auto"},
        "text": {"verbosity": "low", "format":
            {"type": "json_schema", "name": "n", "description": "d", "strict": true, "schema": {"type": "object"}}},
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "read"}]},
        "tools": [
            {"type": "function", "name": "read", "description": "reads", "strict": false, "parameters": {"type": "object"}},
            {"type": "custom", "name": "exec", "description": "runs", "format":
                {"type": "grammar", "syntax": "lark", "definition": "start: x"}},
            {"type": "namespace", "name": "ns", "description": "more", "tools": [{"type": "function", "name": "wait"}]},
        ],
        "input": [
            {"type": "additional_tools", "tools": [{"type": "function", "name": "late"}]},
            {"type": "message", "role": "developer", "content": "be short"},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "hi"},
                {"type": "input_image", "image_url": format!("data:image/png;base64,{PNG}"), "detail": "low"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"},
            ]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}],
             "content": [{"type": "reasoning_text", "text": "so"}], "encrypted_content": "x"},
            {"type": "message", "role": "assistant", "content": [
                {"type": "output_text", "text": "hello"}, {"type": "refusal", "refusal": "no"}]},
            {"type": "function_call", "call_id": "a", "name": "read", "namespace": "ns", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "b", "name": "exec", "input": "x"},
            {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "done"}]},
            {"type": "custom_tool_call_output", "call_id": "b", "output": "done"},
        ],
    })
}

/// What may hold another type than the full request has, and why. `[*]` is any index.
const ACCEPTED: &[(&str, &[&str], &str)] = &[
    ("input", &["string"], "a text or items"),
    ("input[*].content", &["string", "array"], "a text or parts"),
    ("input[*].summary", &["string"], "a text or parts"),
    ("input[*].output", &["string", "array"], "a text or parts"),
    ("input[*].content[*]", &["string"], "bare strings stand for text parts"),
    ("input[*].summary[*]", &["string"], "bare strings stand for text parts"),
    ("input[*].output[*]", &["string"], "bare strings stand for text parts"),
    ("input[*].arguments", &["string", "object"], "some clients send the object itself"),
    ("metadata.a", &["any"], "has no effect, so it is not read"),
    ("stream_options.include_obfuscation", &["any"], "has no effect, so it is not read"),
    ("tools[*].parameters.type", &["any"], "a schema is kept as it came"),
    ("text.format.schema.type", &["any"], "a schema is kept as it came"),
];

/// Fields that may be null, which means absent.
const OPTIONAL: &[&str] = &[
    "instructions",
    "stream",
    "store",
    "background",
    "max_output_tokens",
    "max_tool_calls",
    "parallel_tool_calls",
    "temperature",
    "top_p",
    "top_logprobs",
    "service_tier",
    "user",
    "prompt_cache_key",
    "safety_identifier",
    "truncation",
    "metadata",
    "stream_options",
    "include",
    "reasoning",
    "reasoning.effort",
    "reasoning.summary",
    "reasoning.generate_summary",
    "text",
    "text.verbosity",
    "text.format",
    "text.format.name",
    "text.format.description",
    "text.format.strict",
    "text.format.schema",
    "tool_choice",
    "tools[*].description",
    "tools[*].strict",
    "tools[*].parameters",
    "tools[*].format",
    "input[*].tools",
    "input[*].content",
    "input[*].summary",
    "input[*].encrypted_content",
    "input[*].output",
    "input[*].arguments",
    "input[*].namespace",
    "input[*].content[*].detail",
    "input[*].content[*].filename",
    // A role says enough.
    "input[*].type",
];

#[test]
fn every_field_of_every_wrong_type_is_accepted_for_a_reason_or_named() {
    let (mut refused, mut accepted) = (0, 0);
    let mut unexplained = Vec::new();
    for pointer in pointers(&full(), String::new()) {
        for wrong in wrong_values() {
            let mut body = full();
            let field = body.pointer_mut(&pointer).unwrap();
            if kind_of(field) == kind_of(&wrong) {
                continue;
            }
            *field = wrong.clone();
            let path = path_of(&pointer);
            match [type_first(&body), body.to_string()].map(|body| outcome(&body)) {
                [Ok(()), Ok(())] => {
                    accepted += 1;
                    if !is_explained(&path, kind_of(&wrong), ACCEPTED, OPTIONAL) {
                        unexplained.push(format!("{path} = {wrong} is accepted"));
                    }
                }
                [Err(first), Err(second)] => {
                    refused += 1;
                    for named in [first, second] {
                        // Without tools the choice among them is what is wrong.
                        let follows = path == "tools" && named.starts_with("tool_choice");
                        if !(follows || path.starts_with(named.as_str()) || named.starts_with(&path)) {
                            unexplained.push(format!("{path} = {wrong} is refused at {named:?}"));
                        }
                    }
                }
                differ => unexplained.push(format!("{path} = {wrong}: the order of members matters: {differ:?}")),
            }
        }
    }
    assert!(unexplained.is_empty(), "\n{}\n", unexplained.join("\n"));
    assert!(refused > 400 && accepted > 40, "{refused} refused, {accepted} accepted");
}

#[test]
fn the_full_request_itself_is_accepted() {
    assert_eq!(outcome(&full().to_string()), Ok(()));
    assert_eq!(outcome(&type_first(&full())), Ok(()));
}

#[test]
fn bodies_that_are_no_requests_are_refused() {
    for body in ["", " ", "null", "[]", "7", "\"x\"", "{", "{\"model\"", "\u{feff}{}", "{\"model\":\"m\"}}"] {
        assert!(outcome(body).is_err(), "{body}");
    }
    let headers = Vec::new();
    let error = responses::decode(b"{\"model\":\"\xff\"}", &Given::of(&headers)).unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
}

#[test]
fn deep_huge_and_doubled_values_are_refused_by_their_path() {
    let deep = "[".repeat(50_000) + &"]".repeat(50_000);
    let request = |members: &str| format!("{{\"model\":\"claude-sonnet-4-5\",{members}}}");
    let nested = |levels: usize| "{\"a\":".repeat(levels) + "1" + &"}".repeat(levels);
    for (members, path) in [
        (
            format!(
                "\"input\":\"hi\",\"tools\":[{{\"type\":\"function\",\"name\":\"a\",\"parameters\":{}}}]",
                nested(120)
            ),
            "tools[0].parameters",
        ),
        (r#""input":"hi","max_output_tokens":1e400"#.to_owned(), "max_output_tokens"),
        (r#""input":"hi","max_output_tokens":-1"#.to_owned(), "max_output_tokens"),
        (r#""input":"hi","temperature":1e999"#.to_owned(), "temperature"),
        (r#""input":"hi","store":false,"store":false"#.to_owned(), "store"),
        (format!("\"input\":[{}]", ["1"; 3].join(",")), "input[0]"),
        (format!("\"input\":\"hi\",\"tools\":[{}]", ["1"; 2000].join(",")), "tools"),
    ] {
        assert_eq!(
            outcome(&request(&members)),
            Err(path.to_owned()),
            "{}",
            members.chars().take(80).collect::<String>()
        );
    }
    assert_eq!(outcome(&request(&format!("\"input\":{deep}"))), Err("input[0]".to_owned()));
    // What nobody reads does no harm.
    assert_eq!(outcome(&request(&format!("\"input\":\"hi\",\"unknown\":{deep}"))), Ok(()));
}

/// `Ok`, or the path of the invalid field.
fn outcome(body: &str) -> Result<(), String> {
    refused_at(responses::decode(body.as_bytes(), &Given::of(&Vec::new())))
}
