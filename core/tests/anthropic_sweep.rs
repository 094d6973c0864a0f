//! Every field of a full Messages request, replaced by every wrong type: accepted for a stated reason, or
//! refused with a path that names the field.
#![recursion_limit = "512"]

mod sweep_support;

use kiro2api_core::dialect::{Given, anthropic};
use serde_json::{Value, json};
use sweep_support::{is_explained, kind_of, path_of, pointers, refused_at, type_first, wrong_values};

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn full() -> Value {
    json!({
        "model": "claude-sonnet-4-5",
        "max_tokens": 1024,
        "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
        "metadata": {"user_id": "someone"},
        "stop_sequences": ["END"],
        "stream": true,
        "temperature": 0.5, "top_p": 0.9, "top_k": 5,
        "service_tier": "auto", "speed": "fast", "inference_geo": "us",
        "thinking": {"type": "enabled", "budget_tokens": 2048, "display": "summarized"},
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "context_management": {"edits": [
            {"type": "clear_thinking_20251015", "keep": "all"},
            {"type": "clear_tool_uses_20250919", "trigger": {"type": "tool_uses", "value": 5},
             "keep": {"type": "tool_uses", "value": 1}, "exclude_tools": ["read"], "clear_tool_inputs": true},
        ]},
        "tool_choice": {"type": "tool", "name": "read", "disable_parallel_tool_use": true},
        "tools": [
            {"name": "read", "description": "reads", "input_schema": {"type": "object"}, "defer_loading": true},
            {"type": "web_search_20250305", "name": "web_search"},
        ],
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "system", "content": [{"type": "text", "text": "a reminder"}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "Eq"},
                {"type": "redacted_thinking", "data": "AbC="},
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
                {"type": "web_search_tool_result", "tool_use_id": "s",
                 "content": [{"type": "web_search_result", "title": "t", "url": "u"}]},
                {"type": "tool_use", "id": "a", "name": "read", "input": {"path": "/x"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a", "is_error": false, "content": [
                    {"type": "text", "text": "done"},
                    {"type": "tool_reference", "tool_name": "read"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                ]},
                {"type": "document", "title": "t", "context": "c",
                 "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="}},
                {"type": "document", "source": {"type": "text", "data": "plain"}},
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "in"}]}},
                {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "r"}]},
                {"type": "mcp_tool_result", "is_error": false, "content": "m"},
            ]},
        ],
    })
}

/// What may hold another type than the full request has, and why. `[*]` is any index.
const ACCEPTED: &[(&str, &[&str], &str)] = &[
    ("system", &["string", "null", "array"], "a string, blocks, or nothing at all"),
    ("system[*]", &["string"], "bare strings stand for text blocks"),
    ("system[*].cache_control", &["any"], "has no effect, so it is not read"),
    ("system[*].cache_control.type", &["any"], "has no effect, so it is not read"),
    ("messages[*].content", &["string", "null", "array"], "a string, blocks, or nothing at all"),
    ("messages[*].content[*]", &["string", "array"], "bare strings and nested lists occur"),
    ("messages[*].content[*].content", &["string", "null", "array"], "a string, blocks, or nothing at all"),
    ("messages[*].content[*].content[*]", &["string", "array"], "bare strings and nested lists occur"),
    ("messages[*].content[*].source.content", &["string", "array"], "a string or blocks"),
    ("messages[*].content[*].source.content[*]", &["string", "array"], "bare strings and nested lists occur"),
    ("messages[*].content[*].input", &["any"], "a call's input is the tool's affair"),
    ("messages[*].content[*].input.path", &["any"], "a call's input is the tool's affair"),
    ("messages[*].content[*].input.query", &["any"], "a call's input is the tool's affair"),
    ("tools[*].input_schema.type", &["any"], "a schema is kept as it came"),
    ("context_management.edits[1].clear_tool_inputs", &["any"], "a list of tools, which is not told apart"),
    ("messages[2].content[3].content", &["boolean", "number", "object"], "a server tool's result of any shape is told"),
    (
        "messages[2].content[3].content[*]",
        &["null", "boolean", "number"],
        "a server tool's result of any shape is told",
    ),
    ("messages[3].content[5].content", &["boolean", "number", "object"], "a server tool's result of any shape is told"),
];

/// Fields that may be null, which means absent.
const OPTIONAL: &[&str] = &[
    "metadata",
    "metadata.user_id",
    "stop_sequences",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "service_tier",
    "speed",
    "inference_geo",
    "thinking",
    "thinking.budget_tokens",
    "thinking.display",
    "output_config",
    "output_config.effort",
    "context_management",
    "context_management.edits",
    "context_management.edits[*].keep",
    "context_management.edits[1].trigger",
    "context_management.edits[1].exclude_tools",
    "output_config.format",
    "tool_choice",
    "tool_choice.disable_parallel_tool_use",
    "tools[*].description",
    "tools[*].input_schema",
    "tools[*].defer_loading",
    "messages[*].content[*].signature",
    "messages[*].content[*].is_error",
    "messages[*].content[*].title",
    "messages[*].content[*].context",
    "messages[*].content[*].source.media_type",
    "messages[*].content[*].content[*].source.media_type",
    // History of server tools becomes text: only what makes it readable is read.
    "messages[2].content[2].id",
    "messages[2].content[3].tool_use_id",
    "messages[2].content[3].content[*].title",
    "messages[2].content[3].content[*].type",
    "messages[2].content[3].content[*].url",
    "messages[3].content[4].source",
    // A server tool is known by its type; without a type the tool is a custom one.
    "tools[1].name",
    "tools[1].type",
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
            // Objects with `type` first are read on the way, others after the fact: both must agree.
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
                        // Without tools the choice of one is what is wrong.
                        let follows = path == "tools" && named == "tool_choice.name";
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
    assert!(refused > 400 && accepted > 100, "{refused} refused, {accepted} accepted");
}

#[test]
fn the_full_request_itself_is_accepted() {
    assert_eq!(outcome(&full().to_string()), Ok(()));
    assert_eq!(outcome(&type_first(&full())), Ok(()));
}

/// `Ok`, or the path of the invalid field.
fn outcome(body: &str) -> Result<(), String> {
    refused_at(anthropic::decode(body.as_bytes(), &Given::of(&Vec::new())))
}
