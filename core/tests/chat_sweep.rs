//! Every field of a full Chat Completions request, replaced by every wrong type: accepted for a stated reason, or
//! refused with a path that names the field.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![recursion_limit = "512"]

mod sweep_support;

use kiro2api_core::dialect::{Api, Given, decode};
use serde_json::{Value, json};
use sweep_support::{is_explained, kind_of, path_of, pointers, refused_at, type_first, wrong_values};

fn full() -> Value {
    let png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    json!({
        "model": "claude-sonnet-4-5",
        "max_tokens": 1024, "max_completion_tokens": 512,
        "n": 2, "stop": ["END"], "stream": true,
        "stream_options": {"include_usage": true, "include_obfuscation": false},
        "reasoning_effort": "low", "parallel_tool_calls": false,
        "prompt_cache_key": "k", "user": "u", "safety_identifier": "s",
        "logprobs": false, "top_logprobs": 0, "modalities": ["text"], "store": true,
        "temperature": 0.5, "top_p": 0.9, "seed": 7, "frequency_penalty": 0.1, "presence_penalty": 0.1,
        "logit_bias": {"x": 1}, "metadata": {"a": "b"}, "service_tier": "auto", "verbosity": "low",
        "prediction": {"type": "content", "content": "x"}, "web_search_options": {"search_context_size": "low"},
        "response_format": {"type": "json_schema",
            "json_schema": {"name": "a", "description": "d", "strict": true, "schema": {"type": "object"}}},
        "tool_choice": {"type": "function", "function": {"name": "read"}},
        "tools": [
            {"type": "function", "function": {"name": "read", "description": "reads", "strict": false,
                "parameters": {"type": "object"}}},
            {"type": "custom", "custom": {"name": "sql", "description": "d",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: X"}}}},
        ],
        "messages": [
            {"role": "system", "content": "be kind", "name": "n"},
            {"role": "developer", "content": [{"type": "text", "text": "be brief"}]},
            {"role": "user", "name": "ann", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{png}"), "detail": "low"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QUJD"}},
            ]},
            {"role": "assistant", "content": "ok", "refusal": "no", "reasoning_content": "hm", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "read", "arguments": "{\"path\":\"/x\"}"}},
                {"id": "b", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}},
            ]},
            {"role": "tool", "tool_call_id": "a", "content": "done"},
            {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "1"}]},
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "done"},
        ],
    })
}

/// What may hold another type than the full request has, and why. `[*]` is any index.
const ACCEPTED: &[(&str, &[&str], &str)] = &[
    ("stop", &["string"], "one text or several"),
    ("messages[*].content", &["string", "array"], "a string or parts; empty ones are kept"),
    ("messages[*].tool_calls[*].function.arguments", &["object"], "some clients send the object itself"),
    ("messages[*].function_call.arguments", &["object"], "some clients send the object itself"),
    ("messages[*].tool_calls", &["array"], "no calls at all"),
    ("tools[*].function.parameters.type", &["any"], "a schema is kept as it came"),
    ("logit_bias.x", &["any"], "has no effect, so it is not read"),
    ("metadata.a", &["any"], "has no effect, so it is not read"),
    ("prediction.type", &["any"], "has no effect, so it is not read"),
    ("prediction.content", &["any"], "has no effect, so it is not read"),
    ("web_search_options.search_context_size", &["any"], "has no effect, so it is not read"),
    ("tool_choice", &["string"], "a mode"),
];

/// Fields that may be null, which means absent.
const OPTIONAL: &[&str] = &[
    "max_tokens",
    "max_completion_tokens",
    "n",
    "stop",
    "stream_options",
    "stream_options.include_usage",
    "stream_options.include_obfuscation",
    "reasoning_effort",
    "parallel_tool_calls",
    "prompt_cache_key",
    "user",
    "safety_identifier",
    "logprobs",
    "top_logprobs",
    "modalities",
    "store",
    "temperature",
    "top_p",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "metadata",
    "service_tier",
    "verbosity",
    "prediction",
    "web_search_options",
    "response_format",
    "response_format.json_schema.name",
    "response_format.json_schema.description",
    "response_format.json_schema.strict",
    "response_format.json_schema.schema",
    "tool_choice",
    "tools[*].function.description",
    "tools[*].function.strict",
    "tools[*].function.parameters",
    "tools[*].custom.description",
    "tools[*].custom.format",
    "messages[*].name",
    "messages[*].content",
    "messages[*].content[*].image_url.detail",
    "messages[*].content[*].file.filename",
    "messages[*].refusal",
    "messages[*].reasoning_content",
    "messages[*].tool_calls",
    "messages[*].tool_calls[*].type",
    "messages[*].tool_calls[*].function.arguments",
    "messages[*].function_call",
    "messages[*].function_call.arguments",
];

#[test]
fn every_field_of_every_wrong_type_is_accepted_for_a_reason_or_named() {
    let (mut refused, mut accepted) = (0, 0);
    let mut unexplained = Vec::new();
    assert_eq!(outcome(&full().to_string()), Ok(()));
    for pointer in pointers(&full(), String::new()) {
        for wrong in wrong_values() {
            let mut body = full();
            let field = body.pointer_mut(&pointer).unwrap();
            if kind_of(field) == kind_of(&wrong) {
                continue;
            }
            *field = wrong.clone();
            let path = path_of(&pointer);
            let told = outcome(&body.to_string());
            assert_eq!(told, outcome(&type_first(&body)), "the order of members matters");
            match told {
                Ok(()) => {
                    accepted += 1;
                    if !is_explained(&path, kind_of(&wrong), ACCEPTED, OPTIONAL) {
                        unexplained.push(format!("{path} = {wrong} is accepted"));
                    }
                }
                Err(named) => {
                    refused += 1;
                    // Without it, what belongs to it is looked for beside it.
                    let beside = [
                        ("tools", "tool_choice.function.name"),
                        ("stream", "stream_options"),
                        ("tool_choice.function", "tool_choice.name"),
                        ("messages[3].tool_calls[1].type", "messages[3].tool_calls[1].function"),
                        ("tools[1].custom.format.grammar", "tools[1].custom.format.syntax"),
                    ];
                    let follows = beside.contains(&(&path, &named));
                    if !(follows || path.starts_with(named.as_str()) || named.starts_with(&path)) {
                        unexplained.push(format!("{path} = {wrong} is refused at {named:?}"));
                    }
                }
            }
        }
    }
    assert!(unexplained.is_empty(), "\n{}\n", unexplained.join("\n"));
    assert!(refused > 400 && accepted > 50, "{refused} refused, {accepted} accepted");
}

/// `Ok`, or the path of the invalid field.
fn outcome(body: &str) -> Result<(), String> {
    refused_at(decode(Api::Chat, body.as_bytes(), &Given::of(&Vec::new())))
}
